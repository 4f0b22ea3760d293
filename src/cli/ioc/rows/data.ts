/** Rows of `ioc` about what belongs to jails besides: snapshots and mounts. */
import { resolve } from 'node:path';
import type { Context } from '../../../ops/context.ts';
import type { Words } from '../../../ops/operation.ts';
import { failure } from '../../../domain/errors.ts';
import { jailAndSnapshot } from '../../../domain/jail.ts';
import { fstabChange, fstabList, type ListedMount } from '../../../ops/jail/fstab.ts';
import {
  snapshotList,
  snapshotRemove,
  snapshotRollback,
  snapshotTake,
  type ListedSnapshot,
} from '../../../ops/snapshot/snapshot.ts';
import { runOperation } from '../../../ops/run/run.ts';
import { printable } from '../../print/text.ts';
import { formatFlags, formatSpellings, lookOf, printRecords } from '../print.ts';
import { exactly, filterWords, usage, type IocRow, type Meaning } from '../row.ts';

/** The first of the words, where it says what is to be done; and the rest. */
function verbOf(verbs: readonly string[], words: Words): { verb: string | undefined; rest: Words } {
  const [first] = words.positionals;
  const verb = first !== undefined && verbs.includes(first) ? first : undefined;
  return { verb, rest: verb === undefined ? words : { ...words, positionals: words.positionals.slice(1) } };
}

function named(words: Words): { jail: string; snapshot?: string } {
  const [word] = exactly('snapshot', words, 'JAIL@SNAPSHOT');
  const { jail, snapshot } = jailAndSnapshot(word!);
  return { jail, ...(snapshot === undefined ? {} : { snapshot }) };
}

function withSnapshot(words: Words): { jail: string; snapshot: string } {
  const { jail, snapshot } = named(words);
  if (snapshot === undefined) throw usage('snapshot', 'missing snapshot: JAIL@SNAPSHOT');
  return { jail, snapshot };
}

const snapshot: IocRow = {
  name: 'snapshot',
  title: 'List, take, remove or go back to snapshots of a jail',
  usage: 'list JAIL | [create] JAIL@SNAPSHOT | remove JAIL@SNAPSHOT | rollback [-f] JAIL@SNAPSHOT | JAIL',
  places: 'JAIL@SNAPSHOT|list|create|remove|rollback JAIL@SNAPSHOT',
  about:
    'A snapshot is of the jail with all its datasets. JAIL alone lists, JAIL@SNAPSHOT alone takes one. Going back loses what came after the snapshot, newer snapshots too: it asks, and needs -f for newer ones; the jail must be down.',
  spellings: formatSpellings,
  flags: [
    { key: 'force', flags: '-f, --force', doc: 'do not ask; with rollback also when newer snapshots go' },
    { key: 'yes', flags: '-y, --yes', doc: 'answer the question with yes, and nothing more' },
    // -f is taken here.
    ...formatFlags.map((flag) => ({ ...flag, flags: flag.flags.replace(/^-f, /, '') })),
  ],
  examples: [
    { line: 'ioc snapshot create web@before', says: 'takes one' },
    { line: 'ioc snapshot list web', says: 'oldest first' },
    { line: 'ioc snapshot rollback web@before', says: 'asks, and goes back to it' },
  ],
  means(words): Meaning {
    const { verb = words.positionals[0]?.includes('@') ? 'create' : 'list', rest } = verbOf(
      ['list', 'create', 'remove', 'rollback'],
      words,
    );
    const force = words.flags['force'] === true;
    if (verb === 'create') return { operation: snapshotTake, inputs: () => [withSnapshot(rest)] };
    if (verb === 'remove')
      return { operation: snapshotRemove, inputs: () => [{ ...withSnapshot(rest), force }] };
    if (verb === 'rollback')
      return { operation: snapshotRollback, inputs: () => [{ ...withSnapshot(rest), force }] };
    const { jail, snapshot: extra } = named(rest);
    if (extra !== undefined) throw usage('snapshot', `list takes a JAIL, not ${jail}@${extra}`);
    const look = lookOf('snapshot', words.flags);
    return {
      operation: snapshotList,
      inputs: () => [{ jail }],
      show: ({ snapshots }: { snapshots: readonly ListedSnapshot[] }) => {
        // The rows of its datasets are those of the same snapshots.
        const names = [...new Set(snapshots.map((row) => row.snapshot))];
        return printRecords('snapshot', { columns: ['name'], rows: names.map((name) => [name]) }, look);
      },
    };
  },
};

function addMount(words: Words): Meaning {
  const given = filterWords(words);
  const [source, second, third, ...more] = given;
  const destination = third === undefined ? source : second;
  const jail = third ?? second;
  if (source === undefined || jail === undefined || destination === undefined)
    throw usage('fstab', 'add takes SOURCE [DESTINATION] JAIL');
  if (more.length > 0) throw usage('fstab', `${JSON.stringify(more[0])} is too much`);
  const { type = 'nullfs', freq = '0', passno = '0', comment } = words.flags as Record<string, string>;
  const options = words.flags['readWrite'] === true ? 'rw' : ((words.flags['options'] as string) ?? 'ro');
  if (words.flags['readWrite'] === true && words.flags['options'] !== undefined)
    throw usage('fstab', '-rw and -o exclude each other');
  // A directory of the host may be named from where one stands; tmpfs is no directory.
  const from = type === 'tmpfs' ? source : resolve(source);
  const to = third === undefined ? from : resolve('/', destination);
  return {
    operation: fstabChange,
    inputs: () => [
      {
        jail,
        add: [from, to, type, options, freq, passno],
        ...(comment === undefined ? {} : { comment }),
      },
    ],
    show: () => [`${from} -> ${to} (${options})`],
  };
}

/** The first line with that source. */
async function lineOf(context: Context, jail: string, source: string): Promise<number> {
  const { result } = await runOperation(context, fstabList, { jail });
  const { mounts } = result as { mounts: readonly ListedMount[] };
  const wanted = [source, resolve(source)];
  const found = mounts.find((mount) => wanted.includes(mount.source));
  if (found === undefined)
    throw failure('NO_MATCH', {
      what: `mount of ${jail}`,
      filter: source,
      shownBy: `ioc fstab show ${jail}`,
    });
  return found.index;
}

const fstab: IocRow = {
  name: 'fstab',
  title: 'Show and change what a jail mounts',
  usage: 'show JAIL | add [-rw] [-o OPTIONS] [-t TYPE] SOURCE [DESTINATION] JAIL | rm SOURCE JAIL',
  places: 'show|add|rm JAIL ...',
  about:
    'DESTINATION is a path in the jail; without one it is the same as SOURCE. Types are nullfs, a directory of the host, and tmpfs, memory. A change takes effect when the jail starts the next time.',
  spellings: { '-rw': '--read-write' },
  flags: [
    { key: 'readWrite', flags: '--read-write', doc: 'the jail may write there; also -rw' },
    { key: 'options', flags: '-o, --options <options>', doc: 'mount options (ro)' },
    { key: 'type', flags: '-t, --type <type>', doc: 'type (nullfs)' },
    { key: 'freq', flags: '--freq <n>', doc: 'the fifth field (0)' },
    { key: 'passno', flags: '--passno <n>', doc: 'the sixth field (0)' },
    { key: 'comment', flags: '-c, --comment <text>', doc: 'a remark above the line' },
  ],
  examples: [
    { line: 'ioc fstab add /srv/www /mnt/www web', says: 'read-only' },
    { line: 'ioc fstab add -rw /srv/data web', says: 'at the same place in the jail, to write' },
    { line: 'ioc fstab show web', says: 'the file' },
    { line: 'ioc fstab rm /srv/www web', says: 'takes the line away' },
  ],
  means(words): Meaning {
    const { verb, rest } = verbOf(['show', 'add', 'rm'], words);
    if (verb === 'add') return addMount(rest);
    if (verb === 'rm') {
      const [source, jail] = exactly('fstab', rest, 'SOURCE', 'JAIL');
      return {
        operation: fstabChange,
        inputs: async (context) => {
          const name = jail!;
          return [{ jail: name, remove: [String(await lineOf(context, name, source!))] }];
        },
        show: () => [`${source!} removed`],
      };
    }
    if (verb === undefined) throw usage('fstab', 'one of show, add and rm comes first');
    const [jail] = exactly('fstab', rest, 'JAIL');
    return {
      operation: fstabList,
      inputs: () => [{ jail: jail! }],
      show: ({ text }: { text: string }) =>
        text === '' ? [] : text.replace(/\n$/, '').split('\n').map(fileLine),
    };
  },
};

/** As it is, but for what would move a terminal's cursor. */
const fileLine = (line: string): string => line.split('\t').map(printable).join('\t');

export const dataRows: readonly IocRow[] = [snapshot, fstab];

/**
 * `fstab`: directories of the host in a jail, kept in the jail's file `fstab` and mounted by its start.
 * Grammar of Python iocage. A line is checked when it is added and again at each start.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, defineRead, type Words } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import {
  entryOf,
  parseEntry,
  parseFstab,
  printFstab,
  targetInJail,
  type FstabEntry,
  type FstabLine,
} from '../../domain/format/fstab.ts';
import { readWorld, toSpec } from '../world.ts';
import { rewriteFstab } from '../steps/fstab.ts';
import { jailInput, lockJail, readJail } from './select.ts';

const listInput = jailInput;

export interface ListedMount {
  readonly index: number;
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

export const fstabList = defineRead<typeof listInput, { mounts: readonly ListedMount[] }>({
  id: 'fstab.list',
  title: 'List what a jail mounts',
  input: listInput,
  async read(context, input) {
    const { jail } = await readJail(context, input.jail);
    const lines = parseFstab((await context.files.read(pathOf(jail))) ?? '');
    const entries = lines.flatMap((line) => entryOf(line) ?? []);
    return {
      mounts: entries.map(({ source, target, type, options }, index) => ({
        index,
        source,
        target,
        type,
        options: options.join(','),
      })),
    };
  },
  command: {
    names: ['fstab -l'],
    group: 'data',
    usage: 'JAIL',
    examples: [],
    toInputs: (words) => [{ jail: jailOf(words) }],
  },
});

const changeInput = jailInput.extend({
  add: z.array(z.string()).optional(),
  /** Index from 0, or the words of the line. */
  remove: z.array(z.string()).optional(),
});

function pathOf(jail: Jail): string {
  if (jail.mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset: jail.dataset });
  return join(jail.mountpoint, 'fstab');
}

function jailOf(words: Words): string {
  const [jail, ...more] = words.positionals;
  if (jail === undefined || more.length > 0)
    throw failure('USAGE', {
      problem: jail === undefined ? 'missing UUID' : 'one jail, please',
      command: 'fstab',
    });
  return jail;
}

/** Six words, one text of six, or one path for the same place in the jail, read-only. */
function toEntry(words: readonly string[], root: string): FstabEntry {
  const text = words.length === 1 ? words[0]! : '';
  const fields = words.length === 1 && /\s/.test(text.trim()) ? undefined : words;
  const entry: FstabEntry | undefined =
    fields === undefined
      ? parseEntry(text)
      : fields.length === 1
        ? { source: text, target: text, type: 'nullfs', options: ['ro'], dump: '0', pass: '0' }
        : fields.length === 6 && /^\d$/.test(fields[4]!) && /^\d$/.test(fields[5]!)
          ? {
              source: fields[0]!,
              target: fields[1]!,
              type: fields[2]!,
              options: fields[3]!.split(','),
              dump: fields[4]!,
              pass: fields[5]!,
            }
          : undefined;
  if (entry === undefined)
    throw failure('USAGE', {
      problem: 'a line of fstab has six fields: SOURCE TARGET TYPE OPTIONS DUMP PASS',
      command: 'fstab',
    });
  if (
    [entry.source, entry.target, entry.type, ...entry.options].some((field) =>
      /[\u0000-\u001f\u007f]/.test(field),
    )
  )
    throw failure('USAGE', { problem: 'a line of fstab holds no control characters', command: 'fstab' });
  if (!entry.target.startsWith('/'))
    throw failure('USAGE', {
      problem: `target ${JSON.stringify(entry.target)} is no absolute path`,
      command: 'fstab',
    });
  return entry.target === root || entry.target.startsWith(`${root}/`)
    ? entry
    : { ...entry, target: root + entry.target };
}

function indexOf(lines: readonly FstabLine[], words: readonly string[], root: string): number {
  const mounting = lines.flatMap((line, at) => (entryOf(line) ? [at] : []));
  const [word = ''] = words;
  if (words.length === 1 && /^\d{1,4}$/.test(word)) return mounting[Number(word)] ?? -1;
  const wanted = toEntry(words, root);
  return lines.findIndex((line) => {
    const entry = entryOf(line);
    return entry !== undefined && entry.source === wanted.source && entry.target === wanted.target;
  });
}

export const fstabChange = defineChange<typeof changeInput, { mounts: number }>({
  id: 'fstab.change',
  title: 'Mount directories of the host in a jail',
  effect: 'change',
  recover: 'undo',
  input: changeInput,
  locks: lockJail,
  async plan(context, { jail: name, add, remove }) {
    const world = await readWorld(context);
    const { jail } = await readJail(context, name);
    const spec = toSpec(world, jail);
    const path = pathOf(jail);
    const before = await context.files.read(path);
    const lines = [...parseFstab(before ?? '')];
    if (remove !== undefined) {
      const at = indexOf(lines, remove, spec.root);
      if (at < 0)
        throw failure('INVALID_INPUT', {
          issues: [
            { path: 'fstab', problem: `jail ${label(jail)} has no line ${JSON.stringify(remove.join(' '))}` },
          ],
        });
      lines.splice(at, 1);
    }
    if (add !== undefined) {
      const entry = toEntry(add, spec.root);
      const places = { iocage: world.mountpoint, root: spec.root };
      const same = lines.some((line) => {
        const other = entryOf(line);
        return (
          other !== undefined && targetInJail(other.target, places) === targetInJail(entry.target, places)
        );
      });
      const problem = same
        ? `target ${JSON.stringify(entry.target)} is mounted already`
        : await context.host.mountProblem(spec, entry);
      if (problem !== undefined) throw failure('INVALID_INPUT', { issues: [{ path: 'fstab', problem }] });
      const time = context.clock.now().toISOString().slice(0, 19).replace('T', ' ');
      lines.push({ entry: { comment: `Added by iocage on ${time}`, ...entry } });
    }
    return {
      subject: label(jail),
      title: `Changing the mounts of ${label(jail)}`,
      steps: [rewriteFstab({ path, before: before ?? null, after: printFstab(lines) })],
      result: () => ({ mounts: lines.filter((line) => entryOf(line)).length }),
    };
  },
  command: {
    names: ['fstab'],
    group: 'data',
    usage: '-a JAIL SOURCE TARGET TYPE OPTIONS DUMP PASS | -r JAIL INDEX | -l JAIL',
    flags: [
      {
        key: 'add',
        flags: '-a, --add',
        doc: 'add a line: six fields, or one path, which is mounted read-only',
      },
      { key: 'remove', flags: '-r, --remove', doc: 'remove a line, by its index or its fields' },
      { key: 'list', flags: '-l, --list', doc: 'list the lines' },
    ],
    about:
      'TARGET is a path in the jail. Types: nullfs (or bind) and tmpfs. A change takes effect when the jail starts the next time.',
    examples: [
      {
        line: 'iocage fstab -a web /srv/www /mnt/www nullfs ro 0 0',
        says: '/srv/www of the host, read-only',
      },
      { line: 'iocage fstab -l web', says: 'all lines with their index' },
      { line: 'iocage fstab -r web 0', says: 'the first one goes' },
    ],
    instead: (words) => (words.flags['list'] === true ? fstabList : undefined),
    toInputs(words) {
      const [jail, ...fields] = words.positionals;
      // `size=64m` in a field looks like an assignment; such a word is the options, or the whole line.
      const assigned = words.properties.map((pair) => pair.join('='));
      fields.splice(fields.length === 0 ? 0 : 3, 0, ...assigned);
      const { add, remove } = words.flags;
      if (jail === undefined || fields.length === 0 || (add === true) === (remove === true))
        throw failure('USAGE', { problem: 'fstab takes -a, -r or -l, a jail and a line', command: 'fstab' });
      return [{ jail, [add === true ? 'add' : 'remove']: fields }];
    },
  },
});

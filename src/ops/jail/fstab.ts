/**
 * `fstab`: directories of the host in a jail, kept in the jail's file `fstab` and mounted by its start.
 * Grammar of Python iocage. A line is checked when it is added and again at each start.
 */
import * as z from 'zod';
import { defineChange, defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import {
  entryOf,
  isUnread,
  parseEntry,
  parseFstab,
  printFstab,
  sizeProblem,
  textProblem,
  targetInJail,
  type FstabEntry,
  type FstabLine,
} from '../../domain/format/fstab.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { rewriteFstab } from '../steps/fstab.ts';
import { fstabEditWith, jailOf, pathOf } from './fstab-edit.ts';
import { jailInput, lockJail, readJail } from './select.ts';
import { tellSharedFolders } from './shared-folders.ts';

const listInput = jailInput;

export interface ListedMount {
  readonly index: number;
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
}

export const fstabList = defineRead<
  typeof listInput,
  {
    mounts: readonly ListedMount[];
    /** The file as it is. */
    text: string;
  }
>({
  id: 'fstab.list',
  title: 'List what a jail mounts',
  input: listInput,
  async read(context, input) {
    const { jail } = await readJail(context, input.jail);
    const text = (await context.files.read(pathOf(jail))) ?? '';
    const entries = parseFstab(text).flatMap((line) => entryOf(line) ?? []);
    return {
      text,
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
  /** With `add`: the remark above the line; default: when it was added. */
  comment: z
    .string()
    .regex(/^[^\u0000-\u001f\u007f]{1,200}$/, 'is one line of at most 200 characters')
    .optional(),
  /** With `add`: the line at this index becomes that one. */
  replace: z.number().int().min(0).optional(),
  /** The whole file, for the one that was read before. */
  text: z.object({ before: z.string(), after: z.string() }).optional(),
});

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

function refusedLine(problem: string) {
  return failure('INVALID_INPUT', { issues: [{ path: 'fstab', problem }] });
}

function assertSize(text: string): void {
  const problem = sizeProblem(text);
  if (problem !== undefined) throw refusedLine(problem);
}

/** @throws INVALID_INPUT when there is no such line */
function indexOf(lines: readonly FstabLine[], words: readonly string[], root: string, jail: string): number {
  const mounting = lines.flatMap((line, at) => (entryOf(line) ? [at] : []));
  const [word = ''] = words;
  const byNumber = words.length === 1 && /^\d{1,4}$/.test(word);
  const wanted = byNumber ? undefined : toEntry(words, root);
  const found = byNumber
    ? mounting[Number(word)]
    : mounting.find((at) => {
        const { source, target } = entryOf(lines[at]!)!;
        return source === wanted!.source && target === wanted!.target;
      });
  if (found === undefined) throw refusedLine(`jail ${jail} has no line ${JSON.stringify(words.join(' '))}`);
  return found;
}

function takenTarget(
  entry: FstabEntry,
  others: readonly FstabLine[],
  world: World,
  { root }: JailSpec,
): string | undefined {
  const places = { iocage: world.mountpoint, root };
  const target = targetInJail(entry.target, places);
  const same = others.some((line) => {
    const other = entryOf(line);
    return other !== undefined && targetInJail(other.target, places) === target;
  });
  return same ? `target ${JSON.stringify(entry.target)} is mounted already` : undefined;
}

/** Of a file that was edited as a whole: the first line that could not be mounted. */
async function firstProblem(
  context: Context,
  world: World,
  spec: JailSpec,
  lines: readonly FstabLine[],
): Promise<string | undefined> {
  for (const [at, line] of lines.entries()) {
    const entry = entryOf(line);
    const problem = isUnread(line)
      ? 'it has not six fields: SOURCE TARGET TYPE OPTIONS DUMP PASS'
      : entry &&
        (takenTarget(entry, lines.slice(0, at), world, spec) ??
          (await context.host.mountProblem(spec, entry)));
    if (problem !== undefined) return `line ${at + 1}: ${problem}`;
  }
  return undefined;
}

export const fstabChange = defineChange<typeof changeInput, { mounts: number }>({
  id: 'fstab.change',
  title: 'Mount directories of the host in a jail',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: changeInput,
  locks: lockJail,
  async plan(context, { jail: name, add, remove, replace, text, comment }) {
    const { world, jail } = await readJail(context, name);
    const spec = toSpec(world, jail);
    const path = pathOf(jail);
    const before = await context.files.read(path);
    if (text !== undefined && text.before !== (before ?? ''))
      throw refusedLine(`the file was changed by somebody else meanwhile`);
    if (text !== undefined) assertSize(text.after);
    const lines = [...parseFstab(text?.after ?? before ?? '')];
    if (remove !== undefined) lines.splice(indexOf(lines, remove, spec.root, label(jail)), 1);
    if (text !== undefined) {
      const problem = await firstProblem(context, world, spec, lines);
      if (problem !== undefined) throw refusedLine(problem);
    }
    if (add !== undefined) {
      const at =
        replace === undefined ? lines.length : indexOf(lines, [String(replace)], spec.root, label(jail));
      const entry = toEntry(add, spec.root);
      const others = lines.filter((_, index) => index !== at);
      const problem =
        takenTarget(entry, others, world, spec) ?? (await context.host.mountProblem(spec, entry));
      if (problem !== undefined) throw refusedLine(problem);
      const time = context.clock.now().toISOString().slice(0, 19).replace('T', ' ');
      lines[at] = { entry: { comment: comment ?? `Added by iocage on ${time}`, ...entry } };
    }
    const after = printFstab(lines);
    const garbled = textProblem(after);
    if (garbled !== undefined) throw refusedLine(garbled);
    // One that is too long already may be made shorter.
    if (add !== undefined) assertSize(after);
    if (remove === undefined) await tellSharedFolders(context, world, jail, after);
    return {
      subject: label(jail),
      title: `Changing the mounts of ${label(jail)}`,
      steps: [rewriteFstab({ path, before: before ?? null, after })],
      result: () => ({ mounts: lines.filter((line) => entryOf(line)).length }),
    };
  },
  command: {
    names: ['fstab'],
    group: 'data',
    usage: '-a JAIL LINE | -R INDEX JAIL LINE | -r JAIL INDEX | -l JAIL | -e JAIL',
    flags: [
      {
        key: 'add',
        flags: '-a, --add',
        doc: 'add a line: six fields, or one path, which is mounted read-only',
      },
      { key: 'remove', flags: '-r, --remove', doc: 'remove a line, by its index or its fields' },
      { key: 'replace', flags: '-R, --replace <index>', doc: 'put another line in the place of this one' },
      { key: 'list', flags: '-l, --list', doc: 'list the lines' },
      {
        key: 'edit',
        flags: '-e, --edit',
        doc: 'edit the file with $EDITOR, or vi; it is checked before it counts',
      },
    ],
    about:
      'A LINE is SOURCE TARGET TYPE OPTIONS DUMP PASS; TARGET is a path in the jail. Types: nullfs (or bind) and tmpfs. A change takes effect when the jail starts the next time.',
    examples: [
      {
        line: 'iocage fstab -a web /srv/www /mnt/www nullfs ro 0 0',
        says: '/srv/www of the host, read-only',
      },
      { line: 'iocage fstab -l web', says: 'all lines with their index' },
      { line: 'iocage fstab -R 0 web /srv/new /mnt/www nullfs ro 0 0', says: 'another one in its place' },
      { line: 'iocage fstab -r web 0', says: 'the first one goes' },
    ],
    instead: ({ flags }) =>
      flags['list'] === true ? fstabList : flags['edit'] === true ? fstabEdit : undefined,
    toInputs(words) {
      const [jail, ...fields] = words.positionals;
      // `size=64m` in a field looks like an assignment; such a word is the options, or the whole line.
      const assigned = words.properties.map((pair) => pair.join('='));
      fields.splice(fields.length === 0 ? 0 : 3, 0, ...assigned);
      const { add, remove, replace } = words.flags;
      const asked = [add === true, remove === true, replace !== undefined].filter(Boolean).length;
      if (jail === undefined || fields.length === 0 || asked !== 1)
        throw failure('USAGE', {
          problem: 'fstab takes -a, -r, -R, -l or -e, a jail and a line',
          command: 'fstab',
        });
      if (replace === undefined) return [{ jail, [add === true ? 'add' : 'remove']: fields }];
      if (!/^\d{1,4}$/.test(String(replace)))
        throw failure('USAGE', {
          problem: `-R takes an index, not ${JSON.stringify(replace)}`,
          command: 'fstab',
        });
      return [{ jail, add: fields, replace: Number(replace) }];
    },
  },
});

export const fstabEdit = fstabEditWith(() => fstabChange);

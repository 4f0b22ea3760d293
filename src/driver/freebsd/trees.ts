/**
 * Trees of files by tar(1) of libarchive, find(1), mtree(8), stat(1), chflags(1), rm(1), cp(1) and sha256(1) of FreeBSD 13
 * and later. What is asked is said in `driver/trees.ts`.
 *
 * By itself that tar keeps extended attributes, access lists, marks (chflags(1)), hard links and holes, `-p` gives them
 * back, and without `-P` it writes through no link and to nothing outside.
 */
import type { Packed, Trees, TreeRun } from '../trees.ts';
import { failure } from '../../domain/errors.ts';
import { mtreeKeywords, readMtree } from '../../domain/mtree.ts';
import { nulCutter, nulLines } from '../../domain/nul-lines.ts';
import { readablePath, TreeReader } from '../../domain/tree.ts';

/** With any of these not even root removes or replaces a file. */
const unmarked = 'noschg,nosappnd,nosunlnk,nouchg,nouappnd,nouunlnk';

/** A path as a pattern of bsdtar(1): `^` only at the beginning, the rest is itself. */
const anchored = (path: string): string => `^./${path.replaceAll(/[*?[\]\\$]/g, '\\$&')}`;

function pack(
  root: string,
  { empty = [], list, only = '.', except, whole = false }: Packed = {},
): readonly string[] {
  return [
    // What it writes by itself has times of change without the parts of a second.
    ...['tar', '-c', '--format', 'pax', '--one-file-system', '--numeric-owner'],
    // A jail gets its own /dev; an import takes nothing of it.
    ...(whole ? [] : ['--exclude', '^./dev/?*']),
    ...empty.flatMap((path) => ['--exclude', `${anchored(path)}/?*`]),
    ...(except === undefined ? [] : ['-X', except]),
    ...(list === undefined ? [] : ['-n', '--null']),
    ...['-C', root, '-f', '-'],
    ...(list === undefined ? [only] : ['-T', list]),
  ];
}

function unpack(
  root: string,
  { whole = false, only, bare = false }: Pick<Packed, 'whole' | 'only' | 'bare'> = {},
): readonly string[] {
  return [
    ...['tar', '-x', '-p', '--numeric-owner'],
    // What is there of a release is marked, and is replaced all the same.
    '--clear-nochange-fflags',
    // Holes stay holes, also of an archive that has them as zeroes.
    '-S',
    // `^`: only at the beginning, or /usr/src/sys/dev would stay out too. `?`: `dev/` itself goes in.
    ...(whole ? [] : ['--exclude', '^dev/?*']),
    ...(only === undefined ? [] : ['--exclude', `^${only}/dev/?*`]),
    ...(bare ? ['--strip-components', String(only!.split('/').length)] : []),
    ...['-C', root, '-f', '-'],
    ...(only === undefined ? [] : [only]),
  ];
}

/** When the facts of each file changed last, in the order of find(1); a name may hold a newline, so it is not printed. */
async function changeTimes(root: string, { exec, signal }: TreeRun): Promise<ReadonlyMap<string, string>> {
  const paths: string[] = [];
  await exec.read(['find', '.', '-xdev', '-mindepth', '1', '-print0'], {
    cwd: root,
    signal,
    onBytes: nulCutter((path) => void paths.push(Buffer.from(path, 'latin1').toString('utf8').slice(2))),
  });
  return answersOf(['stat', '-f', '%Fc'], root, paths, { exec, signal });
}

/** One line for each path, without its name: that could hold a newline. */
async function answersOf(
  argv: readonly [string, ...string[]],
  root: string,
  paths: readonly string[],
  { exec, signal }: TreeRun,
): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  const { stdout } = await exec.read(['xargs', '-0', ...argv], { cwd: root, input: nulLines(paths), signal });
  const lines = stdout.trimEnd().split('\n');
  if (lines.length !== paths.length)
    throw failure('INTERNAL', { why: `${argv[0]} answered ${lines.length} lines for ${paths.length} files` });
  return new Map(paths.map((path, index) => [path, lines[index]!]));
}

export const freebsdTrees: Trees = {
  pack,
  unpack,
  content: (archive, member) => ['tar', '-x', '-O', '-q', '-f', archive, member],
  // It says how far it is to a signal only.
  progress: () => undefined,
  list(paths) {
    const odd = paths.find((path) => readablePath(path) !== path);
    if (odd !== undefined)
      throw failure('UNSUPPORTED', { what: `copying ${readablePath(odd)}`, why: 'its name is no text' });
    return nulLines(paths);
  },
  except: (paths) => paths.map((path) => `${anchored(path)}$\n`).join(''),
  remove: [
    ['xargs', '-0', 'chflags', '-R', '-P', '-x', unmarked],
    ['xargs', '-0', 'rm', '-r', '-f', '-x', '--'],
  ],
  unmark: ['xargs', '-0', 'chflags', '-h', unmarked],
  copy: (from, to) => ['cp', '-R', '-P', '-p', '--', from, to],
  digest: (path) => ['sha256', '-q', path],

  async entries(root, run, oddNames = 'refuse') {
    const reader = new TreeReader(undefined, oddNames);
    const argv = ['mtree', '-c', '-x', '-k', mtreeKeywords, '-p', root];
    const { stdout } = await run.exec.read(argv, { signal: run.signal });
    for (const [path, entry] of readMtree(stdout)) reader.add(path, entry);
    if (oddNames === 'escape') return reader.entries;
    const times = await changeTimes(root, run);
    return new Map(
      [...reader.entries].map(([path, entry]) => [path, { ...entry, ctime: times.get(path) ?? '' }]),
    );
  },

  /** Holes need no look: this tar asks the file system for them. */
  async look(root, { exec, signal }, take) {
    const found = async (device: boolean, which: readonly string[]): Promise<void> => {
      await exec.read(['find', '.', '-xdev', '-mindepth', '1', ...which, '-print0'], {
        cwd: root,
        signal,
        onBytes: nulCutter((path) => take({ path: path.slice(2), device, holes: 0 })),
      });
    };
    await found(false, []);
    for (const type of ['b', 'c']) await found(true, ['-type', type]);
  },

  digests: (root, paths, run) => answersOf(['sha256', '-q'], root, paths, run),
};

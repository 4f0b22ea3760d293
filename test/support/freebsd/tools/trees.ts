/**
 * tar(1), find(1), stat(1), rm(1), cp(1), dd(1) and others of which GNU has one of the same name: the words are judged as
 * FreeBSD's, and the work is done by this system's own where they mean the same. tar is libarchive's on both.
 *
 * Marks of chflags(1) are kept in an extended attribute of the file, so that they go where the file goes: into a clone of
 * its dataset, into an archive.
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fail, flagsOf, known, usage, type Call, type Tool } from '../call.ts';

const attribute = 'user.standin.flags';

export const at = (call: Call, path: string): string =>
  path.startsWith('/') ? path : join(call.cwd ?? '.', path);

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** Marks by path; with `deep` of all that is below too, on one file system and through no link. */
export function marksOf(paths: readonly string[], deep: boolean): ReadonlyMap<string, readonly string[]> {
  const words = ['-P', '-h', '--absolute-names', '-n', attribute, ...(deep ? ['-R'] : []), '--'];
  const real = paths.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === false);
  if (real.length === 0) return new Map();
  // Its status is 1 where one of the files has none.
  const { stdout, error } = spawnSync('getfattr', [...words, ...real], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  const found = new Map<string, readonly string[]>();
  for (const [, path, value] of stdout.matchAll(/^# file: (.*)\nuser\.standin\.flags="(.*)"$/gm))
    found.set(path!, value!.split(','));
  return found;
}

export function setMarks(path: string, marks: readonly string[]): void {
  const words = marks.length === 0 ? ['-x', attribute] : ['-n', attribute, '-v', marks.join(',')];
  const { status, stderr } = spawnSync('setfattr', ['-h', ...words, '--', path], { encoding: 'utf8' });
  if (status !== 0 && marks.length > 0) throw new Fail(`${path}: ${stderr}`);
}

/** What may not be removed, or holds what may not be removed (chflags(2)). */
const holding = /^(s|u)(chg|appnd|unlnk)$/;

const rm: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length === 0 && !flags.has('-f')) throw usage('rm');
  const paths = rest.map((path) => at(call, path));
  const missing = paths.findIndex((path) => !isThere(path));
  if (missing >= 0 && !flags.has('-f')) throw new Fail(`${rest[missing]}: No such file or directory`);
  const deep = flags.has('-r') || flags.has('-R');
  const parents = marksOf([...new Set(paths.map(dirname))], false);
  const own = marksOf(paths, deep);
  const held = [...own, ...[...parents].filter(([, marks]) => marks.some((mark) => /chg|appnd/.test(mark)))];
  const [first] = held.find(([, marks]) => marks.some((mark) => holding.test(mark))) ?? [];
  if (first !== undefined) throw new Fail(`${first}: Operation not permitted`);
  const words = [
    ...(flags.has('-f') ? ['-f'] : []),
    ...(flags.has('-d') ? ['-d'] : []),
    ...(deep ? ['-r'] : []),
    ...(flags.has('-x') ? ['--one-file-system'] : []),
  ];
  return call.real(['/bin/rm', ...words, '--', ...paths]);
};

/** bsdtar(1): the same program as there. */
const tar: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const modes = ['-c', '-x', '-t', '-r', '-u'].filter((mode) => flags.has(mode));
  if (modes.length !== 1) throw new Fail('Must specify one of -c, -r, -t, -u, -x');
  const [mode] = modes;
  if (mode === '-c' && rest.length === 0 && !flags.has('-T'))
    throw new Fail('no files or directories specified');
  const wrong = mode === '-c' ? ['-p', '-S', '--clear-nochange-fflags'] : ['-n', '--one-file-system'];
  const odd = wrong.find((flag) => flags.has(flag));
  if (odd !== undefined) throw new Fail(`Option ${odd} is not permitted in mode ${mode}`);
  const root = at(call, flags.get('-C')?.at(-1) ?? '.');
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new Fail(`could not chdir to '${root}'`);
  if (mode === '-x' && !flags.has('--clear-nochange-fflags') && marksOf([root], true).size > 0)
    throw new Fail(
      `Can't unlink already-existing object: Operation not permitted (stand-in: marks below ${root})`,
    );
  return call.real(['/usr/bin/bsdtar', ...call.words]);
};

const find: Tool = (call) => {
  const { rest } = flagsOf(call);
  // Without a path FreeBSD's has nothing to walk; GNU's takes the directory that it is in.
  const first = rest.findIndex((word) => word.startsWith('-'));
  if (first === 0 || rest.length === 0) throw usage('find');
  const primaries = first < 0 ? [] : rest.slice(first).filter((word) => /^-[a-z]/.test(word));
  const strange = primaries.find((word) => !known(call, 'find', 'word', word));
  if (strange !== undefined) throw new Fail(`${strange}: unknown primary or operator`);
  return call.real(['/usr/bin/find', ...call.words]);
};

/** Of its formats those that are asked for: `%Fc`, `%Fm`, `%z`, `%b`, `%p`, `%N`. */
const stat: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const format = flags.get('-f')?.at(-1);
  if (format === undefined) throw new Fail('the stand-in knows -f only');
  const seconds = (ns: bigint): string =>
    `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, '0')}`;
  let status = 0;
  for (const path of rest) {
    const facts = lstatSync(at(call, path), { bigint: true, throwIfNoEntry: false });
    if (facts === undefined) {
      call.err(`stat: ${path}: stat: No such file or directory\n`);
      status = 1;
      continue;
    }
    const all: Readonly<Record<string, string>> = {
      '%Fc': seconds(facts.ctimeNs),
      '%Fm': seconds(facts.mtimeNs),
      '%z': String(facts.size),
      '%b': String(facts.blocks),
      '%p': facts.mode.toString(8),
      '%N': path,
    };
    call.out(
      `${format.replaceAll(/%[A-Z]?[a-zA-Z]/g, (word) => {
        if (!(word in all)) throw new Fail(`the stand-in does not know ${word}`);
        return all[word]!;
      })}\n`,
    );
  }
  return status;
};

/** Those of which the words that are used mean the same on both systems. */
const asHere =
  (program: string): Tool =>
  (call) => {
    flagsOf(call);
    return call.real([program, ...call.words]);
  };

const dd: Tool = (call) => {
  for (const word of call.words) {
    const [name = ''] = word.split('=');
    if (!word.includes('=') || !known(call, 'dd', 'word', name)) throw new Fail(`unknown operand ${name}`);
  }
  return call.real(['/bin/dd', ...call.words]);
};

export const treeTools: Readonly<Record<string, Tool>> = {
  cat: asHere('/bin/cat'),
  chmod: asHere('/bin/chmod'),
  chown: asHere('/bin/chown'),
  cp: asHere('/bin/cp'),
  dd,
  find,
  gzip: asHere('/bin/gzip'),
  mkdir: asHere('/bin/mkdir'),
  mkfifo: asHere('/usr/bin/mkfifo'),
  realpath: asHere('/usr/bin/realpath'),
  rm,
  stat,
  tar,
  tee: asHere('/usr/bin/tee'),
  xz: asHere('/usr/bin/xz'),
  zstd: asHere('/usr/bin/zstd'),
};

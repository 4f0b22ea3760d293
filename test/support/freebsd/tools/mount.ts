/**
 * mount(8), mount_nullfs(8) and umount(8). What is mounted stands in the machine only; the directories
 * underneath are real. A mount is busy while another one lies in it, while it holds the root of a jail, and
 * while programs run from it.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { findMountOption } from '../grammar.ts';
import { Fail, flagsOf, known, usage, type Call, type Tool } from '../call.ts';
import type { Machine, Mount } from '../machine.ts';
import { clean, isBelow, lookAt } from '../paths.ts';

const options = (lists: readonly string[] | undefined): string[] =>
  (lists ?? []).flatMap((list) => list.split(',')).filter((option) => option !== '');

/** `/a\040b` of fstab(5). */
export const unescapeField = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

function checkOptions(call: Call, type: string, given: readonly string[], name: string): void {
  for (const option of given) {
    const row = findMountOption(type, option, call.release);
    // vfs_filteropt(9) in the kernel tells which one it was.
    if (row === undefined)
      throw new Fail(`${name}: mount option <${option.split('=')[0]}> is unknown: Invalid argument`);
    if ((row.value !== undefined) !== option.includes('=')) throw new Fail(`${name}: Invalid argument`);
  }
}

function mountOne(call: Call, type: string, from: string, target: string, given: readonly string[]): void {
  if (!known(call, 'mount', 'type', type)) throw new Fail(`${from}: Operation not supported by device`);
  if (!target.startsWith('/')) throw new Fail(`${target}: not an absolute pathname`, 64);
  const on = clean(target);
  call.store.change((machine) => {
    const place = lookAt(machine, on);
    const nullfs = type === 'nullfs';
    const tool = nullfs ? 'mount_nullfs' : type === 'unionfs' ? 'mount_unionfs' : 'mount';
    const fail = (text: string, status = 1): Fail => new Fail(`${tool}: ${text}`, status, true);
    if (place === undefined) throw fail(`${on}: No such file or directory`, nullfs ? 64 : 1);
    let source = from;
    if (nullfs || type === 'unionfs') {
      source = clean(from);
      const what = source.startsWith('/') ? lookAt(machine, source) : undefined;
      if (what === undefined) throw fail(`${from}: No such file or directory`, 64);
      if (isBelow(source, on) || isBelow(on, source))
        throw fail(`${from} (${source}) and ${target} are not distinct paths`, 64);
      // A file over a file came with 14 (mount_nullfs(8)).
      if (what !== place || (what === 'file' && call.release < 14)) throw fail(`${on}: Not a directory`);
    } else if (place !== 'directory') throw fail(`${on}: Not a directory`);
    checkOptions(call, type, given, on);
    const ruleset = given.find((option) => option.startsWith('ruleset='))?.slice(8);
    if (type === 'devfs') machine.devfs[on] = useRuleset(machine, ruleset ?? '0');
    machine.klds = [...new Set([...machine.klds, type])];
    machine.mounts.push({ type, from: source, on, options: [...given] });
  });
}

/**
 * STRICTER than FreeBSD, which makes an empty set of a number that nobody filled, and then shows every
 * device in the jail: a mistake that a test should see.
 */
export function useRuleset(machine: Machine, number: string): number {
  if (!/^\d+$/.test(number) || Number(number) > 65535) throw new Fail(`ruleset=${number}: Invalid argument`);
  if (number !== '0' && Object.keys(machine.rulesets[number] ?? {}).length === 0)
    throw new Fail(`ruleset ${number}: no rules in it (stand-in: FreeBSD would show every device)`);
  return Number(number);
}

/** putfsent() of mount.c: nothing is encoded, and after a long name there is one blank and no tab. */
const field = (name: string): string =>
  `${name}${'\t'.repeat([8, 16].filter((length) => name.length < length).length)}${name.length < 24 ? '\t' : ' '}`;

const printed = (mount: Mount): string => {
  const words = [
    mount.type,
    'local',
    ...mount.options.flatMap((option) => (option === 'ro' ? ['read-only'] : option === 'rw' ? [] : [option])),
  ];
  return `${mount.from} on ${mount.on} (${words.join(', ')})\n`;
};

export const mount: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const types = flags.get('-t')?.at(-1);
  if (rest.length === 0 && !flags.has('-a')) {
    const shown = call.store
      .read()
      .mounts.filter((one) => types === undefined || types.split(',').includes(one.type));
    for (const one of shown) {
      const writable = one.options.includes('ro') ? 'ro' : 'rw';
      const more = one.options.filter((option) => option !== 'ro' && option !== 'rw');
      call.out(
        flags.has('-p')
          ? `${field(one.from)}${field(one.on)}${one.type}\t${[writable, ...more].join(',')}\t\t0 0\n`
          : printed(one),
      );
    }
    return;
  }
  const given = options(flags.get('-o'));
  if (flags.has('-r')) given.push('ro');
  if (flags.has('-w')) given.push('rw');
  if (flags.has('-a')) {
    const file = flags.get('-F')?.at(-1);
    if (file === undefined)
      throw new Fail('-a without -F is not for the stand-in: it would be the real fstab');
    for (const line of fstab(file))
      mountOne(call, line.type, line.from, line.on, [...line.options, ...given]);
    return;
  }
  if (rest.length !== 2) throw usage('mount');
  mountOne(call, types ?? 'ufs', rest[0]!, rest[1]!, given);
};

export const mountNullfs: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length !== 2) throw usage('mount_nullfs');
  mountOne(call, 'nullfs', rest[0]!, rest[1]!, options(flags.get('-o')));
};

export interface FstabLine {
  readonly from: string;
  readonly on: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Lines of an fstab(5) file; throws in the words of getfsent(3). */
export function fstab(path: string): readonly FstabLine[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new Fail(`${path}: No such file or directory`);
  }
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line, index) => {
      const [from, on, type, given] = line.split(/\s+/).map(unescapeField);
      if (from === undefined || on === undefined || type === undefined || given === undefined)
        throw new Fail(`fstab: ${path}:${index + 1}: Inappropriate file type or format`);
      return { from, on, type, options: given.split(',') };
    });
}

/** Directories from which programs of a jail run. */
const base = /^(bin|sbin|lib|libexec|dev|usr\/(bin|sbin|lib|libexec|local|share))(\/|$)/;

function whyBusy(machine: Machine, mount: Mount): boolean {
  if (machine.mounts.some((other) => other !== mount && other.on !== mount.on && isBelow(other.on, mount.on)))
    return true;
  if (machine.busy.some((path) => isBelow(path, mount.on))) return true;
  return machine.jails.some((jail) => {
    const path = jail.params['path'] ?? '/';
    if (isBelow(path, mount.on)) return true;
    return jail.processes && isBelow(mount.on, path) && base.test(mount.on.slice(path.length + 1));
  });
}

function followed(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function umountOne(call: Call, word: string, force: boolean, type: string | undefined): void {
  call.store.change((machine) => {
    const path = clean(word);
    const named =
      machine.mounts.findLast((one) => one.on === path) ??
      machine.mounts.findLast((one) => one.from === word);
    // umount.c, checkname(): what is not found, or found twice, is asked for by statfs(2), which follows links.
    const unique = machine.mounts.filter((one) => one.on === path).length < 2;
    const found =
      named !== undefined && unique ? named : machine.mounts.findLast((one) => one.on === followed(path));
    if (found === undefined) {
      const there = lookAt(machine, path);
      if (there === 'directory') throw new Fail(`${word}: not a file system root directory`);
      const statfs = there === undefined ? `umount: ${word}: statfs: No such file or directory\n` : '';
      throw new Fail(`${statfs}umount: ${word}: unknown file system`, 1, true);
    }
    if (type !== undefined && !type.split(',').includes(found.type)) throw new Fail('', 1, true);
    if (!force && whyBusy(machine, found)) throw new Fail(`unmount of ${found.on} failed: Device busy`);
    machine.mounts = machine.mounts.filter((one) => one !== found);
    if (found.type === 'devfs') delete machine.devfs[found.on];
  });
}

export const umount: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const all = flags.has('-a') || flags.has('-A');
  const force = flags.has('-f');
  if (force && flags.has('-n')) throw new Fail('-f and -n are mutually exclusive');
  if ((rest.length === 0) !== all) throw usage('umount');
  if (flags.has('-A')) throw new Fail('-A is not for the stand-in: it is every mount of the host');
  const type = flags.get('-t')?.at(-1);
  const paths = flags.has('-a')
    ? fstab(flags.get('-F')?.at(-1) ?? '/etc/fstab')
        .map((line) => line.on)
        .reverse()
    : rest;
  let status = 0;
  for (const path of paths) {
    try {
      umountOne(call, path, force, type);
      if (flags.has('-v')) call.out(`${path}: unmount from ${path}\n`);
    } catch (error) {
      if (!(error instanceof Fail)) throw error;
      if (error.message !== '') call.err(error.bare ? `${error.message}\n` : `umount: ${error.message}\n`);
      status = 1;
    }
  }
  return status;
};

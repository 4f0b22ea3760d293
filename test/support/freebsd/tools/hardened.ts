/**
 * hbsd-update(8) of HardenedBSD, as far as a root shows it: the build that it writes down, and one file of the base. The
 * newest build of a branch is what `updates.latest` says of it.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail, flagsOf, type Tool } from '../call.ts';

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

export const hbsdUpdate: Tool = (call) => {
  const { flags } = flagsOf(call);
  const last = (flag: string): string | undefined => flags.get(flag)?.at(-1);
  const conf = last('-c') ?? '/etc/hbsd-update.conf';
  if (!existsSync(conf)) throw new Fail('[-] Configuration file missing', 1, true);
  const text = readFileSync(conf, 'utf8');
  // It is run by sh(1) as root: the stand-in takes what is plain.
  const strange = text.split('\n').find((line) => !/^([a-z]+="[A-Za-z0-9/:._-]*")?$/.test(line));
  if (strange !== undefined) throw new Fail(`the stand-in runs no code of a configuration: ${strange}`);
  const value = (name: string): string | undefined => new RegExp(`^${name}="(.*)"$`, 'm').exec(text)?.[1];
  for (const name of ['baseurl', 'capath'])
    if (!value(name)) throw new Fail(`[-] Missing setting: ${name}`, 1, true);
  const root = last('-r') ?? '/';
  const tmp = last('-t');
  const cleanup = (): void => void (tmp !== undefined && rmSync(tmp, { recursive: true, force: true }));
  if (!isDirectory(root)) throw new Fail(`[-] ${root} does not exist`, 1, true);
  if (tmp !== undefined && !isDirectory(tmp)) throw new Fail(`[-] Could not write to ${tmp}`, 1, true);
  const { latest, modified } = call.store.read().updates;
  const build = latest[value('branch') ?? ''];
  if (build === undefined) {
    cleanup();
    call.err('[-] Could not get DNS record.\n    [-] Bailing.\n');
    throw new Fail('[*] Could not get the version number', 1, true);
  }
  call.out(`${build}\n`);
  const version = join(root, 'var/db/hbsd-update/version');
  if (!flags.has('-i') && existsSync(version) && readFileSync(version, 'utf8').trim() === build) {
    call.err('[*] This system is already on the latest version.\n');
    cleanup();
    return 0;
  }
  if (!flags.has('-n')) {
    cleanup();
    throw new Fail('[-] Could not find any applicable kernels', 1, true);
  }
  mkdirSync(join(root, 'lib'), { recursive: true });
  writeFileSync(join(root, 'lib/libc.so.7'), `${build}\n`);
  if (modified.length > 0) {
    call.err('[*] Manual merges need to be done.\n');
    const answers = call.input().split('\n');
    // It asks again and again where nobody answers.
    if (modified.some((_, index) => answers[index] !== 'p'))
      throw new Fail('the stand-in waits for an answer');
  }
  mkdirSync(join(root, 'var/db/hbsd-update'), { recursive: true });
  writeFileSync(version, `${build}\n`);
  cleanup();
  return 0;
};

/**
 * A jail's fstab: its lines, and what is wrong with them. Only the host's root writes that file; what root of the
 * jail can change, the way to a target below its root, is looked at without following any link, and
 * once more by the runtime. See mount(8), nullfs(5).
 */
import { dirname, join } from 'node:path';
import type { Exec, Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { asIocageError } from '../../domain/errors.ts';
import {
  entryOf,
  entryProblem,
  fstabKind,
  isBaseLine,
  parseFstab,
  targetInJail,
  type FstabEntry,
  type FstabPlaces,
} from '../../domain/format/fstab.ts';

function fstabPlaces(jail: Pick<JailSpec, 'mountpoint' | 'root'>): FstabPlaces {
  return { iocage: dirname(dirname(jail.mountpoint)), root: jail.root };
}

async function entriesOf(files: Files, jail: JailSpec): Promise<readonly FstabEntry[]> {
  const text = (await files.read(join(jail.mountpoint, 'fstab'))) ?? '';
  const entries = parseFstab(text).flatMap((line) => entryOf(line) ?? []);
  const places = fstabPlaces(jail);
  return jail.base === undefined ? entries : entries.filter((entry) => !isBaseLine(entry, places));
}

/** Why the lines of the file cannot be mounted, each with its target. */
export async function fstabProblems(
  exec: Exec,
  files: Files,
  jail: JailSpec,
): Promise<readonly { readonly key: string; readonly problem: string }[]> {
  const problems: { key: string; problem: string }[] = [];
  for (const entry of await entriesOf(files, jail)) {
    const problem = await mountProblem(exec, files, jail, entry);
    if (problem !== undefined) problems.push({ key: 'fstab', problem });
  }
  return problems;
}

/** @param orFile a single file may be bound too */
export async function mountProblem(
  exec: Exec,
  files: Files,
  jail: JailSpec,
  entry: FstabEntry,
  orFile = false,
): Promise<string | undefined> {
  const bind = fstabKind(entry) === 'bind' && entry.source.startsWith('/');
  const found = bind ? await exec.read(['realpath', entry.source], { accept: 'any' }) : undefined;
  const source = found?.status === 0 ? found.stdout.replace(/\n$/, '') : undefined;
  const problem = entryProblem(entry, fstabPlaces(jail), source);
  if (problem !== undefined || fstabKind(entry) === 'provided') return problem;
  const type = source === undefined ? 'directory' : (await files.stat(source))?.type;
  if (type !== 'directory' && !(orFile && type === 'file'))
    return `source ${JSON.stringify(entry.source)} is not a directory`;
  return unsafeTarget(files, jail, targetInJail(entry.target, fstabPlaces(jail))!, type);
}

/** Why nothing can be mounted at this path of the jail's root; no link on the way is followed. */
export async function unsafeTarget(
  files: Files,
  jail: JailSpec,
  target: string,
  type: 'directory' | 'file' = 'directory',
): Promise<string | undefined> {
  try {
    const facts = await files.statBelow(jail.root, target.slice(1));
    return facts !== undefined && facts.type !== type
      ? `target ${JSON.stringify(target)} is not a ${type} of the jail`
      : undefined;
  } catch (thrown) {
    return asIocageError(thrown).message;
  }
}

/** The lines with their target as a path in the jail; those whose target is elsewhere are left out. */
export async function fstabTargets(
  files: Files,
  jail: JailSpec,
): Promise<readonly { readonly entry: FstabEntry; readonly target: string }[]> {
  return (await entriesOf(files, jail)).flatMap((entry) => {
    const target = targetInJail(entry.target, fstabPlaces(jail));
    return target === undefined ? [] : [{ entry, target }];
  });
}

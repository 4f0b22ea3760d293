/**
 * The way to a file below a jail's root, one name at a time, each looked up by the kernel in a directory that is
 * held already: nothing that root of the jail renames or links meanwhile leads the host out of the root. Linux
 * names a held directory by `/proc/self/fd/N` (proc_pid_fd(5)). FreeBSD has no such name, so there the program's own
 * directory is held, one step below the other, and getcwd(3) tells after each step where it has led.
 *
 * What is done in the directory is done at once, without waiting: the program has one directory for all it does.
 * For the same reason only the main thread has the second way.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { failure, IocageError } from '../../domain/errors.ts';

/** How a held directory is named to the kernel. */
export type Way = 'descriptor' | 'own-directory';

export const usualWay: Way = process.platform === 'linux' ? 'descriptor' : 'own-directory';

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');
}

/** What open(2) says of a link that it was told not to follow: ELOOP on Linux, EMLINK on FreeBSD. */
const isLink = (error: unknown): boolean => ['ELOOP', 'EMLINK'].includes(codeOf(error) ?? '');

export function explain(path: string, error: unknown): IocageError {
  if (error instanceof IocageError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left on the device',
    EISDIR: 'is a directory',
    ENOTDIR: 'a part of the path is not a directory',
    // Of open(2), for a socket.
    ENXIO: 'it is no plain file',
    EEXIST: 'already exists',
  };
  return failure('FILE_FAILED', { path, why: (code && words[code]) ?? message }, { cause: error });
}

/** Components of a path inside a root; `..` and empty paths are refused rather than resolved. */
export function componentsBelow(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0) throw failure('UNSAFE_PATH', { path, why: 'it names nothing inside the root' });
  if (parts.includes('..')) throw failure('UNSAFE_PATH', { path, why: `it holds '..'` });
  if (path.includes('\0')) throw failure('UNSAFE_PATH', { path, why: 'it holds a NUL byte' });
  return parts;
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Holds the directory that has the last component, and hands a path of it to `use`. Undefined when a directory on
 * the way is missing; UNSAFE_PATH when one is a link or no directory.
 */
export function withParentBelow<T>(
  way: Way,
  root: string,
  path: string,
  use: (held: string) => T,
): T | undefined {
  const parts = componentsBelow(path);
  const walk = way === 'descriptor' ? walkByDescriptors : walkByDirectory;
  return walk(root, join(root, path), parts, use);
}

function detour(path: string, part: string): IocageError {
  return failure('UNSAFE_PATH', { path, why: `${part} is a link or not a directory` });
}

function walkByDescriptors<T>(
  root: string,
  path: string,
  parts: readonly string[],
  use: (held: string) => T,
): T | undefined {
  let descriptor = openSync(root, directoryFlags);
  try {
    for (const part of parts.slice(0, -1)) {
      let next;
      try {
        next = openSync(`/proc/self/fd/${descriptor}/${part}`, directoryFlags);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        if (isLink(error) || codeOf(error) === 'ENOTDIR') throw detour(path, part);
        throw explain(path, error);
      }
      closeSync(descriptor);
      descriptor = next;
    }
    return use(`/proc/self/fd/${descriptor}/${parts.at(-1)!}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Where we were; a directory that is gone has no name any more. */
function ownDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

function walkByDirectory<T>(
  root: string,
  path: string,
  parts: readonly string[],
  use: (held: string) => T,
): T | undefined {
  const before = ownDirectory();
  try {
    const known = lstatSync(root);
    process.chdir(root);
    const entered = lstatSync('.');
    if (!known.isDirectory() || entered.ino !== known.ino || entered.dev !== known.dev)
      throw detour(root, root);
    let here = process.cwd();
    for (const part of parts.slice(0, -1)) {
      here = join(here, part);
      try {
        process.chdir(`./${part}`);
      } catch (error) {
        if (codeOf(error) === 'ENOENT' && lstatSync(`./${part}`, { throwIfNoEntry: false }) === undefined)
          return undefined;
        if (isLink(error) || isMissing(error)) throw detour(path, part);
        throw explain(path, error);
      }
      if (process.cwd() !== here) throw detour(path, part);
    }
    return use(`./${parts.at(-1)!}`);
  } finally {
    process.chdir(before);
  }
}

interface HowToWrite {
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly sync?: boolean;
}

/** A new file with exactly this mode, whatever the caller's umask is. */
export function writeWholeNow(path: string, text: string, { mode = 0o644, owner, sync }: HowToWrite): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    // Before the mode: a change of owner takes set-user-ID bits away.
    if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
    fchmodSync(descriptor, mode);
    if (sync) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes something beside the path, and puts it in its place in one step. */
export function replaceBelow(
  way: Way,
  root: string,
  path: string,
  make: (temporary: string) => void,
  sync = false,
): void {
  const shown = join(root, path);
  const written = withParentBelow(way, root, path, (held) => {
    const temporary = `${dirname(held)}/.iocage-${randomBytes(6).toString('hex')}`;
    try {
      make(temporary);
      // rename replaces a planted link instead of following it.
      renameSync(temporary, held);
      if (sync) syncDirectory(dirname(held));
    } catch (error) {
      rmSync(temporary, { force: true });
      throw explain(shown, error);
    }
    return true;
  });
  if (written === undefined)
    throw failure('FILE_FAILED', { path: shown, why: 'its directory does not exist' });
}

/** A name that was given by rename is on the disk when its directory is. */
function syncDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const mostBytes = 4 * 1024 * 1024;

/** A plain file of at most 4 MiB; undefined when it is not there. */
export function readPlain(shown: string, held: string): string | undefined {
  const refuse = (why: string): IocageError => failure('UNSAFE_PATH', { path: shown, why });
  let descriptor;
  try {
    // NONBLOCK: a planted fifo must not hold us up.
    descriptor = openSync(held, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw isLink(error) ? refuse('it is a symbolic link') : explain(shown, error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw refuse('it is not a plain file');
    if (stat.size > mostBytes) throw refuse('it is larger than 4 MiB');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

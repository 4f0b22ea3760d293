/**
 * Reads and writes host files. The `…Below` verbs walk a jail's root one component at a time, each
 * opened without following links, through `/proc/self/fd` (Linux): the kernel resolves exactly one
 * name per step, in a directory that is already held open, so nothing a jail's root user renames or
 * links meanwhile can lead the host out of the root.
 */
import { constants, lstatSync, read } from 'node:fs';
import * as fs from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { FileFacts, FilePart, Files } from '../system.ts';
import { failure, IocageError } from '../../domain/errors.ts';

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function explain(path: string, error: unknown): IocageError {
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

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explain(path, error);
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** A new file with exactly this mode, whatever the caller's umask is. */
async function writeWhole(
  path: string,
  text: string,
  mode: number,
  { owner, sync }: { owner?: Owner; sync?: boolean } = {},
): Promise<void> {
  const handle = await fs.open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    // Before the mode: a change of owner takes set-user-ID bits away.
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(mode);
    if (sync) await handle.sync();
  } finally {
    await handle.close();
  }
}

function facts(stat: Awaited<ReturnType<typeof fs.lstat>>): FileFacts {
  const type = stat.isFile()
    ? 'file'
    : stat.isDirectory()
      ? 'directory'
      : stat.isSymbolicLink()
        ? 'symlink'
        : 'other';
  return {
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    sizeBytes: Number(stat.size),
    mtimeMs: Number(stat.mtimeMs),
    inode: Number(stat.ino),
  };
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
 * Opens the directory that holds the last component and hands `/proc/self/fd/N/NAME` to `use`.
 * Undefined when a directory on the way is missing; UNSAFE_PATH when one is a link or no directory.
 */
async function withParentBelow<T>(
  root: string,
  path: string,
  use: (held: string) => Promise<T>,
): Promise<T | undefined> {
  const parts = componentsBelow(path);
  let handle = await fs.open(root, directoryFlags);
  try {
    for (const part of parts.slice(0, -1)) {
      let next;
      try {
        next = await fs.open(`/proc/self/fd/${handle.fd}/${part}`, directoryFlags);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'ENOENT') return undefined;
        if (code === 'ELOOP' || code === 'ENOTDIR') {
          throw failure('UNSAFE_PATH', {
            path: join(root, path),
            why: `${part} is a link or not a directory`,
          });
        }
        throw explain(join(root, path), error);
      }
      await handle.close();
      handle = next;
    }
    return await use(`/proc/self/fd/${handle.fd}/${parts.at(-1)!}`);
  } finally {
    await handle.close();
  }
}

/** A name that was given by rename is on the disk when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes something beside the path, and puts it in its place in one step. */
async function replaceBelow(
  root: string,
  path: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const written = await withParentBelow(root, path, async (held) => {
    const temporary = `${dirname(held)}/.iocage-${randomBytes(6).toString('hex')}`;
    await attempt(join(root, path), async () => {
      try {
        await make(temporary);
        // rename replaces a planted link instead of following it.
        await fs.rename(temporary, held);
      } catch (error) {
        await fs.rm(temporary, { force: true });
        throw error;
      }
    });
    return true;
  });
  if (written === undefined) {
    throw failure('FILE_FAILED', { path: join(root, path), why: 'its directory does not exist' });
  }
}

/**
 * Reads to the end, or to one chunk past the bound, whatever size the file says it has. No stream: that would
 * close the descriptor, and whoever opens something next would have it for standard input.
 */
async function readBounded(path: string, descriptor: number, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  for (let sizeBytes = 0; ;) {
    const chunk = await readChunk(descriptor);
    if (chunk.length === 0) return Buffer.concat(parts).toString('utf8');
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw failure('FILE_FAILED', { path, why: `it is larger than ${said(maxBytes)}` });
    parts.push(chunk);
  }
}

async function readChunk(descriptor: number): Promise<Buffer> {
  const buffer = Buffer.alloc(1 << 16);
  for (;;) {
    try {
      const { bytesRead } = await promisify(read)(descriptor, buffer, 0, buffer.length, null);
      return buffer.subarray(0, bytesRead);
    } catch (error) {
      // Somebody else who has the same pipe or terminal does not want to wait for it; we do.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const said = (bytes: number): string =>
  bytes >= 1 << 20 ? `${bytes / (1 << 20)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;

/** No text that we read is as long. */
const mostTextBytes = 64 << 20;

/** Reading such a thing could wait, or never end. */
function assertPlain(path: string, stat: { isFile(): boolean; isDirectory(): boolean }): void {
  if (stat.isFile()) return;
  const why = stat.isDirectory() ? 'is a directory' : 'it is no plain file but a pipe or a device';
  throw failure('FILE_FAILED', { path, why });
}

export class NodeFiles implements Files {
  private readonly ownInput: number;

  /** @param ownInput descriptor of our own standard input */
  constructor(ownInput = 0) {
    this.ownInput = ownInput;
  }

  async read(path: string): Promise<string | undefined> {
    let handle;
    try {
      // A pipe in the place of a file must not hold us up, with the locks that we have.
      handle = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      const stat = await handle.stat();
      assertPlain(path, stat);
      if (stat.size > mostTextBytes)
        throw failure('FILE_FAILED', { path, why: `it is larger than ${said(mostTextBytes)}` });
      return await handle.readFile('utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw explain(path, error);
    } finally {
      await handle?.close();
    }
  }

  async readNamed(path: string, maxBytes: number): Promise<string | undefined> {
    let handle;
    try {
      // Before it is opened: some devices do something then.
      assertPlain(path, await fs.stat(path));
      handle = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      assertPlain(path, await handle.stat());
      return await readBounded(path, handle.fd, maxBytes);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw explain(path, error);
    } finally {
      await handle?.close();
    }
  }

  readInput(maxBytes: number): Promise<string> {
    return attempt('standard input', () => readBounded('standard input', this.ownInput, maxBytes));
  }

  async readPart(path: string, from: number, most: number): Promise<FilePart | undefined> {
    return attempt(path, async () => {
      let handle;
      try {
        handle = await fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
      try {
        const { ino, size } = await handle.stat();
        const bytes = Buffer.alloc(Math.max(0, Math.min(most, size - from)));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
        return { inode: ino, sizeBytes: size, bytes: bytes.subarray(0, bytesRead) };
      } finally {
        await handle.close();
      }
    });
  }

  async list(directory: string): Promise<readonly string[]> {
    try {
      return (await fs.readdir(directory)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw explain(directory, error);
    }
  }

  async stat(path: string): Promise<FileFacts | undefined> {
    try {
      return facts(await fs.lstat(path));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw explain(path, error);
    }
  }

  statNow(path: string): FileFacts | undefined {
    try {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      return stat && facts(stat);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw explain(path, error);
    }
  }

  async readlink(path: string): Promise<string | undefined> {
    try {
      return await fs.readlink(path);
    } catch (error) {
      if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
      throw explain(path, error);
    }
  }

  async write(path: string, text: string, options: { mode?: number } = {}): Promise<void> {
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
    await attempt(path, async () => {
      try {
        await writeWhole(temporary, text, options.mode ?? 0o644);
        await fs.rename(temporary, path);
      } catch (error) {
        await fs.rm(temporary, { force: true });
        throw error;
      }
    });
  }

  async create(path: string, text: string, options: { mode?: number } = {}): Promise<void> {
    await attempt(path, () => writeWhole(path, text, options.mode ?? 0o644));
  }

  async control(path: string, text: string): Promise<void> {
    await attempt(path, async () => {
      const handle = await fs.open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
      try {
        await handle.write(text);
      } finally {
        await handle.close();
      }
    });
  }

  async rewrite(path: string, text: string): Promise<boolean> {
    return attempt(path, async () => {
      let handle;
      try {
        handle = await fs.open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
      try {
        const bytes = Buffer.from(text);
        await handle.write(bytes, 0, bytes.length, 0);
        await handle.truncate(bytes.length);
        return true;
      } finally {
        await handle.close();
      }
    });
  }

  async mkdir(path: string, options: { mode?: number } = {}): Promise<void> {
    await attempt(path, async () => {
      const mode = options.mode ?? 0o755;
      try {
        await fs.mkdir(path, { recursive: true, mode });
      } catch (error) {
        // Node says so of a full file system too; asked for this one directory the kernel tells the reason.
        if (!isMissing(error)) throw error;
        await fs.mkdir(path, { mode });
      }
    });
  }

  async remove(path: string): Promise<void> {
    await attempt(path, async () => {
      try {
        await fs.unlink(path);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    });
  }

  async rmdir(path: string): Promise<void> {
    await attempt(path, async () => {
      try {
        await fs.rmdir(path);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        // EBUSY: a control group in which something still ends.
        if (!isMissing(error) && !['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(code ?? '')) throw error;
      }
    });
  }

  async symlink(target: string, path: string): Promise<void> {
    await attempt(path, () => fs.symlink(target, path));
  }

  async rename(from: string, to: string): Promise<void> {
    await attempt(from, () => fs.rename(from, to));
  }

  async chmod(path: string, mode: number): Promise<void> {
    await attempt(path, () => fs.chmod(path, mode));
  }

  async readBelow(root: string, path: string): Promise<string | undefined> {
    return withParentBelow(root, path, async (held) => {
      let handle;
      try {
        // NONBLOCK: a planted fifo must not hold us up.
        handle = await fs.open(held, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      } catch (error) {
        if (isMissing(error)) return undefined;
        if ((error as NodeJS.ErrnoException).code === 'ELOOP') {
          throw failure('UNSAFE_PATH', { path: join(root, path), why: 'it is a symbolic link' });
        }
        throw explain(join(root, path), error);
      }
      try {
        const stat = await handle.stat();
        if (!stat.isFile())
          throw failure('UNSAFE_PATH', { path: join(root, path), why: 'it is not a plain file' });
        if (stat.size > 4 * 1024 * 1024) {
          throw failure('UNSAFE_PATH', { path: join(root, path), why: 'it is larger than 4 MiB' });
        }
        return await handle.readFile('utf8');
      } finally {
        await handle.close();
      }
    });
  }

  async statBelow(root: string, path: string): Promise<FileFacts | undefined> {
    return withParentBelow(root, path, async (held) => {
      try {
        return facts(await fs.lstat(held));
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw explain(join(root, path), error);
      }
    });
  }

  async readlinkBelow(root: string, path: string): Promise<string | undefined> {
    return withParentBelow(root, path, (held) => this.readlink(held));
  }

  async writeBelow(
    root: string,
    path: string,
    text: string,
    options: { mode?: number; owner?: Owner; sync?: boolean } = {},
  ): Promise<void> {
    await replaceBelow(root, path, (temporary) =>
      writeWhole(temporary, text, options.mode ?? 0o644, options),
    );
    if (options.sync) await withParentBelow(root, path, (held) => syncDirectory(dirname(held)));
  }

  async symlinkBelow(root: string, path: string, target: string): Promise<void> {
    await replaceBelow(root, path, (temporary) => fs.symlink(target, temporary));
  }

  async mkdirBelow(root: string, path: string): Promise<void> {
    const made = await withParentBelow(root, path, (held) =>
      attempt(join(root, path), async () => {
        try {
          await fs.mkdir(held, { mode: 0o755 });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await fs.lstat(held)).isDirectory())
            throw error;
        }
        return true;
      }),
    );
    if (made === undefined)
      throw failure('FILE_FAILED', { path: join(root, path), why: 'its directory does not exist' });
  }

  async removeBelow(root: string, path: string): Promise<void> {
    await withParentBelow(root, path, (held) => this.remove(held));
  }

  async rmdirBelow(root: string, path: string): Promise<void> {
    await withParentBelow(root, path, (held) => this.rmdir(held));
  }
}

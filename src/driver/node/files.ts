/** Reads and writes host files. The `…Below` verbs follow no link below a jail's root; below.ts has the way. */
import {
  type Stats,
  constants,
  lstatSync,
  mkdirSync,
  read,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { FileFacts, FilePart, Files } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import {
  codeOf,
  explain,
  isMissing,
  readPlain,
  replaceBelow,
  usualWay,
  withParentBelow,
  writeWholeNow,
  type Way,
} from './below.ts';
import { renameNew } from './rename-new.ts';

export { componentsBelow } from './below.ts';

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

function facts(stat: Stats): FileFacts {
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

/** What rmdir(2) says of a directory with something in it; EBUSY: of a control group in which something still ends. */
const stays = ['ENOTEMPTY', 'EEXIST', 'EBUSY'];

/** A path that nobody can follow to its end. */
const leadNowhere = ['ELOOP', 'ENAMETOOLONG'];

export class NodeFiles implements Files {
  private readonly ownInput: number;
  private readonly way: Way;

  /**
   * @param ownInput descriptor of our own standard input
   * @param way of the `…Below` verbs; that of another kernel for tests
   */
  constructor(ownInput = 0, way: Way = usualWay) {
    this.ownInput = ownInput;
    this.way = way;
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

  async realpath(path: string): Promise<string | undefined> {
    if (path.includes('\0')) return undefined;
    try {
      return await fs.realpath(path);
    } catch (error) {
      if (isMissing(error) || leadNowhere.includes(codeOf(error) ?? '')) return undefined;
      throw explain(path, error);
    }
  }

  async write(path: string, text: string, options: { mode?: number } = {}): Promise<void> {
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
    await attempt(path, async () => {
      try {
        writeWholeNow(temporary, text, options);
        await fs.rename(temporary, path);
      } catch (error) {
        await fs.rm(temporary, { force: true });
        throw error;
      }
    });
  }

  async create(path: string, text: string, options: { mode?: number } = {}): Promise<void> {
    await attempt(path, async () => writeWholeNow(path, text, options));
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
        if (!isMissing(error) && !stays.includes(codeOf(error) ?? '')) throw error;
      }
    });
  }

  async symlink(target: string, path: string): Promise<void> {
    await attempt(path, () => fs.symlink(target, path));
  }

  async rename(from: string, to: string): Promise<void> {
    await attempt(from, () => fs.rename(from, to));
  }

  async renameNew(from: string, to: string): Promise<void> {
    await attempt(to, () => renameNew(from, to));
  }

  async chmod(path: string, mode: number): Promise<void> {
    await attempt(path, () => fs.chmod(path, mode));
  }

  async readBelow(root: string, path: string): Promise<string | undefined> {
    return withParentBelow(this.way, root, path, (held) => readPlain(join(root, path), held));
  }

  async statBelow(root: string, path: string): Promise<FileFacts | undefined> {
    return this.below(root, path, (held) => facts(lstatSync(held)), ['ENOENT', 'ENOTDIR']);
  }

  async readlinkBelow(root: string, path: string): Promise<string | undefined> {
    return this.below(root, path, (held) => readlinkSync(held), ['ENOENT', 'ENOTDIR', 'EINVAL']);
  }

  async writeBelow(
    root: string,
    path: string,
    text: string,
    options: { mode?: number; owner?: Owner; sync?: boolean } = {},
  ): Promise<void> {
    const write = (temporary: string): void => writeWholeNow(temporary, text, options);
    replaceBelow(this.way, root, path, write, options.sync);
  }

  async symlinkBelow(root: string, path: string, target: string): Promise<void> {
    replaceBelow(this.way, root, path, (temporary) => symlinkSync(target, temporary));
  }

  async mkdirBelow(root: string, path: string): Promise<void> {
    const made = this.below(root, path, (held) => {
      try {
        mkdirSync(held, { mode: 0o755 });
      } catch (error) {
        if (codeOf(error) !== 'EEXIST' || !lstatSync(held).isDirectory()) throw error;
      }
      return true;
    });
    if (made === undefined)
      throw failure('FILE_FAILED', { path: join(root, path), why: 'its directory does not exist' });
  }

  async removeBelow(root: string, path: string): Promise<void> {
    this.below(root, path, (held) => unlinkSync(held), ['ENOENT', 'ENOTDIR']);
  }

  async rmdirBelow(root: string, path: string): Promise<void> {
    this.below(root, path, (held) => rmdirSync(held), ['ENOENT', 'ENOTDIR', ...stays]);
  }

  /** @param fine what may happen instead; the answer is undefined then */
  private below<T>(root: string, path: string, use: (held: string) => T, fine: readonly string[] = []) {
    return withParentBelow(this.way, root, path, (held) => {
      try {
        return use(held);
      } catch (error) {
        if (fine.includes(codeOf(error) ?? '')) return undefined;
        throw explain(join(root, path), error);
      }
    });
  }
}

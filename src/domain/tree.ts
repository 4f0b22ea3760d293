/**
 * Two directory trees compared by what find(1) tells of their files, for packages: what is new or
 * changed goes into the archive, what is gone is written down. Within one line of snapshots a file that
 * nobody touched keeps its time of change (ctime) to the nanosecond, so that a content that was
 * exchanged behind a faked mtime shows all the same. Pure.
 */
import { failure } from './errors.ts';

export interface TreeEntry {
  /** As find prints it: `f` file, `d` directory, `l` link, `c`, `b`, `p`, `s`. */
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  readonly size: string;
  readonly mtime: string;
  readonly ctime: string;
  readonly target: string;
}

/** Fields of one entry, each ended by a NUL: a path may hold anything else. */
export const findFormat = ['%P', '%y', '%m', '%U:%G', '%s', '%T@', '%C@', '%l']
  .map((f) => `${f}\\0`)
  .join('');
const fields = 8;

/** Before the bytes of a part of a path that is no plain text; no file's name holds it. */
const odd = '\0';

/** Text that says its bytes by itself, without control characters. U+FFFD is what broken UTF-8 is read as. */
function isPlain(part: string): boolean {
  return !/[\u0000-\u001f\u007f\ufffd]/.test(part);
}

function escaped(path: Buffer): string {
  const parts = path.toString('latin1').split('/');
  return parts
    .map((part) => {
      const text = Buffer.from(part, 'latin1').toString('utf8');
      return isPlain(text) ? text : odd + part;
    })
    .join('/');
}

/** The bytes of a path that a reader with `escape` answered. */
export function nameBytes(path: string): Buffer {
  const parts = path
    .split('/')
    .map((part) => (part.startsWith(odd) ? Buffer.from(part.slice(1), 'latin1') : Buffer.from(part, 'utf8')));
  const slash = Buffer.from('/');
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [slash, part])));
}

/** Such a path for people: what is no text in octal. */
export function readablePath(path: string): string {
  return path.includes(odd) ? octal(nameBytes(path)) : path;
}

/** Bytes as tar(1) reads a name in a list (`--unquote`): anything but plain ASCII in octal. */
export function octal(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('');
}

/** Collects find's output, in pieces of any size. */
export class TreeReader {
  readonly entries = new Map<string, TreeEntry>();
  private rest: Buffer = Buffer.alloc(0);
  private readonly maxEntries: number;
  private readonly oddNames: 'refuse' | 'escape';

  /** `escape`: names that are no plain text are kept as {@link nameBytes} reads them. */
  constructor(maxEntries = 2_000_000, oddNames: 'refuse' | 'escape' = 'refuse') {
    this.maxEntries = maxEntries;
    this.oddNames = oddNames;
  }

  push(bytes: Uint8Array): void {
    const all = this.rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.rest, bytes]);
    let start = 0;
    let at = 0;
    let values: Buffer[] = [];
    for (let end = all.indexOf(0, at); end >= 0; end = all.indexOf(0, at)) {
      values.push(all.subarray(at, end));
      at = end + 1;
      if (values.length < fields) continue;
      this.take(values);
      values = [];
      start = at;
    }
    this.rest = Buffer.from(all.subarray(start));
  }

  private take([path, ...more]: readonly Buffer[]): void {
    const [type = '', mode = '', owner = '', size = '', mtime = '', ctime = '', target = ''] = more.map(
      (value) => value.toString('utf8'),
    );
    this.add(path!, { type, mode, owner, size, mtime, ctime, target });
  }

  /** One entry, from whatever told of it. */
  add(path: Buffer, entry: TreeEntry): void {
    const name = path.toString('utf8').split('/').every(isPlain) ? path.toString('utf8') : escaped(path);
    // A name that cannot be written down could be neither listed nor deleted by its name again.
    if (name.includes(odd) && this.oddNames === 'refuse') {
      throw failure('UNSUPPORTED', {
        what: `packaging the file ${JSON.stringify(path.toString('utf8'))}`,
        why: 'its name is not UTF-8 or has control characters',
      });
    }
    if (this.entries.size >= this.maxEntries)
      throw failure('UNSUPPORTED', {
        what: 'packaging',
        why: `there are more than ${this.maxEntries} files`,
      });
    this.entries.set(name, entry);
  }
}

export interface TreeChanges {
  /** New or changed paths, a directory before what is in it. */
  readonly changed: readonly string[];
  /** Gone, or of another type now; only the topmost path of what is gone. */
  readonly deleted: readonly string[];
}

function isChanged(before: TreeEntry, now: TreeEntry): boolean {
  const facts: readonly (keyof TreeEntry)[] =
    // A directory's times and size change with what is in it.
    now.type === 'd' ? ['mode', 'owner'] : ['mode', 'owner', 'size', 'mtime', 'ctime', 'target'];
  return facts.some((fact) => before[fact] !== now[fact]);
}

export function compareTrees(
  before: ReadonlyMap<string, TreeEntry>,
  now: ReadonlyMap<string, TreeEntry>,
): TreeChanges {
  const changed: string[] = [];
  const deleted = new Set<string>();
  const isOther = (path: string): boolean => before.get(path)?.type !== now.get(path)?.type;
  for (const [path, entry] of now) {
    // Sockets live as long as who listens; tar keeps none. A device of its own opens nothing in a jail.
    if (['s', 'b', 'c'].includes(entry.type)) continue;
    const old = before.get(path);
    if (old === undefined || old.type !== entry.type || isChanged(old, entry)) changed.push(path);
  }
  for (const path of before.keys()) if (isOther(path)) deleted.add(path);
  const isBelowDeleted = (path: string): boolean => {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      if (deleted.has(path.slice(0, at))) return true;
    }
    return false;
  };
  return {
    changed: changed.sort(),
    deleted: [...deleted].filter((path) => !isBelowDeleted(path)).sort(),
  };
}

/**
 * Refuses a deletion that is not of the base: a path that is not there, or that leads through anything
 * but directories.
 */
export function assertDeletable(
  base: ReadonlyMap<string, Pick<TreeEntry, 'type'>>,
  path: string,
  file: string,
): void {
  const parts = path.split('/');
  const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
  const plain = !parts.some((part) => part === '' || part === '.' || part === '..');
  if (plain && base.has(path) && parents.every((parent) => base.get(parent)?.type === 'd')) return;
  throw failure('UNSAFE_ARCHIVE', {
    file,
    member: path,
    why: 'is to be deleted but is no file of the release',
  });
}

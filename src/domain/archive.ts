/**
 * Which root file system archives may be unpacked, decided from the list of their members before a
 * single file is written: nothing absolute, nothing with `..`, nothing through a symbolic link, no
 * hard link to the outside, no device outside /dev, and not more than the pool has room for.
 *
 * Pure: bytes come in from wherever, verdicts go out. The reader is in `tar.ts`.
 */
import { failure } from './errors.ts';
import type { TarMember } from './tar.ts';

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd';

const endings: readonly (readonly [string, Compression])[] = [
  ['.tar', 'none'],
  ['.tar.gz', 'gzip'],
  ['.tgz', 'gzip'],
  ['.tar.xz', 'xz'],
  ['.txz', 'xz'],
  ['.tar.zst', 'zstd'],
  ['.tzst', 'zstd'],
];

export const archiveEndings = endings.map(([ending]) => ending).join(' ');

/** The compression that a file's name tells; undefined when it is no archive that iocage unpacks. */
export function compressionOf(name: string): Compression | undefined {
  const lower = name.toLowerCase();
  // An ending alone (`.tar`) is a hidden file, not an archive.
  return endings.find(([ending]) => lower.length > ending.length && lower.endsWith(ending))?.[1];
}

/** The same as the first bytes of a file tell it, whatever its name says. */
export function compressionIn(bytes: Uint8Array): Compression {
  const starts = (...magic: readonly number[]): boolean => magic.every((byte, at) => bytes[at] === byte);
  if (starts(0x1f, 0x8b)) return 'gzip';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  return starts(0x28, 0xb5, 0x2f, 0xfd) ? 'zstd' : 'none';
}

/** The program that writes the plain tar stream of `file` to standard output. */
export function decompressor(compression: Compression, file: string): readonly string[] {
  switch (compression) {
    case 'none':
      return ['cat', '--', file];
    case 'gzip':
      return ['gzip', '-dc', '--', file];
    case 'xz':
      return ['xz', '-dc', '--', file];
    case 'zstd':
      return ['zstd', '-dcq', '--', file];
  }
}

/** What a file takes beyond its content: the rest of its last block, and its entry (measured: 5 KiB, uncompressed). */
const memberOverheadBytes = 4096;

/** What tar(1) can open again below a root: PATH_MAX less its final NUL and a leading `./`; and one name. */
export const longestPathBytes = 4093;
const longestNameBytes = 255;

export interface ArchiveLimits {
  readonly maxBytes: number;
  readonly maxMembers: number;
  /** Names with control characters, as a jail's users make them; a release with such names is a mistake. */
  readonly oddNames?: boolean;
}

type Seen = 'file' | 'directory' | 'link' | 'other';

/**
 * Takes the members of one archive, or of several that go into the same root one after the other,
 * and throws UNSAFE_ARCHIVE at the first one that must not be unpacked.
 */
export class ArchiveCheck {
  members = 0;
  /** Of content. */
  totalBytes = 0;
  private roomBytes = 0;
  private readonly seen = new Map<string, Seen>();
  private readonly limits: ArchiveLimits;

  constructor(limits: ArchiveLimits) {
    this.limits = limits;
  }

  /** What stands in the root already, when the archive is unpacked over something. */
  present(path: string, type: 'file' | 'directory' | 'link' | 'other'): void {
    // The archive's names are strings of bytes.
    this.seen.set(Buffer.from(path, 'utf8').toString('latin1'), type);
  }

  /** @param file the archive's name, for the message. */
  take(member: TarMember, file: string): void {
    const refuse = (why: string): never => {
      throw failure('UNSAFE_ARCHIVE', { file, member: readable(member.name), why });
    };
    this.members += 1;
    this.totalBytes += member.sizeBytes;
    this.roomBytes += member.sizeBytes + memberOverheadBytes;
    if (this.members > this.limits.maxMembers)
      refuse(`is one too many: more than ${this.limits.maxMembers} members`);
    if (this.roomBytes > this.limits.maxBytes) {
      refuse(`makes it larger than the ${this.limits.maxBytes} bytes that there is room for`);
    }
    const path = this.place(member.name, refuse);
    if (path === '') {
      if (member.type !== 'directory') refuse('would replace the root directory');
      return;
    }
    if (member.type === 'device' && !path.startsWith('dev/')) refuse('is a device outside /dev');
    // What is left out when it is unpacked is known by its spelling.
    if (path.startsWith('dev/') && !/^(\.\/)?dev\//.test(member.name))
      refuse('is in /dev by an unusual spelling of its name');
    // Over a link that was there before: tar takes it away first, unless it is to be a directory.
    if (this.seen.get(path) === 'link' && member.type !== 'symlink')
      refuse('comes twice, first as a symbolic link');
    if (member.type === 'hardlink') {
      const target = this.place(member.linkName, (why) =>
        refuse(`is a hard link to ${readable(member.linkName)}, which ${why}`),
      );
      const kind = this.seen.get(target);
      // A link with two names: link(2) does not follow it.
      if (kind === 'link') return void this.seen.set(path, 'link');
      if (kind !== 'file')
        refuse(`is a hard link to ${readable(member.linkName)}, which is no file of the archive`);
    }
    this.seen.set(path, kinds[member.type]);
  }

  /** The place inside the root, without `./` and a final `/`; refuses what leads elsewhere. */
  private place(name: string, refuse: (why: string) => never): string {
    if (name.startsWith('/')) refuse('is absolute');
    const odd = this.limits.oddNames ? /\0/ : /[\u0000-\u001f\u007f]/;
    if (odd.test(name)) refuse('has control characters in its name');
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (name.length > longestPathBytes || parts.some((part) => part.length > longestNameBytes))
      refuse('has a name that is too long');
    if (parts.includes('..')) refuse(`leads out of the root by '..'`);
    let parent = '';
    for (const part of parts.slice(0, -1)) {
      parent = parent === '' ? part : `${parent}/${part}`;
      const kind = this.seen.get(parent);
      if (kind === 'link') refuse(`goes through the symbolic link ${readable(parent)}`);
      if (kind === 'file' || kind === 'other')
        refuse(`lies below ${readable(parent)}, which is no directory`);
    }
    return parts.join('/');
  }
}

const kinds: Readonly<Record<TarMember['type'], Seen>> = {
  file: 'file',
  hardlink: 'file',
  symlink: 'link',
  directory: 'directory',
  device: 'other',
  fifo: 'other',
};

/** Names are kept byte by byte (latin1); for people they are UTF-8. */
function readable(name: string): string {
  return Buffer.from(name, 'latin1')
    .toString('utf8')
    .slice(0, 200)
    .replaceAll(/\p{Cc}/gu, '?');
}

/**
 * Backups of libiocage: an archive, or a directory, of `config.json`, `fstab`, and either `root/` (what the jail has
 * other than its release) or `root.zfs` (all of it, as a stream of zfs-send(8)), with `NAME.zfs` for each other
 * dataset. Beside them we write `manifest.json`, which libiocage passes over: what of the release is gone.
 *
 * Here is decided, from the members alone, what of one may be unpacked. Pure.
 */
import * as z from 'zod';
import { ArchiveCheck } from './archive.ts';
import { failure } from './errors.ts';
import { headBytes, parseStreamHead } from './stream-head.ts';
import type { TarMember, TarSink } from './tar.ts';

/** More than any real one has. */
const maxBytes: Readonly<Record<string, number>> = {
  'config.json': 2 ** 20,
  fstab: 2 ** 18,
  'manifest.json': 2 ** 24,
};
const maxStreams = 256;
const datasetPath = /^[A-Za-z0-9_][\w.:-]*(\/[A-Za-z0-9_][\w.:-]*){0,8}$/;

const manifestSchema = z.object({
  format: z.literal('iocage-backup'),
  version: z.literal(1),
  deleted: z.array(z.string().max(4096)),
});

/** @param deleted paths below the root that the release has and the jail has not, the topmost of them */
export function printManifest(deleted: readonly string[]): string {
  return `${JSON.stringify({ format: 'iocage-backup', version: 1, deleted }, null, 2)}\n`;
}

export interface BackupStream {
  /** As the archive calls it. */
  readonly member: string;
  /** Dataset below the jail's: `root`, `data`, `data/inner`. */
  readonly path: string;
}

export interface Backup {
  readonly config: string;
  readonly fstab: string;
  readonly deleted: readonly string[];
  /** What all streams are of, where there are some. */
  readonly snapshot: string | undefined;
  /** A dataset before those that lie in it. */
  readonly streams: readonly BackupStream[];
  /** How the archive calls the tree of files; undefined when the root is a stream. */
  readonly tree: string | undefined;
}

/** What is in the root before the tree is laid over it. */
export type Present = ReadonlyMap<string, 'file' | 'directory' | 'link' | 'other'>;

function assertAround(paths: ReadonlySet<string>, refuse: (why: string) => Error): void {
  for (const path of paths) {
    const around = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (around !== '' && around !== 'root' && !paths.has(around))
      throw refuse(`what the dataset ${path} lies in is missing`);
  }
}

/** Takes the members of one backup as they come, and judges all of them at the end. */
export class BackupReader {
  private readonly file: string;
  private readonly limits: { readonly maxBytes: number; readonly maxMembers: number };
  private readonly texts = new Map<string, Buffer[]>();
  private readonly streams = new Map<string, { member: string; head: Buffer }>();
  private readonly rootMembers: TarMember[] = [];
  private tree: string | undefined;
  private members = 0;
  sizeBytes = 0;

  /** @param file its name, for messages */
  constructor(file: string, limits: { maxBytes: number; maxMembers: number }) {
    this.file = file;
    this.limits = limits;
  }

  private readonly bad = (why: string): Error => failure('BAD_ARCHIVE', { file: this.file, why });

  take(member: TarMember): TarSink | void {
    this.members += 1;
    this.sizeBytes += member.sizeBytes;
    if (this.members > this.limits.maxMembers)
      throw this.bad(`it has more than ${this.limits.maxMembers} members`);
    if (this.sizeBytes > this.limits.maxBytes)
      throw this.bad(`it is larger than the ${this.limits.maxBytes} bytes that there is room for`);
    const name = member.name.replace(/^\.\//, '').replace(/\/$/, '');
    if (name === '' || name === '.') {
      if (member.type !== 'directory') throw this.bad('its top is no directory');
      return;
    }
    if (name === 'root' || name.startsWith('root/')) return this.takeRoot(member);
    if (Object.hasOwn(maxBytes, name)) return this.takeText(member, name);
    const path = name.endsWith('.zfs') ? name.slice(0, -4) : name;
    if (!datasetPath.test(path) || !['file', 'directory'].includes(member.type))
      throw this.bad(`${JSON.stringify(name.slice(0, 100))} is no part of a backup of libiocage`);
    // A directory holds the streams of datasets inside of another one.
    if (member.type === 'directory') return;
    if (path === name)
      throw this.bad(`${JSON.stringify(name.slice(0, 100))} is no part of a backup of libiocage`);
    return this.takeStream(member, path);
  }

  private takeRoot(member: TarMember): void {
    const top = member.name.startsWith('./') ? './root' : 'root';
    this.tree ??= top;
    // What is left out when it is unpacked is known by its spelling.
    if (this.tree !== top || /\/\.?\/|\/\.$/.test(member.name.slice(top.length)))
      throw this.bad('a member is spelled in an unusual way');
    this.rootMembers.push(member);
  }

  private takeText(member: TarMember, name: string): TarSink {
    if (member.type !== 'file' || member.sizeBytes > maxBytes[name]!)
      throw this.bad(`${name} is no plain file of at most ${maxBytes[name]} bytes`);
    if (this.texts.has(name)) throw this.bad(`${name} is in it twice`);
    const parts: Buffer[] = [];
    this.texts.set(name, parts);
    return (bytes) => void parts.push(Buffer.from(bytes));
  }

  private takeStream(member: TarMember, path: string): TarSink {
    if (this.streams.has(path)) throw this.bad(`${path}.zfs is in it twice`);
    if (this.streams.size >= maxStreams) throw this.bad(`it has more than ${maxStreams} streams`);
    const stream = { member: member.name, head: Buffer.alloc(0) };
    this.streams.set(path, stream);
    return (bytes) => {
      const missing = headBytes - stream.head.length;
      if (missing > 0) stream.head = Buffer.concat([stream.head, bytes.subarray(0, missing)]);
    };
  }

  /** After the last member. @throws BAD_ARCHIVE */
  end(): Backup {
    const text = (name: string): string => Buffer.concat(this.texts.get(name) ?? []).toString('utf8');
    if (!this.texts.has('config.json')) throw this.bad('there is no config.json in it');
    const { tree } = this;
    if (this.streams.has('root') && tree !== undefined) throw this.bad('it has both root.zfs and root/');
    if (!this.streams.has('root') && tree === undefined) throw this.bad('it has neither root.zfs nor root/');
    assertAround(new Set(this.streams.keys()), this.bad);
    const streams = [...this.streams].sort(([a], [b]) => (a < b ? -1 : 1));
    const snapshots = new Set(streams.map(([path, { head }]) => this.snapshotOf(path, head)));
    if (snapshots.size > 1) throw this.bad('its streams are not of one moment');
    return {
      config: text('config.json'),
      fstab: text('fstab'),
      deleted: this.deleted(),
      snapshot: [...snapshots][0],
      streams: streams.map(([path, { member }]) => ({ path, member })),
      tree,
    };
  }

  private deleted(): readonly string[] {
    if (!this.texts.has('manifest.json')) return [];
    try {
      return manifestSchema.parse(
        JSON.parse(Buffer.concat(this.texts.get('manifest.json')!).toString('utf8')),
      ).deleted;
    } catch {
      throw this.bad('its manifest.json is none that is known here');
    }
  }

  private snapshotOf(path: string, head: Buffer): string {
    const stream = parseStreamHead(head);
    if (stream === undefined) throw this.bad(`${path}.zfs is no stream of one ZFS snapshot`);
    if (!stream.full) throw this.bad(`${path}.zfs needs an earlier snapshot`);
    const [, snapshot] = /@([A-Za-z0-9][\w.:-]*)$/.exec(stream.snapshot) ?? [];
    if (snapshot === undefined) throw this.bad(`${path}.zfs is of a snapshot of an odd name`);
    return snapshot;
  }

  /** The tree, as it would be unpacked over what is there. @throws UNSAFE_ARCHIVE */
  judgeTree(present: Present): void {
    const check = new ArchiveCheck({ ...this.limits, oddNames: true });
    for (const [path, type] of present) check.present(path, type);
    const top = `${this.tree}/`;
    const inside = (name: string): string =>
      name.startsWith(top) ? name.slice(top.length) : name === top.slice(0, -1) ? './' : `../${name}`;
    for (const member of this.rootMembers) {
      const { name, linkName, type } = member;
      check.take(
        { ...member, name: inside(name), linkName: type === 'hardlink' ? inside(linkName) : linkName },
        this.file,
      );
    }
  }
}

/**
 * What an archive without a word about it is, by its first members: a backup, or the root directory of a jail; a
 * jail's directory as Bastille archives it; undefined as long as that cannot be told.
 */
export function kindByMember(name: string): 'backup' | 'root' | 'bastille' | undefined {
  const path = name.replace(/^\.\//, '');
  if (path === 'config.json' || path === 'root.zfs') return 'backup';
  if (/^(bin|dev|etc|lib|sbin|usr|var)(\/|$)/.test(path)) return 'root';
  return /^[^/]+\/(jail\.conf|settings\.conf)$/.test(path) ? 'bastille' : undefined;
}

/** libiocage's word for the mount point of the jail's dataset. */
const scheme = 'backup://';

const eachField = (text: string, change: (field: string) => string): string =>
  text
    .split('\n')
    .map((line) => (line.trimStart().startsWith('#') ? line : line.replace(/[^ \t]+/g, change)))
    .join('\n');

/** As libiocage writes it: `backup:///` in the place of the mount point, and what follows. @param place as it stands in a field of fstab(5) */
export function toBackupFstab(text: string, place: string): string {
  return eachField(text, (field) =>
    field === place || field.startsWith(`${place}/`) ? `${scheme}/${field.slice(place.length)}` : field,
  );
}

export function fromBackupFstab(text: string, place: string): string {
  return eachField(text, (field) => {
    if (!field.startsWith(`${scheme}/`)) return field;
    const rest = field.slice(scheme.length).replace(/^\/+/, '');
    return rest === '' ? place : `${place}/${rest}`;
  });
}

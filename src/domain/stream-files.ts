/**
 * Small text files of a dataset, read out of the stream of zfs-send(8) that it comes in: so the configuration of a jail
 * is known, and judged, before anything of it is received. Takes full and incremental snapshots in their order.
 *
 * Pure. Source: zfs_znode.h, zap_impl.h of OpenZFS: object 1 says which object is the top directory; a directory is a
 * table of names, small ones in one block. Sizes are not needed, since text has no NUL.
 */
import { StreamProblem, type RecordSink } from './stream-records.ts';

const smallTable = 0x8000000000000003n;
const entryBytes = 64;
/** More than a jail's dataset holds beside its root. */
const maxKeptBytes = 2 ** 25;
const maxTextBytes = 2 ** 20;
const [directory, plainFile] = [4, 8];

interface StoredObject {
  readonly type: number;
  readonly blockBytes: number;
  readonly blocks: Map<bigint, Buffer>;
}

export class StreamFiles implements RecordSink {
  private readonly objects = new Map<bigint, StoredObject>();
  private keptBytes = 0;
  private problem: string | undefined;

  object(id: bigint, type: number, blockBytes: number): void {
    const known = this.objects.get(id);
    if (known?.type === type && known.blockBytes === blockBytes) return;
    this.objects.set(id, { type, blockBytes, blocks: new Map() });
  }

  freeObjects(first: bigint, count: bigint): void {
    for (const id of this.objects.keys()) if (id >= first && id - first < count) this.objects.delete(id);
  }

  write(id: bigint, offset: bigint, bytes: Buffer): void {
    this.keptBytes += bytes.byteLength;
    if (this.keptBytes > maxKeptBytes) this.unreadable('there is too much beside its root');
    else this.objects.get(id)?.blocks.set(offset, bytes);
  }

  free(id: bigint, offset: bigint, length: bigint): void {
    const blocks = this.objects.get(id)?.blocks;
    for (const [at, bytes] of blocks ?? []) {
      const from = at > offset ? 0n : offset - at;
      const to = offset + length - at;
      if (to <= 0n || from >= BigInt(bytes.byteLength)) continue;
      bytes.fill(0, Number(from), to > BigInt(bytes.byteLength) ? undefined : Number(to));
    }
  }

  unreadable(why: string): void {
    this.problem ??= why;
  }

  /** @returns undefined when there is no such file. @throws StreamProblem */
  read(path: string): string | undefined {
    const parts = path.split('/');
    const id = this.find(parts.slice(0, -1));
    const value = id === undefined ? undefined : this.table(id, path).get(parts.at(-1)!);
    if (value === undefined) return undefined;
    if (kindOf(value) !== plainFile) throw new StreamProblem(`${path} is no plain file`);
    return this.text(numberOf(value), path);
  }

  /** Names in a directory; none when there is no such. @throws StreamProblem */
  list(path: string): readonly string[] {
    const id = this.find(path === '' ? [] : path.split('/'));
    return id === undefined ? [] : [...this.table(id, path).keys()];
  }

  private find(parts: readonly string[]): bigint | undefined {
    if (this.problem !== undefined) throw new StreamProblem(this.problem);
    let id = this.table(1n, 'its top').get('ROOT');
    for (const part of parts) {
      const value: bigint | undefined = id === undefined ? undefined : this.table(id, part).get(part);
      id = value === undefined || kindOf(value) !== directory ? undefined : numberOf(value);
    }
    return id;
  }

  private table(id: bigint, what: string): ReadonlyMap<string, bigint> {
    const block = this.objects.get(id)?.blocks.get(0n);
    if (block === undefined || block.byteLength < entryBytes || block.readBigUInt64LE(0) !== smallTable)
      throw new StreamProblem(`the directory of ${what} is not there, or too large to be read here`);
    const entries = new Map<string, bigint>();
    for (let at = entryBytes; at + entryBytes <= block.byteLength; at += entryBytes) {
      const name = block.subarray(at + 14, at + entryBytes);
      const end = name.indexOf(0);
      if (end !== 0)
        entries.set(name.subarray(0, end < 0 ? undefined : end).toString('utf8'), block.readBigUInt64LE(at));
    }
    return entries;
  }

  private text(id: bigint, path: string): string {
    const blocks = [...(this.objects.get(id)?.blocks ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    const last = blocks.at(-1);
    const sizeBytes = last === undefined ? 0 : Number(last[0]) + last[1].byteLength;
    if (sizeBytes > maxTextBytes) throw new StreamProblem(`${path} is too large`);
    const all = Buffer.alloc(sizeBytes);
    for (const [at, bytes] of blocks) bytes.copy(all, Number(at));
    const text = all.toString('utf8').replace(/\0+$/, '');
    if (text.includes('\0')) throw new StreamProblem(`${path} is no text`);
    return text;
  }
}

const kindOf = (value: bigint): number => Number(value >> 60n);
const numberOf = (value: bigint): bigint => value & 0xffffffffffffn;

/**
 * The records of what zfs-send(8) writes, as they come in, in pieces of any size: which snapshots there are and where
 * each begins and ends, so that each can be given to zfs-receive(8) alone. A package of several (`zfs send -R`) holds
 * properties too, which say where everything is mounted; they stand in front of the first snapshot and are passed over.
 *
 * Pure. Source: dmu_replay_record of OpenZFS, sys/zfs_ioctl.h; zfs-fuse writes the same.
 */
import { headBytes, parseStreamHead } from './stream-head.ts';

/** The stream is none, or none that can be taken apart here; the message is in words. */
export class StreamProblem extends Error {
  override readonly name = 'StreamProblem';
}

/** One snapshot of one dataset in it. */
export interface StreamSnapshot {
  readonly dataset: string;
  readonly snapshot: string;
  readonly guid: bigint;
  /** Of the snapshot that it builds on; 0 when it stands alone. */
  readonly fromGuid: bigint;
  /** Of its first byte in all of the stream, and how many there are. */
  readonly at: number;
  readonly bytes: number;
}

/** What becomes of the files of a dataset; see `stream-files.ts`. */
export interface RecordSink {
  object(id: bigint, type: number, blockBytes: number): void;
  freeObjects(first: bigint, count: bigint): void;
  write(id: bigint, offset: bigint, bytes: Buffer): void;
  free(id: bigint, offset: bigint, length: bigint): void;
  /** Data that is in the stream and cannot be read. */
  unreadable(why: string): void;
}

const type = {
  ...{ begin: 0, object: 1, freeObjects: 2, write: 3, free: 4, end: 5, byReference: 6, spill: 7 },
  ...{ embedded: 8, range: 9, redact: 10 },
} as const;
const roundUp = (bytes: number): number => Math.ceil(bytes / 8) * 8;
/** A block is at most 16 MiB; the properties of a thousand datasets are far below. */
const maxPayloadBytes = 2 ** 24;
const maxPackageBytes = 2 ** 26;
const maxSnapshots = 4096;
const filesystem = 2;

type State = 'start' | 'properties' | 'between' | 'snapshot' | 'over';

export class StreamReader {
  readonly snapshots: StreamSnapshot[] = [];
  /** Bytes read so far. */
  sizeBytes = 0;
  private readonly sinkFor: (dataset: string) => RecordSink | undefined;
  private state: State = 'start';
  private isPackage = false;
  private readonly head = Buffer.alloc(headBytes);
  private filled = 0;
  private skip = 0;
  private payload: { readonly parts: Buffer[]; readonly take: (bytes: Buffer) => void } | undefined;
  private current: Omit<StreamSnapshot, 'bytes'> | undefined;
  private sink: RecordSink | undefined;

  /** @param sinkFor who is told of the records of a dataset, if anybody */
  constructor(sinkFor: (dataset: string) => RecordSink | undefined) {
    this.sinkFor = sinkFor;
  }

  /** @throws StreamProblem */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      const wanted = this.skip > 0 ? this.skip : headBytes - this.filled;
      const some = bytes.subarray(at, at + wanted);
      at += some.byteLength;
      this.sizeBytes += some.byteLength;
      if (this.skip > 0) this.pass(some);
      else {
        this.head.set(some, this.filled);
        this.filled += some.byteLength;
        if (this.filled < headBytes) continue;
        this.filled = 0;
        this.record();
      }
    }
  }

  /** After the last byte. @throws StreamProblem when it ends early */
  end(): readonly StreamSnapshot[] {
    if (this.state !== 'over' || this.filled > 0 || this.skip > 0) throw new StreamProblem('it ends early');
    return this.snapshots;
  }

  private pass(bytes: Uint8Array): void {
    this.skip -= bytes.byteLength;
    if (this.payload === undefined) return;
    this.payload.parts.push(Buffer.from(bytes));
    if (this.skip > 0) return;
    this.payload.take(Buffer.concat(this.payload.parts));
    this.payload = undefined;
  }

  /** A number in the record; `at` as in the structure. */
  private word = (at: number): number => this.head.readUInt32LE(at);
  private long = (at: number): bigint => this.head.readBigUInt64LE(at);

  private record(): void {
    const kind = this.word(0);
    if (this.state === 'over') throw new StreamProblem('it goes on behind its end');
    if (this.state === 'snapshot') return this.within(kind);
    if (kind === type.begin && this.state !== 'properties') return this.begin();
    if (kind === type.end && this.state !== 'start') {
      this.state = this.state === 'properties' ? 'between' : 'over';
      return;
    }
    throw new StreamProblem('it is no stream of zfs send');
  }

  private begin(): void {
    const head = parseStreamHead(this.head);
    const payload = this.word(4);
    if (head === undefined) {
      // The low two bits: 1 a stream, 2 a package.
      const known = this.long(8) === 0x2f5bacbacn && (this.long(16) & 3n) === 2n;
      if (!known || this.state !== 'start') throw new StreamProblem('it is no stream of zfs send');
      if (payload > maxPackageBytes) throw new StreamProblem('its properties are too large');
      this.isPackage = true;
      this.skip = payload;
      this.state = 'properties';
      return;
    }
    if (this.word(32) !== filesystem) throw new StreamProblem(`${head.snapshot} is no file system`);
    // Of a stream that goes on where one broke off, that is encrypted, or that leaves something out.
    if (payload !== 0) throw new StreamProblem(`${head.snapshot} is encrypted, or not whole`);
    const [dataset = '', snapshot = '', more] = head.snapshot.split('@');
    if (snapshot === '' || more !== undefined) throw new StreamProblem('it is of no snapshot');
    if (this.snapshots.length >= maxSnapshots)
      throw new StreamProblem(`it has more than ${maxSnapshots} snapshots`);
    const at = this.sizeBytes - headBytes;
    this.current = { dataset, snapshot, guid: this.long(40), fromGuid: this.long(48), at };
    this.sink = this.sinkFor(dataset);
    this.state = 'snapshot';
  }

  private within(kind: number): void {
    const { sink } = this;
    switch (kind) {
      case type.object:
        sink?.object(this.long(8), this.word(16), this.word(24));
        return this.follow(this.word(36) === 0 ? roundUp(this.word(28)) : this.word(36));
      case type.freeObjects:
        return sink?.freeObjects(this.long(8), this.long(16));
      case type.write:
        return this.write();
      case type.free:
        return sink?.free(this.long(8), this.long(16), this.long(24));
      case type.byReference:
        return sink?.unreadable('a block stands for another one');
      case type.spill:
        return this.follow(this.head[33] === 0 ? roundUp(Number(this.long(16))) : Number(this.long(40)));
      case type.embedded:
        sink?.unreadable('it holds packed blocks (send -e)');
        return this.follow(roundUp(this.word(52)));
      case type.end:
        this.snapshots.push({ ...this.current!, bytes: this.sizeBytes - this.current!.at });
        this.state = this.isPackage ? 'between' : 'over';
        return;
      case type.range:
      case type.redact:
        throw new StreamProblem('it is encrypted, or leaves something out');
      default:
        throw new StreamProblem('it is damaged');
    }
  }

  private write(): void {
    const [id, offset, packed] = [this.long(8), this.long(24), this.head[50] !== 0];
    this.follow(Number(packed ? this.long(96) : this.long(32)));
    const { sink } = this;
    if (sink === undefined) return;
    if (packed) sink.unreadable('it holds packed blocks (send -c)');
    else if (this.skip > 0) this.payload = { parts: [], take: (bytes) => sink.write(id, offset, bytes) };
  }

  private follow(bytes: number): void {
    if (bytes > maxPayloadBytes) throw new StreamProblem('it is damaged');
    this.skip = bytes;
  }
}

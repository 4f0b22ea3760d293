/**
 * The storage interface: what operations need of ZFS. Names are always full dataset names and data,
 * never patterns. `driver/zfs/` implements it over zfs(8) and zpool(8); the contract suite in
 * `test/contract/storage.ts` says what every implementation must do.
 */
import type { RunResult } from './system.ts';

/** Written on everything that an operation creates, in the call that creates it: the operation's id. */
export const stampProperty = 'org.freebsd.iocage:op';

export interface Capabilities {
  /** `zfs-fuse` or `openzfs`. */
  readonly flavour: string;
  readonly lz4: boolean;
  /** A pool property `comment` exists (the original marked its pool with it). */
  readonly poolComment: boolean;
  readonly setMany: boolean;
  readonly resumableReceive: boolean;
  /** The property that hands a dataset to a jail: `jailed` on FreeBSD, `zoned` on Linux. */
  readonly jailedProperty: 'jailed' | 'zoned';
}

export interface Pool {
  readonly name: string;
  /** `org.freebsd.ioc:active=yes` on the root dataset, or the pool comment `iocage`. */
  readonly active: boolean;
  /** How it was marked; undefined when it is not active. */
  readonly activeBy?: 'property' | 'comment';
  /** `org.freebsd.iocage:disposable=yes` on the root dataset: tests and the demo may destroy things here. */
  readonly disposable: boolean;
  readonly mountpoint: string | undefined;
}

/** A filesystem with the columns that were asked for. An unset column is absent from `values`. */
export interface DatasetRow {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
  /** Set when what ZFS printed for it cannot be trusted (control characters, wrong number of fields). */
  readonly problem?: string;
}

export interface SnapshotRow {
  /** Full name `dataset@name`. */
  readonly name: string;
  readonly dataset: string;
  readonly snapshot: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly usedBytes: number;
  readonly referencedBytes: number;
  /** Order of creation inside the pool: a greater number is newer. */
  readonly createTxg: number;
  readonly values: ReadonlyMap<string, string>;
}

/** One snapshot on its way to another host. */
export interface StreamPart {
  /** `dataset@name`: what is there afterwards. */
  readonly snapshot: string;
  /** `dataset@name` that is there already: an older one of the dataset, or the origin of a clone. */
  readonly from?: string;
  /** Go on where this transfer of the snapshot broke off; the receiving side has it from its ZFS. */
  readonly token?: string;
}

export type Properties = Readonly<Record<string, string>>;

export interface Storage {
  capabilities(): Promise<Capabilities>;
  /** From now on the guard takes what lies below this root as it takes what lies below POOL/iocage. Reads nothing. */
  admit(root: string): void;

  // ---- reading: one child process each, whatever the number of datasets
  pools(): Promise<readonly Pool[]>;
  /** Health as `zpool list` says it: `ONLINE`, `DEGRADED`, `SUSPENDED`, … */
  poolHealth(pool: string): Promise<string | undefined>;
  /**
   * The filesystem and those below it, down to `depth` levels, with `columns` (native names or
   * `namespace:key`). Undefined when `root` does not exist.
   */
  filesystems(
    root: string,
    depth: number,
    columns: readonly string[],
  ): Promise<readonly DatasetRow[] | undefined>;
  /**
   * {@link Storage.filesystems} of each of these roots, all in one child process. What does not exist, or is no
   * filesystem, has no entry. Throws when ZFS cannot tell of one of them.
   */
  filesystemsOf(
    roots: readonly string[],
    depth: number,
    columns: readonly string[],
  ): Promise<ReadonlyMap<string, readonly DatasetRow[]>>;
  /** Exact numbers (bytes; ratio as text such as `1.53x`) of native properties. */
  measure(
    root: string,
    depth: number,
    properties: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>>;
  /**
   * Snapshots of the dataset and of those below it, down to `depth` levels (0: only its own; undefined:
   * of everything below), oldest first.
   */
  snapshots(
    root: string,
    depth: number | undefined,
    columns: readonly string[],
  ): Promise<readonly SnapshotRow[]>;
  /** Every filesystem of the pool that is a clone: its name and its origin snapshot. */
  clones(pool: string): Promise<readonly { readonly dataset: string; readonly origin: string }[]>;
  /** Properties of one dataset or snapshot that are set on itself, not inherited; undefined when it does not exist. */
  local(name: string): Promise<ReadonlyMap<string, string> | undefined>;

  // ---- changing
  /** Creates and mounts a filesystem, with all `properties` in the same call. DATASET_EXISTS when it is there. */
  create(dataset: string, properties: Properties): Promise<void>;
  /** Snapshot `dataset@name`, of everything below too when `recursive`. */
  snapshot(name: string, options: { recursive: boolean; properties: Properties }): Promise<void>;
  clone(snapshot: string, dataset: string, properties: Properties): Promise<void>;
  /** Full copy of a snapshot by send and receive; the new filesystem carries no snapshot afterwards. */
  copy(snapshot: string, dataset: string): Promise<void>;
  set(dataset: string, properties: Properties): Promise<void>;
  inherit(dataset: string, key: string): Promise<void>;
  rollback(snapshot: string, options: { destroyNewer: boolean }): Promise<void>;
  promote(dataset: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  mount(dataset: string): Promise<void>;
  /** Unmounts the filesystem and those mounted inside it, all or none. Not mounted is no failure. */
  unmount(dataset: string): Promise<void>;
  /**
   * Destroys a filesystem, its snapshots and, when `recursive`, everything below it; never a clone of it.
   * Passes the guard first (only strictly below POOL/iocage or an admitted root, with the expected shape). Absent
   * is no failure.
   *
   * With `madeBy` it does nothing unless the dataset itself carries this value as its {@link stampProperty}; such
   * a dataset may also be `POOL/iocage` or one of the layout's first level, so that making the layout
   * can be undone.
   *
   * What is in `gone` does not count as hanging on it: the caller destroys that before. In a dry run it
   * is still there.
   */
  destroy(
    dataset: string,
    options: { recursive: boolean; madeBy?: string; gone?: readonly string[] },
  ): Promise<void>;
  /** Destroys `dataset@name`, and the snapshots of that name below when `recursive`. Absent is no failure. */
  destroySnapshot(name: string, options: { recursive: boolean }): Promise<void>;

  // ---- to and from other hosts: the streams never pass through this process
  /**
   * Writes `head`, then a stream for each part, into `command`. Answers how that ended, whatever its
   * status; throws when a stream could not be made.
   */
  send(
    parts: readonly StreamPart[],
    to: {
      readonly head: string;
      readonly command: readonly string[];
      readonly signal?: AbortSignal;
      readonly onBytes?: (bytes: number) => void;
    },
  ): Promise<RunResult>;
  /**
   * Takes the next stream from our own standard input into `dataset`, which stays unmounted; or the one
   * that the command `from` writes. All of it or nothing; what is `resumable` can be gone on with later.
   * DIVERGED when the dataset is not what the stream builds on.
   */
  receive(
    dataset: string,
    options: { resumable: boolean; from?: readonly string[]; signal?: AbortSignal },
  ): Promise<void>;
  /** Sends one snapshot into `dataset` of this host, which stays unmounted: all of it or nothing. */
  relay(part: StreamPart, dataset: string): Promise<void>;
  /** Forgets what a broken resumable transfer left in the dataset. */
  abortReceive(dataset: string): Promise<void>;
  /** Guid of the snapshot that a token goes on with; undefined when it is not here any more. */
  tokenGuid(token: string): Promise<string | undefined>;

  setPoolComment(pool: string, comment: string): Promise<void>;
}

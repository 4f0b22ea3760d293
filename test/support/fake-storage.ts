/**
 * Storage in memory, passing the same contract suite as the real one: for operation tests that need no
 * ZFS. It can be told to fail at a call, to call a dataset busy, and dumps its whole state as text.
 *
 * @example const fake = new FakeStorage({ pools: [{ name: 'tank', active: true }] });
 *          fake.failNext('clone');
 */
import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { failure, type IocageError } from '../../src/domain/errors.ts';
import type { RunResult } from '../../src/driver/system.ts';
import type {
  Capabilities,
  DatasetRow,
  Pool,
  Properties,
  SnapshotRow,
  Storage,
  StreamPart,
} from '../../src/driver/storage.ts';
import * as argv from '../../src/driver/zfs/argv.ts';
import { assertDestroyable } from '../../src/driver/zfs/guard.ts';
import {
  assertDataset,
  assertName,
  isAtOrBelow,
  parentOf,
  splitSnapshot,
} from '../../src/driver/zfs/name.ts';
import { stampProperty } from '../../src/driver/storage.ts';
import { directoryContent, memoryContent, type Content } from './fake-content.ts';
import {
  settable,
  toBytes,
  toHuman,
  type FakeFilesystem,
  type FakeSnapshot,
  type FakeStream,
} from './fake-model.ts';

export interface FakePool {
  readonly name: string;
  /** Marks it with the property. */
  readonly active?: boolean;
  readonly comment?: string;
  /** Default true. */
  readonly disposable?: boolean;
  readonly health?: string;
  readonly sizeBytes?: number;
  /** Default `/NAME`, or below the base directory. */
  readonly mountpoint?: string;
}

export interface FakeOptions {
  /** Default one pool `tank`, not activated. */
  readonly pools?: readonly FakePool[];
  readonly capabilities?: Partial<Capabilities>;
  /** An existing directory: mount points are then real directories below it. */
  readonly baseDir?: string;
}

export interface FakeCall {
  readonly method: keyof Storage;
  readonly args: readonly unknown[];
}

interface Fault {
  readonly matches: (call: FakeCall) => boolean;
  readonly error: IocageError | undefined;
  readonly after: boolean;
}

const zfsFuse: Capabilities = {
  flavour: 'fake',
  lz4: false,
  poolComment: true,
  setMany: true,
  resumableReceive: false,
  jailedProperty: 'zoned',
};

let guids = 1_000_000_007n;
/** Not the same in two pools of one test. */
const newGuid = (): string => String((guids += 7n));
const toToken = (guid: string): string => `1-a-b-${BigInt(guid).toString(16)}`;

const emptyBytes = 114_688;
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

export class FakeStorage implements Storage {
  /** Every call so far, in order. */
  readonly calls: FakeCall[] = [];
  private readonly pools_: Map<string, FakePool & { comment?: string }>;
  private readonly datasets = new Map<string, FakeFilesystem>();
  private readonly faults: Fault[] = [];
  private readonly occupied: string[] = [];
  private readonly known: Capabilities;
  private readonly baseDir: string | undefined;
  private txg = 4;
  private readonly roots = new Set<string>();

  constructor(options: FakeOptions = {}) {
    this.known = { ...zfsFuse, ...options.capabilities };
    this.baseDir = options.baseDir;
    this.pools_ = new Map((options.pools ?? [{ name: 'tank' }]).map((pool) => [pool.name, { ...pool }]));
    for (const pool of this.pools_.values()) {
      const local: Record<string, string> = {
        mountpoint: pool.mountpoint ?? join(this.baseDir ?? '/', pool.name),
        ...(pool.active ? { 'org.freebsd.ioc:active': 'yes' } : {}),
        ...(pool.disposable === false ? {} : { 'org.freebsd.iocage:disposable': 'yes' }),
      };
      this.datasets.set(pool.name, this.newFilesystem(local));
      this.mountNow(pool.name);
    }
  }

  admit(root: string): void {
    this.roots.add(root);
  }

  // ---- for tests

  /** The other end of `send`: gets what goes before the streams, and those. */
  other: ((head: string, streams: readonly FakeStream[]) => Promise<Partial<RunResult>>) | undefined;
  /** What comes in on our standard input, for `receive`. */
  readonly incoming: FakeStream[] = [];

  /**
   * Makes the next matching call fail. `after`: what it does is done all the same, as when a command is
   * killed after its effect.
   */
  failNext(
    what: keyof Storage | ((call: FakeCall) => boolean),
    options: { error?: IocageError; after?: boolean } = {},
  ): void {
    const matches = typeof what === 'function' ? what : (call: FakeCall) => call.method === what;
    this.faults.push({ matches, error: options.error, after: options.after ?? false });
  }

  /** A process stands in the dataset until the answer is called. */
  occupy(dataset: string): () => void {
    this.occupied.push(dataset);
    return () => void this.occupied.splice(this.occupied.indexOf(dataset), 1);
  }

  write(dataset: string, file: string, text: string): void {
    this.need(dataset).content.write(file, text);
  }

  read(dataset: string, file: string): string | undefined {
    return this.need(dataset).content.read(file);
  }

  /** Sets a property past every check, as another program could. */
  setRaw(dataset: string, key: string, value: string): void {
    this.need(dataset).local.set(key, value);
  }

  mountpointOf(dataset: string): string | undefined {
    const path = this.value(dataset, 'mountpoint');
    return path?.startsWith('/') ? path : undefined;
  }

  /** All there is, as text; equal before and after means that nothing has changed. */
  snapshotState(): string {
    const lines: string[] = [];
    for (const pool of this.pools_.values()) lines.push(`pool ${pool.name} comment=${pool.comment ?? '-'}`);
    for (const [name, dataset] of [...this.datasets].sort(byName)) {
      lines.push(`${name} mounted=${dataset.mounted} origin=${dataset.origin ?? '-'}`);
      for (const [key, value] of [...dataset.local].sort(byName)) lines.push(`  ${key}=${value}`);
      for (const [file, text] of dataset.content.entries(this.holes(name)))
        lines.push(`  ${file}: ${JSON.stringify(text)}`);
      for (const [snapshot, { local, content }] of dataset.snapshots) {
        lines.push(`  @${snapshot}`);
        for (const [key, value] of [...local].sort(byName)) lines.push(`    ${key}=${value}`);
        for (const [file, text] of content.entries([])) lines.push(`    ${file}: ${JSON.stringify(text)}`);
      }
    }
    return lines.join('\n') + '\n';
  }

  // ---- reading

  capabilities(): Promise<Capabilities> {
    return this.call('capabilities', [], () => this.known);
  }

  pools(): Promise<readonly Pool[]> {
    return this.call('pools', [], () => {
      const pools = [...this.pools_.values()].map((pool): Pool => {
        const { local } = this.need(pool.name);
        const active = local.get('org.freebsd.ioc:active') === 'yes';
        return {
          name: pool.name,
          active,
          ...(active ? { activeBy: 'property' as const } : {}),
          disposable: local.get('org.freebsd.iocage:disposable') === 'yes',
          mountpoint: this.mountpointOf(pool.name),
        };
      });
      if (pools.some(({ active }) => active) || !this.known.poolComment) return pools;
      return pools.map((pool): Pool =>
        this.pools_.get(pool.name)?.comment === 'iocage'
          ? { ...pool, active: true, activeBy: 'comment' }
          : pool,
      );
    });
  }

  poolHealth(pool: string): Promise<string | undefined> {
    return this.call('poolHealth', [pool], () => {
      assertDataset(pool);
      const found = this.pools_.get(pool);
      return found && (found.health ?? 'ONLINE');
    });
  }

  filesystems(
    root: string,
    depth: number,
    columns: readonly string[],
  ): Promise<readonly DatasetRow[] | undefined> {
    return this.call('filesystems', [root, depth, columns], () => {
      argv.list(root, depth, 'filesystem', columns);
      if (!this.datasets.has(root)) return undefined;
      return this.reach(root, depth).map((name): DatasetRow => {
        const values = this.values(name, columns, toHuman);
        // eslint-disable-next-line no-control-regex -- what ZFS prints unescaped.
        if ([...values.values()].some((value) => /[\t\n]/.test(value))) {
          return { name, values: new Map(), problem: 'ZFS prints values for it that hold tabs or newlines' };
        }
        return { name, values };
      });
    });
  }

  async filesystemsOf(
    roots: readonly string[],
    depth: number,
    columns: readonly string[],
  ): Promise<ReadonlyMap<string, readonly DatasetRow[]>> {
    const all = await Promise.all(
      roots.map(async (root) => [root, await this.filesystems(root, depth, columns)] as const),
    );
    return new Map(all.flatMap(([root, rows]) => (rows === undefined ? [] : [[root, rows] as const])));
  }

  measure(
    root: string,
    depth: number,
    properties: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    return this.call('measure', [root, depth, properties], () => {
      argv.get(root, depth, properties);
      if (!this.datasets.has(root)) return new Map();
      return new Map(this.reach(root, depth).map((name) => [name, this.values(name, properties, String)]));
    });
  }

  snapshots(
    root: string,
    depth: number | undefined,
    columns: readonly string[],
  ): Promise<readonly SnapshotRow[]> {
    return this.call('snapshots', [root, depth, columns], () => {
      argv.get(root, depth, columns);
      if (!this.datasets.has(root)) return [];
      const rows = this.reach(root, depth).flatMap((dataset) =>
        [...this.need(dataset).snapshots].map(([snapshot, facts]): SnapshotRow => ({
          name: `${dataset}@${snapshot}`,
          dataset,
          snapshot,
          createdAt: facts.createdAt,
          usedBytes: 0,
          referencedBytes: emptyBytes + facts.content.size([]),
          createTxg: facts.txg,
          values: new Map(
            columns.flatMap((key) => {
              const value =
                (key === 'guid' ? facts.guid : facts.local.get(key)) ??
                (key.includes(':') ? this.value(dataset, key) : undefined);
              return value === undefined ? [] : [[key, value] as const];
            }),
          ),
        })),
      );
      return rows.sort((a, b) => a.createTxg - b.createTxg || (a.dataset < b.dataset ? -1 : 1));
    });
  }

  clones(pool: string): Promise<readonly { readonly dataset: string; readonly origin: string }[]> {
    return this.call('clones', [pool], () =>
      this.reach(pool, undefined).flatMap((dataset) => {
        const { origin } = this.need(dataset);
        return origin === undefined ? [] : [{ dataset, origin }];
      }),
    );
  }

  local(name: string): Promise<ReadonlyMap<string, string> | undefined> {
    return this.call('local', [name], () => {
      assertName(name);
      const [dataset, snapshot] = name.split('@') as [string, string | undefined];
      const found = this.datasets.get(dataset);
      const local = snapshot === undefined ? found?.local : found?.snapshots.get(snapshot)?.local;
      return local && new Map(local);
    });
  }

  // ---- changing

  create(dataset: string, properties: Properties): Promise<void> {
    return this.call('create', [dataset, properties], () => {
      argv.create(dataset, properties);
      this.assertNew(dataset);
      const local = this.checked(properties);
      this.assertRoom(dataset, emptyBytes);
      this.add(dataset, this.newFilesystem(Object.fromEntries(local)));
    });
  }

  snapshot(name: string, options: { recursive: boolean; properties: Properties }): Promise<void> {
    return this.call('snapshot', [name, options], () => {
      argv.snapshot(name, options.recursive, options.properties);
      const { dataset, snapshot } = splitSnapshot(name);
      this.need(dataset);
      const local = this.checked(options.properties);
      const names = this.reach(dataset, options.recursive ? undefined : 0);
      for (const each of names) {
        if (this.need(each).snapshots.has(snapshot))
          throw failure('DATASET_EXISTS', { dataset: `${each}@${snapshot}` });
      }
      const txg = this.txg++;
      for (const each of names) {
        const content = this.need(each).content.frozen(this.holes(each));
        this.need(each).snapshots.set(snapshot, {
          guid: newGuid(),
          local: new Map(local),
          txg,
          createdAt: now(),
          content,
        });
      }
    });
  }

  clone(origin: string, dataset: string, properties: Properties): Promise<void> {
    return this.call('clone', [origin, dataset, properties], () => {
      argv.clone(origin, dataset, properties);
      const source = this.needSnapshot(origin);
      this.assertNew(dataset);
      const made = this.newFilesystem(Object.fromEntries(this.checked(properties)), source.content);
      made.origin = origin;
      this.assertRoom(dataset, emptyBytes);
      this.add(dataset, made);
    });
  }

  copy(origin: string, dataset: string): Promise<void> {
    return this.call('copy', [origin, dataset], () => {
      argv.copy(origin, dataset);
      const source = this.needSnapshot(origin);
      this.assertNew(dataset);
      this.assertRoom(dataset, emptyBytes + source.content.size([]));
      this.add(dataset, this.newFilesystem({}, source.content));
    });
  }

  set(dataset: string, properties: Properties): Promise<void> {
    return this.call('set', [dataset, properties], () => {
      argv.set(dataset, properties, true);
      const local = dataset.includes('@') ? this.needSnapshot(dataset).local : this.need(dataset).local;
      const pairs = this.checked(properties);
      this.moving(dataset, 'mountpoint' in properties, () => {
        for (const [key, value] of pairs) {
          if (value === 'none' && settable[key]?.size) local.delete(key);
          else local.set(key, value);
        }
      });
    });
  }

  inherit(dataset: string, key: string): Promise<void> {
    return this.call('inherit', [dataset, key], () => {
      argv.inherit(dataset, key);
      const { local } = dataset.includes('@') ? this.needSnapshot(dataset) : this.need(dataset);
      this.moving(dataset, key === 'mountpoint', () => local.delete(key));
    });
  }

  rollback(name: string, options: { destroyNewer: boolean }): Promise<void> {
    return this.call('rollback', [name, options], () => {
      const target = this.needSnapshot(name);
      const { dataset } = splitSnapshot(name);
      const own = this.need(dataset);
      const newer = [...own.snapshots].filter(([, { txg }]) => txg > target.txg).map(([key]) => key);
      if (newer.length > 0 && !options.destroyNewer) {
        throw failure('NEWER_SNAPSHOTS', { snapshot: name, newer: newer.map((key) => `${dataset}@${key}`) });
      }
      const dependents = this.clonesOf((origin) => newer.some((key) => origin === `${dataset}@${key}`));
      if (dependents.length > 0)
        throw failure('HAS_DEPENDENTS', { what: `a snapshot newer than ${name}`, dependents });
      for (const key of newer) this.drop(own, key);
      own.content.restore(target.content, this.holes(dataset));
    });
  }

  promote(dataset: string): Promise<void> {
    return this.call('promote', [dataset], () => {
      const own = this.need(dataset);
      if (own.origin === undefined)
        throw refused(['zfs', 'promote', dataset], `cannot promote '${dataset}': not a cloned filesystem`);
      const { dataset: source, snapshot } = splitSnapshot(own.origin);
      const from = this.need(source);
      const last = from.snapshots.get(snapshot)!.txg;
      const moving = [...from.snapshots].filter(([, { txg }]) => txg <= last);
      const mine = [...own.snapshots];
      own.snapshots.clear();
      for (const [key, facts] of [...moving, ...mine]) own.snapshots.set(key, facts);
      for (const [key] of moving) from.snapshots.delete(key);
      own.origin = from.origin;
      from.origin = `${dataset}@${snapshot}`;
      for (const each of this.datasets.values()) {
        if (each === own || each.origin === undefined) continue;
        if (moving.some(([key]) => each.origin === `${source}@${key}`))
          each.origin = `${dataset}@${each.origin.split('@')[1]}`;
      }
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.call('rename', [from, to], () => {
      argv.rename(from, to);
      this.need(from);
      this.assertIdle(from);
      this.assertNew(to);
      const mounted = this.unmountTree(from);
      const moved = (name: string): string => to + name.slice(from.length);
      for (const name of this.reach(from, undefined)) {
        this.datasets.set(moved(name), this.need(name));
        this.datasets.delete(name);
      }
      for (const each of this.datasets.values()) {
        if (each.origin && isAtOrBelow(each.origin.split('@')[0]!, from)) each.origin = moved(each.origin);
      }
      for (const name of mounted) this.mountNow(moved(name));
    });
  }

  mount(dataset: string): Promise<void> {
    return this.call('mount', [dataset], () => {
      assertDataset(dataset);
      if (this.need(dataset).mounted) return;
      const why =
        this.value(dataset, 'canmount') === 'off'
          ? `'canmount' property is set to 'off'`
          : this.mountpointOf(dataset) === undefined
            ? 'no mountpoint set'
            : this.mountNow(dataset);
      if (why !== undefined) throw refused(argv.mount(dataset), `cannot mount '${dataset}': ${why}`);
    });
  }

  unmount(dataset: string): Promise<void> {
    return this.call('unmount', [dataset], () => {
      assertDataset(dataset);
      this.need(dataset);
      this.assertIdle(dataset);
      this.unmountTree(dataset);
    });
  }

  destroy(dataset: string, options: { recursive: boolean; madeBy?: string }): Promise<void> {
    return this.call('destroy', [dataset, options], () => {
      assertDestroyable(dataset, options.madeBy !== undefined, this.roots);
      const found = this.datasets.get(dataset);
      if (found === undefined) return;
      if (options.madeBy !== undefined && found.local.get(stampProperty) !== options.madeBy) return;
      const below = this.reach(dataset, undefined).slice(1);
      if (below.length > 0 && !options.recursive) {
        throw failure('GUARDED', { dataset, why: `there are filesystems below it: ${below.join(', ')}` });
      }
      const dependents = this.clonesOf((origin) => isAtOrBelow(origin.split('@')[0]!, dataset)).filter(
        (name) => !isAtOrBelow(name, dataset),
      );
      if (dependents.length > 0) throw failure('HAS_DEPENDENTS', { what: dataset, dependents });
      this.assertIdle(dataset);
      this.unmountTree(dataset);
      for (const name of this.reach(dataset, undefined).toReversed()) {
        const own = this.need(name);
        for (const snapshot of [...own.snapshots.keys()]) this.drop(own, snapshot);
        own.content.remove();
        const path = this.mountpointOf(name);
        this.datasets.delete(name);
        if (this.baseDir !== undefined && path !== undefined) removeEmpty(path);
      }
    });
  }

  destroySnapshot(name: string, options: { recursive: boolean }): Promise<void> {
    return this.call('destroySnapshot', [name, options], () => {
      const { dataset, snapshot } = splitSnapshot(name);
      assertDestroyable(dataset, true, this.roots);
      if (!this.datasets.has(dataset)) return;
      const names = this.reach(dataset, options.recursive ? undefined : 0);
      const dependents = this.clonesOf((origin) => names.some((each) => origin === `${each}@${snapshot}`));
      if (dependents.length > 0) throw failure('HAS_DEPENDENTS', { what: name, dependents });
      for (const each of names) this.drop(this.need(each), snapshot);
    });
  }

  async send(
    parts: readonly StreamPart[],
    to: { head: string; command: readonly string[] },
  ): Promise<RunResult> {
    const streams = await this.call('send', [parts, to], () => parts.map((part) => this.streamOf(part)));
    if (this.other === undefined) throw new Error('the test says of no other host');
    const answer = await this.other(to.head, streams);
    return { argv: to.command, status: 0, stdout: '', stderr: '', durationMs: 0, ...answer };
  }

  private streamOf(part: StreamPart): FakeStream {
    argv.send(part);
    const { guid, content } = this.needSnapshot(part.snapshot);
    const from = part.from === undefined ? undefined : this.needSnapshot(part.from).guid;
    const { snapshot } = splitSnapshot(part.snapshot);
    // A stream stays what it is when the snapshot goes.
    return {
      snapshot,
      guid,
      from,
      content: content.frozen([]),
      ...(part.token === undefined ? {} : { token: part.token }),
    };
  }

  async relay(part: StreamPart, dataset: string): Promise<void> {
    await this.call('relay', [part, dataset], () => void this.incoming.push(this.streamOf(part)));
    await this.receive(dataset, { resumable: false });
  }

  receive(dataset: string, options: { resumable: boolean }): Promise<void> {
    return this.call('receive', [dataset, options], () => {
      const words = argv.receive(dataset, options.resumable);
      const stream = this.incoming.shift();
      if (stream === undefined) throw refused(words, 'cannot receive: invalid backup stream');
      const present = this.datasets.get(dataset);
      const newest = [...(present?.snapshots.values() ?? [])].at(-1);
      if (present?.token !== stream.token) throw refused(words, 'cannot receive: it was begun already');
      // A directory that a filesystem below was mounted at is no change.
      const places = this.reach(dataset, undefined).map((name) => `${name.slice(dataset.length + 1)}/`);
      const textOf = (content: Content): string =>
        JSON.stringify(content.entries(this.holes(dataset)).filter(([key]) => !places.includes(key)));
      const unchanged = (content: Content): boolean => textOf(content) === textOf(present!.content);
      if (newest !== undefined && (newest.guid !== stream.from || !unchanged(newest.content)))
        throw failure('DIVERGED', { jail: dataset, why: 'it was changed' });
      if (present === undefined) this.assertNew(dataset);
      if (present?.snapshots.has(stream.snapshot))
        throw failure('DATASET_EXISTS', { dataset: `${dataset}@${stream.snapshot}` });
      const made = present ?? this.newFilesystem({}, stream.content);
      if (stream.cut) {
        if (options.resumable) {
          made.token = toToken(stream.guid);
          this.datasets.set(dataset, made);
        }
        throw refused(words, 'cannot receive: incomplete stream');
      }
      delete made.token;
      if (newest === undefined && stream.from !== undefined) made.origin = this.byGuid(stream.from);
      made.content.restore(stream.content, []);
      const facts = { local: new Map<string, string>(), txg: this.txg++, createdAt: now() };
      const content = made.content.frozen([]);
      made.snapshots.set(stream.snapshot, { ...facts, guid: stream.guid, content });
      this.datasets.set(dataset, made);
    });
  }

  abortReceive(dataset: string): Promise<void> {
    return this.call('abortReceive', [dataset], () => {
      const own = this.need(dataset);
      delete own.token;
      if (own.snapshots.size === 0) this.datasets.delete(dataset);
    });
  }

  tokenGuid(token: string): Promise<string | undefined> {
    return this.call('tokenGuid', [token], () => {
      argv.readToken(token);
      const guid = String(BigInt(`0x${token.split('-').at(-1)}`));
      return this.byGuid(guid) === undefined ? undefined : guid;
    });
  }

  private byGuid(guid: string): string | undefined {
    for (const [name, { snapshots }] of this.datasets)
      for (const [snapshot, facts] of snapshots) if (facts.guid === guid) return `${name}@${snapshot}`;
    return undefined;
  }

  setPoolComment(pool: string, comment: string): Promise<void> {
    return this.call('setPoolComment', [pool, comment], () => {
      argv.setPoolComment(pool, comment);
      if (!this.known.poolComment) {
        throw failure('UNSUPPORTED', { what: 'a pool comment', why: 'this ZFS has no such pool property' });
      }
      const found = this.pools_.get(pool);
      if (found === undefined) throw failure('DATASET_NOT_FOUND', { dataset: pool });
      found.comment = comment;
    });
  }

  // ---- how it works

  private async call<T>(method: keyof Storage, args: readonly unknown[], effect: () => T): Promise<T> {
    const call: FakeCall = { method, args };
    this.calls.push(call);
    const index = this.faults.findIndex(({ matches }) => matches(call));
    const fault = index < 0 ? undefined : this.faults.splice(index, 1)[0];
    const error = fault?.error ?? refused(['zfs', method, ...args.map(String)], 'failure made by the test');
    if (fault !== undefined && !fault.after) throw error;
    const result = effect();
    if (fault !== undefined) throw error;
    return result;
  }

  private newFilesystem(local: Record<string, string>, from?: Content): FakeFilesystem {
    const content =
      this.baseDir === undefined ? memoryContent() : directoryContent(join(this.baseDir, '.fake'));
    if (from !== undefined) content.restore(from, []);
    return {
      local: new Map(Object.entries(local)),
      txg: this.txg++,
      createdAt: now(),
      content,
      origin: undefined,
      mounted: false,
      snapshots: new Map(),
    };
  }

  private add(dataset: string, made: FakeFilesystem): void {
    this.datasets.set(dataset, made);
    if (this.value(dataset, 'canmount') !== 'on' || this.mountpointOf(dataset) === undefined) return;
    const why = this.mountNow(dataset);
    if (why === undefined) return;
    this.datasets.delete(dataset);
    made.content.remove();
    throw refused(['zfs', 'create', dataset], `cannot mount '${this.value(dataset, 'mountpoint')}': ${why}`);
  }

  private need(dataset: string): FakeFilesystem {
    assertDataset(dataset);
    const found = this.datasets.get(dataset);
    if (found === undefined) throw failure('DATASET_NOT_FOUND', { dataset });
    return found;
  }

  private needSnapshot(name: string): FakeSnapshot {
    const { dataset, snapshot } = splitSnapshot(name);
    const found = this.datasets.get(dataset)?.snapshots.get(snapshot);
    if (found === undefined) throw failure('DATASET_NOT_FOUND', { dataset: name });
    return found;
  }

  private assertNew(dataset: string): void {
    if (this.datasets.has(dataset)) throw failure('DATASET_EXISTS', { dataset });
    const parent = parentOf(dataset);
    if (parent === undefined || !this.datasets.has(parent)) {
      throw failure('DATASET_NOT_FOUND', { dataset: parent ?? dataset });
    }
  }

  private assertIdle(root: string): void {
    const busy = this.occupied.find((dataset) => isAtOrBelow(dataset, root));
    if (busy !== undefined) throw failure('DATASET_BUSY', { dataset: busy, tries: 20 });
  }

  private assertRoom(dataset: string, bytes: number): void {
    if (this.available(parentOf(dataset) ?? dataset) >= bytes) return;
    throw failure('POOL_FULL', { dataset, why: `cannot create '${dataset}': out of space` });
  }

  private clonesOf(isOrigin: (origin: string) => boolean): string[] {
    return [...this.datasets]
      .filter(([, { origin }]) => origin !== undefined && isOrigin(origin))
      .map(([name]) => name);
  }

  /** The dataset and those below it, a parent first. */
  private reach(root: string, depth: number | undefined): string[] {
    const level = (name: string): number => name.split('/').length;
    return [...this.datasets.keys()]
      .filter(
        (name) => isAtOrBelow(name, root) && (depth === undefined || level(name) - level(root) <= depth),
      )
      .sort();
  }

  private drop(own: FakeFilesystem, snapshot: string): void {
    own.snapshots.get(snapshot)?.content.remove();
    own.snapshots.delete(snapshot);
  }

  /** Mount points of other datasets below this one's. */
  private holes(dataset: string): string[] {
    if (this.baseDir === undefined) return [];
    return [...this.datasets]
      .filter(([name, { mounted }]) => name !== dataset && mounted)
      .map(([name]) => this.mountpointOf(name)!);
  }

  private mountNow(dataset: string): string | undefined {
    const own = this.need(dataset);
    const why = this.isCovered(dataset)
      ? 'directory is not empty'
      : own.content.mount(this.mountpointOf(dataset)!);
    own.mounted = why === undefined;
    return why;
  }

  /** In memory: the parent has files where the mount point would be. */
  private isCovered(dataset: string): boolean {
    const parent = this.datasets.get(parentOf(dataset) ?? '');
    if (this.baseDir !== undefined || parent === undefined) return false;
    const directory = `${dataset.split('/').at(-1)!}/`;
    return parent.content.entries([]).some(([file]) => file.startsWith(directory));
  }

  private unmountTree(root: string): string[] {
    const mounted = this.reach(root, undefined).filter((name) => this.need(name).mounted);
    for (const name of mounted.toReversed()) {
      const own = this.need(name);
      own.content.unmount(this.mountpointOf(name)!);
      own.mounted = false;
    }
    return mounted;
  }

  /** Runs the change; when mount points change by it, with the tree unmounted meanwhile. */
  private moving(dataset: string, moves: boolean, change: () => void): void {
    if (moves) this.assertIdle(dataset);
    const mounted = moves ? this.unmountTree(dataset) : [];
    change();
    for (const name of mounted) if (this.mountpointOf(name) !== undefined) this.mountNow(name);
  }

  private checked(properties: Properties): Map<string, string> {
    return new Map(
      Object.entries(properties).map(([key, value]) => {
        if (key.includes(':')) return [key, value];
        const how = settable[key];
        if (how === undefined) throw refused(['zfs', 'set'], `invalid property '${key}'`);
        if (key === 'compression' && value === 'lz4' && !this.known.lz4) {
          throw refused(
            ['zfs', 'set'],
            `'compression' must be one of 'on | off | lzjb | gzip | gzip-[1-9] | zle'`,
          );
        }
        if (!how.size || value === 'none') return [key, value];
        const bytes = toBytes(value);
        if (bytes === undefined) throw refused(['zfs', 'set'], `bad numeric value '${value}'`);
        return [key, String(bytes)];
      }),
    );
  }

  private used(dataset: string): number {
    return this.reach(dataset, undefined).reduce((sum, name) => {
      const { content, origin } = this.need(name);
      const shared =
        origin === undefined
          ? 0
          : (this.datasets
              .get(origin.split('@')[0]!)
              ?.snapshots.get(origin.split('@')[1]!)
              ?.content.size([]) ?? 0);
      return sum + emptyBytes + Math.max(0, content.size(this.holes(name)) - shared);
    }, 0);
  }

  private available(dataset: string): number {
    const pool = dataset.split('/')[0]!;
    const size = this.pools_.get(pool)?.sizeBytes;
    // Without a size there is enough; adding up a pool of real directories for each call takes its time.
    let least = size === undefined ? 10 * 1024 ** 3 : size - this.used(pool);
    for (let name: string | undefined = dataset; name !== undefined; name = parentOf(name)) {
      const quota = Number(this.datasets.get(name)?.local.get('quota'));
      if (!Number.isNaN(quota)) least = Math.min(least, quota - this.used(name));
    }
    return Math.max(0, least);
  }

  private values(
    dataset: string,
    columns: readonly string[],
    print: (bytes: number) => string,
  ): Map<string, string> {
    return new Map(
      columns.flatMap((column) => {
        const value = this.value(dataset, column, print);
        return value === undefined ? [] : [[column, value] as const];
      }),
    );
  }

  private value(dataset: string, key: string, print: (bytes: number) => string = String): string | undefined {
    const own = this.datasets.get(dataset);
    if (own === undefined) return undefined;
    const parent = parentOf(dataset);
    const local = own.local.get(key);
    if (key.includes(':')) return local ?? (parent === undefined ? undefined : this.value(parent, key));
    switch (key) {
      case 'mounted':
        return own.mounted ? 'yes' : 'no';
      case 'type':
        return 'filesystem';
      case 'origin':
        return own.origin;
      case 'receive_resume_token':
        return own.token;
      case 'used':
        return print(this.used(dataset));
      case 'available':
        return print(this.available(dataset));
      case 'referenced':
        return print(emptyBytes + own.content.size(this.holes(dataset)));
      case 'compressratio':
        return '1.00x';
      case 'creation':
        return String(own.createdAt);
      case 'createtxg':
        return String(own.txg);
      case 'mountpoint': {
        if (local !== undefined) return local;
        const above = parent === undefined ? `/${dataset}` : this.value(parent, 'mountpoint');
        return above?.startsWith('/') ? join(above, dataset.split('/').at(-1)!) : above;
      }
    }
    const how = settable[key];
    if (how === undefined) return undefined;
    if (how.size) return local === undefined ? (print === String ? '0' : 'none') : print(Number(local));
    if (local !== undefined || !how.inherited || parent === undefined) return local ?? how.default;
    return this.value(parent, key, print);
  }
}

function refused(words: readonly string[], stderr: string): IocageError {
  return failure('COMMAND_FAILED', { argv: words, status: 'exit status 1', stderr });
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** ZFS takes the empty mount point away with its dataset. */
function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Not empty: something else stands there, which is not ours to remove.
  }
}

/** Makes the layout that `activate` makes, below a fake pool; for tests that begin with an active pool. */
export async function makeLayout(fake: FakeStorage, pool: string): Promise<void> {
  for (const part of ['', '/jails', '/releases', '/templates', '/download', '/.defaults']) {
    await fake.create(`${pool}/iocage${part}`, {});
  }
}

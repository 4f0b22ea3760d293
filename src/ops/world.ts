/**
 * What is on the pool, read in two child processes whatever the number of jails: which pool is meant,
 * and every dataset of the layout with its properties.
 */
import { join } from 'node:path';
import type { DatasetRow, Pool } from '../driver/storage.ts';
import type { JailSpec } from '../driver/host.ts';
import type { Context } from './operation.ts';
import { findJail, type Jail } from '../domain/jail.ts';
import { effective } from '../domain/config.ts';
import { properties } from '../domain/properties/index.ts';
import { nameProblem } from '../domain/name.ts';
import { failure } from '../domain/errors.ts';

export const namespace = 'org.freebsd.iocage:';

/** The layout's first level; `activate` makes what is missing. */
export const layout = ['download', 'jails', 'releases', 'templates', '.defaults'] as const;

export interface Release {
  readonly name: string;
  readonly dataset: string;
  readonly mountpoint: string | undefined;
  /** `release_kind`, `release_source`, `fetched_at`, … as fetch wrote them. */
  readonly local: ReadonlyMap<string, string>;
  readonly native: ReadonlyMap<string, string>;
}

export interface World {
  readonly pool: { readonly name: string };
  /** `POOL/iocage`. */
  readonly root: string;
  readonly mountpoint: string;
  /** Properties stored with `set … default`. */
  readonly defaults: ReadonlyMap<string, string>;
  /** Jails and templates, in the order of their names. */
  readonly jails: readonly Jail[];
  readonly releases: readonly Release[];
  readonly missing: readonly string[];
}

/** The pool that is meant: the named one, else the only one that is activated. */
export function choosePool(context: Context): Promise<Pool> {
  const seen = seenBy(context);
  if (seen.pool === undefined) {
    seen.pool = askForPool(context);
    // A failure is told once, and tried again the next time.
    seen.pool.catch(() => delete seen.pool);
  }
  return seen.pool;
}

/** Name of the pool that is meant. Whether a pool that was named is in use, `readWorld` finds out. */
export async function poolName(context: Context): Promise<string> {
  const { pool } = context;
  return pool !== undefined && nameProblem('pool', pool) === undefined
    ? pool
    : (await choosePool(context)).name;
}

async function askForPool(context: Context): Promise<Pool> {
  const pools = await context.storage.pools();
  if (context.pool !== undefined) {
    const named = pools.find((pool) => pool.name === context.pool);
    if (named === undefined) throw failure('POOL_NOT_FOUND', { pool: context.pool });
    if (!named.active) throw failure('POOL_NOT_ACTIVE', { pool: named.name });
    return named;
  }
  const active = pools.filter((pool) => pool.active);
  if (active.length === 0) throw failure('NO_ACTIVE_POOL');
  if (active.length > 1) throw failure('SEVERAL_ACTIVE_POOLS', { pools: active.map((pool) => pool.name) });
  return active[0]!;
}

/** Whether a pool is in use; the datasets below it inherit it. */
const activeKey = 'org.freebsd.ioc:active';
const userKeys = properties.filter((property) => property.store === 'user').map((property) => property.key);
const nativeKeys = properties
  .filter((property) => property.store === 'native')
  .map((property) => property.key);
/**
 * Properties of ours that are no jail properties: fetch writes them on a release, a start writes on a
 * basejail which release it shows, and receive on a jail that another host's is the original of it, an
 * upgrade what leads back.
 */
const toolKeys = [
  'release_kind',
  'release_source',
  'release_sha256',
  'fetched_at',
  'base_started',
  'standby',
  'upgraded_from',
  'upgrade_snapshot',
];

const columns = [
  'mounted',
  ...new Set(['mountpoint', 'used', ...nativeKeys]),
  ...[...userKeys, ...toolKeys].map((key) => namespace + key),
];

function mountpointOf(row: DatasetRow): string | undefined {
  const path = row.values.get('mountpoint');
  return row.values.get('mounted') === 'yes' && path?.startsWith('/') ? path : undefined;
}

function splitColumns(row: DatasetRow): { local: Map<string, string>; native: Map<string, string> } {
  const local = new Map<string, string>();
  const native = new Map<string, string>();
  for (const [column, value] of row.values) {
    if (column.startsWith(namespace)) local.set(column.slice(namespace.length), value);
    else if (column !== activeKey) native.set(column, value);
  }
  return { local, native };
}

function toJail(row: DatasetRow, pool: string, template: boolean): Jail {
  const { local, native } = splitColumns(row);
  const uuid = row.name.split('/').at(-1)!;
  const mountpoint = mountpointOf(row);
  const problem =
    row.problem ??
    (local.has('host_hostuuid') ? undefined : 'it has no iocage properties') ??
    (mountpoint === undefined ? 'its dataset is not mounted' : undefined) ??
    ((local.get('host_hostuuid') ?? uuid) === uuid
      ? undefined
      : 'host_hostuuid and the dataset do not agree');
  return {
    uuid,
    tag: local.get('tag') ?? uuid,
    pool,
    dataset: row.name,
    mountpoint,
    template: template || ['yes', '1', 'on'].includes(local.get('template') ?? ''),
    local,
    native,
    ours: row.problem === undefined && local.get('host_hostuuid') === uuid,
    ...(problem === undefined ? {} : { problem }),
  };
}

/**
 * What was read last in this context. Before the locks it answers which jail is meant; once they are held
 * it is old, all but the pool, and what the plan is made from is read again. After the operation all of it
 * is forgotten.
 */
interface Seen {
  pool?: Promise<Pool>;
  world?: Promise<World>;
  old?: boolean;
}

const seen = new WeakMap<Context, Seen>();

function seenBy(context: Context): Seen {
  const before = seen.get(context) ?? {};
  seen.set(context, before);
  return before;
}

export function forgetWorld(context: Context): void {
  seen.delete(context);
}

/** Other processes may have changed anything until the locks were ours. */
export function ageWorld(context: Context): void {
  seenBy(context).old = true;
}

export function readWorld(context: Context): Promise<World> {
  const known = seenBy(context);
  if (known.world !== undefined && known.old !== true) return known.world;
  const reading = readNow(context);
  known.world = reading;
  known.old = false;
  reading.catch(() => delete known.world);
  return reading;
}

/**
 * One jail as it is now. Under its own lock only this jail is read again, with its root dataset: the others
 * may change at any moment whether they are read now or were read a moment ago.
 *
 * @param name UUID, unique prefix of one, or tag
 */
export async function readJail(context: Context, name: string): Promise<{ world: World; jail: Jail }> {
  const known = seenBy(context);
  if (known.world === undefined || known.old !== true) {
    const world = await readWorld(context);
    return { world, jail: findJail(world.jails, name) };
  }
  const before = await known.world;
  const meant = findJail(before.jails, name);
  const rows = (await context.storage.filesystems(meant.dataset, 1, columns)) ?? [];
  const [own, root] = ['', '/root'].map((end) => rows.find((row) => row.name === meant.dataset + end));
  const template = meant.dataset.startsWith(`${before.root}/templates/`);
  const now = own && {
    ...toJail(own, before.pool.name, template),
    rootMounted: root?.values.get('mounted') !== 'no',
  };
  if (now?.uuid !== meant.uuid || now.tag !== meant.tag) {
    // It was renamed or destroyed meanwhile: who is meant now, if anybody?
    const world = await readWorld(context);
    return { world, jail: findJail(world.jails, name) };
  }
  return {
    world: { ...before, jails: before.jails.map((jail) => (jail === meant ? now : jail)) },
    jail: now,
  };
}

/**
 * A pool that was named needs no question of its own: its root dataset inherits whether it is in use. When it
 * is not, or there is no such dataset, `choosePool` finds out what to say.
 */
async function rowsOfNamed(context: Context): Promise<readonly DatasetRow[] | undefined> {
  const { pool } = context;
  if (pool === undefined || nameProblem('pool', pool) !== undefined) return undefined;
  const root = `${pool}/iocage`;
  const rows = await context.storage.filesystems(root, 2, [...columns, activeKey]);
  const top = rows?.find((row) => row.name === root);
  return top?.values.get(activeKey) === 'yes' ? rows : undefined;
}

async function readNow(context: Context): Promise<World> {
  const ofNamed = await rowsOfNamed(context);
  const pool = ofNamed === undefined ? await choosePool(context) : { name: context.pool! };
  const root = `${pool.name}/iocage`;
  const rows = ofNamed ?? (await context.storage.filesystems(root, 2, columns));
  if (rows === undefined) throw failure('POOL_NOT_ACTIVE', { pool: pool.name });
  const below = new Map<string, DatasetRow[]>();
  const names = new Set(rows.map((row) => row.name));
  for (const row of rows) {
    const [group, child, ...more] = row.name.slice(root.length + 1).split('/');
    if (group === undefined || child === undefined || more.length > 0) continue;
    below.set(group, [...(below.get(group) ?? []), row]);
  }
  const top = rows.find((row) => row.name === root)!;
  const mountpoint = mountpointOf(top);
  if (mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset: root });
  const defaultsRow = rows.find((row) => row.name === `${root}/.defaults`);
  const jails = [
    ...(below.get('jails') ?? []).map((row) => toJail(row, pool.name, false)),
    ...(below.get('templates') ?? []).map((row) => toJail(row, pool.name, true)),
  ].sort((a, b) => (a.dataset < b.dataset ? -1 : 1));
  return {
    pool,
    root,
    mountpoint,
    defaults: defaultsRow ? splitColumns(defaultsRow).local : new Map(),
    jails,
    releases: (below.get('releases') ?? []).map((row) => ({
      name: row.name.split('/').at(-1)!,
      dataset: row.name,
      mountpoint: mountpointOf(row),
      ...splitColumns(row),
    })),
    missing: layout.filter((name) => !names.has(`${root}/${name}`)).map((name) => `${root}/${name}`),
  };
}

/** A jail's console log and the one before it. */
export function consoleLogs(world: World, uuid: string): readonly [string, string] {
  const log = join(world.mountpoint, 'log', `${uuid}-console.log`);
  return [log, `${log}.1`];
}

/** The jail with its effective configuration, as the host driver takes it. */
export function toSpec(world: World, jail: Jail): JailSpec {
  if (jail.problem !== undefined) throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem });
  const config = effective(jail.local, world.defaults, { uuid: jail.uuid });
  return {
    pool: jail.pool,
    uuid: jail.uuid,
    tag: jail.tag,
    dataset: jail.dataset,
    mountpoint: jail.mountpoint!,
    root: join(jail.mountpoint!, 'root'),
    consoleLog: consoleLogs(world, jail.uuid)[0],
    config,
    ...(config.get('type') === 'basejail' ? { base: baseOf(world, config.get('release')) } : {}),
  };
}

function baseOf(world: World, name: string | undefined): { release: string; root: string | undefined } {
  const mountpoint = world.releases.find((release) => release.name === name)?.mountpoint;
  return { release: name ?? 'none', root: mountpoint === undefined ? undefined : join(mountpoint, 'root') };
}

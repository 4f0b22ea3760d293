/**
 * What is on the pool, read in two child processes whatever the number of jails: which pool is meant,
 * and every dataset of the layout with its properties. Files are read only for jails that another tool
 * configures (`config-files.ts`).
 */
import { join } from 'node:path';
import { stampProperty, type DatasetRow, type Pool } from '../driver/storage.ts';
import type { JailSpec, RunningJail } from '../driver/host.ts';
import type { JournalEntry } from '../driver/system.ts';
import type { Context } from './operation.ts';
import { findJail, type Jail } from '../domain/jail.ts';
import { configOf } from '../domain/config.ts';
import { oursAlone } from '../domain/format/dialect.ts';
import { properties } from '../domain/properties/index.ts';
import { withFiles } from './config-files.ts';
import { nameProblem } from '../domain/name.ts';
import { poolRoot, poolSource, realmOf } from '../domain/source.ts';
import { hasOthers, namedSources } from './sources.ts';
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
  /** `POOL/iocage`, or the root of another source. */
  readonly root: string;
  /** Name of the source. */
  readonly source: string;
  /** There are others besides it: jails are shown by their full names, `SOURCE/NAME`. */
  readonly oneOfSeveral: boolean;
  /** What the host keeps these jails apart from others by: locks, running jails, records. */
  readonly realm: string;
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

/** The realm that is meant. Whether a pool that was named is in use, `readWorld` finds out. */
export async function realmNow(context: Context): Promise<string> {
  const { pool } = context;
  const source = context.source ?? (await namedSources(context))?.list[0];
  if (source !== undefined) return realmOf(source.root);
  return pool !== undefined && nameProblem('pool', pool) === undefined
    ? pool
    : (await choosePool(context)).name;
}

/** While sources rule, only who names the pool can activate it. */
async function notActive(context: Context, pool: string): Promise<Error> {
  const named = context.pool !== undefined && (await hasOthers(context));
  return failure('POOL_NOT_ACTIVE', { pool, ...(named ? { named } : {}) });
}

async function askForPool(context: Context): Promise<Pool> {
  const pools = await context.storage.pools();
  if (context.pool !== undefined) {
    const named = pools.find((pool) => pool.name === context.pool);
    if (named === undefined) throw failure('POOL_NOT_FOUND', { pool: context.pool });
    if (!named.active) throw await notActive(context, named.name);
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
/** Properties of ours that are no jail properties: fetch writes some on a release, start, receive and upgrade on a jail. */
const toolKeys = ['release_kind', 'release_source', 'release_sha256', 'fetched_at', ...oursAlone];

/** In the place of a stamp: the jail came from another tool, and no file of that one counts any more. */
export const migratedStamp = 'migrated';

const columns = [
  'mounted',
  stampProperty,
  ...new Set(['mountpoint', 'used', ...nativeKeys]),
  ...[...userKeys, ...toolKeys].map((key) => namespace + key),
];

function mountpointOf(row: DatasetRow): string | undefined {
  const path = row.values.get('mountpoint');
  return row.values.get('mounted') === 'yes' && path?.startsWith('/') ? path : undefined;
}

/** Where a column belongs, and the key without the name space; what is no column of these belongs nowhere. */
const placeOf: ReadonlyMap<string, { readonly part: 'local' | 'native'; readonly key: string }> = new Map(
  columns
    .filter((column) => column !== stampProperty)
    .map((column) => [
      column,
      column.startsWith(namespace)
        ? { part: 'local', key: column.slice(namespace.length) }
        : { part: 'native', key: column },
    ]),
);

function splitColumns({ values }: DatasetRow): Record<'local' | 'native', Map<string, string>> {
  const parts = { local: new Map<string, string>(), native: new Map<string, string>() };
  for (const [column, value] of values) {
    const place = placeOf.get(column);
    if (place !== undefined) parts[place.part].set(place.key, value);
  }
  return parts;
}

/** @param above stamp of the dataset that it lies in */
function toJail(row: DatasetRow, realm: string, template: boolean, above: string | undefined): Jail {
  const { local, native } = splitColumns(row);
  const uuid = row.name.split('/').at(-1)!;
  const mountpoint = mountpointOf(row);
  const problem =
    row.problem ??
    // Whether another tool keeps a file in it nobody can tell then.
    (mountpoint === undefined ? 'its dataset is not mounted' : undefined) ??
    (local.has('host_hostuuid') ? undefined : 'it has no iocage properties') ??
    ((local.get('host_hostuuid') ?? uuid) === uuid
      ? undefined
      : 'host_hostuuid and the dataset do not agree');
  return {
    uuid,
    tag: local.get('tag') ?? uuid,
    pool: row.name.split('/')[0]!,
    realm,
    dataset: row.name,
    mountpoint,
    template: template || ['yes', '1', 'on'].includes(local.get('template') ?? ''),
    local,
    native,
    ours: row.problem === undefined && local.get('host_hostuuid') === uuid,
    // What cannot be told apart from a forgery is not asked for a file either.
    made: row.problem !== undefined || (local.has('host_hostuuid') && isStamped(row, above)),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** What lies below the layout's datasets inherits their stamps. */
function isStamped(row: DatasetRow, above: string | undefined): boolean {
  const stamp = row.values.get(stampProperty);
  return stamp !== undefined && stamp !== above;
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

/** What was read, if anything was; reads nothing. */
export function worldSeen(context: Context): Promise<World> | undefined {
  return seenBy(context).world;
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

/** What is on the pool and, looked at meanwhile, which of the jails run. */
export async function readWithRunning(
  context: Context,
): Promise<{ readonly world: World; readonly running: ReadonlyMap<string, RunningJail> }> {
  const [world, running] = await Promise.all([
    readWorld(context),
    realmNow(context).then((realm) => context.host.running(realm)),
  ]);
  return { world, running };
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
    ...(await rereadJail(context, before, meant, own, template)),
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

/** Who made it does not change: a jail of ours stays one, and for another one the file is looked at again. */
async function rereadJail(
  context: Context,
  before: World,
  { made }: Jail,
  row: DatasetRow,
  template: boolean,
): Promise<Jail> {
  const read = { ...toJail(row, before.realm, template, undefined), made };
  const asked = await sayLocked(context, before.root, [read]);
  return (await withFiles(context, asked, before.mountpoint))[0]!;
}

/**
 * A pool that was named needs no question of its own: its root dataset inherits whether it is in use. When it
 * is not, or there is no such dataset, `choosePool` finds out what to say.
 */
async function rowsOfNamed(context: Context): Promise<readonly DatasetRow[] | undefined> {
  const { pool } = context;
  if (pool === undefined || nameProblem('pool', pool) !== undefined) return undefined;
  const root = poolRoot(pool);
  const rows = await context.storage.filesystems(root, 2, [...columns, activeKey]);
  const top = rows?.find((row) => row.name === root);
  return top?.values.get(activeKey) === 'yes' ? rows : undefined;
}

/** Of sources that are looked at together the rows are asked for once. */
async function rowsBelow(
  { storage, together }: Context,
  root: string,
): Promise<readonly DatasetRow[] | undefined> {
  if (together !== undefined) {
    // What is wrong with one of them is told by the question about it alone.
    together.found ??= storage.filesystemsOf(together.roots, 2, columns).then(
      (found) => new Map(found),
      () => new Map(),
    );
    const found = await together.found;
    const rows = found.get(root);
    // Later it may be another state.
    found.delete(root);
    if (rows !== undefined) return rows;
  }
  return storage.filesystems(root, 2, columns);
}

/** The root that is meant, with what lies below it. */
async function readRoot(
  context: Context,
): Promise<Pick<World, 'root' | 'source' | 'oneOfSeveral'> & { rows: readonly DatasetRow[] }> {
  const named = await namedSources(context);
  const source = context.source ?? named?.list[0];
  if (source !== undefined) {
    const { name, root } = source;
    const rows = await rowsBelow(context, root);
    const oneOfSeveral = named !== undefined && named.list.length > 1;
    if (rows !== undefined) return { root, source: name, oneOfSeveral, rows };
    const pools = await context.storage.pools();
    const imported = pools.some((pool) => pool.name === root.split('/')[0]);
    throw failure('SOURCE_MISSING', { source: name, root, imported });
  }
  const ofNamed = await rowsOfNamed(context);
  const pool = ofNamed === undefined ? (await choosePool(context)).name : context.pool!;
  const root = poolRoot(pool);
  const rows = ofNamed ?? (await context.storage.filesystems(root, 2, columns));
  if (rows === undefined) throw await notActive(context, pool);
  return { root, source: poolSource, oneOfSeveral: false, rows };
}

/** What cannot be mounted because its key is not loaded. A ZFS without encryption has no such property. */
async function lockedBelow(context: Context, root: string, depth: number): Promise<ReadonlySet<string>> {
  const keys = await context.storage.measure(root, depth, ['keystatus']).catch(() => new Map());
  return new Set(
    [...keys].flatMap(([name, values]) => (values.get('keystatus') === 'unavailable' ? [name] : [])),
  );
}

/** Asks why only where something is not mounted. */
async function sayLocked(context: Context, root: string, jails: readonly Jail[]): Promise<readonly Jail[]> {
  if (jails.every(({ mountpoint }) => mountpoint !== undefined)) return jails;
  const locked = await lockedBelow(context, root, 2);
  return jails.map((jail) =>
    jail.mountpoint === undefined && locked.has(jail.dataset)
      ? { ...jail, problem: 'it is encrypted, and its key is not loaded' }
      : jail,
  );
}

/**
 * Half-way through an operation of another process a jail is not mounted, or not whole: that is no damage. Who began
 * before the look at ZFS may have ended after it, and the other way round.
 */
async function sayBusy(
  { journal }: Context,
  before: readonly JournalEntry[],
  jails: readonly Jail[],
): Promise<readonly Jail[]> {
  if (jails.every(({ problem }) => problem === undefined)) return jails;
  const entries = [...before, ...(await journal.working())];
  return jails.map((jail) => {
    const lock = `jail:${jail.realm}:${jail.uuid}`;
    const entry = jail.problem && entries.find(({ head }) => head.locks.includes(lock));
    if (!entry) return jail;
    const busy = entry.head.title;
    return { ...jail, busy, problem: `another process is at it: ${busy}` };
  });
}

async function readNow(context: Context): Promise<World> {
  const before = await context.journal.working();
  const { root, source, oneOfSeveral, rows } = await readRoot(context);
  const pool = { name: root.split('/')[0]! };
  const below = new Map<string, DatasetRow[]>();
  const names = new Set(rows.map((row) => row.name));
  for (const row of rows) {
    const [group, child, ...more] = row.name.slice(root.length + 1).split('/');
    if (group === undefined || child === undefined || more.length > 0) continue;
    const inGroup = below.get(group);
    if (inGroup === undefined) below.set(group, [row]);
    else inGroup.push(row);
  }
  const top = rows.find((row) => row.name === root)!;
  const mountpoint = mountpointOf(top);
  if (mountpoint === undefined) {
    const isLocked = (await lockedBelow(context, root, 0)).has(root);
    throw failure(isLocked ? 'DATASET_LOCKED' : 'NOT_MOUNTED', { dataset: root });
  }
  const defaultsRow = rows.find((row) => row.name === `${root}/.defaults`);
  const jailsIn = (group: 'jails' | 'templates'): readonly Jail[] => {
    const above = rows.find((row) => row.name === `${root}/${group}`)?.values.get(stampProperty);
    return (below.get(group) ?? []).map((row) => toJail(row, realmOf(root), group === 'templates', above));
  };
  const found = [...jailsIn('jails'), ...jailsIn('templates')].sort((a, b) =>
    a.dataset < b.dataset ? -1 : 1,
  );
  const jails = await sayLocked(context, root, found);
  return {
    pool,
    root,
    source,
    oneOfSeveral,
    realm: realmOf(root),
    mountpoint,
    defaults: defaultsRow ? splitColumns(defaultsRow).local : new Map(),
    jails: await sayBusy(context, before, await withFiles(context, jails, mountpoint)),
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
  const config = configOf(jail, world.defaults);
  return {
    pool: jail.realm,
    uuid: jail.uuid,
    tag: jail.tag,
    dataset: jail.dataset,
    mountpoint: jail.mountpoint!,
    root: join(jail.mountpoint!, 'root'),
    consoleLog: consoleLogs(world, jail.uuid)[0],
    config,
    ...(config.get('type') === 'basejail' ? { base: baseOf(world, jail, config.get('release')) } : {}),
  };
}

/**
 * The release that a jail names. Other tools write the patch level behind the name; the dataset has none.
 */
export function releaseOf(
  world: World,
  { local, file }: Jail,
  name: string | undefined,
): Release | undefined {
  const names =
    file === undefined ? [name] : [name, local.get('cloned_release'), name?.replace(/-p\d+$/, '')];
  return names.flatMap((one) => world.releases.find((release) => release.name === one) ?? [])[0];
}

function baseOf(
  world: World,
  jail: Jail,
  name: string | undefined,
): { release: string; root: string | undefined } {
  const release = releaseOf(world, jail, name);
  const mountpoint = release?.mountpoint;
  return {
    release: release?.name ?? name ?? 'none',
    root: mountpoint === undefined ? undefined : join(mountpoint, 'root'),
  };
}

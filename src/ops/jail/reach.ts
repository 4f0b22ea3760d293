/**
 * Whether root of a jail can change something of the host: the one place that answers it. Jails of all sources count,
 * and of all pools in use: what their configuration says, and what those that run were started with. A constant number of
 * child processes, whatever the number of jails. Changes nothing.
 */
import { join, resolve } from 'node:path';
import type { DatasetRow } from '../../driver/storage.ts';
import { configOf, isOn } from '../../domain/config.ts';
import { asIocageError } from '../../domain/errors.ts';
import { handedDatasets } from '../../domain/handed.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { reachProblem, shownWritable, type Reach } from '../../domain/reach.ts';
import { poolRoot, type Source } from '../../domain/source.ts';
import type { Context } from '../context.ts';
import { leftOut, together } from '../source/each.ts';
import { namedSources } from '../source/sources.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';

/**
 * @param path of a file, or of a directory that counts with all that is in it; without links
 * @returns why root of some jail could change it, and what to do; undefined when nobody could
 */
export async function jailProblem(
  context: Context,
  path: string,
): Promise<{ readonly path: string; readonly why: string; readonly mend: string } | undefined> {
  const problem = reachProblem(await reachOfJails(context), resolve(path));
  return problem && { path, ...problem };
}

/** As long as what was read of the pool counts, so does this. */
const readOf = new WeakMap<World, Promise<readonly Reach[]>>();

async function reachOfJails(context: Context): Promise<readonly Reach[]> {
  const own = await readWorld(context);
  const reading = readOf.get(own) ?? readReach(context, own);
  readOf.set(own, reading);
  // A failure is told once, and tried again the next time.
  reading.catch(() => readOf.delete(own));
  return reading;
}

type Who = Pick<Reach, 'jail' | 'call'>;

async function readReach(context: Context, own: World): Promise<readonly Reach[]> {
  const reaches: Reach[] = [];
  const handed = new Map<string, Who>();
  const known = new Map<string, Who>();
  const worlds = [{ world: own }, ...(await otherWorlds(context, own))];
  for (const { world, pool } of worlds) {
    for (const jail of world.jails) {
      const word = world.oneOfSeveral ? `${world.source}/${jail.tag}` : jail.tag;
      const who: Who = {
        jail: label(jail) + (world === own ? '' : ` of ${world.root}`),
        call: { word, ...(pool === undefined ? {} : { options: `--pool ${pool}` }) },
      };
      known.set(`${jail.realm}/${jail.uuid}`, who);
      if (jail.mountpoint !== undefined) reaches.push({ path: jail.mountpoint, way: 'jail', ...who });
      // Nobody is root in a template.
      if (jail.template) continue;
      for (const shown of await shownTo(context, world, jail)) reaches.push({ ...shown, ...who });
      for (const dataset of handedTo(world, jail)) handed.set(dataset, who);
    }
  }
  for (const row of await rowsOf(context, [...handed.keys()])) {
    const path = row.values.get('mountpoint');
    if (row.values.get('mounted') === 'yes' && path?.startsWith('/'))
      reaches.push({ path, way: 'jail_zfs_dataset', ...handed.get(row.name)! });
  }
  // Last, so that what is configured is told of first.
  for (const { pool, uuid, source, way } of await context.host.shownWritable()) {
    const jail = pool === undefined ? uuid : `${uuid} of ${pool}`;
    reaches.push({ path: source, way, ...(known.get(`${pool}/${uuid}`) ?? { jail, call: { word: uuid } }) });
  }
  return [...reaches, ...(await withoutLinks(context, reaches))];
}

interface Other {
  readonly world: World;
  /** It is in use, and no source. */
  readonly pool?: string;
}

/** Whatever was named for this operation: jails of all the host may be shown one directory. */
async function otherWorlds(context: Context, own: World): Promise<readonly Other[]> {
  const { only: _, together: __, ...everywhere } = context;
  const given = everywhere.sources !== undefined;
  const named = await namedSources(given ? everywhere : { ...everywhere, pool: undefined });
  const roots = new Map<string, { source: Source; pool?: string }>();
  for (const { name, active } of await context.storage.pools())
    if (active) roots.set(poolRoot(name), { source: { name, root: poolRoot(name) }, pool: name });
  for (const source of named?.list ?? []) roots.set(source.root, { source });
  roots.delete(own.root);
  const others = [...roots.values()];
  const contexts = together(others.map(({ source }) => ({ ...everywhere, source })));
  const worlds: Other[] = [];
  for (const [at, { source, ...more }] of others.entries()) {
    try {
      worlds.push({ world: await readWorld(contexts[at]!), ...more });
    } catch (thrown) {
      if (context.signal.aborted) throw thrown;
      // No jail of a root that is not there runs, and none of one that cannot be read is started.
      if (asIocageError(thrown).code === 'SOURCE_MISSING') continue;
      context.emit({ type: 'note', id: '', level: 'warning', text: leftOut(source.name, thrown) });
    }
  }
  return worlds;
}

async function shownTo(
  { files }: Context,
  world: World,
  jail: Jail,
): Promise<ReturnType<typeof shownWritable>> {
  const { mountpoint } = jail;
  // A jail does not start with one that cannot be read.
  const fstab =
    mountpoint === undefined ? undefined : await files.read(join(mountpoint, 'fstab')).catch(() => undefined);
  return shownWritable(fstab ?? '', configOf(jail, world.defaults).get('volumes'));
}

/** Datasets of the administrator's; the jail's own lie in it. */
function handedTo(world: World, jail: Jail): readonly string[] {
  const config = configOf(jail, world.defaults);
  if (!isOn(config, 'jail_zfs')) return [];
  try {
    return handedDatasets(jail, config).handed.flatMap(({ dataset, own }) => (own ? [] : [dataset]));
  } catch (thrown) {
    // With a value that cannot be read it does not start.
    if (asIocageError(thrown).code === 'INVALID_INPUT') return [];
    throw thrown;
  }
}

async function rowsOf({ storage }: Context, names: readonly string[]): Promise<readonly DatasetRow[]> {
  if (names.length === 0) return [];
  const found = await storage.filesystemsOf(names, 0, ['mounted', 'mountpoint', 'jailed']);
  // Of what a jail of FreeBSD has by now, the mount point is a path in that jail; the host cannot mount it.
  return [...found.values()].flat().filter(({ values }) => values.get('jailed') !== 'on');
}

/** The same places by their real paths, where a directory above is a link. What cannot be told of is no answer. */
async function withoutLinks({ files }: Context, reaches: readonly Reach[]): Promise<readonly Reach[]> {
  // No start takes a relative one.
  const paths = new Set(reaches.map(({ path }) => path).filter((path) => path.startsWith('/')));
  const real = new Map(
    await Promise.all([...paths].map(async (path) => [path, await files.realpath(path)] as const)),
  );
  return reaches.flatMap((reach) => {
    const path = real.get(reach.path);
    return path === undefined || path === reach.path ? [] : [{ ...reach, path }];
  });
}

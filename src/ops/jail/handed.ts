/**
 * What `jail_zfs=on` hands to a jail, as it is on the pool: its own datasets are made by the start that needs
 * them first; one elsewhere must be there, and marked for this jail by the administrator
 * (`org.freebsd.iocage:jail=TAG`). iocage changes, snapshots and destroys nothing of those.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import type { HandedMount, Problem } from '../../driver/host.ts';
import type { DatasetRow } from '../../driver/storage.ts';
import { configOf, isOn } from '../../domain/config.ts';
import { failure, type Issue } from '../../domain/errors.ts';
import { handedDatasets, hostPathProblem, type HandedDataset } from '../../domain/handed.ts';
import type { Jail } from '../../domain/jail.ts';
import { namespace } from '../../domain/property.ts';
import type { World } from '../world/world.ts';
import { createDataset, mountDataset } from '../steps/dataset.ts';

type Owner = Pick<Jail, 'pool' | 'uuid' | 'tag' | 'dataset' | 'mountpoint'>;

export interface HandOver {
  readonly mounts: readonly HandedMount[];
  /** What makes the datasets, or mounts them, before the jail starts. */
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
}

const mark = `${namespace}jail`;
const columns = ['mounted', 'mountpoint'] as const;
const nothing: HandOver = { mounts: [], steps: [], problems: [] };

/** Reads the pool, changes nothing. Empty while `jail_zfs` is off. */
export async function handOver(
  context: Context,
  jail: Owner,
  config: ReadonlyMap<string, string>,
): Promise<HandOver> {
  if (!isOn(config, 'jail_zfs')) return nothing;
  const { handed, problems } = handedDatasets(jail, config);
  if (problems.length > 0) return { ...nothing, problems };
  const looked = await Promise.all(handed.map((each) => lookAt(context, jail, each)));
  return {
    mounts: looked.flatMap(({ mounts }) => mounts),
    steps: looked.flatMap(({ steps }) => steps),
    problems: looked.flatMap((each) => each.problems),
  };
}

async function lookAt(context: Context, jail: Owner, handed: HandedDataset): Promise<HandOver> {
  const { dataset, own, target } = handed;
  const refused = (why: string): HandOver => ({
    ...nothing,
    problems: [{ key: 'jail_zfs_dataset', problem: `${dataset} ${why}` }],
  });
  const rows = await context.storage.filesystems(dataset, 1, columns);
  if (rows === undefined && own) {
    if (jail.mountpoint === undefined) return refused(`cannot be made: ${jail.dataset} is not mounted`);
    const source = join(jail.mountpoint, dataset.slice(jail.dataset.length + 1));
    return {
      mounts: [{ dataset, source, target }],
      steps: [createDataset({ dataset, properties: {} })],
      problems: [],
    };
  }
  if (rows === undefined)
    return refused(`does not exist; 'zfs create -o ${mark}=${jail.tag} ${dataset}' makes it for this jail`);
  const foreign = own ? undefined : await foreignProblem(context, jail, dataset);
  if (foreign !== undefined) return refused(foreign);
  const row = rows[0]!;
  const freebsd = context.host.kernel === 'freebsd';
  const mounted = row.values.get('mounted') === 'yes';
  // On FreeBSD it keeps its place in the jail when the host loses its power; the start gives it back first.
  const left = freebsd && !mounted && row.values.get('mountpoint') === target;
  // There root of the jail makes datasets below, and they are the jail's as this one is (zfs-jail(8)).
  const why = left ? undefined : placeProblem(freebsd ? [row] : rows, jail);
  if (why !== undefined) return refused(why);
  // FreeBSD's driver mounts it in the jail, from wherever it is.
  const isThere = mounted || freebsd;
  return {
    mounts: [{ dataset, source: row.values.get('mountpoint')!, target }],
    steps: isThere ? [] : [mountDataset({ dataset, wasMounted: false })],
    problems: [],
  };
}

/** Adopting what is there already takes a word of the administrator's on the dataset itself. */
async function foreignProblem(context: Context, jail: Owner, dataset: string): Promise<string | undefined> {
  const owner = (await context.storage.local(dataset))?.get(mark);
  if (owner === jail.uuid || owner === jail.tag) return undefined;
  return owner === undefined
    ? `is there already and was not made for this jail; 'zfs set ${mark}=${jail.tag} ${dataset}' hands it over`
    : `is handed to jail ${owner}`;
}

/** Where it is on the host; what is below it would be mounted inside what the jail can change. */
function placeProblem(rows: readonly DatasetRow[], jail: Owner): string | undefined {
  const [row, below] = rows;
  const path = row!.values.get('mountpoint');
  if (below !== undefined) return `has datasets below it (${below.name}); hand those over instead`;
  if (row!.problem !== undefined) return `cannot be used: ${row!.problem}`;
  if (path === undefined || !path.startsWith('/'))
    return `is mounted nowhere (mountpoint=${path ?? 'none'}); 'zfs set mountpoint=/PATH ${row!.name}' changes that`;
  const inside = jail.mountpoint !== undefined && `${path}/`.startsWith(`${jail.mountpoint}/root/`);
  return inside
    ? `is mounted inside the jail's root`
    : hostPathProblem(path) && `is refused: ${hostPathProblem(path)}`;
}

const keys = new Set(['jail_zfs', 'jail_zfs_dataset', 'jail_zfs_mountpoint']);

/**
 * Before such properties are stored: looks at the datasets as a start would.
 *
 * @throws INVALID_INPUT with everything that is wrong
 */
export async function assertHandable(
  context: Context,
  world: World,
  jail: Owner & { readonly local?: ReadonlyMap<string, string> },
  given: readonly (readonly [string, string])[],
): Promise<void> {
  if (!given.some(([key]) => keys.has(key))) return;
  const named = given.some(([key]) => key === 'jail_zfs_dataset');
  const config = new Map(configOf(jail, world.defaults, given));
  // Datasets are looked at when they are named, not only when the switch is turned on.
  if (named) config.set('jail_zfs', 'on');
  const { problems } = await handOver(context, jail, config);
  const issues: Issue[] = problems.map(({ key, problem }) => ({ path: key, problem }));
  if (issues.length > 0) throw failure('INVALID_INPUT', { issues });
}

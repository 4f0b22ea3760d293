/**
 * Datasets that are handed to a jail (`jail_zfs`, `jail_zfs_dataset`, `jail_zfs_mountpoint`): which ones are
 * meant, where the jail sees them, and which are refused. Pure; what is on the pool is looked up by the
 * caller. Spec: safety rule 9 of the original's analysis.
 */
import { datasets } from './codec/files.ts';
import { valueOf } from './config.ts';
import type { Jail } from './jail.ts';
import { poolRoot, rootOf } from './source.ts';

export interface HandedDataset {
  /** Full name. */
  readonly dataset: string;
  /** Directly below the jail's own dataset: made for it, in its snapshots, gone with it. */
  readonly own: boolean;
  /** Path in the jail. */
  readonly target: string;
}

export interface HandedProblem {
  readonly key: 'jail_zfs_dataset' | 'jail_zfs_mountpoint';
  readonly problem: string;
}

const isAtOrBelow = (name: string, root: string): boolean => name === root || name.startsWith(`${root}/`);

/** COMPAT: the pool's name is left out; the develop lines wrote it for datasets outside of iocage. */
function fullName(word: string, pool: string): string {
  return isAtOrBelow(word, pool) ? word : `${pool}/${word}`;
}

/** Why this dataset can never be handed to the jail, whatever is on the pool. */
function refusal(dataset: string, jail: Pick<Jail, 'pool' | 'dataset'>): string | undefined {
  const roots = [poolRoot(jail.pool), rootOf(jail.dataset)];
  if (dataset === jail.pool) return 'it is the pool itself';
  if (roots.some((root) => isAtOrBelow(root, dataset))) return 'it holds all jails';
  if (!roots.some((root) => isAtOrBelow(dataset, root))) return undefined;
  if (!isAtOrBelow(dataset, jail.dataset))
    return `it belongs to iocage or to another jail; this jail's own lie directly below ${jail.dataset}`;
  const below = dataset.slice(jail.dataset.length + 1);
  if (below === '' || below === 'root') return 'it is the jail itself';
  if (isAtOrBelow(below, 'root'))
    return `it would be mounted inside the jail's root, where the jail can lead the mount astray`;
  return below.includes('/') ? `only a dataset directly below ${jail.dataset} can be handed over` : undefined;
}

/** `/data`, or where `jail_zfs_mountpoint` says; several stand in it, each under its last name. */
function targetOf(dataset: string, place: string, several: boolean): string {
  return several ? `${place}/${dataset.split('/').at(-1)!}` : place;
}

/**
 * What `jail_zfs=on` would hand over, and what is wrong with it.
 *
 * @param config the jail's effective values
 * @throws INVALID_INPUT when the stored text cannot be read
 */
export function handedDatasets(
  jail: Pick<Jail, 'pool' | 'dataset'>,
  config: ReadonlyMap<string, string>,
): { readonly handed: readonly HandedDataset[]; readonly problems: readonly HandedProblem[] } {
  const words = valueOf(config, 'jail_zfs_dataset', datasets) ?? [];
  const names = words.map((word) => fullName(word, jail.pool));
  const stored = config.get('jail_zfs_mountpoint') ?? 'none';
  const place = stored === 'none' ? '/data' : stored.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  const problems: HandedProblem[] = [];
  for (const [index, dataset] of names.entries()) {
    const why =
      refusal(dataset, jail) ??
      (names.some((other, at) => at !== index && isAtOrBelow(dataset, other))
        ? 'it is in the list twice, or below another one of it'
        : undefined);
    if (why !== undefined)
      problems.push({ key: 'jail_zfs_dataset', problem: `${dataset} is refused: ${why}` });
  }
  const handed = names.map((dataset) => ({
    dataset,
    own: isAtOrBelow(dataset, jail.dataset),
    target: targetOf(dataset, place, names.length > 1),
  }));
  const twice = handed.find(
    ({ target }, index) => handed.findIndex((other) => other.target === target) !== index,
  );
  if (twice !== undefined)
    problems.push({ key: 'jail_zfs_dataset', problem: `two of them would be ${twice.target} in the jail` });
  if (place === '/')
    problems.push({
      key: 'jail_zfs_mountpoint',
      problem: 'it is the root of the jail; name a directory in it',
    });
  return { handed, problems };
}

/** Nothing at or below these is a place for a jail's data. */
const system = [
  'bin',
  'boot',
  'dev',
  'etc',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'proc',
  'root',
  'run',
  'sbin',
  'sys',
  'usr',
];
/** These hold others' data; what is below them may be a jail's. */
const shared = ['', 'home', 'media', 'mnt', 'opt', 'srv', 'tmp', 'var'];
const inVar = [
  'backups',
  'cache',
  'crash',
  'db',
  'lib',
  'local',
  'lock',
  'log',
  'mail',
  'opt',
  'run',
  'spool',
  'tmp',
];

/** Why a dataset that is mounted here on the host is not handed to a jail; undefined when it may be. */
export function hostPathProblem(mountpoint: string): string | undefined {
  const [, top = '', second, ...more] = mountpoint
    .replace(/\/+/g, '/')
    .replace(/(.)\/$/, '$1')
    .split('/');
  const isSystem =
    system.includes(top) ||
    (second === undefined && shared.includes(top)) ||
    (top === 'var' && more.length === 0 && inVar.includes(second ?? ''));
  return isSystem ? `it is mounted at ${mountpoint}, which belongs to the host's system` : undefined;
}

/**
 * The words of a jail's list that name its own datasets, as another jail's own; the others are left out. A
 * template's own are those that it had as a jail.
 */
export function ownWordsFor(
  text: string | undefined,
  source: Pick<Jail, 'pool' | 'dataset'>,
  dataset: string,
): string | undefined {
  const [root, name] = [rootOf(source.dataset), source.dataset.split('/').at(-1)!];
  const groups = ['jails', 'templates'].map((group) => `${root}/${group}/${name}`);
  const words = (text ?? 'none')
    .split(/[\s,]+/)
    .map((word) => fullName(word, source.pool))
    .filter((full) => groups.includes(full.split('/').slice(0, -1).join('/')))
    .map((full) => `${dataset}/${full.split('/').at(-1)!}`.slice(dataset.indexOf('/') + 1));
  return words.length === 0 ? undefined : words.join(' ');
}

/**
 * What goes with a jail: its own datasets and snapshots, and the snapshots elsewhere that were made for
 * nothing but to clone it from. Computed before anything is touched; whatever is not found here stays.
 */
import { stampProperty } from '../../driver/storage.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { isUuid } from '../../domain/name.ts';
import { readWorld } from '../world/read.ts';

export interface Clone {
  readonly dataset: string;
  readonly origin: string;
}

export interface Loss {
  /** Every filesystem, a parent before what is below it. */
  readonly filesystems: readonly string[];
  /** Those of them that are mounted, outermost first. */
  readonly mounted: readonly string[];
  /** Snapshots of releases or other jails that were made for this one only. */
  readonly origins: readonly string[];
  readonly all: readonly string[];
}

/** By path segment: `tank/ab` is not inside `tank/a`. */
export function isInside(dataset: string, roots: readonly string[]): boolean {
  return roots.some((root) => dataset === root || dataset.startsWith(`${root}/`));
}

/** The filesystem that a snapshot is of. */
export function datasetOf(snapshot: string): string {
  return snapshot.split('@')[0]!;
}

/** What hangs on something, as people call it: a jail by its name, once; anything else by its dataset. */
export function dependentNames(jails: readonly Jail[], datasets: readonly string[]): readonly string[] {
  const nameOf = (dataset: string): string => {
    const jail = jails.find((each) => isInside(dataset, [each.dataset]));
    return jail === undefined ? dataset : label(jail);
  };
  return [...new Set(datasets.map(nameOf))];
}

/** @throws HAS_DEPENDENTS when anything outside the jail is a clone of a snapshot of it */
export async function computeLoss(context: Context, jail: Jail): Promise<Loss> {
  const rows = (await context.storage.filesystems(jail.dataset, 32, ['mounted'])) ?? [];
  const filesystems = rows.map((row) => row.name);
  const snapshots = await context.storage.snapshots(jail.dataset, undefined, []);
  const clones = await context.storage.clones(jail.pool);
  const dependents = dependentNames((await readWorld(context)).jails, dependentsOf(clones, [jail.dataset]));
  if (dependents.length > 0) throw failure('HAS_DEPENDENTS', { what: `jail ${label(jail)}`, dependents });
  const origins = await originsMadeFor(context, clones, [jail.dataset]);
  const mounted = rows.filter((row) => row.values.get('mounted') === 'yes').map((row) => row.name);
  return {
    filesystems,
    mounted,
    origins,
    all: [...filesystems, ...snapshots.map((row) => row.name), ...origins],
  };
}

/** The filesystems outside `roots` that are clones of something inside. */
export function dependentsOf(clones: readonly Clone[], roots: readonly string[]): readonly string[] {
  return clones
    .filter(({ dataset, origin }) => isInside(datasetOf(origin), roots) && !isInside(dataset, roots))
    .map(({ dataset }) => dataset);
}

/**
 * Snapshots outside `roots` that iocage took in the very operation that cloned a filesystem inside from
 * them, and that nothing outside is a clone of. The operation's stamp on both tells, not the name: a
 * snapshot that a person took stays whatever it is called, and a promoted or renamed jail is no other.
 */
export async function originsMadeFor(
  context: Context,
  clones: readonly Clone[],
  roots: readonly string[],
): Promise<readonly string[]> {
  const candidates = clones.filter(
    ({ dataset, origin }) =>
      isInside(dataset, roots) &&
      !isInside(datasetOf(origin), roots) &&
      !clones.some((other) => other.origin === origin && !isInside(other.dataset, roots)),
  );
  const found = new Set<string>();
  for (const candidate of candidates) if (await madeTogether(context, candidate)) found.add(candidate.origin);
  return [...found];
}

async function madeTogether({ storage }: Context, { dataset, origin }: Clone): Promise<boolean> {
  const of = async (name: string): Promise<string | undefined> =>
    (await storage.local(name))?.get(stampProperty);
  const [taken, cloned] = [await of(origin), await of(dataset)];
  if (taken !== undefined || cloned !== undefined) return taken === cloned;
  // COMPAT: the original wrote no stamp; it named the snapshot after the jail's UUID.
  const name = origin.split('@')[1]!;
  return isUuid(name) && dataset.split('/').includes(name);
}

/**
 * Before datasets are unmounted for a rename, or rolled back: which are mounted and must be mounted again, and
 * whether that can work. Nothing is unmounted here.
 */
import type { Context } from './context.ts';
import { failure } from '../domain/errors.ts';
import { label } from '../domain/jail.ts';
import { dependentsOf, isInside } from './jail/loss.ts';
import type { World } from './world/world.ts';

/**
 * The datasets that are mounted now and may be unmounted for the time of a rename: those of the tree, and, where
 * zfs-fuse keeps a tree busy for its mounted clones, those. For `renameDataset`.
 */
export async function mountedWith({ storage }: Context, dataset: string): Promise<readonly string[]> {
  const trees = [dataset, ...dependentsOf(await storage.clones(dataset.split('/')[0]!), [dataset])];
  const rows = await Promise.all(trees.map((name) => storage.filesystems(name, 32, ['mounted'])));
  const mounted = rows.flatMap((tree) => tree ?? []).filter(({ values }) => values.get('mounted') === 'yes');
  return [...new Set(mounted.map(({ name }) => name))].sort();
}

/** What ZFS and the file system write to unmount, rename and mount again; measured: 300 KiB. */
const leastRoomBytes = 2 ** 20;

/**
 * Before anything is unmounted that must be mounted again: on a full pool zfs-fuse can make no mount point, and
 * nothing could be put back.
 *
 * @throws POOL_FULL
 */
export async function assertRoom({ storage }: Context, { root }: Pick<World, 'root'>): Promise<void> {
  const available = (await storage.measure(root, 0, ['available'])).get(root)?.get('available');
  if (available === undefined || Number(available) >= leastRoomBytes) return;
  throw failure('POOL_FULL', { dataset: root, why: `${available} bytes are free; nothing was changed` });
}

/**
 * zfs-fuse cannot rename what a clone of is in use, and by the time it says so the clone was unmounted beneath the
 * jail that runs in it.
 *
 * @throws JAIL_RUNNING for the jail that is a clone
 */
export async function assertClonesDown(
  { storage, host }: Context,
  world: World,
  dataset: string,
): Promise<void> {
  if ((await storage.capabilities()).flavour !== 'zfs-fuse') return;
  const clones = dependentsOf(await storage.clones(world.pool.name), [dataset]);
  if (clones.length === 0) return;
  const running = await host.running(world.realm);
  const up = world.jails.find(
    (jail) => running.has(jail.uuid) && clones.some((clone) => isInside(clone, [jail.dataset])),
  );
  if (up === undefined) return;
  throw failure('JAIL_RUNNING', { name: label(up), action: `renaming ${dataset}, of which it is a clone,` });
}

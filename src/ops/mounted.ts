/**
 * Root datasets that must be mounted before their files are looked at: the directory below a mount that is
 * not there is empty, and an empty release would mean to an upgrade that every file is gone.
 */
import { join } from 'node:path';
import type { Context } from './context.ts';
import { failure } from '../domain/errors.ts';
import type { Release } from './world/world.ts';

/** @throws NOT_MOUNTED when `DATASET/root` is there and not mounted */
export async function assertRootMounted({ storage }: Context, dataset: string): Promise<void> {
  const root = `${dataset}/root`;
  const rows = await storage.filesystems(root, 0, ['mounted']);
  if (rows?.[0]?.values.get('mounted') === 'no') throw failure('NOT_MOUNTED', { dataset: root });
}

/**
 * Where the files of a release are.
 *
 * @throws NOT_MOUNTED
 */
export async function releaseRoot(
  context: Context,
  { dataset, mountpoint }: Pick<Release, 'dataset' | 'mountpoint'>,
): Promise<string> {
  if (mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset });
  await assertRootMounted(context, dataset);
  return join(mountpoint, 'root');
}

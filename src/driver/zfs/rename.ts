/**
 * Renaming a tree of filesystems. zfs-fuse renames nothing that is mounted, so it is unmounted first
 * and mounted again under the new name. There, a mounted clone of one of the tree's snapshots also keeps
 * the tree busy for as long as it is mounted (pool version 23 counts the clone's hold on its origin), so
 * such clones are unmounted meanwhile; one that is in use makes the rename fail as busy, with all as it was.
 */
import type { Storage } from '../storage.ts';
import { failure } from '../../domain/errors.ts';
import * as argv from './argv.ts';
import { isAtOrBelow, poolOf } from './name.ts';
import type { Runner } from './run.ts';
import { readTree, remount, unmountTree, type Tree } from './tree.ts';

const namesOf = (tree: Tree): readonly string[] => tree.mounted.map(({ name }) => name);

export async function renameTree(
  run: Runner,
  reading: Pick<Storage, 'capabilities' | 'clones'>,
  from: string,
  to: string,
): Promise<void> {
  const command = argv.rename(from, to);
  const tree = await readTree(run, from);
  if (tree === undefined) throw failure('DATASET_NOT_FOUND', { dataset: from });
  const clones = tree.snapshots.length > 0 ? await holdingClones(run, reading, from) : [];

  const unmounted: Tree[] = [];
  try {
    for (const each of [...clones, tree]) {
      await unmountTree(run, each);
      unmounted.push(each);
    }
    await run.change(command, from);
  } catch (error) {
    for (const each of unmounted.toReversed()) await remount(run, namesOf(each)).catch(() => undefined);
    throw error;
  }
  await remount(run, [
    ...namesOf(tree).map((name) => to + name.slice(from.length)),
    ...clones.flatMap(namesOf),
  ]);
}

async function holdingClones(
  run: Runner,
  reading: Pick<Storage, 'capabilities' | 'clones'>,
  root: string,
): Promise<readonly Tree[]> {
  if ((await reading.capabilities()).flavour !== 'zfs-fuse') return [];
  const clones = (await reading.clones(poolOf(root))).filter(
    ({ dataset, origin }) => isAtOrBelow(origin.split('@')[0]!, root) && !isAtOrBelow(dataset, root),
  );
  const trees: Tree[] = [];
  // One that is inside another goes and comes with it: mounted before its parent, it would be in the way.
  const inside = ({ dataset }: { dataset: string }): boolean =>
    clones.some((other) => other.dataset !== dataset && isAtOrBelow(dataset, other.dataset));
  for (const { dataset } of clones.filter((clone) => !inside(clone))) {
    const tree = await readTree(run, dataset);
    if (tree !== undefined) trees.push(tree);
  }
  return trees;
}

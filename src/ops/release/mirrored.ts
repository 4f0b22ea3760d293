/** The package mirror of a release: a dataset `pkg` below it, which goes with the release. */
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { namespace } from '../../domain/property.ts';
import type { Release } from '../world/world.ts';

export const mirrorOf = ({ dataset }: Pick<Release, 'dataset'>): string => `${dataset}/pkg`;

/** Marks it as ours, with the package manager that it is for. */
export const mirrorMark = `${namespace}package_mirror`;

/**
 * Where it is mounted; undefined when the release has none.
 *
 * @throws DATASET_EXISTS when somebody else made a dataset of that name, NOT_MOUNTED
 */
export async function findMirror(
  { storage }: Pick<Context, 'storage'>,
  release: Release,
): Promise<string | undefined> {
  const dataset = mirrorOf(release);
  const [row] = (await storage.filesystems(dataset, 0, ['mounted', 'mountpoint'])) ?? [];
  if (row === undefined) return undefined;
  if (!(await storage.local(dataset))?.has(mirrorMark)) throw failure('DATASET_EXISTS', { dataset });
  if (row.values.get('mounted') !== 'yes') throw failure('NOT_MOUNTED', { dataset });
  return row.values.get('mountpoint');
}

/**
 * That a new root lies apart from every other one on its pool, also from those that nobody named now: what lies in a
 * jail's datasets goes when that jail is destroyed, and what lies among jails would be taken for one.
 */
import { failure } from '../../domain/errors.ts';
import type { Source } from '../../domain/source.ts';
import type { Context } from '../context.ts';

/** Deeper than ZFS lets names go. */
const everything = 128;

/** @throws INVALID_SOURCE; of a root that holds jails already nothing is asked */
export async function assertApartOnPool({ storage }: Context, { name, root }: Source): Promise<void> {
  const rows = (await storage.filesystems(root.split('/')[0]!, everything, [])) ?? [];
  const names = rows.map((row) => row.name);
  const there = new Set(names);
  const holdsJails = (dataset: string): boolean =>
    there.has(`${dataset}/jails`) && there.has(`${dataset}/releases`);
  if (holdsJails(root)) return;
  const other = names.find(
    (dataset) => holdsJails(dataset) && (root.startsWith(`${dataset}/`) || dataset.startsWith(`${root}/`)),
  );
  if (other === undefined) return;
  const problem = `${root} and ${other}, which holds jails, are not apart`;
  throw failure('INVALID_SOURCE', { name, where: 'on the pool', problem });
}

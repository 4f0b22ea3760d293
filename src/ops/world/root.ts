/**
 * The root dataset that is meant, with the rows of all that lies two levels below it: the one question to ZFS of
 * a listing.
 */
import type { DatasetRow } from '../../driver/storage.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { nameProblem } from '../../domain/name.ts';
import { poolRoot, poolSource } from '../../domain/source.ts';
import { namedSources } from '../source/sources.ts';
import { activeKey, columns } from './columns.ts';
import { choosePool, notActive } from './pool.ts';
import type { World } from './world.ts';

/** @throws SOURCE_MISSING, POOL_NOT_ACTIVE, and what `choosePool` throws */
export async function readRoot(
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

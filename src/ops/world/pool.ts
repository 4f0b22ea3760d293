/**
 * Which pool is meant, and by it which realm: the pool that was named, else the only activated one. A pool that
 * nobody named is never activated here.
 */
import type { Pool } from '../../driver/storage.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { nameProblem } from '../../domain/name.ts';
import { realmOf } from '../../domain/source.ts';
import { hasOthers, namedSources } from '../source/sources.ts';
import { seenBy } from './seen.ts';

/** Asked once in a context. @throws POOL_NOT_FOUND, POOL_NOT_ACTIVE, NO_ACTIVE_POOL, SEVERAL_ACTIVE_POOLS */
export function choosePool(context: Context): Promise<Pool> {
  const seen = seenBy(context);
  if (seen.pool === undefined) {
    seen.pool = askForPool(context);
    // A failure is told once, and tried again the next time.
    seen.pool.catch(() => delete seen.pool);
  }
  return seen.pool;
}

/** The realm that is meant. Whether a pool that was named is in use, `readWorld` finds out. */
export async function realmNow(context: Context): Promise<string> {
  const { pool } = context;
  const source = context.source ?? (await namedSources(context))?.list[0];
  if (source !== undefined) return realmOf(source.root);
  return pool !== undefined && nameProblem('pool', pool) === undefined
    ? pool
    : (await choosePool(context)).name;
}

/** While sources rule, only who names the pool can activate it. */
export async function notActive(context: Context, pool: string): Promise<Error> {
  const named = context.pool !== undefined && (await hasOthers(context));
  return failure('POOL_NOT_ACTIVE', { pool, ...(named ? { named } : {}) });
}

async function askForPool(context: Context): Promise<Pool> {
  const pools = await context.storage.pools();
  if (context.pool !== undefined) {
    const named = pools.find((pool) => pool.name === context.pool);
    if (named === undefined) throw failure('POOL_NOT_FOUND', { pool: context.pool });
    if (!named.active) throw await notActive(context, named.name);
    return named;
  }
  const active = pools.filter((pool) => pool.active);
  if (active.length === 0) throw failure('NO_ACTIVE_POOL');
  if (active.length > 1) throw failure('SEVERAL_ACTIVE_POOLS', { pools: active.map((pool) => pool.name) });
  return active[0]!;
}

/**
 * What was read last in this context. Before the locks it answers which jail is meant; once they are held
 * it is old, all but the pool, and what the plan is made from is read again. After the operation all of it
 * is forgotten. Reads nothing itself.
 */
import type { Pool } from '../../driver/storage.ts';
import type { Context } from '../context.ts';
import type { World } from './world.ts';

interface Seen {
  pool?: Promise<Pool>;
  world?: Promise<World>;
  old?: boolean;
}

const seen = new WeakMap<Context, Seen>();

export function seenBy(context: Context): Seen {
  const before = seen.get(context) ?? {};
  seen.set(context, before);
  return before;
}

/** What is read next is read anew, the pool included. */
export function forgetWorld(context: Context): void {
  seen.delete(context);
}

/** Other processes may have changed anything until the locks were ours. */
export function ageWorld(context: Context): void {
  seenBy(context).old = true;
}

/** What was read, if anything was; reads nothing. */
export function worldSeen(context: Context): Promise<World> | undefined {
  return seenBy(context).world;
}

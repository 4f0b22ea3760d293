/**
 * Before a jail is made of a release's files as they are now. The lock is looked at and not kept: many jails
 * may be made of one release at once, and a snapshot takes no time.
 */
import type { Context } from '../context.ts';
import { refuseHalfDone } from '../run/unfinished.ts';
import { releaseLock } from './destroy.ts';

const waitMs = 10_000;

/** @throws LOCKED when the release is being changed, UNFINISHED when a change of it was killed half-way */
export async function assertCalm(context: Context, realm: string, release: string): Promise<void> {
  const lock = releaseLock(realm, release);
  if (!context.dry) await (await context.locks.take([lock], 'jail.create', waitMs)).release();
  await refuseHalfDone(context, [lock]);
}

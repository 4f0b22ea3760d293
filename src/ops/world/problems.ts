/**
 * Why a jail that was found cannot be used just now: its key is not loaded, or another process is at work on it.
 * Asked only where something is not as it should be, so that a listing of whole jails costs nothing more.
 */
import type { JournalEntry } from '../../driver/system.ts';
import type { Context } from '../context.ts';
import type { Jail } from '../../domain/jail.ts';

/** What cannot be mounted because its key is not loaded. A ZFS without encryption has no such property. */
export async function lockedBelow(
  context: Context,
  root: string,
  depth: number,
): Promise<ReadonlySet<string>> {
  const keys = await context.storage.measure(root, depth, ['keystatus']).catch(() => new Map());
  return new Set(
    [...keys].flatMap(([name, values]) => (values.get('keystatus') === 'unavailable' ? [name] : [])),
  );
}

/** Asks why only where something is not mounted. */
export async function sayLocked(
  context: Context,
  root: string,
  jails: readonly Jail[],
): Promise<readonly Jail[]> {
  if (jails.every(({ mountpoint }) => mountpoint !== undefined)) return jails;
  const locked = await lockedBelow(context, root, 2);
  return jails.map((jail) =>
    jail.mountpoint === undefined && locked.has(jail.dataset)
      ? { ...jail, problem: 'it is encrypted, and its key is not loaded' }
      : jail,
  );
}

/**
 * Half-way through an operation of another process a jail is not mounted, or not whole: that is no damage. Who began
 * before the look at ZFS may have ended after it, and the other way round.
 */
export async function sayBusy(
  { journal }: Context,
  before: readonly JournalEntry[],
  jails: readonly Jail[],
): Promise<readonly Jail[]> {
  if (jails.every(({ problem }) => problem === undefined)) return jails;
  const entries = [...before, ...(await journal.working())];
  return jails.map((jail) => {
    const lock = `jail:${jail.realm}:${jail.uuid}`;
    const entry = jail.problem && entries.find(({ head }) => head.locks.includes(lock));
    if (!entry) return jail;
    const busy = entry.head.title;
    return { ...jail, busy, problem: `another process is at it: ${busy}` };
  });
}

/**
 * The door to what is on the pool: everything, in a number of child processes that does not grow with the jails,
 * or one jail again under its lock. What was read and is not old is not read a second time (`seen.ts`).
 */
import type { RunningJail } from '../../driver/host.ts';
import type { DatasetRow } from '../../driver/storage.ts';
import type { Context } from '../context.ts';
import { findJail, type Jail } from '../../domain/jail.ts';
import { columns } from './columns.ts';
import { withFiles } from './config-files.ts';
import { toJail } from './jail.ts';
import { realmNow } from './pool.ts';
import { sayLocked } from './problems.ts';
import { seenBy } from './seen.ts';
import { survey } from './survey.ts';
import type { World } from './world.ts';

/** Everything, as it was read last when that is not old, otherwise read now. A failure is tried again the next time. */
export function readWorld(context: Context): Promise<World> {
  const known = seenBy(context);
  if (known.world !== undefined && known.old !== true) return known.world;
  const reading = survey(context);
  known.world = reading;
  known.old = false;
  reading.catch(() => delete known.world);
  return reading;
}

/** What is on the pool and, looked at meanwhile, which of the jails run. */
export async function readWithRunning(
  context: Context,
): Promise<{ readonly world: World; readonly running: ReadonlyMap<string, RunningJail> }> {
  const [world, running] = await Promise.all([
    readWorld(context),
    realmNow(context).then((realm) => context.host.running(realm)),
  ]);
  return { world, running };
}

/**
 * One jail as it is now. Under its own lock only this jail is read again, with its root dataset: the others
 * may change at any moment whether they are read now or were read a moment ago.
 *
 * @param name UUID, unique prefix of one, or tag
 */
export async function readJail(context: Context, name: string): Promise<{ world: World; jail: Jail }> {
  const known = seenBy(context);
  if (known.world === undefined || known.old !== true) {
    const world = await readWorld(context);
    return { world, jail: findJail(world.jails, name) };
  }
  const before = await known.world;
  const meant = findJail(before.jails, name);
  const rows = (await context.storage.filesystems(meant.dataset, 1, columns)) ?? [];
  const [own, root] = ['', '/root'].map((end) => rows.find((row) => row.name === meant.dataset + end));
  const template = meant.dataset.startsWith(`${before.root}/templates/`);
  const now = own && {
    ...(await rereadJail(context, before, meant, own, template)),
    rootMounted: root?.values.get('mounted') !== 'no',
  };
  if (now?.uuid !== meant.uuid || now.tag !== meant.tag) {
    // It was renamed or destroyed meanwhile: who is meant now, if anybody?
    const world = await readWorld(context);
    return { world, jail: findJail(world.jails, name) };
  }
  return {
    world: { ...before, jails: before.jails.map((jail) => (jail === meant ? now : jail)) },
    jail: now,
  };
}

/** Who made it does not change: a jail of ours stays one, and for another one the file is looked at again. */
async function rereadJail(
  context: Context,
  before: World,
  { made }: Jail,
  row: DatasetRow,
  template: boolean,
): Promise<Jail> {
  const read = { ...toJail(row, before.realm, template, undefined), made };
  const asked = await sayLocked(context, before.root, [read]);
  return (await withFiles(context, asked, before.mountpoint))[0]!;
}

/**
 * Updating a fetched release: its own package manager, in a container without services that lasts as long as
 * the update and uses the host's network. Jails that were made of it keep what they have: they are clones or
 * copies of older snapshots. Basejails show its files, so none may run meanwhile; what they find at their
 * next start is the update.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Plan } from '../operation.ts';
import type { JailSpec } from '../../driver/host.ts';
import { effective } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { packageChanges, parseTold, type PackageChange } from '../../domain/packages.ts';
import { baseChanges, isBase, type Updater } from '../jail/base-system.ts';
import { guardedChange, guardName, healthSteps, type GuardedChange } from '../jail/guarded-change.ts';
import { cleanSteps, quietSpec, upgradeSteps, watched, withoutServices } from '../jail/packages.ts';
import { jailLock } from '../jail/select.ts';
import { consoleLogs } from '../world/spec.ts';
import type { Release, World } from '../world/world.ts';
import { upgradeBase } from '../steps/base-packages.ts';
import { releaseLock } from './destroy.ts';
import { repositoryOf } from './fetch-pkgbase.ts';

export interface Updated {
  /** Of the jail, or the release's name. */
  readonly uuid: string;
  readonly tag: string;
  readonly of: 'jail' | 'release';
  readonly manager: Updater['name'];
  /** Kept: `rollback` leads back to it. */
  readonly snapshot: string;
  /** Null when the data base of the package manager cannot be read from outside. */
  readonly changes: readonly PackageChange[] | null;
}

/** The release's root as a jail of no name of its own; `@` is in no jail's name. */
export function releaseSpec(world: World, release: Release): JailSpec {
  const { name, dataset, mountpoint } = release;
  if (mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset });
  const uuid = `release@${name}`;
  const stored = new Map([['host_hostname', name.replaceAll(/[^A-Za-z0-9.-]/g, '-').slice(0, 63)]]);
  const spec: JailSpec = {
    pool: world.realm,
    uuid,
    tag: `release ${name}`,
    dataset,
    mountpoint,
    root: join(mountpoint, 'root'),
    consoleLog: consoleLogs(world, uuid)[0],
    config: effective(stored, new Map(), { uuid }),
  };
  return quietSpec(spec, 'fresh');
}

const showsRelease = (world: World, name: string): readonly Jail[] =>
  world.jails.filter(({ local }) => local.get('type') === 'basejail' && local.get('release') === name);

/** The release's, and of each jail that shows it: none is to be started while the files change. */
export function updateLocks(world: World, name: string): readonly string[] {
  return [releaseLock(world.realm, name), ...showsRelease(world, name).map(jailLock)];
}

/** @param healthIn a basejail of the release, in which the health check runs instead of in the release */
export async function planReleaseUpdate(
  context: Context,
  world: World,
  release: Release,
  updater: Updater,
  { health, healthIn }: { health?: string | undefined; healthIn?: Jail | undefined } = {},
): Promise<Plan<Updated>> {
  const { name } = release;
  const { host } = context;
  const running = await host.running(world.realm);
  const shown = world.jails.find(
    ({ uuid, local }) =>
      running.has(uuid) &&
      local.get('type') === 'basejail' &&
      (local.get('base_started') ?? local.get('release')) === name,
  );
  if (shown) throw failure('JAIL_RUNNING', { name: label(shown), action: `updating its release ${name}` });
  const spec = releaseSpec(world, release);
  const snapshot = guardName(context, 'update');
  const { up, down, changes } = await releaseWork(context, release, spec, updater);
  return {
    subject: name,
    title: `Updating release ${name}`,
    steps: [
      ...(await guardedChange(context, {
        dataset: release.dataset,
        spec,
        running: false,
        snapshot,
        up,
        down,
        ...(healthIn === undefined ? { health } : {}),
      })),
      ...(health === undefined || healthIn === undefined
        ? []
        : await healthSteps(context, world, healthIn, health)),
    ],
    result: async () => ({
      uuid: name,
      tag: name,
      of: 'release',
      manager: updater.name,
      snapshot,
      changes: await changes(),
    }),
  };
}

/** Programs of the release run in its container; a base system is changed from outside. */
async function releaseWork(
  context: Context,
  { name, mountpoint, local }: Release,
  spec: JailSpec,
  updater: Updater,
): Promise<Pick<GuardedChange, 'up' | 'down'> & { changes: () => Promise<readonly PackageChange[] | null> }> {
  const { host } = context;
  if (isBase(updater)) {
    const work = join(mountpoint!, 'updates');
    const { userland, name: by } = updater;
    return {
      down: [host.patchStep!({ of: `release ${name}`, root: spec.root, work, by, userland })],
      changes: () => baseChanges(context, spec.root, updater),
    };
  }
  if (local.get('release_kind') === 'pkgbase') {
    const source = local.get('release_source');
    const server = source?.endsWith('//pkg.FreeBSD.org') === true ? undefined : source;
    const repository = await repositoryOf(context, name, server);
    const work = join(mountpoint!, 'updates');
    // Nobody but those who made the packages has had a hand in that root, and in its data base.
    const query = async (): Promise<ReadonlyMap<string, string>> =>
      parseTold((await context.exec.read(['pkg', '-r', spec.root, 'query', '%n\\t%v'])).stdout);
    const before = await query();
    return {
      down: [upgradeBase({ release: name, root: spec.root, work, ...repository })],
      changes: async () => packageChanges(before, await query()),
    };
  }
  const work = [...upgradeSteps(host, spec, updater), ...cleanSteps(host, spec, updater)];
  const { steps, changes } = await watched(context, spec, updater, work);
  return { up: withoutServices(host, spec, updater, steps), changes };
}

/**
 * What of the world a host driver takes to run a jail: its effective configuration, where its root and its console
 * log are, and the release below a basejail. Pure.
 */
import { join } from 'node:path';
import type { JailSpec } from '../../driver/host.ts';
import { configOf } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import type { Jail } from '../../domain/jail.ts';
import type { Release, World } from './world.ts';

/** The jail with its effective configuration, as the host driver takes it. */
export function toSpec(world: World, jail: Jail): JailSpec {
  if (jail.problem !== undefined) throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem });
  const config = configOf(jail, world.defaults);
  return {
    pool: jail.realm,
    uuid: jail.uuid,
    tag: jail.tag,
    dataset: jail.dataset,
    mountpoint: jail.mountpoint!,
    root: join(jail.mountpoint!, 'root'),
    consoleLog: consoleLogs(world, jail.uuid)[0],
    config,
    ...(config.get('type') === 'basejail' ? { base: baseOf(world, jail, config.get('release')) } : {}),
  };
}

/** A jail's console log and the one before it. */
export function consoleLogs(world: World, uuid: string): readonly [string, string] {
  const log = join(world.mountpoint, 'log', `${uuid}-console.log`);
  return [log, `${log}.1`];
}

/**
 * The release that a jail names. Other tools write the patch level behind the name; the dataset has none.
 */
export function releaseOf(
  world: World,
  { local, file }: Jail,
  name: string | undefined,
): Release | undefined {
  const names =
    file === undefined ? [name] : [name, local.get('cloned_release'), name?.replace(/-p\d+$/, '')];
  return names.flatMap((one) => world.releases.find((release) => release.name === one) ?? [])[0];
}

function baseOf(
  world: World,
  jail: Jail,
  name: string | undefined,
): { release: string; root: string | undefined } {
  const release = releaseOf(world, jail, name);
  const mountpoint = release?.mountpoint;
  return {
    release: release?.name ?? name ?? 'none',
    root: mountpoint === undefined ? undefined : join(mountpoint, 'root'),
  };
}

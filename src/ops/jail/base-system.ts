/**
 * What brings a root up to date: its package manager, or, for a FreeBSD that came as distribution sets, the host's
 * own updates of the base system. Only looks.
 */
import type { BaseSystem } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import type { PackageChange, PackageManager } from '../../domain/packages.ts';
import { hardenedBuildOf, userlandOf } from '../../domain/userland.ts';
import type { Context } from '../context.ts';
import { findPackageManager } from './packages.ts';

export interface BaseUpdater {
  readonly name: BaseSystem['by'];
  /** What is there now: `14.2-RELEASE-p1`, a build of HardenedBSD, or `as fetched` where that says nothing. */
  readonly userland: string;
}
export type Updater = PackageManager | BaseUpdater;

type Doors = Pick<Context, 'files' | 'host'>;

export const isBase = (updater: Updater): updater is BaseUpdater =>
  updater.name === 'freebsd-update' || updater.name === 'hbsd-update';

/** A release of HardenedBSD has its tool. */
const hardenedTool = 'usr/sbin/hbsd-update';

/** Of releases and of what leads to them, and none of branches; freebsd-update(8). */
export const hasBinaryUpdates = (version: string): boolean => /-(RELEASE|RC|BETA|ALPHA)/.test(version);

/** @param kind `release_kind` of the root's release: with `pkgbase` the base system is packages */
export async function findUpdater(
  { files, host }: Doors,
  root: string,
  kind: string | undefined,
): Promise<Updater | undefined> {
  const patched = host.patchStep !== undefined && kind !== 'pkgbase';
  if (patched && (await files.statBelow(root, hardenedTool).catch(() => undefined))?.type === 'file')
    return { name: 'hbsd-update', userland: (await hardenedBuildOf(files, root)) ?? 'as fetched' };
  const userland = patched ? await userlandOf(files, root) : undefined;
  if (userland === undefined) return findPackageManager({ files, host }, root);
  return hasBinaryUpdates(userland) ? { name: 'freebsd-update', userland } : undefined;
}

/** @param of for the message: `release 14.2-RELEASE` */
export async function getUpdater(
  doors: Doors,
  root: string,
  kind: string | undefined,
  of: string,
): Promise<Updater> {
  const updater = await findUpdater(doors, root, kind);
  if (updater !== undefined) return updater;
  const userland = await userlandOf(doors.files, root);
  if (doors.host.patchStep !== undefined && userland !== undefined)
    throw failure('UNSUPPORTED', {
      what: `updating ${of}`,
      why: `there are no binary updates of ${userland}`,
    });
  throw failure('NO_PACKAGE_MANAGER', { of });
}

/** The base system as one row of what changed. */
export async function baseChanges(
  { files }: Pick<Context, 'files'>,
  root: string,
  { name, userland }: BaseUpdater,
): Promise<readonly PackageChange[]> {
  const isHardened = name === 'hbsd-update';
  const to = (await (isHardened ? hardenedBuildOf : userlandOf)(files, root)) ?? null;
  return to === userland ? [] : [{ name: isHardened ? 'HardenedBSD' : 'FreeBSD', from: userland, to }];
}

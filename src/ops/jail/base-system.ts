/**
 * What brings a root up to date: its package manager, or, for a FreeBSD that came as distribution sets, the host's
 * own updates of the base system. Only looks.
 */
import { failure } from '../../domain/errors.ts';
import type { PackageChange, PackageManager } from '../../domain/packages.ts';
import { userlandOf } from '../../domain/userland.ts';
import type { Context } from '../operation.ts';
import { findPackageManager } from './packages.ts';

export interface BaseUpdater {
  readonly name: 'freebsd-update';
  /** What is there now: `14.2-RELEASE-p1`. */
  readonly userland: string;
}
export type Updater = PackageManager | BaseUpdater;

type Doors = Pick<Context, 'files' | 'host'>;

export const isBase = (updater: Updater): updater is BaseUpdater => updater.name === 'freebsd-update';

/** Of releases and of what leads to them, and none of branches; freebsd-update(8). */
export const hasBinaryUpdates = (version: string): boolean => /-(RELEASE|RC|BETA|ALPHA)/.test(version);

/** @param kind `release_kind` of the root's release: with `pkgbase` the base system is packages */
export async function findUpdater(
  { files, host }: Doors,
  root: string,
  kind: string | undefined,
): Promise<Updater | undefined> {
  const userland =
    host.patchStep === undefined || kind === 'pkgbase' ? undefined : await userlandOf(files, root);
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
  { userland }: BaseUpdater,
): Promise<readonly PackageChange[]> {
  const to = (await userlandOf(files, root)) ?? null;
  return to === userland ? [] : [{ name: 'FreeBSD', from: userland, to }];
}

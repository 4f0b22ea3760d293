/**
 * The steps that make a jail of a release, or an empty one. All properties are written in the call that makes the
 * dataset, so no moment shows a jail without its configuration.
 */
import { join } from 'node:path';
import { failure } from '../../domain/errors.ts';
import type { Step } from '../../driver/system.ts';
import { cloneDataset, copyDataset, createDataset, dropSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { makeLink, writeInRoot, writeNew } from '../steps/file.ts';
import { copyPrivate } from '../steps/tree.ts';
import type { Release, World } from '../world/world.ts';
import { freePoint, toZfsProperties, type Kind } from './new-jail.ts';

/** The property `type` of each kind. */
export const types: Readonly<Record<Kind, string>> = {
  thick: 'jail',
  clone: 'clonejail',
  base: 'basejail',
  'clone-base': 'basejail',
  empty: 'emptyjail',
};

export const sharesBase = (kind: Kind): boolean => types[kind] === 'basejail';

/** A jail that is to be made. */
export interface Identity {
  readonly uuid: string;
  readonly tag: string;
  /** From `-n`: host name instead of the UUID. */
  readonly named: boolean;
}

export function rootOf(release: Release): string {
  if (release.mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset: release.dataset });
  return join(release.mountpoint, 'root');
}

/**
 * @param base folders that a basejail shares with its release
 * @param taken names of snapshots that the release has already
 */
export function createSteps(
  world: World,
  jail: Identity,
  kind: Kind,
  release: Release | undefined,
  given: readonly (readonly [string, string])[],
  base: readonly string[],
  taken: ReadonlySet<string>,
): readonly Step[] {
  const dataset = `${world.root}/jails/${jail.uuid}`;
  const mountpoint = join(world.mountpoint, 'jails', jail.uuid);
  const root = join(mountpoint, 'root');
  const hostname =
    given.find(([key]) => key === 'host_hostname')?.[1] ??
    (jail.named ? jail.uuid.replaceAll('_', '-') : undefined);
  const own: (readonly [string, string])[] = [
    ['host_hostuuid', jail.uuid],
    ['tag', jail.tag],
    ['type', types[kind]],
    ...(sharesBase(kind) ? ([['basejail', '1']] as const) : []),
    ...(release === undefined ? [] : ([['release', release.name]] as const)),
    ...(hostname === undefined ? [] : ([['host_hostname', hostname]] as const)),
    ...given.filter(([key]) => key !== 'host_hostname'),
  ];
  const steps: Step[] = [createDataset({ dataset, properties: toZfsProperties(own) })];
  if (release === undefined || kind === 'base') {
    steps.push(createDataset({ dataset: `${dataset}/root`, properties: {} }));
    if (kind === 'base') steps.push(copyPrivate({ release: rootOf(release!), root, base }));
  } else {
    const snapshot = `${release.dataset}/root@${freePoint(jail.uuid, (name) => taken.has(name))}`;
    steps.push(takeSnapshot({ name: snapshot, recursive: false, properties: {} }));
    if (kind === 'clone' || kind === 'clone-base')
      steps.push(cloneDataset({ snapshot, dataset: `${dataset}/root`, properties: {} }));
    else {
      steps.push(copyDataset({ snapshot, dataset: `${dataset}/root` }));
      steps.push(dropSnapshot({ name: snapshot }));
    }
  }
  if (release !== undefined) {
    const name = hostname ?? jail.uuid;
    steps.push(
      writeInRoot({
        root,
        contents: [
          { path: 'etc/hostname', text: `${name}\n`, replace: true },
          { path: 'etc/hosts', text: `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t${name}\n` },
        ],
      }),
    );
  }
  steps.push(writeNew({ path: join(mountpoint, 'fstab'), text: '' }, { which: ['fstab'] }));
  steps.push(makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', jail.tag) }));
  return steps;
}

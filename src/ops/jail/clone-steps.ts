/**
 * The steps that make a jail of another jail's state: of `clone`, and of `create template=`. The new jail keeps the
 * configuration except what must be its own: identity, tag, host name, MAC addresses.
 */
import { join } from 'node:path';
import { failure } from '../../domain/errors.ts';
import { oursAlone } from '../../domain/format/dialect.ts';
import { ownWordsFor } from '../../domain/handed.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { assertSnapshotName } from '../../domain/name.ts';
import type { Storage } from '../../driver/storage.ts';
import type { Step } from '../../driver/system.ts';
import { cloneDataset, takeSnapshot } from '../steps/dataset.ts';
import { makeLink, writeInRoot } from '../steps/file.ts';
import { adoptFstab, leavePlace } from '../steps/move.ts';
import type { World } from '../world/world.ts';
import { copySteps, type Beside } from './copy.ts';
import { freePoint, toZfsProperties } from './new-jail.ts';
import { keptRoot } from './way-back.ts';

type Pairs = readonly (readonly [key: string, value: string])[];

/** A jail that is to be made. */
export interface Copy {
  readonly uuid: string;
  readonly tag: string;
}

/** What a jail consists of on the pool; snapshots as `DATASET@NAME`. */
interface Found {
  readonly filesystems: readonly string[];
  readonly snapshots: ReadonlySet<string>;
}

export async function snapshotRows(storage: Storage, source: Jail): Promise<Found> {
  const filesystems = (await storage.filesystems(source.dataset, 8, ['name'])) ?? [];
  const snapshots = await storage.snapshots(source.dataset, undefined, []);
  return {
    filesystems: filesystems.map((row) => row.name),
    snapshots: new Set(snapshots.map((row) => `${row.dataset}@${row.snapshot}`)),
  };
}

/** Not carried over to the new jail. */
const identity = new Set([
  'host_hostuuid',
  'tag',
  'hostname',
  'host_hostname',
  'last_started',
  // Which base it shows, whose standby it is, what leads back: of the source only.
  ...oursAlone,
  'template',
  'istemplate',
  'type',
  'jail_zfs_dataset',
  // The packages are in the files already.
  'pkglist',
]);

/**
 * @param leave further properties that the new jail does not get from the source.
 * @param to with `beside` a full copy is made, which has these files beside its root.
 * @param more what it gets of its own besides what was given, such as the name of its template.
 * @throws SNAPSHOT_NOT_FOUND, INVALID_NAME
 */
export function cloneSteps(
  to: Copy & { world: World; source: Jail; snapshot: string | undefined; beside?: Beside | undefined },
  found: Found,
  given: Pairs,
  more: Pairs = [],
  leave: ReadonlySet<string> = new Set(),
): readonly Step[] {
  const { world, source, uuid, tag, snapshot, beside } = to;
  if (snapshot !== undefined) {
    assertSnapshotName(snapshot);
    if (!found.snapshots.has(`${source.dataset}/root@${snapshot}`))
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(source), snapshot });
  }
  const dataset = `${world.root}/jails/${uuid}`;
  const mountpoint = join(world.mountpoint, 'jails', uuid);
  const point =
    snapshot ??
    freePoint(uuid, (free) => found.filesystems.some((name) => found.snapshots.has(`${name}@${free}`)));
  const hostname = given.find(([key]) => key === 'host_hostname')?.[1];
  const name = hostname ?? uuid.replaceAll('_', '-');
  const properties = toZfsProperties([
    ['host_hostuuid', uuid],
    ['tag', tag],
    // A clone of a basejail has no base of its own either.
    ['type', source.local.get('type') === 'basejail' ? 'basejail' : beside ? 'jail' : 'clonejail'],
    // A jail made with -n is called by its name; one with a UUID by the UUID, which is the built-in default.
    ...(hostname === undefined && name === tag ? ([['host_hostname', name]] as const) : []),
    ...keptOf(source, dataset, leave, [...given, ...more]),
    ...more.filter(([key]) => !given.some(([other]) => other === key)),
    ...given,
  ]);
  // What an upgrade of the source keeps of what it was.
  const left = keptRoot(source);
  const parts = { from: source, to: { dataset, mountpoint }, point, filesystems: found.filesystems, left };
  return [
    ...(snapshot === undefined
      ? [takeSnapshot({ name: `${source.dataset}@${point}`, recursive: true, properties: {} })]
      : []),
    ...(beside === undefined
      ? thinSteps(
          { ...parts, properties },
          // A child made after a named snapshot has no part in it.
          (filesystem) => snapshot === undefined || found.snapshots.has(`${filesystem}@${point}`),
        )
      : copySteps({ ...parts, properties, beside })),
    writeInRoot({
      root: join(mountpoint, 'root'),
      contents: [{ path: 'etc/hostname', text: `${name}\n`, replace: true }],
    }),
    makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', tag) }),
  ];
}

/** What the new jail at `dataset` has of the source's properties, where nothing else was said. */
function keptOf(source: Jail, dataset: string, leave: ReadonlySet<string>, said: Pairs): Pairs {
  const handed = ownWordsFor(source.local.get('jail_zfs_dataset'), source, dataset);
  const kept = [...source.local].filter(
    ([key]) => !identity.has(key) && !/^vnet\d_mac$|^release_|^fetched_at$/.test(key),
  );
  return [...kept, ...(handed === undefined ? [] : [['jail_zfs_dataset', handed] as const])].filter(
    ([key]) => !leave.has(key) && !said.some(([other]) => other === key),
  );
}

/** Every filesystem as a clone of the snapshot `point`, the jail's own with the properties. */
function thinSteps(
  parts: Omit<Parameters<typeof copySteps>[0], 'beside'>,
  isWanted: (filesystem: string) => boolean,
): readonly Step[] {
  const { from, to, point, filesystems, left, properties } = parts;
  return [
    ...filesystems
      .filter((filesystem) => filesystem !== left && isWanted(filesystem))
      .map((filesystem) =>
        cloneDataset({
          snapshot: `${filesystem}@${point}`,
          dataset: `${to.dataset}${filesystem.slice(from.dataset.length)}`,
          properties: filesystem === from.dataset ? properties : {},
        }),
      ),
    // The empty place of what was left out.
    ...(filesystems.includes(left)
      ? [leavePlace({ path: join(to.mountpoint, 'root.old'), when: 'done' })]
      : []),
    ...(from.mountpoint === undefined
      ? []
      : [adoptFstab({ path: join(to.mountpoint, 'fstab'), from: from.mountpoint, to: to.mountpoint })]),
  ];
}

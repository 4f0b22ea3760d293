/**
 * `fetch folder=` and `fetch jail=`: a release of one's own, from a directory that holds a root file
 * system or from the root of a jail that was set up by hand.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label, jailAndSnapshot } from '../../domain/jail.ts';
import { assertSnapshotName } from '../../domain/name.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import { copyDataset, dropSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { completeRelease } from '../steps/release.ts';
import { copyFolder } from '../steps/tree.ts';
import { assertDown, jailLock } from '../jail/select.ts';
import type { Filling, Place } from './filling.ts';
import type { FetchInput } from './fetch-words.ts';

/** The jail stays as it is while it is copied. */
export async function customLocks(context: Context, { jail }: FetchInput): Promise<readonly string[]> {
  if (jail === undefined) return [];
  const world = await readWorld(context);
  return [jailLock(findJail(world.jails, jailAndSnapshot(jail).jail))];
}

export function planCustom(context: Context, input: FetchInput, place: Place): Promise<Filling> {
  return input.folder === undefined
    ? fromJail(context, place, input.jail!)
    : fromFolder(context, place, input.folder);
}

async function fromFolder(context: Context, place: Place, folder: string): Promise<Filling> {
  const facts = await context.files.stat(folder);
  const why =
    facts === undefined
      ? 'it does not exist'
      : facts.type !== 'directory'
        ? 'it is not a directory'
        : `${place.world.mountpoint}/`.startsWith(`${folder.replace(/\/$/, '')}/`)
          ? 'iocage itself lies in it'
          : (await context.files.stat(join(folder, 'etc')))?.type !== 'directory'
            ? 'it holds no root file system: there is no directory etc'
            : undefined;
  if (why !== undefined) throw failure('UNSAFE_PATH', { path: folder, why });
  return {
    kind: 'folder',
    source: folder,
    sha256: undefined,
    before: [],
    fill: [copyFolder({ folder, root: place.root }), completeRelease({ root: place.root })],
  };
}

async function fromJail(context: Context, place: Place, word: string): Promise<Filling> {
  const { jail: name, snapshot } = jailAndSnapshot(word);
  const jail = findJail(place.world.jails, name);
  const spec = toSpec(place.world, jail); // what is corrupt or not ours is refused here
  if (spec.base !== undefined) {
    throw failure('UNSUPPORTED', {
      what: `a release from ${label(jail)}`,
      why: `it is a basejail, and its system lies in release ${spec.base.release}`,
    });
  }
  const root = `${jail.dataset}/root`;
  if (snapshot === undefined) await assertDown(context, jail, 'making a release of it');
  else {
    assertSnapshotName(snapshot);
    const there = await context.storage.snapshots(root, 0, []);
    if (!there.some((row) => row.snapshot === snapshot))
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot });
  }
  const point = `${root}@${snapshot ?? `release-${place.name}`}`;
  const own = (steps: readonly Step[]): readonly Step[] => (snapshot === undefined ? steps : []);
  return {
    kind: 'jail',
    source: label(jail),
    sha256: undefined,
    before: [],
    makesRoot: true,
    fill: [
      ...own([takeSnapshot({ name: point, recursive: false, properties: {} })]),
      copyDataset({ snapshot: point, dataset: `${place.dataset}/root` }),
      ...own([dropSnapshot({ name: point })]),
      completeRelease({ root: place.root }),
    ],
  };
}

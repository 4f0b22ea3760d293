/**
 * `destroy -r`: removes a release that nothing was cloned from. The clones are asked of ZFS, not of
 * the jails' properties, since only ZFS knows.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import { assertReleaseName } from '../../domain/name.ts';
import { realmNow } from '../world/pool.ts';
import { readWorld } from '../world/read.ts';
import type { Release, World } from '../world/world.ts';
import { destroyDataset, unmountDataset } from '../steps/dataset.ts';
import { mirrorOf } from './mirrored.ts';

/** The lock of everything that changes a release. */
export function releaseLock(realm: string, release: string): string {
  return `release:${realm}:${release}`;
}

const destroyInput = z.object({
  release: z.string().min(1),
  /** The downloaded files too. */
  download: z.boolean().default(false),
});

interface Destroyed {
  readonly release: string;
  readonly destroyed: readonly string[];
}

export const releaseDestroy = defineChange<typeof destroyInput, Destroyed>({
  id: 'release.destroy',
  title: 'Destroy a release that no jail uses',
  effect: 'destroy',
  recover: 'finish',
  input: destroyInput,
  async locks(context, { release }) {
    assertReleaseName(release);
    return [releaseLock(await realmNow(context), release)];
  },
  async plan(context, { release: name, download }) {
    const world = await readWorld(context);
    const release = getRelease(world, name);
    const clones = await usersOf(context, world, release);
    if (clones.length > 0) throw failure('RELEASE_IN_USE', { release: name, by: clones });
    const targets = [release.dataset, ...(download ? [`${world.root}/download/${name}`] : [])];
    const filesystems = (await Promise.all(targets.map((target) => datasetsBelow(context, target)))).flat();
    assertOurs(release, filesystems, targets);
    const snapshots = await context.storage.snapshots(release.dataset, undefined, []);
    const loses = [...filesystems, ...snapshots.map((row) => row.name)];
    return {
      subject: name,
      title: `Destroying release ${name}`,
      loses,
      steps: targets.flatMap((target): readonly Step[] => {
        const own = filesystems.filter((dataset) => dataset === target || dataset.startsWith(`${target}/`));
        if (own.length === 0) return [];
        // Unmounting comes first because it can be undone: a release whose files are in use stays whole.
        const deepestFirst = [...own].sort((a, b) => b.split('/').length - a.split('/').length);
        return [
          ...deepestFirst.map((dataset) => unmountDataset({ dataset })),
          destroyDataset({ dataset: target, recursive: true }),
        ];
      }),
      result: () => ({ release: name, destroyed: loses }),
    };
  },
  command: {
    names: ['destroy'],
    group: 'releases',
    usage: '-r RELEASE ...',
    flags: [
      { key: 'release', flags: '-r, --release', doc: 'the names are releases, not jails' },
      { key: 'download', flags: '-d, --download', doc: 'the downloaded files too' },
      { key: 'force', flags: '-f, --force', doc: 'do not ask' },
    ],
    about: 'A release that jails were cloned from is refused; the jails are named.',
    examples: [
      { line: 'iocage destroy -r bookworm', says: 'shows what will be lost and asks' },
      {
        line: 'iocage destroy -r -d -f 14.1-RELEASE',
        says: 'with the downloaded sets, without the question',
      },
    ],
    toInputs({ positionals, flags }) {
      if (positionals.length === 0)
        throw failure('USAGE', { problem: 'missing release', command: 'destroy' });
      return positionals.map((release) => ({ release, download: flags['download'] === true }));
    },
  },
});

/**
 * What somebody else put below `releases` may hold anything. Releases of the original carry no
 * properties, but they have their files in a dataset `root`.
 */
function assertOurs(release: Release, filesystems: readonly string[], targets: readonly string[]): void {
  const root = `${release.dataset}/root`;
  if (!release.local.has('release_kind') && !filesystems.includes(root)) {
    throw failure('GUARDED', { dataset: release.dataset, why: 'it is no release that iocage fetched' });
  }
  const known = [root, mirrorOf(release), ...targets];
  const stranger = filesystems.find((dataset) => !known.includes(dataset));
  if (stranger !== undefined) {
    throw failure('GUARDED', { dataset: stranger, why: 'iocage makes no dataset of that shape' });
  }
}

/** @param more for the hint: where it would have to be */
export function getRelease(world: World, name: string, more: { readonly dataset?: string } = {}): Release {
  const release = world.releases.find((candidate) => candidate.name === name);
  if (release) return release;
  throw failure('RELEASE_NOT_FOUND', {
    release: name,
    fetched: world.releases.map((each) => each.name),
    ...more,
  });
}

/** The jails (as `UUID (TAG)`) and other filesystems that are clones of something in the release. */
export async function usersOf(context: Context, world: World, release: Release): Promise<readonly string[]> {
  const inside = (dataset: string): boolean =>
    dataset === release.dataset || dataset.startsWith(`${release.dataset}/`);
  const clones = await context.storage.clones(world.pool.name);
  const users = clones
    .filter(({ dataset, origin }) => inside(origin.split('@')[0]!) && !inside(dataset))
    .map(({ dataset }) => {
      const jail = world.jails.find(
        (each) => dataset === each.dataset || dataset.startsWith(`${each.dataset}/`),
      );
      return jail ? label(jail) : dataset;
    });
  const running = await context.host.running(world.realm);
  // A basejail is no clone: its files lie in the release all the same.
  const shared = world.jails
    .filter(
      ({ uuid, local }) =>
        local.get('type') === 'basejail' &&
        // One that runs shows what it was started with, whatever it will show next.
        (local.get('release') === release.name ||
          (running.has(uuid) && local.get('base_started') === release.name)),
    )
    .map(label);
  return [...new Set([...users, ...shared])].sort();
}

async function datasetsBelow(context: Context, dataset: string): Promise<readonly string[]> {
  const rows = await context.storage.filesystems(dataset, 8, ['mounted']);
  return (rows ?? []).map((row) => row.name);
}

/** Where a release's files lie: its directory and the root below it. */
export function releasePaths(
  world: World,
  name: string,
): { mountpoint: string; root: string; download: string } {
  const mountpoint = join(world.mountpoint, 'releases', name);
  return { mountpoint, root: join(mountpoint, 'root'), download: join(world.mountpoint, 'download', name) };
}

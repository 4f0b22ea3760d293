/**
 * Moving a jail's dataset: under another name, or between `jails/` and `templates/`. What leads to it
 * from elsewhere goes along: the link of its tag and the paths in its fstab.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { textProblem } from '../../domain/format/fstab.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { repath } from '../../domain/repath.ts';
import { assertClonesDown, assertRoom, mountedWith } from '../unmounting.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { createDataset, renameDataset } from '../steps/dataset.ts';
import { makeLink, removeLink } from '../steps/file.ts';
import { leavePlace, rewriteFile } from '../steps/move.ts';
import { dependentNames, dependentsOf } from './loss.ts';
import { assertDown } from './select.ts';

export interface Move {
  /** Where the jail is mounted afterwards. */
  readonly mountpoint: string;
  readonly steps: readonly Step[];
  /** Once everything else is done. */
  readonly last: readonly Step[];
}

/** @throws JAIL_CORRUPT, JAIL_RUNNING, DATASET_EXISTS */
export async function planMove(
  context: Context,
  world: World,
  jail: Jail,
  to: { dataset: string; tag: string; action: string; world?: World },
): Promise<Move> {
  const goal = to.world ?? world;
  const spec = toSpec(world, jail);
  await assertDown(context, jail, to.action);
  await assertRoom(context, world);
  await assertClonesDown(context, world, jail.dataset);
  const { dataset, tag } = to;
  if ((await context.storage.filesystems(dataset, 0, [])) !== undefined)
    throw failure('DATASET_EXISTS', { dataset });
  const mountpoint = await mountpointAt(context, goal, jail, dataset);
  const from = jail.mountpoint!;
  const fstab = await context.files.read(join(from, 'fstab'));
  const after = fstab === undefined ? undefined : movedFstab(jail, fstab, [world, goal], mountpoint);
  const problem = after === fstab ? undefined : textProblem(fstab ?? '');
  if (problem !== undefined) throw failure('FILE_FAILED', { path: join(from, 'fstab'), why: problem });
  const links = await tagLinks(context, jail, [world, goal], { mountpoint, tag });
  const group = dataset.split('/').slice(0, -1).join('/');
  return {
    mountpoint,
    steps: [
      // A jail that ended by itself may have left its network behind, under the name that it has now.
      ...((await context.host.leftoverSteps?.(spec)) ?? []),
      ...(goal.missing.includes(group) ? [createDataset({ dataset: group, properties: {} })] : []),
      ...links.remove,
      ...(mountpoint === from ? [] : [leavePlace({ path: mountpoint, when: 'undone' })]),
      renameDataset({ from: jail.dataset, to: dataset, mounted: await mountedWith(context, jail.dataset) }),
      ...(mountpoint === from ? [] : [leavePlace({ path: from, when: 'done' })]),
      ...(fstab === undefined || after === undefined || after === fstab
        ? []
        : [rewriteFile({ path: join(mountpoint, 'fstab'), before: fstab, after }, { which: ['fstab'] })]),
    ],
    last: links.make,
  };
}

/** The link of its tag, there and here. Python iocage and libiocage know of none, and get none. */
export async function tagLinks(
  { files }: Context,
  jail: Jail,
  [world, goal]: readonly [World, World],
  to: { mountpoint: string; tag: string },
): Promise<{ remove: readonly Step[]; make: readonly Step[] }> {
  const path = join(world.mountpoint, 'tags', jail.tag);
  if (jail.file !== undefined && (await files.readlink(path)) === undefined) return { remove: [], make: [] };
  return {
    remove: [removeLink({ target: jail.mountpoint!, path })],
    make: [makeLink({ target: to.mountpoint, path: join(goal.mountpoint, 'tags', to.tag) })],
  };
}

/** Its own paths; in that of another tool, which writes them down, those of the releases that it shows too. */
export function movedFstab(
  { mountpoint, file }: Jail,
  text: string,
  [world, goal]: readonly [World, World],
  to: string,
): string {
  const own = repath(text, mountpoint!, to);
  const releases = ({ mountpoint: root }: World) => join(root, 'releases');
  return file === undefined ? own : repath(own, releases(world), releases(goal));
}

/** A mount point of its own stays; otherwise it is the parent's and the last part of the name. */
async function mountpointAt(context: Context, world: World, jail: Jail, dataset: string): Promise<string> {
  if ((await context.storage.local(jail.dataset))?.has('mountpoint')) return jail.mountpoint!;
  const parts = dataset.split('/');
  const parent = parts.slice(0, -1).join('/');
  const row = (await context.storage.filesystems(parent, 0, ['mountpoint']))?.[0];
  const above =
    row === undefined ? join(world.mountpoint, parts.at(-2)!) : (row.values.get('mountpoint') ?? 'none');
  if (!above.startsWith('/')) throw failure('NOT_MOUNTED', { dataset: parent });
  return join(above, parts.at(-1)!);
}

/** @throws HAS_CLONES when anything is a clone of the jail */
export async function assertNoClones(context: Context, jail: Jail, action: string): Promise<void> {
  const { jails } = await readWorld(context);
  const clones = dependentNames(jails, dependentsOf(await context.storage.clones(jail.pool), [jail.dataset]));
  if (clones.length > 0) throw failure('HAS_CLONES', { name: label(jail), action, clones });
}

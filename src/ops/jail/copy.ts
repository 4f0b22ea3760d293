/**
 * A full copy of a jail: `clone -T`, `create -T template=`. By ZFS, filesystem by filesystem, from one
 * snapshot that is gone afterwards; the few files beside the root are written anew, since the copy's
 * top dataset is made with all properties in one call.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import type { Jail } from '../../domain/jail.ts';
import { repath } from '../../domain/repath.ts';
import { copyDataset, createDataset, dropSnapshot } from '../steps/dataset.ts';
import { writeNew } from '../steps/file.ts';

/** Files beside a jail's root: its fstab, and the hooks that are files. */
export type Beside = readonly { readonly name: string; readonly text: string; readonly mode: number }[];

const names = ['fstab', 'prestart', 'poststart', 'prestop', 'poststop'] as const;

/** @throws USAGE for a snapshot: what lies beside the root is read as it is now */
export async function filesBeside(context: Context, jail: Jail, snapshot?: string): Promise<Beside> {
  if (snapshot !== undefined) {
    const problem = `-T copies the jail as it is now; without -T, ${jail.tag}@${snapshot} can be cloned`;
    throw failure('USAGE', { problem, command: 'clone' });
  }
  const found: { name: string; text: string; mode: number }[] = [];
  for (const name of names) {
    const path = join(jail.mountpoint!, name);
    const facts = await context.files.stat(path);
    if (facts?.type !== 'file') continue;
    found.push({ name, text: (await context.files.read(path)) ?? '', mode: facts.mode & 0o777 });
  }
  return found;
}

/**
 * @param copy.point the snapshot of all `filesystems`, the jail's own dataset first.
 * @param copy.left one of them that is not copied.
 */
export function copySteps(copy: {
  from: Jail;
  to: { dataset: string; mountpoint: string };
  point: string;
  filesystems: readonly string[];
  left: string;
  properties: Readonly<Record<string, string>>;
  beside: Beside;
}): readonly Step[] {
  const { from, to, point, filesystems, left, properties, beside } = copy;
  const below = filesystems.filter((filesystem) => filesystem !== from.dataset && filesystem !== left);
  return [
    createDataset({ dataset: to.dataset, properties }),
    ...below.map((filesystem) =>
      copyDataset({
        snapshot: `${filesystem}@${point}`,
        dataset: `${to.dataset}${filesystem.slice(from.dataset.length)}`,
      }),
    ),
    // The jail's own last: while it is there, an undo knows whose the others are.
    ...filesystems.toReversed().map((filesystem) => dropSnapshot({ name: `${filesystem}@${point}` })),
    ...beside.map(({ name, text, mode }) =>
      writeNew({
        path: join(to.mountpoint, name),
        text: name === 'fstab' ? repath(text, from.mountpoint!, to.mountpoint) : text,
        mode,
      }),
    ),
  ];
}

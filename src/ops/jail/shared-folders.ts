/**
 * Directories of the host that this jail and another one both may write to, by fstab or `volumes`. That is allowed,
 * and said: root of the one can change links and files between the looks of a program in the other, and hand it open
 * directories over a socket (FreeBSD's advisories of 2026 about directories shared between siblings).
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { World } from '../world/world.ts';
import { configOf } from '../../domain/config.ts';
import { isBelow } from '../../domain/format/fstab.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { shownWritable } from '../../domain/reach.ts';

/**
 * Warnings in words, one for each directory and other jail; none while the jail writes to nothing of the host.
 *
 * @param fstab the file as it is going to be, where that is another one than what is there
 */
export async function sharedFolders(
  { files }: Pick<Context, 'files'>,
  world: World,
  jail: Jail,
  fstab?: string,
): Promise<readonly string[]> {
  const sourcesOf = async (each: Jail, text?: string): Promise<readonly string[]> => {
    if (each.mountpoint === undefined) return [];
    // One that cannot be read keeps no other jail from starting.
    const read = text ?? (await files.read(join(each.mountpoint, 'fstab')).catch(() => undefined)) ?? '';
    return shownWritable(read, configOf(each, world.defaults).get('volumes')).map(({ path }) => path);
  };
  const own = await sourcesOf(jail, fstab);
  if (own.length === 0) return [];
  const others = world.jails.filter((other) => other.uuid !== jail.uuid && !other.template);
  const found = await Promise.all(
    others.map(async (other) => {
      const theirs = await sourcesOf(other);
      const shared = own.filter((mine) =>
        theirs.some((their) => isBelow(mine, their) || isBelow(their, mine)),
      );
      return shared.map(
        (source) =>
          `${JSON.stringify(source)} is writable in ${label(jail)} and in ${label(other)}: ` +
          `root of the one can mislead the other by links there; ro in one of them is safer`,
      );
    }),
  );
  return found.flat();
}

export async function tellSharedFolders(
  context: Context,
  world: World,
  jail: Jail,
  fstab?: string,
): Promise<void> {
  for (const text of await sharedFolders(context, world, jail, fstab))
    context.emit({ type: 'note', id: '', level: 'warning', text });
}

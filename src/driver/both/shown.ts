/**
 * What of the host a jail shows besides its root and its base: datasets handed to it (`jail_zfs`), `volumes`,
 * and the lines of its fstab, in this order. All of it is bound by the runtime when the jail starts and goes
 * with its mount namespace. A place is looked at without following any link, and once more by the runtime.
 */
import { join } from 'node:path';
import type { Exec, Files } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { volumes, type Volume } from '../../domain/codec/files.ts';
import { valueOf } from '../../domain/config.ts';
import { fstabKind, isBelow, ownPlaceProblem, type FstabEntry } from '../../domain/format/fstab.ts';
import { fstabProblems, fstabTargets, mountProblem, unsafeTarget } from './fstab.ts';

/** Everything that would keep one of them from being mounted where it should be. */
export async function shownProblems(exec: Exec, files: Files, jail: JailSpec): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const add = (key: string, problem: string | undefined): void => {
    if (problem !== undefined) problems.push({ key, problem });
  };
  for (const { target } of jail.handed ?? [])
    add('jail_zfs_mountpoint', ownPlaceProblem(target) ?? (await unsafeTarget(files, jail, target)));
  for (const volume of volumesOf(jail))
    add('volumes', await mountProblem(exec, files, jail, asEntry(jail, volume), true));
  problems.push(...(await fstabProblems(exec, files, jail)));
  add(
    'volumes',
    overlap(
      jail,
      (await fstabTargets(files, jail))
        .filter(({ entry }) => fstabKind(entry) !== 'provided')
        .map(({ target }) => target),
    ),
  );
  return problems;
}

export function volumesOf({ config }: JailSpec): readonly Volume[] {
  return valueOf(config, 'volumes', volumes) ?? [];
}

/** A volume is a line of fstab in other words. */
export function asEntry(jail: JailSpec, { source, target, options }: Volume): FstabEntry {
  return { source, target: join(jail.root, target), type: 'nullfs', options, dump: '0', pass: '0' };
}

/** One over or inside the other: the later one's place would be looked for in what the jail can change. */
function overlap(jail: JailSpec, fstab: readonly string[]): string | undefined {
  const handed = (jail.handed ?? []).map(({ target }) => target);
  const targets = [...handed, ...volumesOf(jail).map(({ target }) => target)];
  for (const [index, target] of targets.entries()) {
    const others = [...targets.filter((_, at) => at !== index), ...fstab];
    const other = others.find((each) => isBelow(each, target) || isBelow(target, each));
    if (other !== undefined)
      return `${target} and ${other} of the jail would be mounted over or inside each other`;
  }
  return undefined;
}

/**
 * Mounts what a jail shows, and unmounts it. The jail does not run at either time, so that nobody in it can
 * exchange a directory for a link between the look and the mount; the way to each place is looked at without
 * following any link all the same. See mount(8), umount(8).
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Exec, Files, Paths, Step } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';
import { isOn } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { fstabTargets } from '../both/fstab.ts';
import { sameJail } from '../both/state.ts';
import { asEntry, volumesOf } from '../both/shown.ts';
import { baseMount, fstabMount, mountCommand, systemMounts, type Mount, type Mounted } from './mounts.ts';
import { placesOf } from './names.ts';
import { allStates, forgetParts, isWritable, recordState } from './state.ts';
import { mountTable, unmountAt } from './unmount.ts';

export interface MountArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly root: string;
  readonly mounts: readonly Mount[];
  /** What the jail may have mounted itself goes too. */
  readonly others?: true;
}

/** Everything that a start mounts, the base of a basejail first. */
export async function plannedMounts(
  files: Files,
  jail: JailSpec,
  ruleset: number,
): Promise<readonly Mount[]> {
  const release = jail.base?.root;
  const base = release === undefined ? [] : baseFolders(await baseEntries(files, release));
  const volumes = await Promise.all(
    volumesOf(jail).map(async (volume) => {
      const file = (await files.stat(volume.source))?.type === 'file';
      return fstabMount(asEntry(jail, volume), volume.target, file);
    }),
  );
  const fstab = await fstabTargets(files, jail);
  return [
    ...base.map((path) => baseMount(release!, path)),
    ...volumes,
    ...fstab.map(({ entry, target }) => fstabMount(entry, target)),
    ...systemMounts(jail.config, ruleset),
  ];
}

/** Makes the way to a place, a directory at a time; throws where a link stands in it. */
async function prepare(
  { root, mounts }: MountArgs,
  { target, type, file }: Mount,
  run: StepRun,
): Promise<void> {
  // Below a devfs that is mounted there already nothing can be made, and fd is there.
  if (type === 'fdescfs' && mounts.some((mount) => mount.type === 'devfs')) return;
  const parts = target.split('/').filter((part) => part !== '');
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const path = parts.slice(0, depth).join('/');
    const found = await run.files.statBelow(root, path);
    const wanted = file && depth === parts.length ? 'file' : 'directory';
    if (found === undefined && wanted === 'file') await run.files.writeBelow(root, path, '', { mode: 0o644 });
    else if (found === undefined) await run.files.mkdirBelow(root, path);
    else if (found.type !== wanted)
      throw failure('UNSAFE_PATH', {
        path: `${root}/${path}`,
        why: `it must be a ${wanted}, not a ${found.type}`,
      });
  }
}

/** One directory that two jails may write is a way from one to the other; see FreeBSD's advisories of 2026. */
async function sayShared({ mounts, ...self }: MountArgs, run: StepRun, paths: Paths): Promise<void> {
  const open = (list: readonly Mount[]): readonly string[] =>
    list.filter(isWritable).map(({ source }) => source);
  for (const other of await allStates(run.files, paths)) {
    if (sameJail(self, other)) continue;
    const theirs = open(other.mounts ?? []);
    for (const source of open(mounts).filter((mine) => theirs.includes(mine)))
      run.note(
        `${source} is writable for jail ${other.uuid} too: processes of both can pass each other open directories, ` +
          `which has been a way out of a jail (vuxml a88f5b2d-11e9-11f1-8148-bc241121aa0a); show it read-only to one of them`,
      );
  }
}

async function mountAll(args: MountArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, root, mounts } = args;
  await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, mounts });
  await sayShared(args, run, paths);
  const there = new Set((await mountTable(run.exec)).map(({ at }) => at));
  for (const mount of mounts) {
    // What a run left of which the record is lost.
    if (there.has(`${root}${mount.target}`)) continue;
    await prepare(args, mount, run);
    await run.exec.change(mountCommand(root, mount));
  }
}

/** What root of a jail may mount itself, with `allow_mount` (lsvfs(1), `jail`); its datasets have a step of their own. */
const friendly = new Set([
  ...['nullfs', 'devfs', 'fdescfs', 'procfs', 'linprocfs', 'linsysfs', 'tmpfs', 'fusefs'],
]);

/** Those that are mounted, the last one first, and before them what the jail mounted itself. */
async function unmountAll(
  { pool, uuid, root, mounts, others }: MountArgs,
  run: StepRun,
  paths: Paths,
): Promise<void> {
  const table = await mountTable(run.exec);
  const ours = new Set(mounts.map(({ target }) => `${root}${target}`));
  const strange = others === true ? jailMade(table, root).filter(({ at }) => !ours.has(at)) : [];
  for (const { at } of [...strange].reverse()) await unmountAt(root, at, table, run);
  for (const { target } of [...mounts].reverse())
    for (const { at } of table.filter((mounted) => mounted.at === `${root}${target}`))
      await unmountAt(root, at, table, run, true);
  await forgetParts(run.files, placesOf(paths, pool, uuid).state, 'mounts');
}

const jailMade = (table: readonly Mounted[], root: string): readonly Mounted[] =>
  table.filter(
    ({ at, type }) => at.startsWith(`${root}/`) && friendly.has(type.replace(/^fusefs\..*/, 'fusefs')),
  );

/** A jail that does not run has none of these; what is left is what a crash left, its record lost. */
export async function lostMounts(exec: Exec, root: string): Promise<readonly Mount[]> {
  return jailMade(await mountTable(exec), root).map(({ at, type }) => ({
    type,
    source: type,
    target: at.slice(root.length),
    options: [],
  }));
}

const whichOf = ({ type, base }: Mount): string =>
  base ? 'base' : /^(dev|fdesc)fs$/.test(type) ? type : 'fstab';

export function mountSteps(paths: Paths) {
  const title = (verb: string, { uuid, mounts }: MountArgs): string =>
    `${verb} ${mounts.map(({ target }) => target).join(', ')} of jail ${uuid}`;
  const about = ({ mounts }: MountArgs): { which: readonly string[] } => ({
    which: [...new Set(mounts.map(whichOf))],
  });
  const mountKind = stepKind<MountArgs>('freebsd.mount', {
    title: (args) => title('mount', args),
    about,
    do: (args, run) => mountAll(args, run, paths),
    undo: (args, run) => unmountAll(args, run, paths),
  });
  const unmountKind = stepKind<MountArgs>('freebsd.unmount', {
    title: (args) => title('unmount', args),
    about,
    do: (args, run) => unmountAll(args, run, paths),
  });
  const args = ({ pool, uuid, root }: JailSpec, mounts: readonly Mount[]): MountArgs => ({
    pool,
    uuid,
    root,
    mounts,
  });
  return {
    kinds: [mountKind, unmountKind],
    mount: (jail: JailSpec, mounts: readonly Mount[]): readonly Step[] =>
      mounts.length === 0 ? [] : [mountKind(args(jail, mounts))],
    unmount: (jail: JailSpec, mounts: readonly Mount[]): readonly Step[] => {
      const others = ['allow_mount', 'jail_zfs'].some((key) => isOn(jail.config, key))
        ? ({ others: true } as const)
        : {};
      return mounts.length === 0 ? [] : [unmountKind({ ...args(jail, mounts), ...others })];
    },
  };
}

/**
 * `snapmount`, `snapumount`: a snapshot of a jail, with all its datasets, to look at and to copy from. It is
 * shown as a read-only clone below POOL/iocage/snapmounts: that works on every ZFS (zfs-fuse has neither
 * `.zfs` nor mounts of snapshots), ZFS itself holds the snapshot for as long, and the journal knows how to
 * take it away. Nothing of the host is run or opened from it: no set-user-ID programs, no devices.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { DatasetRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { label, jailAndSnapshot } from '../../domain/jail.ts';
import { assertSnapshotName } from '../../domain/name.ts';
import { isInside } from '../jail/loss.ts';
import { jailProblem } from '../jail/reach.ts';
import { assertOurs, jailInput, jailLock, noProperties, readJail } from '../jail/select.ts';
import { cloneDataset, createDataset, destroyDataset, unmountDataset } from '../steps/dataset.ts';
import type { World } from '../world/world.ts';
import { snapshotsOf } from './rows.ts';

const mountInput = jailInput.extend({
  snapshot: z.string().min(1, 'the snapshot has no name'),
  /** An empty directory of the host; without it one beside the jails. */
  at: z.string().optional(),
});
const unmountInput = jailInput.extend({ snapshot: z.string().min(1, 'the snapshot has no name') });

interface Mounted {
  readonly jail: string;
  readonly snapshot: string;
  /** The jail's directory as it was: `fstab`, `root/`, and its other datasets. */
  readonly path: string;
}

/** Besides the jail's own lock one for the dataset that holds them all, which the first of them makes. */
async function lockMounts(context: Context, input: { jail: string }): Promise<readonly string[]> {
  const { jail } = await readJail(context, input.jail);
  return [jailLock(jail), `snapmounts:${jail.realm}`];
}

const parentOf = (world: World): string => `${world.root}/snapmounts`;

/** What is mounted of this pool's snapshots, each with the datasets inside it. */
async function mountedOf(context: Context, world: World): Promise<readonly DatasetRow[]> {
  return (await context.storage.filesystems(parentOf(world), 3, ['origin', 'mountpoint', 'mounted'])) ?? [];
}

export const snapshotMount = defineChange<typeof mountInput, Mounted>({
  id: 'snapshot.mount',
  title: 'Mount a snapshot of a jail read-only',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: mountInput,
  locks: lockMounts,
  async plan(context, { jail: name, snapshot, at }) {
    const { world, jail } = await readJail(context, name);
    assertOurs(jail);
    assertSnapshotName(snapshot);
    const rows = (await snapshotsOf(context, jail)).filter((row) => row.snapshot === snapshot);
    const top = rows.find((row) => row.dataset === jail.dataset);
    if (top === undefined) throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot });
    const mounted = await mountedOf(context, world);
    const already = mounted.find((row) => row.values.get('origin') === top.name);
    if (already !== undefined) {
      const path = already.values.get('mountpoint') ?? already.name;
      throw failure('SNAPSHOT_MOUNTED', { jail: label(jail), snapshot, path });
    }
    const place = at === undefined ? undefined : await emptyDirectory(context, world, at);
    const dataset = `${parentOf(world)}/${jail.uuid}:${snapshot}`;
    const properties = {
      readonly: 'on',
      setuid: 'off',
      devices: 'off',
      ...(place === undefined ? {} : { mountpoint: place }),
    };
    return {
      subject: `${label(jail)}@${snapshot}`,
      title: `Mounting snapshot ${snapshot} of ${label(jail)}`,
      steps: [
        ...(mounted.length === 0 ? [createDataset({ dataset: parentOf(world), properties: {} })] : []),
        ...byDepth(rows).map((row) =>
          cloneDataset({
            snapshot: row.name,
            dataset: `${dataset}${row.dataset.slice(jail.dataset.length)}`,
            properties: row === top ? properties : {},
          }),
        ),
      ],
      result: () => ({
        jail: jail.uuid,
        snapshot,
        path: place ?? join(world.mountpoint, 'snapmounts', `${jail.uuid}:${snapshot}`),
      }),
    };
  },
  command: {
    names: ['snapmount'],
    group: 'data',
    usage: 'JAIL@NAME [DIRECTORY]',
    about:
      "The jail's directory as it was: fstab, root and the jail's other datasets, read-only. Without DIRECTORY, " +
      'which must be empty, beside the jails; the answer tells where. While it is mounted the snapshot cannot be removed.',
    examples: [
      { line: 'iocage snapmount web@before-upgrade', says: 'tells where it is' },
      { line: 'iocage snapmount web@before-upgrade /mnt', says: 'the files of the jail are in /mnt/root' },
    ],
    toInputs(words) {
      const [, at, ...more] = words.positionals;
      if (more.length > 0)
        throw failure('USAGE', { problem: `${JSON.stringify(more[0])} is too much`, command: 'snapmount' });
      return [{ ...snapshotWord('snapmount', words), ...(at === undefined ? {} : { at }) }];
    },
  },
});

export const snapshotUnmount = defineChange<typeof unmountInput, { jail: string; snapshot: string }>({
  id: 'snapshot.unmount',
  title: 'Unmount a snapshot that snapmount mounted',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: unmountInput,
  locks: lockMounts,
  async plan(context, { jail: name, snapshot }) {
    const { world, jail } = await readJail(context, name);
    assertOurs(jail);
    assertSnapshotName(snapshot);
    const mounted = await mountedOf(context, world);
    // By its origin: the jail may have another name by now.
    const top = mounted.find((row) => row.values.get('origin') === `${jail.dataset}@${snapshot}`);
    if (top === undefined) throw failure('SNAPSHOT_NOT_MOUNTED', { jail: label(jail), snapshot });
    const own = mounted.filter((row) => isInside(row.name, [top.name]));
    return {
      subject: `${label(jail)}@${snapshot}`,
      title: `Unmounting snapshot ${snapshot} of ${label(jail)}`,
      steps: [
        unmountDataset({
          dataset: top.name,
          mounted: own.filter(({ values }) => values.get('mounted') === 'yes').map((row) => row.name),
        }),
        destroyDataset({ dataset: top.name, recursive: true }),
      ],
      result: () => ({ jail: jail.uuid, snapshot }),
    };
  },
  command: {
    names: ['snapumount'],
    group: 'data',
    usage: 'JAIL@NAME',
    examples: [{ line: 'iocage snapumount web@before-upgrade', says: 'the snapshot itself stays' }],
    toInputs(words) {
      if (words.positionals.length > 1)
        throw failure('USAGE', {
          problem: `${JSON.stringify(words.positionals[1])} is too much`,
          command: 'snapumount',
        });
      return [snapshotWord('snapumount', words)];
    },
  },
});

function snapshotWord(command: string, words: Words): { jail: string; snapshot: string } {
  noProperties(command, words);
  const [word] = words.positionals;
  if (word === undefined) throw failure('USAGE', { problem: 'missing UUID', command });
  const { jail, snapshot } = jailAndSnapshot(word);
  if (snapshot === undefined) throw failure('USAGE', { problem: 'missing snapshot: JAIL@NAME', command });
  return { jail, snapshot };
}

/** A dataset before what is below it. */
function byDepth<T extends { readonly dataset: string }>(rows: readonly T[]): readonly T[] {
  return rows.toSorted((a, b) => (a.dataset < b.dataset ? -1 : 1));
}

/** Only root of the host chooses the place; over a link, or inside a jail, somebody else might have a say. */
async function emptyDirectory(context: Context, world: World, path: string): Promise<string> {
  const refuse = (why: string) => failure('UNSAFE_PATH', { path, why });
  if (!path.startsWith('/')) throw refuse('the destination must be an absolute path');
  const { status, stdout } = await context.exec.read(['realpath', '--', path], { accept: 'any' });
  if (status !== 0) throw refuse('destination does not exist');
  const real = stdout.replace(/\n$/, '');
  if (real !== (path.replace(/\/+/g, '/').replace(/\/$/, '') || '/'))
    throw refuse(`it leads over a link; name ${JSON.stringify(real)} itself`);
  if ((await context.files.stat(real))?.type !== 'directory') throw refuse('it is not a directory');
  if (`${real}/`.startsWith(`${world.mountpoint}/`)) throw refuse('it belongs to iocage or to a jail');
  if ((await context.files.list(real)).length > 0) throw refuse('it is not empty');
  const inJail = await jailProblem(context, real);
  if (inJail !== undefined)
    throw failure('UNSAFE_PATH', { ...inJail, mend: 'name an empty directory that no jail may write' });
  return real;
}

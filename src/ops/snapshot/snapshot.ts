/** Snapshots of a jail, always with all its datasets as one unit: take, list, remove, go back. */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import type { SnapshotRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { baseLines } from '../../domain/format/fstab.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { isInside } from '../jail/loss.ts';
import { kept } from '../jail/migrate-kept.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { assertSnapshotName } from '../../domain/name.ts';
import { holdConfig } from '../steps/config-file.ts';
import { destroySnapshot, rollbackSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { assertRoom } from '../unmounting.ts';
import { assertDown, assertOurs, jailInput, lockJail, oneJail, readJail } from '../jail/select.ts';
import { localTime } from '../../domain/local-time.ts';
import { writable } from '../jail/store.ts';
import { eachJail, jailsWith, nameFlag, needsName, snapshotWords } from './words.ts';
import { assertNoClones, namesInUse, note, noteHandedElsewhere, noteYounger, snapshotsOf } from './rows.ts';
import { snapshotScheduled } from './scheduled.ts';

/** The name, or with `-2`, `-3`, … behind it: a second is long enough for more than one snapshot. */
function unusedName(name: string, present: ReadonlySet<string>): string {
  for (let count = 1; ; count += 1) {
    const free = count === 1 ? name : `${name}-${count}`;
    if (!present.has(free)) return free;
  }
}

const takeInput = jailInput.extend({ snapshot: z.string().optional() });

export const snapshotTake = defineChange<typeof takeInput, { jail: string; snapshot: string }>({
  id: 'snapshot.take',
  title: 'Take a snapshot of a jail',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: takeInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    assertOurs(jail);
    const present = new Set((await snapshotsOf(context, jail)).map((row) => row.snapshot));
    const snapshot = input.snapshot ?? unusedName(`ioc-${localTime(context.clock.now(), '_')}`, present);
    assertSnapshotName(snapshot);
    if (present.has(snapshot)) throw failure('SNAPSHOT_EXISTS', { jail: label(jail), snapshot });
    noteHandedElsewhere(context, jail, world.defaults);
    return {
      subject: `${label(jail)}@${snapshot}`,
      title: `Taking snapshot ${snapshot} of ${label(jail)}`,
      steps: [takeSnapshot({ name: `${jail.dataset}@${snapshot}`, recursive: true, properties: {} })],
      result: () => ({ jail: jail.uuid, snapshot }),
    };
  },
  command: {
    names: ['snapshot', 'snap'],
    group: 'data',
    usage: 'JAIL[@NAME] | ALL[@NAME] | --scheduled [JAIL ...]',
    flags: [
      nameFlag,
      {
        key: 'scheduled',
        flags: '--scheduled',
        doc: 'what snapshot_schedule of the jails asks for now; the timer of the host calls this',
      },
      { key: 'recursive', flags: '-r', doc: 'no change: all datasets of the jail are always in it' },
      { key: 'force', flags: '-f, --force', doc: 'no change: nothing is asked' },
    ],
    about: 'One snapshot of the jail and all its datasets, at one moment; the jail may run.',
    examples: [
      { line: 'iocage snapshot web@before-upgrade', says: 'with a name' },
      { line: 'iocage snapshot web', says: 'named after the time: ioc-2026-01-31_12:00:00' },
      { line: 'iocage snapshot ALL@friday', says: 'each jail, one after the other' },
    ],
    instead: (words) => (words.flags['scheduled'] === true ? snapshotScheduled : undefined),
    toInputs: (words, context) => eachJail(context, snapshotWords('snapshot', words)),
  },
});

/** A snapshot of one dataset of a jail. */
export interface ListedSnapshot {
  /** Name after the `@`; with `/root` before it for the row of the jail's root, as the Python line shows it. */
  readonly name: string;
  readonly dataset: string;
  /** Name after the `@`. */
  readonly snapshot: string;
  readonly jail: string;
  readonly tag: string;
  readonly createdAt: string;
  readonly referencedBytes: number;
  readonly usedBytes: number;
}

const sorts = ['name', 'created', 'rsize', 'used'] as const;
const listInput = z.object({
  /** A jail, or the word `ALL`. */
  jail: z.string().min(1, 'a jail is named by its UUID or its tag'),
  sort: z.enum(sorts).default('created'),
});

const orders: Readonly<Record<(typeof sorts)[number], (a: ListedSnapshot, b: ListedSnapshot) => number>> = {
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  created: (a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0),
  rsize: (a, b) => a.referencedBytes - b.referencedBytes,
  used: (a, b) => a.usedBytes - b.usedBytes,
};

export const snapshotList = defineRead<typeof listInput, { snapshots: readonly ListedSnapshot[] }>({
  id: 'snapshot.list',
  title: 'List the snapshots of jails',
  input: listInput,
  everySource: {
    applies: ({ jail }) => jail === 'ALL',
    merge: (answers, { sort }) => ({
      snapshots: answers
        .flatMap(({ source, result }) =>
          result.snapshots.map((row) => ({ ...row, tag: `${source}/${row.tag}` })),
        )
        .toSorted(orders[sort]),
    }),
  },
  async read(context, input) {
    const world = await readWorld(context);
    const all = input.jail === 'ALL';
    const jails = all ? world.jails.filter(({ ours }) => ours) : [findJail(world.jails, input.jail)];
    // One child process, whatever the number of jails.
    const rows = await snapshotsOf(context, all ? { dataset: world.root } : jails[0]!);
    const listed = jails.flatMap((jail) =>
      rows
        .filter(({ dataset }) => isInside(dataset, [jail.dataset]))
        .map((row) => ({
          name: row.snapshot + row.dataset.slice(jail.dataset.length),
          dataset: row.dataset,
          snapshot: row.snapshot,
          jail: jail.uuid,
          tag: jail.tag,
          createdAt: new Date(row.createdAt * 1000).toISOString(),
          referencedBytes: row.referencedBytes,
          usedBytes: row.usedBytes,
        })),
    );
    return { snapshots: listed.toSorted(orders[input.sort]) };
  },
  command: {
    names: ['snaplist'],
    group: 'data',
    usage: 'JAIL | ALL',
    flags: [
      { key: 'long', flags: '-l, --long', doc: 'full names, DATASET@SNAPSHOT' },
      { key: 'sort', flags: '-s, --sort <column>', doc: `${sorts.join(', ')}; the least first` },
    ],
    examples: [
      { line: 'iocage snaplist web', says: "oldest first; /root is the row of the jail's files" },
      { line: 'iocage snaplist -s used ALL', says: 'of all jails, what takes most space last' },
    ],
    toInputs(words) {
      const { jail } = oneJail('snaplist', words);
      const { sort } = words.flags;
      return [{ jail, ...(sort === undefined ? {} : { sort }) }];
    },
  },
});

const removeInput = jailInput.extend({
  snapshot: z.string().min(1, 'the snapshot has no name'),
  force: z.boolean().default(false),
});

export const snapshotRemove = defineChange<typeof removeInput, { jail: string; removed: readonly string[] }>({
  id: 'snapshot.remove',
  title: 'Remove a snapshot of a jail, or all of them',
  effect: 'destroy',
  recover: 'finish',
  anyFormat: true,
  input: removeInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail } = await readJail(context, input.jail);
    assertOurs(jail);
    const all = input.snapshot === 'ALL';
    if (!all) assertSnapshotName(input.snapshot);
    const present = await snapshotsOf(context, jail);
    const found = all ? present : present.filter((row) => row.snapshot === input.snapshot);
    if (found.length === 0)
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot: input.snapshot });
    // All: what can go goes. One that something hangs on stays whole, in all datasets.
    const used = all ? await namesInUse(context, jail.pool, found) : new Set<string>();
    const rows = found.filter(({ snapshot }) => !used.has(snapshot));
    await assertNoClones(context, jail, rows.length === 0 ? found : rows);
    if (used.size > 0) note(context, `still used, so they stay: ${[...used].join(', ')}`);
    const names = [...new Set(rows.map((row) => row.snapshot))];
    return {
      subject: `${label(jail)}@${input.snapshot}`,
      title: `Removing ${all ? `${names.length} snapshots` : `snapshot ${input.snapshot}`} of ${label(jail)}`,
      // One named snapshot is what the words say; all of them deserve the question.
      ...(all ? { loses: rows.map((row) => row.name) } : {}),
      steps: rows.map((row) => destroySnapshot({ name: row.name, recursive: false })),
      result: () => ({ jail: jail.uuid, removed: names }),
    };
  },
  command: {
    names: ['snapremove'],
    group: 'data',
    usage: 'JAIL@NAME | JAIL@ALL | ALL@NAME | ALL@ALL',
    flags: [nameFlag, { key: 'force', flags: '-f, --force', doc: 'do not ask before removing all' }],
    examples: [
      { line: 'iocage snapremove web@before-upgrade', says: 'of the jail and all its datasets' },
      { line: 'iocage snapremove web@ALL', says: 'every snapshot; asks first' },
      { line: 'iocage snapremove -n friday ALL', says: 'of each jail that has one of this name' },
    ],
    async toInputs(words, context) {
      const inputs = await jailsWith(context, needsName('snapremove', words));
      return inputs.map((input) => ({ ...input, force: words.flags['force'] === true }));
    },
  },
});

const rollbackInput = jailInput.extend({
  snapshot: z.string().min(1, 'the snapshot has no name'),
  force: z.boolean().default(false),
});

export const snapshotRollback = defineChange<typeof rollbackInput, { jail: string; snapshot: string }>({
  id: 'snapshot.rollback',
  title: 'Put a jail back to a snapshot',
  effect: 'destroy',
  recover: 'finish',
  anyFormat: true,
  input: rollbackInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    assertOurs(jail);
    assertSnapshotName(input.snapshot);
    await assertDown(context, jail, 'rollback');
    // Elsewhere it may be the way out of a full pool; there the mount point is kept.
    if ((await context.storage.capabilities()).flavour === 'zfs-fuse') await assertRoom(context, world);
    const present = await snapshotsOf(context, jail);
    const targets = present.filter((row) => row.snapshot === input.snapshot);
    if (targets.length === 0)
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot: input.snapshot });
    const newer = targets.flatMap((target) =>
      present.filter((row) => row.dataset === target.dataset && row.createTxg > target.createTxg),
    );
    assertNotBeforeUpgrade(jail, input.snapshot, newer);
    if (!targets.some((row) => row.dataset === `${jail.dataset}/root`))
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot: input.snapshot });
    if (newer.length > 0 && !input.force) {
      const names = [...new Set(newer.map((row) => row.snapshot))];
      throw failure('NEWER_SNAPSHOTS', { snapshot: input.snapshot, newer: names });
    }
    await assertNoClones(context, jail, newer);
    noteHandedElsewhere(context, jail, world.defaults);
    await noteYounger(context, jail, targets);
    return {
      subject: `${label(jail)}@${input.snapshot}`,
      title: `Rolling back ${label(jail)} to ${input.snapshot}`,
      loses: [
        `what was changed in ${label(jail)} since the snapshot ${input.snapshot}`,
        ...newer.map((row) => row.name),
      ],
      steps: [
        ...targets.map((row) => rollbackSnapshot({ snapshot: row.name, destroyNewer: newer.length > 0 })),
        ...(await configStays(context, world, jail)),
      ],
      result: () => ({ jail: jail.uuid, snapshot: input.snapshot }),
    };
  },
  command: {
    names: ['rollback'],
    group: 'data',
    usage: 'JAIL@NAME',
    flags: [
      nameFlag,
      {
        key: 'force',
        flags: '-f, --force',
        doc: 'do not ask, and destroy newer snapshots that stand in the way',
      },
    ],
    about:
      'The jail must be down. What was changed since the snapshot is lost, in all datasets of the jail, so it ' +
      'asks. Newer snapshots are destroyed only with -f.',
    examples: [
      { line: 'iocage rollback web@before-upgrade', says: 'files as they were, properties stay; asks first' },
      { line: 'iocage rollback -y web@before-upgrade', says: 'does not ask; for scripts' },
    ],
    toInputs: (words) => [{ ...needsName('rollback', words), force: words.flags['force'] === true }],
  },
});

/**
 * A jail of another tool has its configuration in a file, and one that came from there has it beside, for the way back;
 * an older snapshot may not have it, nor the lines by which that tool shows a basejail its base.
 */
async function configStays(context: Context, world: World, jail: Jail): Promise<readonly Step[]> {
  const from = jail.local.get('migrated_from');
  const path = jail.file?.name ?? (from === undefined ? undefined : kept(from));
  const root = jail.mountpoint;
  if (path === undefined || root === undefined) return [];
  const facts = await context.files.statBelow(root, path);
  const after = jail.file?.text ?? (await context.files.readBelow(root, path));
  if (facts === undefined || after === undefined) return [];
  const { mode, uid, gid } = facts;
  const places = { iocage: world.mountpoint, root: join(root, 'root') };
  const lines = baseLines((await context.files.readBelow(root, 'fstab')) ?? '', places);
  const base = lines.length === 0 ? {} : { base: { lines, places } };
  return writable(context, jail, holdConfig({ root, path, after, mode, owner: { uid, gid }, ...base }));
}

/** Back over an upgrade the files alone would be of another release than the properties say. */
function assertNotBeforeUpgrade(jail: Jail, snapshot: string, newer: readonly SnapshotRow[]): void {
  const upgrade = jail.local.get('upgrade_snapshot');
  if (upgrade === undefined || ![snapshot, ...newer.map((row) => row.snapshot)].includes(upgrade)) return;
  throw failure('UNSUPPORTED', {
    what: `rolling back to ${snapshot}`,
    why: `${jail.tag} was upgraded since; 'iocage upgrade --back ${jail.tag}' undoes that first`,
  });
}

/** Snapshots of a jail, always with all its datasets as one unit: take, list, remove, go back. */
import * as z from 'zod';
import { defineChange, defineRead, type Context, type Words } from '../operation.ts';
import type { SnapshotRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { assertSnapshotName } from '../../domain/name.ts';
import { destroySnapshot, rollbackSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { assertDown, assertOurs, jailInput, lockJail, oneJail, readJail } from '../jail/select.ts';
import { splitSnapshot } from '../jail/clone.ts';
import { stamp } from '../jail/start.ts';

/** `JAIL@NAME`, or `JAIL -n NAME`. */
function words1(command: string, words: Words): { jail: string; snapshot?: string } {
  const { jail: word } = oneJail(command, words);
  const { jail, snapshot } = splitSnapshot(word);
  const name = snapshot ?? (words.flags['name'] as string | undefined);
  return { jail, ...(name === undefined ? {} : { snapshot: name }) };
}

function needsName(command: string, words: Words): { jail: string; snapshot: string } {
  const { jail, snapshot } = words1(command, words);
  if (snapshot === undefined) throw failure('USAGE', { problem: 'missing snapshot: JAIL@NAME', command });
  return { jail, snapshot };
}

const nameFlag = {
  key: 'name',
  flags: '-n, --name <name>',
  doc: 'the snapshot, when it is not given as JAIL@NAME',
};

const takeInput = jailInput.extend({ snapshot: z.string().optional() });

export const snapshotTake = defineChange<typeof takeInput, { jail: string; snapshot: string }>({
  id: 'snapshot.take',
  title: 'Take a snapshot of a jail',
  effect: 'change',
  recover: 'undo',
  input: takeInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail } = await readJail(context, input.jail);
    assertOurs(jail);
    const snapshot = input.snapshot ?? `ioc-${stamp(context.clock.now())}`;
    assertSnapshotName(snapshot);
    const present = await snapshotsOf(context, jail);
    if (present.some((row) => row.snapshot === snapshot)) {
      throw failure('SNAPSHOT_EXISTS', { jail: label(jail), snapshot });
    }
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
    usage: 'JAIL[@NAME]',
    flags: [nameFlag],
    examples: [
      { line: 'iocage snapshot web@before-upgrade', says: 'with a name' },
      { line: 'iocage snapshot web', says: 'named after the time: ioc-2026-01-31_12:00:00' },
    ],
    toInputs: (words) => [words1('snapshot', words)],
  },
});

export interface ListedSnapshot {
  /** Name after the `@`; with `/root` before it for the row of the jail's root, as the Python line shows it. */
  readonly name: string;
  readonly dataset: string;
  readonly jail: string;
  readonly createdAt: string;
  readonly referencedBytes: number;
  readonly usedBytes: number;
}

export const snapshotList = defineRead<typeof jailInput, { snapshots: readonly ListedSnapshot[] }>({
  id: 'snapshot.list',
  title: 'List the snapshots of a jail',
  input: jailInput,
  async read(context, input) {
    const { jail } = await readJail(context, input.jail);
    const rows = await snapshotsOf(context, jail);
    return {
      snapshots: rows.map((row) => ({
        name: row.snapshot + row.dataset.slice(jail.dataset.length),
        dataset: row.dataset,
        jail: jail.uuid,
        createdAt: new Date(row.createdAt * 1000).toISOString(),
        referencedBytes: row.referencedBytes,
        usedBytes: row.usedBytes,
      })),
    };
  },
  command: {
    names: ['snaplist'],
    group: 'data',
    usage: 'JAIL',
    examples: [{ line: 'iocage snaplist web', says: "oldest first; /root is the row of the jail's files" }],
    toInputs: (words) => [oneJail('snaplist', words)],
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
  input: removeInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail } = await readJail(context, input.jail);
    assertOurs(jail);
    const all = input.snapshot === 'ALL';
    if (!all) assertSnapshotName(input.snapshot);
    const present = await snapshotsOf(context, jail);
    const rows = all ? present : present.filter((row) => row.snapshot === input.snapshot);
    if (rows.length === 0)
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot: input.snapshot });
    await assertNoClones(context, jail, rows);
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
    usage: 'JAIL@NAME | JAIL@ALL',
    flags: [nameFlag, { key: 'force', flags: '-f, --force', doc: 'do not ask before removing all' }],
    examples: [
      { line: 'iocage snapremove web@before-upgrade', says: 'of the jail and all its datasets' },
      { line: 'iocage snapremove web@ALL', says: 'every snapshot; asks first' },
    ],
    toInputs: (words) => [{ ...needsName('snapremove', words), force: words.flags['force'] === true }],
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
  input: rollbackInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail } = await readJail(context, input.jail);
    assertOurs(jail);
    assertSnapshotName(input.snapshot);
    await assertDown(context, jail, 'rollback');
    const present = await snapshotsOf(context, jail);
    const targets = present.filter((row) => row.snapshot === input.snapshot);
    if (targets.length === 0)
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(jail), snapshot: input.snapshot });
    const newer = targets.flatMap((target) =>
      present.filter((row) => row.dataset === target.dataset && row.createTxg > target.createTxg),
    );
    if (newer.length > 0 && !input.force) {
      const names = [...new Set(newer.map((row) => row.snapshot))];
      throw failure('NEWER_SNAPSHOTS', { snapshot: input.snapshot, newer: names });
    }
    await assertNoClones(context, jail, newer);
    return {
      subject: `${label(jail)}@${input.snapshot}`,
      title: `Rolling back ${label(jail)} to ${input.snapshot}`,
      steps: targets.map((row) => rollbackSnapshot({ snapshot: row.name, destroyNewer: newer.length > 0 })),
      result: () => ({ jail: jail.uuid, snapshot: input.snapshot }),
    };
  },
  command: {
    names: ['rollback'],
    group: 'data',
    usage: 'JAIL@NAME',
    flags: [
      nameFlag,
      { key: 'force', flags: '-f, --force', doc: 'destroy newer snapshots that stand in the way' },
    ],
    about: 'The jail must be down. What was changed since the snapshot is lost, in all datasets of the jail.',
    examples: [{ line: 'iocage rollback web@before-upgrade', says: 'files and properties as they were' }],
    toInputs: (words) => [{ ...needsName('rollback', words), force: words.flags['force'] === true }],
  },
});

function snapshotsOf(context: Context, jail: Jail): Promise<readonly SnapshotRow[]> {
  return context.storage.snapshots(jail.dataset, undefined, []);
}

async function assertNoClones(context: Context, jail: Jail, rows: readonly SnapshotRow[]): Promise<void> {
  if (rows.length === 0) return;
  const names = new Set(rows.map((row) => row.name));
  const dependents = (await context.storage.clones(jail.pool)).filter(({ origin }) => names.has(origin));
  if (dependents.length === 0) return;
  throw failure('HAS_DEPENDENTS', {
    what: `snapshot ${dependents[0]!.origin}`,
    dependents: dependents.map(({ dataset }) => dataset),
  });
}

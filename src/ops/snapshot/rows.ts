/** What the commands about snapshots read of a jail's snapshots, and what they refuse. */
import type { Context } from '../context.ts';
import type { SnapshotRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { configOf, isOn } from '../../domain/config.ts';
import { handedDatasets } from '../../domain/handed.ts';
import type { Jail } from '../../domain/jail.ts';
import { dependentNames } from '../jail/loss.ts';
import { readWorld } from '../world/read.ts';

/** Those of the jail and of all its datasets, oldest first. */
export function snapshotsOf(
  context: Context,
  jail: Pick<Jail, 'dataset'>,
  columns: readonly string[] = [],
): Promise<readonly SnapshotRow[]> {
  return context.storage.snapshots(jail.dataset, undefined, columns);
}

export async function assertNoClones(
  context: Context,
  jail: Jail,
  rows: readonly SnapshotRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const names = new Set(rows.map((row) => row.name));
  const dependents = (await context.storage.clones(jail.pool)).filter(({ origin }) => names.has(origin));
  if (dependents.length === 0) return;
  const { jails } = await readWorld(context);
  throw failure('HAS_DEPENDENTS', {
    what: `snapshot ${dependents[0]!.origin}`,
    dependents: dependentNames(
      jails,
      dependents.map(({ dataset }) => dataset),
    ),
  });
}

/** Names of snapshots that something was cloned from, or that are mounted by snapmount, among `rows`. */
export async function namesInUse(
  context: Context,
  pool: string,
  rows: readonly SnapshotRow[],
): Promise<ReadonlySet<string>> {
  const origins = new Set((await context.storage.clones(pool)).map(({ origin }) => origin));
  return new Set(rows.filter(({ name }) => origins.has(name)).map(({ snapshot }) => snapshot));
}

/**
 * Tells of the datasets handed to the jail that are not its own: iocage neither takes snapshots of them
 * nor puts them back, and they outlive the jail.
 */
export function noteHandedElsewhere(
  context: Context,
  jail: Jail,
  defaults: ReadonlyMap<string, string>,
): void {
  const config = configOf(jail, defaults);
  if (!isOn(config, 'jail_zfs')) return;
  const elsewhere = handedDatasets(jail, config).handed.filter(({ own }) => !own);
  if (elsewhere.length === 0) return;
  note(
    context,
    `no part of the jail, so left as they are: ${elsewhere.map(({ dataset }) => dataset).join(', ')}`,
  );
}

/** Tells of datasets of the jail that a snapshot does not have: they were made after it. */
export async function noteYounger(
  context: Context,
  jail: Jail,
  targets: readonly SnapshotRow[],
): Promise<void> {
  const rows = (await context.storage.filesystems(jail.dataset, 8, [])) ?? [];
  const younger = rows.filter(({ name }) => !targets.some(({ dataset }) => dataset === name));
  if (younger.length === 0) return;
  note(
    context,
    `younger than the snapshot, so left as they are: ${younger.map(({ name }) => name).join(', ')}`,
  );
}

/** What takes its time before anything is done. */
export function waiting(context: Context, text: string): void {
  context.emit({ type: 'progress', id: '', text });
}

export function note(context: Context, text: string): void {
  context.emit({ type: 'note', id: '', level: 'info', text });
}

/**
 * Our own record of each running jail: a small file below the run directory, gone after a boot like the jail
 * itself. Each step writes its part before it changes the host, so that whatever interrupts it, what may have
 * been added is known; jls(8) says whether the jail runs.
 */
import type { StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { ForeignJail, RunningJail, ShownNow } from '../host.ts';
import { fixedAddresses, records } from '../both/state.ts';
import { readJails, uuidOf, type JailRow } from './jls.ts';
import type { Mount } from './mounts.ts';
import { jailName, placesOf } from './names.ts';
import type { NetworkPlan } from './planned.ts';

/** A dataset that a jail was handed. */
export interface LentDataset {
  readonly dataset: string;
  /** Path in the jail. */
  readonly target: string;
  /** The dataset's own `mountpoint` before; null: inherited. */
  readonly mountpoint: string | null;
}

export interface JailState {
  readonly pool: string;
  readonly uuid: string;
  /** Absent until the jail is created. */
  readonly jid?: number;
  readonly startedAt?: string;
  readonly network?: NetworkPlan;
  /** What the jails of its network call it; absent: they do not know it, nor it them. */
  readonly names?: readonly string[];
  /** Addresses that DHCP gave, as `NIC|ADDRESS/PREFIX`. */
  readonly leases?: readonly string[];
  /** Number of the devfs rule set that was made for it. */
  readonly ruleset?: number;
  readonly mounts?: readonly Mount[];
  readonly datasets?: readonly LentDataset[];
}

export const { readState, recordState, forgetParts, allStates } = records<JailState>();

/** Of every pool, those of jails that run. */
export async function runningStates({ exec, files }: Pick<StepRun, 'exec' | 'files'>, paths: Paths) {
  const [rows, states] = [await readJails(exec), await allStates(files, paths)];
  return states.filter((state) => rows.some((row) => isOf(row, state)));
}

/** As mounted, and what a crash left is mounted still; and the roots of all jails that run, whoever started them. */
export async function shownWritable(
  files: Files,
  paths: Paths,
  rows: readonly JailRow[],
): Promise<readonly ShownNow[]> {
  const states = await allStates(files, paths);
  const shown = states.flatMap(({ pool, uuid, mounts = [] }) =>
    mounts.filter(isWritable).map(({ source }) => ({ pool, uuid, source, way: 'start' as const })),
  );
  const roots = rows.map((row) => {
    const { pool, uuid } = states.find((state) => isOf(row, state)) ?? { uuid: uuidOf(row) ?? row.name };
    return { ...(pool === undefined ? {} : { pool }), uuid, source: row.path, way: 'jail' as const };
  });
  return [...shown, ...roots];
}

/** A directory of the host that the jail may write. */
export const isWritable = ({ type, options }: Mount): boolean => type === 'nullfs' && !options.includes('ro');

const isOf = (row: JailRow, { uuid, jid }: JailState): boolean =>
  row.name === jailName(uuid) && row.jid === jid;

export const addressesOf = ({ network, leases }: JailState, family: 4 | 6): readonly string[] => [
  ...fixedAddresses(network?.addresses ?? [], family),
  ...(family === 4 ? (leases ?? []) : []),
];

/**
 * The running jails of a pool. A jail of ours without a record (somebody emptied the run directory) is told
 * for every pool that asks, so that nothing takes it for stopped and rolls back below it.
 */
export async function runningJails(
  files: Files,
  paths: Paths,
  pool: string,
  rows: readonly JailRow[],
): Promise<ReadonlyMap<string, RunningJail>> {
  const states = await allStates(files, paths);
  // The names of a pool are checked where they become paths.
  placesOf(paths, pool, 'any');
  const found = rows.flatMap((row): readonly RunningJail[] => {
    const state = states.find((known) => isOf(row, known));
    if (state !== undefined && state.pool !== pool) return [];
    const uuid = state?.uuid ?? uuidOf(row);
    if (uuid === undefined) return [];
    const [ip4, ip6] = state ? [addressesOf(state, 4), addressesOf(state, 6)] : [row.ip4, row.ip6];
    return [{ uuid, jid: row.jid, ip4, ip6, startedAt: state?.startedAt }];
  });
  return new Map(found.map((jail) => [jail.uuid, jail]));
}

export async function foreignJails(
  files: Files,
  paths: Paths,
  rows: readonly JailRow[],
): Promise<readonly ForeignJail[]> {
  const states = await allStates(files, paths);
  return rows
    .filter((row) => uuidOf(row) === undefined && !states.some((state) => isOf(row, state)))
    .map(({ jid, path, ip4, hostname }) => ({
      jid: String(jid),
      path,
      ip4: ip4.join(',') || '-',
      hostname: hostname || '-',
    }));
}

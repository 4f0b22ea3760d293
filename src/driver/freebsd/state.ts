/**
 * Our own record of each running jail: a small file below the run directory, gone after a boot like the jail
 * itself. Each step writes its part before it changes the host, so that whatever interrupts it, what may have
 * been added is known; jls(8) says whether the jail runs.
 */
import { join } from 'node:path';
import type { StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { ForeignJail, RunningJail } from '../host.ts';
import { readJails, uuidOf, type JailRow } from './jls.ts';
import type { Mount } from './mounts.ts';
import { jailName, placesOf } from './names.ts';
import type { NetworkPlan } from './net-plan.ts';
import type { LentDataset } from './datasets.ts';

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

export type Part = Exclude<keyof JailState, 'pool' | 'uuid'>;

export async function readState(files: Files, path: string): Promise<JailState | undefined> {
  const text = await files.read(path);
  if (text === undefined) return undefined;
  try {
    const state = JSON.parse(text) as JailState;
    return typeof state.uuid === 'string' && typeof state.pool === 'string' ? state : undefined;
  } catch {
    // Files are replaced as a whole; what cannot be read is not ours.
    return undefined;
  }
}

/** Adds to what is recorded. */
export async function recordState(files: Files, path: string, added: JailState): Promise<void> {
  const state: JailState = { ...(await readState(files, path)), ...added };
  await files.mkdir(join(path, '..'), { mode: 0o700 });
  await files.write(path, `${JSON.stringify(state, null, 1)}\n`, { mode: 0o600 });
}

/** Takes parts away; the record goes with the last of them. */
export async function forgetParts(files: Files, path: string, ...parts: readonly Part[]): Promise<void> {
  const state = await readState(files, path);
  if (state === undefined) return;
  const rest = Object.fromEntries(
    Object.entries(state).filter(([key]) => !(parts as readonly string[]).includes(key)),
  );
  if (Object.keys(rest).every((key) => key === 'pool' || key === 'uuid')) return files.remove(path);
  await files.write(path, `${JSON.stringify(rest, null, 1)}\n`, { mode: 0o600 });
}

async function statesIn(files: Files, directory: string): Promise<readonly JailState[]> {
  const names = (await files.list(directory)).filter((name) => name.endsWith('.json'));
  const states = await Promise.all(names.map((name) => readState(files, join(directory, name))));
  return states.filter((state) => state !== undefined);
}

/** Every record of every pool of this host; one without a running jail is what a crash left. */
export async function allStates(files: Files, paths: Paths): Promise<readonly JailState[]> {
  const pools = await files.list(paths.run);
  return (await Promise.all(pools.map((pool) => statesIn(files, join(paths.run, pool, 'jail'))))).flat();
}

/** Of every pool, those of jails that run. */
export async function runningStates({ exec, files }: Pick<StepRun, 'exec' | 'files'>, paths: Paths) {
  const [rows, states] = [await readJails(exec), await allStates(files, paths)];
  return states.filter((state) => rows.some((row) => isOf(row, state)));
}

const isOf = (row: JailRow, { uuid, jid }: JailState): boolean =>
  row.name === jailName(uuid) && row.jid === jid;

export function addressesOf({ network, leases }: JailState, family: 4 | 6): readonly string[] {
  const fixed = (network?.addresses ?? [])
    .filter((address) => address.family === family)
    .map(({ nic, address, prefix }) => `${nic}|${address}/${prefix}`);
  return [...fixed, ...(family === 4 ? (leases ?? []) : [])];
}

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

/**
 * Our own record of each running jail: a small file below the run directory, gone after a boot like
 * the jail itself. `list` reads these files and /proc, and starts no process, whatever the number of jails.
 *
 * The network's part is written before the first change to the host's network, and names what a stop
 * has to take back.
 */
import { join } from 'node:path';
import type { Files, Paths } from '../system.ts';
import type { RunningJail, ShownNow } from '../host.ts';
import { fixedAddresses, records } from '../both/state.ts';
import type { ActiveLimits } from './limits.ts';
import type { NetworkPlan } from './planned.ts';
import { leasesOf } from './dhcp.ts';
import type { CgroupLayout } from './facts.ts';
import { placesOf } from './names.ts';
import { processesOf } from './processes.ts';

export interface JailState {
  readonly pool: string;
  readonly uuid: string;
  /** The first process and its start time in clock ticks since boot; absent until the container is created. */
  readonly pid?: number;
  readonly processStart?: string;
  readonly startedAt?: string;
  readonly hostname?: string;
  readonly root?: string;
  readonly consoleLog?: string;
  /** `host`, `own` or the plan of what was added for its addresses. */
  readonly network?: 'host' | 'own' | NetworkPlan;
  /** What the jails of its network call it; absent: they do not know it, nor it them. */
  readonly names?: readonly string[];
  /** What holds it back; absent: nothing does. */
  readonly limits?: ActiveLimits;
  /** What of the host it is shown and may write; absent: nothing. */
  readonly writable?: readonly string[];
}

export const { readState, recordState, statesIn, allStates } = records<JailState>();

/** Start time of a process, field 22 of proc_pid_stat(5); undefined when it is gone or a zombie. */
export async function startTime(files: Files, pid: number): Promise<string | undefined> {
  const text = (await files.read(`/proc/${pid}/stat`).catch(() => undefined)) ?? '';
  // The command's name in parentheses may hold blanks and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

export async function isAlive(files: Files, state: JailState | undefined): Promise<boolean> {
  if (state?.pid === undefined) return false;
  const now = await startTime(files, state.pid);
  return now !== undefined && now === state.processStart;
}

/** Of every pool, those of jails that run. */
export async function runningStates(files: Files, paths: Paths): Promise<readonly JailState[]> {
  const states = await allStates(files, paths);
  const alive = await Promise.all(states.map((state) => isAlive(files, state)));
  return states.filter((_, index) => alive[index]);
}

export async function shownWritable(files: Files, paths: Paths): Promise<readonly ShownNow[]> {
  return (await runningStates(files, paths)).flatMap(({ pool, uuid, root, writable = [] }): ShownNow[] => [
    ...writable.map((source) => ({ pool, uuid, source, way: 'start' as const })),
    ...(root === undefined ? [] : [{ pool, uuid, source: root, way: 'jail' as const }]),
  ]);
}

export const addressesOf = ({ network }: JailState, family: 4 | 6): readonly string[] =>
  typeof network === 'object' ? fixedAddresses(network.addresses, family) : [];

export async function runningJails(
  files: Files,
  paths: Paths,
  pool: string,
  layout: CgroupLayout,
): Promise<ReadonlyMap<string, RunningJail>> {
  const states = await statesIn(files, join(placesOf(paths, pool, 'any').state, '..'));
  const alive = await Promise.all(states.map((state) => isAlive(files, state)));
  const leases = await Promise.all(states.map((state) => leasesOf(files, paths, state)));
  const known = new Map<string, RunningJail>(
    states
      .map((state, index) => ({ state, leases: leases[index]! }))
      .filter((_, index) => alive[index])
      .map(({ state, leases: dynamic }) => [
        state.uuid,
        {
          uuid: state.uuid,
          jid: state.pid!,
          ip4: [...addressesOf(state, 4), ...dynamic],
          ip6: addressesOf(state, 6),
          startedAt: state.startedAt,
        },
      ]),
  );
  for (const lost of await lostJails(files, pool, layout, known)) known.set(lost.uuid, lost);
  return known;
}

/**
 * Jails whose processes live although our record of them is gone (somebody emptied the run directory):
 * their control group tells of them, so that nothing takes them for stopped and rolls back below them.
 */
async function lostJails(
  files: Files,
  pool: string,
  layout: CgroupLayout,
  known: ReadonlyMap<string, RunningJail>,
): Promise<readonly RunningJail[]> {
  const names = await files.list(`${layout.trees[0]}/iocage/${pool}`);
  const unknown = names
    .filter((name) => name.startsWith('ioc-'))
    .map((name) => name.slice('ioc-'.length))
    .filter((uuid) => !known.has(uuid));
  const lost = unknown.map(async (uuid) => {
    const pids = await processesOf(files, layout, `/iocage/${pool}/ioc-${uuid}`);
    return pids.length === 0
      ? []
      : [{ uuid, jid: Math.min(...pids), ip4: [], ip6: [], startedAt: undefined }];
  });
  return (await Promise.all(lost)).flat();
}

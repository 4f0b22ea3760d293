/** Which jails of a pool run, by their records and, where those were lost, by their control groups. */
import { join } from 'node:path';
import type { Files, Paths } from '../system.ts';
import type { RunningJail } from '../host.ts';
import { leasesOf } from './dhcp.ts';
import type { CgroupLayout } from './facts.ts';
import { placesOf } from './names.ts';
import { processesOf } from './processes.ts';
import { addressesOf, isAlive, statesIn } from './state.ts';

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

/**
 * Our own records of running jails: a small file for each below the run directory, gone after a boot like the jail
 * itself, and replaced as a whole. What stands in one is the driver's.
 */
import { join } from 'node:path';
import type { Files, Paths } from '../system.ts';

interface Recorded {
  readonly pool: string;
  readonly uuid: string;
}

/** Two pools of a host may hold jails of one name: an imported copy, for instance. */
export const sameJail = (one: Recorded, other: Recorded): boolean =>
  one.pool === other.pool && one.uuid === other.uuid;

export function records<S extends Recorded>() {
  async function readState(files: Files, path: string): Promise<S | undefined> {
    const text = await files.read(path);
    if (text === undefined) return undefined;
    try {
      const state = JSON.parse(text) as S;
      return typeof state.uuid === 'string' && typeof state.pool === 'string' ? state : undefined;
    } catch {
      // Cut off by a crash: then the jail was not made yet, or the kernel tells of it.
      return undefined;
    }
  }

  const write = (files: Files, path: string, state: object): Promise<void> =>
    files.write(path, `${JSON.stringify(state, null, 1)}\n`, { mode: 0o600 });

  /** Adds to what is recorded. */
  async function recordState(files: Files, path: string, added: S): Promise<void> {
    const state = { ...(await readState(files, path)), ...added };
    await files.mkdir(join(path, '..'), { mode: 0o700 });
    await write(files, path, state);
  }

  /** Takes parts away; the record goes with the last of them. */
  async function forgetParts(
    files: Files,
    path: string,
    ...parts: readonly Exclude<keyof S & string, keyof Recorded>[]
  ): Promise<void> {
    const state = await readState(files, path);
    if (state === undefined) return;
    const rest = Object.entries(state).filter(([key]) => !(parts as readonly string[]).includes(key));
    if (rest.every(([key]) => key === 'pool' || key === 'uuid')) return files.remove(path);
    await write(files, path, Object.fromEntries(rest));
  }

  async function statesIn(files: Files, directory: string): Promise<readonly S[]> {
    const names = (await files.list(directory)).filter((name) => name.endsWith('.json'));
    const states = await Promise.all(names.map((name) => readState(files, join(directory, name))));
    return states.filter((state) => state !== undefined);
  }

  /** Every record of every pool of this host; one without a running jail is what a crash left. */
  async function allStates(files: Files, paths: Paths): Promise<readonly S[]> {
    const pools = await files.list(paths.run);
    return (await Promise.all(pools.map((pool) => statesIn(files, join(paths.run, pool, 'jail'))))).flat();
  }

  return { readState, recordState, forgetParts, statesIn, allStates };
}

/** `NIC|ADDRESS/PREFIX` of the fixed addresses of one family. */
export function fixedAddresses(
  addresses: readonly {
    readonly family: 4 | 6;
    readonly nic: string;
    readonly address: string;
    readonly prefix: number;
  }[],
  family: 4 | 6,
): readonly string[] {
  return addresses
    .filter((each) => each.family === family)
    .map(({ nic, address, prefix }) => `${nic}|${address}/${prefix}`);
}

/**
 * A Linux host of jails: system containers by the OCI runtime crun, a tiny init as the first process,
 * iproute2 for addresses. This file only puts the parts together. It knows nothing of ZFS and nothing
 * of FreeBSD. See linux.md of the project's documents.
 */
import type { Host, JailSpec, Usage } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { checkJail } from './check.ts';
import { cgroupLayout, readHostFacts, type HostFacts } from './facts.ts';
import { foreignContainers } from './foreign.ts';
import { mountProblem } from '../both/fstab.ts';
import { hostIdFrom, releaseFrom } from './identity.ts';
import { readControllers } from './limits-cgroup.ts';
import { readUsage, type UsageOf } from './limits-usage.ts';
import { placesOf } from './names.ts';
import { notApplied } from './not-applied.ts';
import { runtimeWords } from './runtime.ts';
import { ownTerminal, type HostDoors } from '../both/session.ts';
import { sessions } from './session.ts';
import { settle } from './network.ts';
import { isAlive, readState, runningJails, shownWritable } from './state.ts';
import { stepLists } from './steps.ts';
import { linuxTrees } from './trees.ts';

/** Of the rule sets only the names: what else is in them is the administrator's. */
const reportCommands = [
  ['uname', '-srm'],
  ['cat', '/etc/os-release'],
  ['crun', '--version'],
  ['ip', '-brief', 'link'],
  ['ip', '-brief', 'address'],
  ['ip', 'route'],
  ['ip', '-6', 'route'],
  ['ip', 'netns', 'list'],
  ['nft', 'list', 'tables'],
  ['cat', '/proc/meminfo'],
  ['cat', '/proc/cgroups'],
] as const;

export function linuxHost({ exec, files, clock, paths, terminal }: HostDoors): Host {
  let known: Promise<HostFacts> | undefined;
  const facts = (): Promise<HostFacts> => (known ??= readHostFacts(files));
  const caller = terminal ?? ownTerminal();
  const lists = stepLists({ exec, files, paths, facts, environment: caller.environment });
  const session = sessions(exec, files, paths, caller);

  async function runtime(jail: JailSpec): Promise<readonly string[]> {
    const places = placesOf(paths, jail.pool, jail.uuid);
    const state = await readState(files, places.state);
    if (state === undefined || !(await isAlive(files, state)))
      throw failure('NOT_RUNNING', { name: jail.tag });
    return runtimeWords(jail, state, places.cgroup);
  }

  async function usage(pool: string, uuids: readonly string[]): Promise<ReadonlyMap<string, Usage>> {
    const running: UsageOf[] = [];
    for (const uuid of uuids) {
      const { state: record, cgroup } = placesOf(paths, pool, uuid);
      const state = await readState(files, record);
      if (state !== undefined && (await isAlive(files, state))) running.push({ uuid, cgroup, state });
    }
    return readUsage(files, clock, await readControllers(files), running);
  }

  return {
    kernel: 'linux',
    trees: linuxTrees,
    report: reportCommands,
    defaultRelease: async () => releaseFrom((await files.read('/etc/os-release')) ?? ''),
    hostId: async () => hostIdFrom(await files.read('/etc/hostid'), await files.read('/etc/machine-id')),
    running: async (pool) =>
      runningJails(files, paths, pool, cgroupLayout((await files.read('/proc/self/mounts')) ?? '')),
    foreign: () => foreignContainers(files),
    shownWritable: () => shownWritable(files, paths),
    check: (jail) => checkJail(exec, files, paths, jail),
    mountProblem: (jail, entry) => mountProblem(exec, files, jail, entry),
    settle: (jail, stored) => settle(exec, files, paths, jail, stored),
    notApplied,
    startSteps: lists.start,
    stopSteps: lists.stop,
    leftoverSteps: lists.leftovers,
    softRestartSteps: lists.softRestart,
    limitSteps: lists.limitSteps,
    limits: lists.limits,
    usage,
    commandStep: lists.commandStep,
    kinds: lists.kinds,
    exec: session.exec,
    console: session.console,
    chroot: session.chroot,
    runtime,
  };
}

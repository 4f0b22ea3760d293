/**
 * A FreeBSD host of jails: jail(8), jexec(8), ifconfig(8), mount(8), devfs(8), rctl(8). This file only puts
 * the parts together. It knows nothing of Linux. See freebsd.md of the project's documents.
 */
import type { Host, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { mountProblem } from '../both/fstab.ts';
import type { StepKind } from '../step.ts';
import { updateBase } from './base-update.ts';
import { checkJail } from './check.ts';
import { readHostFacts, releaseFrom, type HostFacts } from './facts.ts';
import { readJails, rowOf, splitWords } from './jls.ts';
import { placesOf } from './names.ts';
import { withRealRoot } from './real-root.ts';
import { settle } from './network.ts';
import { updateHardened } from './hbsd-update.ts';
import { notApplied } from './not-applied.ts';
import { ownTerminal, type HostDoors } from '../both/session.ts';
import { sessions } from './session.ts';
import { foreignJails, runningJails, shownWritable } from './state.ts';
import { stepLists } from './steps.ts';
import { freebsdTrees } from './trees.ts';

/** Of the packet filters only whether they are there: what is in them is the administrator's. */
const reportCommands = [
  ['freebsd-version', '-kru'],
  ['uname', '-a'],
  ['sysctl', '-ie', 'kern.racct.enable', 'kern.features.vimage', 'security.jail.param'],
  ['ifconfig', '-a'],
  ['netstat', '-rn'],
  ['mount', '-p'],
  ['devfs', 'rule', 'showsets'],
  ['jls', '-v'],
  ['kldstat'],
] as const;

export function freebsdHost({ exec, files, paths, terminal }: HostDoors): Host {
  let known: Promise<HostFacts> | undefined;
  const facts = (): Promise<HostFacts> => (known ??= readHostFacts(exec));
  const caller = terminal ?? ownTerminal();
  const lists = stepLists({ exec, files, paths, facts, environment: caller.environment });
  const session = sessions(exec, files, paths, caller);

  const real = (jail: JailSpec): Promise<JailSpec> => withRealRoot(exec, files, jail);

  async function runtime(given: JailSpec): Promise<readonly string[]> {
    const jail = await real(given);
    if (rowOf(await readJails(exec), jail) === undefined) throw failure('NOT_RUNNING', { name: jail.tag });
    const { name } = placesOf(paths, jail.pool, jail.uuid);
    return [...splitWords((await exec.read(['jls', '-nq', '-j', name])).stdout)].sort();
  }

  return {
    kernel: 'freebsd',
    trees: freebsdTrees,
    report: reportCommands,
    defaultRelease: async () => releaseFrom((await exec.read(['freebsd-version', '-u'])).stdout),
    async hostId() {
      const text = ((await files.read('/etc/hostid')) ?? '').trim();
      return text !== '' ? text : (await exec.read(['sysctl', '-n', 'kern.hostuuid'])).stdout.trim();
    },
    running: async (pool) => runningJails(files, paths, pool, await readJails(exec)),
    foreign: async () => foreignJails(files, paths, await readJails(exec)),
    shownWritable: async () => shownWritable(files, paths, await readJails(exec)),
    check: async (jail) => checkJail(exec, files, paths, await real(jail), await facts()),
    mountProblem: (jail, entry) => mountProblem(exec, files, jail, entry),
    settle: (jail, stored) => settle(exec, files, paths, jail, stored),
    notApplied,
    startSteps: async (jail) => lists.start(await real(jail)),
    stopSteps: async (jail, how) => lists.stop(await real(jail), how),
    leftoverSteps: async (jail) => lists.leftovers(await real(jail)),
    softRestartSteps: async (jail) => lists.softRestart(await real(jail)),
    limitSteps: async (jail, wanted) => lists.limitSteps(await real(jail), wanted),
    limits: async (jail) => lists.limits(await real(jail)),
    usage: lists.usage,
    commandStep: lists.commandStep,
    patchStep: (system) => (system.by === 'hbsd-update' ? updateHardened : updateBase)(system),
    kinds: [...lists.kinds, updateBase as StepKind, updateHardened as StepKind],
    exec: async (jail, argv, options) => session.exec(await real(jail), argv, options),
    console: async (jail) => session.console(await real(jail)),
    chroot: session.chroot,
    runtime,
  };
}

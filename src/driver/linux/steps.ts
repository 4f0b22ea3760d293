/**
 * The driver's kinds of steps, and the lists that start, stop and soft restart are made of. Which
 * steps a jail needs is decided here before anything is touched; how each is done stands in the
 * files beside. The labels are the lines that the original prints.
 */
import { stepKind, type StepKind, type StepRun } from '../step.ts';
import type { Step } from '../system.ts';
import type { JailSpec, StopOptions } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { isOn } from '../../domain/config.ts';
import { baseMounts } from './base.ts';
import { runContainer, removeContainer, resolvConfPath, type RunArgs } from './container.ts';
import type { HostFacts } from './facts.ts';
import { commandSteps } from './command.ts';
import { milliseconds } from '../both/hook.ts';
import { hookSteps } from '../both/hooks.ts';
import { hookDriver } from './hook-driver.ts';
import { hostsPath, namesOf, namesSteps, wantsHosts } from '../both/hosts.ts';
import { limitStepLists } from './limits-steps.ts';
import { localTimeKind, localTimeSteps } from '../both/local-time.ts';
import type { StepDoors, StepLists } from '../both/step-lists.ts';
import { awaitedText } from '../both/ready.ts';
import { readySteps } from './ready.ts';
import { placesOf, type Places } from './names.ts';
import { dhcpSteps, type DhcpArgs } from './dhcp.ts';
import { planJailNetwork } from './network.ts';
import { dhcpNics, type NetworkPlan } from './planned.ts';
import { networkKind } from '../both/planning.ts';
import { networkSteps } from './net-steps.ts';
import { toOciConfig, type JailNetwork } from './oci.ts';
import { askToEnd, processesOf, signalAll } from './processes.ts';
import { resolvConfText } from '../both/resolver.ts';
import { shownMounts } from './shown.ts';
import { runService, serviceArgs, type ServiceArgs } from './services.ts';
import { isAlive, readState, runningStates } from './state.ts';

interface JailArgs {
  readonly pool: string;
  readonly uuid: string;
}

interface EndArgs extends JailArgs {
  readonly timeoutMs: number;
}

/** Ends the jail's processes but the first: TERM, the time that `stop_timeout` gives, then KILL when asked. */
async function endProcesses(
  args: EndArgs,
  places: Places,
  facts: HostFacts,
  run: StepRun,
  kill: boolean,
): Promise<void> {
  const state = await readState(run.files, places.state);
  if (!run.dry && !(await isAlive(run.files, state))) return;
  const list = (): Promise<readonly number[]> => processesOf(run.files, facts.cgroups, places.cgroup);
  const left = await askToEnd(run, list, state?.pid ?? 0, args.timeoutMs);
  if (left.length === 0) return;
  // A dry run asks nobody to end, so nobody was too slow either.
  if (!run.dry)
    run.note(`${left.length} process${left.length === 1 ? '' : 'es'} did not end in time and will be killed`);
  if (kill) await signalAll(run, 'KILL', left);
}

export function stepLists(doors: StepDoors<HostFacts>): StepLists {
  const { paths, files } = doors;
  const at = (args: JailArgs): Places => placesOf(paths, args.pool, args.uuid);
  const noUndo = (): Promise<void> => Promise.resolve();
  const name = (args: JailArgs): string => `jail ${args.uuid}`;

  const { applyNetwork, dropNetwork, removeNetwork } = networkSteps(paths);
  const { showNames, forgetNames } = namesSteps({
    kernel: 'linux',
    running: async ({ files }) => runningStates(files, paths),
    directory: (jail) => at(jail).bundle,
  });
  const { lease, endLease } = dhcpSteps(paths);
  const setLocalTime = localTimeKind('linux.localtime');
  const { hook, hookArgs } = hookSteps(hookDriver(paths));
  const limits = limitStepLists(files, paths);
  const { ready, readyArgs } = readySteps(files, paths);
  const { command, commandStep } = commandSteps(paths);
  // Its first process is our init, which does nothing: the jail's own programs come with exec_start.
  const begin = stepKind<RunArgs>('linux.run', {
    title: (args) => `run the container of ${name(args)}`,
    do: async (args, run) => runContainer(args, at(args), await doors.facts(), paths, run),
    undo: async (args, run) => removeContainer(at(args), await doors.facts(), run),
  });
  const service = stepKind<ServiceArgs>('linux.service', {
    title: (args) =>
      args.process ? `run ${args.which} in ${name(args)}` : `no ${args.which} for ${name(args)}`,
    about: ({ which, process }) => ({ which: [which], ...(process ? {} : { idle: true }) }),
    do: (args, run) => runService(args, at(args), run, doors.environment),
    undo: noUndo,
  });
  const endOthers = stepKind<EndArgs>('linux.end-processes', {
    title: (args) => `end the processes of ${name(args)}`,
    do: async (args, run) => endProcesses(args, at(args), await doors.facts(), run, true),
    undo: noUndo,
  });
  const remove = stepKind<EndArgs>('linux.remove', {
    title: (args) => `end and remove ${name(args)}`,
    do: async (args, run) => {
      const facts = await doors.facts();
      await endProcesses(args, at(args), facts, run, false);
      await removeContainer(at(args), facts, run);
    },
  });
  const sweep = stepKind<JailArgs>('linux.sweep', {
    title: (args) => `remove what the last run of ${name(args)} left behind`,
    do: async (args, run) => removeContainer(at(args), await doors.facts(), run),
    undo: noUndo,
  });

  /** The network namespace is there, but no record of what was added for it. */
  async function lostNetwork(jail: JailSpec): Promise<readonly Step[]> {
    const { netns, state, dhcp } = at(ids(jail));
    const clients = (await files.list(dhcp)).filter((name) => name.endsWith('.pid'));
    const nics = clients.map((name) => name.slice(0, -'.pid'.length));
    const recorded = typeof (await readState(files, state))?.network === 'object';
    return recorded || (await files.stat(`/run/netns/${netns}`)) === undefined
      ? []
      : [
          ...(nics.length === 0
            ? []
            : [endLease({ ...ids(jail), netns, nics, consoleLog: jail.consoleLog })]),
          dropNetwork(ids(jail)),
        ];
  }

  const ids = (jail: JailSpec): JailArgs => ({ pool: jail.pool, uuid: jail.uuid });
  const planned = async (jail: JailSpec): Promise<NetworkPlan | undefined> => {
    const state = await readState(files, at(ids(jail)).state);
    return typeof state?.network === 'object' ? state.network : undefined;
  };

  /** The clients first: they give their address back over the interfaces. */
  async function endNetwork(jail: JailSpec, plan: NetworkPlan | undefined): Promise<readonly Step[]> {
    if (plan === undefined) return lostNetwork(jail);
    const dhcp = dhcpArgs(jail, plan);
    const label = plan.nics === undefined ? {} : { label: 'Tearing down VNET' };
    return [...(dhcp === undefined ? [] : [endLease(dhcp)]), removeNetwork({ ...ids(jail), plan }, label)];
  }

  /** A jail whose first process was killed, or that a crash of the host's tools left half removed. */
  async function leftovers(jail: JailSpec): Promise<readonly Step[]> {
    const places = at(ids(jail));
    const state = await readState(files, places.state);
    if (await isAlive(files, state)) return [];
    const plan = await planned(jail);
    const container =
      state !== undefined || (await files.stat(`${places.runtimeRoot}/${places.id}`)) !== undefined;
    const names = await namesLeft(jail);
    return [...(container ? [sweep(ids(jail))] : []), ...names, ...(await endNetwork(jail, plan))];
  }

  async function namesLeft(jail: JailSpec): Promise<readonly Step[]> {
    const state = await readState(files, at(ids(jail)).state);
    return state?.names === undefined ? [] : [forgetNames(ids(jail), { onError: 'warn' })];
  }

  async function planOf(jail: JailSpec): Promise<NetworkPlan | undefined> {
    const { plan, problems } = await planJailNetwork(doors.exec, files, paths, jail);
    if (problems.length === 0) return plan;
    throw failure('INVALID_INPUT', { issues: problems.map(({ key, problem }) => ({ path: key, problem })) });
  }

  /** The interfaces of a plan that ask for their address; none: no client runs. */
  const dhcpArgs = (jail: JailSpec, plan: NetworkPlan | undefined): DhcpArgs | undefined => {
    const nics = dhcpNics(plan);
    return plan === undefined || nics.length === 0
      ? undefined
      : { ...ids(jail), netns: plan.netns, nics, consoleLog: jail.consoleLog };
  };

  async function runArgs(jail: JailSpec, plan: NetworkPlan | undefined): Promise<RunArgs> {
    const places = at(ids(jail));
    const kind = networkKind(jail.config);
    const network: JailNetwork =
      plan !== undefined ? { path: `/run/netns/${plan.netns}` } : kind === 'host' ? 'host' : 'own';
    const host = (await files.read('/etc/resolv.conf')) ?? '';
    const resolvConf = resolvConfText(jail.config.get('resolver'), host, network !== 'host');
    return {
      ...ids(jail),
      consoleLog: jail.consoleLog,
      config: toOciConfig(jail, {
        init: (await doors.facts()).init,
        cgroup: places.cgroup,
        network,
        resolvConf: resolvConf === undefined ? undefined : resolvConfPath(places),
        fstab: await shownMounts(files, jail),
        base: await baseMounts(files, jail),
        ...(wantsHosts(jail.config, networkKind(jail.config)) ? { hosts: hostsPath(places.bundle) } : {}),
      }),
      seccomp: { anySocketFamily: isOn(jail.config, 'allow_socket_af') },
      ...(resolvConf === undefined ? {} : { resolvConf }),
      ...(wantsHosts(jail.config, networkKind(jail.config)) ? { names: namesOf(jail) } : {}),
      network: typeof network === 'string' ? network : 'planned',
      ...awaitedText(jail),
    };
  }

  async function start(jail: JailSpec): Promise<readonly Step[]> {
    if (await isAlive(files, await readState(files, at(ids(jail)).state))) {
      throw failure('ALREADY_UP', { name: jail.tag });
    }
    const plan = await planOf(jail);
    const vnet = plan?.nics !== undefined;
    const dhcp = dhcpArgs(jail, plan);
    return [
      ...(await leftovers(jail)),
      hook(await hookArgs(files, jail, 'prestart')),
      ...(plan === undefined
        ? []
        : [applyNetwork({ ...ids(jail), plan }, vnet ? { label: 'Configuring VNET' } : {})]),
      ...(dhcp === undefined ? [] : [lease(dhcp)]),
      ...(await localTimeSteps(setLocalTime, files, jail)),
      // What the original calls shared is the host's own network; every other jail has one of its own.
      begin(await runArgs(jail, plan), {
        label: networkKind(jail.config) === 'host' ? 'Started (shared IP mode)' : 'Started',
        ...(jail.base === undefined ? {} : { which: ['base'] }),
      }),
      ...(wantsHosts(jail.config, networkKind(jail.config)) ? [showNames(ids(jail))] : []),
      // Before any program of the jail runs: so far there is only our init in it.
      ...(await limits.startSteps(jail)),
      hook(await hookArgs(files, jail, 'created')),
      // COMPAT: before exec_start, where the original's jail(8) call runs it.
      hook(await hookArgs(files, jail, 'poststart')),
      service(await serviceArgs(files, jail, 'exec_start'), { label: 'Starting services' }),
      ...(await awaited(jail)),
    ];
  }

  async function awaited(jail: JailSpec): Promise<readonly Step[]> {
    const args = await readyArgs(jail);
    return args === undefined ? [] : [ready(args)];
  }

  async function stop(jail: JailSpec, how: StopOptions = {}): Promise<readonly Step[]> {
    const plan = await planned(jail);
    const end = { ...ids(jail), timeoutMs: milliseconds(jail.config, 'stop_timeout', 30) };
    const asked = [
      hook(await hookArgs(files, jail, 'prestop'), { label: 'Running pre-stop', onError: 'warn' }),
      service(await serviceArgs(files, jail, 'exec_stop'), { label: 'Stopping services', onError: 'warn' }),
    ];
    return [
      ...(how.force === true ? [] : asked),
      remove(end, { label: 'Removing jail process' }),
      ...(await namesLeft(jail)),
      // After the processes: they may have something to say to the network while they end.
      ...(await endNetwork(jail, plan)),
      hook(await hookArgs(files, jail, 'poststop'), { label: 'Running post-stop', onError: 'warn' }),
    ];
  }

  async function softRestart(jail: JailSpec): Promise<readonly Step[]> {
    const end = { ...ids(jail), timeoutMs: milliseconds(jail.config, 'stop_timeout', 30) };
    return [
      service(await serviceArgs(files, jail, 'exec_stop'), { label: 'Stopping services', onError: 'warn' }),
      endOthers(end),
      service(await serviceArgs(files, jail, 'exec_start'), { label: 'Starting services' }),
    ];
  }

  const kinds = [
    limits.kind,
    applyNetwork,
    removeNetwork,
    dropNetwork,
    lease,
    endLease,
    hook,
    setLocalTime,
    begin,
    service,
    endOthers,
    remove,
    sweep,
    showNames,
    forgetNames,
    ready,
    command,
  ];
  const { limitSteps } = limits;
  return {
    kinds: kinds as readonly StepKind[],
    start,
    stop,
    softRestart,
    leftovers,
    limitSteps,
    limits: limits.limits,
    commandStep,
  };
}

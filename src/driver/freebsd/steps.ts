/**
 * The lists that start, stop and soft restart are made of. Which steps a jail needs is decided here before
 * anything is touched; how each is done stands in the files beside. The labels are the lines that the original
 * prints.
 */
import type { StepKind } from '../step.ts';
import type { Step } from '../system.ts';
import type { Host, JailSpec, StopOptions } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { isOn } from '../../domain/config.ts';
import { milliseconds } from '../both/hook.ts';
import { hookSteps } from '../both/hooks.ts';
import { localTimeKind, localTimeSteps } from '../both/local-time.ts';
import { commandSteps } from './command.ts';
import { createSteps } from './create.ts';
import { datasetSteps, lentDatasets, strandedDatasets } from './datasets.ts';
import { readRulesets, rulesetFor, type Ruleset } from './devfs.ts';
import { devfsSteps } from './devfs-steps.ts';
import type { HostFacts } from './facts.ts';
import { hookDriver } from './hook-driver.ts';
import { hostsSteps, wantsNames } from './hosts.ts';
import { namesOf } from '../both/hosts.ts';
import { readJails, rowOf } from './jls.ts';
import { limitStepLists } from './limits-steps.ts';
import { lostMounts, mountSteps, plannedMounts } from './mount-steps.ts';
import { networkKind } from './net-plan.ts';
import type { NetworkPlan } from './planned.ts';
import { networkSteps } from './net-steps.ts';
import { planJailNetwork } from './network.ts';
import { placesOf } from './names.ts';
import { jailParameters } from './parameters.ts';
import type { StepDoors, StepLists } from '../both/step-lists.ts';
import { sameJail } from '../both/state.ts';
import { awaitedText } from '../both/ready.ts';
import { readySteps } from './ready.ts';
import { resolvConfSteps, writeResolvConf } from './resolv-conf.ts';
import { serviceArgs, serviceSteps } from './services.ts';
import { allStates, readState, type JailState } from './state.ts';

/** What is worth knowing before the jail runs; see FreeBSD's advisories of 2026. */
function warnings({ config }: JailSpec): readonly string[] {
  return isOn(config, 'allow_mount_nullfs')
    ? [
        'allow_mount_nullfs=1 has let root of a jail out of it (vuxml 90071333-fbe5-11f0-a13f-bc241121aa0a); ' +
          'leave it off unless the kernel has the correction',
      ]
    : [];
}

export function stepLists(doors: StepDoors<HostFacts>): StepLists & Pick<Host, 'usage'> {
  const { exec, files, paths } = doors;
  const setLocalTime = localTimeKind('freebsd.localtime');
  const { hook, hookArgs } = hookSteps(hookDriver(paths));
  const { begin, remove, endProcesses, forget } = createSteps(paths);
  const { makeRuleset, removeRuleset } = devfsSteps(paths);
  const { mount, unmount, kinds: mountKinds } = mountSteps(paths);
  const { applyNetwork, removeNetwork, setUpInside, insideArgs } = networkSteps(paths);
  const { lendDatasets, returnDatasets, lendArgs } = datasetSteps(paths);
  const { showNames, forgetNames, writeHosts, removeHosts, hostsMount, showsHosts } = hostsSteps(paths);
  const limits = limitStepLists(exec, paths, doors.facts);
  const service = serviceSteps(paths, doors.environment);
  const ready = readySteps(files, paths);
  const { command, commandStep } = commandSteps(paths);

  const ids = ({ pool, uuid }: JailSpec) => ({ pool, uuid });
  const stateOf = (jail: JailSpec): Promise<JailState | undefined> =>
    readState(files, placesOf(paths, jail.pool, jail.uuid).state);
  const lentBefore = async (jail: JailSpec, state: JailState | undefined) =>
    state?.datasets ?? (await strandedDatasets(files, paths, jail));
  const isUp = async (jail: JailSpec): Promise<boolean> => rowOf(await readJails(exec), jail) !== undefined;
  const endArgs = (jail: JailSpec) => ({
    ...ids(jail),
    root: jail.root,
    timeoutMs: milliseconds(jail.config, 'stop_timeout', 30),
  });

  /** Everything that a run has added besides the jail itself, the last first. */
  async function takeDown(jail: JailSpec, state: JailState | undefined): Promise<readonly Step[]> {
    const { network, mounts, ruleset } = state ?? {};
    const datasets = await lentBefore(jail, state);
    const vnet = network?.nics !== undefined;
    const shown = showsHosts(jail, state);
    return [
      ...(shown ? [forgetNames(ids(jail), { onError: 'warn' })] : []),
      ...(datasets === undefined ? [] : [returnDatasets(lendArgs(jail, datasets))]),
      ...((await doors.facts()).racct ? await limits.liftSteps(jail) : []),
      ...(network === undefined
        ? []
        : [removeNetwork({ ...ids(jail), plan: network }, vnet ? { label: 'Tearing down VNET' } : {})]),
      ...unmount(jail, mounts ?? (await lostMounts(exec, jail.root))),
      ...(shown ? [removeHosts({ ...ids(jail), root: jail.root })] : []),
      ...(ruleset === undefined ? [] : [removeRuleset({ ...ids(jail), number: ruleset })]),
    ];
  }

  /** A jail that somebody removed, or that a crash of the host's tools left half made. */
  async function leftovers(jail: JailSpec): Promise<readonly Step[]> {
    if (await isUp(jail)) return [];
    const state = await stateOf(jail);
    const known = state?.jid !== undefined || state?.startedAt !== undefined;
    return [...(known ? [forget(ids(jail))] : []), ...(await takeDown(jail, state))];
  }

  async function planOf(jail: JailSpec): Promise<NetworkPlan | undefined> {
    const { plan, problems } = await planJailNetwork(exec, files, paths, jail, await doors.facts());
    if (problems.length === 0) return plan;
    throw failure('INVALID_INPUT', { issues: problems.map(({ key, problem }) => ({ path: key, problem })) });
  }

  /** A number of its own for every jail; that of its own last run is free by then. */
  async function rulesetOf(jail: JailSpec): Promise<Ruleset> {
    const states = await allStates(files, paths);
    const taken = new Set(await readRulesets(exec));
    const own = states.find((state) => sameJail(jail, state))?.ruleset;
    if (own !== undefined) taken.delete(own);
    for (const state of states)
      if (state.ruleset !== undefined && !sameJail(jail, state)) taken.add(state.ruleset);
    return rulesetFor(jail.config, placesOf(paths, jail.pool, jail.uuid).hash, taken);
  }

  async function start(jail: JailSpec): Promise<readonly Step[]> {
    if (await isUp(jail)) throw failure('ALREADY_UP', { name: jail.tag });
    const plan = await planOf(jail);
    const kind = networkKind(jail.config);
    const ruleset = await rulesetOf(jail);
    const parameters = jailParameters(jail, {
      network: plan,
      ruleset: ruleset.number,
      hostRelease: (await doors.facts()).release,
    });
    const lent = await lentDatasets(exec, jail.handed ?? [], await lentBefore(jail, await stateOf(jail)));
    return [
      ...(await leftovers(jail)),
      hook(await hookArgs(files, jail, 'prestart')),
      ...(ruleset.rules.length === 0 ? [] : [makeRuleset({ ...ids(jail), ...ruleset })]),
      ...(wantsNames(jail) ? [writeHosts({ ...ids(jail), root: jail.root })] : []),
      ...mount(jail, [
        ...(await plannedMounts(files, jail, ruleset.number)),
        ...(wantsNames(jail) ? [hostsMount(jail)] : []),
      ]),
      ...(await resolvConfSteps(files, jail)),
      ...(await localTimeSteps(setLocalTime, files, jail)),
      ...(plan === undefined ? [] : [applyNetwork({ ...ids(jail), plan })]),
      begin(
        {
          ...ids(jail),
          root: jail.root,
          parameters,
          notes: warnings(jail),
          consoleLog: jail.consoleLog,
          ...awaitedText(jail),
          ...(wantsNames(jail) ? { names: namesOf(jail) } : {}),
        },
        { label: kind === 'host' || kind === 'addresses' ? 'Started (shared IP mode)' : 'Started' },
      ),
      ...(kind === 'vnet' && plan !== undefined
        ? [setUpInside(insideArgs(jail, plan), { label: 'Configuring VNET' })]
        : []),
      ...(wantsNames(jail) ? [showNames(ids(jail))] : []),
      ...(lent.length === 0 ? [] : [lendDatasets(lendArgs(jail, lent))]),
      // Before any program of the jail runs.
      ...(await limits.startSteps(jail)),
      hook(await hookArgs(files, jail, 'created')),
      // COMPAT: before exec_start, where the original's jail(8) call runs it.
      hook(await hookArgs(files, jail, 'poststart')),
      service(await serviceArgs(files, jail, 'exec_start'), { label: 'Starting services' }),
      ...(await ready.steps(jail)),
    ];
  }

  async function stop(jail: JailSpec, how: StopOptions = {}): Promise<readonly Step[]> {
    const asked = [
      hook(await hookArgs(files, jail, 'prestop'), { label: 'Running pre-stop', onError: 'warn' }),
      service(await serviceArgs(files, jail, 'exec_stop'), { label: 'Stopping services', onError: 'warn' }),
    ];
    return [
      ...(how.force === true ? [] : asked),
      remove(endArgs(jail), { label: 'Removing jail process' }),
      // After the processes: they may have something to say to the network while they end.
      ...(await takeDown(jail, await stateOf(jail))),
      hook(await hookArgs(files, jail, 'poststop'), { label: 'Running post-stop', onError: 'warn' }),
    ];
  }

  async function softRestart(jail: JailSpec): Promise<readonly Step[]> {
    return [
      service(await serviceArgs(files, jail, 'exec_stop'), { label: 'Stopping services', onError: 'warn' }),
      endProcesses(endArgs(jail)),
      service(await serviceArgs(files, jail, 'exec_start'), { label: 'Starting services' }),
    ];
  }

  const kinds = [
    hook,
    setLocalTime,
    writeResolvConf,
    begin,
    remove,
    endProcesses,
    forget,
    makeRuleset,
    removeRuleset,
    ...mountKinds,
    applyNetwork,
    removeNetwork,
    setUpInside,
    lendDatasets,
    returnDatasets,
    showNames,
    forgetNames,
    writeHosts,
    removeHosts,
    ...limits.kinds,
    service,
    ready.kind,
    command,
  ];
  return {
    kinds: kinds as readonly StepKind[],
    start,
    stop,
    softRestart,
    leftovers,
    limitSteps: limits.limitSteps,
    limits: limits.limits,
    usage: limits.usage,
    commandStep,
  };
}

/**
 * The steps that add a jail's network to the host and take it back, and those that set up the inside of a
 * vnet jail. The plan is written to the jail's record first, so that whatever interrupts the work, what may
 * have been added is known. Nothing here looks at what it did not add.
 *
 * See ifconfig(8), epair(4), if_bridge(4), route(8), pfctl(8), ipfw(8), rtsol(8), dhclient(8).
 */
import { stepKind, type StepRun } from '../step.ts';
import { consoleOf, into, settleConsole } from './console.ts';
import type { Paths } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { forwardProblems } from '../both/nat-block.ts';
import { jexec, type Inside } from './inside.ts';
import { areOurs, ipfwCommands, pfRules } from './nat-plan.ts';
import { sameJail } from '../both/state.ts';
import { networkTitle, restoreSysctls } from '../both/sysctls.ts';
import { parseDetection, parseInterfaces, type HostInterface } from './net-facts.ts';
import { holderOf } from '../both/planning.ts';
import type { NetworkPlan, PlannedAddress, PlannedNic, PlannedNat } from './planned.ts';
import { placesOf } from './names.ts';
import { allStates, forgetParts, recordState } from './state.ts';

export interface NetworkArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly plan: NetworkPlan;
}

export interface InsideArgs extends NetworkArgs {
  readonly consoleLog: string;
}

const inet = (family: 4 | 6): string => (family === 4 ? 'inet' : 'inet6');

async function links(run: StepRun): Promise<readonly HostInterface[]> {
  return parseInterfaces((await run.exec.read(['ifconfig', '-a'])).stdout);
}

/** Aliases of a jail that shares the host's network; those with `present` were there before. */
const aliases = (plan: NetworkPlan): readonly PlannedAddress[] =>
  plan.nics === undefined ? plan.addresses.filter(({ present }) => present !== true) : [];

const aliasCommand = ({ nic, family, address, prefix, extra }: PlannedAddress): readonly string[] => [
  ...['ifconfig', nic, inet(family), `${address}/${prefix}`, ...(extra ?? []), 'alias'],
];

/** COMPAT: what the original writes to the host's end. */
const noteOf = (uuid: string, nic: string): string => `associated with jail: ${uuid} as nic: ${nic}`;

async function makePair(
  args: NetworkArgs,
  index: number,
  { nic, ends, bridge, mac, mtu, gateway }: PlannedNic,
  run: StepRun,
) {
  // In one call, so that whoever is killed before it has our name is known all the same.
  const argv = ['ifconfig', 'epair', 'create', 'description', noteOf(args.uuid, nic)];
  const { stdout } = await run.exec.change(argv, { pretend: { stdout: `epair${index}a\n` } });
  const made = stdout.trim();
  if (!/^epair\d+a$/.test(made)) throw failure('COMMAND_FAILED', { argv, status: 'no name', stderr: made });
  await run.exec.change(['ifconfig', made, 'name', ends.host]);
  await run.exec.change(['ifconfig', made.replace(/a$/, 'b'), 'name', ends.jail]);
  await run.exec.change(['ifconfig', ends.host, 'link', mac.host]);
  await run.exec.change(['ifconfig', ends.jail, 'link', mac.jail]);
  // Both ends before the bridge: it takes no member of another size.
  await run.exec.change(['ifconfig', ends.host, 'mtu', `${mtu}`]);
  await run.exec.change(['ifconfig', ends.jail, 'mtu', `${mtu}`]);
  if (gateway !== undefined) await run.exec.change(['ifconfig', ends.host, 'inet', gateway]);
  if (bridge !== null) await run.exec.change(['ifconfig', bridge, 'addm', ends.host]);
  await run.exec.change(['ifconfig', ends.host, 'up']);
}

async function setSysctls(run: StepRun, settings: readonly { key: string; value: string }[]): Promise<void> {
  for (const { key, value } of settings) await run.exec.change(['sysctl', `${key}=${value}`]);
}

async function translate(nat: PlannedNat, run: StepRun): Promise<void> {
  if (nat.by.kind === 'pf') {
    await run.exec.change(['pfctl', '-q', '-a', nat.by.anchor, '-f', '-'], { input: pfRules(nat) });
    return;
  }
  for (const argv of ipfwCommands(nat, nat.by)) await run.exec.change(argv);
}

/** Harmless when there is nothing. */
async function endTranslation({ by }: PlannedNat, run: StepRun): Promise<void> {
  if (by.kind === 'pf') {
    await run.exec.change(['pfctl', '-q', '-a', by.anchor, '-F', 'nat'], { accept: 'any' });
    return;
  }
  // Who loads the host's rules anew takes ours away, and may have put one of theirs under that number.
  const { stdout } = await run.exec.read(['ipfw', 'list', `${by.number}`], { accept: 'any' });
  if (areOurs(stdout, by.number))
    await run.exec.change(['ipfw', '-q', 'delete', `${by.number}`], { accept: 'any' });
  await run.exec.change(['ipfw', '-q', 'nat', `${by.number}`, 'delete'], { accept: 'any' });
}

/**
 * The kernel does not refuse a second jail with an address, nor a second forward of one port. Both jails have
 * recorded their plan before they look, so the later one always sees the other.
 */
async function refuseTaken({ pool, uuid, plan }: NetworkArgs, run: StepRun, paths: Paths): Promise<void> {
  const jails = await allStates(run.files, paths);
  const self = { pool, uuid };
  const taken = plan.addresses.flatMap((address) => {
    const bridge = plan.nics?.find(({ nic }) => nic === address.nic)?.bridge;
    const holder = holderOf(address, self, jails, plan.nics === undefined ? undefined : (bridge ?? null));
    return holder === undefined ? [] : [`${address.address} is in use by jail ${holder}`];
  });
  const forwards = forwardProblems(plan.nat?.forwards ?? [], self, { jails }, new Set());
  const by = plan.nat?.by;
  const numbers = jails.filter(
    (other) =>
      by?.kind === 'ipfw' &&
      !sameJail(self, other) &&
      other.network?.nat?.by.kind === 'ipfw' &&
      other.network.nat.by.number === by.number,
  );
  const [why] = [
    ...taken,
    ...forwards.map(({ problem }) => problem),
    ...numbers.map(
      (other) => `jail ${other.uuid} took the same number of ipfw at the same moment; start it once more`,
    ),
  ];
  if (why !== undefined) throw failure('START_FAILED', { jail: uuid, why });
}

async function apply(args: NetworkArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, plan } = args;
  await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, network: plan });
  await refuseTaken(args, run, paths);
  await setSysctls(
    run,
    plan.sysctls.filter(({ value, was }) => value !== was),
  );
  for (const [index, nic] of (plan.nics ?? []).entries()) await makePair(args, index, nic, run);
  for (const address of aliases(plan)) await run.exec.change(aliasCommand(address));
  await settled(aliases(plan), run);
  if (plan.nat !== undefined) await translate(plan.nat, run);
}

/**
 * An IPv6 address cannot be used, and no program can bind(2) it, before the kernel has looked for another that has
 * it, about a second. Of one that another machine answers for it makes no use, and says so to its log alone.
 *
 * @param within how ifconfig(8) is run: on the host, or in the jail
 */
async function settled(
  added: readonly PlannedAddress[],
  run: StepRun,
  within = (argv: readonly string[]): readonly string[] => argv,
): Promise<void> {
  const six = added.filter(({ family, nic }) => family === 6 && nic !== 'lo0');
  const nics = [...new Set(six.map(({ nic }) => nic))];
  for (let tries = 0; tries < 50 && six.length > 0 && !run.dry; tries += 1) {
    const texts = await Promise.all(nics.map((nic) => run.exec.read(within(['ifconfig', nic, 'inet6']))));
    const states = texts.flatMap(({ stdout }) => parseDetection(stdout));
    if (!states.some(({ state }) => state === 'tentative')) {
      for (const { address } of states.filter(({ state }) => state === 'duplicated'))
        if (six.some((own) => own.address === address))
          run.note(`${address} does not work: another machine of the network has it (duplicated)`);
      return;
    }
    await run.clock.sleep(100);
  }
}

async function remove({ pool, uuid, plan }: NetworkArgs, run: StepRun, paths: Paths): Promise<void> {
  // Before the address goes, so that nothing is ever sent to whoever has it next.
  if (plan.nat !== undefined) await endTranslation(plan.nat, run);
  const present = await links(run);
  for (const { nic, family, address } of [...aliases(plan)].reverse()) {
    const there = present
      .find(({ name }) => name === nic)
      ?.addresses.some((own) => own.family === family && own.address === address);
    if (there === true) await run.exec.change(['ifconfig', nic, inet(family), address, '-alias']);
  }
  for (const { ends, nic } of plan.nics ?? []) {
    // One end takes the other with it, and both out of bridge and jail.
    const end = present.find(
      ({ name, description }) =>
        name === ends.host ||
        name === ends.jail ||
        (/^epair\d+a$/.test(name) && description === noteOf(uuid, nic)),
    );
    if (end !== undefined) await run.exec.change(['ifconfig', end.name, 'destroy']);
  }
  for (const { nic } of (plan.moved ?? []).filter(({ up }) => up))
    // It came back with the jail, and down.
    await run.exec.change(['ifconfig', nic, 'up'], { accept: 'any' });
  const records = () => allStates(run.files, paths);
  await restoreSysctls(plan.sysctls, { pool, uuid }, records, (settings) => setSysctls(run, settings));
  await forgetParts(run.files, placesOf(paths, pool, uuid).state, 'network', 'leases');
}

/** The commands that set up a vnet jail from inside, in their order; DHCP comes after them. Pure. */
export function insideCommands(jail: Inside, plan: NetworkPlan): readonly (readonly string[])[] {
  const ifconfig = (...words: readonly string[]): readonly string[] => jexec(jail, ['ifconfig', ...words]);
  const nics = plan.nics ?? [];
  const names = [...nics.map(({ nic }) => nic), ...(plan.moved ?? []).map(({ nic }) => nic)];
  const listens = nics.filter(({ rtadv }) => rtadv === true).map(({ nic }) => nic);
  return [
    ifconfig('lo0', 'inet', '127.0.0.1/8', 'up'),
    ...nics.map(({ nic, ends }) => ifconfig(ends.jail, 'name', nic)),
    ...plan.addresses.map(({ nic, family, address, prefix, extra }) =>
      ifconfig(
        ...[nic, inet(family), `${address}/${prefix}`, ...(extra ?? []), 'alias'],
        ...(family === 6 && nic !== 'lo0' ? ['-ifdisabled'] : []),
      ),
    ),
    ...listens.map((nic) => ifconfig(nic, 'inet6', 'accept_rtadv', 'auto_linklocal', '-ifdisabled')),
    ...names.map((nic) => ifconfig(nic, 'up')),
    // Before a router is asked: its answer would be the default route, and route(8) adds no second one.
    ...(plan.routers ?? []).map(({ family, address }) =>
      jexec(jail, ['route', '-n', 'add', `-${inet(family)}`, 'default', address]),
    ),
    // Once for all of them: a second rtsold(8) finds its pid file taken, and each rtsol(8) alone waits for its answer.
    ...(listens.length === 0 ? [] : [jexec(jail, [plan.rtsold === true ? 'rtsold' : 'rtsol', ...listens])]),
  ];
}

async function setUpInside(args: InsideArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, plan } = args;
  const jail = { uuid, config: new Map([['vnet', 'on']]) };
  const how = { signal: run.signal, timeoutMs: 60_000 };
  for (const argv of insideCommands(jail, plan)) await run.exec.change(argv, how);
  await settled(plan.addresses, run, (argv) => jexec(jail, argv));
  const asking = (plan.nics ?? []).filter(({ dhcp }) => dhcp === true).map(({ nic }) => nic);
  const leases: string[] = [];
  const console = consoleOf(paths, args);
  for (const nic of asking) {
    run.progress(`asking for an address of ${nic}`);
    // The client stays, and keeps its output open.
    const argv = jexec(jail, ['dhclient', nic]);
    await run.exec.change(argv, {
      via: await into(run.files, console),
      signal: run.signal,
      accept: 'any',
      timeoutMs: 120_000,
    });
    if (run.dry) continue;
    await settleConsole(run, console);
    const { stdout } = await run.exec.read(jexec(jail, ['ifconfig', nic, 'inet']));
    const found = parseInterfaces(stdout)[0]?.addresses.find(({ family }) => family === 4);
    if (found === undefined || found.address === '0.0.0.0')
      throw failure('START_FAILED', {
        jail: uuid,
        why: `${nic} got no address by DHCP; is a server on its bridge?`,
      });
    leases.push(`${nic}|${found.address}/${found.prefix}`);
  }
  if (leases.length > 0)
    await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, leases });
}

const title = (verb: string, { plan }: NetworkArgs): string => networkTitle(verb, plan);

export function networkSteps(paths: Paths) {
  return {
    applyNetwork: stepKind<NetworkArgs>('freebsd.network', {
      title: (args) => title('set up', args),
      do: (args, run) => apply(args, run, paths),
      undo: (args, run) => remove(args, run, paths),
    }),
    removeNetwork: stepKind<NetworkArgs>('freebsd.network-remove', {
      title: (args) => title('remove', args),
      do: (args, run) => remove(args, run, paths),
    }),
    setUpInside: stepKind<InsideArgs>('freebsd.vnet', {
      title: (args) => `${title('set up', args)} inside jail ${args.uuid}`,
      about: ({ plan: { routers = [] } }) => ({
        which: ['interfaces', 'localhost', ...(routers.length > 0 ? ['routes'] : [])],
      }),
      do: (args, run) => setUpInside(args, run, paths),
      // It goes with the jail.
      undo: () => Promise.resolve(),
    }),
    insideArgs: (jail: JailSpec, plan: NetworkPlan): InsideArgs => ({
      pool: jail.pool,
      uuid: jail.uuid,
      plan,
      consoleLog: jail.consoleLog,
    }),
  };
}

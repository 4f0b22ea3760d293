/** Looks at the host and plans a jail's network, whichever kind it is; changes nothing. */
import type { JailSpec, Problem } from '../host.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { isOn } from '../../domain/config.ts';
import { bridgeTable } from './bridge-filter.ts';
import { dhcpProblem } from './dhcp.ts';
import { placesOf } from './names.ts';
import { forwardProblems } from '../both/nat-block.ts';
import { hasNft, listeningPorts, socketProbe } from './nat-plan.ts';
import { readNetFacts } from './net-facts.ts';
import { movedNames } from './moved-plan.ts';
import { networkKind } from '../both/planning.ts';
import { hasToSettle, settled } from '../both/settle.ts';
import { planNetwork, sysctlsToRead } from './net-plan.ts';
import { dhcpNics, type NetworkPlan } from './planned.ts';
import { planVnet } from './vnet-plan.ts';

async function filterProblems(plan: NetworkPlan, exec: Exec, files: Files): Promise<readonly Problem[]> {
  const keys = [...(plan.nat ? ['nat'] : []), ...(plan.table === undefined ? [] : ['ip6_addr'])];
  if (keys.length === 0 && plan.guard === undefined) return [];
  if (await hasNft(files)) return plan.guard === undefined ? [] : bridgeProblems(plan, exec);
  const problem = 'nft(8) is not installed; apt-get install nftables';
  const guard = { key: 'bridge_filter', problem: `${problem}, or set bridge_filter=off` };
  return [...keys.map((key) => ({ key, problem })), ...(plan.guard === undefined ? [] : [guard])];
}

/** A kernel may lack the bridge family; then nothing is done unfiltered that nobody asked for. */
async function bridgeProblems(plan: NetworkPlan, exec: Exec): Promise<readonly Problem[]> {
  const argv = ['nft', '-c', '-f', '-'];
  const { status, stderr } = await exec.read(argv, { input: bridgeTable(plan), accept: 'any' });
  // Whoever may not ask sees a dry run; the start itself is root's.
  if (status === 0 || stderr.includes('not permitted')) return [];
  const said = stderr.split('\n')[0]!.replace(/^.*Error: /, '');
  const problem = `this host cannot filter on bridges (${said}); bridge_filter=off does without`;
  return [{ key: 'bridge_filter', problem }];
}

async function listening(files: Files): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const protocol of ['tcp', 'udp'] as const) {
    for (const family of ['', '6']) {
      const text = await files.read(`/proc/net/${protocol}${family}`).catch(() => undefined);
      for (const port of listeningPorts(protocol, text ?? '')) found.add(port);
    }
  }
  return found;
}

/** A port of the host is the host's, should one of its programs ask for it while the jail runs. */
async function yielding(plan: NetworkPlan, exec: Exec): Promise<NetworkPlan> {
  if (plan.nat === undefined || plan.nat.forwards.length === 0) return plan;
  const probe = { input: socketProbe, accept: 'any' as const };
  const { status } = await exec.read(['nft', '-c', '-f', '-'], probe).catch(() => ({ status: 1 }));
  return status === 0 ? { ...plan, nat: { ...plan.nat, yields: true } } : plan;
}

/** No plan for a jail that shares the host's network or has loopback only. With a problem the plan is not to be used. */
export async function planJailNetwork(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
): Promise<{ readonly plan?: NetworkPlan; readonly problems: readonly Problem[] }> {
  const kind = networkKind(jail.config);
  const alone: Problem[] = [];
  if (kind !== 'vnet') {
    if (isOn(jail.config, 'dhcp')) alone.push({ key: 'dhcp', problem: 'DHCP needs vnet=on' });
    if (movedNames(jail.config).length > 0)
      alone.push({ key: 'vnet_interfaces', problem: 'handing interfaces over needs vnet=on' });
  }
  if (kind === 'host' || kind === 'own') return { problems: alone };
  const facts = await readNetFacts(exec, files, paths, sysctlsToRead);
  const places = placesOf(paths, jail.pool, jail.uuid);
  const { plan, problems } = (kind === 'vnet' ? planVnet : planNetwork)(jail, places, facts);
  const more: Problem[] = [];
  more.push(...(await filterProblems(plan, exec, files)));
  if (plan.nat && plan.nat.forwards.length > 0)
    more.push(...forwardProblems(plan.nat.forwards, jail, facts, await listening(files)));
  if (dhcpNics(plan).length > 0) more.push(...(await dhcpProblem(exec)));
  return { plan: await yielding(plan, exec), problems: [...alone, ...problems, ...more] };
}

/** What a first start decides and every later one keeps. @param stored `ip4_addr` of every other jail of the pool */
export async function settle(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
  stored: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const kind = networkKind(jail.config);
  if (!hasToSettle(jail.config, kind)) return new Map();
  const facts = await readNetFacts(exec, files, paths, sysctlsToRead);
  const nics = kind === 'vnet' ? planVnet(jail, placesOf(paths, jail.pool, jail.uuid), facts).plan.nics : [];
  return settled(jail.config, nics ?? [], facts, stored);
}

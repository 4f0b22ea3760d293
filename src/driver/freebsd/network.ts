/** Looks at the host and plans a jail's network, whichever kind it is; changes nothing. */
import type { JailSpec, Problem } from '../host.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { isOn } from '../../domain/config.ts';
import { majorOf, type HostFacts } from './facts.ts';
import { wantsNat } from '../both/nat-block.ts';
import { natProblems, readIpfwNumbers } from './nat-plan.ts';
import { memberAddresses, readNetFacts } from './net-facts.ts';
import { networkKind, planAddresses } from './net-plan.ts';
import type { NetworkPlan } from './planned.ts';
import { placesOf } from './names.ts';
import { hasToSettle, settled } from '../both/settle.ts';
import { planVnet } from './vnet-plan.ts';

/** No plan for a jail that shares the host's network or has none. With a problem the plan is not to be used. */
export async function planJailNetwork(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
  host: HostFacts,
): Promise<{ readonly plan?: NetworkPlan; readonly problems: readonly Problem[] }> {
  const kind = networkKind(jail.config);
  const alone: Problem[] = [];
  if (kind !== 'vnet') {
    if (isOn(jail.config, 'dhcp')) alone.push({ key: 'dhcp', problem: 'DHCP needs vnet=on' });
    if (isOn(jail.config, 'rtsold'))
      alone.push({ key: 'rtsold', problem: 'soliciting routers needs vnet=on' });
    if ((jail.config.get('vnet_interfaces') ?? 'none') !== 'none')
      alone.push({ key: 'vnet_interfaces', problem: 'handing interfaces over needs vnet=on' });
  } else if (!host.vimage) {
    alone.push({ key: 'vnet', problem: 'the kernel has no VIMAGE (sysctl kern.features.vimage)' });
  }
  if (kind === 'host' || kind === 'own') return { problems: alone };
  const more = (majorOf(host.release) ?? 0) >= 15 ? [memberAddresses] : [];
  const known = await readNetFacts(exec, files, paths, more);
  const byIpfw = wantsNat(jail.config) && jail.config.get('nat_backend') !== 'pf';
  const facts = byIpfw ? { ...known, ipfwNumbers: await readIpfwNumbers(exec) } : known;
  const places = placesOf(paths, jail.pool, jail.uuid);
  const { plan, problems } = (kind === 'vnet' ? planVnet : planAddresses)(jail, places, facts);
  const filter = plan.nat === undefined ? [] : await natProblems(exec, plan.nat, facts);
  return { plan, problems: [...alone, ...problems, ...filter] };
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
  const facts = await readNetFacts(exec, files, paths);
  const nics = kind === 'vnet' ? planVnet(jail, placesOf(paths, jail.pool, jail.uuid), facts).plan.nics : [];
  return settled(jail.config, nics ?? [], facts, stored);
}

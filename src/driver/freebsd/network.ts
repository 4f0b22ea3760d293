/** Looks at the host and plans a jail's network, whichever kind it is; changes nothing. */
import type { JailSpec, Problem } from '../host.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { ip4AddressList } from '../../domain/address.ts';
import { macPair } from '../../domain/codec/interfaces.ts';
import { isOn } from '../../domain/config.ts';
import { ValueProblem } from '../../domain/property.ts';
import { autoAddress } from '../both/auto-address.ts';
import type { HostFacts } from './facts.ts';
import { natProblems } from './nat-plan.ts';
import { readNetFacts, type NetFacts } from './net-facts.ts';
import { networkKind, planAddresses, type NetworkPlan } from './net-plan.ts';
import { placesOf } from './names.ts';
import { macKey, planVnet } from './vnet-plan.ts';

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
  const facts = await readNetFacts(exec, files, paths);
  const places = placesOf(paths, jail.pool, jail.uuid);
  const { plan, problems } = (kind === 'vnet' ? planVnet : planAddresses)(jail, places, facts);
  const filter = plan.nat === undefined ? [] : await natProblems(exec, plan.nat, facts);
  return { plan, problems: [...alone, ...problems, ...filter] };
}

/** What a first start decides and every later one keeps, as property texts by key. */
export async function settle(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
  stored: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const vnet = isOn(jail.config, 'vnet');
  const given = jail.config.get('ip4_addr') ?? 'none';
  const auto = /autoip4/i.test(given) && jail.config.get('ip4') !== 'disable';
  if ((!vnet && !auto) || networkKind(jail.config) === 'host') return new Map();
  const facts = await readNetFacts(exec, files, paths);
  const texts = new Map<string, string>();
  if (vnet) {
    for (const { nic, mac } of planVnet(jail, placesOf(paths, jail.pool, jail.uuid), facts).plan.nics ?? []) {
      const key = macKey(nic);
      if (key !== undefined && (jail.config.get(key) ?? 'none') === 'none')
        texts.set(key, macPair.print(mac));
    }
  }
  const addresses = auto ? settledAddresses(given, jail.config, facts, stored) : undefined;
  if (addresses !== undefined) texts.set('ip4_addr', addresses);
  return texts;
}

/** Undefined where the configuration is wrong: the check tells of that. */
function settledAddresses(
  text: string,
  config: ReadonlyMap<string, string>,
  facts: NetFacts,
  stored: readonly string[],
): string | undefined {
  try {
    const taken = [...stored];
    const items = ip4AddressList.parse(text).map((item) => {
      if (item.kind !== 'auto') return item;
      const found = autoAddress(config, facts, taken);
      if (found.problem !== undefined) throw new ValueProblem(found.problem);
      taken.push(found.address);
      return { ...item, kind: 'fixed' as const, address: found.address, prefix: found.prefix };
    });
    return ip4AddressList.print(items);
  } catch (error) {
    if (error instanceof ValueProblem) return undefined;
    throw error;
  }
}

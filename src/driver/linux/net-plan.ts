/**
 * Which changes on the host give a jail its addresses: a network namespace with a routed link, a host
 * route to each address, and a proxy entry, so that the interface's network finds it. Pure: facts in,
 * plan out; the plan is data, is kept in the jail's record, and exactly it is taken back.
 *
 * The jail holds /32 and /128 addresses and sends everything to the link's host end (169.254.1.1 and
 * fe80::1), so it needs no bridge. Another address is of no use to it: nothing is routed there, and what it
 * sends from there is dropped by rp_filter (IPv4) and a table of ours (IPv6), and by a link that has no IPv6.
 */
import ipaddr from 'ipaddr.js';
import type { Problem } from '../host.ts';
import { autoProblem } from '../both/auto-address.ts';
import { forwardsOf, wantsNat } from '../both/nat-block.ts';
import { holderOf, listedAddresses, natAddress, natNic, type JailToPlan } from '../both/planning.ts';
import { collect, type Wanted } from '../both/wanted.ts';
import { cutsOff, noInterface } from '../both/address-problem.ts';
import type { NetFacts } from './net-facts.ts';
import type { Places } from './names.ts';
import { neededSysctls } from '../both/sysctls.ts';
import type { NetworkPlan, PlannedAddress, PlannedNat } from './planned.ts';

export const gateway4 = '169.254.1.1';
export const gateway6 = 'fe80::1';

export const sysctlKeys = {
  forward4: (nic: string) => `net/ipv4/conf/${nic}/forwarding`,
  forward6: 'net/ipv6/conf/all/forwarding',
  proxyNdp: (nic: string) => `net/ipv6/conf/${nic}/proxy_ndp`,
  acceptRa: (nic: string) => `net/ipv6/conf/${nic}/accept_ra`,
  /** The kernel throws away every IPv6 packet that comes in there, whatever else forwards. */
  disable6: (nic: string) => `net/ipv6/conf/${nic}/disable_ipv6`,
} as const;

/** The settings that a plan may need to know, for the reader of facts. */
export function sysctlsToRead(nics: readonly string[]): readonly string[] {
  return [
    sysctlKeys.forward6,
    ...nics.flatMap((nic) => [sysctlKeys.forward4(nic), sysctlKeys.proxyNdp(nic), sysctlKeys.acceptRa(nic)]),
  ];
}

function sysctlsFor(addresses: readonly PlannedAddress[], facts: NetFacts): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const { family, nic } of addresses) {
    if (family === 4) {
      // Forwarding for packets that come in on this interface, not for the whole host.
      wanted.set(sysctlKeys.forward4(nic), '1');
    } else {
      wanted.set(sysctlKeys.forward6, '1');
      wanted.set(sysctlKeys.proxyNdp(nic), '1');
      // A forwarding host stops listening to router advertisements unless told otherwise (2), and would
      // lose its own address and default route.
      if (facts.sysctl.get(sysctlKeys.acceptRa(nic)) === '1') wanted.set(sysctlKeys.acceptRa(nic), '2');
    }
  }
  return wanted;
}

/** The plan of a jail whose network is `addresses`; every problem at once, and then no plan. */
export function planNetwork(
  jail: JailToPlan,
  places: Places,
  facts: NetFacts,
): { readonly plan: NetworkPlan; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const addresses = listedAddresses<PlannedAddress>(
    jail,
    (wanted, before) => planAddress(wanted, jail, facts, before),
    problems,
  );
  const nat = wantsNat(jail.config) ? planNat(jail, places, facts, addresses, problems) : undefined;
  const sysctls = neededSysctls(sysctlsFor(addresses, facts), facts);
  const { netns, link, table } = places;
  const filter = addresses.some(({ family }) => family === 6) ? { table } : {};
  return {
    plan: { netns, link, addresses, sysctls, ...(nat ? { nat } : {}), ...filter },
    problems,
  };
}

function planNat(
  jail: JailToPlan,
  places: Places,
  facts: NetFacts,
  addresses: PlannedAddress[],
  problems: Problem[],
): PlannedNat | undefined {
  const nic = natNic(jail.config, facts);
  if (typeof nic !== 'string') return void problems.push(nic);
  const chosen = natAddress(jail, facts, problems);
  if (chosen === undefined) return undefined;
  addresses.push({ family: 4, address: chosen, prefix: 30, nic, translated: true });
  return natOf(jail, places, nic, [chosen], problems);
}

export function natOf(
  jail: JailToPlan,
  places: Places,
  nic: string,
  addresses: readonly string[],
  problems: Problem[],
): PlannedNat {
  let forwards: PlannedNat['forwards'] = [];
  collect(problems, 'nat_forwards', () => {
    forwards = forwardsOf(jail.config.get('nat_forwards'));
  });
  return { table: places.table, nic, addresses, forwards };
}

/** The address with everything decided, or what keeps it from being given, in words. */
function planAddress(
  wanted: Wanted,
  jail: JailToPlan,
  facts: NetFacts,
  planned: readonly PlannedAddress[],
): PlannedAddress | string {
  const { family, address } = wanted;
  if (wanted.kind === 'auto') return autoProblem(jail.config, facts);
  if (address === undefined) return `${wanted.kind === 'dhcp' ? 'DHCP' : 'accept_rtadv'} needs vnet=on`;
  if (ipaddr.parse(address).range() === 'loopback') return `${address} is a loopback address`;
  if (wanted.extra !== undefined) return `${address}: words of ifconfig(8) mean nothing on Linux`;
  const byName = wanted.iface !== undefined && wanted.iface !== 'DEFAULT';
  const name = byName ? wanted.iface : facts.defaultNic[family];
  if (name === undefined) return `${address}: the host has no default route; name an interface`;
  const nic = facts.interfaces.find((found) => found.name === name);
  if (nic === undefined) return noInterface({ family, address }, name, facts);
  const same = (other: { family: 4 | 6; address: string }): boolean =>
    other.family === family && other.address === address;
  const onHost = facts.interfaces.find((found) => found.addresses.some(same));
  if (onHost) return `${address} is the host's own address on ${onHost.name}`;
  if (planned.some(same)) return `${address} is given twice`;
  const range = ipaddr.parse(address).range();
  if (range === 'linkLocal') return `${address} is a link-local address, to which nothing can be routed`;
  const harm = cutsOff({ family, address }, facts, nic);
  if (harm) return harm;
  const holder = holderOf({ family, address }, jail, facts.jails);
  if (holder) return `${address} is in use by jail ${holder}`;
  const source = nic.addresses.find((own) => own.family === family && own.scope === 'global')?.address;
  const prefix = wanted.prefix ?? (family === 4 ? 32 : 128);
  return { family, address, prefix, nic: name, ...(source === undefined ? {} : { source }) };
}

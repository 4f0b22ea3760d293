/**
 * Which changes on the host give a jail its addresses: a network namespace with a routed link, a host
 * route to each address, and a proxy entry, so that the interface's network finds it. Pure: facts in,
 * plan out; the plan is data, is kept in the jail's record, and exactly it is taken back.
 *
 * The jail holds /32 and /128 addresses and sends everything to the link's host end (169.254.1.1 and
 * fe80::1), so it needs no bridge, and cannot take an address that the host does not route to it.
 */
import ipaddr from 'ipaddr.js';
import type { JailSpec } from '../host.ts';
import { ip4AddressList, ip6AddressList, type JailAddress } from '../../domain/address.ts';
import { ValueProblem } from '../../domain/property.ts';
import type { NetFacts } from './net-facts.ts';
import type { Places } from './names.ts';

export interface PlannedAddress {
  readonly family: 4 | 6;
  /** In normal form. */
  readonly address: string;
  /** As it was given; the jail itself holds /32 or /128. */
  readonly prefix: number;
  /** Interface of the host whose network the address belongs to. */
  readonly nic: string;
  /** The host's own address on it: the source of what the host itself sends to the jail. */
  readonly source?: string;
}

/** A setting of the whole host that this jail needs, and what it was before the first jail needed it. */
export interface NeededSysctl {
  /** Path below /proc/sys. */
  readonly key: string;
  readonly value: string;
  readonly was: string;
}

export interface NetworkPlan {
  readonly netns: string;
  readonly link: string;
  readonly addresses: readonly PlannedAddress[];
  readonly sysctls: readonly NeededSysctl[];
}

export interface NetProblem {
  readonly key: string;
  readonly problem: string;
}

export const gateway4 = '169.254.1.1';
export const gateway6 = 'fe80::1';

/** Which network a jail has before any address is looked at. */
export function networkKind(config: ReadonlyMap<string, string>): 'host' | 'own' | 'addresses' {
  // COMPAT: ip4=inherit drops both address lists and makes ip6 inherit too, as the original does.
  if (config.get('ip4') === 'inherit') return 'host';
  const listed = ([4, 6] as const).some(
    (family) =>
      config.get(`ip${family}`) !== 'disable' && !['none', ''].includes(config.get(`ip${family}_addr`) ?? ''),
  );
  return listed ? 'addresses' : 'own';
}

type Wanted = JailAddress & { readonly family: 4 | 6 };

/** The addresses that are asked for; `ip4=disable` and `ip6=disable` drop their list. Throws ValueProblem. */
function wantedOf(config: ReadonlyMap<string, string>, family: 4 | 6): readonly Wanted[] {
  const text = config.get(`ip${family}_addr`) ?? 'none';
  if (config.get(`ip${family}`) === 'disable') return [];
  return (family === 4 ? ip4AddressList : ip6AddressList).parse(text).map((item) => ({ ...item, family }));
}

export const sysctlKeys = {
  forward4: (nic: string) => `net/ipv4/conf/${nic}/forwarding`,
  forward6: 'net/ipv6/conf/all/forwarding',
  proxyNdp: (nic: string) => `net/ipv6/conf/${nic}/proxy_ndp`,
  acceptRa: (nic: string) => `net/ipv6/conf/${nic}/accept_ra`,
} as const;

/** The settings that a plan may need to know, for the reader of facts. */
export function sysctlsToRead(nics: readonly string[]): readonly string[] {
  return [
    sysctlKeys.forward6,
    ...nics.flatMap((nic) => [sysctlKeys.forward4(nic), sysctlKeys.proxyNdp(nic), sysctlKeys.acceptRa(nic)]),
  ];
}

function neededSysctls(addresses: readonly PlannedAddress[], facts: NetFacts): readonly NeededSysctl[] {
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
  return [...wanted].map(([key, value]) => ({ key, value, was: originalOf(key, facts) ?? value }));
}

/** A jail started earlier may have changed it already; then its record knows the host's own value. */
function originalOf(key: string, facts: NetFacts): string | undefined {
  for (const { network } of facts.jails) {
    if (typeof network !== 'object') continue;
    const known = network.sysctls.find((needed) => needed.key === key);
    if (known) return known.was;
  }
  return facts.sysctl.get(key);
}

/** The plan of a jail whose network is `addresses`; every problem at once, and then no plan. */
export function planNetwork(
  jail: Pick<JailSpec, 'pool' | 'uuid' | 'config'>,
  places: Places,
  facts: NetFacts,
): { readonly plan: NetworkPlan; readonly problems: readonly NetProblem[] } {
  const problems: NetProblem[] = [];
  const addresses: PlannedAddress[] = [];
  for (const family of [4, 6] as const) {
    const key = `ip${family}_addr`;
    try {
      for (const wanted of wantedOf(jail.config, family)) {
        const found = planAddress(wanted, jail, facts, addresses);
        if (typeof found === 'string') problems.push({ key, problem: found });
        else addresses.push(found);
      }
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      problems.push({ key, problem: error.message });
    }
  }
  const sysctls = neededSysctls(addresses, facts);
  return { plan: { netns: places.netns, link: places.link, addresses, sysctls }, problems };
}

/** The address with everything decided, or what keeps it from being given, in words. */
function planAddress(
  wanted: Wanted,
  jail: Pick<JailSpec, 'pool' | 'uuid'>,
  facts: NetFacts,
  planned: readonly PlannedAddress[],
): PlannedAddress | string {
  const { family, address } = wanted;
  if (address === undefined) return `${wanted.kind} addresses are not given on Linux yet; name a fixed one`;
  if (ipaddr.parse(address).range() === 'loopback') return `${address} is a loopback address`;
  if (wanted.extra !== undefined) return `${address}: words of ifconfig(8) mean nothing on Linux`;
  const byName = wanted.iface !== undefined && wanted.iface !== 'DEFAULT';
  const name = byName ? wanted.iface : facts.defaultNic[family];
  if (name === undefined) return `${address}: the host has no default route; name an interface`;
  const nic = facts.interfaces.find((found) => found.name === name);
  if (nic === undefined) return `${address}: the host has no interface ${name}`;
  const same = (other: { family: 4 | 6; address: string }): boolean =>
    other.family === family && other.address === address;
  const onHost = facts.interfaces.find((found) => found.addresses.some(same));
  if (onHost) return `${address} is the host's own address on ${onHost.name}`;
  if (planned.some(same)) return `${address} is given twice`;
  const holder = facts.jails.find(
    ({ pool, uuid, network }) =>
      !(pool === jail.pool && uuid === jail.uuid) &&
      typeof network === 'object' &&
      network.addresses.some(same),
  );
  if (holder) return `${address} is in use by jail ${holder.uuid}`;
  const source = nic.addresses.find((own) => own.family === family && own.scope === 'global')?.address;
  const prefix = wanted.prefix ?? (family === 4 ? 32 : 128);
  return { family, address, prefix, nic: name, ...(source === undefined ? {} : { source }) };
}

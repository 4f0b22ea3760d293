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
import type { JailSpec, Problem } from '../host.ts';
import type { MacPair } from '../../domain/codec/interfaces.ts';
import { isOn } from '../../domain/config.ts';
import { autoProblem } from '../both/auto-address.ts';
import { blockAround, forwardsOf, freeBlock, wantsNat } from '../both/nat-block.ts';
import { collect, wantedOf, type Wanted } from '../both/wanted.ts';
import type { PlannedNat } from './nat-plan.ts';
import { cutsOff } from '../both/address-problem.ts';
import type { NetFacts } from './net-facts.ts';
import type { Places } from './names.ts';

export interface PlannedAddress {
  readonly family: 4 | 6;
  /** In normal form. */
  readonly address: string;
  /** As it was given; the jail itself holds /32 or /128. */
  readonly prefix: number;
  /** Interface of the host whose network the address belongs to; with vnet, the jail's own interface. */
  readonly nic: string;
  /** The host's own address on it: the source of what the host itself sends to the jail. */
  readonly source?: string;
  /** Behind the host's address: no network of the host's knows it. */
  readonly translated?: true;
}

/** An interface of a vnet jail: a pair of which one end is the jail's and the other joins a bridge. */
export interface PlannedNic {
  readonly nic: string;
  /** Name of the host's end. */
  readonly link: string;
  readonly bridge: string | null;
  readonly mac: MacPair;
  /** Largest packet of the jail's end; the host's end has the bridge's, so that the bridge keeps it. */
  readonly mtu: number;
  readonly hostMtu: number;
  /** Address and prefix of the host's end, which is then the jail's gateway. */
  readonly gateway?: string;
  readonly dhcp?: true;
  readonly rtadv?: true;
}

/** A device of the host that is the jail's while it runs. */
export interface PlannedMove {
  readonly nic: string;
  /** Whether it was up, and will be again. */
  readonly up: boolean;
  readonly dhcp?: true;
  readonly rtadv?: true;
}

export interface PlannedRouter {
  readonly address: string;
  readonly nic: string;
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
  /** With vnet: the jail's interfaces, and then `link` is not used. */
  readonly nics?: readonly PlannedNic[];
  readonly moved?: readonly PlannedMove[];
  /** Name of an interface that programs of the jail open by /dev/net/tun. */
  readonly tunnel?: string;
  readonly routers?: readonly PlannedRouter[];
  readonly nat?: PlannedNat;
  /** Our table that drops what the jail sends into its bridges as somebody else: by link address only, or all. */
  readonly guard?: { readonly table: string; readonly by: 'link' | 'addresses' };
  /** Our table that drops what comes over `link` from an IPv6 address that is not the jail's. */
  readonly table?: string;
}

/** Interfaces that a DHCP client asks for. */
export const dhcpNics = (plan: NetworkPlan | undefined): readonly string[] =>
  [...(plan?.nics ?? []), ...(plan?.moved ?? [])].filter(({ dhcp }) => dhcp).map(({ nic }) => nic);

export const gateway4 = '169.254.1.1';
export const gateway6 = 'fe80::1';

/** Which network a jail has before any address is looked at. */
export function networkKind(config: ReadonlyMap<string, string>): 'host' | 'own' | 'addresses' | 'vnet' {
  if (isOn(config, 'vnet')) return 'vnet';
  // COMPAT: ip4=inherit drops both address lists and makes ip6 inherit too, as the original does.
  if (config.get('ip4') === 'inherit') return 'host';
  const listed = ([4, 6] as const).some(
    (family) =>
      config.get(`ip${family}`) !== 'disable' && !['none', ''].includes(config.get(`ip${family}_addr`) ?? ''),
  );
  return listed || wantsNat(config) ? 'addresses' : 'own';
}

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

/** With what they were before any jail needed them. */
export function neededSysctls(wanted: ReadonlyMap<string, string>, facts: NetFacts): readonly NeededSysctl[] {
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

type Jail = Pick<JailSpec, 'pool' | 'uuid' | 'config'>;

/** The plan of a jail whose network is `addresses`; every problem at once, and then no plan. */
export function planNetwork(
  jail: Jail,
  places: Places,
  facts: NetFacts,
): { readonly plan: NetworkPlan; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const addresses: PlannedAddress[] = [];
  const translated = wantsNat(jail.config);
  for (const family of [4, 6] as const) {
    const key = `ip${family}_addr`;
    if (family === 4 && translated) continue;
    collect(problems, key, () => {
      for (const wanted of wantedOf(jail.config, family)) {
        const found = planAddress(wanted, jail, facts, addresses);
        if (typeof found === 'string') problems.push({ key, problem: found });
        else addresses.push(found);
      }
    });
  }
  const nat = translated ? planNat(jail, places, facts, addresses, problems) : undefined;
  const sysctls = neededSysctls(sysctlsFor(addresses, facts), facts);
  const { netns, link, table } = places;
  const filter = addresses.some(({ family }) => family === 6) ? { table } : {};
  return {
    plan: { netns, link, addresses, sysctls, ...(nat ? { nat } : {}), ...filter },
    problems,
  };
}

/** Interface that translated connections leave by. */
export function natNic(config: ReadonlyMap<string, string>, facts: NetFacts): string | Problem {
  const named = config.get('nat_interface') ?? 'none';
  const key = 'nat_interface';
  if (named === 'none')
    return facts.defaultNic[4] ?? { key, problem: 'the host has no default route; set it' };
  if (facts.interfaces.some(({ name }) => name === named)) return named;
  return { key, problem: `the host has no interface ${named}` };
}

function planNat(
  jail: Jail,
  places: Places,
  facts: NetFacts,
  addresses: PlannedAddress[],
  problems: Problem[],
): PlannedNat | undefined {
  const nic = natNic(jail.config, facts);
  if (typeof nic !== 'string') return void problems.push(nic);
  const prefix = jail.config.get('nat_prefix') ?? '172.16';
  let chosen = freeBlock(prefix, jail, facts)?.address;
  const key = 'ip4_addr';
  collect(problems, key, () => {
    for (const wanted of wantedOf(jail.config, 4)) {
      // COMPAT: the Python line writes the address that it chose into ip4_addr.
      const known = wanted.address === undefined ? undefined : blockAround(prefix, wanted.address)?.address;
      const holder = known === undefined ? undefined : holderOf({ family: 4, address: known }, jail, facts);
      if (holder !== undefined) problems.push({ key, problem: `${known} is in use by jail ${holder}` });
      if (known === undefined)
        problems.push({
          key,
          problem: `with nat=1 the address comes from ${prefix}.0.0/16; use ip4_addr=none, or vnet=on with a bridge`,
        });
      chosen = known;
    }
  });
  if (chosen === undefined) {
    problems.push({
      key: 'nat_prefix',
      problem: `${prefix}.0.0/16 has no free addresses, or the host uses it`,
    });
    return undefined;
  }
  addresses.push({ family: 4, address: chosen, prefix: 30, nic, translated: true });
  return natOf(jail, places, nic, [chosen], problems);
}

export function natOf(
  jail: Jail,
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

/** The other jail that has an address, whatever its network; `bridge`: only jails on this bridge and those that are routed. */
export function holderOf(
  wanted: { readonly family: 4 | 6; readonly address: string },
  jail: Pick<JailSpec, 'pool' | 'uuid'>,
  facts: Pick<NetFacts, 'jails'>,
  bridge?: string,
): string | undefined {
  return facts.jails.find(({ pool, uuid, network }) => {
    if (typeof network !== 'object' || (pool === jail.pool && uuid === jail.uuid)) return false;
    return network.addresses.some(
      ({ family, address, nic }) =>
        family === wanted.family &&
        address === wanted.address &&
        (bridge === undefined || isOnBridge(network, nic, bridge)),
    );
  })?.uuid;
}

const isOnBridge = (network: NetworkPlan, nic: string, bridge: string): boolean =>
  network.nics === undefined || network.nics.some((own) => own.nic === nic && own.bridge === bridge);

/** The address with everything decided, or what keeps it from being given, in words. */
function planAddress(
  wanted: Wanted,
  jail: Jail,
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
  if (nic === undefined) return `${address}: the host has no interface ${name}`;
  const same = (other: { family: 4 | 6; address: string }): boolean =>
    other.family === family && other.address === address;
  const onHost = facts.interfaces.find((found) => found.addresses.some(same));
  if (onHost) return `${address} is the host's own address on ${onHost.name}`;
  if (planned.some(same)) return `${address} is given twice`;
  const range = ipaddr.parse(address).range();
  if (range === 'linkLocal') return `${address} is a link-local address, to which nothing can be routed`;
  const harm = cutsOff({ family, address }, facts, nic);
  if (harm) return harm;
  const holder = holderOf({ family, address }, jail, facts);
  if (holder) return `${address} is in use by jail ${holder}`;
  const source = nic.addresses.find((own) => own.family === family && own.scope === 'global')?.address;
  const prefix = wanted.prefix ?? (family === 4 ? 32 : 128);
  return { family, address, prefix, nic: name, ...(source === undefined ? {} : { source }) };
}

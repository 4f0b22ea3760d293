/**
 * Which changes on the host give a jail its addresses. Pure: facts in, plan out; the plan is data, is kept
 * in the jail's record, and exactly it is taken back. This file has what every kind of network shares, and
 * the jail that has addresses of the host (aliases, jail(8) `ip4.addr`); vnet-plan.ts has the others.
 */
import ipaddr from 'ipaddr.js';
import type { JailSpec, Problem } from '../host.ts';
import type { MacPair } from '../../domain/codec/interfaces.ts';
import { isOn } from '../../domain/config.ts';
import { cutsOff } from '../both/address-problem.ts';
import { autoProblem } from '../both/auto-address.ts';
import { blockAround, freeBlock, wantsNat } from '../both/nat-block.ts';
import { collect, wantedOf, type Wanted } from '../both/wanted.ts';
import type { NetFacts } from './net-facts.ts';
import type { Places } from './names.ts';
import { planTranslation, natNic, type PlannedNat } from './nat-plan.ts';

export interface PlannedAddress {
  readonly family: 4 | 6;
  /** In normal form. */
  readonly address: string;
  readonly prefix: number;
  /** Interface of the host that gets the alias; with vnet, the jail's own interface. */
  readonly nic: string;
  /** It is the host's own already: nothing is added, and nothing taken away. */
  readonly present?: true;
  /** Further words for ifconfig(8). */
  readonly extra?: readonly string[];
}

/** An interface of a vnet jail: an epair(4) of which one end is the jail's and the other joins a bridge. */
export interface PlannedNic {
  readonly nic: string;
  /** Names of the two ends on the host. */
  readonly ends: { readonly host: string; readonly jail: string };
  readonly bridge: string | null;
  readonly mac: MacPair;
  readonly mtu: number;
  /** Address and prefix of the host's end, which is then the jail's gateway. */
  readonly gateway?: string;
  readonly dhcp?: true;
  readonly rtadv?: true;
}

export interface PlannedRouter {
  readonly family: 4 | 6;
  readonly address: string;
}

/** A setting of the whole host that this jail needs, and what it was before the first jail needed it. */
export interface NeededSysctl {
  readonly key: string;
  readonly value: string;
  readonly was: string;
}

export interface NetworkPlan {
  readonly addresses: readonly PlannedAddress[];
  readonly sysctls: readonly NeededSysctl[];
  /** With vnet. */
  readonly nics?: readonly PlannedNic[];
  /** Interfaces of the host that are the jail's while it runs. */
  readonly moved?: readonly {
    readonly nic: string;
    /** Whether it was up, and will be again. */ readonly up: boolean;
  }[];
  readonly routers?: readonly PlannedRouter[];
  /** rtsold(8) runs in the jail. */
  readonly rtsold?: true;
  readonly nat?: PlannedNat;
}

export interface Planned {
  readonly plan: NetworkPlan;
  readonly problems: readonly Problem[];
}

export type JailToPlan = Pick<JailSpec, 'pool' | 'uuid' | 'config'>;

/** Which network a jail has before any address is looked at. */
export function networkKind(config: ReadonlyMap<string, string>): 'host' | 'own' | 'addresses' | 'vnet' {
  if (isOn(config, 'vnet')) return 'vnet';
  // COMPAT: ip4=inherit drops both address lists and makes ip6 inherit too, as the original does.
  if (config.get('ip4') === 'inherit') return 'host';
  const listed = ([4, 6] as const).some(
    (family) =>
      config.get(`ip${family}`) !== 'disable' && !['none', ''].includes(config.get(`ip${family}_addr`) ?? ''),
  );
  return listed || wantsNat(config) || isOn(config, 'assign_localhost') ? 'addresses' : 'own';
}

/** With what they were before any jail needed them: a jail started earlier may have changed them already. */
export function neededSysctls(
  wanted: Readonly<Record<string, string>>,
  facts: Pick<NetFacts, 'jails' | 'sysctl'>,
): readonly NeededSysctl[] {
  return Object.entries(wanted).map(([key, value]) => {
    const known = facts.jails
      .flatMap(({ network }) => network?.sysctls ?? [])
      .find((needed) => needed.key === key);
    return { key, value, was: known?.was ?? facts.sysctl.get(key) ?? value };
  });
}

/** The other jail that has an address, whatever its network; `bridge`: only jails on this bridge and those with aliases. */
export function holderOf(
  wanted: { readonly family: 4 | 6; readonly address: string },
  jail: Pick<JailSpec, 'pool' | 'uuid'>,
  jails: NetFacts['jails'],
  bridge?: string | null,
): string | undefined {
  return jails.find(({ pool, uuid, network }) => {
    if (network === undefined || (pool === jail.pool && uuid === jail.uuid)) return false;
    return network.addresses.some(
      ({ family, address, nic }) =>
        family === wanted.family &&
        address === wanted.address &&
        (bridge === undefined ||
          network.nics === undefined ||
          network.nics.some((own) => own.nic === nic && own.bridge === bridge)),
    );
  })?.uuid;
}

/** Aliases that an earlier run of this jail left: they go before the start, so they are not the host's own. */
export function withoutOwn(jail: JailToPlan, facts: NetFacts): NetFacts {
  const own = facts.jails.find(({ pool, uuid }) => pool === jail.pool && uuid === jail.uuid)?.network;
  if (own === undefined || own.nics !== undefined) return facts;
  const mine = own.addresses.filter(({ present }) => present !== true);
  return {
    ...facts,
    interfaces: facts.interfaces.map((link) => ({
      ...link,
      addresses: link.addresses.filter(
        ({ family, address }) =>
          !mine.some(
            (added) => added.nic === link.name && added.family === family && added.address === address,
          ),
      ),
    })),
  };
}

export function planAddresses(jail: JailToPlan, places: Places, given: NetFacts): Planned {
  const facts = withoutOwn(jail, given);
  const problems: Problem[] = [];
  const addresses: PlannedAddress[] = [];
  const translated = wantsNat(jail.config);
  for (const family of [4, 6] as const) {
    if (family === 4 && translated) continue;
    const key = `ip${family}_addr`;
    collect(problems, key, () => {
      for (const wanted of wantedOf(jail.config, family)) {
        const found = planAddress(wanted, jail, facts, addresses);
        if (typeof found === 'string') problems.push({ key, problem: found });
        else addresses.push(found);
      }
    });
  }
  const nat = translated ? planNat(jail, places, facts, addresses, problems) : undefined;
  if (isOn(jail.config, 'assign_localhost')) addLoopback(jail, facts, addresses, problems);
  return { plan: { addresses, sysctls: [], ...(nat ? { nat } : {}) }, problems };
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
  const onHost = facts.interfaces.find(({ addresses }) =>
    addresses.some((own) => own.family === family && own.address === address),
  );
  const byName = wanted.iface !== undefined && wanted.iface !== 'DEFAULT';
  const name = byName ? wanted.iface : (onHost?.name ?? facts.defaultNic[family]);
  if (name === undefined) return `${address}: the host has no default route; name an interface`;
  const nic = facts.interfaces.find((found) => found.name === name);
  if (nic === undefined) return `${address}: the host has no interface ${name}`;
  if (onHost !== undefined && onHost !== nic) return `${address} is the host's own address on ${onHost.name}`;
  if (planned.some((other) => other.family === family && other.address === address))
    return `${address} is given twice`;
  if (ipaddr.parse(address).range() === 'linkLocal') return `${address} is a link-local address`;
  const harm = onHost === undefined ? cutsOff({ family, address }, facts, nic) : undefined;
  if (harm) return harm;
  const holder = holderOf({ family, address }, jail, facts.jails);
  if (holder) return `${address} is in use by jail ${holder}`;
  // As jail(8): without a length, the address alone.
  const prefix = wanted.prefix ?? (family === 4 ? 32 : 128);
  return {
    family,
    address,
    prefix,
    nic: name,
    ...(onHost === undefined ? {} : { present: true as const }),
    ...(wanted.extra === undefined ? {} : { extra: wanted.extra }),
  };
}

/** The address lies on lo0, so that the host's networks do not see it. */
function planNat(
  jail: JailToPlan,
  places: Places,
  facts: NetFacts,
  addresses: PlannedAddress[],
  problems: Problem[],
): PlannedNat | undefined {
  const nic = natNic(jail.config, facts);
  if (typeof nic !== 'string') return void problems.push(nic);
  const prefix = jail.config.get('nat_prefix') ?? '172.16';
  const key = 'ip4_addr';
  let chosen = freeBlock(prefix, jail, facts)?.address;
  collect(problems, key, () => {
    for (const wanted of wantedOf(jail.config, 4)) {
      // COMPAT: the Python line writes the address that it chose into ip4_addr.
      const known = wanted.address === undefined ? undefined : blockAround(prefix, wanted.address)?.address;
      if (known === undefined) {
        const problem = `with nat=1 the address comes from ${prefix}.0.0/16; use ip4_addr=none, or vnet=on with a bridge`;
        problems.push({ key, problem });
      }
      const holder = known && holderOf({ family: 4, address: known }, jail, facts.jails);
      if (holder) problems.push({ key, problem: `${known} is in use by jail ${holder}` });
      chosen = known;
    }
  });
  if (chosen === undefined) {
    const problem = `${prefix}.0.0/16 has no free addresses, or the host uses it`;
    return void problems.push({ key: 'nat_prefix', problem });
  }
  addresses.push({ family: 4, address: chosen, prefix: 32, nic: 'lo0' });
  return planTranslation(jail, places, nic, [chosen], facts, problems);
}

/** An address of 127/8 of the jail's own: what it sends to "localhost" stays with it. */
function addLoopback(
  jail: JailToPlan,
  facts: NetFacts,
  addresses: PlannedAddress[],
  problems: Problem[],
): void {
  const key = 'localhost_ip';
  const given = jail.config.get(key) ?? 'none';
  const taken = (address: string): boolean =>
    facts.interfaces.some((link) => link.addresses.some((own) => own.address === address)) ||
    holderOf({ family: 4, address }, jail, facts.jails) !== undefined;
  if (given !== 'none') {
    if (!given.startsWith('127.')) problems.push({ key, problem: `${given} is no loopback address` });
    else if (taken(given)) problems.push({ key, problem: `${given} is in use` });
    addresses.push({ family: 4, address: given, prefix: 32, nic: 'lo0' });
    return;
  }
  for (let number = 2; number < 65_536; number += 1) {
    const address = `127.0.${number >> 8}.${number & 255}`;
    if (taken(address)) continue;
    addresses.push({ family: 4, address, prefix: 32, nic: 'lo0' });
    return;
  }
  problems.push({ key, problem: 'no loopback address is free' });
}

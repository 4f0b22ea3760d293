/**
 * Which changes on the host give a jail its addresses. Pure: facts in, plan out; the plan is data, is kept
 * in the jail's record, and exactly it is taken back. This file has what every kind of network shares, and
 * the jail that has addresses of the host (aliases, jail(8) `ip4.addr`); vnet-plan.ts has the others.
 */
import ipaddr from 'ipaddr.js';
import type { Problem } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { cutsOff, noInterface } from '../both/address-problem.ts';
import { autoProblem } from '../both/auto-address.ts';
import { wantsNat } from '../both/nat-block.ts';
import {
  holderOf,
  listedAddresses,
  natAddress,
  natNic,
  networkKind as kindOf,
  type JailToPlan,
  type NetworkKind,
} from '../both/planning.ts';
import { sameJail } from '../both/state.ts';
import type { Wanted } from '../both/wanted.ts';
import { memberAddresses, type NetFacts } from './net-facts.ts';
import type { Places } from './names.ts';
import { planTranslation } from './nat-plan.ts';
import type { NetworkPlan, PlannedAddress, PlannedNat } from './planned.ts';

export interface Planned {
  readonly plan: NetworkPlan;
  readonly problems: readonly Problem[];
}

/** Which network a jail has before any address is looked at; one with a loopback address of its own has addresses. */
export function networkKind(config: ReadonlyMap<string, string>): NetworkKind {
  const kind = kindOf(config);
  return kind === 'own' && isOn(config, 'assign_localhost') ? 'addresses' : kind;
}

/** Aliases that an earlier run of this jail left: they go before the start, so they are not the host's own. */
function withoutOwn(jail: JailToPlan, facts: NetFacts): NetFacts {
  const own = facts.jails.find((other) => sameJail(jail, other))?.network;
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
  const addresses = listedAddresses<PlannedAddress>(
    jail,
    (wanted, before) => planAddress(wanted, jail, facts, before),
    problems,
  );
  const nat = wantsNat(jail.config) ? planNat(jail, places, facts, addresses, problems) : undefined;
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
  if (nic === undefined) return noInterface({ family, address }, name, facts);
  if (onHost !== undefined && onHost !== nic) return `${address} is the host's own address on ${onHost.name}`;
  if (planned.some((other) => other.family === family && other.address === address))
    return `${address} is given twice`;
  if (ipaddr.parse(address).range() === 'linkLocal') return `${address} is a link-local address`;
  const harm = onHost === undefined ? cutsOff({ family, address }, facts, nic) : undefined;
  if (harm) return harm;
  const bridge = facts.interfaces.find(({ members }) => members.includes(name));
  if (onHost === undefined && bridge !== undefined && facts.sysctl.get(memberAddresses) === '0')
    return `${address}: ${name} is a member of ${bridge.name}, and may have no address (if_bridge(4)); name ${bridge.name}`;
  // rc.d/netif does so where rc.conf says nothing of IPv6 on it; an address there would stay tentative for ever.
  if (family === 6 && nic.ip6Off && !nic.groups.includes('lo'))
    return `${address}: IPv6 is switched off on ${name}; 'ifconfig ${name} inet6 -ifdisabled' switches it on, ifconfig_${name}_ipv6="inet6 auto_linklocal" in rc.conf at every boot`;
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
  const chosen = natAddress(jail, facts, problems);
  if (chosen === undefined) return undefined;
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

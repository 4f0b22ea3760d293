/**
 * Which changes give a jail with vnet=on its interfaces: a pair for each, of which the host's end joins
 * a bridge of the host's and the jail's end has the name, the addresses and the link address that the
 * properties say. Pure: facts in, plan out. A bridge is the user's; it is never made and never changed.
 *
 * With nat=1 the addresses are translated to the host's. Without an address of its own, such a jail gets
 * a link to the host alone, in the place of its first interface's bridge.
 */
import ipaddr from 'ipaddr.js';
import type { Problem } from '../host.ts';
import type { BridgedInterface } from '../../domain/codec/interfaces.ts';
import { ip4OrNone, ip6OrNone } from '../../domain/address.ts';
import { cutsOff } from '../both/address-problem.ts';
import { autoProblem } from '../both/auto-address.ts';
import { tunnel, wantsTunnel } from './devices.ts';
import { movedNames, planMoved } from './moved-plan.ts';
import { wantsNat, type NatBlock } from '../both/nat-block.ts';
import {
  asksFor,
  freeLink,
  holderOf,
  isKept,
  knownLink,
  macOf,
  natNic,
  pairsOf,
  vnetWanted,
  type JailToPlan,
  type VnetWanted,
} from '../both/planning.ts';
import type { HostInterface, NetFacts } from './net-facts.ts';
import { sameJail } from '../both/state.ts';
import { collect } from '../both/wanted.ts';
import { neededSysctls } from '../both/sysctls.ts';
import { natOf, sysctlKeys } from './net-plan.ts';
import type { NetworkPlan, PlannedAddress, PlannedNat, PlannedNic, PlannedRouter } from './planned.ts';
import type { Places } from './names.ts';

interface Planning {
  readonly jail: JailToPlan;
  readonly facts: NetFacts;
  readonly problems: Problem[];
}

export function planVnet(
  jail: JailToPlan,
  places: Places,
  facts: NetFacts,
): { readonly plan: NetworkPlan; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const planning: Planning = { jail, facts, problems };
  if (jail.config.get('ip4') === 'inherit')
    problems.push({ key: 'ip4', problem: "inherit is the host's network; it does not go with vnet=on" });

  const pairs = pairsOf(jail, movedNames(jail.config).length, 'lo', problems);
  const taken = new Set([...pairs.map(({ nic }) => nic), tunnel]);
  const devices = planMoved(jail, taken, facts, problems);
  const further = [...devices.map(({ nic }) => nic), ...(wantsTunnel(jail.config) ? [tunnel] : [])];
  const names = [...pairs.map(({ nic }) => nic), ...further];
  const wanted = ([4, 6] as const).flatMap((family) => vnetWanted(jail, names, family, problems));
  const addresses = wanted.flatMap((item) => planAddress(planning, pairs, item) ?? []);
  const block = natBlock(planning, pairs, wanted, addresses);
  if (block && pairs[0] && !addresses.some(({ family }) => family === 4))
    addresses.push({ family: 4, address: block.address, prefix: 30, nic: pairs[0].nic });

  const nics = pairs
    .filter((pair, index) => isKept(jail, pair, index, wanted, (name) => bridgeOf(facts, name)))
    .map((pair, index) => planNic(planning, places, pair, index, wanted, block));
  const moved = devices.map((device) => ({ ...device, ...asksFor(wanted, device.nic) }));
  const routers = routersOf(planning, [...nics, ...moved], addresses, block);
  const nat = wantsNat(jail.config) ? planNat(planning, places, addresses) : undefined;
  const sysctls = neededSysctls(natSysctls(nat, nics), facts);
  const { netns, link } = places;
  const more = {
    ...(moved.length > 0 ? { moved } : {}),
    ...(wantsTunnel(jail.config) ? { tunnel } : {}),
    ...(nat ? { nat } : {}),
    ...guardOf(jail, places, nics),
  };
  return { plan: { netns, link, addresses, sysctls, nics, routers, ...more }, problems };
}

/** The host's ends are looked at where they join a bridge; a link to the host alone is the routing's affair. */
function guardOf(
  jail: JailToPlan,
  { table }: Places,
  nics: readonly PlannedNic[],
): Pick<NetworkPlan, 'guard'> {
  const mode = jail.config.get('bridge_filter') ?? 'on';
  if (mode === 'off' || nics.every(({ bridge }) => bridge === null)) return {};
  return { guard: { table, by: mode === 'mac' ? 'link' : 'addresses' } };
}

/** Undefined for what is no fixed address, and for what cannot be given. */
function planAddress(
  { jail, facts, problems }: Planning,
  pairs: readonly BridgedInterface[],
  item: VnetWanted,
): PlannedAddress | undefined {
  const { family, address, nic } = item;
  const refuse = (problem: string): undefined => void problems.push({ key: `ip${family}_addr`, problem });
  if (item.extra !== undefined)
    return refuse(`words of ifconfig(8) mean nothing on Linux: ${item.extra.join(' ')}`);
  if (item.kind === 'auto') return refuse(autoProblem(jail.config, facts));
  if (address === undefined) return undefined;
  if (ipaddr.parse(address).range() === 'loopback') return refuse(`${address} is a loopback address`);
  const prefix = item.prefix ?? (family === 6 ? 64 : undefined);
  if (prefix === undefined)
    return refuse(`${address} needs the length of its network, such as ${address}/24`);
  const onHost = facts.interfaces.find(({ addresses }) =>
    addresses.some((own) => own.family === family && own.address === address),
  );
  if (onHost) return refuse(`${address} is the host's own address on ${onHost.name}`);
  const bridge = pairs.find((pair) => pair.nic === nic)?.bridge ?? '';
  const harm = cutsOff({ family, address }, facts, bridgeOf(facts, bridge), { address, prefix });
  if (harm) return refuse(harm);
  const holder = holderOf({ family, address }, jail, facts.jails, bridge);
  if (holder) return refuse(`${address} is in use by jail ${holder}`);
  return { family, address, prefix, nic };
}

/** The link of a jail behind the host's address that has no address on a bridge. */
function natBlock(
  { jail, facts, problems }: Planning,
  pairs: readonly BridgedInterface[],
  wanted: readonly VnetWanted[],
  addresses: readonly PlannedAddress[],
): NatBlock | undefined {
  if (!wantsNat(jail.config) || pairs.length === 0) return undefined;
  if (wanted.some(({ kind }) => kind === 'dhcp'))
    return void problems.push({ key: 'nat', problem: 'nat=1 and DHCP exclude each other' });
  const fixed = addresses.filter(({ family }) => family === 4);
  if (fixed.length > 0) {
    const [own, ...more] = fixed;
    return more.length === 0 && own!.prefix === 30 && own!.nic === pairs[0]!.nic
      ? knownLink(jail, own!.address)
      : undefined;
  }
  if (wanted.some(({ family }) => family === 4)) return undefined;
  return freeLink(jail, facts, problems);
}

const bridgeOf = (facts: NetFacts, name: string): HostInterface | undefined =>
  facts.interfaces.find((found) => found.name === name);

function planNic(
  planning: Planning,
  places: Places,
  pair: BridgedInterface,
  index: number,
  wanted: readonly VnetWanted[],
  block: NatBlock | undefined,
): PlannedNic {
  const { jail, facts, problems } = planning;
  const { nic } = pair;
  const bridge = index === 0 && block !== undefined ? null : pair.bridge;
  const usual = Number(jail.config.get('vnet_default_mtu') ?? 1500);
  const hostMtu = bridge === null ? undefined : checkBridge(planning, bridge)?.mtu;
  const text = jail.config.get(`${nic}_mtu`) ?? 'auto';
  const mtu = text === 'auto' ? (hostMtu ?? usual) : Number(text);
  if (hostMtu !== undefined && mtu > hostMtu)
    problems.push({ key: `${nic}_mtu`, problem: `${mtu} is more than ${bridge} carries (${hostMtu})` });
  return {
    nic,
    link: `${places.link}v${index}`,
    bridge,
    mac: macOf(jail, nic, facts.hostId, macsInUse(planning), problems),
    mtu,
    hostMtu: hostMtu ?? mtu,
    ...(index === 0 && block !== undefined ? { gateway: `${block.gateway}/30` } : {}),
    ...asksFor(wanted, nic),
  };
}

function checkBridge({ facts, problems }: Planning, name: string): HostInterface | undefined {
  const found = bridgeOf(facts, name);
  const refuse = (problem: string): undefined => void problems.push({ key: 'interfaces', problem });
  if (found === undefined)
    return refuse(
      `the host has no bridge ${name}; 'ip link add ${name} type bridge' and 'ip link set ${name} up' make it`,
    );
  if (found.kind !== 'bridge') return refuse(`${name} of the host is not a bridge`);
  if (!found.up) refuse(`bridge ${name} is down; 'ip link set ${name} up' brings it up`);
  return found;
}

/** Link addresses that the host or another jail has. */
function macsInUse({ jail, facts }: Planning): ReadonlyMap<string, string> {
  const used = new Map(facts.interfaces.map(({ mac, name }) => [mac, `interface ${name} of the host`]));
  const own = (state: { readonly pool: string; readonly uuid: string }): boolean => sameJail(jail, state);
  // What a killed run of this jail left is taken away before the start.
  const order = [...facts.jails].sort((a, b) => Number(own(b)) - Number(own(a)));
  for (const state of order) {
    const nics = typeof state.network === 'object' ? (state.network.nics ?? []) : [];
    for (const mac of nics.flatMap((nic) => [nic.mac.host, nic.mac.jail])) {
      if (own(state)) used.delete(mac);
      else used.set(mac, `jail ${state.uuid}`);
    }
  }
  return used;
}

/** The jail's interface whose networks an address lies in. */
function nicTowards(addresses: readonly PlannedAddress[], family: 4 | 6, router: string): string | undefined {
  return addresses.find(
    (own) => own.family === family && ipaddr.parse(router).match(ipaddr.parse(own.address), own.prefix),
  )?.nic;
}

/** An interface of the jail; one without a bridge is a device of the host's or a link to the host alone. */
interface Inside {
  readonly nic: string;
  readonly bridge?: string | null;
}

function routersOf(
  planning: Planning,
  nics: readonly Inside[],
  addresses: readonly PlannedAddress[],
  block: NatBlock | undefined,
): readonly PlannedRouter[] {
  const four =
    block && nics[0] ? { address: block.gateway, nic: nics[0].nic } : router4(planning, nics, addresses);
  const six = router6(planning, nics, addresses);
  return [four, six].filter((router) => router !== undefined);
}

function router4(
  { jail, facts, problems }: Planning,
  nics: readonly Inside[],
  addresses: readonly PlannedAddress[],
): PlannedRouter | undefined {
  const key = 'defaultrouter';
  const text = jail.config.get(key) ?? 'none';
  const own = addresses.filter(({ family }) => family === 4);
  // Without a fixed address it is DHCP's affair, or nobody's.
  if (own.length === 0) return undefined;
  const translated = wantsNat(jail.config);
  if (translated && (text === 'none' || text === 'auto')) {
    const found = hostTowards(nics, own, facts);
    if (found === undefined)
      problems.push({
        key,
        problem: `nat=1 needs a way to the host: give the bridge an address in the network of ${own[0]!.address}, or set it`,
      });
    return found;
  }
  let router: string | null = null;
  collect(problems, key, () => {
    router = text === 'auto' ? (facts.gateway[4] ?? null) : ip4OrNone.parse(text);
  });
  if (router === null) return undefined;
  const nic = nicTowards(own, 4, router);
  if (nic !== undefined) return { address: router, nic };
  return void problems.push({ key, problem: `${router as string} is in no network of the jail` });
}

/** The address of a bridge in one of the jail's networks. */
function hostTowards(
  nics: readonly Inside[],
  own: readonly PlannedAddress[],
  facts: NetFacts,
): PlannedRouter | undefined {
  for (const { nic, bridge } of nics) {
    for (const { family, address } of bridgeOf(facts, bridge ?? '')?.addresses ?? []) {
      if (family !== 4) continue;
      const mine = own.filter((planned) => planned.nic === nic);
      if (nicTowards(mine, 4, address) === nic) return { address, nic };
    }
  }
  return undefined;
}

function router6(
  { jail, facts, problems }: Planning,
  nics: readonly Inside[],
  addresses: readonly PlannedAddress[],
): PlannedRouter | undefined {
  const key = 'defaultrouter6';
  const text = jail.config.get(key) ?? 'none';
  const own = addresses.filter(({ family }) => family === 6);
  if (own.length === 0) return undefined;
  let found: string | null = null;
  collect(problems, key, () => {
    found = text === 'auto' ? (facts.gateway[6] ?? null) : ip6OrNone.parse(text);
  });
  const router = found as string | null;
  if (router === null) return undefined;
  const [address = '', zone] = router.split('%');
  // A link-local router is on every network; without a name it is on that of the first address.
  if (ipaddr.parse(address).range() === 'linkLocal') {
    const nic = zone ?? own[0]!.nic;
    if (nics.some((known) => known.nic === nic)) return { address, nic };
    return void problems.push({ key, problem: `the jail has no interface ${nic}` });
  }
  const nic = nicTowards(own, 6, address);
  if (nic !== undefined) return { address, nic };
  return void problems.push({ key, problem: `${address} is in no network of the jail` });
}

function planNat(
  { jail, facts, problems }: Planning,
  places: Places,
  addresses: readonly PlannedAddress[],
): PlannedNat | undefined {
  const nic = natNic(jail.config, facts);
  if (typeof nic !== 'string') return void problems.push(nic);
  const own = addresses.filter(({ family }) => family === 4).map(({ address }) => address);
  return own.length === 0 ? undefined : natOf(jail, places, nic, own, problems);
}

/** Forwarding for what comes in from the jail's bridges and for the answers; links of ours are set with themselves. */
function natSysctls(nat: PlannedNat | undefined, nics: readonly PlannedNic[]): ReadonlyMap<string, string> {
  if (nat === undefined) return new Map();
  const ins = [nat.nic, ...nics.flatMap(({ bridge }) => bridge ?? [])];
  return new Map(ins.map((nic) => [sysctlKeys.forward4(nic), '1']));
}

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
import { neededSysctls } from '../both/sysctls.ts';
import { natOf, sysctlKeys } from './net-plan.ts';
import type { NetworkPlan, PlannedAddress, PlannedNat, PlannedNic } from './planned.ts';
import type { Places } from './names.ts';
import { routersOf } from './vnet-routers.ts';

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

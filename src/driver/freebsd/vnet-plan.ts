/**
 * Which changes give a jail with vnet=on its interfaces: an epair(4) for each, of which the host's end joins
 * a bridge of the host's and the jail's end has the name, the addresses and the link address that the
 * properties say. Pure: facts in, plan out. A bridge is the user's; it is never made and never taken away.
 *
 * With nat=1 and no address of its own, the jail gets a link to the host alone in the place of its first
 * interface's bridge.
 */
import type { Problem } from '../host.ts';
import type { BridgedInterface } from '../../domain/codec/interfaces.ts';
import { wordsOrNone } from '../../domain/codec/text.ts';
import { interfaceProblem } from '../../domain/address.ts';
import { isOn } from '../../domain/config.ts';
import { cutsOff } from '../both/address-problem.ts';
import { autoProblem } from '../both/auto-address.ts';
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
import { routerOf } from '../both/router.ts';
import { sameJail } from '../both/state.ts';
import { collect } from '../both/wanted.ts';
import { planTranslation } from './nat-plan.ts';
import type { HostInterface, NetFacts } from './net-facts.ts';
import { neededSysctls } from '../both/sysctls.ts';
import type { Planned } from './net-plan.ts';
import type { PlannedAddress, PlannedNic, PlannedRouter } from './planned.ts';
import { pairEnds, type Places } from './names.ts';

interface Planning {
  readonly jail: JailToPlan;
  readonly places: Places;
  readonly facts: NetFacts;
  readonly problems: Problem[];
}

export function planVnet(jail: JailToPlan, places: Places, facts: NetFacts): Planned {
  const problems: Problem[] = [];
  const planning: Planning = { jail, places, facts, problems };
  if (jail.config.get('ip4') === 'inherit')
    problems.push({ key: 'ip4', problem: "inherit means the host's network, and vnet=on one of its own" });
  const moved = planMoved(planning);
  const pairs = pairsOf(jail, moved.length, 'lo0', problems);
  const names = [...pairs.map(({ nic }) => nic), ...moved];
  const wanted = ([4, 6] as const).flatMap((family) => vnetWanted(jail, names, family, problems, ['lo0']));
  const addresses = wanted.flatMap((item) => planAddress(planning, pairs, item) ?? []);
  const block = natBlock(planning, pairs, wanted, addresses);
  if (block && pairs[0] && !addresses.some(({ family }) => family === 4))
    addresses.push({ family: 4, address: block.address, prefix: 30, nic: pairs[0].nic });
  const nics = pairs
    .map((pair, index) => ({ pair, index }))
    .filter(({ pair, index }) => isKept(jail, pair, index, wanted, (name) => bridgeOf(facts, name)))
    .map(({ pair, index }) => planNic(planning, pair, index, wanted, block));
  const translated = wantsNat(jail.config);
  const nat = translated ? planNat(planning, addresses) : undefined;
  return {
    plan: {
      addresses,
      nics,
      sysctls: translated ? neededSysctls(new Map([['net.inet.ip.forwarding', '1']]), facts) : [],
      routers: routersOf(planning, addresses, block),
      ...(moved.length > 0 ? { moved: moved.map((nic) => ({ nic, up: wasUp(nic, facts) })) } : {}),
      ...(isOn(jail.config, 'rtsold') ? { rtsold: true } : {}),
      ...(nat ? { nat } : {}),
    },
    problems,
  };
}

const bridgeOf = (facts: NetFacts, name: string | null): HostInterface | undefined =>
  facts.interfaces.find(
    (link) => link.name === name && (link.groups.includes('bridge') || /^bridge\d+$/.test(name)),
  );

/** Interfaces that the host has no use for itself: what hangs on them would be lost with the move. */
function planMoved({ jail, facts, problems }: Planning): readonly string[] {
  const key = 'vnet_interfaces';
  let names: readonly string[] = [];
  collect(problems, key, () => {
    names = wordsOrNone('interfaces', interfaceProblem).parse(jail.config.get(key) || 'none') ?? [];
  });
  return names.filter((name) => {
    const why = whyKept(name, jail, facts);
    if (why !== undefined) problems.push({ key, problem: `${name} ${why}` });
    return why === undefined;
  });
}

/** A device that a killed run of this jail still holds was what the record says. */
function wasUp(name: string, facts: NetFacts): boolean {
  const link = facts.interfaces.find((found) => found.name === name);
  const known = facts.jails.flatMap(({ network }) => network?.moved ?? []).find(({ nic }) => nic === name);
  return known?.up ?? link?.up ?? false;
}

function whyKept(name: string, jail: JailToPlan, facts: NetFacts): string | undefined {
  const holder = facts.jails.find(({ network }) => network?.moved?.some(({ nic }) => nic === name));
  if (holder !== undefined && !sameJail(jail, holder)) return `is with jail ${holder.uuid}`;
  const link = facts.interfaces.find((found) => found.name === name);
  if (link === undefined) return holder === undefined ? 'is no interface of the host' : undefined;
  if (link.groups.includes('lo') || link.groups.includes('bridge'))
    return 'belongs to the host and cannot be moved';
  if ([facts.defaultNic[4], facts.defaultNic[6]].includes(name)) return "carries the host's default route";
  const own = link.addresses.find(({ address }) => !/^fe[89ab]/.test(address));
  if (own !== undefined) return `has the host's address ${own.address}; take it away first`;
  const bridge = facts.interfaces.find(({ members }) => members.includes(name));
  return bridge === undefined ? undefined : `is a member of ${bridge.name}; take it out first`;
}

/** Undefined for what is no fixed address, and for what cannot be given. */
function planAddress(
  { jail, facts, problems }: Planning,
  pairs: readonly BridgedInterface[],
  { family, address, prefix, kind, nic, extra }: VnetWanted,
): PlannedAddress | undefined {
  const key = `ip${family}_addr`;
  const refuse = (problem: string): undefined => void problems.push({ key, problem });
  if (kind === 'auto') return refuse(autoProblem(jail.config, facts));
  if (address === undefined) return undefined;
  const length = prefix ?? (family === 4 ? 24 : 64);
  const pair = pairs.find((own) => own.nic === nic);
  const bridge = bridgeOf(facts, pair?.bridge ?? null);
  const harm =
    nic === 'lo0' ? undefined : cutsOff({ family, address }, facts, bridge, { address, prefix: length });
  if (harm) return refuse(harm);
  const onHost = bridge?.addresses.some((own) => own.family === family && own.address === address);
  if (onHost) return refuse(`${address} is the host's own address on ${bridge!.name}`);
  const holder =
    nic === 'lo0' ? undefined : holderOf({ family, address }, jail, facts.jails, pair?.bridge ?? null);
  if (holder) return refuse(`${address} is in use by jail ${holder}`);
  return { family, address, prefix: length, nic, ...(extra === undefined ? {} : { extra }) };
}

function natBlock(
  { jail, facts, problems }: Planning,
  pairs: readonly BridgedInterface[],
  wanted: readonly VnetWanted[],
  addresses: readonly PlannedAddress[],
): NatBlock | undefined {
  if (!wantsNat(jail.config)) return undefined;
  const [four] = addresses.filter(({ family }) => family === 4);
  const known =
    four && four.nic === pairs[0]?.nic && four.prefix === 30 ? knownLink(jail, four.address) : undefined;
  if (known !== undefined) return known;
  if (wanted.some(({ family }) => family === 4)) return undefined;
  return freeLink(jail, facts, problems);
}

function planNic(
  planning: Planning,
  { nic, bridge: name }: BridgedInterface,
  index: number,
  wanted: readonly VnetWanted[],
  block: NatBlock | undefined,
): PlannedNic {
  const { jail, places, facts, problems } = planning;
  const toHost = index === 0 ? block : undefined;
  const bridge = bridgeOf(facts, name);
  if (toHost === undefined && name !== null && bridge === undefined)
    problems.push({
      key: 'interfaces',
      problem: `the host has no bridge ${name}; 'ifconfig ${name} create up' makes it, cloned_interfaces in rc.conf at every boot`,
    });
  const given = jail.config.get(`${nic}_mtu`) ?? 'auto';
  const usual = Number(jail.config.get('vnet_default_mtu') ?? 1500);
  const mtu = given !== 'auto' ? Number(given) : toHost === undefined && bridge ? bridge.mtu : usual;
  if (toHost === undefined && bridge !== undefined && !bridge.up)
    problems.push({ key: 'interfaces', problem: `${bridge.name} is down; 'ifconfig ${bridge.name} up'` });
  // An empty bridge would take the size of its first member, and keep it.
  if (toHost === undefined && bridge !== undefined && mtu !== bridge.mtu)
    problems.push({
      key: `${nic}_mtu`,
      problem: `${bridge.name} carries packets of ${bridge.mtu} bytes, and if_bridge(4) takes no member of another size`,
    });
  return {
    nic,
    ends: pairEnds(places.hash, index),
    bridge: toHost === undefined ? name : null,
    mac: macOf(jail, nic, facts.hostId, macsInUse(planning), problems),
    mtu,
    ...(toHost === undefined ? {} : { gateway: `${toHost.gateway}/30` }),
    ...asksFor(wanted, nic),
  };
}

/** Link addresses of the host and of other jails, by who has them. */
function macsInUse({ jail, facts }: Planning): ReadonlyMap<string, string> {
  const used = new Map<string, string>();
  const own = facts.jails.find((other) => sameJail(jail, other))?.network;
  const ends = new Set((own?.nics ?? []).flatMap((nic) => [nic.ends.host, nic.ends.jail]));
  for (const { name, mac } of facts.interfaces)
    if (mac !== '' && !ends.has(name)) used.set(mac, `${name} of the host`);
  for (const other of facts.jails.filter((known) => !sameJail(jail, known)))
    for (const { mac } of other.network?.nics ?? [])
      for (const one of [mac.host, mac.jail]) used.set(one, `jail ${other.uuid}`);
  return used;
}

function routersOf(
  planning: Planning,
  addresses: readonly PlannedAddress[],
  block: NatBlock | undefined,
): readonly PlannedRouter[] {
  if (block !== undefined) return [{ family: 4, address: block.gateway }, ...router(planning, addresses, 6)];
  return [...router(planning, addresses, 4), ...router(planning, addresses, 6)];
}

function router(
  { jail, facts, problems }: Planning,
  addresses: readonly PlannedAddress[],
  family: 4 | 6,
): readonly PlannedRouter[] {
  const own = addresses.filter(({ nic }) => nic !== 'lo0');
  const found = routerOf(jail.config, family, own, facts.gateway, problems);
  if (found === undefined) return [];
  return [{ family, address: found.linkLocal ? `${found.address}%${found.nic}` : found.address }];
}

function planNat(planning: Planning, addresses: readonly PlannedAddress[]): Planned['plan']['nat'] {
  const { jail, places, facts, problems } = planning;
  const nic = natNic(jail.config, facts);
  if (typeof nic !== 'string') return void problems.push(nic);
  const own = addresses
    .filter(({ family, nic }) => family === 4 && nic !== 'lo0')
    .map(({ address }) => address);
  return own.length === 0 ? undefined : planTranslation(jail, places, nic, own, facts, problems);
}

/**
 * `vnet_interfaces`: devices of the host that a vnet jail gets as they are, for as long as it runs. Pure.
 * Only a device that the host itself has no use for can be given away: what hangs on it (addresses, routes,
 * a bridge, VLANs) would be lost with the move, so that is refused, and nothing is taken away to make it fit.
 */
import type { JailSpec, Problem } from '../host.ts';
import { interfaceProblem } from '../../domain/address.ts';
import { wordsOrNone } from '../../domain/codec/text.ts';
import type { HostInterface, NetFacts } from './net-facts.ts';
import { collect } from '../both/wanted.ts';
import type { PlannedMove } from './planned.ts';

const key = 'vnet_interfaces';

export function movedNames(config: ReadonlyMap<string, string>, problems: Problem[] = []): readonly string[] {
  let names: readonly string[] = [];
  collect(problems, key, () => {
    names = wordsOrNone('interfaces', interfaceProblem).parse(config.get(key) || 'none') ?? [];
  });
  return names;
}

/** Why the host keeps a device, in words that follow its name; undefined: it can go. */
function whyKept(device: HostInterface, facts: NetFacts): string | undefined {
  const { name, kind, addresses } = device;
  if (name === 'lo' || kind === 'bridge') return 'belongs to its network and cannot be moved';
  if (Object.values(facts.defaultNic).includes(name)) return "carries the host's default route";
  const own = addresses.find(({ scope }) => scope === 'global');
  if (own !== undefined) return `has the host's address ${own.address}; take it away first`;
  if (facts.routed.has(name)) return "is in the host's routing table; take the routes away first";
  if (device.master !== undefined) return `is a member of ${device.master}; take it out first`;
  // A pair is no layer: each end names the other.
  const above = facts.interfaces.find(({ lower, kind: its }) => lower === name && its !== 'veth');
  return above === undefined ? undefined : `is below ${above.name}, which would be lost`;
}

interface Holder {
  readonly uuid: string;
  readonly pool: string;
  readonly move?: PlannedMove;
}

/** The jail whose network a device is part of, as its record says. */
function holderOf(name: string, { jails }: NetFacts): Holder | undefined {
  for (const { network, uuid, pool } of jails) {
    if (typeof network !== 'object') continue;
    const move = network.moved?.find(({ nic }) => nic === name);
    if (move !== undefined) return { uuid, pool, move };
    if (network.link === name || network.nics?.some(({ link }) => link === name)) return { uuid, pool };
  }
  return undefined;
}

export function planMoved(
  { config, uuid, pool }: Pick<JailSpec, 'config' | 'uuid' | 'pool'>,
  taken: ReadonlySet<string>,
  facts: NetFacts,
  problems: Problem[],
): readonly PlannedMove[] {
  return movedNames(config, problems).flatMap((nic) => {
    const refuse = (problem: string): [] => {
      problems.push({ key, problem });
      return [];
    };
    const device = facts.interfaces.find(({ name }) => name === nic);
    const holder = holderOf(nic, facts);
    const mine = holder?.uuid === uuid && holder.pool === pool;
    if (holder !== undefined && !mine) return refuse(`${nic} is with jail ${holder.uuid}`);
    // What a killed run of this jail still holds comes back before the start.
    if (device === undefined && holder?.move !== undefined) return [{ nic, up: holder.move.up }];
    if (device === undefined) return refuse(`the host has no interface ${nic}`);
    if (taken.has(nic)) return refuse(`the jail has another interface of the name ${nic}`);
    const why = whyKept(device, facts);
    return why === undefined ? [{ nic, up: device.up }] : refuse(`${nic} ${why}`);
  });
}

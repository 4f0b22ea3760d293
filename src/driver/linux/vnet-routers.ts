/** Where a jail with vnet=on sends what is in none of its networks. Pure; problems are collected, never thrown. */
import { wantsNat, type NatBlock } from '../both/nat-block.ts';
import type { JailToPlan } from '../both/planning.ts';
import { nicTowards, routerKey, routerOf } from '../both/router.ts';
import type { Problem } from '../host.ts';
import type { NetFacts } from './net-facts.ts';
import type { PlannedAddress, PlannedRouter } from './planned.ts';

interface Planning {
  readonly jail: JailToPlan;
  readonly facts: NetFacts;
  readonly problems: Problem[];
}

/** An interface of the jail; one without a bridge is a device of the host's or a link to the host alone. */
interface Inside {
  readonly nic: string;
  readonly bridge?: string | null;
}

export function routersOf(
  planning: Planning,
  nics: readonly Inside[],
  addresses: readonly PlannedAddress[],
  block: NatBlock | undefined,
): readonly PlannedRouter[] {
  const { jail } = planning;
  const own4 = addresses.find(({ family }) => family === 4);
  const translated =
    wantsNat(jail.config) && ['none', 'auto'].includes(jail.config.get(routerKey(4)) ?? 'none');
  const four =
    block && nics[0]
      ? { address: block.gateway, nic: nics[0].nic }
      : own4 !== undefined && translated
        ? hostTowards(planning, nics, addresses, own4)
        : router(planning, nics, addresses, 4);
  return [four, router(planning, nics, addresses, 6)].filter((found) => found !== undefined);
}

function router(
  { jail, facts, problems }: Planning,
  nics: readonly Inside[],
  addresses: readonly PlannedAddress[],
  family: 4 | 6,
): PlannedRouter | undefined {
  const found = routerOf(jail.config, family, addresses, facts.gateway, problems);
  if (found === undefined) return undefined;
  const { address, nic, linkLocal } = found;
  if (!linkLocal || nics.some((known) => known.nic === nic)) return { address, nic };
  return void problems.push({ key: routerKey(family), problem: `the jail has no interface ${nic}` });
}

/** With nat=1 the host is the router: by the address that a bridge has in one of the jail's networks. */
function hostTowards(
  { facts, problems }: Planning,
  nics: readonly Inside[],
  addresses: readonly PlannedAddress[],
  own: PlannedAddress,
): PlannedRouter | undefined {
  for (const { nic, bridge } of nics) {
    const mine = addresses.filter((planned) => planned.nic === nic);
    const there = facts.interfaces.find(({ name }) => name === bridge)?.addresses ?? [];
    const host = there.find(({ family, address }) => family === 4 && nicTowards(mine, 4, address) === nic);
    if (host !== undefined) return { address: host.address, nic };
  }
  const problem = `nat=1 needs a way to the host: give the bridge an address in the network of ${own.address}, or set it`;
  return void problems.push({ key: routerKey(4), problem });
}

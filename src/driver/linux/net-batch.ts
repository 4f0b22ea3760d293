/**
 * A network plan as lines for `ip -batch -`: a handful of processes instead of one for each line. Pure.
 * See ip(8), ip-link(8), ip-route(8), ip-neighbour(8).
 */
import { gateway4, gateway6 } from './net-plan.ts';
import type { NetworkPlan, PlannedAddress } from './planned.ts';

const longest = (address: PlannedAddress): number => (address.family === 4 ? 32 : 128);

const has = (plan: NetworkPlan, wanted: 4 | 6): boolean =>
  plan.addresses.some((address) => address.family === wanted);

/** Namespace and link; with its host end's addresses, which are the jail's gateways. */
export function linkLines(plan: NetworkPlan): readonly string[] {
  return [
    `netns add ${plan.netns}`,
    `link add name ${plan.link} type veth peer name eth0 netns ${plan.netns}`,
    ...(has(plan, 4) ? [`addr add ${gateway4}/32 dev ${plan.link} scope link`] : []),
    ...(has(plan, 6)
      ? [`addr add ${gateway6}/64 dev ${plan.link} nodad`]
      : [`link set dev ${plan.link} addrgenmode none`]),
    `link set dev ${plan.link} up`,
  ];
}

/** The jail's end, read inside the namespace. */
export function insideLines(plan: NetworkPlan): readonly string[] {
  return [
    'link set dev lo up',
    ...plan.addresses.map(
      (address) =>
        `addr add ${address.address}/${longest(address)} dev eth0${address.family === 6 ? ' nodad' : ''}`,
    ),
    ...(has(plan, 6) ? [] : ['link set dev eth0 addrgenmode none']),
    'link set dev eth0 up',
    ...(has(plan, 4)
      ? [`route add ${gateway4}/32 dev eth0 scope link`, `route add default via ${gateway4} dev eth0`]
      : []),
    ...(has(plan, 6) ? [`route add default via ${gateway6} dev eth0`] : []),
  ];
}

/**
 * Route first: the kernel refuses a second one to the same address, so that of two jails which want one
 * address at the same moment the second stops here, before it touches the proxy entry of the first.
 */
export function routeLines(plan: NetworkPlan): readonly string[] {
  return plan.addresses.flatMap((address) => {
    const source = address.source === undefined ? '' : ` src ${address.source}`;
    return [
      `route add ${address.address}/${longest(address)} dev ${plan.link}${source}`,
      ...(address.translated ? [] : [proxyLine('add', address)]),
    ];
  });
}

function proxyLine(verb: 'add' | 'del', address: PlannedAddress): string {
  return `neigh ${verb} proxy ${address.address} dev ${address.nic}`;
}

/** Takes it all back; the routes go with the link. `mine`: addresses whose route leads over this plan's link. */
export function removalLines(plan: NetworkPlan, mine: readonly PlannedAddress[]): readonly string[] {
  return [
    ...mine.filter(({ translated }) => !translated).map((address) => proxyLine('del', address)),
    `link del ${plan.link}`,
    `netns del ${plan.netns}`,
  ];
}

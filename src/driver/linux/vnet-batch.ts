/**
 * The interfaces of a vnet jail as lines for `ip -batch -`. Pure.
 * See ip-link(8), ip-address(8), ip-route(8), bridge(8).
 */
import type { NetworkPlan, PlannedNic } from './planned.ts';

export interface VnetPlan extends NetworkPlan {
  readonly nics: readonly PlannedNic[];
}

export const isVnet = (plan: NetworkPlan): plan is VnetPlan => plan.nics !== undefined;

interface Inside {
  readonly nic: string;
  readonly rtadv?: true;
}

/** Every interface that the jail has, whatever it is. */
const insideOf = (plan: VnetPlan): readonly Inside[] => [
  ...plan.nics,
  ...(plan.moved ?? []),
  ...(plan.tunnel === undefined ? [] : [{ nic: plan.tunnel }]),
];

/** Namespace and pairs, and what is handed over. The host's end says nothing of its own on the bridge's network. */
export function vnetLinkLines(plan: VnetPlan): readonly string[] {
  return [
    `netns add ${plan.netns}`,
    ...plan.nics.flatMap(({ nic, link, bridge, mac, mtu, hostMtu, gateway }) => [
      `link add name ${link} mtu ${hostMtu} address ${mac.host} type veth` +
        ` peer name ${nic} mtu ${mtu} address ${mac.jail} netns ${plan.netns}`,
      `link set dev ${link} addrgenmode none`,
      ...(bridge === null ? [] : [`link set dev ${link} master ${bridge}`]),
      ...(gateway === undefined ? [] : [`addr add ${gateway} dev ${link}`]),
      `link set dev ${link} up`,
    ]),
    ...(plan.moved ?? []).map(({ nic }) => `link set dev ${nic} netns ${plan.netns}`),
  ];
}

const uses6 = (plan: VnetPlan, { nic, rtadv }: Inside): boolean =>
  rtadv === true || plan.addresses.some((address) => address.nic === nic && address.family === 6);

/** How the kernel makes a link-local address; the filter of a bridge has to know that beforehand. */
function addressMode(plan: VnetPlan, nic: Inside): readonly string[] {
  if (!uses6(plan, nic)) return ['none'];
  return plan.nics.some((pair) => pair.nic === nic.nic) ? ['eui64'] : [];
}

/** Settings inside the namespace that must hold before an interface comes up, as `key=value`. */
export function vnetInsideSysctls(plan: VnetPlan): readonly string[] {
  return [...tunnelSysctls(plan), ...insideOf(plan).flatMap(sysctlsOf)];
}

/**
 * Of the interface that is made after them: what a program puts into the tunnel is for the jail itself, and
 * goes no further under whatever address it names as its own.
 */
const tunnelSysctls = ({ tunnel }: VnetPlan): readonly string[] =>
  tunnel === undefined ? [] : ['net/ipv4/conf/default/forwarding=0', 'net/ipv4/conf/default/rp_filter=1'];

function sysctlsOf(nic: Inside): readonly string[] {
  const at = `net/ipv6/conf/${nic.nic}`;
  return [
    // Nobody on the bridge gives a jail addresses that it did not ask for.
    `${at}/accept_ra=${nic.rtadv ? 1 : 0}`,
    `${at}/autoconf=${nic.rtadv ? 1 : 0}`,
    // For the announcement below.
    `net/ipv4/conf/${nic.nic}/arp_notify=1`,
    `${at}/ndisc_notify=1`,
  ];
}

/** The jail's ends, read inside the namespace. */
export function vnetInsideLines(plan: VnetPlan): readonly string[] {
  return [
    'link set dev lo up',
    // Nobody's in particular: whoever may open the device in the jail may open it.
    ...(plan.tunnel === undefined ? [] : [`tuntap add dev ${plan.tunnel} mode tun`]),
    ...insideOf(plan).flatMap((nic) => [
      // Taken addresses were looked for before; without a wait services can bind to theirs at once.
      ...plan.addresses
        .filter((address) => address.nic === nic.nic)
        .map(
          ({ address, prefix, family }) =>
            `addr add ${address}/${prefix} dev ${nic.nic}${family === 6 ? ' nodad' : ''}`,
        ),
      ...addressMode(plan, nic).map((mode) => `link set dev ${nic.nic} addrgenmode ${mode}`),
      `link set dev ${nic.nic} up`,
    ]),
    ...(plan.routers ?? []).map(({ address, nic }) => `route add default via ${address} dev ${nic}`),
  ];
}

/** Interfaces whose network is told of the jail's addresses. */
export const announced = (plan: VnetPlan): readonly PlannedNic[] =>
  plan.nics.filter(
    ({ nic, bridge }) => bridge !== null && plan.addresses.some((address) => address.nic === nic),
  );

/**
 * Another jail may have had the address a moment ago, and the network remembers its link address for a
 * while. Giving an interface the link address that it has makes the kernel tell everybody.
 */
export const announceLines = (plan: VnetPlan): readonly string[] =>
  announced(plan).map(({ nic, mac }) => `link set dev ${nic} address ${mac.jail}`);

/** What was handed over goes back to the network that this process is in. */
export const giveBackLines = (nics: readonly string[], pid: number): readonly string[] =>
  nics.flatMap((nic) => [`link set dev ${nic} down`, `link set dev ${nic} netns ${pid}`]);

/** Takes the rest back: a device that is still inside would be lost with the namespace. */
export function vnetRemovalLines(plan: VnetPlan): readonly string[] {
  return [...plan.nics.map(({ link }) => `link del ${link}`), `netns del ${plan.netns}`];
}

/**
 * Addresses that no jail may have because others are lost with them: the gateway's, for which a jail would
 * then answer in the host's network, and those that mean a whole network. Pure. See RFC 1122, 3.2.1.3.
 */
import ipaddr from 'ipaddr.js';
import type { HostLink, HostNetwork } from './network.ts';

interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** What an IPv4 address means to a network, when it is not one of its hosts. */
function meaningIn({ address, prefix }: Network, wanted: string): string | undefined {
  if (prefix >= 31) return undefined;
  const cidr = `${address}/${prefix}`;
  if (ipaddr.IPv4.networkAddressFromCIDR(cidr).toString() === wanted) return 'network';
  return ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString() === wanted ? 'broadcast' : undefined;
}

/** An interface that the other machine had, above all after a pool moved: which one it would be here. */
export function noInterface(
  { family, address }: { readonly family: 4 | 6; readonly address: string },
  name: string,
  { defaultNic }: Pick<HostNetwork, 'defaultNic'>,
): string {
  const usual = defaultNic[family];
  const instead = usual === undefined ? '' : `; '${address}' alone takes ${usual}`;
  return `${address}: the host has no interface ${name}${instead}`;
}

/**
 * Why an address of the networks at `nic` cannot be a jail's, in words.
 *
 * @param own the network that the jail itself is told of, where it is.
 */
export function cutsOff(
  { family, address }: { readonly family: 4 | 6; readonly address: string },
  facts: Pick<HostNetwork, 'gateway' | 'defaultNic'>,
  nic: HostLink | undefined,
  own?: Network,
): string | undefined {
  if (facts.gateway[family] === address && nic?.name === facts.defaultNic[family])
    return `${address} is the host's default gateway`;
  if (family === 6) return undefined;
  const networks = (nic?.addresses ?? []).filter((known) => known.family === 4);
  for (const network of own ? [own, ...networks] : networks) {
    const meaning = meaningIn(network, address);
    if (meaning) return `${address} is the ${meaning} address of ${network.address}/${network.prefix}`;
  }
  return undefined;
}

/**
 * A jail's network as data: what was added to the host for it, kept in the jail's record, and exactly taken back.
 * net-plan.ts and vnet-plan.ts make it of the host's facts.
 */
import type { MacPair } from '../../domain/codec/interfaces.ts';
import type { PlannedForward } from '../both/network.ts';
import type { NeededSysctl } from '../both/sysctls.ts';

export interface PlannedAddress {
  readonly family: 4 | 6;
  /** In normal form. */
  readonly address: string;
  /** As it was given; the jail itself holds /32 or /128. */
  readonly prefix: number;
  /** Interface of the host whose network the address belongs to; with vnet, the jail's own interface. */
  readonly nic: string;
  /** The host's own address on it: the source of what the host itself sends to the jail. */
  readonly source?: string;
  /** Behind the host's address: no network of the host's knows it. */
  readonly translated?: true;
}

/** An interface of a vnet jail: a pair of which one end is the jail's and the other joins a bridge. */
export interface PlannedNic {
  readonly nic: string;
  /** Name of the host's end. */
  readonly link: string;
  readonly bridge: string | null;
  readonly mac: MacPair;
  /** Largest packet of the jail's end; the host's end has the bridge's, so that the bridge keeps it. */
  readonly mtu: number;
  readonly hostMtu: number;
  /** Address and prefix of the host's end, which is then the jail's gateway. */
  readonly gateway?: string;
  readonly dhcp?: true;
  readonly rtadv?: true;
}

/** A device of the host that is the jail's while it runs. */
export interface PlannedMove {
  readonly nic: string;
  /** Whether it was up, and will be again. */
  readonly up: boolean;
  readonly dhcp?: true;
  readonly rtadv?: true;
}

export interface PlannedRouter {
  readonly address: string;
  readonly nic: string;
}

export interface PlannedNat {
  readonly table: string;
  /** Interface of the host that the jail's connections leave by, and that forwarded ones come in at. */
  readonly nic: string;
  readonly addresses: readonly string[];
  readonly forwards: readonly PlannedForward[];
  /** A program of the host that comes to listen on a forwarded port later is the one that is reached. */
  readonly yields?: true;
}

export interface NetworkPlan {
  readonly netns: string;
  readonly link: string;
  readonly addresses: readonly PlannedAddress[];
  readonly sysctls: readonly NeededSysctl[];
  /** With vnet: the jail's interfaces, and then `link` is not used. */
  readonly nics?: readonly PlannedNic[];
  readonly moved?: readonly PlannedMove[];
  /** Name of an interface that programs of the jail open by /dev/net/tun. */
  readonly tunnel?: string;
  readonly routers?: readonly PlannedRouter[];
  readonly nat?: PlannedNat;
  /** Our table that drops what the jail sends into its bridges as somebody else: by link address only, or all. */
  readonly guard?: { readonly table: string; readonly by: 'link' | 'addresses' };
  /** Our table that drops what comes over `link` from an IPv6 address that is not the jail's. */
  readonly table?: string;
}

/** Interfaces that a DHCP client asks for. */
export const dhcpNics = (plan: NetworkPlan | undefined): readonly string[] =>
  [...(plan?.nics ?? []), ...(plan?.moved ?? [])].filter(({ dhcp }) => dhcp).map(({ nic }) => nic);

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
  readonly prefix: number;
  /** Interface of the host that gets the alias; with vnet, the jail's own interface. */
  readonly nic: string;
  /** It is the host's own already: nothing is added, and nothing taken away. */
  readonly present?: true;
  /** Further words for ifconfig(8). */
  readonly extra?: readonly string[];
}

/** An interface of a vnet jail: an epair(4) of which one end is the jail's and the other joins a bridge. */
export interface PlannedNic {
  readonly nic: string;
  /** Names of the two ends on the host. */
  readonly ends: { readonly host: string; readonly jail: string };
  readonly bridge: string | null;
  readonly mac: MacPair;
  readonly mtu: number;
  /** Address and prefix of the host's end, which is then the jail's gateway. */
  readonly gateway?: string;
  readonly dhcp?: true;
  readonly rtadv?: true;
}

export interface PlannedRouter {
  readonly family: 4 | 6;
  readonly address: string;
}

export interface PlannedNat {
  /** Interface of the host that the jail's connections leave by, and that forwarded ones come in at. */
  readonly nic: string;
  readonly addresses: readonly string[];
  readonly forwards: readonly PlannedForward[];
  readonly by:
    | { readonly kind: 'pf'; readonly anchor: string }
    /** Number of the rules and of the translation; the address of `nic` that it translates to. */
    | { readonly kind: 'ipfw'; readonly number: number; readonly address: string };
}

export interface NetworkPlan {
  readonly addresses: readonly PlannedAddress[];
  readonly sysctls: readonly NeededSysctl[];
  /** With vnet. */
  readonly nics?: readonly PlannedNic[];
  /** Interfaces of the host that are the jail's while it runs. */
  readonly moved?: readonly {
    readonly nic: string;
    /** Whether it was up, and will be again. */ readonly up: boolean;
  }[];
  readonly routers?: readonly PlannedRouter[];
  /** rtsold(8) runs in the jail. */
  readonly rtsold?: true;
  readonly nat?: PlannedNat;
}

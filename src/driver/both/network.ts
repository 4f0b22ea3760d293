/**
 * What the planners of both kernels know of the host's network and of what its jails hold. Each driver
 * reads it in its own way; nothing here reads anything.
 */
export interface HostAddress {
  readonly family: 4 | 6;
  /** In normal form. */
  readonly address: string;
  readonly prefix: number;
}

export interface HostLink {
  readonly name: string;
  readonly addresses: readonly HostAddress[];
}

/** For each family, undefined when there is none. */
export interface ByFamily {
  readonly 4: string | undefined;
  readonly 6: string | undefined;
}

/** Ports of the host, both ends included, that lead to `to` and the following ones of the jail. */
export interface PlannedForward {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly until: number;
  /** First port in the jail. */
  readonly to: number;
}

/** A jail of this host, of any pool, and the network that it holds, when that is one of its own. */
export interface NetworkHolder {
  readonly pool: string;
  readonly uuid: string;
  readonly network?:
    | string
    | {
        readonly addresses: readonly {
          readonly family: 4 | 6;
          readonly address: string;
          readonly nic: string;
        }[];
        readonly nics?: readonly { readonly nic: string; readonly bridge: string | null }[];
        readonly nat?: { readonly forwards: readonly PlannedForward[] };
      };
}

export interface HostNetwork {
  readonly interfaces: readonly HostLink[];
  readonly defaultNic: ByFamily;
  readonly gateway: ByFamily;
  readonly jails: readonly NetworkHolder[];
}

/** One connection, or one REST request, as the API sees it: who it is by now and what it asked for. */
import type { Principal } from '../login.ts';

export interface Peer {
  readonly transport: 'rest' | 'websocket';
  readonly address: string;
  /** The token in use; of a session that may have ended since. */
  token: string | undefined;
  /** Other proof than a token, such as REST's Basic login or a TLS certificate; asked when it is needed. */
  prove: (() => Promise<Principal | undefined>) | undefined;
  /** Who a REST request says that it is; for the audit log only. */
  claimed: string;
  /** What rpc/auth_ssl gave to this connection; good for one answer. */
  challenge: { readonly text: string; readonly untilMs: number } | undefined;
  readonly subscriptions: Set<string>;
  /** Whether it was logged in at any time. */
  wasKnown: boolean;
}

export function newPeer(transport: Peer['transport'], address: string): Peer {
  return {
    transport,
    address,
    token: undefined,
    prove: undefined,
    claimed: '',
    challenge: undefined,
    subscriptions: new Set(),
    wasKnown: false,
  };
}

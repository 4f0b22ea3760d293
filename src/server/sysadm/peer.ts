/** One connection, or one REST request, as the API sees it: who it is by now and what it asked for. */
import { ApiError } from '../api-error.ts';
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
  readonly door: Door;
}

/** What the transport knows of the connection. */
export interface Door {
  /** Somebody logged in. @returns false: that account has too many connections already */
  readonly admit: (user: string) => boolean;
  /** Told when nobody waits for an answer any more. */
  readonly gone?: AbortSignal;
}

const openDoor: Door = { admit: () => true };

export function newPeer(transport: Peer['transport'], address: string, door: Door = openDoor): Peer {
  return {
    transport,
    address,
    token: undefined,
    prove: undefined,
    claimed: '',
    challenge: undefined,
    subscriptions: new Set(),
    wasKnown: false,
    door,
  };
}

/** @throws ApiError 503 when that account has too many connections */
export function becomeKnown(peer: Peer, { user }: Principal): void {
  if (!peer.door.admit(user)) throw new ApiError(503);
  peer.wasKnown = true;
}

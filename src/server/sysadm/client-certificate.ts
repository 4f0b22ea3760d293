/** The TLS certificate that a client showed, as a proof of who it is; undefined when it showed none. */
import type { TLSSocket } from 'node:tls';
import type { Login } from '../login.ts';
import type { Peer } from './peer.ts';

export function certificateProof(socket: TLSSocket, login: Login): Peer['prove'] {
  const certificate = socket.getPeerX509Certificate?.();
  if (certificate === undefined) return undefined;
  const trusted = socket.authorized;
  // Asked again for every request: the account may be gone by then.
  return () => login.certificate(certificate, trusted);
}

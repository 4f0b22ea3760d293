/** Addresses of peers: one spelling each, and which of them are this host itself. Pure. */

/** An IPv4 peer of a socket that speaks both is written as IPv4. */
export function peerAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').toLowerCase();
}

export const isLoopback = (address: string): boolean =>
  address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);

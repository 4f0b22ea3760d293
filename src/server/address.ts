/** Addresses of peers: one spelling each, and which of them are this host itself. Pure. */

/** An IPv4 peer of a socket that speaks both is written as IPv4. */
export function peerAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').toLowerCase();
}

export const isLoopback = (address: string): boolean =>
  address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);

/**
 * Whose address it is: of IPv6 the first 64 bits, since whoever has one address there has all of them.
 *
 * @example networkOf('2001:db8::1') === networkOf('2001:db8::2')
 */
export function networkOf(address: string): string {
  if (!address.includes(':') || isLoopback(address)) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const groups = head.split(':').filter((group) => group !== '');
  // Of the groups behind `::` those that still belong to the first four.
  const after = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0');
  const first = [...groups, ...zeros, ...after].slice(0, 4);
  return `${first.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}

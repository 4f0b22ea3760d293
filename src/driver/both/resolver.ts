/**
 * The text of a jail's resolv.conf(5) from its `resolver` property. Pure.
 *
 * `none`: as the host's; `/dev/null`: the jail's own file stays; otherwise lines joined with `;`.
 */
export function resolvConfText(
  resolver: string | undefined,
  host: string,
  ownNetwork: boolean,
): string | undefined {
  if (resolver === '/dev/null') return undefined;
  if (resolver === undefined || resolver === 'none' || resolver === '') return fromHost(host, ownNetwork);
  return resolver
    .split(';')
    .map((line) => `${line.trim()}\n`)
    .join('');
}

/** A server on the host's loopback (systemd-resolved, dnsmasq) cannot be reached from another network. */
function fromHost(host: string, ownNetwork: boolean): string {
  if (!ownNetwork) return host;
  return host
    .split('\n')
    .filter((line) => !/^\s*nameserver\s+(127\.|::1\s*$)/.test(line))
    .join('\n');
}

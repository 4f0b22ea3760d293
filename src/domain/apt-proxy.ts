/**
 * The proxies that this machine's apt asks, for programs that do not read its configuration: mmdebstrap's apt has one of
 * its own, debootstrap's wget(1) another. Both take the variables of the environment. See apt.conf(5) and
 * apt-transport-http(1); proxies for single hosts other than `DIRECT` are not taken over. Pure.
 */

/** Lines of `NAME VALUE`. */
export const aptProxyArgv = [
  ...['apt-config', 'dump', '--no-empty', '--format', '%f %v%n'],
  ...['Acquire::http::Proxy', 'Acquire::https::Proxy'],
];

/**
 * @example aptProxies('Acquire::http::Proxy http://proxy:3128/\nAcquire::http::Proxy::deb.lan DIRECT\n')
 *          // { http_proxy: 'http://proxy:3128/', https_proxy: 'http://proxy:3128/', no_proxy: 'deb.lan' }
 */
export function aptProxies(dump: string): Readonly<Record<string, string>> {
  const general = new Map<string, string>();
  const direct = new Set<string>();
  for (const line of dump.split('\n')) {
    const [, way, host, value = ''] = /^Acquire::(https?)::Proxy(?:::(\S+))? (\S+)$/i.exec(line) ?? [];
    if (way === undefined) continue;
    if (host === undefined) general.set(way.toLowerCase(), value);
    else if (value === 'DIRECT') direct.add(host);
  }
  // apt's https asks what its http asks, unless it has its own.
  const ways = { http_proxy: general.get('http'), https_proxy: general.get('https') ?? general.get('http') };
  const asked = Object.entries(ways).flatMap(([name, value = 'DIRECT']) =>
    value === 'DIRECT' ? [] : [[name, value] as const],
  );
  if (asked.length === 0) return {};
  return Object.fromEntries([
    ...asked,
    ...(direct.size === 0 ? [] : [['no_proxy', [...direct].join(',')] as const]),
  ]);
}

/** Whether what is at this address is asked for through one of the {@link aptProxies}. */
export function isProxied(proxies: Readonly<Record<string, string>>, address: string): boolean {
  const { protocol, hostname } = new URL(address);
  const direct = proxies['no_proxy']?.split(',') ?? [];
  return `${protocol.slice(0, -1)}_proxy` in proxies && !direct.includes(hostname);
}

/** Whether a wgetrc names a proxy; see wget(1), which takes `http_proxy`, `http-proxy` and `httpproxy` alike. */
export function namesProxy(wgetrc: string): boolean {
  return /^[ \t]*https?[-_]?proxy[ \t]*=[ \t]*\S/im.test(wgetrc);
}

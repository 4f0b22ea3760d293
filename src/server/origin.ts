/**
 * Which web pages may talk to the server. A browser names the page's origin itself and a page cannot
 * change that, so whoever is refused here is a page of somebody else, using the logins of the
 * person in front of it. Programs send no origin, or a word that is none (`sysadm-client`). Pure.
 */
export interface OriginRules {
  readonly allowed: readonly string[];
  /** Ports of this server: its own pages on the loopback names may talk to it. */
  readonly ports: readonly number[];
}

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

export function isOriginAllowed(origin: string | undefined, rules: OriginRules): boolean {
  if (origin === undefined) return true;
  // What a page cannot be called: no scheme, and not the `null` of sandboxed pages and files.
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(origin)) return origin.toLowerCase() !== 'null';
  if (rules.allowed.includes(origin)) return true;
  return loopbackNames.some((name) => rules.ports.some((port) => origin === `https://${name}:${port}`));
}

/** Fetch metadata of a browser (`Sec-Fetch-Site`): a page of another site, or of a neighbour, is refused. */
export function isFetchSiteAllowed(site: string | undefined): boolean {
  return site === undefined || site === 'none' || site === 'same-origin';
}

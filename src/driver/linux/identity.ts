/** Which host this is and which release it runs. Pure. See machine-id(5), os-release(5). */

/** COMPAT: /etc/hostid holds text on FreeBSD; on Linux it may hold four bytes, which are no identity here. */
export function hostIdFrom(hostId: string | undefined, machineId: string | undefined): string {
  const text = (hostId ?? '').trim();
  if (/^[0-9A-Za-z-]{8,64}$/.test(text)) return text;
  return (machineId ?? '').trim();
}

/** The suite that a new jail most likely wants: the host's own, when the host is of a family with suites. */
export function releaseFrom(osRelease: string): string | undefined {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1];
  const family = `${field('ID') ?? ''} ${field('ID_LIKE') ?? ''}`;
  return /\b(debian|ubuntu)\b/.test(family) ? field('VERSION_CODENAME') : undefined;
}

/** The host name of a jail from its properties. Pure. */
import type { JailSpec } from '../host.ts';

/** COMPAT: the early lines call it `hostname`, the later ones `host_hostname`; the later one counts. */
export function hostnameOf(jail: Pick<JailSpec, 'uuid' | 'config'>): string {
  const set = (key: string): string | undefined => {
    const value = jail.config.get(key);
    return value === undefined || value === '' || value === 'none' ? undefined : value;
  };
  const later = set('host_hostname');
  return (later === jail.uuid ? undefined : later) ?? set('hostname') ?? later ?? jail.uuid;
}

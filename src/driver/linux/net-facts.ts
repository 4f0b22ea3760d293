/**
 * What the host's network looks like just now: interfaces, addresses, the default route, and what
 * other jails hold. Parsers are pure, with captured output of ip(8) and proc(5) in their tests.
 */
import { canonicalAddress } from '../../domain/address.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { allStates, type JailState } from './state.ts';

export interface HostInterface {
  readonly name: string;
  readonly addresses: readonly { readonly family: 4 | 6; readonly address: string; readonly scope: string }[];
}

export interface NetFacts {
  readonly interfaces: readonly HostInterface[];
  /** Interface of the default route for each family; undefined when there is none. */
  readonly defaultNic: { readonly 4: string | undefined; readonly 6: string | undefined };
  /** Settings below /proc/sys/net by key, as they are now. */
  readonly sysctl: ReadonlyMap<string, string>;
  /** Records of all jails of this host, of every pool. */
  readonly jails: readonly JailState[];
}

/** Of `ip -j addr show`. */
export function parseInterfaces(json: string): readonly HostInterface[] {
  const rows = JSON.parse(json || '[]') as {
    ifname?: string;
    addr_info?: { family: string; local?: string; scope?: string }[];
  }[];
  return rows
    .filter((row) => row.ifname !== undefined)
    .map((row) => ({
      name: row.ifname!,
      addresses: (row.addr_info ?? [])
        .filter((info) => info.local !== undefined)
        .map((info) => {
          const family = info.family === 'inet6' ? 6 : 4;
          // Spelled as the planned addresses are, so that they can be compared as text.
          return {
            family,
            address: canonicalAddress(info.local!, family) ?? info.local!,
            scope: info.scope ?? 'global',
          };
        }),
    }));
}

/** Of /proc/net/route: destination and mask zero, the lowest metric wins. */
export function defaultNic4(route: string): string | undefined {
  return route
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((fields) => fields[1] === '00000000' && fields[7] === '00000000' && parseInt(fields[3]!, 16) & 1)
    .sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0];
}

/** Of /proc/net/ipv6_route; the kernel's own reject route on lo does not count. */
export function defaultNic6(route: string): string | undefined {
  return route
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[0] === '0'.repeat(32) && fields[1] === '00' && fields[9] !== 'lo')
    .sort((a, b) => parseInt(a[5]!, 16) - parseInt(b[5]!, 16))[0]?.[9];
}

export async function readNetFacts(
  exec: Exec,
  files: Files,
  paths: Paths,
  sysctls: (nics: readonly string[]) => readonly string[],
): Promise<NetFacts> {
  const [{ stdout }, route, route6, jails] = await Promise.all([
    exec.read(['ip', '-j', 'addr', 'show']),
    files.read('/proc/net/route'),
    files.read('/proc/net/ipv6_route'),
    allStates(files, paths),
  ]);
  const interfaces = parseInterfaces(stdout);
  const sysctl = new Map<string, string>();
  for (const key of sysctls(interfaces.map((found) => found.name))) {
    const value = await files.read(`/proc/sys/${key}`).catch(() => undefined);
    if (value !== undefined) sysctl.set(key, value.trim());
  }
  return {
    interfaces,
    defaultNic: { 4: defaultNic4(route ?? ''), 6: defaultNic6(route6 ?? '') },
    sysctl,
    jails,
  };
}

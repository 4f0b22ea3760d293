/**
 * What the host's network looks like just now: interfaces, addresses, the default route, and what
 * other jails hold. Parsers are pure, with captured output of ip(8) and proc(5) in their tests.
 */
import { canonicalAddress } from '../../domain/address.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { hostIdFrom } from './identity.ts';
import { allStates, type JailState } from './state.ts';

export interface HostAddress {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefix: number;
  readonly scope: string;
}

export interface HostInterface {
  readonly name: string;
  readonly addresses: readonly HostAddress[];
  /** Link address; empty where the kind has none. */
  readonly mac: string;
  readonly mtu: number;
  /** Kind of a virtual interface, such as `bridge`; empty for others. */
  readonly kind: string;
  readonly up: boolean;
  /** Bridge or bond that it is a member of. */
  readonly master?: string;
  /** Device that it stands on (a VLAN's), or the other end of a pair. */
  readonly lower?: string;
}

export interface NetFacts {
  readonly interfaces: readonly HostInterface[];
  /** Interface of the default route for each family; undefined when there is none. */
  readonly defaultNic: { readonly 4: string | undefined; readonly 6: string | undefined };
  /** Interfaces that any route of the main table leads over, the kernel's link-local ones aside. */
  readonly routed: ReadonlySet<string>;
  /** Gateway of the default route for each family. */
  readonly gateway: { readonly 4: string | undefined; readonly 6: string | undefined };
  readonly hostId: string;
  /** Settings below /proc/sys/net by key, as they are now. */
  readonly sysctl: ReadonlyMap<string, string>;
  /** Records of all jails of this host, of every pool. */
  readonly jails: readonly JailState[];
}

/** Of `ip -j -d addr show`. */
export function parseInterfaces(json: string): readonly HostInterface[] {
  const rows = JSON.parse(json || '[]') as {
    ifname?: string;
    flags?: string[];
    mtu?: number;
    address?: string;
    master?: string;
    link?: string;
    linkinfo?: { info_kind?: string };
    addr_info?: { family: string; local?: string; prefixlen?: number; scope?: string }[];
  }[];
  return rows
    .filter((row) => row.ifname !== undefined)
    .map((row) => ({
      name: row.ifname!,
      mac: row.address ?? '',
      mtu: row.mtu ?? 1500,
      kind: row.linkinfo?.info_kind ?? '',
      up: row.flags?.includes('UP') ?? false,
      ...(row.master === undefined ? {} : { master: row.master }),
      ...(row.link === undefined ? {} : { lower: row.link }),
      addresses: (row.addr_info ?? [])
        .filter((info) => info.local !== undefined)
        .map((info) => {
          const family = info.family === 'inet6' ? 6 : 4;
          // Spelled as the planned addresses are, so that they can be compared as text.
          return {
            family,
            address: canonicalAddress(info.local!, family) ?? info.local!,
            prefix: info.prefixlen ?? (family === 4 ? 32 : 128),
            scope: info.scope ?? 'global',
          };
        }),
    }));
}

export interface DefaultRoute {
  readonly nic: string | undefined;
  readonly gateway: string | undefined;
}

/** Of /proc/net/route: destination and mask zero, the lowest metric wins. The kernel prints addresses as the machine's own words. */
export function defaultRoute4(route: string): DefaultRoute {
  const fields = route
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter((found) => found[1] === '00000000' && found[7] === '00000000' && parseInt(found[3]!, 16) & 1)
    .sort((a, b) => Number(a[6]) - Number(b[6]))[0];
  const octets = fields?.[2]?.match(/../g)?.map((octet) => parseInt(octet, 16)) ?? [];
  const gateway = octets.reverse().join('.');
  return { nic: fields?.[0], gateway: ['', '0.0.0.0'].includes(gateway) ? undefined : gateway };
}

/** Of /proc/net/ipv6_route; the kernel's own reject route on lo does not count. */
export function defaultRoute6(route: string): DefaultRoute {
  const fields = route
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((found) => found[0] === '0'.repeat(32) && found[1] === '00' && found[9] !== 'lo')
    .sort((a, b) => parseInt(a[5]!, 16) - parseInt(b[5]!, 16))[0];
  const gateway = canonicalAddress((fields?.[4]?.match(/.{4}/g) ?? []).join(':'), 6);
  return { nic: fields?.[9], gateway: gateway === '::' ? undefined : gateway };
}

/** Of both files: names of the interfaces in them. */
export function routedNics(route: string, route6: string): ReadonlySet<string> {
  const four = route
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t')[0]!);
  const six = route6
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length === 10 && !/^(fe[89ab]|ff)/.test(fields[0]!))
    // Addresses of the host itself, and the reject route, stand in the file too.
    .filter((fields) => !(parseInt(fields[8]!, 16) & 0x80000200))
    .map((fields) => fields[9]!);
  return new Set([...four, ...six].filter((name) => name !== '' && name !== 'lo'));
}

export async function readNetFacts(
  exec: Exec,
  files: Files,
  paths: Paths,
  sysctls: (nics: readonly string[]) => readonly string[],
): Promise<NetFacts> {
  const [{ stdout }, route, route6, hostId, machineId, jails] = await Promise.all([
    exec.read(['ip', '-j', '-d', 'addr', 'show']),
    files.read('/proc/net/route'),
    files.read('/proc/net/ipv6_route'),
    files.read('/etc/hostid'),
    files.read('/etc/machine-id'),
    allStates(files, paths),
  ]);
  const interfaces = parseInterfaces(stdout);
  const sysctl = new Map<string, string>();
  for (const key of sysctls(interfaces.map((found) => found.name))) {
    const value = await files.read(`/proc/sys/${key}`).catch(() => undefined);
    if (value !== undefined) sysctl.set(key, value.trim());
  }
  const [default4, default6] = [defaultRoute4(route ?? ''), defaultRoute6(route6 ?? '')];
  return {
    interfaces,
    defaultNic: { 4: default4.nic, 6: default6.nic },
    routed: routedNics(route ?? '', route6 ?? ''),
    gateway: { 4: default4.gateway, 6: default6.gateway },
    hostId: hostIdFrom(hostId, machineId),
    sysctl,
    jails,
  };
}

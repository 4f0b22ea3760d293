/**
 * What the host's network looks like just now. FreeBSD's ifconfig(8) has no JSON, netstat(1) has. Parsers
 * are pure, with texts in the form of the manual pages in their tests.
 */
import { canonicalAddress } from '../../domain/address.ts';
import { failure } from '../../domain/errors.ts';
import type { Exec, Files, Paths } from '../system.ts';
import type { ByFamily, HostAddress } from '../both/network.ts';
import { parseSysctls } from './facts.ts';
import { allStates, type JailState } from './state.ts';

export interface HostInterface {
  readonly name: string;
  readonly addresses: readonly HostAddress[];
  /** Link address; empty where the kind has none. */
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** What somebody wrote to it; empty where nobody did. */
  readonly description: string;
  readonly groups: readonly string[];
  /** Of a bridge. */
  readonly members: readonly string[];
  /** IPv6 is switched off on it: it keeps addresses, and none of them works (`ifdisabled`). */
  readonly ip6Off: boolean;
}

export interface NetFacts {
  readonly interfaces: readonly HostInterface[];
  readonly defaultNic: ByFamily;
  readonly gateway: ByFamily;
  readonly hostId: string;
  readonly sysctl: ReadonlyMap<string, string>;
  /** Records of all jails of this host, of every pool. */
  readonly jails: readonly JailState[];
  /** Numbers that ipfw(8) has in use, where they are asked for. */
  readonly ipfwNumbers?: ReadonlySet<number>;
}

/** `0xffffff00` of ifconfig(8) as a length; a mask with holes counts as one address. */
function prefixOf(mask: string): number {
  const bits = Number(mask).toString(2).padStart(32, '0');
  return /^1*0*$/.test(bits) ? bits.replace(/0+$/, '').length : 32;
}

function addressIn(line: string): HostAddress | undefined {
  const four = /^inet (\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?(?:.*? netmask (0x[0-9a-f]{8}))?/.exec(line);
  if (four) {
    const prefix = four[2] === undefined ? prefixOf(four[3] ?? '0xffffffff') : Number(four[2]);
    return { family: 4, address: four[1]!, prefix };
  }
  const six = /^inet6 ([0-9a-fA-F:.]+)(?:%[^\s/]+)?(?:\/(\d+))?(?:.*? prefixlen (\d+))?/.exec(line);
  if (!six) return undefined;
  return {
    family: 6,
    address: canonicalAddress(six[1]!, 6) ?? six[1]!,
    prefix: Number(six[2] ?? six[3] ?? 128),
  };
}

/** Of `ifconfig -a`: a block of lines for each interface, of which only the first begins at the edge. */
export function parseInterfaces(text: string): readonly HostInterface[] {
  const blocks = text.split(/\n(?=\S)/).filter((block) => /^[^\s:]+: flags=/.test(block));
  return blocks.map((block) => {
    const [head = '', ...lines] = block.split('\n');
    const inner = lines.map((line) => line.trim());
    const after = (word: string): readonly string[] =>
      inner.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
    return {
      name: head.slice(0, head.indexOf(': flags=')),
      mtu: Number(/ mtu (\d+)/.exec(head)?.[1] ?? 1500),
      up: /<(?:[^>]*,)?UP[,>]/.test(head),
      mac: after('ether')[0]?.split(' ')[0] ?? '',
      description: after('description:')[0] ?? '',
      groups: after('groups:').flatMap((words) => words.split(/\s+/)),
      members: after('member:').map((words) => words.split(/\s+/)[0]!),
      ip6Off: inner.some((line) => /^nd6 options=[0-9a-f]+<(?:[^>]*,)?IFDISABLED[,>]/.test(line)),
      addresses: inner.flatMap((line) => addressIn(line) ?? []),
    };
  });
}

/** Of `ifconfig NIC inet6`: addresses that the kernel still asks the network for, or that another machine has. */
export function parseDetection(
  text: string,
): readonly { readonly address: string; readonly state: 'tentative' | 'duplicated' }[] {
  return text.split('\n').flatMap((line) => {
    const found = addressIn(line.trim());
    const state = / (tentative|duplicated)\b/.exec(line)?.[1] as 'tentative' | 'duplicated' | undefined;
    return found === undefined || state === undefined ? [] : [{ address: found.address, state }];
  });
}

export interface DefaultRoute {
  readonly nic: string | undefined;
  readonly gateway: string | undefined;
}

const routeListing = ['netstat', '-rn', '--libxo', 'json'] as const;

interface RouteFamily {
  readonly 'address-family'?: string;
  readonly 'rt-entry'?: readonly {
    readonly destination?: string;
    readonly gateway?: string;
    readonly 'interface-name'?: string;
  }[];
}

/** Of `netstat -rn --libxo json`: the default route of each family. */
export function parseDefaultRoutes(json: string): { readonly 4: DefaultRoute; readonly 6: DefaultRoute } {
  let top: {
    statistics?: { 'route-information'?: { 'route-table'?: { 'rt-family'?: readonly RouteFamily[] } } };
  };
  try {
    top = JSON.parse(json.trim() || '{}') as typeof top;
  } catch {
    throw failure('COMMAND_FAILED', {
      argv: [...routeListing],
      status: 'no JSON',
      stderr: json.slice(0, 200),
    });
  }
  const families = top.statistics?.['route-information']?.['route-table']?.['rt-family'] ?? [];
  const find = (name: string, version: 4 | 6): DefaultRoute => {
    const entries = families
      .filter((family) => family['address-family'] === name)
      .flatMap((family) => family['rt-entry'] ?? []);
    const found = entries.find(({ destination }) => destination === 'default');
    const [gateway = ''] = (found?.gateway ?? '').split('%');
    return { nic: found?.['interface-name'], gateway: canonicalAddress(gateway, version) };
  };
  return { 4: find('Internet', 4), 6: find('Internet6', 6) };
}

const netSysctls = ['net.inet.ip.forwarding', 'net.inet.ip.fw.enable', 'net.inet.ip.fw.one_pass'] as const;

/** Whether members of a bridge may have addresses: if_bridge(4) of 15, and gone in 16, where none may. */
export const memberAddresses = 'net.link.bridge.member_ifaddrs';

/** @param more variables that only this host's release has */
export async function readNetFacts(
  exec: Exec,
  files: Files,
  paths: Paths,
  more: readonly string[] = [],
): Promise<NetFacts> {
  const [interfaces, routes, sysctls, hostId, jails] = await Promise.all([
    exec.read(['ifconfig', '-a']),
    exec.read(routeListing),
    exec.read(['sysctl', '-ie', ...netSysctls, ...more], { accept: 'any' }),
    files.read('/etc/hostid'),
    allStates(files, paths),
  ]);
  const defaults = parseDefaultRoutes(routes.stdout);
  return {
    interfaces: parseInterfaces(interfaces.stdout),
    defaultNic: { 4: defaults[4].nic, 6: defaults[6].nic },
    gateway: { 4: defaults[4].gateway, 6: defaults[6].gateway },
    hostId: (hostId ?? '').trim(),
    sysctl: parseSysctls(sysctls.stdout),
    jails,
  };
}

/**
 * Addresses behind the host's: which one a jail gets, which ports of the host lead to it, and the rule
 * set for that. Each jail has a table of its own, made and removed in one transaction, so nothing of the
 * user's rules or of another jail's is ever read or changed. Pure. See nft(8).
 */
import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { natForwards } from '../../domain/codec/nat.ts';
import { isOn } from '../../domain/config.ts';
import type { JailSpec } from '../host.ts';
import type { Files } from '../system.ts';
import type { NetFacts } from './net-facts.ts';
import type { NetProblem } from './net-plan.ts';

/** Ports of the host, both ends included, that lead to `to` and the following ones of the jail. */
export interface PlannedForward {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly until: number;
  /** First port in the jail. */
  readonly to: number;
}

export interface PlannedNat {
  readonly table: string;
  /** Interface of the host that the jail's connections leave by, and that forwarded ones come in at. */
  readonly nic: string;
  readonly addresses: readonly string[];
  readonly forwards: readonly PlannedForward[];
  /** A program of the host that comes to listen on a forwarded port later is the one that is reached. */
  readonly yields?: true;
}

export interface NatBlock {
  /** The host's end of the link. */
  readonly gateway: string;
  readonly address: string;
}

type JailId = Pick<JailSpec, 'pool' | 'uuid'>;

const blockSize = 4;
const blocks = 65536 / blockSize;

function block(prefix: string, number: number): NatBlock {
  const at = (offset: number): string => {
    const low = number * blockSize + offset;
    return `${prefix}.${low >> 8}.${low & 255}`;
  };
  return { gateway: at(1), address: at(2) };
}

/** The four addresses around one that an earlier start, or another iocage, took from the private network. */
export function blockAround(prefix: string, address: string): NatBlock | undefined {
  const octets = address.split('.').map(Number);
  if (`${octets[0]}.${octets[1]}` !== prefix) return undefined;
  const low = octets[2]! * 256 + octets[3]!;
  const found = block(prefix, Math.floor(low / blockSize));
  return found.address === address ? found : undefined;
}

function overlaps(candidate: NatBlock, address: string, length: number): boolean {
  const prefix = Math.min(length, 30);
  return ipaddr.parse(candidate.address).match(ipaddr.parse(address), prefix);
}

/**
 * Four free addresses of the private network: tried from a place that depends on the jail, so that a jail
 * has the same one at nearly every start. Undefined when the network is full or is somebody else's.
 */
export function freeBlock(prefix: string, jail: JailId, facts: NetFacts): NatBlock | undefined {
  const nets = facts.interfaces.flatMap(({ addresses }) => addresses.filter(({ family }) => family === 4));
  const taken = facts.jails
    .filter(({ pool, uuid }) => !(pool === jail.pool && uuid === jail.uuid))
    .flatMap(({ network }) => (typeof network === 'object' ? network.addresses : []))
    .filter(({ family }) => family === 4);
  const first = createHash('sha256').update(`${jail.pool}\0${jail.uuid}`).digest().readUInt32BE() % blocks;
  for (let tried = 0; tried < blocks; tried += 1) {
    const candidate = block(prefix, (first + tried) % blocks);
    if (nets.some(({ address, prefix: length }) => overlaps(candidate, address, length))) continue;
    if (taken.some(({ address }) => overlaps(candidate, address, 32))) continue;
    return candidate;
  }
  return undefined;
}

/** The forwards of a jail, one for each protocol. Throws ValueProblem. */
export function forwardsOf(text: string | undefined): readonly PlannedForward[] {
  return natForwards
    .parse(text ?? 'none')
    .flatMap(({ protocol, from, to, host }) =>
      (['tcp', 'udp'] as const)
        .filter((name) => protocol.split('/').includes(name))
        .map((name) => ({ protocol: name, from: host, until: host + (to - from), to: from })),
    );
}

const meet = (a: PlannedForward, b: PlannedForward): boolean =>
  a.protocol === b.protocol && a.from <= b.until && b.from <= a.until;

const ports = ({ from, until }: PlannedForward): string => (from === until ? `${from}` : `${from}-${until}`);

/** Ports that another jail has, or on which the host itself listens: it would not be heard any more. */
export function forwardProblems(
  forwards: readonly PlannedForward[],
  jail: JailId,
  facts: Pick<NetFacts, 'jails'>,
  listening: ReadonlySet<string>,
): readonly NetProblem[] {
  const key = 'nat_forwards';
  return forwards.flatMap((forward) => {
    const holder = facts.jails.find(
      ({ pool, uuid, network }) =>
        !(pool === jail.pool && uuid === jail.uuid) &&
        typeof network === 'object' &&
        network.nat?.forwards.some((other) => meet(forward, other)),
    );
    const what = `${forward.protocol} port ${ports(forward)} of the host`;
    if (holder) return [{ key, problem: `${what} leads to jail ${holder.uuid} already` }];
    for (let port = forward.from; port <= forward.until; port += 1) {
      if (!listening.has(`${forward.protocol}/${port}`)) continue;
      return [{ key, problem: `${what}: a program of the host listens on ${port}` }];
    }
    return [];
  });
}

/** Local ports of /proc/net/tcp, udp and their IPv6 sisters that somebody waits on, as `tcp/22`; see proc(5). */
export function listeningPorts(protocol: 'tcp' | 'udp', text: string): readonly string[] {
  const state = protocol === 'tcp' ? '0A' : '07';
  return (
    text
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === state)
      .map((fields) => fields[1]!.split(':'))
      // Loopback cannot be reached from outside, and forwards leave it alone.
      .filter(([address]) => !/^(?:[0-9A-F]{6}7F|0{24}01000000)$/.test(address ?? ''))
      .map(([, port]) => `${protocol}/${parseInt(port ?? '0', 16)}`)
  );
}

export const wantsNat = (config: ReadonlyMap<string, string>): boolean =>
  isOn(config, 'nat') && config.get('ip4') !== 'disable';

/** Whether this host has the packet filter's program. */
export async function hasNft(files: Files): Promise<boolean> {
  for (const directory of ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'])
    if (await files.stat(`${directory}/nft`)) return true;
  return false;
}

/** Matches what a program of the host waits for, as the kernel would find it; see nft(8), SOCKET EXPRESSION. */
const ownSocket = 'socket wildcard { 0, 1 } return';

/** For `nft -c`: whether this kernel can look for sockets. Nothing is made. */
export const socketProbe = `table ip iocage-probe {\n chain c {\n  ${ownSocket}\n }\n}\n`;

/** The jail's table as `nft -f` reads it. Every word of it was checked before: names, numbers, addresses. */
export function natTable(nat: PlannedNat): string {
  const target = nat.addresses[0]!;
  const rule = ({ protocol, to, ...range }: PlannedForward): string => {
    const place = range.from === range.until ? `${target}:${to}` : target;
    return `fib daddr type local ${protocol} dport ${ports({ protocol, to, ...range })} dnat to ${place}`;
  };
  const chain = (name: string, hook: string, rules: readonly string[]): readonly string[] => [
    ` chain ${name} {`,
    `  type nat hook ${hook}; policy accept;`,
    ...rules.map((line) => `  ${line}`),
    ' }',
  ];
  return [
    `table ip ${nat.table} {`,
    ...(nat.forwards.length === 0
      ? []
      : [
          ...chain('prerouting', 'prerouting priority -100', [
            ...(nat.yields ? [`iifname "${nat.nic}" ${ownSocket}`] : []),
            ...nat.forwards.map((forward) => `iifname "${nat.nic}" ${rule(forward)}`),
          ]),
          // What the host itself sends to one of its addresses; 127.0.0.1 stays its own.
          ...chain(
            'output',
            'output priority -100',
            nat.forwards.map((forward) => `ip daddr != 127.0.0.0/8 ${rule(forward)}`),
          ),
        ]),
    ...chain('postrouting', 'postrouting priority 100', [
      `ip saddr { ${nat.addresses.join(', ')} } oifname "${nat.nic}" masquerade`,
    ]),
    '}',
    '',
  ].join('\n');
}

/** Harmless when the table is not there: it is made first. */
export const natRemoval = (nat: Pick<PlannedNat, 'table'>): string =>
  `table ip ${nat.table} {}\ndelete table ip ${nat.table}\n`;

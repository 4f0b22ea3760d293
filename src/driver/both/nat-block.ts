/**
 * Addresses behind the host's, whatever translates them: which one a jail gets, and which ports of the host
 * lead to it. Pure.
 */
import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { natForwards } from '../../domain/codec/nat.ts';
import { isOn } from '../../domain/config.ts';
import type { JailSpec, Problem } from '../host.ts';
import type { HostNetwork, PlannedForward } from './network.ts';
import { sameJail } from './state.ts';

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
export function freeBlock(prefix: string, jail: JailId, facts: HostNetwork): NatBlock | undefined {
  const nets = facts.interfaces.flatMap(({ addresses }) => addresses.filter(({ family }) => family === 4));
  const taken = facts.jails
    .filter((other) => !sameJail(jail, other))
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

export const ports = ({ from, until }: PlannedForward): string =>
  from === until ? `${from}` : `${from}-${until}`;

/** Ports that another jail has, or on which the host itself listens: it would not be heard any more. */
export function forwardProblems(
  forwards: readonly PlannedForward[],
  jail: JailId,
  facts: Pick<HostNetwork, 'jails'>,
  listening: ReadonlySet<string>,
): readonly Problem[] {
  const key = 'nat_forwards';
  return forwards.flatMap((forward) => {
    const holder = facts.jails.find(
      (known) =>
        !sameJail(jail, known) &&
        typeof known.network === 'object' &&
        known.network.nat?.forwards.some((other) => meet(forward, other)),
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

export const wantsNat = (config: ReadonlyMap<string, string>): boolean =>
  isOn(config, 'nat') && config.get('ip4') !== 'disable';

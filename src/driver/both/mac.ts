/**
 * Link addresses of a vnet jail's interfaces: the same at every start, made from the host, the jail and
 * the interface, so that two hosts that hold a copy of one jail do not meet on a network. Pure.
 *
 * A Linux bridge without a link address of its own takes the lowest one of its members: the host's end
 * begins with fe, which no other member's is above, so that a jail never changes the bridge's.
 */
import { createHash } from 'node:crypto';
import type { MacPair } from '../../domain/codec/interfaces.ts';

export interface MacOwner {
  readonly hostId: string;
  readonly pool: string;
  readonly uuid: string;
  readonly nic: string;
}

const usualPrefix = '02ff60';

function pairOf(owner: MacOwner, prefix: string, attempt: number): MacPair {
  const text = [owner.hostId, owner.pool, owner.uuid, owner.nic, ...(attempt > 0 ? [attempt] : [])].join(
    '\0',
  );
  const hash = createHash('sha256').update(text).digest('hex');
  const octets = (digits: string): string => digits.match(/../g)!.join(':');
  return {
    host: octets(`fe${prefix.slice(2)}${hash.slice(0, 6)}`),
    jail: octets(`${prefix}${hash.slice(6, 12)}`),
  };
}

/**
 * A pair of which neither is taken.
 *
 * @param prefix value of `mac_prefix`; `none` or undefined is the usual one.
 */
export function macsFor(owner: MacOwner, prefix: string | undefined, taken: ReadonlySet<string>): MacPair {
  const digits = prefix === undefined || prefix === 'none' ? usualPrefix : prefix.toLowerCase();
  for (let attempt = 0; ; attempt += 1) {
    const pair = pairOf(owner, digits, attempt);
    if (!taken.has(pair.host) && !taken.has(pair.jail)) return pair;
  }
}

/** The property that keeps the link addresses of an interface; only four names have one. */
export const macKey = (nic: string): string | undefined =>
  /^vnet[0-3]$/.test(nic) ? `${nic}_mac` : undefined;

/**
 * AUTOIP4: the lowest free address of a range, as the early line gave it out: the first three octets of
 * the host's default gateway, the last from `ip4_autostart` to `ip4_autoend`. Pure.
 */
import ipaddr from 'ipaddr.js';
import type { HostNetwork } from './network.ts';

export type AutoAddress =
  | { readonly address: string; readonly prefix: number; readonly problem?: undefined }
  | { readonly problem: string };

/** What keeps an AUTOIP4 from an address, for the check: where it finds one itself, stopped jails hold them all. */
export function autoProblem(
  config: ReadonlyMap<string, string>,
  facts: Parameters<typeof autoAddress>[1],
): string {
  const found = autoAddress(config, facts, []);
  return found.problem ?? 'IP4 Automatic Address exhaustion: the free ones are kept by jails that do not run';
}

const bound = (config: ReadonlyMap<string, string>, key: string): number | undefined => {
  const text = config.get(key) ?? 'none';
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
};

/** @param stored values of `ip4_addr` of the other jails, running or not. */
export function autoAddress(
  config: ReadonlyMap<string, string>,
  facts: Pick<HostNetwork, 'interfaces' | 'gateway' | 'jails'>,
  stored: readonly string[],
): AutoAddress {
  const [from, to] = [bound(config, 'ip4_autostart'), bound(config, 'ip4_autoend')];
  if (from === undefined) return { problem: 'AUTOIP4 is specified, but ip4_autostart is not set!' };
  if (to === undefined) return { problem: 'AUTOIP4 is specified, but ip4_autoend is not set!' };
  const gateway = facts.gateway[4];
  if (gateway === undefined) return { problem: 'AUTOIP4: the host has no default gateway' };
  const network = ipaddr.IPv4.parse(gateway).octets.slice(0, 3).join('.');
  const taken = new Set([
    gateway,
    ...facts.interfaces.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    ...facts.jails.flatMap(({ network: held }) =>
      typeof held === 'object' ? held.addresses.map(({ address }) => address) : [],
    ),
    ...stored.flatMap((text) => text.match(/\d+\.\d+\.\d+\.\d+/g) ?? []),
  ]);
  for (let last = from; last <= to; last += 1) {
    const address = `${network}.${last}`;
    if (!taken.has(address)) return { address, prefix: bound(config, 'ip4_autosubnet') ?? 24 };
  }
  return { problem: `IP4 Automatic Address exhaustion: ${network}.${from} to ${network}.${to} are in use` };
}

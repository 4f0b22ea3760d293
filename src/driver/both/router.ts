/**
 * Where a vnet jail sends what is in none of its networks, whatever the kernel: the router that `defaultrouter` and
 * `defaultrouter6` name, and the interface of the jail towards it. Pure; problems are collected, never thrown.
 */
import ipaddr from 'ipaddr.js';
import { ip4OrNone, ip6OrNone } from '../../domain/address.ts';
import type { Problem } from '../host.ts';
import type { ByFamily } from './network.ts';
import { collect } from './wanted.ts';

interface Own {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefix: number;
  readonly nic: string;
}

interface Router {
  readonly address: string;
  readonly nic: string;
  /** It is on every network: the interface is the one that was named, which may be none of the jail's. */
  readonly linkLocal: boolean;
}

export const routerKey = (family: 4 | 6): 'defaultrouter' | 'defaultrouter6' =>
  family === 4 ? 'defaultrouter' : 'defaultrouter6';

/** The jail's interface whose networks an address lies in. */
export function nicTowards(addresses: readonly Own[], family: 4 | 6, router: string): string | undefined {
  return addresses.find(
    (own) => own.family === family && ipaddr.parse(router).match(ipaddr.parse(own.address), own.prefix),
  )?.nic;
}

/**
 * @param own fixed addresses of the jail; without one of the family it is DHCP's affair, or nobody's
 * @param gateway the host's own, for `auto`
 */
export function routerOf(
  config: ReadonlyMap<string, string>,
  family: 4 | 6,
  own: readonly Own[],
  gateway: ByFamily,
  problems: Problem[],
): Router | undefined {
  const key = routerKey(family);
  const text = config.get(key) ?? 'none';
  const first = own.find((address) => address.family === family);
  if (first === undefined) return undefined;
  const found: { router: string | null } = { router: null };
  collect(problems, key, () => {
    const codec = family === 4 ? ip4OrNone : ip6OrNone;
    found.router = text === 'auto' ? (gateway[family] ?? null) : codec.parse(text);
  });
  if (found.router === null) return undefined;
  const [address = '', zone] = found.router.split('%');
  // Without a name it is on the network of the first address.
  if (family === 6 && ipaddr.parse(address).range() === 'linkLocal')
    return { address, nic: zone ?? first.nic, linkLocal: true };
  const nic = nicTowards(own, family, address);
  if (nic !== undefined) return { address, nic, linkLocal: false };
  return void problems.push({ key, problem: `${address} is in no network of the jail` });
}

/**
 * Addresses of a jail: the lists of `ip4_addr` and `ip6_addr`, and single addresses of routers.
 * Grammar: `ITEM[,ITEM ...]`, `ITEM = [IFACE|]ADDRESS[/PREFIX][ WORD ...]`, where IFACE may be DEFAULT
 * (the interface of the host's default route), ADDRESS may be AUTOIP4 or DHCP (IPv4) or accept_rtadv
 * (IPv6), and the words are passed to ifconfig(8) unread. Pure; says nothing about what a host can do.
 */
import ipaddr from 'ipaddr.js';
import type { Codec } from './property.ts';
import { ValueProblem } from './property.ts';

export type Family = 4 | 6;

/** One item of an address list. */
export interface JailAddress {
  /** Interface of the host (of the jail, with vnet); `DEFAULT` or undefined leave the choice to the host. */
  readonly iface?: string;
  /** `fixed`: `address` holds. `auto`: AUTOIP4. `dhcp`: DHCP. `rtadv`: accept_rtadv. */
  readonly kind: 'fixed' | 'auto' | 'dhcp' | 'rtadv';
  /** The address in canonical text (IPv6 after RFC 5952), for `fixed` only. */
  readonly address?: string;
  /** Prefix length when one was given. */
  readonly prefix?: number;
  /** Further words for ifconfig(8). */
  readonly extra?: readonly string[];
}

const dynamicWords: Readonly<
  Record<string, { kind: 'auto' | 'dhcp' | 'rtadv'; family: Family; print: string }>
> = {
  autoip4: { kind: 'auto', family: 4, print: 'AUTOIP4' },
  dhcp: { kind: 'dhcp', family: 4, print: 'DHCP' },
  accept_rtadv: { kind: 'rtadv', family: 6, print: 'accept_rtadv' },
};

/** What is wrong with the name of a network interface, in words. */
export function interfaceProblem(name: string): string | undefined {
  if (name === '') return 'the interface is missing';
  if (name.startsWith('-')) return `interface ${JSON.stringify(name)} begins with '-'`;
  if (name === '.' || name === '..' || !/^[A-Za-z0-9_.:-]+$/.test(name))
    return `${JSON.stringify(name)} is no interface name (letters, digits and _ . : - are)`;
  if (name.length > 15) return `interface ${JSON.stringify(name)} is longer than 15 characters`;
  return undefined;
}

/**
 * Canonical text of an IPv4 or IPv6 address; undefined for anything else. Shortened (`10.1`) and
 * octal (`010.0.0.1`) IPv4 spellings are nothing, since programs disagree on what they mean.
 *
 * @example canonicalAddress('2001:DB8:0::1', 6) === '2001:db8::1'
 */
export function canonicalAddress(text: string, family: Family): string | undefined {
  if (text.length > 60) return undefined;
  if (family === 4) {
    const strict = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
    return strict.test(text) && ipaddr.IPv4.isValid(text) ? ipaddr.IPv4.parse(text).toString() : undefined;
  }
  if (text.includes('%') || !text.includes(':') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text).toRFC5952String();
}

function unusable(address: string, family: Family): string | undefined {
  const range = ipaddr.parse(address).range();
  if (range === 'unspecified') return 'is the unspecified address';
  if (range === 'multicast') return 'is a multicast address';
  if (family === 4 && range === 'broadcast') return 'is the broadcast address';
  if (range === 'ipv4Mapped') return 'is an IPv4 address; ip4_addr takes those';
  return undefined;
}

function parsePrefix(text: string, family: Family): number {
  const longest = family === 4 ? 32 : 128;
  if (/^\d{1,3}$/.test(text) && Number(text) <= longest) return Number(text);
  // ifconfig(8) and jail(8) also take a netmask.
  if (family === 4 && canonicalAddress(text, 4)) {
    const length = ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask();
    if (length !== null) return length;
  }
  throw new ValueProblem(`/${text} is no prefix length (0 to ${longest})`);
}

function parseItem(text: string, family: Family): JailAddress {
  const bar = text.indexOf('|');
  const iface = bar < 0 ? undefined : text.slice(0, bar).trim();
  const [place = '', ...extra] = text
    .slice(bar + 1)
    .trim()
    .split(/\s+/);
  if (iface !== undefined) {
    const problem = interfaceProblem(iface);
    if (problem) throw new ValueProblem(problem);
  }
  if (place === '') throw new ValueProblem('an address is missing (IFACE|ADDRESS/PREFIX, commas between)');
  for (const word of extra) {
    if (!/^[!-,.-{}~][!-{}~]*$/.test(word))
      throw new ValueProblem(`${JSON.stringify(word)} cannot follow an address`);
  }
  const rest = {
    ...(iface === undefined ? {} : { iface }),
    ...(extra.length === 0 ? {} : { extra }),
  };
  const dynamic = Object.hasOwn(dynamicWords, place.toLowerCase())
    ? dynamicWords[place.toLowerCase()]
    : undefined;
  if (dynamic) {
    if (dynamic.family !== family)
      throw new ValueProblem(`${dynamic.print} is for IPv${dynamic.family} only`);
    return { ...rest, kind: dynamic.kind };
  }
  const slash = place.indexOf('/');
  const address = canonicalAddress(slash < 0 ? place : place.slice(0, slash), family);
  if (address === undefined) throw new ValueProblem(`${JSON.stringify(place)} is no IPv${family} address`);
  const problem = unusable(address, family);
  if (problem) throw new ValueProblem(`${address} ${problem}`);
  const prefix = slash < 0 ? {} : { prefix: parsePrefix(place.slice(slash + 1), family) };
  return { ...rest, kind: 'fixed', address, ...prefix };
}

function printItem(item: JailAddress): string {
  const place =
    item.kind === 'fixed'
      ? `${item.address}${item.prefix === undefined ? '' : `/${item.prefix}`}`
      : Object.values(dynamicWords).find(({ kind }) => kind === item.kind)!.print;
  return [`${item.iface === undefined ? '' : `${item.iface}|`}${place}`, ...(item.extra ?? [])].join(' ');
}

function addressList(family: Family): Codec<readonly JailAddress[]> {
  return {
    kind: `IPv${family} address list`,
    parse(text) {
      if (text.trim().toLowerCase() === 'none') return [];
      const items = text.split(',').map((item) => parseItem(item.trim(), family));
      const fixed = items.flatMap(({ address }) => address ?? []);
      const twice = fixed.find((address, index) => fixed.indexOf(address) !== index);
      if (twice) throw new ValueProblem(`${twice} is named twice`);
      return items;
    },
    print: (items) => (items.length === 0 ? 'none' : items.map(printItem).join(',')),
  };
}

/**
 * The value of `ip4_addr`; an empty list for `none`.
 *
 * @example ip4AddressList.parse('em0|10.0.0.2/24')[0] // { iface: 'em0', kind: 'fixed', address: '10.0.0.2', prefix: 24 }
 */
export const ip4AddressList = addressList(4);
/** The value of `ip6_addr`; an empty list for `none`. */
export const ip6AddressList = addressList(6);

/** One address, null for `none`; a link-local IPv6 router may carry its interface (`fe80::1%vnet0`). */
function addressOrNone(family: Family): Codec<string | null> {
  return {
    kind: `IPv${family} address or none`,
    choices: ['none'],
    parse(text) {
      const value = text.trim();
      if (value.toLowerCase() === 'none') return null;
      const percent = family === 6 ? value.indexOf('%') : -1;
      const address = canonicalAddress(percent < 0 ? value : value.slice(0, percent), family);
      if (address === undefined)
        throw new ValueProblem(`${JSON.stringify(value)} is no IPv${family} address`);
      const problem = unusable(address, family);
      if (problem) throw new ValueProblem(`${address} ${problem}`);
      if (percent < 0) return address;
      const zone = value.slice(percent + 1);
      const wrong = interfaceProblem(zone);
      if (wrong) throw new ValueProblem(wrong);
      return `${address}%${zone}`;
    },
    print: (address) => address ?? 'none',
  };
}

export const ip4OrNone = addressOrNone(4);
export const ip6OrNone = addressOrNone(6);

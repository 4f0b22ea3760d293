/** Network interfaces of a vnet jail: the `interfaces` list, single names, MTU, MAC pairs and prefixes. */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { interfaceProblem } from '../address.ts';
import { textWith } from './text.ts';

/** One interface of the jail and the bridge of the host that it is joined to; null for no bridge. */
export interface BridgedInterface {
  readonly nic: string;
  readonly bridge: string | null;
}

function assertInterface(name: string): string {
  // A colon separates NIC from BRIDGE, so it cannot be part of either here.
  const problem = name.includes(':')
    ? `${JSON.stringify(name)} is no interface name`
    : interfaceProblem(name);
  if (problem) throw new ValueProblem(problem);
  return name;
}

/** `NIC:BRIDGE[,NIC:BRIDGE ...]`, at most four; BRIDGE may be `none`. An empty list for `none`. */
export const interfaces: Codec<readonly BridgedInterface[]> = {
  kind: 'interface list',
  parse(text) {
    if (text.trim().toLowerCase() === 'none') return [];
    const list = text.split(',').map((item) => {
      const parts = item.split(':').map((part) => part.trim());
      if (parts.length !== 2 || parts.includes(''))
        throw new ValueProblem(
          `${JSON.stringify(item.trim())} is not NIC:BRIDGE, for example vnet0:bridge0,vnet1:bridge1`,
        );
      const [nic, bridge] = [assertInterface(parts[0]!), assertInterface(parts[1]!)];
      if (nic.toLowerCase() === 'none') throw new ValueProblem('none is no interface of a jail');
      // Names of directories beside those of the interfaces below /proc/sys/net.
      if (nic === 'all' || nic === 'default') throw new ValueProblem(`the kernel allows no interface ${nic}`);
      return { nic, bridge: bridge.toLowerCase() === 'none' ? null : bridge };
    });
    if (list.length > 4) throw new ValueProblem('a jail has at most four interfaces');
    const twice = list.find(({ nic }, index) => list.findIndex((other) => other.nic === nic) !== index);
    if (twice) throw new ValueProblem(`${twice.nic} is named twice`);
    return list;
  },
  print: (list) =>
    list.length === 0 ? 'none' : list.map(({ nic, bridge }) => `${nic}:${bridge ?? 'none'}`).join(','),
};

/** Name of one interface of the host. */
export const interfaceName = textWith('interface', interfaceProblem);

/** Two different link addresses: that of the host's end and that of the jail's. */
export interface MacPair {
  readonly host: string;
  readonly jail: string;
}

function parseMac(text: string): string {
  const digits = text.toLowerCase();
  const plain = /^[0-9a-f]{12}$/.test(digits)
    ? digits
    : /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/.test(digits)
      ? digits.replace(/[:-]/g, '')
      : undefined;
  if (plain === undefined)
    throw new ValueProblem(`${JSON.stringify(text)} is no MAC address, for example 02:ff:60:4d:3a:01`);
  if (Number.parseInt(plain.slice(0, 2), 16) % 2 === 1)
    throw new ValueProblem(`${JSON.stringify(text)} is a group address`);
  if (plain === '000000000000') throw new ValueProblem('the MAC address is all zeros');
  return plain.match(/../g)!.join(':');
}

/** `HOST,JAIL`, comma or blank between; null for `none`, which lets iocage make the pair. */
export const macPair: Codec<MacPair | null> = {
  kind: 'MAC pair or none',
  choices: ['none'],
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return null;
    const parts = value.split(/\s*,\s*|\s+/);
    if (parts.length !== 2)
      throw new ValueProblem(`two MAC addresses are needed: the host's and the jail's end`);
    const [host, jail] = [parseMac(parts[0]!), parseMac(parts[1]!)];
    if (host === jail) throw new ValueProblem('the two MAC addresses are the same');
    return { host, jail };
  },
  print: (pair) => (pair === null ? 'none' : `${pair.host},${pair.jail}`),
};

/** The first three octets of made MAC addresses: six hexadecimal digits, locally administered. */
export const macPrefix = textWith('MAC prefix', (text) =>
  /^[0-9a-f][26ae][0-9a-f]{4}$/i.test(text)
    ? undefined
    : `${JSON.stringify(text)} is not six hexadecimal digits of which the second is 2, 6, A or E`,
);

/**
 * What a vnet jail may send into its bridges: only from its own link address and, where all its addresses are
 * known, only from those; nobody else's answers to ARP and neighbour discovery, no router advertisements. Without
 * it a jail with raw sockets could be another jail, or the router, to all that are on the bridge. One table of ours
 * in the packet filter's bridge family; the ports are the host's ends, which only the host can change. Pure. See
 * nft(8).
 */
import ipaddr from 'ipaddr.js';
import type { NetworkPlan } from './planned.ts';

/** The address that the kernel makes of a link address (RFC 4291, appendix A). */
function linkLocalOf(mac: string): string {
  const [first = 0, second = 0, third = 0, ...rest] = mac.split(':').map((part) => parseInt(part, 16));
  const bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, first ^ 2, second, third, 0xff, 0xfe, ...rest];
  return ipaddr.fromByteArray(bytes).toString();
}

/** As raw bytes of a packet; `icmpv6 taddr` is too new for the hosts of today. */
const hex = (address: string): string =>
  `0x${ipaddr
    .parse(address)
    .toByteArray()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}`;

/** As `nft -f` reads it; empty for a plan without. Every word of it was made or checked by the planner. */
export function bridgeTable({ guard, nics = [], moved = [], addresses }: NetworkPlan): string {
  const ports = nics.filter(({ bridge }) => bridge !== null);
  if (guard === undefined || ports.length === 0) return '';
  const all = `iifname { ${ports.map(({ link }) => `"${link}"`).join(', ')} }`;
  const own = (family: 4 | 6): readonly string[] =>
    addresses.filter((each) => each.family === family).map(({ address }) => address);
  const asks = (what: 'dhcp' | 'rtadv'): boolean => [...nics, ...moved].some((nic) => nic[what] === true);
  const rules = ports.flatMap(({ link, mac }) => [
    `iifname "${link}" ether saddr != ${mac.jail} drop`,
    `iifname "${link}" arp saddr ether != ${mac.jail} drop`,
  ]);
  if (guard.by === 'addresses') {
    rules.push(
      `${all} ether type != { arp, ip, ip6 } drop`,
      `${all} icmpv6 type { nd-router-advert, nd-redirect } drop`,
    );
    // An answer of any of the jail's interfaces may leave by any other one.
    const [four, six] = [own(4), own(6)];
    if (four.length > 0 && !asks('dhcp'))
      rules.push(
        `${all} arp saddr ip != { 0.0.0.0, ${four.join(', ')} } drop`,
        `${all} ip saddr != { ${four.join(', ')} } drop`,
      );
    if (six.length > 0 && !asks('rtadv')) {
      const known = [...six, ...ports.map(({ mac }) => linkLocalOf(mac.jail))];
      const target = known.map((address) => `@th,64,128 != ${hex(address)}`).join(' ');
      rules.push(
        `${all} ip6 saddr != { ::, ${known.join(', ')} } drop`,
        `${all} icmpv6 type nd-neighbor-advert ${target} drop`,
      );
    }
  }
  return [
    `table bridge ${guard.table} {`,
    ' chain prerouting {',
    '  type filter hook prerouting priority -300; policy accept;',
    ...rules.map((rule) => `  ${rule}`),
    ' }',
    '}',
    '',
  ].join('\n');
}

/** Harmless when the table is not there, where the kernel has the family. */
export const bridgeTableRemoval = (table: string): string =>
  `table bridge ${table} {}\ndelete table bridge ${table}\n`;

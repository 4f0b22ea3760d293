/**
 * Addresses behind the host's: which one a jail gets, which ports of the host lead to it, and the rule
 * set for that. Each jail has a table of its own, made and removed in one transaction, so nothing of the
 * user's rules or of another jail's is ever read or changed. Pure. See nft(8).
 */
import { ports } from '../both/nat-block.ts';
import type { Files } from '../system.ts';
import type { PlannedForward } from '../both/network.ts';
import type { PlannedNat } from './planned.ts';

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

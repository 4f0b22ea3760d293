/**
 * What our tables of the packet filter hold for a jail: translation, what keeps its IPv6 packets to its
 * own addresses, and what it may send into its bridges. The kernel looks at sources by itself for IPv4 only (rp_filter). One table for each family,
 * made and removed in one transaction; nothing of the user's is read or changed. Pure. See nft(8).
 */
import { bridgeTable, bridgeTableRemoval } from './bridge-filter.ts';
import { natRemoval, natTable } from './nat-plan.ts';
import type { NetworkPlan } from './planned.ts';

/**
 * Before the kernel decides where a packet goes, so that the host itself is not lied to either. Link-local
 * sources and none at all are what neighbour discovery uses; the kernel never forwards them.
 */
function sourceTable({ table, link, addresses }: NetworkPlan): string {
  const own = addresses.filter(({ family }) => family === 6).map(({ address }) => address);
  return [
    `table ip6 ${table} {`,
    ' chain prerouting {',
    '  type filter hook prerouting priority -300; policy accept;',
    `  iifname "${link}" ip6 saddr != { ::, fe80::/10, ${own.join(', ')} } drop`,
    ' }',
    '}',
    '',
  ].join('\n');
}

/** As `nft -f` reads it; empty when the jail needs none. */
export const filterTables = (plan: NetworkPlan): string =>
  (plan.nat ? natTable(plan.nat) : '') +
  (plan.table === undefined ? '' : sourceTable(plan)) +
  bridgeTable(plan);

/** Harmless when a table is not there: it is made first. */
export const filterRemoval = ({
  nat,
  table,
  guard,
}: Pick<NetworkPlan, 'table' | 'guard'> & { nat?: { table: string } }): string =>
  (nat ? natRemoval(nat) : '') +
  (table === undefined ? '' : `table ip6 ${table} {}\ndelete table ip6 ${table}\n`) +
  (guard === undefined ? '' : bridgeTableRemoval(guard.table));

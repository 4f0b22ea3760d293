/** Properties that a jail has set and that Linux does not act on, from the property table. Pure. */
import type { JailSpec, NotApplied } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { limitResources } from '../../domain/codec/limit.ts';
import { properties } from '../../domain/properties/index.ts';
import { IocageError } from '../../domain/errors.ts';
import { wantsTunnel } from './devices.ts';
import { wantsHosts } from '../both/hosts.ts';
import { everything, toLimits } from './limits.ts';
import { networkKind } from '../both/planning.ts';

/** Limits depend on each other and on their actions; a value that cannot be read is told by the check. */
function limitsNotApplied({ config }: JailSpec): ReadonlyMap<string, string> {
  try {
    return new Map(toLimits(config, everything).notApplied.map(({ key, why }) => [key, why]));
  } catch (error) {
    if (error instanceof IocageError) return new Map();
    throw error;
  }
}

/** What a jail in the host's network has set in vain. */
const ownNetworkOnly: ReadonlySet<string> = new Set(['ip4_addr', 'ip6_addr', 'nat', 'nat_forwards']);

export function notApplied(jail: JailSpec): readonly NotApplied[] {
  const limits = limitsNotApplied(jail);
  const inForce = isOn(jail.config, 'rlimits');
  return properties.flatMap((row) => {
    const value = jail.config.get(row.key);
    if (row.store !== 'user' || row.access === 'tool') return [];
    if (value === undefined || value === '' || value === (row.default ?? 'none')) return [];
    if (Object.hasOwn(limitResources, row.key)) {
      const why = inForce ? limits.get(row.key) : 'rlimits is off; rlimits=on puts limits into force';
      return why === undefined || value === 'off' ? [] : [{ key: row.key, value, why }];
    }
    if (row.key === 'allow_tun' && !wantsTunnel(jail.config))
      return [{ key: row.key, value, why: "a tunnel ends in a network of the jail's own: it needs vnet=on" }];
    if (row.key === 'hosts' && !wantsHosts(jail.config, networkKind(jail.config)))
      return [{ key: row.key, value, why: "it needs a network of the jail's own, with addresses" }];
    if (ownNetworkOnly.has(row.key) && networkKind(jail.config) === 'host')
      return [{ key: row.key, value, why: "ip4=inherit is the host's own network; with ip4=new it counts" }];
    return row.linux.effect === 'applied' ? [] : [{ key: row.key, value, why: row.linux.note }];
  });
}

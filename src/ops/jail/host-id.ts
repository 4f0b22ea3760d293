/**
 * Which host a jail belongs to (`hostid`): with `hostid_strict_check=1` no other one starts it, such as the
 * receiver of a replica whose original still runs. Where none is stored, the first strict start stores it.
 */
import { isOn } from '../../domain/config.ts';
import type { Problem } from '../../driver/host.ts';
import type { Jail } from '../../domain/jail.ts';
import type { Context } from '../context.ts';

interface Belonging {
  readonly problems: readonly Problem[];
  /** To be stored with the start. */
  readonly adopted?: string;
}

export async function hostOf(
  context: Context,
  jail: Pick<Jail, 'local' | 'uuid'>,
  config: ReadonlyMap<string, string>,
): Promise<Belonging> {
  if (!isOn(config, 'hostid_strict_check')) return { problems: [] };
  const own = await context.host.hostId();
  const stored = jail.local.get('hostid');
  if (stored === undefined || stored === '-' || stored === 'none')
    return own === '' ? { problems: [] } : { problems: [], adopted: own };
  if (stored === own) return { problems: [] };
  const problem =
    `hostid mismatch: the jail belongs to ${stored}, this host is ${own || 'none'}; ` +
    `'iocage set hostid=${own} ${jail.uuid}' makes it this one's`;
  return { problems: [{ key: 'hostid', problem }] };
}

/** Properties that a jail has set and that this driver does not act on, with the reason. Pure. */
import type { JailSpec, NotApplied } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { limitResources } from '../../domain/codec/limit.ts';
import { properties } from '../../domain/properties/index.ts';
import { wantsHosts } from '../both/hosts.ts';
import { networkKind } from './net-plan.ts';

const always: Readonly<Record<string, string>> = {
  vnet_default_interface: 'iocage makes and changes no bridge; ifconfig BRIDGE addm NIC does',
};

/** What counts for one kind of network only. */
const onlyShared = [
  'ip4_saddrsel',
  'ip6_saddrsel',
  'ip_hostname',
  'assign_localhost',
  'localhost_ip',
  'exec_fib',
];
const onlyVnet = ['defaultrouter', 'defaultrouter6', 'rtsold', 'vnet_interfaces'];

function why(key: string, config: JailSpec['config']): string | undefined {
  if (Object.hasOwn(always, key)) return always[key];
  if (Object.hasOwn(limitResources, key))
    return isOn(config, 'rlimits') ? undefined : 'rlimits is off; rlimits=on puts limits into force';
  const vnet = networkKind(config) === 'vnet';
  if (key === 'hosts' && !wantsHosts(config, networkKind(config)))
    return "it needs a network of the jail's own, with addresses";
  if (key.startsWith('allow_mount') && !isOn(config, 'jail_zfs')) {
    // prison_priv_check() of kern_jail.c asks for both, whatever the file system.
    if (key !== 'allow_mount' && !isOn(config, 'allow_mount')) return 'it needs allow_mount=1';
    if ((config.get('enforce_statfs') ?? '2') === '2')
      return 'a jail with enforce_statfs=2 may mount nothing; enforce_statfs=1 lets it';
  }
  if (vnet && onlyShared.includes(key)) return 'the jail has a network stack of its own (vnet=on)';
  if (!vnet && onlyVnet.includes(key)) return 'it needs vnet=on';
  return undefined;
}

export function notApplied({ config }: JailSpec): readonly NotApplied[] {
  return properties.flatMap((row) => {
    const value = config.get(row.key);
    if (row.store !== 'user' || row.access === 'tool') return [];
    if (value === undefined || value === '' || value === 'off' || value === (row.default ?? 'none'))
      return [];
    const reason = why(row.key, config);
    return reason === undefined ? [] : [{ key: row.key, value, why: reason }];
  });
}

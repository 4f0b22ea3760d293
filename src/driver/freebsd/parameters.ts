/**
 * A jail's configuration as parameters of jail(8), in the order in which they are passed. Pure.
 *
 * No `exec.*` and no `mount.*` parameter is among them: jail(8) would run them all inside one call, and each
 * of them is a step of its own here, with its own undo. `ip4.addr` holds addresses alone, for the same
 * reason: the alias on the interface is a step that knows whether the address was there before.
 */
import type { JailSpec } from '../host.ts';
import { hostnameOf } from '../both/hostname.ts';
import { isOn } from '../../domain/config.ts';
import { jailName } from './names.ts';
import { networkKind } from './net-plan.ts';
import type { NetworkPlan } from './planned.ts';

type Config = ReadonlyMap<string, string>;

export interface ParameterFacts {
  /** Undefined where the jail has the host's network or none. */
  readonly network: NetworkPlan | undefined;
  /** 0: none is enforced. */
  readonly ruleset: number;
  /** `uname -r` of the host. */
  readonly hostRelease: string;
}

/** Properties that allow something, by the parameter that does so; absent ones are off in the kernel. */
const allowParameters = {
  allow_raw_sockets: 'allow.raw_sockets',
  allow_chflags: 'allow.chflags',
  allow_mlock: 'allow.mlock',
  allow_mount: 'allow.mount',
  allow_mount_devfs: 'allow.mount.devfs',
  allow_mount_fdescfs: 'allow.mount.fdescfs',
  allow_mount_fusefs: 'allow.mount.fusefs',
  allow_mount_linprocfs: 'allow.mount.linprocfs',
  allow_mount_linsysfs: 'allow.mount.linsysfs',
  allow_mount_nullfs: 'allow.mount.nullfs',
  allow_mount_procfs: 'allow.mount.procfs',
  allow_mount_tmpfs: 'allow.mount.tmpfs',
  allow_mount_zfs: 'allow.mount.zfs',
  allow_nfsd: 'allow.nfsd',
  allow_quotas: 'allow.quotas',
  allow_socket_af: 'allow.socket_af',
  allow_sysvipc: 'allow.sysvipc',
  allow_vmm: 'allow.vmm',
} as const;

const set = (config: Config, key: string): string | undefined => {
  const value = config.get(key);
  return value === undefined || value === '' || value === 'none' ? undefined : value;
};

/** What `jail_zfs=on` needs besides; for this run only, nothing of it is stored. */
const forDatasets: ReadonlySet<string> = new Set(['allow_mount', 'allow_mount_zfs']);

function allowed(config: Config): readonly string[] {
  const datasets = isOn(config, 'jail_zfs');
  const on = Object.entries(allowParameters)
    .filter(([key]) => isOn(config, key) || (datasets && forDatasets.has(key)))
    .map(([, parameter]) => parameter);
  // The one that the kernel has on by itself.
  return [...(config.get('allow_set_hostname') === '0' ? ['allow.noset_hostname'] : []), ...on];
}

function statfs(config: Config): string {
  const level = config.get('enforce_statfs') ?? '2';
  return isOn(config, 'jail_zfs') && level === '2' ? '1' : level;
}

/** With allow.sysvipc all three are the host's, which `new` would contradict. */
function sysv(config: Config): readonly string[] {
  const all = isOn(config, 'allow_sysvipc');
  return ['sysvmsg', 'sysvsem', 'sysvshm'].flatMap((key) => {
    const value = config.get(key) ?? 'new';
    return all && value === 'new' ? [] : [`${key}=${value}`];
  });
}

function family(config: Config, plan: NetworkPlan | undefined, version: 4 | 6): readonly string[] {
  const addresses = (plan?.addresses ?? []).filter((address) => address.family === version);
  if (addresses.length === 0)
    return [`ip${version}=${config.get(`ip${version}`) === 'inherit' ? 'inherit' : 'disable'}`];
  const first = config.get(`ip${version}_saddrsel`) === '0';
  return [
    `ip${version}=new`,
    `ip${version}.addr=${addresses.map(({ address }) => address).join(',')}`,
    ...(first ? [`ip${version}.nosaddrsel`] : []),
  ];
}

function network(config: Config, plan: NetworkPlan | undefined): readonly string[] {
  if (isOn(config, 'vnet')) {
    const inside = [
      ...(plan?.nics ?? []).map(({ ends }) => ends.jail),
      ...(plan?.moved ?? []).map(({ nic }) => nic),
    ];
    // One each: jail(8) takes a list apart in jail.conf, and of its command line only ip4.addr and ip6.addr.
    return ['vnet', ...inside.map((nic) => `vnet.interface=${nic}`)];
  }
  // COMPAT: ip4=inherit makes ip6 inherit too, as the original does (FreeBSD bug 196474).
  if (networkKind(config) === 'host') return ['ip4=inherit', 'ip6=inherit'];
  return [
    ...family(config, plan, 4),
    ...family(config, plan, 6),
    ...(isOn(config, 'ip_hostname') ? ['ip_hostname'] : []),
  ];
}

/** What `uname -r` says in the jail, where its release is another one than the host's. */
function osrelease(config: Config, hostRelease: string): readonly string[] {
  const release = config.get('release') ?? '';
  const version = (text: string): string => text.split('-').slice(0, 2).join('-');
  const own = /^\d+\.\d+-[A-Z]+\d*(-p\d+)?$/.test(release) && version(release) !== version(hostRelease);
  return own ? [`osrelease=${release}`] : [];
}

export function jailParameters(jail: JailSpec, facts: ParameterFacts): readonly string[] {
  const { config } = jail;
  const domain = set(config, 'host_domainname') ?? set(config, 'domainname');
  return [
    `name=${jailName(jail.uuid)}`,
    `path=${jail.root}`,
    `host.hostname=${hostnameOf(jail)}`,
    `host.hostuuid=${jail.uuid}`,
    ...(domain === undefined ? [] : [`host.domainname=${domain}`]),
    ...network(config, facts.network),
    `securelevel=${config.get('securelevel') ?? '2'}`,
    `devfs_ruleset=${facts.ruleset}`,
    `enforce_statfs=${statfs(config)}`,
    `children.max=${config.get('children_max') ?? '0'}`,
    ...osrelease(config, facts.hostRelease),
    ...sysv(config),
    ...allowed(config),
    'persist',
  ];
}

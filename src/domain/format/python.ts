/**
 * Python iocage, configuration versions 2 to 34 and 14.1: `config.json` with switches as the numbers 1 and 0
 * and all else as texts. Thin files hold what differs from `defaults.json`, thick ones everything.
 */
import { limitResources } from '../codec/limit.ts';
import { parseSwitch } from '../codec/choice.ts';
import { localTime } from '../local-time.ts';
import { findProperty } from '../properties/index.ts';
import { ValueProblem, type Property } from '../property.ts';
import { isSwitch, oursAlone, type Dialect } from './dialect.ts';
import type { Member, Scalar } from './members.ts';

/** Last version of each program that is known to write this format. */
const newest = 34;

/**
 * What Python iocage puts into a file of an older version that lacks it, by the version that brought it. Its defaults do
 * not reach such a file. Later steps change what is there: `none` as a router becomes `auto` before version 26, which
 * is not taken over, since somebody may have meant it, and the jail ran so until now.
 */
const brought: readonly (readonly [version: number, values: Readonly<Record<string, string>>])[] = [
  [2, { sysvmsg: 'new', sysvsem: 'new', sysvshm: 'new' }],
  [4, { basejail: '0' }],
  [5, { comment: 'none' }],
  [6, { host_time: '1' }],
  [7, { depends: 'none' }],
  [9, { dhcp: '0', bpf: '0' }],
  [10, { vnet_interfaces: 'none' }],
  [11, { hostid_strict_check: '0' }],
  [12, { allow_mlock: '0' }],
  // Until then there was no choice.
  [13, { vnet_default_interface: 'auto' }],
  [14, { allow_tun: '0' }],
  [15, { allow_mount_fusefs: '0' }],
  [16, { rtsold: '0' }],
  [17, { allow_vmm: '0' }],
  [18, { ip_hostname: '0' }],
  [19, Object.fromEntries(Object.keys(limitResources).map((key) => [key, 'off']))],
  [20, { exec_created: '/usr/bin/true' }],
  [21, { assign_localhost: '0' }],
  [22, { localhost_ip: 'none' }],
  [23, { nat: '0', nat_prefix: '172.16', nat_interface: 'none', nat_backend: 'ipfw', nat_forwards: 'none' }],
  [24, { plugin_name: 'none' }],
  [25, { plugin_repository: 'none' }],
  [27, { min_dyn_devfs_ruleset: '1000' }],
  [
    28,
    { vnet0_mtu: 'auto', vnet1_mtu: 'auto', vnet2_mtu: 'auto', vnet3_mtu: 'auto', vnet_default_mtu: '1500' },
  ],
  [29, { allow_mount_fdescfs: '0' }],
  [30, { allow_mount_linprocfs: '0' }],
  [31, { allow_nfsd: '0' }],
  [32, { allow_mount_linsysfs: '0' }],
];

/** Of a file that holds all keys of its time; a thin one has none, and takes the pool's defaults. */
function versionOf(members: ReadonlyMap<string, Member>): number | undefined {
  const version = members.get('CONFIG_VERSION')?.text;
  if (version !== undefined) return Number(version);
  return members.get('CONFIG_TYPE')?.text === 'THICK' ? 0 : undefined;
}

/** `none` meant what `auto` says since. */
const noneIsAuto = (version: number | undefined): boolean => version === 12 || version === 13;

function fill(values: Map<string, string>, members: ReadonlyMap<string, Member>): void {
  const version = versionOf(members);
  if (version === undefined) return;
  for (const [since, added] of brought)
    if (version < since)
      for (const [key, value] of Object.entries(added))
        if ((members.get(key)?.text ?? '') === '') values.set(key, value);
  if (noneIsAuto(version) && values.get('vnet_default_interface') === 'none')
    values.set('vnet_default_interface', 'auto');
}

/** Whatever is no word for yes is no there. */
function settleSwitches(values: Map<string, string>, members: ReadonlyMap<string, Member>): void {
  for (const [key, { text }] of members) {
    const row = findProperty(key);
    if (row === undefined || row.store !== 'user' || !isSwitch(row) || texts.has(key)) continue;
    if (parseSwitch(text) === undefined && text !== '') values.set(key, '0');
  }
}

/** These are `on` and `off` of ours too, but texts there. */
const texts: ReadonlySet<string> = new Set(['exec_system_jail_user', 'hack88', 'istemplate', 'hosts']);

/** `rlimits` has no effect there: limits always hold. */
const elsewhere: ReadonlySet<string> = new Set([...oursAlone, 'rlimits']);

/** `2026-01-02 03:04:05`, UTC, there; with `_` and local time here. */
function toLocal(text: string): string {
  const found = /^(\d{4}-\d\d-\d\d)[ _T](\d\d:\d\d:\d\d)$/.exec(text);
  const date = found && new Date(`${found[1]}T${found[2]}Z`);
  if (!date || Number.isNaN(date.getTime())) return text === 'never' ? 'none' : text;
  return localTime(date, '_');
}

function toUtc(text: string): string {
  const date = new Date(text.replace('_', 'T'));
  return Number.isNaN(date.getTime()) ? text : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** `none` leaves the jail's file alone there; here it copies the host's. */
export const keepsResolver = (text: string): string => (text.toLowerCase() === 'none' ? '/dev/null' : text);
export const copiesResolver = (text: string): string => (text === 'none' ? '/etc/resolv.conf' : text);

function write(row: Property, text: string, members: ReadonlyMap<string, Member>): Scalar {
  if (row.key === 'vnet_default_interface' && text === 'none' && noneIsAuto(versionOf(members)))
    throw new ValueProblem('none means auto in a file of its version 12 or 13');
  if (isSwitch(row) && !texts.has(row.key)) return { kind: 'number', text: parseSwitch(text) ? '1' : '0' };
  if (row.key === 'template') return { kind: 'number', text: parseSwitch(text) ? '1' : '0' };
  if (row.key === 'last_started') return { kind: 'string', text: toUtc(text) };
  if (row.key === 'resolver') return { kind: 'string', text: copiesResolver(text) };
  if (Object.hasOwn(limitResources, row.key))
    return { kind: 'string', text: text.replace(/^([^:=]+):([^:=]+)$/, '$2=$1') };
  return { kind: 'string', text };
}

function isVersion(text: string): boolean {
  return text === '14.1' || (/^\d{1,3}$/.test(text) && Number(text) >= 2 && Number(text) <= newest);
}

export const python: Dialect = {
  title: 'Python iocage',
  keeps: (key) => !elsewhere.has(key),
  read: { last_started: toLocal, resolver: keepsResolver },
  write,
  defaultFiles: ['defaults.json'],
  builtIn: {
    interfaces: 'vnet0:bridge0',
    defaultrouter: 'auto',
    defaultrouter6: 'auto',
    memoryuse: 'off',
    rlimits: 'on',
  },
  finish(values, members) {
    values.delete('rlimits');
    settleSwitches(values, members);
    fill(values, members);
    if (parseSwitch(values.get('basejail') ?? '') === true && values.get('type') !== 'template')
      values.set('type', 'basejail');
    for (const key of ['release', 'cloned_release', 'source_template'])
      if (values.get(key)?.toLowerCase() === 'none') values.delete(key);
  },
  writeProblem(members: ReadonlyMap<string, Member>) {
    const version = members.get('CONFIG_VERSION');
    return version === undefined || isVersion(version.text)
      ? undefined
      : `CONFIG_VERSION ${JSON.stringify(version.text.slice(0, 20))} is none that this iocage knows (2 to ${newest}, 14.1)`;
  },
};

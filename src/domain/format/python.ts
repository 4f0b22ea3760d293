/**
 * Python iocage, configuration versions 2 to 34 and 14.1: `config.json` with switches as the numbers 1 and 0
 * and all else as texts. Thin files hold what differs from `defaults.json`, thick ones everything.
 */
import { limitResources } from '../codec/limit.ts';
import { parseSwitch } from '../codec/choice.ts';
import type { Property } from '../property.ts';
import { isSwitch, type Dialect } from './dialect.ts';
import type { Member, Scalar } from './members.ts';

/** Last version of each program that is known to write this format. */
const newest = 34;

/** These are `on` and `off` of ours too, but texts there. */
const texts: ReadonlySet<string> = new Set(['exec_system_jail_user', 'hack88', 'istemplate', 'hosts']);

/** What only this program keeps beside a jail, and `rlimits`, which has no effect there: limits always hold. */
const elsewhere: ReadonlySet<string> = new Set([
  'base_started',
  'standby',
  'upgraded_from',
  'upgrade_snapshot',
  'migrated_from',
  'rlimits',
]);

/** `2026-01-02 03:04:05`, UTC, there; with `_` and local time here. */
function toLocal(text: string): string {
  const found = /^(\d{4}-\d\d-\d\d)[ _T](\d\d:\d\d:\d\d)$/.exec(text);
  const date = found && new Date(`${found[1]}T${found[2]}Z`);
  if (!date || Number.isNaN(date.getTime())) return text === 'never' ? 'none' : text;
  return localStamp(date);
}

function localStamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}_${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function toUtc(text: string): string {
  const date = new Date(text.replace('_', 'T'));
  return Number.isNaN(date.getTime()) ? text : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** `none` leaves the jail's file alone there; here it copies the host's. */
export const keepsResolver = (text: string): string => (text.toLowerCase() === 'none' ? '/dev/null' : text);
export const copiesResolver = (text: string): string => (text === 'none' ? '/etc/resolv.conf' : text);

function write(row: Property, text: string): Scalar {
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
  finish(values) {
    values.delete('rlimits');
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

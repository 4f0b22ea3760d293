/**
 * `zfs jail` and `zfs unjail` (zfs-jail(8)); everything else goes to the real zfs(8), where this system's
 * name for the property `jailed` is `zoned`. In a jail it shows what the jail was given, and no more.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fail, findJail, usage, type Call, type Tool } from '../call.ts';
import type { Jail, Machine } from '../machine.ts';

/** Past the stand-in, which may come first in a PATH; FREEBSD_STANDIN_ZFS names another one. */
const program = (): string =>
  process.env['FREEBSD_STANDIN_ZFS'] ??
  ['/usr/sbin/zfs', '/sbin/zfs', '/usr/bin/zfs'].find((path) => existsSync(path)) ??
  'zfs';

function real(...words: readonly string[]): string | undefined {
  try {
    return execFileSync(program(), words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

const translated = (word: string): string => word.replaceAll(/(^|,)jailed(?==|,|$)/g, '$1zoned');

function isJailed(dataset: string): boolean {
  return ['jailed', 'zoned'].some((property) => real('get', '-H', '-o', 'value', property, dataset) === 'on');
}

const owner = (machine: Machine, dataset: string): number | undefined =>
  Object.entries(machine.datasets).find(
    ([given]) => dataset === given || dataset.startsWith(`${given}/`),
  )?.[1];

function give(machine: Machine, jail: Jail, dataset: string): void {
  if (real('list', '-H', '-o', 'name', dataset) === undefined)
    throw new Fail(`cannot open '${dataset}': dataset does not exist`, 1, true);
  // STRICTER than FreeBSD, which takes it and leaves the jail without any use of it.
  if (!isJailed(dataset))
    throw new Fail(`cannot jail '${dataset}': property 'jailed' is off (stand-in)`, 1, true);
  for (const name of ['allow.mount', 'allow.mount.zfs'])
    if (jail.params[name] !== 'true')
      throw new Fail(`cannot jail '${dataset}': ${name} is off (stand-in)`, 1, true);
  if (Number(jail.params['enforce_statfs'] ?? 2) > 1)
    throw new Fail(`cannot jail '${dataset}': enforce_statfs is 2 (stand-in)`, 1, true);
  const before = owner(machine, dataset);
  if (before !== undefined)
    throw new Fail(
      `cannot jail '${dataset}': ${before === jail.jid ? 'it is already jailed' : 'Device busy'}`,
      1,
      true,
    );
  machine.datasets[dataset] = jail.jid;
}

function jailing(call: Call, verb: 'jail' | 'unjail', words: readonly string[]): void {
  const [word, dataset] = words;
  if (word === undefined || dataset === undefined || words.length > 2)
    throw usage('zfs', `missing or too many arguments to zfs ${verb}\n`);
  call.store.change((machine) => {
    const jail = findJail(machine, word);
    if (jail === undefined) throw new Fail(`invalid jail id or name: ${word}`, 1, true);
    if (verb === 'jail') give(machine, jail, dataset);
    else if (machine.datasets[dataset] !== jail.jid)
      throw new Fail(`cannot unjail '${dataset}': not jailed`, 1, true);
    else delete machine.datasets[dataset];
  });
}

export const zfs: Tool = async (call) => {
  const [verb = '', ...words] = call.words;
  if (verb === 'jail' || verb === 'unjail') return jailing(call, verb, words);
  if (call.jid === 0) return onHost(call, verb, words);
  const machine = call.store.read();
  const dataset = words.at(-1) ?? '';
  if (verb === 'mount' && words.includes('-a')) return 0;
  if (dataset.includes('/') && owner(machine, dataset) !== call.jid)
    throw new Fail(`cannot open '${dataset}': dataset does not exist`, 1, true);
  if (verb === 'mount') return mountInJail(call, dataset);
  if (['umount', 'unmount'].includes(verb))
    return call.store.change((now) => {
      now.mounts = now.mounts.filter(({ type, from }) => !(type === 'zfs' && from === dataset));
      return 0;
    });
  if (['share', 'unshare'].includes(verb)) return 0;
  return call.real([program(), ...call.words.map(translated)]);
};

/** `set` takes several properties since OpenZFS 0.7; the one of this system may be older. */
async function onHost(call: Call, verb: string, words: readonly string[]): Promise<number> {
  const settings = verb === 'set' ? words.slice(0, -1) : [];
  if (settings.length < 2) return call.real([program(), ...call.words.map(translated)]);
  for (const setting of settings) {
    const status = await call.real([program(), 'set', translated(setting), words.at(-1)!]);
    if (status !== 0) return status;
  }
  return 0;
}

/** At its place in the jail, which zfs(8) makes; the mount outlives the jail. */
function mountInJail(call: Call, dataset: string): number {
  const place = real('get', '-H', '-o', 'value', 'mountpoint', dataset);
  if (place === undefined || !place.startsWith('/'))
    throw new Fail(`cannot mount '${dataset}': no mountpoint set`, 1, true);
  return call.store.change((machine) => {
    const jail = machine.jails.find(({ jid }) => jid === call.jid)!;
    const on = join(jail.params['path'] ?? '/', place);
    mkdirSync(on, { recursive: true });
    if (machine.mounts.some((mount) => mount.on === on && mount.from === dataset))
      throw new Fail(`cannot mount '${dataset}': filesystem already mounted`, 1, true);
    machine.mounts.push({ type: 'zfs', from: dataset, on, options: [] });
    return 0;
  });
}

/**
 * A jail of ezjail: a file of shell settings, `export jail_NAME_KEY="value"`, and `/etc/fstab.NAME`. Pure.
 * Source: ezjail-admin(8), and the keys of rc.conf(5) for jails.
 */
import { Collected, sortMounts, type FoundJail } from './found.ts';
import { parseJailConf, JailConfProblem } from './jail-conf.ts';
import { parametersOf } from './jail-conf-values.ts';
import { collectParameters } from './jail-params.ts';
import { parseSettings } from './shell-settings.ts';

const switches: Readonly<Record<string, string>> = {
  devfs_enable: 'mount_devfs',
  procfs_enable: 'mount_procfs',
  fdescfs_enable: 'mount_fdescfs',
};
const plain: Readonly<Record<string, string>> = {
  hostname: 'host_hostname',
  // Before there were two of them.
  exec: 'exec_start',
  exec_start: 'exec_start',
  exec_stop: 'exec_stop',
  enforce_statfs: 'enforce_statfs',
  fib: 'exec_fib',
  cpuset: 'cpuset',
};
/** Where it is, and how ezjail itself handles it. `mount_enable` allows nothing where enforce_statfs hides all mounts. */
const silent =
  /^(rootdir|interface|mount_enable|fstab|imagetype|attachparams|attachblocking|forceblocking|parentzfs)$/;
/** Commands of which there may be several, numbered from 0; `exec_afterstart` runs behind exec_start. */
const numbered = /^(?:exec_(prestart|poststart|prestop|poststop|afterstart)\d{1,2}|(post_start)_script)$/;
/** A rule set's number in devfs.rules(5). */
const ruleSets: Readonly<Record<string, string>> = { devfsrules_jail: '4', devfsrules_jail_vnet: '5' };

/** Those without an interface are on the jail's own, where it has one. */
function addresses(collected: Collected, text: string, iface: string): void {
  const items = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
  collected.putAddresses(
    items.map((item) => (item.includes('|') || iface === '' ? item : `${iface}|${item}`)),
  );
}

export interface EzjailFiles {
  readonly config: string;
  readonly fstab: string;
}

/** What a file in ezjail's directory says; undefined when it describes no jail with a root. */
export function readEzjail(file: string, files: EzjailFiles): FoundJail | undefined {
  const settings = parseSettings(files.config);
  const prefix = `jail_${safeName(file.replace(/\.norun$/, ''))}_`;
  const get = (key: string): string => settings.values.get(prefix + key) ?? '';
  const root = get('rootdir').replace(/\/+$/, '');
  if (!root.startsWith('/')) return undefined;
  const collected = new Collected();
  for (const name of settings.unread) collected.leave(name, 'only a shell could tell its value');
  const commands = new Map<string, string[]>();
  const ips: string[] = [];
  for (const [name, value] of settings.values) {
    const key = name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
    if (key === undefined) collected.leave(`${name}=${value}`, 'it is no setting of this jail');
    else if (value === '' || silent.test(key)) continue;
    else if (numbered.test(key)) {
      const [, kind, after] = numbered.exec(key)!;
      const ours = `exec_${after === undefined ? kind : 'poststart'}`;
      commands.set(ours, [...(commands.get(ours) ?? []), value]);
    } else if (/^ip(_multi\d+)?$/.test(key)) ips.push(value);
    else if (key === 'devfs_ruleset') collected.put(key, ruleSets[value] ?? value);
    else if (key === 'parameters') parameters(collected, value);
    else if (Object.hasOwn(switches, key))
      collected.put(switches[key]!, /^yes$/i.test(value) ? '1' : '0', key);
    else if (Object.hasOwn(plain, key)) collected.put(plain[key]!, value, key);
    else if (key === 'zfs_datasets')
      collected.leave(
        `${key}=${value}`,
        `the datasets stay where they are; see 'iocage help jail_zfs_dataset'`,
      );
    else collected.leave(`${key}=${value}`, 'there is no such property');
  }
  addresses(collected, ips.join(','), get('interface'));
  const after = commands.get('exec_afterstart') ?? [];
  commands.delete('exec_afterstart');
  if (after.length > 0)
    commands.set('exec_start', [collected.values.get('exec_start') ?? '/bin/sh /etc/rc', ...after]);
  for (const [key, values] of commands) collected.put(key, values.join(' && '));
  const mounts = sortMounts(files.fstab, root, ['basejail']);
  return {
    name: nameOf(file, root),
    root,
    trees: [{ from: root, at: '' }, ...mounts.trees.filter(({ at }) => at !== '')],
    properties: collected.properties,
    fstab: mounts.fstab,
    left: [...collected.left, ...mounts.left],
  };
}

const safeName = (name: string): string => name.replaceAll(/[^A-Za-z0-9]/g, '_');

/** As it was created: the directory, unless that is one of another name (`create -r`). */
function nameOf(file: string, root: string): string {
  const [plainFile, last] = [file.replace(/\.norun$/, ''), root.split('/').at(-1)!];
  return safeName(last) === plainFile ? last : plainFile;
}

/** Words of jail(8): `allow.raw_sockets=1 allow.sysvipc=1`. */
function parameters(collected: Collected, text: string): void {
  try {
    const own = collectParameters(
      parametersOf(parseJailConf(`x { ${text.trim().split(/\s+/).join('; ')}; }`), 'x'),
    );
    for (const [key, value] of own.properties) collected.put(key, value);
    collected.left.push(...own.left);
  } catch (error) {
    if (!(error instanceof JailConfProblem)) throw error;
    collected.leave(`parameters=${text}`, error.message);
  }
}

/** A jail in an image file of its own: its files are nowhere to be read. */
export function isImage(file: string, config: string): boolean {
  const name = safeName(file.replace(/\.norun$/, ''));
  return (parseSettings(config).values.get(`jail_${name}_image`) ?? '') !== '';
}

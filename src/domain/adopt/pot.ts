/**
 * A pot: `conf/pot.conf` with its settings, `conf/fscomp.conf` with the file systems that make up its root in order. Pure.
 * Source: pot(8), pot-create(8), pot-mount-in(8), pot-set-attribute(8).
 */
import { Collected, below, type FoundJail, type Tree } from './found.ts';
import type { FstabEntry } from '../format/fstab.ts';
import { parsePlainSettings } from './shell-settings.ts';

/** A line of fscomp.conf: `DATASET|DIRECTORY MOUNTPOINT [ro|zfs-remount]`. */
export interface Component {
  readonly source: string;
  /** Below the root of the pot; before pot 0.15.6, and for added datasets still, the path on the host. */
  readonly target: string;
  readonly option: string;
}

export function parseComponents(text: string): readonly Component[] {
  return text.split('\n').flatMap((line) => {
    const [source, target, option = ''] = line.trim().split(/\s+/);
    return source === undefined || target === undefined || source.startsWith('#')
      ? []
      : [{ source, target, option }];
  });
}

/** Where it is, how pot itself handles it, and what is read elsewhere. */
const silent =
  /^(pot\.(level|type|base|potbase|dns|attr\.(raw_sockets|prunable|localhost-tunnel|to-be-pruned|no-tmpfs|no-etc-hosts|dynamic-etc-hosts|no-rc-script))|osrelease|vnet|ip|network_type|bridge|pot\.stack)$/;
const switches: Readonly<Record<string, string>> = {
  'pot.attr.start-at-boot': 'boot',
  'pot.attr.early-start-at-boot': 'boot',
  'pot.attr.procfs': 'mount_procfs',
  'pot.attr.fdescfs': 'mount_fdescfs',
  'pot.attr.mount': 'allow_mount',
  'pot.attr.linprocfs': 'allow_mount_linprocfs',
  'pot.attr.sysvipc': 'allow_sysvipc',
  'pot.attr.mlock': 'allow_mlock',
  'pot.attr.nullfs': 'allow_mount_nullfs',
  'pot.attr.tmpfs': 'allow_mount_tmpfs',
  'pot.attr.zfs': 'allow_mount_zfs',
  'pot.attr.fusefs': 'allow_mount_fusefs',
};
const plain: Readonly<Record<string, string>> = {
  'host.hostname': 'host_hostname',
  'pot.cmd': 'exec_start',
  'pot.attr.exec_stop': 'exec_stop',
  'pot.attr.stop_timeout': 'stop_timeout',
  'pot.attr.children': 'children_max',
  'pot.attr.sysvshm': 'sysvshm',
  'pot.attr.sysvsem': 'sysvsem',
  'pot.attr.sysvmsg': 'sysvmsg',
  'pot.attr.enforce_statfs': 'enforce_statfs',
  'pot.attr.devfs_ruleset': 'devfs_ruleset',
  'pot.rss.cpuset': 'cpuset',
};
/** Every pot is started with these, whatever its attributes say. */
const always = [
  ['allow_raw_sockets', '1'],
  ['allow_socket_af', '1'],
  ['allow_chflags', '1'],
  ['allow_set_hostname', '0'],
] as const;
/** What has no equal here, with more than that it is unknown. */
const reasons: Readonly<Record<string, string>> = {
  'pot.rss.cpus': 'pot chooses that many processors at each start; set cpuset',
  'pot.export.ports': 'pot publishes ports by pf; set nat_forwards',
  'pot.env': 'a jail has no environment of its own; set it where exec_start is',
  'pot.hosts': `its lines belong into the jail's /etc/hosts`,
};

const notPersistent =
  'pot ends with its command; exec_start must come back here, so put it into the background';

/** @param values of `ip`: addresses, with or without an interface */
function network(collected: Collected, type: string, stack: string, values: readonly string[]): void {
  const items = values.flatMap((value) => value.split(/[\s,]+/)).filter((item) => item !== '');
  if (type === 'inherit') {
    collected.put('ip4', stack === 'ipv6' ? 'disable' : 'inherit');
    collected.put('ip6', stack === 'ipv4' ? 'disable' : 'inherit');
  } else if (type === 'alias') collected.putAddresses(items);
  else if (type !== '') {
    collected.put('vnet', 'on');
    collected.leave(
      `network_type=${type} ip=${items.join(',')}`,
      'its bridge is that of pot; set interfaces and ip4_addr',
    );
  }
}

/** Who resolves names; by default the host's file is copied at each start, as here. */
function resolver(collected: Collected, dns: string): void {
  if (dns === 'off') collected.put('resolver', '/dev/null');
  else if (dns === 'custom' || dns === 'pot')
    collected.leave(`pot.dns=${dns}`, `set resolver to what the jail's /etc/resolv.conf held`);
}

export interface PotFiles {
  readonly conf: string;
  readonly components: readonly Component[];
  /** Names of the hooks beside them, such as `prestart.sh`. */
  readonly hooks?: readonly string[];
}

/**
 * @param directory of the pot, with `m`, `conf` and its own datasets
 * @param placeOf where a dataset that is no path can be read; undefined when nowhere
 */
export function readPot(
  name: string,
  directory: string,
  { conf, components, hooks = [] }: PotFiles,
  placeOf: (dataset: string) => string | undefined,
): FoundJail {
  const root = `${directory}/m`;
  const collected = new Collected();
  for (const [key, value] of always) collected.put(key, value);
  collectSettings(collected, parsePlainSettings(conf));
  for (const hook of hooks) collected.leave(`conf/${hook}`, 'set exec_prestart and its like to a copy of it');
  const { trees, fstab } = sortComponents(collected, directory, root, components, placeOf);
  return {
    name,
    root,
    trees: trees.some(({ at }) => at === '') ? trees : [{ from: root, at: '' }, ...trees],
    properties: collected.properties,
    fstab,
    left: collected.left,
  };
}

function collectSettings(collected: Collected, settings: ReadonlyMap<string, readonly string[]>): void {
  const word = (key: string): string => settings.get(key)?.at(-1) ?? '';
  network(collected, word('network_type'), word('pot.stack'), settings.get('ip') ?? []);
  resolver(collected, word('pot.dns'));
  for (const [key, values] of settings) {
    const value = values.at(-1)!;
    if (silent.test(key) || value === '') continue;
    if (Object.hasOwn(switches, key)) {
      const [ours, on] = [switches[key]!, /^yes$/i.test(value)];
      // Two of theirs are one here.
      if (on || !collected.values.has(ours)) collected.put(ours, on ? '1' : '0', key);
    } else if (Object.hasOwn(plain, key)) collected.put(plain[key]!, value, key);
    else if (key === 'pot.depend') collected.put('depends', values.join(' '), key);
    else if (key === 'pot.attr.persistent') {
      if (/^no$/i.test(value)) collected.leave(`${key}=${value}`, notPersistent);
    } else if (key === 'pot.rss.memory') {
      collected.put('memoryuse', `${value}:deny`, key);
      collected.put('rlimits', 'on');
    } else {
      const why = Object.hasOwn(reasons, key) ? reasons[key]! : 'there is no such property';
      for (const one of values) collected.leave(`${key}=${one}`, why);
    }
  }
}

/** What makes up the root becomes part of it; what else is shown there stays a mount. */
function sortComponents(
  collected: Collected,
  directory: string,
  root: string,
  components: readonly Component[],
  placeOf: (dataset: string) => string | undefined,
): { readonly trees: readonly Tree[]; readonly fstab: readonly FstabEntry[] } {
  const trees: Tree[] = [];
  const fstab: FstabEntry[] = [];
  for (const { source, target, option } of components) {
    const at =
      below(root, target) ?? (target.startsWith(directory) ? undefined : target.replace(/^\/+|\/+$/g, ''));
    const from = source.startsWith('/') ? source : placeOf(source);
    const theirs = /\/(?:bases\/[^/]+|jails\/[^/]+)(?:\/|$)/.test(source);
    if (from === undefined) collected.leave(`${source} ${target}`, 'it is not mounted anywhere');
    else if (at === undefined || at.split('/').includes('..'))
      collected.leave(`${source} ${target}`, 'it lies outside of the pot');
    else if (theirs || at === '') trees.push({ from, at });
    else {
      const options = [option === 'ro' ? 'ro' : 'rw'];
      fstab.push({ source: from, target: `${root}/${at}`, type: 'nullfs', options, dump: '0', pass: '0' });
    }
  }
  return { trees, fstab };
}

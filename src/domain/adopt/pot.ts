/**
 * A pot: `conf/pot.conf` with its settings, `conf/fscomp.conf` with the file systems that make up its root in order. Pure.
 * Source: pot(8), pot-create(8).
 */
import { Collected, below, type FoundJail, type Tree } from './found.ts';
import type { FstabEntry } from '../format/fstab.ts';
import { parsePlainSettings } from './shell-settings.ts';

/** A line of fscomp.conf: `DATASET|DIRECTORY MOUNTPOINT [ro|zfs-remount]`. */
export interface Component {
  readonly source: string;
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

const silent =
  /^(pot\.(level|type|base|potbase|dns|attr\.(persistent|no-rc-script|prunable|localhost-tunnel|to-be-pruned|no-tmpfs|no-etc-hosts|dynamic-etc-hosts))|osrelease|vnet|ip|network_type|bridge|pot\.stack)$/;
const switches: Readonly<Record<string, string>> = {
  'pot.attr.start-at-boot': 'boot',
  'pot.attr.procfs': 'mount_procfs',
  'pot.attr.fdescfs': 'mount_fdescfs',
  'pot.attr.raw_sockets': 'allow_raw_sockets',
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
  'pot.attr.children-max': 'children_max',
  'pot.attr.enforce_statfs': 'enforce_statfs',
  'pot.attr.devfs_ruleset': 'devfs_ruleset',
};

/** @param values of `ip`: addresses, with or without an interface */
function network(collected: Collected, type: string, values: readonly string[]): void {
  const items = values.flatMap((value) => value.split(/[\s,]+/)).filter((item) => item !== '');
  if (type === 'inherit') {
    for (const key of ['ip4', 'ip6']) collected.put(key, 'inherit');
  } else if (type === 'alias') {
    for (const [key, six] of [
      ['ip4_addr', false],
      ['ip6_addr', true],
    ] as const) {
      const own = items.filter((item) => item.split('|').at(-1)!.includes(':') === six);
      if (own.length > 0) collected.put(key, own.join(','), 'ip');
    }
  } else if (type !== '') {
    collected.put('vnet', 'on');
    collected.leave(
      `network_type=${type} ip=${items.join(',')}`,
      'its bridge is that of pot; set interfaces and ip4_addr',
    );
  }
}

export interface PotFiles {
  readonly conf: string;
  readonly components: readonly Component[];
}

/**
 * @param directory of the pot, with `m`, `conf` and its own datasets
 * @param placeOf where a dataset that is no path can be read; undefined when nowhere
 */
export function readPot(
  name: string,
  directory: string,
  { conf, components }: PotFiles,
  placeOf: (dataset: string) => string | undefined,
): FoundJail {
  const root = `${directory}/m`;
  const settings = parsePlainSettings(conf);
  const collected = new Collected();
  network(collected, settings.get('network_type')?.[0] ?? '', settings.get('ip') ?? []);
  for (const [key, values] of settings) {
    const value = values.at(-1)!;
    if (silent.test(key) || value === '') continue;
    else if (Object.hasOwn(switches, key))
      collected.put(switches[key]!, /^yes$/i.test(value) ? '1' : '0', key);
    else if (Object.hasOwn(plain, key)) collected.put(plain[key]!, value, key);
    else if (key === 'pot.depend') collected.put('depends', values.join(' '), key);
    else if (key === 'pot.rss.memory') {
      collected.put('memoryuse', `${value}:deny`, key);
      collected.put('rlimits', 'on');
    } else if (key === 'pot.rss.cpuset') collected.put('cpuset', value, key);
    else for (const one of values) collected.leave(`${key}=${one}`, 'there is no such property');
  }
  const trees: Tree[] = [];
  const fstab: FstabEntry[] = [];
  for (const { source, target, option } of components) {
    const at = below(root, target);
    const from = source.startsWith('/') ? source : placeOf(source);
    const own = /\/(?:bases\/[^/]+|jails\/[^/]+)(?:\/|$)/.test(source);
    if (at === undefined || at.split('/').includes('..') || from === undefined)
      collected.leave(
        `${source} ${target}`,
        from === undefined ? 'it is not mounted anywhere' : 'it lies outside of the pot',
      );
    else if (own || at === '') trees.push({ from, at });
    else
      fstab.push({
        source: from,
        target,
        type: 'nullfs',
        options: [option === 'ro' ? 'ro' : 'rw'],
        dump: '0',
        pass: '0',
      });
  }
  return {
    name,
    root,
    trees: trees.some(({ at }) => at === '') ? trees : [{ from: root, at: '' }, ...trees],
    properties: collected.properties,
    fstab,
    left: collected.left,
  };
}

/**
 * What of the host itself a jail could have left behind, for comparing: interfaces, addresses, routes,
 * packet filter, mounts, limits. Each kernel has its own words for it; a test compares two answers of one.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sh } from './pool.ts';

/** Text of a command, or a remark when it fails. */
export function text(...argv: string[]): string {
  try {
    return sh(...argv);
  } catch (error) {
    return `(${argv[0]}: ${(error as Error).message.split('\n')[0]})`;
  }
}

export function tree(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true }).map(String).sort();
  } catch {
    return [];
  }
}

const lines = (all: string): string[] => all.split('\n').sort();

/** What the control groups of the pool's jails are limited to. */
function limitFiles(pool: string): readonly string[] {
  const files = {
    memory: ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'],
    pids: ['pids.max'],
    cpu: ['cpu.cfs_quota_us'],
    cpuset: ['cpuset.cpus'],
  };
  return Object.entries(files).flatMap(([controller, names]) => {
    const top = `/sys/fs/cgroup/${controller}/iocage/${pool}`;
    if (!existsSync(top)) return [];
    const jails = readdirSync(top).filter((name) => name.startsWith('ioc-'));
    return jails.flatMap((jail) =>
      names
        .map((name) => join(top, jail, name))
        .filter((path) => existsSync(path))
        .map((path) => `${path} ${readFileSync(path, 'utf8').trim()}`),
    );
  });
}

const linux = (pool: string): object => ({
  links: lines(
    text('ip', '-o', 'link')
      .replace(/^\d+: /gm, '')
      .replace(/^(\S+) .*$/gm, '$1'),
  ),
  addresses: lines(
    text('ip', '-o', 'addr')
      .replace(/^\d+: /gm, '')
      .replace(/ tentative\b|valid_lft.*/g, ''),
  ),
  routes: [text('ip', 'route'), text('ip', '-6', 'route')],
  rules: text('nft', 'list', 'ruleset'),
  namespaces: text('ip', 'netns', 'list'),
  mounts: lines(text('cat', '/proc/self/mounts')).filter((line) => line.includes(pool)),
  // Only this pool's: the groups of others come and go while they are read.
  cgroups: tree(`/sys/fs/cgroup/pids/iocage/${pool}`).filter((path) => !/\.|tasks|notify/.test(path)),
  limits: limitFiles(pool),
});

/** pfctl(8) fails where the module is not loaded, rctl(8) where accounting is off: that is an answer too. */
const freebsd = (pool: string): object => ({
  jails: lines(text('jls', 'name', 'path')).filter((line) => line.includes(pool)),
  links: text('ifconfig', '-l').trim().split(' ').sort(),
  addresses: lines(text('ifconfig', '-a')).filter((line) => /^\t(inet6? |member: )/.test(line)),
  routes: lines(text('netstat', '-rn')).map((line) => line.split(/\s+/).slice(0, 4).join(' ')),
  rules: [text('pfctl', '-s', 'Anchors'), text('ipfw', 'list')],
  devfs: text('devfs', 'rule', 'showsets'),
  mounts: lines(text('mount', '-p')).filter((line) => line.includes(pool)),
  limits: lines(text('rctl', '-n')),
});

export const hostState = (pool: string): object =>
  process.platform === 'freebsd' ? freebsd(pool) : linux(pool);

/**
 * A laboratory for host tests: a real disposable pool, activated, with a busybox release, and its own
 * state and run directories, so that nothing of the machine's own iocage is seen or touched.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeContext } from '../../src/iocage.ts';
import type { IocageEvent } from '../../src/domain/events.ts';
import type { Context } from '../../src/ops/operation.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run.ts';
import { makePool, sh, type TestPool } from './pool.ts';
export { sh };
import { busyboxTar } from './release.ts';

export const hostTests = process.env['IOCAGE_HOST_TESTS'] === '1';
/** For `describe.skipIf(!hostTests)`: the name tells the reason. */
export const reason = hostTests ? '' : ' (skipped: needs root and ZFS, run with make test)';

export interface Lab {
  readonly pool: TestPool;
  readonly paths: { readonly state: string; readonly run: string };
  readonly environment: Record<string, string>;
  context(options?: { dry?: boolean; signal?: AbortSignal }): Context;
  run<T = any>(
    operation: string,
    input: unknown,
    options?: { dry?: boolean; signal?: AbortSignal },
  ): Promise<T>;
  readonly events: IocageEvent[];
  /** Everything on the pool and the host that a jail could have left, as text to compare. */
  state(): string;
  close(): Promise<void>;
}

export async function openLab(options: { sizeMb?: number; release?: boolean } = {}): Promise<Lab> {
  const pool = makePool(options.sizeMb ?? 1024);
  const paths = { state: join(pool.directory, 'state'), run: join(pool.directory, 'run') };
  const events: IocageEvent[] = [];
  const context = (given: { dry?: boolean; signal?: AbortSignal } = {}): Context =>
    makeContext({ pool: pool.name, paths, emit: (event) => events.push(event), ...given });
  const lab: Lab = {
    pool,
    paths,
    environment: { IOCAGE_POOL: pool.name, IOCAGE_STATE_DIR: paths.state, IOCAGE_RUN_DIR: paths.run },
    context,
    async run(operation, input, given) {
      const { result } = await runOperation(context(given), getOperation(operation), input);
      return result as any;
    },
    events,
    state: () => poolState(pool.name, paths),
    async close() {
      try {
        const { jails } = await lab.run<{ jails: { uuid: string; state: string }[] }>('jail.list', {});
        for (const jail of jails) if (jail.state === 'up') await lab.run('jail.stop', { jail: jail.uuid });
      } finally {
        pool.destroy();
      }
    },
  };
  await lab.run('pool.activate', { pool: pool.name });
  if (options.release !== false) {
    const tar = join(pool.directory, 'busybox.tar');
    busyboxTar(tar);
    await lab.run('release.fetch', { release: 'busybox', file: tar });
  }
  return lab;
}

/** Text of a command, or a remark when it fails; for comparing only. */
function text(...argv: string[]): string {
  try {
    return sh(...argv);
  } catch (error) {
    return `(${argv[0]}: ${(error as Error).message.split('\n')[0]})`;
  }
}

/** Everything below, without the directories that only lead there; links are not followed. */
function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch {
    return [];
  }
}

function tree(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true }).map(String).sort();
  } catch {
    return [];
  }
}

/** Properties that say something about a dataset's configuration, not about its size. */
export function poolState(pool: string, paths: { state: string; run: string }): string {
  const datasets = text('zfs', 'list', '-H', '-t', 'all', '-r', '-o', 'name,origin,mounted,quota', pool);
  const properties = text('zfs', 'get', '-H', '-r', '-s', 'local', '-o', 'name,property,value', 'all', pool)
    .split('\n')
    .filter((line) => !line.includes('last_started'));
  const links = text('ip', '-o', 'link').replace(/^\d+: /gm, '');
  const addresses = text('ip', '-o', 'addr')
    .replace(/^\d+: /gm, '')
    .replace(/ tentative\b|valid_lft.*/g, '');
  return JSON.stringify(
    {
      datasets: datasets.split('\n').sort(),
      properties: properties.sort(),
      links: links
        .split('\n')
        .map((line) => line.split(' ').slice(0, 1).join(' '))
        .sort(),
      addresses: addresses.split('\n').sort(),
      routes: [text('ip', 'route'), text('ip', '-6', 'route')],
      rules: text('nft', 'list', 'ruleset'),
      namespaces: text('ip', 'netns', 'list'),
      mounts: text('cat', '/proc/self/mounts')
        .split('\n')
        .filter((line) => line.includes(pool))
        .sort(),
      // Only this pool's: the groups of others come and go while they are read.
      cgroups: tree(`/sys/fs/cgroup/pids/iocage/${pool}`).filter((path) => !/\.|tasks|notify/.test(path)),
      limits: limitFiles(pool),
      run: filesBelow(paths.run).filter((path) => !path.endsWith('.lock')),
      journal: tree(join(paths.state, 'journal/open')),
      images: tree(`${poolMount(pool)}/iocage/images`),
      packages: tree(`${poolMount(pool)}/iocage/packages`),
      tags: readdirSync(`${poolMount(pool)}/iocage/tags`).sort(),
    },
    null,
    1,
  );
}

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

function poolMount(pool: string): string {
  return text('zfs', 'get', '-H', '-o', 'value', 'mountpoint', pool).trim();
}

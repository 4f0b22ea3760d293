/**
 * A laboratory for host tests: a real disposable pool, activated, with a busybox release, and its own
 * state and run directories, so that nothing of the machine's own iocage is seen or touched.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeContext } from '../../src/iocage.ts';
import type { IocageEvent } from '../../src/domain/events.ts';
import type { Context } from '../../src/ops/context.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { hostState, text, tree } from './host-state.ts';
import { makePool, sh, type TestPool } from './pool.ts';
export { sh };
import { busyboxTar } from './release.ts';

export const hostTests = process.env['IOCAGE_HOST_TESTS'] === '1';
/** Why tests with a pool cannot run; undefined where they can. */
export const whyNot = hostTests ? undefined : 'needs root and ZFS, run with make test';
/** For `describe.skipIf(!hostTests)`: the name tells the reason. */
export const reason = whyNot ? ` (skipped: ${whyNot})` : '';

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

/** Properties that say something about a dataset's configuration, not about its size. */
export function poolState(
  pool: string,
  paths: { state: string; run: string },
  host: object = hostState(pool),
): string {
  const datasets = text('zfs', 'list', '-H', '-t', 'all', '-r', '-o', 'name,origin,mounted,quota', pool);
  const properties = text('zfs', 'get', '-H', '-r', '-s', 'local', '-o', 'name,property,value', 'all', pool)
    .split('\n')
    .filter((line) => !line.includes('last_started'));
  return JSON.stringify(
    {
      datasets: datasets.split('\n').sort(),
      properties: properties.sort(),
      ...host,
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

const mounts = new Map<string, string>();

/** A test's pool stays where it was made. */
function poolMount(pool: string): string {
  const known = mounts.get(pool) ?? text('zfs', 'get', '-H', '-o', 'value', 'mountpoint', pool).trim();
  mounts.set(pool, known);
  return known;
}

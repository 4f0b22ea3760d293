/** Operations on the fakes: storage and host in memory, files in a directory of the test's own. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeExec } from '../../src/driver/node/exec.ts';
import { NodeDownloads } from '../../src/driver/node/download.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import { processStart } from '../../src/driver/node/process.ts';
import type { IocageEvent } from '../../src/domain/events.ts';
import type { Context } from '../../src/ops/context.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { closingJournals } from './closing-journals.ts';
import { fakeHost, type FakeHost } from './fake-host.ts';
import { FakeStorage, type FakeOptions } from './fake-storage.ts';

export interface FakeWorld {
  readonly storage: FakeStorage;
  readonly host: FakeHost;
  readonly events: IocageEvent[];
  readonly directory: string;
  context(): Context;
  run<T = any>(operation: string, input: unknown): Promise<T>;
  state(): string;
  close(): void;
}

export interface FakeWorldOptions extends Pick<FakeOptions, 'capabilities'> {
  readonly pool?: string;
  /** Pools besides, not activated. */
  readonly otherPools?: readonly string[];
  /** Fetched releases. */
  readonly releases?: readonly string[];
}

export async function openFakeWorld({
  pool = 'tank',
  otherPools = [],
  releases = ['busybox'],
  ...more
}: FakeWorldOptions = {}): Promise<FakeWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'iocage-ops-'));
  const storage = new FakeStorage({
    pools: [pool, ...otherPools].map((name) => ({ name })),
    baseDir: directory,
    ...more,
  });
  const host = fakeHost();
  const events: IocageEvent[] = [];
  const journal = join(directory, 'journal');
  const journals = closingJournals(journal);
  let uuids = 0;
  const context = (): Context => ({
    exec: new NodeExec(),
    files: new NodeFiles(),
    downloads: new NodeDownloads(),
    storage,
    host,
    // One process, one operation at a time: nothing to keep apart.
    locks: { take: () => Promise.resolve({ release: () => Promise.resolve() }) },
    journal: journals.journal(),
    clock: {
      now: () => new Date(),
      // Nothing is waited for, but what something else ends.
      sleep: (_ms, signal) =>
        new Promise((done) =>
          signal === undefined ? done() : signal.addEventListener('abort', () => done()),
        ),
    },
    ids: { uuid: () => `00000000-0000-4000-8000-${String(++uuids).padStart(12, '0')}` },
    paths: { state: join(directory, 'state'), run: join(directory, 'run') },
    pool,
    dry: false,
    actions: [],
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    isRoot: true,
    self: async () => ({ pid: process.pid, processStart: (await processStart(process.pid)) ?? '' }),
  });
  const run = async <T>(operation: string, input: unknown): Promise<T> => {
    const { result } = await runOperation(context(), getOperation(operation), input);
    return result as T;
  };
  await run('pool.activate', { pool });
  for (const release of releases) {
    const dataset = `${pool}/iocage/releases/${release}`;
    for (const name of [dataset, `${dataset}/root`]) await storage.create(name, {});
    mkdirSync(join(directory, dataset, 'root/etc'), { recursive: true });
  }
  return {
    storage,
    host,
    events,
    directory,
    context,
    run,
    state: () =>
      [
        storage.snapshotState(),
        JSON.stringify(host.snapshotState()),
        ...readdirSync(join(directory, pool, 'iocage/tags')).sort(),
        ...filesBelow(join(directory, pool, 'iocage/images')),
        ...filesBelow(join(directory, pool, 'iocage/packages')),
        ...readdirSync(join(journal, 'open')),
      ]
        .join('\n')
        .replaceAll(/^.*last_started.*\n/gm, '')
        .replaceAll(/20\d{6}T\d{9}-[0-9a-f]{8}/g, 'OP'),
    close() {
      void journals.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function filesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return [directory, ...readdirSync(directory, { recursive: true }).map(String).sort()];
}

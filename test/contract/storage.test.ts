/** The fake passes the contract too, in memory and over real directories; so what is tested with it holds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { FakeStorage, type FakeOptions } from '../support/fake-storage.ts';
import { storageContract, type Bench } from './storage.ts';

function bench(options: FakeOptions, dispose = (): void => undefined): Promise<Bench> {
  const fake = new FakeStorage({ pools: [{ name: 'tank' }], ...options });
  return Promise.resolve({
    storage: fake,
    pool: 'tank',
    write: async (dataset, file, text) => fake.write(dataset, file, text),
    read: async (dataset, file) => fake.read(dataset, file),
    occupy: async (dataset) => {
      const release = fake.occupy(dataset);
      return async () => release();
    },
    setRaw: async (dataset, key, value) => fake.setRaw(dataset, key, value),
    async transfer(parts, into, options) {
      fake.other = async (_, streams) => {
        const last = streams.at(-1)!;
        fake.incoming.splice(0, Infinity, ...streams.slice(0, -1), {
          ...last,
          ...(options?.broken ? { cut: true } : {}),
        });
        return {};
      };
      await fake.send(parts, { head: '', command: ['test'] });
      for (const dataset of into) await fake.receive(dataset, { resumable: false });
    },
    dispose: async () => dispose(),
  });
}

describe('storage contract: fake in memory', () => storageContract(() => bench({})));

describe('storage contract: fake over directories, without pool comments', () =>
  storageContract(() => {
    const baseDir = mkdtempSync(join(tmpdir(), 'fakezfs-'));
    return bench({ baseDir, capabilities: { poolComment: false, lz4: true } }, () =>
      rmSync(baseDir, { recursive: true, force: true }),
    );
  }));

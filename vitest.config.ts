/**
 * The test projects. `unit`, `contract` (against the fakes), `ops` and `cli` run anywhere; `host` makes real
 * pools and starts real jails, so each lane of them runs one file at a time inside `test/support/with-zfs`.
 */
import { defineConfig } from 'vitest/config';

const project = (name: string, more: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], environment: 'node' as const, ...more },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', { testTimeout: 60_000 }),
      project('contract', { testTimeout: 60_000 }),
      project('ops', { testTimeout: 60_000 }),
      project('cli', { testTimeout: 60_000 }),
      project('host', {
        pool: 'forks',
        fileParallelism: false,
        maxWorkers: 1,
        testTimeout: 120_000,
        hookTimeout: 240_000,
      }),
    ],
  },
});

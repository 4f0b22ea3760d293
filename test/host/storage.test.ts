/** The storage contract on the ZFS of this machine (zfs-fuse or OpenZFS), with a pool of its own in a file. */
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe } from 'vitest';
import { NodeExec } from '../../src/driver/node/exec.ts';
import type { Clock } from '../../src/driver/system.ts';
import { zfsStorage } from '../../src/driver/zfs/storage.ts';
import { storageContract, type Bench } from '../contract/storage.ts';
import { makePool } from '../support/pool.ts';

const clock: Clock = {
  now: () => new Date(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

function open(): Promise<Bench> {
  const pool = makePool();
  const exec = new NodeExec();
  const mountpoint = (dataset: string): string =>
    execFileSync('zfs', ['get', '-H', '-o', 'value', 'mountpoint', dataset], { encoding: 'utf8' }).trimEnd();
  return Promise.resolve({
    storage: zfsStorage(exec, clock),
    pool: pool.name,
    async write(dataset, file, text) {
      const path = join(mountpoint(dataset), file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    },
    async read(dataset, file) {
      const path = join(mountpoint(dataset), file);
      return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    },
    async occupy(dataset) {
      const child = spawn('sleep', ['600'], { cwd: mountpoint(dataset), stdio: 'ignore' });
      await new Promise((resolve) => child.once('spawn', resolve));
      return () =>
        new Promise<void>((resolve) => {
          child.once('exit', () => resolve());
          child.kill('SIGKILL');
        });
    },
    async setRaw(dataset, key, value) {
      execFileSync('zfs', ['set', `${key}=${value}`, dataset]);
    },
    async transfer(parts, into, options) {
      const file = join(pool.directory, 'streams');
      const command = ['dd', `of=${file}`, 'bs=64k', 'status=none'];
      await zfsStorage(exec, clock).send(parts, { head: '', command });
      if (options?.broken) truncateSync(file, Math.floor(statSync(file).size / 2));
      const fd = openSync(file, 'r');
      try {
        const reader = zfsStorage(new NodeExec(fd), clock);
        for (const dataset of into) await reader.receive(dataset, { resumable: false });
      } finally {
        closeSync(fd);
      }
    },
    spawned: () => exec.spawned,
    dispose: async () => pool.destroy(),
  });
}

const hostTests = process.env['IOCAGE_HOST_TESTS'] === '1';
// Only `make test` brings a ZFS of its own along; without one nothing of the machine's may be touched.
const why = hostTests ? '' : ' (skipped: IOCAGE_HOST_TESTS=1 is not set, see test/support/with-zfs)';

describe.skipIf(!hostTests)(`storage contract: ZFS of this machine${why}`, () => storageContract(open));

/** A pool for the roots of test jails where ZFS answers; a plain directory otherwise, as said in `where`. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { linuxUnderTest, type LinuxUnderTest } from './linux-jails.ts';
import { makePool, sh } from './pool.ts';

export interface JailPool {
  readonly where: 'zfs' | 'directory';
  /** A driver and jails of its own for one test. */
  make(): LinuxUnderTest;
  destroy(): void;
}

function hasZfs(): boolean {
  try {
    execFileSync('zpool', ['list', '-H'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export function jailPool(): JailPool {
  const base = mkdtempSync(join(tmpdir(), 'iochost-'));
  const pool = hasZfs() ? makePool() : undefined;
  let counter = 0;
  return {
    where: pool === undefined ? 'directory' : 'zfs',
    make() {
      const number = (counter += 1);
      const directory = join(base, `t${number}`);
      mkdirSync(directory);
      if (pool === undefined) return linuxUnderTest(`nopool${process.pid}`, directory);
      return linuxUnderTest(pool.name, directory, (name) => {
        sh('zfs', 'create', `${pool.name}/t${number}-${name}`);
        return join(pool.directory, 'pool', `t${number}-${name}`);
      });
    },
    destroy() {
      pool?.destroy();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

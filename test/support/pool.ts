/**
 * A real pool for tests: file-backed, carrying the marker property, destroyed afterwards. Nothing
 * here or in any test touches a pool without the marker.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestPool {
  readonly name: string;
  /** Directory of this pool's image; also a good place for a test's other files. */
  readonly directory: string;
  destroy(): void;
}

let counter = 0;

const goesAway = (argv: readonly string[]): boolean =>
  (argv[0] === 'zfs' || argv[0] === 'zpool') &&
  ['destroy', 'unmount', 'rename', 'rollback'].includes(argv[1]!);

/**
 * Runs a command for a test's own set-up; throws with its standard error. zfs-fuse lets go of a mount a moment
 * after it was used and says until then that it is busy: what takes away is tried again.
 */
export function sh(...argv: string[]): string {
  for (let tries = 0; ; tries += 1) {
    try {
      return execFileSync(argv[0]!, argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      if (tries >= 40 || !goesAway(argv) || !(error as Error).message.includes('busy')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    }
  }
}

export function makePool(sizeMb = 2048): TestPool {
  const directory = mkdtempSync(join(tmpdir(), 'ioctest-'));
  const name = `ioctest${process.pid}x${counter++}`;
  const image = join(directory, 'pool.img');
  writeFileSync(image, '');
  truncateSync(image, sizeMb * 1024 * 1024);
  sh('zpool', 'create', '-m', join(directory, 'pool'), name, image);
  sh('zfs', 'set', 'org.freebsd.iocage:disposable=yes', name);
  return {
    name,
    directory,
    destroy() {
      const marker = sh('zfs', 'get', '-H', '-o', 'value', 'org.freebsd.iocage:disposable', name).trim();
      if (marker !== 'yes') throw new Error(`pool ${name} does not carry the marker property`);
      sh('zpool', 'destroy', '-f', name);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

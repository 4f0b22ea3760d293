/**
 * Where a bench runs: a private, disposable, file-backed pool with a busybox release, in a ZFS of its own
 * where the kernel has none. Needs root. Everything is gone when the bench ends.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = fileURLToPath(new URL('..', import.meta.url));

/** What follows `--NAME` on the command line: a number, or a text where the fallback is one. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return fallback;
  return typeof fallback === 'number' ? Number(process.argv[at + 1]) : process.argv[at + 1];
}

/** What the figures were measured with, for the line above a table. */
export const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0].model.trim()}`;

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** @param bench gets `must(...argv)` and `iocage(...words)`, which answer standard output or throw. */
export async function inLab(sizeMb, bench) {
  if (process.env.IOCAGE_BENCH !== 'inside') {
    const words = [process.execPath, ...process.argv.slice(1)];
    const env = { ...process.env, IOCAGE_BENCH: 'inside' };
    const { status } = spawnSync(join(here, 'test/support/with-zfs'), words, { stdio: 'inherit', env });
    process.exit(status ?? 1);
  }
  const directory = mkdtempSync(join(tmpdir(), 'iocage-bench-'));
  const pool = `iocbench${process.pid}`;
  const env = {
    ...process.env,
    IOCAGE_POOL: pool,
    IOCAGE_STATE_DIR: join(directory, 'state'),
    IOCAGE_RUN_DIR: join(directory, 'run'),
  };
  const must = (...argv) => {
    const done = spawnSync(argv[0], argv.slice(1), { env, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr || done.stdout || done.error}`);
    return done.stdout;
  };
  const iocage = (...words) => must(join(here, 'bin/iocage'), ...words);
  const image = join(directory, 'pool.img');
  writeFileSync(image, '');
  truncateSync(image, sizeMb * 2 ** 20);
  must('zpool', 'create', '-m', join(directory, 'pool'), pool, image);
  must('zfs', 'set', 'org.freebsd.iocage:disposable=yes', pool);
  try {
    iocage('activate', pool);
    const tar = join(directory, 'busybox.tar');
    must(process.execPath, join(here, 'bench/busybox-tar.mjs'), tar);
    iocage('fetch', 'release=busybox', `file=${tar}`);
    await bench({ must, iocage, pool, directory, env });
  } finally {
    // Jails that still run would keep the pool busy.
    spawnSync(join(here, 'bin/iocage'), ['stop', 'ALL'], { env });
    must('zpool', 'destroy', '-f', pool);
    rmSync(directory, { recursive: true, force: true });
  }
}

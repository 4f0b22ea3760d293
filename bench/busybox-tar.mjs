/**
 * Makes the root tarball that the benchmark's jails are cloned from: the host's static busybox with its
 * applets as links, and an empty /etc/rc, so that a start is measured and not what a jail would run.
 *
 *   node bench/busybox-tar.mjs FILE
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: busybox-tar.mjs FILE');
const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
if (busybox === undefined) throw new Error('busybox-static is not installed');

const root = mkdtempSync(join(tmpdir(), 'iocage-bench-root-'));
try {
  for (const name of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var/log']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  copyFileSync(busybox, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  for (const applet of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  writeFileSync(join(root, 'etc/rc'), '#!/bin/sh\n');
  writeFileSync(join(root, 'etc/rc.shutdown'), '#!/bin/sh\n');
  execFileSync('tar', ['--owner=0', '--group=0', '--numeric-owner', '-cf', file, '-C', root, '.']);
} finally {
  rmSync(root, { recursive: true, force: true });
}

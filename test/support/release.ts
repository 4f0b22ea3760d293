/**
 * A root file system small enough to make in every test: the host's static busybox (on FreeBSD what
 * rescue(8) has, which is the same idea: one static program under many names), a few accounts and an
 * `/etc/rc` that leaves a mark. Made in 0.1 s.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sh } from './pool.ts';

const rescue = '/rescue';
const freebsd = process.platform === 'freebsd';
const busybox = (freebsd ? [`${rescue}/sh`] : ['/bin/busybox', '/usr/bin/busybox']).find((path) =>
  existsSync(path),
);

/** Why {@link busyboxTar} cannot work here; undefined when it can. */
const noBusybox: string | undefined =
  busybox === undefined ? `${freebsd ? rescue : 'busybox-static'} is not installed` : undefined;

const directories = [
  'bin',
  'sbin',
  'dev',
  'etc',
  'home',
  'proc',
  'root',
  'run',
  'sys',
  'tmp',
  'var/log',
  'var/tmp',
  'usr/bin',
  'usr/sbin',
];

const texts: Readonly<Record<string, string>> = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'www:x:33:33:www:/home/www:/bin/sh',
    'nobody:x:65534:65534:nobody:/:/bin/false',
    '',
  ].join('\n'),
  'etc/group': ['root:x:0:', 'tty:x:5:', 'www:x:33:', 'nogroup:x:65534:', ''].join('\n'),
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  'etc/resolv.conf': '',
  'etc/rc': '#!/bin/sh\necho "rc started"\n: >/run/rc-ran\n',
  'etc/rc.shutdown': '#!/bin/sh\necho "rc.shutdown ran"\n: >/var/log/rc-shutdown-ran\n',
};

/** Lays the root file system out below `root`, which must not exist yet. */
export function layBusyboxRoot(root: string): void {
  if (busybox === undefined) throw new Error(noBusybox);
  for (const directory of directories) mkdirSync(join(root, directory), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  chmodSync(join(root, 'var/tmp'), 0o1777);
  chmodSync(join(root, 'root'), 0o700);
  copyFileSync(busybox, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  const applets = freebsd ? readdirSync(rescue) : sh(busybox, '--list').split('\n');
  for (const applet of applets) {
    if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  }
  for (const [path, text] of Object.entries(texts)) writeFileSync(join(root, path), text);
}

/** Makes the root tarball at `path`, whose ending chooses the compression (`.tar`, `.tar.gz`, `.tar.xz`, `.tar.zst`). */
export function busyboxTar(path: string): string {
  const scratch = mkdtempSync(join(tmpdir(), 'iocbb-'));
  try {
    const root = join(scratch, 'root');
    layBusyboxRoot(root);
    mkdirSync(dirname(path), { recursive: true });
    // tar(1) of FreeBSD and that of GNU name the owner differently.
    const owner = freebsd ? ['--uid', '0', '--gid', '0'] : ['--owner=0', '--group=0'];
    sh('tar', ...owner, '--numeric-owner', '--auto-compress', '-cf', path, '-C', root, '.');
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** `make install`: what goes where, on both kernels, and what is not ours stays. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesOf } from '../support/files-of.ts';
import { hostTests, reason } from '../support/lab.ts';

const portList = fileURLToPath(new URL('../../share/freebsd/port/pkg-plist', import.meta.url));
const script = fileURLToPath(new URL('../../scripts/install.sh', import.meta.url));

describe.skipIf(!hostTests)(`install${reason}`, () => {
  let place: string;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'iocage-install-'));
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  const prefix = '/opt/a & b|c';
  const run = (word: string, system: string) =>
    spawnSync('sh', [script, word], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], DESTDIR: place, PREFIX: prefix, SYSTEM: system },
    });

  it.each([
    ['Linux', 'lib/systemd/system/iocage.service', `ExecStart="${prefix}/bin/iocage" rcboot`],
    [
      'Linux',
      'lib/systemd/system/iocage-snapshots.service',
      `ExecStart="${prefix}/bin/iocage" snapshot --scheduled`,
    ],
    ['Linux', 'lib/systemd/system/iocage-snapshots.timer', 'OnCalendar=hourly'],
    ['FreeBSD', 'etc/cron.d/iocage', `0 * * * * root "${prefix}/bin/iocage" -q snapshot --scheduled`],
    ['Linux', 'lib/systemd/system/iocage-serve.service', `ExecStart="${prefix}/bin/iocage" serve`],
    ['FreeBSD', 'etc/rc.d/iocage_serve', 'pidfile="/var/run/iocage_serve.pid"'],
    ['FreeBSD', 'etc/rc.d/ioc', `ioc_command="${prefix}/bin/ioc"`],
    ['FreeBSD', 'etc/rc.d/iocage', `iocage_command="${prefix}/bin/iocage"`],
  ])('%s: the service comes with it and goes with it', (system, path, line) => {
    const file = join(place, prefix, path);
    const installed = run('install', system);
    expect(installed, installed.stderr).toMatchObject({ status: 0 });
    expect(readFileSync(file, 'utf8').split('\n')).toContain(line);
    expect(run('install', system).status).toBe(0);
    expect(run('uninstall', system).status).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect(existsSync(join(place, prefix, 'bin/iocage'))).toBe(false);
  });

  it('FreeBSD: what is laid down is what the port lists', () => {
    expect(run('install', 'FreeBSD')).toMatchObject({ status: 0 });
    const top = join(place, prefix);
    const laid = filesOf(top)
      // What the port's Makefile lists as it finds it: pages, and the start-up snapshot, which not every node makes.
      .filter(({ path, kind }) => kind !== 'd' && !/^lib\/iocage\/(docs\/|iocage\.blob$)/.test(path))
      .map(({ path }) => path.replace(/^(share\/man\/.*)$/, '$1.gz'));
    expect(laid.sort()).toEqual(readFileSync(portList, 'utf8').trim().split('\n').sort());
  });

  it.each([
    'share/bash-completion/completions/iocage',
    'share/zsh/site-functions/_iocage',
    'share/fish/vendor_completions.d/iocage.fish',
  ])('%s: the completion comes with it and goes with it; one of somebody else stays', (path) => {
    const file = join(place, prefix, path);
    expect(run('install', 'Linux')).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(file, 'utf8')).toContain('# Completion of iocage');
    expect(run('uninstall', 'Linux').stdout).toContain('removed');
    expect(existsSync(file)).toBe(false);
    expect(run('uninstall', 'Linux').stdout).toContain('nothing was installed');
    writeFileSync(file, 'mine\n');
    expect(run('install', 'Linux').status).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe('mine\n');
  });

  it('what an earlier try left empty is nobody else’s', () => {
    for (const path of ['lib/systemd/system/iocage.service', 'share/zsh/site-functions/_iocage']) {
      const file = join(place, prefix, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, '');
    }
    expect(run('install', 'Linux')).toMatchObject({ status: 0, stderr: '' });
    expect(run('uninstall', 'Linux').status).toBe(0);
  });

  it('a service file that somebody else put there is left alone, and nothing is changed', () => {
    const file = join(place, prefix, 'lib/systemd/system/iocage.service');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '[Service]\n');
    expect(run('install', 'Linux')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('not installed'),
    });
    expect(readFileSync(file, 'utf8')).toBe('[Service]\n');
    expect(existsSync(join(place, prefix, 'bin/iocage'))).toBe(false);
  });
});

/** `iocage fstab` on real ZFS with real containers: what is mounted, what is refused, and that nothing is left. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`fstab${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let shared: string;
  let jail: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'db' });
    shared = join(lab.pool.directory, 'shared files');
    jail = join(lab.pool.directory, 'pool/iocage/jails/web');
    mkdirSync(shared);
    writeFileSync(join(shared, 'hello'), 'from the host\n');
  });
  afterAll(() => lab.close());

  it('a directory read-only and one in memory are there while the jail runs; stop takes them away', () => {
    const before = comparable(lab.state());
    expect(iocage('fstab', '-a', 'web', shared, '/mnt/shared', 'nullfs', 'ro', '0', '0')).toMatchObject({
      status: 0,
    });
    expect(iocage('fstab', '-a', 'web', 'tmpfs /mnt/fast tmpfs rw,size=4m 0 0')).toMatchObject({ status: 0 });
    const listed = iocage('fstab', '-l', '-H', 'web').stdout.split('\n');
    expect(listed.slice(0, 2)).toEqual([
      `0\t${shared}\t${jail}/root/mnt/shared\tnullfs\tro`,
      `1\ttmpfs\t${jail}/root/mnt/fast\ttmpfs\trw,size=4m`,
    ]);
    const started = iocage('start', 'web');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(iocage('exec', 'web', 'cat', '/mnt/shared/hello').stdout).toBe('from the host\n');
    expect(iocage('exec', 'web', 'touch', '/mnt/shared/x').status).not.toBe(0);
    expect(iocage('exec', 'web', 'grep', ' /mnt/fast ', '/proc/mounts').stdout).toMatch(
      /^tmpfs .*size=4096k/,
    );
    expect(iocage('stop', 'web').status).toBe(0);
    expect(comparable(lab.state())).toEqual(before);
    expect(iocage('fstab', '-r', 'web', '1').status).toBe(0);
    expect(iocage('fstab', '-r', 'web', shared, '/mnt/shared', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(readFileSync(join(jail, 'fstab'), 'utf8')).toBe('');
  });

  it('a link that the jail planted where a target lies is not followed', () => {
    symlinkSync('/', join(jail, 'root/planted'));
    const added = iocage('fstab', '-a', 'web', shared, '/planted/etc', 'nullfs', 'rw', '0', '0');
    expect(added.status).not.toBe(0);
    // Planted after the line was added: the start refuses, and nothing of it is left.
    expect(iocage('fstab', '-a', 'web', shared, '/later/etc', 'nullfs', 'rw', '0', '0').status).toBe(0);
    symlinkSync('/', join(jail, 'root/later'));
    const before = comparable(lab.state());
    const started = iocage('start', 'web');
    expect(started.status).toBe(1);
    expect(started.stderr).toContain('fstab: ');
    expect(comparable(lab.state())).toEqual(before);
    expect(iocage('fstab', '-r', 'web', '0').status).toBe(0);
  });

  it('refuses what would lead out, other jails, the pool of iocage, other types, a target twice', () => {
    symlinkSync(join(jail, '../db/root'), join(lab.pool.directory, 'way'));
    const refused = (...fields: readonly string[]): string => {
      const ran = iocage('fstab', '-a', 'web', ...fields);
      expect(ran.status, fields.join(' ')).not.toBe(0);
      return ran.stderr;
    };
    expect(refused(shared, '/../../db/root', 'nullfs', 'ro', '0', '0')).toContain('not below');
    expect(refused(join(jail, '../db/root'), '/mnt', 'nullfs', 'ro', '0', '0')).toContain('another jail');
    expect(refused(join(lab.pool.directory, 'way'), '/mnt', 'nullfs', 'ro', '0', '0')).toContain(
      'another jail',
    );
    expect(refused('/', '/mnt', 'nullfs', 'ro', '0', '0')).toContain('holds all jails');
    expect(refused('/dev/sda1', '/mnt', 'ext4', 'rw', '0', '0')).toContain('type');
    expect(refused('/no/such', '/mnt', 'nullfs', 'ro', '0', '0')).toContain('does not exist');
    expect(refused(shared, '/mnt', 'nullfs', 'ro')).toContain('six fields');
    expect(iocage('fstab', '-a', 'web', shared, '/mnt', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(refused('tmpfs', '/mnt', 'tmpfs', 'rw', '0', '0')).toContain('mounted already');
    expect(iocage('fstab', '-r', 'web', '7').status).toBe(2);
    expect(iocage('fstab', '-r', 'web', '0').status).toBe(0);
  });

  it('a clone mounts in its own root what the lines of its source say', () => {
    expect(iocage('fstab', '-a', 'web', shared, '/mnt', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(iocage('clone', 'web', '-n', 'copy').status).toBe(0);
    expect(iocage('start', 'copy')).toMatchObject({ status: 0 });
    expect(iocage('exec', 'copy', 'cat', '/mnt/hello').stdout).toBe('from the host\n');
    expect(iocage('stop', 'copy').status).toBe(0);
  });
});

/** Jails that hang on nothing, on their own UUID, or on other jails: clone -T, create -B -u -s -C, destroy -R. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparable } from '../support/command.ts';
import { expecting } from '../support/expecting.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`copies and what hangs on what${reason}`, () => {
  let lab: Lab;
  let jails: string;

  beforeAll(async () => {
    lab = await openLab();
    jails = join(lab.pool.directory, 'pool/iocage/jails');
    ok('set', 'ip4=disable', 'default');
    ok(
      'create',
      '-c',
      '-n',
      'source',
      'release=busybox',
      'notes=kept',
      'vnet0_mac=fe:ff:60:00:00:01,02:ff:60:00:00:02',
    );
  });
  afterAll(() => lab.close());

  const { ok, refused, run } = expecting(() => lab);
  const zfs = (key: string, dataset: string): string =>
    sh('zfs', 'get', '-H', '-o', 'value', key, `${lab.pool.name}/iocage/${dataset}`).trim();
  const snapshots = (): string =>
    sh('zfs', 'list', '-H', '-o', 'name', '-t', 'snapshot', '-r', `${lab.pool.name}/iocage`);

  it('clone -T copies the files, the properties and what lies beside the root, and hangs on nothing', () => {
    writeFileSync(join(jails, 'source/root/root/file'), 'one\n');
    writeFileSync(join(jails, 'source/prestart'), '#!/bin/sh\n# of this jail\n');
    chmodSync(join(jails, 'source/prestart'), 0o700);
    ok('fstab', '-a', 'source', 'tmpfs', '/mnt', 'tmpfs', 'rw', '0', '0');
    const before = snapshots();
    ok('clone', '-T', '-N', 'source', '-n', 'copy');
    expect(snapshots()).toBe(before);
    expect(zfs('origin', 'jails/copy')).toBe('-');
    expect(zfs('origin', 'jails/copy/root')).toBe('-');
    expect(ok('get', 'type', 'copy')).toBe('jail\n');
    expect(ok('get', 'notes', 'copy')).toBe('kept\n');
    expect(ok('get', 'vnet0_mac', 'copy')).toBe('none\n');
    expect(ok('get', 'host_hostname', 'copy')).toBe('copy\n');
    expect(statSync(join(jails, 'copy/prestart')).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(jails, 'copy/fstab'), 'utf8')).toContain(`${jails}/copy/root/mnt`);
    ok('start', 'copy');
    expect(ok('exec', 'copy', 'cat', '/root/file')).toBe('one\n');
    ok('destroy', '-f', 'copy');
    expect(refused('clone', '-T', 'source@nothing', '-n', 'copy')).toContain('as it is now');
  });

  it('create -B: the system of the release, read-only, and own files that are a clone', () => {
    ok('create', '-B', 'release=busybox', '-n', 'thin');
    expect(ok('get', 'type', 'thin')).toBe('basejail\n');
    expect(zfs('origin', 'jails/thin/root')).toContain('/releases/busybox/root@thin');
    ok('start', 'thin');
    expect(
      run('exec', 'thin', 'touch', '/bin/x').stdout + run('exec', 'thin', 'touch', '/bin/x').stderr,
    ).toMatch(/Read-only file system/);
    ok('exec', 'thin', 'touch', '/etc/x');
    expect(existsSync(join(lab.pool.directory, 'pool/iocage/releases/busybox/root/etc/x'))).toBe(false);
    expect(refused('destroy', '-f', '-r', 'busybox')).toContain('thin');
    ok('destroy', '-f', 'thin');
  });

  it('-u gives the UUID, -s a short one; both only where they can', () => {
    const uuid = '26E8E027-F00C-11E4-8F7F-3C970E80EB61';
    ok('create', '-c', '-u', uuid, 'release=busybox', 'tag=www01');
    expect(ok('get', 'host_hostuuid', '26e8')).toBe(`${uuid.toLowerCase()}\n`);
    expect(refused('create', '-c', '-u', uuid, 'release=busybox', 'tag=second')).toContain('already used');
    expect(refused('create', '-u', 'no-uuid', 'release=busybox')).toContain('no UUID');
    expect(refused('create', '-c', '2', '-u', uuid, 'release=busybox')).toContain('one jail');
    expect(refused('clone', 'www01', '-n', 'x', '-u', uuid)).toContain('excludes');
    const other = '26e8e027-f00c-11e4-8f7f-3c970e80eb62';
    ok('clone', 'www01', '-u', other, 'tag=www02');
    expect(ok('get', 'host_hostuuid', 'www02')).toBe(`${other}\n`);
    const short = ok('create', '-q', '-c', '-s', 'release=busybox', 'tag=brief').trim();
    expect(short).toMatch(/^[0-9a-f]{8}$/);
    expect(existsSync(join(jails, short, 'root/etc'))).toBe(true);
    ok('destroy', '-f', 'www02', 'www01', 'brief');
  });

  it('create -C stores every property: a default that changes later does not reach the jail', () => {
    ok('create', '-c', '-C', '-n', 'fixed', 'release=busybox', 'priority=5');
    ok('create', '-c', '-n', 'loose', 'release=busybox');
    ok('set', 'boot=on', 'priority=7', 'default');
    expect([ok('get', 'boot', 'fixed'), ok('get', 'boot', 'loose')]).toEqual(['off\n', 'on\n']);
    expect([ok('get', 'priority', 'fixed'), ok('get', 'priority', 'loose')]).toEqual(['5\n', '7\n']);
    ok('set', 'boot=off', 'priority=99', 'default');
    ok('start', 'fixed');
    ok('destroy', '-f', 'fixed', 'loose');
  });

  it('destroy -R takes the jails that were cloned from it, at any depth, and asks first', () => {
    const before = comparable(lab.state());
    ok('create', '-c', '-n', 'root', 'release=busybox');
    ok('clone', 'root', '-n', 'child');
    ok('clone', 'child', '-n', 'grandchild');
    expect(refused('destroy', '-f', 'root')).toContain('child');
    expect(refused('destroy', '-R', 'root')).toContain('not confirmed');
    ok('start', 'grandchild');
    expect(refused('destroy', '-R', '-y', 'root')).toContain('grandchild');
    const dry = ok('destroy', '-R', '-f', 'root', '--dry-run');
    expect(dry.match(/^zfs destroy .*$/gm)!.length).toBeGreaterThanOrEqual(6);
    expect(dry).not.toMatch(/zfs destroy -\S*R/);
    expect(ok('destroy', '-R', '-f', 'root').match(/^ {2}Destroying: \S+$/gm)).toHaveLength(3);
    expect(comparable(lab.state())).toEqual(before);
    expect(refused('destroy', '-R', '-r', '-f', 'busybox')).toContain('-R is for jails');
  });
});

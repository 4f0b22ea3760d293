/**
 * Jails between two hosts: real pools on both sides, a real sshd between them, and the built command on
 * the other side.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { openSshd, type Sshd } from '../support/sshd.ts';

describe.skipIf(!hostTests)(`send and receive${reason}`, { timeout: 120_000 }, () => {
  let here: Lab;
  let there: Lab;
  let sshd: Sshd;

  beforeAll(async () => {
    here = await openLab();
    there = await openLab({ release: false });
    sshd = await openSshd(join(there.pool.directory, 'ssh'), there.environment);
    await here.run('jail.create', {
      kind: 'thick',
      release: 'busybox',
      name: 'web',
      properties: [
        ['ip4', 'disable'],
        ['notes', 'moved by the test'],
        ['boot', 'on'],
        ['quota', '200M'],
      ],
    });
    await here.run('snapshot.take', { jail: 'web', snapshot: 'first' });
  });
  afterAll(async () => {
    await sshd?.close();
    await there?.close();
    await here?.close();
  });

  const send = (jail: string, more: object = {}) =>
    here.run('jail.send', { jail, host: 'backup', config: sshd.config, ...more });
  const fileOf = (lab: Lab, path: string): string => join(lab.pool.directory, 'pool/iocage/jails', path);
  const zfs = (...words: readonly string[]): readonly string[] =>
    sh('zfs', ...words)
      .trim()
      .split('\n');
  const guids = (lab: Lab, jail: string): readonly string[] =>
    zfs('get', '-Hrp', '-o', 'name,value', 'guid', `${lab.pool.name}/iocage/jails/${jail}`)
      .filter((line) => line.includes('@'))
      .map((line) => line.replace(`${lab.pool.name}/`, ''))
      .sort();

  it('sends a jail whole: files, snapshots by guid, properties; what is left is a standby', async () => {
    writeFileSync(fileOf(here, 'web/root/etc/marker'), 'one\n');
    const sent = await send('web');
    expect(sent).toMatchObject({ tag: 'web', host: 'backup', pool: there.pool.name, incremental: false });
    expect(readFileSync(fileOf(there, 'web/root/etc/marker'), 'utf8')).toBe('one\n');
    expect(guids(there, 'web')).toEqual(guids(here, 'web'));
    expect(guids(there, 'web').filter((line) => line.includes('@first'))).toHaveLength(2);
    const { jails } = await there.run<{ jails: Record<string, unknown>[] }>('jail.list', {});
    expect(jails).toMatchObject([{ uuid: 'web', tag: 'web', state: 'down', boot: false }]);
    expect(await there.run('property.get', { key: 'notes', jail: 'web' })).toMatchObject({
      value: 'moved by the test',
    });
    expect(await there.run('property.get', { key: 'quota', jail: 'web' })).toMatchObject({ value: '200M' });
    expect(existsSync(readlinkSync(join(there.pool.directory, 'pool/iocage/tags/web')))).toBe(true);
    expect(() => writeFileSync(fileOf(there, 'web/root/etc/marker'), 'no')).toThrow(/EROFS|read-only/);
    expect(zfs('list', '-H', '-o', 'name', '-r', `${there.pool.name}/iocage/receiving`)).toEqual([
      `${there.pool.name}/iocage/receiving`,
    ]);
  });

  it('sends only what is new the second time, also after the standby was looked at', async () => {
    readFileSync(fileOf(there, 'web/root/etc/marker'));
    writeFileSync(fileOf(here, 'web/root/etc/marker'), 'two\n');
    await here.run('snapshot.take', { jail: 'web', snapshot: 'second' });
    mkdirSync(fileOf(here, 'web/root/srv/more'), { recursive: true });
    await here.run('property.set', { jails: ['web'], properties: [['notes', 'later']] });
    const sent = await send('web');
    expect(sent).toMatchObject({ incremental: true, streams: 4 });
    expect(readFileSync(fileOf(there, 'web/root/etc/marker'), 'utf8')).toBe('two\n');
    expect(existsSync(fileOf(there, 'web/root/srv/more'))).toBe(true);
    expect(await there.run('property.get', { key: 'notes', jail: 'web' })).toMatchObject({ value: 'later' });
    expect(guids(there, 'web')).toEqual(guids(here, 'web'));
    expect(guids(there, 'web').filter((line) => line.includes('@ioc-send-'))).toHaveLength(2);
  });
});

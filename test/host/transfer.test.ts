/**
 * Jails between two hosts: real pools on both sides, a real sshd between them, and the built command on
 * the other side.
 */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameHeadBytes, framedBytes } from '../../src/domain/transfer.ts';
import { makeContext } from '../../src/iocage.ts';
import type { Context } from '../../src/ops/context.ts';
import { failEveryStep } from '../ops/every-step.ts';
import { commandIn, comparable } from '../support/command.ts';
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

  it('finds the common snapshot by guid, whatever it is called here', async () => {
    const [name] = zfs(
      'list',
      '-H',
      '-o',
      'name',
      '-t',
      'snapshot',
      '-r',
      `${here.pool.name}/iocage/jails/web`,
    ).filter((line) => line.includes('web@ioc-send-'));
    sh('zfs', 'rename', '-r', name!, `${name!.split('@')[0]}@renamed`);
    expect(await send('web')).toMatchObject({ incremental: true, streams: 2 });
  });

  it('refuses a jail that was started there, and tells the way back, which works', async () => {
    await there.run('jail.start', { jail: 'web' });
    await expect(send('web')).rejects.toMatchObject({ details: { code: 'JAIL_RUNNING' } });
    await there.run('jail.stop', { jail: 'web' });
    writeFileSync(fileOf(there, 'web/root/etc/own'), 'of the other host\n');
    const before = [guids(here, 'web'), guids(there, 'web')];
    const error = await send('web').then(
      () => undefined,
      (thrown: { code: string; message: string; hint: string }) => thrown,
    );
    expect(error).toMatchObject({ code: 'OTHER_HOST', details: { code: 'DIVERGED' } });
    expect(error!.message).toContain('jail web is there and is no earlier state');
    expect([guids(here, 'web'), guids(there, 'web')]).toEqual(before);
    expect(readFileSync(fileOf(there, 'web/root/etc/own'), 'utf8')).toBe('of the other host\n');
    expect(await there.run('jail.list', {})).toMatchObject({ jails: [{ uuid: 'web', state: 'down' }] });
    const commands = [...error!.hint.matchAll(/'([^']+)'/g)].map(([, line]) => line!.split(' '));
    expect(commands.map(([program]) => program)).toEqual(['zfs', 'iocage']);
    for (const [program, ...words] of commands) sh(program === 'zfs' ? 'zfs' : sshd.iocage, ...words);
    expect(await send('web')).toMatchObject({ incremental: true });
    expect(existsSync(fileOf(there, 'web/root/etc/own'))).toBe(false);
  });

  it('a clone goes as a clone of what is there, by guid', async () => {
    await here.run('property.set', { jails: ['web'], properties: [['template', 'yes']] });
    await here.run('jail.create', { template: 'web', name: 'copy', properties: [['ip4', 'disable']] });
    await there.run('jail.destroy', { jail: 'web' });
    await send('web');
    await send('copy');
    const [origin] = zfs('get', '-H', '-o', 'value', 'origin', `${there.pool.name}/iocage/jails/copy/root`);
    expect(origin).toMatch(`${there.pool.name}/iocage/templates/web/root@`);
    for (const lab of [there, here]) await lab.run('jail.destroy', { jail: 'copy' });
    await here.run('property.set', { jails: ['web'], properties: [['template', 'no']] });
    await there.run('jail.destroy', { jail: 'web' });
  });

  it('says what is wrong with the other host, and leaves nothing', async () => {
    const before = comparable(here.state());
    const refuse = (host: string, expected: object) =>
      expect(send('web', { host })).rejects.toMatchObject(expected);
    const dry = commandIn(here.environment)('send', 'web', 'backup', '-F', sshd.config, '--dry-run');
    expect(dry).toMatchObject({ status: 0 });
    const stream = `zfs send ${here.pool.name}/iocage/jails/web@`;
    expect(dry.stdout).toMatch(new RegExp(`^zfs snapshot -r .*web@ioc-send-.*\n${stream}.* \\| ssh -T -F `));
    await refuse('nowhere', { code: 'HOST_UNREACHABLE' });
    await refuse('-oProxyCommand=touch /tmp/x', { code: 'INVALID_NAME' });
    await refuse('a b', { code: 'INVALID_NAME' });
    await refuse('a;reboot', { code: 'INVALID_NAME' });
    await expect(send('web', { pool: 'p;reboot' })).rejects.toMatchObject({ code: 'INVALID_NAME' });
    await expect(send('web', { pool: 'nosuch' })).rejects.toMatchObject({
      code: 'OTHER_HOST',
      details: { code: 'POOL_NOT_FOUND' },
    });
    const script = readFileSync(sshd.iocage, 'utf8');
    rmSync(sshd.iocage);
    await refuse('backup', {
      code: 'OTHER_HOST',
      message: expect.stringContaining('not found there') as string,
    });
    writeFileSync(sshd.iocage, script, { mode: 0o755 });
    expect(comparable(here.state())).toEqual(before);
  });

  describe('killed in the middle', () => {
    const openEntries = (lab: Lab): readonly { pid: number; operation: string }[] =>
      readdirSync(join(lab.paths.state, 'journal/open'))
        .map((name) => readFileSync(join(lab.paths.state, 'journal/open', name), 'utf8'))
        .filter((text) => text.includes('\n')) // another one's head is just being written
        .map((text) => JSON.parse(text.split('\n')[0]!) as { pid: number; operation: string });
    const receiving = (): readonly string[] =>
      zfs('list', '-H', '-o', 'name', '-r', `${there.pool.name}/iocage/receiving`).slice(1);
    async function until(what: string, test: () => boolean): Promise<void> {
      for (let tries = 0; !test(); tries += 1) {
        if (tries > 300) throw new Error(`never: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    /** A send that takes a while, in a process of its own, seen when its second stream is on its way. */
    async function slowly() {
      const command = commandIn(here.environment).start('send', 'web', 'slow', '-F', sshd.config);
      await until('the data is on its way', () => receiving().some((name) => name.endsWith('/root')));
      return command;
    }
    const jailsThere = async () => (await there.run('jail.list', {})).jails as { uuid: string }[];
    const pidOf = (lab: Lab, operation: string): number =>
      openEntries(lab).find((entry) => entry.operation === operation)!.pid;

    beforeAll(() => {
      writeFileSync(fileOf(here, 'web/root/srv/data'), randomBytes(12_000_000));
    });

    it('the sending side, the first time', async () => {
      const before = comparable(here.state());
      const command = await slowly();
      process.kill(pidOf(here, 'jail.send'), 'SIGKILL');
      await command.ended;
      await until('the other side gives up', () => openEntries(there).length === 0);
      expect(await jailsThere()).toEqual([]);
      expect(receiving()).toEqual([]);
      await expect(send('web')).rejects.toMatchObject({ code: 'UNFINISHED' });
      expect(await here.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'mended' }] });
      expect(comparable(here.state())).toEqual(before);
    });

    it('the receiving side, the first time', async () => {
      const before = comparable(here.state());
      const command = await slowly();
      process.kill(pidOf(there, 'transfer.receive'), 'SIGKILL');
      const { status, stderr } = await command.ended;
      expect(status, stderr).toBe(1);
      expect(comparable(here.state())).toEqual(before);
      expect(await jailsThere()).toEqual([]);
      await expect(send('web')).rejects.toMatchObject({ details: { code: 'UNFINISHED' } });
      expect(await there.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'mended' }] });
      expect(receiving()).toEqual([]);
      await send('web');
      expect(await jailsThere()).toMatchObject([{ uuid: 'web' }]);
    });

    it.each(['jail.send', 'transfer.receive'] as const)(
      '%s, later: the standby is put back',
      async (which) => {
        writeFileSync(fileOf(here, 'web/root/srv/data'), randomBytes(12_000_000));
        const before = guids(there, 'web');
        const command = commandIn(here.environment).start('send', 'web', 'slow', '-F', sshd.config);
        await until('it is aside', () => receiving().length > 0);
        await new Promise((resolve) => setTimeout(resolve, 1500));
        expect(await jailsThere()).toEqual([]);
        process.kill(pidOf(which === 'jail.send' ? here : there, which), 'SIGKILL');
        await command.ended;
        if (which === 'jail.send')
          await until('the other side gives up', () => openEntries(there).length === 0);
        for (const lab of [here, there]) await lab.run('host.doctor', {});
        expect(receiving()).toEqual([]);
        expect(await jailsThere()).toMatchObject([{ uuid: 'web' }]);
        expect(guids(there, 'web')).toEqual(before);
        expect(await send('web')).toMatchObject({ incremental: true });
        expect(guids(there, 'web')).toEqual(guids(here, 'web'));
      },
    );

    it('Ctrl-C leaves nothing on either side', async () => {
      await there.run('jail.destroy', { jail: 'web' });
      const before = comparable(here.state());
      const command = await slowly();
      process.kill(pidOf(here, 'jail.send'), 'SIGINT');
      expect(await command.ended).toMatchObject({ status: 130 });
      expect(comparable(here.state())).toEqual(before);
      await until('the other side gives up', () => openEntries(there).length === 0);
      expect(receiving()).toEqual([]);
      expect(await jailsThere()).toEqual([]);
    });
  });

  it('every step of receive fails once', { timeout: 300_000 }, async () => {
    const file = join(there.pool.directory, 'streams');
    const head = await capture(file);
    const context = (): Context =>
      makeContext({ pool: there.pool.name, paths: there.paths, ownInput: openSync(file, 'r') });
    const count = await failEveryStep(
      { context, state: () => comparable(there.state()).join('\n') },
      {
        operation: 'transfer.receive',
        input: () => head,
        reset: () => there.run('jail.destroy', { jail: 'web' }),
      },
    );
    expect(count).toBeGreaterThan(6);
  });

  /** What the other side would get: the streams in a file, and the input that goes before them. */
  async function capture(file: string): Promise<unknown> {
    const script = readFileSync(sshd.iocage, 'utf8');
    const tee = `#!/bin/sh\ncase "$*" in *--ask) exec ${sshd.iocage}.real "$@" ;; esac\ncat >${file}\nexit 1\n`;
    writeFileSync(`${sshd.iocage}.real`, script, { mode: 0o755 });
    writeFileSync(sshd.iocage, tee, { mode: 0o755 });
    rmSync(fileOf(here, 'web/root/srv/data'));
    await expect(send('web')).rejects.toMatchObject({ code: 'OTHER_HOST' });
    writeFileSync(sshd.iocage, script, { mode: 0o755 });
    const all = readFileSync(file);
    const bytes = framedBytes(all.subarray(0, frameHeadBytes).toString())!;
    writeFileSync(file, all.subarray(frameHeadBytes + bytes));
    return JSON.parse(all.subarray(frameHeadBytes, frameHeadBytes + bytes).toString()) as unknown;
  }

  it('the commands of docs/moving.md', { timeout: 240_000 }, async () => {
    await there.run('pool.deactivate', { pool: there.pool.name });
    await expect(
      here.run('host.init', { host: 'backup', pool: 'nosuch', config: sshd.config }),
    ).rejects.toMatchObject({ code: 'OTHER_HOST', details: { code: 'POOL_NOT_FOUND' } });
    const text = readFileSync(new URL('../../docs/moving.md', import.meta.url), 'utf8');
    const section = /^## To another host$(.*?)^## /ms.exec(text)![1]!;
    const lines = [...section.matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) =>
      line!.replaceAll(/\btank\b/g, there.pool.name).split(' '),
    );
    expect(lines.length).toBeGreaterThan(9);
    await here.run('jail.start', { jail: 'web' });
    const said: string[] = [];
    for (const [program, ...words] of lines) {
      const reaches = ['send', 'init-host'].includes(words[0]!) ? ['-F', sshd.config] : [];
      const ran =
        program === 'ssh'
          ? { status: 0, stdout: sh('ssh', '-F', sshd.config, ...words), stderr: '' }
          : commandIn(here.environment)(...words, ...reaches);
      expect(ran.status, `${program} ${words.join(' ')}: ${ran.stderr}`).toBe(0);
      said.push(ran.stdout);
    }
    expect(said[2]).toMatch(/web/);
    expect(said[5]).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z backup:\S+ ioc-send-/);
    expect(await there.run('jail.list', {})).toMatchObject({
      jails: [{ uuid: 'web', state: 'up', boot: true }],
    });
    expect(await here.run('jail.list', {})).toMatchObject({ jails: [] });
    // Its fstab and its files are its own again.
    await there.run('jail.stop', { jail: 'web' });
    writeFileSync(fileOf(there, 'web/root/etc/own'), 'writable\n');
  });
});

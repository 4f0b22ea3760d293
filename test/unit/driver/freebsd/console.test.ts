/**
 * The console log of a jail on FreeBSD: its bound, whoever floods it, and what waits for a text in it. The shell, dd
 * and the pipe are real; ps(1) and daemon(8) are the stand-in's.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { consoleBytes } from '../../../../src/driver/both/console.ts';
import { consoleOf, copierAt, into, keepConsole } from '../../../../src/driver/freebsd/console.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';
import { start, stop } from '../../../contract/host.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';
import { undocumented } from '../../../support/freebsd/grammar.ts';

const MiB = 1024 ** 2;
/** Without a device: the root of the jail has none here. */
const flood = (mib: number): string => `yes ${'x'.repeat(63)} | head -c ${mib * MiB}`;

describe('what ps(1) says of the copier', () => {
  const text = [
    '    1     0 wait   /sbin/init --',
    ' 4711     1 wait   sh -c ^Jecho "$$"^J iocage-console /run/tank/console/web/console /log/web 2097152 8192',
    ' 4712  4711 piperd dd bs=8192 count=256',
    ' 4800     1 piperd sh -c x iocage-console /run/tank/console/db/console /log/db 2097152 8192',
    '',
  ].join('\n');
  it.each([
    [4711, '/run/tank/console/web/console', text, 'waits'],
    [4711, '/run/tank/console/web/console', text.replace('4711 piperd', '4711 biord '), 'copies'],
    // The number was given to another process since.
    [4711, '/run/tank/console/db/console', text, 'none'],
    [4711, '/run/tank/console/web', text, 'none'],
    [1, '/run/tank/console/web/console', text, 'none'],
    [99, '/run/tank/console/web/console', text, 'none'],
  ])('%d, %s', (pid, pipe, said, answer) => {
    expect(copierAt(said, pid, pipe)).toBe(answer);
  });
});

describe('the console of a jail', () => {
  let it_: FreebsdUnderTest;
  beforeEach(() => {
    it_ = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-console-')));
  });
  afterEach(() => it_.dispose());

  const jailWith = async (rc: string, config: Readonly<Record<string, string>> = {}): Promise<JailSpec> => {
    const jail = await it_.jail('web', config);
    writeFileSync(join(jail.root, 'etc/rc'), `#!/bin/sh\necho rc of web\n${rc}\n`, { mode: 0o755 });
    writeFileSync(join(jail.root, 'etc/rc.shutdown'), '#!/bin/sh\necho rc.shutdown ran\n', { mode: 0o755 });
    return jail;
  };
  const said = (jail: JailSpec): string =>
    [`${jail.consoleLog}.1`, jail.consoleLog]
      .map((path) => (existsSync(path) ? readFileSync(path, 'latin1') : ''))
      .join('');
  const expectBounded = (jail: JailSpec): void => {
    expect(readdirSync(join(jail.consoleLog, '..')).length).toBe(2);
    for (const path of [jail.consoleLog, `${jail.consoleLog}.1`])
      expect(statSync(path).size).toBeLessThanOrEqual(consoleBytes);
  };

  it('has what services and hooks said, in order, and leaves nothing when the jail is gone', async () => {
    const jail = await jailWith('', {
      exec_prestart: 'echo before',
      exec_poststart: 'echo up',
      exec_prestop: 'echo stopping',
      exec_poststop: 'echo gone',
    });
    const before = await it_.snapshot();
    await start(it_, jail);
    expect(said(jail)).toBe('before\nup\nrc of web\n');
    await stop(it_, jail);
    expect(said(jail)).toBe('before\nup\nrc of web\nstopping\nrc.shutdown ran\ngone\n');
    expect(await it_.snapshot()).toEqual(before);
    expect(it_.standIn.undocumented()).toEqual([]);
  });

  it('is bounded when a service floods, and keeps the end', async () => {
    const jail = await jailWith(`${flood(9)}; echo the very end`);
    await start(it_, jail);
    expectBounded(jail);
    expect(said(jail)).toMatch(/x\nthe very end\n$/);
  }, 60_000);

  it('is bounded when a hook floods: it is told, and a failure says the last words', async () => {
    const jail = await jailWith('', { exec_prestart: `${flood(9)}; echo no such disk; exit 3` });
    await expect(start(it_, jail)).rejects.toThrow(/exit status 3\): .*no such disk/);
    expectBounded(jail);
    expect(it_.notes.join()).toMatch(/more than \d+ MiB were printed while the prestart hook ran/);
  }, 60_000);

  it('a hook that hangs is ended when its time is up', async () => {
    const jail = await jailWith('', { exec_prestart: 'echo begun; sleep 60', exec_timeout: '1' });
    const before = await it_.snapshot();
    await expect(start(it_, jail)).rejects.toThrow(/took too long and was ended\): begun/);
    expect(await it_.snapshot()).toEqual(before);
  });

  it('a text to wait for is found although a flood washes it away; without it the start fails', async () => {
    const waiting = { wait_for: 'log:ready for work', wait_timeout: '2' };
    const jail = await jailWith(`echo ready for work; ${flood(9)}`, waiting);
    const before = await it_.snapshot();
    await start(it_, jail);
    expect(said(jail)).not.toContain('ready for work');
    await stop(it_, jail);
    const other = await jailWith(flood(9), waiting);
    await expect(start(it_, other)).rejects.toThrow('not ready after 2 s: the console log says nothing of');
    expect(await it_.snapshot()).toEqual(before);
  }, 60_000);

  it('a copier that was killed is followed by another, and what was written meanwhile comes', async () => {
    const jail = await jailWith('');
    await start(it_, jail);
    const { exec, files } = it_.run;
    const console = consoleOf(it_.paths, jail);
    // A service that goes on, of the jail's pipe.
    const writer = `i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; sleep 0.02; done`;
    const service = exec.change(['/usr/bin/sh', '-c', writer], { via: await into(files, console) });
    await vi.waitFor(() => expect(said(jail)).toContain('line 5\n'), 10_000);
    const pid = Number(readFileSync(`${console.pipe}.pid`, 'utf8'));
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    for (const one of [pid, Number(child)]) process.kill(one, 'SIGKILL');
    await vi.waitFor(async () => {
      await keepConsole(exec, files, console);
      expect(Number(readFileSync(`${console.pipe}.pid`, 'utf8'))).not.toBe(pid);
    }, 10_000);
    await service;
    await vi.waitFor(() => expect(said(jail)).toContain('line 200\n'), 10_000);
    const numbers = [...said(jail).matchAll(/^line (\d+)$/gm)].map(([, number]) => Number(number));
    expect(numbers.length).toBeGreaterThanOrEqual(199);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    await stop(it_, jail);
  }, 60_000);

  it('its lines for the shell hold documented words only', async () => {
    const jail = await it_.jail('web');
    const lines = (await into(it_.run.files, consoleOf(it_.paths, jail))).join('\n');
    const calls = [
      ...lines.matchAll(/(?:^|[;&|({!]|then|\]) *(daemon|dd|grep|mkfifo|mv|ps|rm|tail|wc) ([^;&|<>)\n]*)/gm),
    ].map(([, tool = '', rest = '']) => [
      tool,
      ...rest
        .replace(/\d?$/, '')
        .replaceAll(/\$\(.*/g, '')
        .trim()
        .split(' '),
    ]);
    expect(new Set(calls.map(([tool]) => tool)).size).toBe(9);
    expect(calls.flatMap((argv) => undocumented(argv, 13))).toEqual([]);
  });
});

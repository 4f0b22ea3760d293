/** The Linux driver on a real machine: real containers, on a real pool where ZFS answers. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hostContract, runSteps, start, stop } from '../contract/host.ts';
import { whyNoHostTests } from '../support/host-tests.ts';
import { jailPool, type JailPool } from '../support/jail-pool.ts';
import { SessionExec, type LinuxUnderTest } from '../support/linux-jails.ts';
import { linuxHost } from '../../src/driver/linux/host.ts';
import { RecordingExec, RecordingFiles } from '../../src/driver/node/recorder.ts';
import type { StepRun } from '../../src/driver/step.ts';
import type { Action } from '../../src/driver/system.ts';

const why = whyNoHostTests();
describe.skipIf(why !== undefined)(`linux host${why ? ` (skipped: ${why})` : ''}`, () => {
  let pool: JailPool;
  beforeAll(() => {
    pool = jailPool();
  });
  afterAll(() => pool.destroy());

  hostContract('linux', async () => pool.make());

  describe('a running jail', () => {
    let it_: LinuxUnderTest;
    beforeEach(() => {
      it_ = pool.make();
    });
    afterEach(() => it_.dispose());

    it('has its host name, a short list of devices, and loopback as its only interface', async () => {
      const jail = await it_.jail('one', { host_hostname: 'www.example.org', ip4: 'disable' });
      await start(it_, jail);
      const { output } = await it_.inside(
        jail,
        'hostname; ls /dev; ls /sys/class/net; id -u; cat /proc/1/comm',
      );
      const lines = output.trim().split('\n');
      expect(lines[0]).toBe('www.example.org');
      expect(lines).toEqual(expect.arrayContaining(['null', 'ptmx', 'pts', 'shm', 'urandom', 'zero', 'lo']));
      expect(lines).not.toContain('eth0');
      expect(lines.at(-1)).toBe('.iocage-init');
      // Nothing of the driver's stays in the root.
      await stop(it_, jail);
      expect(readdirSync(join(jail.root, 'dev'))).toEqual([]);
    });

    it('shares the network of the host with ip4=inherit', async () => {
      const jail = await it_.jail('one', { ip4: 'inherit', ip4_addr: 'nowhere|192.0.2.9' });
      expect(await it_.host.check(jail)).toEqual([]);
      await start(it_, jail);
      const { output } = await it_.inside(jail, 'readlink /proc/self/ns/net');
      expect(output.trim()).toBe(`net:[${statSync('/proc/self/ns/net').ino}]`);
      expect(await it_.host.runtime(jail)).toContain('ip4=inherit');
    });

    it('resolves names as the host does, or as its resolver property says', async () => {
      const host = await it_.jail('host', { ip4: 'inherit' });
      const own = await it_.jail('own', { resolver: 'nameserver 192.0.2.53;search example.org' });
      const kept = await it_.jail('kept', { resolver: '/dev/null' });
      writeFileSync(join(kept.root, 'etc/resolv.conf'), 'nameserver 192.0.2.54\n');
      const read = async (jail: typeof host): Promise<string> => {
        await start(it_, jail);
        return (await it_.inside(jail, 'cat /etc/resolv.conf')).output;
      };
      expect(await read(host)).toBe(readFileSync('/etc/resolv.conf', 'utf8'));
      expect(await read(own)).toBe('nameserver 192.0.2.53\nsearch example.org\n');
      expect(await read(kept)).toBe('nameserver 192.0.2.54\n');
    });

    it('runs exec_start with its output in the console log, and keeps what it started', async () => {
      const jail = await it_.jail('one');
      writeFileSync(join(jail.root, 'etc/rc'), 'echo up; echo oops >&2; (sleep 600 &)\n');
      writeFileSync(join(jail.root, 'etc/rc.shutdown'), 'echo down\n');
      await start(it_, jail);
      expect((await it_.inside(jail, 'ps')).output).toContain('sleep 600');
      expect(it_.notes).toEqual([]);
      await stop(it_, jail);
      expect(readFileSync(jail.consoleLog, 'utf8')).toBe('up\noops\ndown\n');
      expect(statSync(jail.consoleLog).mode & 0o777).toBe(0o600);
    });

    it('leaves the usual scripts out with a note when its root has none', async () => {
      const jail = await it_.jail('one');
      await start(it_, jail);
      await stop(it_, jail);
      expect(it_.notes).toEqual([
        'the jail has no /etc/rc; nothing to run for exec_start',
        'the jail has no /etc/rc.shutdown; nothing to run for exec_stop',
      ]);
    });

    it('splits exec_start at blanks: no shell reads it', async () => {
      const jail = await it_.jail('one', { exec_start: '/bin/touch /tmp/a;b /tmp/$HOME' });
      await start(it_, jail);
      expect(readdirSync(join(jail.root, 'tmp')).sort()).toEqual(['$HOME', 'a;b']);
    });

    it('gives a program the ids, the groups and a new environment', async () => {
      const jail = await it_.jail('one');
      await start(it_, jail);
      await it_.host.exec(jail, ['/bin/sh', '-c', 'id; env; pwd'], {
        jailUser: 'www',
        env: { EXTRA: 'a b' },
      });
      const lines = it_.exec.output.trim().split('\n');
      expect(lines[0]).toContain('uid=33(www) gid=33(www) groups=29(audio),33(www)');
      expect(lines).toEqual(
        expect.arrayContaining(['HOME=/var', 'USER=www', 'TERM=xterm', 'EXTRA=a b', 'SHELL=/bin/sh']),
      );
      expect(it_.exec.output).not.toContain('NODE');
      await it_.host.exec(jail, ['/bin/id', '-u'], { hostUser: 'daemon' });
      expect(it_.exec.output.trim()).toBe('1');
      expect(await it_.host.exec(jail, ['/etc/passwd'], {})).toBe(126);
      expect(await it_.host.exec(jail, ['/bin/sh', '-c', 'exit 255'], {})).toBe(255);
      expect(await it_.host.exec(jail, ['/bin/sh', '-c', 'kill -9 $$'], {})).toBe(137);
    });

    it('offers a login shell when there is no login program', async () => {
      const jail = await it_.jail('one');
      writeFileSync(join(jail.root, 'root/.profile'), 'echo "hello from $(pwd)"\n');
      await start(it_, jail);
      expect(await it_.host.console(jail)).toBe(0);
      expect(it_.exec.output).toContain('hello from /root');
    });

    it('runs its hooks on the host, a file before the property', async () => {
      const jail = await it_.jail('one', {
        exec_prestart: 'echo "prestart $IOCAGE_NAME jid=[$IOCAGE_JID] $IOCAGE_ROOT"',
        exec_poststart: 'echo "poststart $IOCAGE_UUID jid=[$IOCAGE_JID]"',
        exec_prestop: 'echo never',
        exec_poststop: 'echo "poststop jid=[$IOCAGE_JID]"',
      });
      const file = join(jail.mountpoint, 'prestop');
      writeFileSync(file, '#!/bin/sh\necho prestop file\n');
      chmodSync(file, 0o755);
      await start(it_, jail);
      const { jid } = (await it_.host.running(jail.pool)).get('one')!;
      await stop(it_, jail);
      expect(readFileSync(jail.consoleLog, 'utf8').split('\n')).toEqual([
        `prestart one jid=[] ${jail.root}`,
        `poststart one jid=[${jid}]`,
        'prestop file',
        'poststop jid=[]',
        '',
      ]);
      // Anyone's file is nobody's hook.
      chmodSync(file, 0o777);
      await start(it_, jail);
      await stop(it_, jail);
      expect(readFileSync(jail.consoleLog, 'utf8')).toContain('never');
    });

    it('is not started when its prestart hook fails', async () => {
      const jail = await it_.jail('one', { exec_prestart: 'exit 3' });
      const before = await it_.snapshot();
      await expect(start(it_, jail)).rejects.toThrow(/exit status 3/);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('gets TERM and some time before it is ended', async () => {
      const jail = await it_.jail('one', { stop_timeout: '1' });
      writeFileSync(
        join(jail.root, 'etc/rc'),
        `(trap 'echo polite >>/tmp/said; exit' TERM; while :; do sleep 0.05; done) &
         (trap '' TERM; while :; do sleep 0.05; done) &\n`,
      );
      await start(it_, jail);
      const began = Date.now();
      await stop(it_, jail);
      expect(Date.now() - began).toBeGreaterThan(900);
      expect(Date.now() - began).toBeLessThan(4000);
      expect(readFileSync(join(jail.root, 'tmp/said'), 'utf8')).toBe('polite\n');
      expect(it_.notes.join()).toContain('did not end in time');
    });

    it('loses its processes but not its first in a soft restart', async () => {
      const jail = await it_.jail('one', { stop_timeout: '1' });
      writeFileSync(join(jail.root, 'etc/rc'), `(trap '' TERM; sleep 600) &\n`);
      await start(it_, jail);
      await runSteps(it_.host, await it_.host.softRestartSteps(jail), it_.run);
      const { output } = await it_.inside(jail, 'ps');
      expect(output.match(/sleep 600/g)).toHaveLength(1);
    });

    it('keeps the compiled filter, and does without when the file is damaged or wrong', async () => {
      const jail = await it_.jail('one');
      const filtered = async (): Promise<string> =>
        (await it_.inside(jail, 'grep Seccomp: /proc/self/status')).output;
      await start(it_, jail);
      const file = join(it_.stateDirectory, readdirSync(it_.stateDirectory)[0]!);
      const kept = readFileSync(file, 'utf8');
      expect(await filtered()).toMatch(/2/);
      await stop(it_, jail);

      writeFileSync(file, kept.slice(0, 300));
      await start(it_, jail);
      expect(await filtered()).toMatch(/2/);
      expect(readFileSync(file, 'utf8')).toBe(kept);
      await stop(it_, jail);

      // Whole by its digest, but nothing that the kernel takes.
      const { createHash } = await import('node:crypto');
      const wrong = Buffer.from('not a filter at all, sixteen+16').toString('base64');
      writeFileSync(file, `${createHash('sha256').update(wrong).digest('hex')}\n${wrong}\n`);
      await start(it_, jail);
      expect(await filtered()).toMatch(/2/);
      expect(existsSync(file)).toBe(false);
    });

    it.skipIf(!existsSync('/usr/bin/script'))('gives a program the terminal of the caller', async () => {
      const jail = await it_.jail('one');
      await start(it_, jail);
      // script(1) makes the terminal that a test has not.
      const onTerminal = new SessionExec();
      const session = onTerminal.session.bind(onTerminal);
      onTerminal.session = (argv) =>
        session(['script', '-qec', argv.map((word) => `'${word}'`).join(' '), '/dev/null']);
      const host = linuxHost({
        exec: onTerminal,
        files: it_.run.files,
        clock: it_.run.clock,
        paths: { run: it_.runDirectory, state: it_.stateDirectory },
        terminal: { interactive: true, term: 'xterm', environment: {} },
      });
      // script(1) on a busy machine ends without the last words of a program that ends at once.
      const words = 'test -t 0 && readlink /proc/self/fd/1; sleep 1; exit 5';
      expect(await host.exec(jail, ['/bin/sh', '-c', words], {})).toBe(5);
      // Of the jail's own devpts, not the caller's.
      expect(onTerminal.output.trim()).toMatch(/\/dev\/pts\/0$/);
    });

    it('changes nothing in a dry run, and tells every command in order', async () => {
      const jail = await it_.jail('one', { exec_prestart: 'echo hello', exec_start: '/bin/true' });
      const dry = (actions: Action[]): StepRun => ({
        ...it_.run,
        dry: true,
        exec: new RecordingExec(it_.exec, actions),
        files: new RecordingFiles(it_.run.files, actions),
      });
      const commands = (actions: readonly Action[]): readonly string[] =>
        actions.flatMap((action) => (action.type === 'run' ? [action.argv.join(' ')] : []));
      const before = await it_.snapshot();
      const starting: Action[] = [];
      await runSteps(it_.host, await it_.host.startSteps(jail), dry(starting));
      expect(await it_.snapshot()).toEqual(before);
      expect(commands(starting)).toEqual([
        '/bin/sh -c echo hello',
        expect.stringMatching(/crun .* run --detach --bundle .* ioc-one$/),
        expect.stringMatching(/crun .* exec --process .* ioc-one$/),
      ]);
      await start(it_, jail);
      const running = await it_.snapshot();
      const stopping: Action[] = [];
      await runSteps(it_.host, await it_.host.stopSteps(jail), dry(stopping));
      expect(await it_.snapshot()).toEqual(running);
      expect(commands(stopping).at(-1)).toMatch(/crun .* delete --force ioc-one$/);
    });

    it('is started with few child processes', async () => {
      const jail = await it_.jail('one');
      await start(it_, jail);
      await stop(it_, jail);
      const first = it_.exec.spawned;
      await start(it_, jail);
      expect(it_.exec.spawned - first).toBe(1);
      await it_.host.running(jail.pool);
      await it_.host.runtime(jail);
      expect(it_.exec.spawned - first).toBe(1);
      await stop(it_, jail);
      expect(it_.exec.spawned - first).toBe(2);
    });
  });
});

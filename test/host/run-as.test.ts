/**
 * As whom, with what, and for how long hooks and service commands run; the devices and the zone that a jail
 * gets from the host. Real containers.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSteps, start, stop } from '../contract/host.ts';
import { whyNoHostTests } from '../support/host-tests.ts';
import { linuxUnderTest, SessionExec, type LinuxUnderTest } from '../support/linux-jails.ts';
import { sh } from '../support/pool.ts';
import { linuxHost } from '../../src/driver/linux/host.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import type { JailSpec } from '../../src/driver/host.ts';

const why = whyNoHostTests();

describe.skipIf(why !== undefined)(`run as${why ? ` (skipped: ${why})` : ''}`, () => {
  let it_: LinuxUnderTest;
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'iocrun-'));
    // A hook's user must be able to get there.
    chmodSync(directory, 0o755);
    it_ = linuxUnderTest(`run${process.pid}`, directory);
  });
  afterEach(() => it_.dispose());

  const make = (config: Record<string, string>): Promise<JailSpec> =>
    it_.jail('one', { ip4: 'disable', ...config });
  const log = (jail: JailSpec): readonly string[] =>
    readFileSync(jail.consoleLog, 'utf8').trimEnd().split('\n');
  const problems = async (jail: JailSpec): Promise<readonly string[]> =>
    (await it_.host.check(jail)).map(({ key, problem }) => `${key}: ${problem}`);
  const got = async (jail: JailSpec, script: string): Promise<string> =>
    (await it_.inside(jail, script)).output.trim();

  describe('services', () => {
    const tell = (jail: JailSpec): void =>
      writeFileSync(
        join(jail.root, 'etc/rc'),
        'echo "$(id -u):$(id -g) $(id -G) $USER $HOME ${SECRET:-none}"\n',
      );

    it('run as exec_jail_user, with all groups that the jail’s data base gives it and no capability', async () => {
      const jail = await make({ exec_jail_user: 'www', exec_stop: '/bin/id -un' });
      tell(jail);
      writeFileSync(
        join(jail.root, 'etc/rc'),
        'echo "$(id -u):$(id -g) $(id -G) $USER $HOME"; grep CapEff /proc/self/status; touch /etc/x || echo no\n',
      );
      expect(await problems(jail)).toEqual([]);
      await start(it_, jail);
      await stop(it_, jail);
      expect(log(jail)).toEqual([
        '33:33 33 29 www /var',
        'CapEff:\t0000000000000000',
        'touch: /etc/x: Permission denied',
        'no',
        'www',
      ]);
    });

    it('of a user that the jail does not know are refused at start, and left out at stop, never run as root', async () => {
      const jail = await make({ exec_jail_user: 'ghost', exec_stop: '/bin/touch /tmp/stopped' });
      expect(await problems(jail)).toEqual(['exec_jail_user: the jail has no user ghost']);
      const www = { ...jail, config: new Map([...jail.config, ['exec_jail_user', 'www']]) };
      await start(it_, www);
      rmSync(join(jail.root, 'etc/passwd'));
      symlinkSync('/etc/passwd', join(jail.root, 'etc/passwd'));
      expect((await problems(www)).join()).toMatch(
        /^exec_jail_user: path .*etc\/passwd" is refused: it is a symbolic link/,
      );
      await stop(it_, www);
      expect(it_.notes.join()).toContain('exec_stop is left out: path');
      expect(existsSync(join(jail.root, 'tmp/stopped'))).toBe(false);
    });

    it('of exec_system_jail_user are looked up on the host', async () => {
      const jail = await make({ exec_jail_user: 'nobody', exec_system_jail_user: '1' });
      tell(jail);
      await start(it_, jail);
      expect(log(jail)[0]).toMatch(/^65534:65534 65534 nobody \/nonexistent/);
      const none = await it_.jail('two', {
        exec_jail_user: 'www',
        exec_system_jail_user: '0',
        ip4: 'disable',
      });
      writeFileSync(join(none.root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
      expect(await problems(none)).toEqual(['exec_jail_user: the jail has no user www']);
    });

    it('get the caller’s environment with exec_clean=0 only, and no record keeps it', async () => {
      const exec = new SessionExec();
      const clock = it_.run.clock;
      const paths = { run: it_.runDirectory, state: it_.stateDirectory };
      const environment = { SECRET: 'from outside', HOME: '/elsewhere', PATH: '/nowhere' };
      const terminal = { interactive: false, term: 'xterm', environment };
      const host = linuxHost({ exec, files: new NodeFiles(), clock, paths, terminal });
      for (const [exec_clean, seen] of [
        ['1', 'none'],
        ['0', 'from outside'],
      ] as const) {
        const jail = await make({ exec_clean });
        tell(jail);
        rmSync(jail.consoleLog, { force: true });
        const steps = await host.startSteps(jail);
        expect(JSON.stringify(steps)).not.toContain('from outside');
        await runSteps(host, steps, it_.run);
        expect(log(jail)).toEqual([`0:0 0 root /root ${seen}`]);
        await host.exec(jail, ['/bin/sh', '-c', 'echo ${SECRET:-none} $PATH'], {});
        expect(exec.output.trim()).toMatch(new RegExp(`^${seen} /usr/local/sbin:`));
        await runSteps(host, await host.stopSteps(jail), it_.run);
      }
    });
  });

  describe('hooks', () => {
    it('run in their order as exec_system_user, exec_created among them', async () => {
      const tell = (word: string): string =>
        `echo ${word} $(id -un) $(id -Gn) $HOME jid=[$IOCAGE_JID] $IOCAGE_NAME`;
      const jail = await make({
        exec_system_user: 'nobody',
        exec_prestart: tell('prestart'),
        exec_created: tell('created'),
        exec_poststart: tell('poststart'),
        exec_prestop: `${tell('prestop')}; grep -c '^Cap[IPE].*0000000000000000' /proc/self/status`,
        exec_poststop: tell('poststop'),
        exec_start: '/bin/hostname',
        exec_stop: 'none',
      });
      expect(await problems(jail)).toEqual([]);
      await start(it_, jail);
      const { jid } = (await it_.host.running(jail.pool)).get('one')!;
      await stop(it_, jail);
      expect(log(jail)).toEqual([
        'prestart nobody nogroup /nonexistent jid=[] one',
        `created nobody nogroup /nonexistent jid=[${jid}] one`,
        `poststart nobody nogroup /nonexistent jid=[${jid}] one`,
        'one',
        `prestop nobody nogroup /nonexistent jid=[${jid}] one`,
        '3',
        'poststop nobody nogroup /nonexistent jid=[] one',
      ]);
    });

    it('of a user that is gone are not run as root: a start is refused, a stop goes on', async () => {
      const mark = join(directory, 'mark');
      const jail = await make({ exec_system_user: 'ghost', exec_prestop: `touch ${mark}` });
      expect(await problems(jail)).toEqual(['exec_system_user: the host has no user ghost']);
      await start(it_, { ...jail, config: new Map([...jail.config, ['exec_system_user', 'root']]) });
      await stop(it_, jail);
      expect(existsSync(mark)).toBe(false);
      expect((await it_.host.running(jail.pool)).size).toBe(0);
    });

    it('exec_created that fails takes the start back', async () => {
      const jail = await make({ exec_created: 'exit 3' });
      const before = await it_.snapshot();
      await expect(start(it_, jail)).rejects.toThrow(/exit status 3/);
      expect(await it_.snapshot()).toEqual(before);
    });

    /** Processes of the machine that sleep for so long. */
    const alive = (word: string): readonly string[] =>
      readdirSync('/proc').filter((pid) => {
        if (!/^\d+$/.test(pid)) return false;
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${word}\0`;
        } catch {
          return false;
        }
      });
    const gone = async (word: string): Promise<readonly string[]> => {
      for (let tries = 0; tries < 100 && alive(word).length > 0; tries += 1) await it_.run.clock.sleep(20);
      return alive(word);
    };

    it('that hang are ended after exec_timeout with all that they started, deaf ones too', async () => {
      const before = await it_.snapshot();
      const script = join(directory, 'deaf.sh');
      // Job control puts the background job into another process group.
      writeFileSync(script, `trap '' TERM\nset -m\nbash -c 'sleep 4711.5; sleep 4711.5' &\nwait\n`);
      for (const [exec_prestart, atLeast] of [
        ['sleep 4711.5 & sleep 4711.5', 0],
        [`bash ${script}`, 0],
        [`exec bash ${script}`, 5000],
        [`bash ${script} & wait`, 0],
      ] as const) {
        const jail = await make({ exec_prestart, exec_timeout: '1' });
        const started = Date.now();
        await expect(start(it_, jail)).rejects.toThrow(/took too long and was ended/);
        expect(Date.now() - started, exec_prestart).toBeGreaterThan(atLeast);
        expect(Date.now() - started, exec_prestart).toBeLessThan(atLeast + 15_000);
        expect(await gone('4711.5')).toEqual([]);
        expect(await it_.snapshot()).toEqual(before);
      }
    }, 120_000);

    it('at a stop that hang are ended and told, and the jail stops', async () => {
      const jail = await make({
        exec_prestop: 'sleep 4712.5',
        exec_poststop: 'sleep 4712.5',
        exec_timeout: '1',
      });
      const before = await it_.snapshot();
      await start(it_, jail);
      const started = Date.now();
      await stop(it_, jail);
      expect(Date.now() - started).toBeLessThan(30_000);
      expect(await gone('4712.5')).toEqual([]);
      expect(await it_.snapshot()).toEqual(before);
    }, 60_000);

    it('that leave something running in the background do not hold the start up, and it may stay', async () => {
      const jail = await make({
        exec_poststart: 'sleep 4713.5 & echo $! >"$IOCAGE_ROOT/tmp/pid"',
        exec_timeout: '30',
      });
      const started = Date.now();
      await start(it_, jail);
      expect(Date.now() - started).toBeLessThan(25_000);
      const pid = Number(readFileSync(join(jail.root, 'tmp/pid'), 'utf8'));
      // Until its exec it looks like the shell that made it.
      const words = (): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      for (let tries = 0; tries < 250 && !words().startsWith('sleep'); tries += 1)
        await it_.run.clock.sleep(20);
      expect(words().split('\0')).toEqual(['sleep', '4713.5', '']);
      process.kill(pid);
      await stop(it_, jail);
    });
  });

  describe('devices and the zone of the host', () => {
    it('allow_vmm lets a jail open /dev/kvm, and without it there is none', async () => {
      const kvm = existsSync('/dev/kvm');
      const jail = await make({ allow_vmm: '1', exec_start: 'none' });
      // On a machine without it, this is what is to be shown.
      if (!kvm) {
        expect((await problems(jail)).join()).toMatch(/^allow_vmm: the host has no \/dev\/kvm/);
        return;
      }
      expect(await problems(jail)).toEqual([]);
      await start(it_, jail);
      expect(
        await got(jail, `ls -l /dev/kvm | cut -c1-10; su -s /bin/sh www -c 'exec 3<>/dev/kvm; id -u'`),
      ).toBe('crw-rw-rw-\n33');
      const plain = await it_.jail('two', { ip4: 'disable', exec_start: 'none' });
      await start(it_, plain);
      expect(await got(plain, 'ls /dev/kvm 2>&1; exec 3<>/dev/kvm')).toContain('No such file');
    });

    const zone = '/usr/share/zoneinfo/Etc/UTC';
    /** The host of these tests must have a zone that is a link; Debian's are. */
    const host = ((): string | undefined => {
      try {
        return readlinkSync('/etc/localtime');
      } catch {
        return undefined;
      }
    })();

    it.skipIf(host !== zone)(
      'host_time gives the jail the link of the host, where it has the zone and no file of its own (needs a host in Etc/UTC)',
      async () => {
        const jail = await make({ host_time: '1' });
        const path = join(jail.root, 'etc/localtime');
        const kinds = async (): Promise<readonly string[]> =>
          (await it_.host.startSteps(jail))
            .map(({ kind }) => kind)
            .filter((kind) => kind === 'linux.localtime');
        // Without the zone: a link to nowhere would be no zone.
        expect(await kinds()).toEqual([]);
        mkdirSync(join(jail.root, 'usr/share/zoneinfo/Etc'), { recursive: true });
        writeFileSync(join(jail.root, 'usr/share/zoneinfo/Etc/UTC'), 'zone');
        symlinkSync('/usr/share/zoneinfo/Europe/Berlin', path);
        expect(await kinds()).toHaveLength(1);
        // A start that fails leaves what was there.
        const steps = await it_.host.startSteps(jail);
        await expect(runSteps(it_.host, steps, it_.run, { failAt: steps.length - 1 })).rejects.toThrow();
        expect(readlinkSync(path)).toBe('/usr/share/zoneinfo/Europe/Berlin');
        await start(it_, jail);
        expect(readlinkSync(path)).toBe(zone);
        expect(await got(jail, 'readlink /etc/localtime; cat /etc/localtime')).toBe(`${zone}\nzone`);
        await stop(it_, jail);
        expect(await kinds()).toEqual([]);
        rmSync(path);
        expect(await kinds()).toHaveLength(1);
        const off = { ...jail, config: new Map([...jail.config, ['host_time', '0']]) };
        expect((await it_.host.startSteps(off)).map(({ kind }) => kind)).not.toContain('linux.localtime');
        writeFileSync(path, 'its own');
        expect(await kinds()).toEqual([]);
      },
    );

    it('host_time follows no link that a jail’s root planted', async () => {
      const jail = await make({ host_time: '1' });
      const outside = join(directory, 'outside');
      mkdirSync(join(jail.root, 'usr/share/zoneinfo/Etc'), { recursive: true });
      writeFileSync(join(jail.root, 'usr/share/zoneinfo/Etc/UTC'), 'zone');
      writeFileSync(outside, 'mine');
      symlinkSync(outside, join(jail.root, 'etc/localtime'));
      await start(it_, jail);
      expect(readFileSync(outside, 'utf8')).toBe('mine');
      await stop(it_, jail);
      rmSync(join(jail.root, 'etc'), { recursive: true });
      mkdirSync(join(directory, 'etc'));
      symlinkSync(join(directory, 'etc'), join(jail.root, 'etc'));
      await expect(start(it_, jail)).rejects.toThrow(/must be a directory/);
      expect(readdirSync(join(directory, 'etc'))).toEqual([]);
      expect(sh('ls', directory)).toContain('outside');
    });
  });
});

/** The files that start the jails with the host: what they say, and whether their readers take them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/ops/index.ts';
import { serverCommands } from '../../src/server/commands.ts';
import { settingRows } from '../../src/server/settings.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const unitText = readFileSync(join(root, 'share/systemd/iocage.service'), 'utf8');
const rcText = readFileSync(join(root, 'share/rc.d/iocage'), 'utf8');
const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;
const commands = new Set(operations.flatMap((operation) => operation.command.names));

/** `[Section]` and `Key=value`, as systemd.syntax(7) has them. */
function settings(text: string): Map<string, string> {
  let section = '';
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (/^\s*(#|;|$)/.test(line)) continue;
    const head = /^\[(\w+)\]$/.exec(line);
    const setting = /^(\w+)=(.*)$/.exec(line);
    if (head) section = head[1]!;
    else if (setting) found.set(`${section}.${setting[1]}`, setting[2]!);
    else throw new Error(`no line of a unit: ${line}`);
  }
  return found;
}

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'iocage-service-'));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('the unit of systemd', () => {
  it('calls commands that exist, after the pools are there', () => {
    const unit = settings(unitText);
    expect(unit.get('Service.ExecStart')).toBe('"@PREFIX@/bin/iocage" rcboot');
    expect(unit.get('Service.ExecStop')).toBe('"@PREFIX@/bin/iocage" rcshutdown');
    expect(['rcboot', 'rcshutdown'].filter((name) => !commands.has(name))).toEqual([]);
    expect(unit.get('Unit.After')?.split(' ')).toEqual(
      expect.arrayContaining(['zfs.target', 'local-fs.target', 'network-online.target']),
    );
  });

  it('one jail that fails ends no other: no process of the group is killed, and the unit stays up', () => {
    const unit = settings(unitText);
    expect(unit.get('Service.KillMode')).toBe('process');
    expect(unit.get('Service.SuccessExitStatus')).toBe('1');
    expect(unit.get('Service.RemainAfterExit')).toBe('yes');
  });

  it.skipIf(!isThere('systemd-analyze'))('is taken by systemd-analyze verify (needs systemd)', () => {
    mkdirSync(join(place, 'bin'));
    writeFileSync(join(place, 'bin/iocage'), '#!/bin/sh\n', { mode: 0o755 });
    const file = join(place, 'iocage.service');
    writeFileSync(file, unitText.replaceAll('@PREFIX@', place));
    const ran = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(ran.stderr.split('\n').filter((line) => line.includes('iocage'))).toEqual([]);
    expect(ran.status).toBe(0);
  });
});

describe('the timer of scheduled snapshots', () => {
  const texts = ['service', 'timer'].map((kind) =>
    readFileSync(join(root, `share/systemd/iocage-snapshots.${kind}`), 'utf8'),
  );

  it('calls the command every hour, and makes up for what was missed', () => {
    const [service, timer] = texts.map(settings);
    expect(service!.get('Service.ExecStart')).toBe('"@PREFIX@/bin/iocage" snapshot --scheduled');
    expect(timer!.get('Timer.OnCalendar')).toBe('hourly');
    expect(timer!.get('Timer.Persistent')).toBe('true');
    expect(commands.has('snapshot')).toBe(true);
  });

  it.skipIf(!isThere('systemd-analyze'))('is taken by systemd-analyze verify (needs systemd)', () => {
    mkdirSync(join(place, 'timer/bin'), { recursive: true });
    writeFileSync(join(place, 'timer/bin/iocage'), '#!/bin/sh\n', { mode: 0o755 });
    const files = ['service', 'timer'].map((kind, index) => {
      const file = join(place, `iocage-snapshots.${kind}`);
      writeFileSync(file, texts[index]!.replaceAll('@PREFIX@', join(place, 'timer')));
      return file;
    });
    const ran = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
    expect(ran.stderr.split('\n').filter((line) => line.includes('iocage'))).toEqual([]);
    expect(ran.status).toBe(0);
  });

  it('cron of FreeBSD gets one line, with its user', () => {
    const cron = readFileSync(join(root, 'share/cron.d/iocage'), 'utf8');
    const lines = cron.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines).toEqual(['0 * * * * root "@PREFIX@/bin/iocage" -q snapshot --scheduled']);
  });
});

describe('the script of rc.d', () => {
  it('says for rcorder(8) what the original said', () => {
    const head = Object.fromEntries(
      [...rcText.matchAll(/^# ([A-Z]+):\s+(.*)$/gm)].map(([, key, value]) => [key, value]),
    );
    expect(head).toEqual({
      PROVIDE: 'iocage',
      // Each of them is provided by a script of FreeBSD 13 to 15.
      REQUIRE: 'LOGIN FILESYSTEMS cleanvar sshd',
      BEFORE: 'securelevel',
      KEYWORD: 'shutdown',
    });
    expect(rcText).toContain('rcvar="iocage_enable"');
    expect(statSync(join(root, 'share/rc.d/iocage')).mode & 0o111).toBe(0o111);
  });

  it('is a shell script, and calls rcboot and rcshutdown', () => {
    expect(spawnSync('sh', ['-n', join(root, 'share/rc.d/iocage')], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    });
    // rc.subr of FreeBSD in as few words as this script needs.
    const subr = 'load_rc_config() { :; }\nrun_rc_command() { eval "\\$${1}_cmd"; }\n';
    mkdirSync(join(place, 'sub/bin'), { recursive: true });
    writeFileSync(join(place, 'rc.subr'), subr);
    writeFileSync(join(place, 'sub/bin/iocage'), '#!/bin/sh\necho "iocage $*"\n', { mode: 0o755 });
    const script = join(place, 'rc');
    writeFileSync(
      script,
      rcText.replaceAll('@PREFIX@', join(place, 'sub')).replace('/etc/rc.subr', join(place, 'rc.subr')),
    );
    const said = ['start', 'stop', 'status'].map(
      (word) => spawnSync('sh', [script, word], { encoding: 'utf8' }).stdout,
    );
    expect(said).toEqual(['iocage rcboot\n', 'iocage rcshutdown\n', 'iocage list\n']);
  });
});

describe('the script of rc.d for hosts of libiocage', () => {
  const script = readFileSync(join(root, 'share/rc.d/ioc'), 'utf8');

  it('calls ioc with its words, in the language that rc.conf says; status is about jails that should run', () => {
    const head = ['PROVIDE', 'BEFORE', 'KEYWORD'].map(
      (key) => new RegExp(`^# ${key}: +(.*)$`, 'm').exec(script)![1],
    );
    expect(head).toEqual(['ioc', 'securelevel', 'shutdown']);
    expect(statSync(join(root, 'share/rc.d/ioc')).mode & 0o111).toBe(0o111);
    const own = join(place, 'of-ioc');
    mkdirSync(join(own, 'bin'), { recursive: true });
    const subr = 'load_rc_config() { ioc_lang=de_DE.UTF-8; }\nrun_rc_command() { eval "\\$${1}_cmd"; }\n';
    writeFileSync(join(own, 'rc.subr'), subr);
    const tell = '#!/bin/sh\necho "$LANG $*" >&2\n[ -z "$JAILS" ] || echo "$JAILS"\nexit ${STATUS:-0}\n';
    writeFileSync(join(own, 'bin/ioc'), tell, { mode: 0o755 });
    const text = script.replaceAll('@PREFIX@', own).replace('/etc/rc.subr', join(own, 'rc.subr'));
    writeFileSync(join(own, 'rc'), text);
    const run = (word: string, env: Record<string, string> = {}) => {
      const { PATH = '' } = process.env;
      const ran = spawnSync('sh', [join(own, 'rc'), word], { encoding: 'utf8', env: { PATH, ...env } });
      return [ran.status, ran.stdout, ran.stderr];
    };
    const status = 'de_DE.UTF-8 list -f list -NH -o full_name boot=yes running=no\n';
    expect(run('start')).toEqual([0, '', 'de_DE.UTF-8 start --rc\n']);
    expect(run('stop', { STATUS: '1' })).toEqual([1, '', 'de_DE.UTF-8 stop --rc\n']);
    expect(run('status')).toEqual([0, '', status]);
    expect(run('status', { JAILS: 'web\ndb' })).toEqual([1, 'web\ndb\n', status]);
    expect(run('status', { STATUS: '1' })).toEqual([1, '', status]);
  });
});

describe('the API server', () => {
  const text = readFileSync(join(root, 'share/systemd/iocage-serve.service'), 'utf8');

  it('is a unit that asks the server alone to stop, and gives it time for what runs', () => {
    const unit = settings(text);
    expect(unit.get('Service.ExecStart')).toBe('"@PREFIX@/bin/iocage" serve');
    expect(serverCommands.flatMap(({ command }) => command.names)).toContain('serve');
    expect(unit.get('Service.KillMode')).toBe('process');
    expect(Number(unit.get('Service.TimeoutStopSec'))).toBeGreaterThan(
      Number(settingRows.stopSeconds.default),
    );
  });

  it.skipIf(!isThere('systemd-analyze'))('is taken by systemd-analyze verify (needs systemd)', () => {
    mkdirSync(join(place, 'serve/bin'), { recursive: true });
    writeFileSync(join(place, 'serve/bin/iocage'), '#!/bin/sh\n', { mode: 0o755 });
    const file = join(place, 'iocage-serve.service');
    writeFileSync(file, text.replaceAll('@PREFIX@', join(place, 'serve')));
    const ran = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(ran.stderr.split('\n').filter((line) => line.includes('iocage'))).toEqual([]);
    expect(ran.status).toBe(0);
  });

  it('is a script of rc.d that daemon(8) runs', () => {
    const script = join(place, 'serve-rc');
    const subr = join(place, 'serve-rc.subr');
    writeFileSync(subr, 'load_rc_config() { :; }\nrun_rc_command() { echo "$command $command_args"; }\n');
    writeFileSync(
      script,
      readFileSync(join(root, 'share/rc.d/iocage_serve'), 'utf8').replace('/etc/rc.subr', subr),
    );
    const ran = spawnSync('sh', [script, 'start'], {
      encoding: 'utf8',
      env: { iocage_serve_args: '--listen ::' },
    });
    expect(ran.stdout).toBe(
      "/usr/sbin/daemon -f -P /var/run/iocage_serve.pid -p /var/run/iocage_serve.server.pid -o /var/log/iocage_serve.log '@PREFIX@/bin/iocage' serve --listen ::\n",
    );
    expect(statSync(join(root, 'share/rc.d/iocage_serve')).mode & 0o111).toBe(0o111);
  });

  it('is waited for when it is stopped, by a daemon(8) that hands TERM on and ends at once', () => {
    const subr = join(place, 'stop-rc.subr');
    const script = join(place, 'stop-rc');
    const pid = join(place, 'server.pid');
    // In the order of rc.subr, of which both ends return before anything else where they fail; 13 has daemon(8) remove its files.
    writeFileSync(
      subr,
      'load_rc_config() { :; }\nwait_for_pids() { echo "waits for $*"; }\n' +
        `run_rc_command() { eval "$stop_precmd" || return 1; rm -f ${pid}; eval "$stop_postcmd"; }\n`,
    );
    const text = readFileSync(join(root, 'share/rc.d/iocage_serve'), 'utf8');
    writeFileSync(
      script,
      text.replace('/etc/rc.subr', subr).replaceAll('/var/run/iocage_serve.server.pid', pid),
    );
    const stop = () => {
      const { status, stdout, stderr } = spawnSync('sh', [script, 'stop'], { encoding: 'utf8' });
      return { status, stdout, stderr };
    };
    writeFileSync(pid, '4711');
    expect(stop()).toEqual({ status: 0, stdout: 'waits for 4711\n', stderr: '' });
    expect(stop()).toEqual({ status: 0, stdout: 'waits for \n', stderr: '' });
  });
});

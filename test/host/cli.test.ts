/**
 * Every command through the real `bin/iocage`, on a real pool with real containers: what it prints,
 * what it answers as its exit status, and what it did to the machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/driver/linux/runtime-command.ts';
import { cgroupLayout } from '../../src/driver/linux/facts.ts';
import { placesOf } from '../../src/driver/linux/names.ts';
import { commandIn, commandPath, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { busyboxTar, layBusyboxRoot } from '../support/release.ts';
import { makePool, sh } from '../support/pool.ts';

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe.skipIf(!hostTests)(`every command${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let root: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    root = join(lab.pool.directory, 'pool/iocage');
  });
  afterAll(() => lab.close());

  const datasets = (): readonly string[] =>
    sh('zfs', 'list', '-H', '-o', 'name', '-t', 'all', '-r', `${lab.pool.name}/iocage`).trim().split('\n');
  const stored = (uuid: string, key: string): string =>
    sh('zfs', 'get', '-H', '-o', 'value', key, `${lab.pool.name}/iocage/jails/${uuid}`).trim();
  const user = (uuid: string, key: string): string => stored(uuid, `org.freebsd.iocage:${key}`);
  const state = (): readonly string[] => comparable(lab.state());

  /** zfs-fuse calls a dataset busy for a moment after somebody looked into it. */
  function destroyPatiently(dataset: string): void {
    for (let tries = 1; ; tries += 1) {
      try {
        sh('zfs', 'destroy', dataset);
        return;
      } catch (error) {
        if (tries === 20) throw error;
        sh('sleep', '0.1');
      }
    }
  }

  /** Runs it and wants success without a word on standard error. */
  function ok(...words: readonly string[]): string {
    const ran = iocage(...words);
    expect(ran, words.join(' ')).toMatchObject({ status: 0, stderr: '' });
    return ran.stdout;
  }
  const done: Command['done'] = (...words) => iocage.done(...words);
  /** Makes a jail and answers its UUID. */
  const make = (...words: readonly string[]): string => ok('create', '-q', ...words).trim();
  const uuidOf = (tag: string): string => {
    const { jails } = JSON.parse(ok('list', '--json')) as { jails: { uuid: string; tag: string }[] };
    const found = jails.find((jail) => jail.tag === tag);
    expect(found, tag).toBeDefined();
    return found!.uuid;
  };
  const stateOf = (tag: string): string => ok('get', 'state', tag).trim();

  describe('the host', () => {
    it('version and help need no pool', () => {
      const alone = commandIn({});
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      for (const words of [['version'], ['--version'], ['-v']]) {
        expect(alone(...words)).toEqual({
          status: 0,
          signal: null,
          stdout: `iocage ${version}\n`,
          stderr: '',
        });
      }
      for (const words of [[], ['help'], ['--help']])
        expect(alone(...words).stdout).toMatch(/^usage: iocage /);
      const overview = alone('help').stdout;
      const commands =
        `activate deactivate fetch create clone destroy list get set defaults start stop restart console exec
        chroot df snapshot snaplist snapremove rollback runtime doctor`.split(/\s+/);
      for (const command of commands) {
        expect(overview).toMatch(new RegExp(`^ +${command}\\b`, 'm'));
        const help = alone('help', command);
        expect(help).toMatchObject({ status: 0, stderr: '' });
        expect(help.stdout).toMatch(new RegExp(`^iocage ${command} - `));
      }
      expect(alone('create', '--help').stdout).toBe(alone('help', 'create').stdout);
      expect(alone('help', 'properties').stdout).toContain('host_hostname');
      expect(alone('help', 'quota').stdout).toContain('quota');
    });

    it('activate makes the layout and marks the pool, deactivate takes only the mark away', () => {
      const pool = makePool(128);
      try {
        const mark = (): string =>
          sh('zfs', 'get', '-H', '-o', 'value', 'org.freebsd.ioc:active', pool.name).trim();
        const other = commandIn({ ...lab.environment, IOCAGE_POOL: pool.name });
        expect(other('list')).toMatchObject({ status: 1, stdout: '' });
        expect(other('activate', pool.name, '--dry-run').stdout).toMatch(
          new RegExp(`^zfs create .*${pool.name}/iocage/jails$`, 'm'),
        );
        expect(mark()).toBe('-');
        expect(other('activate', pool.name)).toMatchObject({
          status: 0,
          stdout: `ZFS pool '${pool.name}' successfully activated.\n`,
          stderr: '',
        });
        expect(mark()).toBe('yes');
        expect(sh('zfs', 'list', '-H', '-o', 'name', '-r', `${pool.name}/iocage`)).toContain(
          `${pool.name}/iocage/jails\n`,
        );
        expect(other('activate', pool.name).status).toBe(0); // once more is no error
        expect(other('list', '-H')).toMatchObject({ status: 0, stdout: '' });
        // Two are activated: one of them has to be chosen.
        const { IOCAGE_POOL: _, ...unnamed } = lab.environment;
        const several = commandIn(unnamed)('list');
        expect(several.status).toBe(1);
        expect(several.stderr).toMatch(/several pools are activated: .*\n {2}hint: choose one with --pool /);
        expect(commandIn(unnamed)('--pool', pool.name, 'list', '-H').status).toBe(0);
        expect(other('deactivate', pool.name)).toMatchObject({ status: 0, stderr: '' });
        expect(mark()).toBe('no');
        expect(sh('zfs', 'list', '-H', '-o', 'name', `${pool.name}/iocage`)).toBe(`${pool.name}/iocage\n`);
        expect(other('list').stderr).toContain(`hint: iocage activate ${pool.name}`);
      } finally {
        pool.destroy();
      }
    });

    it('fetch takes an archive, list -r shows it, destroy -r removes it', () => {
      const file = busyboxTar(join(lab.pool.directory, 'second.tar.gz'));
      const sha256 = sh('sha256sum', file).split(' ')[0]!;
      done('fetch', 'release=second', `file=${file}`, `sha256=${sha256}`);
      expect(ok('list', '-r', '-H')).toBe('busybox\nsecond\n');
      expect(existsSync(join(root, 'releases/second/root/bin/busybox'))).toBe(true);
      expect(ok('list', '-r')).toContain('Bases fetched');
      const { releases } = JSON.parse(ok('list', '-r', '--json')) as { releases: { name: string }[] };
      expect(releases.map(({ name }) => name)).toEqual(['busybox', 'second']);
      expect(
        ok('list', '-r', '-l', '-H')
          .split('\n')
          .map((line) => line.split('\t').length),
      ).toEqual([6, 6, 1]);
      done('destroy', '-r', '-f', 'second');
      expect(ok('list', '-r', '-H')).toBe('busybox\n');
      expect(datasets().filter((name) => name.includes('second'))).toEqual([]);
    });
  });

  describe('create and clone', () => {
    it('thick: a full copy under a UUID, all properties stored on the dataset', () => {
      const said = ok('create', 'release=busybox', 'tag=thick', 'notes=a = b', 'quota=200M');
      const uuid = uuidOf('thick');
      expect(uuid).toMatch(uuidPattern);
      expect(said).toBe(`Successfully created: ${uuid} (thick)\n`);
      expect(user(uuid, 'notes')).toBe('a = b');
      expect(user(uuid, 'host_hostuuid')).toBe(uuid);
      expect(stored(uuid, 'quota')).toBe('200M');
      expect(stored(`${uuid}/root`, 'origin')).toBe('-');
      expect(existsSync(join(root, 'jails', uuid, 'root/bin/busybox'))).toBe(true);
    });

    it('-c: a clone of the release; without a tag the time is the tag', () => {
      const uuid = make('-c', 'release=busybox');
      expect(uuid).toMatch(uuidPattern);
      expect(stored(`${uuid}/root`, 'origin')).toBe(`${lab.pool.name}/iocage/releases/busybox/root@${uuid}`);
      expect(user(uuid, 'tag')).toMatch(/^\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d$/);
      ok('destroy', '-f', user(uuid, 'tag'));
    });

    it('-e: no files; --format legacy prints the bare UUID', () => {
      const uuid = ok('create', '-e', 'tag=hollow', '--format', 'legacy').trim();
      expect(uuid).toMatch(uuidPattern);
      expect(sh('ls', '-A', join(root, 'jails', uuid, 'root'))).toBe('');
      ok('destroy', '-f', 'hollow');
    });

    it('-n: dataset, host name and tag are the name', () => {
      expect(make('-c', '-r', 'busybox', '-n', 'named_1')).toBe('named_1');
      expect(user('named_1', 'tag')).toBe('named_1');
      expect(user('named_1', 'host_hostname')).toBe('named-1');
      ok('destroy', '-f', 'named_1');
    });

    it('several at once, numbered', () => {
      expect(make('-c', '3', 'release=busybox', 'tag=node').split('\n')).toHaveLength(3);
      expect(make('-e', '--count', '2', '-n', 'unit')).toBe('unit_1\nunit_2');
      const names = ok('list', '-H').trim().split('\n');
      expect(names.map((line) => line.split('\t')[1])).toEqual(
        expect.arrayContaining(['node_1', 'node_2', 'node_3', 'unit_1', 'unit_2']),
      );
      ok('destroy', '-f', 'node_1', 'node_2', 'node_3', 'unit_1', 'unit_2');
      expect(datasets().filter((name) => /node_|unit_/.test(name))).toEqual([]);
    });

    it('clone: as it is now, and as it was at a snapshot', () => {
      make('-c', 'release=busybox', '-n', 'source', 'notes=kept');
      const note = join(root, 'jails/source/root/note');
      writeFileSync(note, 'early');
      ok('snapshot', 'source@early');
      writeFileSync(note, 'late');
      ok('clone', 'source', 'tag=now');
      ok('clone', 'source@early', '-n', 'then');
      expect(readFileSync(join(root, 'jails', uuidOf('now'), 'root/note'), 'utf8')).toBe('late');
      expect(readFileSync(join(root, 'jails/then/root/note'), 'utf8')).toBe('early');
      expect(user('then', 'notes')).toBe('kept');
      expect(user('then', 'host_hostname')).toBe('then');
      // What others are cloned from stays.
      const refused = iocage('destroy', '-f', 'source');
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/cannot be removed: cloned from it are .*then/);
      ok('destroy', '-f', 'now', 'then', 'source');
    });
  });

  describe('finding a jail', () => {
    it('by UUID, by a unique prefix, by tag; the exact tag wins over a prefix', () => {
      const uuid = make('-e', 'tag=finder');
      for (const name of [uuid, uuid.slice(0, 8), uuid.slice(0, 13), 'finder']) {
        expect(ok('get', 'tag', name)).toBe('finder\n');
      }
      const rival = make('-e', `tag=${uuid.slice(0, 8)}`);
      expect(ok('get', 'host_hostuuid', uuid.slice(0, 8))).toBe(`${rival}\n`);
      expect(ok('get', 'host_hostuuid', uuid)).toBe(`${uuid}\n`);
      ok('destroy', '-f', rival, uuid);
    });

    it('what lies below jails/ and is not ours is shown as corrupt and never touched', () => {
      const stranger = `${lab.pool.name}/iocage/jails/stranger`;
      sh('zfs', 'create', stranger);
      try {
        expect(iocage('list', '-H')).toMatchObject({
          stdout: expect.stringContaining('N/A\tstranger\tCORRUPT\tN/A\tN/A\n'),
          stderr: '  INFO: stranger cannot be used: it has no iocage properties\n',
        });
        const before = state();
        const attempts = [
          ['start', 'stranger'],
          ['stop', 'stranger'],
          ['set', 'notes=x', 'stranger'],
          ['destroy', '-f', 'stranger'],
          ['snapshot', 'stranger@x'],
          ['rollback', 'stranger@x'],
          ['clone', 'stranger', 'tag=y'],
          ['chroot', 'stranger', '/bin/sh'],
          ['exec', 'stranger', 'true'],
        ];
        for (const words of attempts) {
          const ran = iocage(...words);
          expect(ran.status, words.join(' ')).toBe(1);
          expect(ran.stderr, words.join(' ')).toMatch(/^iocage: .*stranger.*\n( {2}hint: .*\n)?$/);
        }
        for (const words of [['start', 'ALL'], ['stop', 'ALL'], ['exec', 'ALL', 'true'], ['doctor']]) {
          if (words[0] !== 'start') iocage(...words);
          else expect(iocage(...words, '--dry-run').stdout).not.toContain('stranger');
        }
        expect(state()).toEqual(before);
      } finally {
        destroyPatiently(stranger);
      }
    });
  });

  it('what lies below releases/ and is not ours is not destroyed', () => {
    const stranger = `${lab.pool.name}/iocage/releases/stranger`;
    sh('zfs', 'create', stranger);
    sh('zfs', 'create', `${lab.pool.name}/iocage/releases/busybox/mine`);
    try {
      for (const release of ['stranger', 'busybox']) {
        const ran = iocage('destroy', '-r', '-f', release);
        expect(ran.status).toBe(1);
        expect(ran.stderr).toMatch(/refused to destroy ".*(?:stranger|busybox\/mine)": .*\n {2}hint: /);
        expect(ran.stdout).toBe('');
      }
      expect(datasets()).toContain(stranger);
      expect(datasets()).toContain(`${lab.pool.name}/iocage/releases/busybox/root`);
    } finally {
      destroyPatiently(stranger);
      destroyPatiently(`${lab.pool.name}/iocage/releases/busybox/mine`);
    }
  });

  describe('properties', () => {
    it('get: one, all, of all jails, of the defaults; with sources in JSON', () => {
      make('-c', 'release=busybox', '-n', 'pg', 'notes=hello world');
      expect(ok('get', 'notes', 'pg')).toBe('hello world\n');
      expect(ok('get', 'boot', 'pg')).toBe('off\n');
      const all = ok('get', 'all', 'pg');
      expect(all).toContain('\nnotes:hello world\n');
      expect(all.trim().split('\n').length).toBeGreaterThan(100);
      expect(ok('get', 'all', 'default')).toContain('boot:off\n');
      expect(ok('get', '-r', 'notes', '-H')).toContain('pg\thello world\n');
      expect(ok('get', '-r', 'notes')).toContain('PROP - notes');
      const one = JSON.parse(ok('get', 'notes', 'pg', '--json')) as { value: string; source: string };
      expect(one).toMatchObject({ value: 'hello world', source: 'local' });
      const every = JSON.parse(ok('get', 'all', 'pg', '--json')) as {
        properties: { key: string; source: string }[];
      };
      expect(every.properties.find(({ key }) => key === 'quota')?.source).toBe('zfs');
      expect(every.properties.find(({ key }) => key === 'boot')?.source).toBe('builtin');
    });

    it('set: several properties of several jails, all or none; defaults for all', () => {
      make('-c', 'release=busybox', '-n', 'pg2');
      expect(ok('set', 'notes=x=y', 'quota=300M', 'pg', 'pg2')).toContain('pg2 notes: - -> x=y\n');
      for (const uuid of ['pg', 'pg2']) {
        expect(user(uuid, 'notes')).toBe('x=y');
        expect(stored(uuid, 'quota')).toBe('300M');
      }
      const before = state();
      const bad = iocage('set', 'notes=z', 'boot=perhaps', 'pg', 'pg2');
      expect(bad.status).toBe(2);
      expect(bad.stderr).toContain('boot');
      expect(iocage('set', 'notes=z', 'pg', 'nobody').status).toBe(1);
      expect(state()).toEqual(before);

      ok('set', 'boot=on', 'default');
      expect(ok('get', 'boot', 'pg')).toBe('on\n');
      expect(ok('defaults')).toContain('boot=on\n');
      expect(ok('get', 'boot', 'default')).toBe('on\n');
      ok('set', 'boot=off', 'pg');
      expect(ok('get', '-r', 'boot', '-H')).toMatch(/^pg\toff\npg2\ton\n/m);
      ok('set', 'boot=off', 'default');
      const defaults = JSON.parse(ok('defaults', '--json')) as { properties: { key: string }[] };
      expect(defaults.properties.length).toBeGreaterThan(50);
    });

    it('set tag renames: the new name finds it, the old one does not, the link follows', () => {
      ok('set', 'tag=renamed', 'pg2');
      expect(ok('get', 'host_hostuuid', 'renamed')).toBe('pg2\n');
      expect(existsSync(join(root, 'tags/renamed/root'))).toBe(true);
      expect(existsSync(join(root, 'tags/pg2'))).toBe(false);
      ok('destroy', '-f', 'pg', 'renamed');
      expect(existsSync(join(root, 'tags/renamed'))).toBe(false);
    });
  });

  describe('life', () => {
    beforeAll(() => {
      ok('set', 'ip4=disable', 'thick');
      make('-c', 'release=busybox', '-n', 'web', 'ip4=disable');
      make('-c', 'release=busybox', '-n', 'db', 'ip4=disable');
    });

    it("start and stop print the original's lines; doing it twice is told", () => {
      const started = done('start', 'web');
      expect(started.stdout).toMatch(/^\* Starting web\n(?: {2}\+ .{24} OK\n)+$/);
      expect(stateOf('web')).toBe('up');
      expect(iocage('start', 'web')).toMatchObject({ status: 1 });
      expect(iocage('start', 'web').stderr).toMatch(/^iocage: web is already up\n {2}hint: /);
      expect(ok('get', 'last_started', 'web')).toMatch(/^\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d\n$/);
      const stopped = done('stop', 'web');
      expect(stopped.stdout).toMatch(/^\* Stopping web\n(?: {2}\+ .{24} OK\n)+$/);
      expect(stateOf('web')).toBe('down');
      expect(iocage('stop', 'web').stderr).toMatch(/already down/);
      expect(readFileSync(join(root, 'log/web-console.log'), 'utf8')).toContain('rc started');
    });

    it('ALL: what is down is started, what is up is stopped', () => {
      done('start', 'db');
      const all = done('start', 'ALL').stdout;
      expect(all.match(/^\* .*/gm)!.map((line) => line.replace(/\S+ \((.*)\)$/, '$1'))).toEqual([
        '* Starting thick',
        '* Starting web',
      ]);
      expect(stateOf('web')).toBe('up');
      expect(stateOf('db')).toBe('up');
      expect(ok('exec', 'ALL', 'hostname').trim().split('\n').sort()).toEqual(
        [uuidOf('thick'), 'db', 'web'].sort(),
      );
      done('stop', 'ALL');
      expect(stateOf('web') + stateOf('db')).toBe('downdown');
      expect(done('stop', 'ALL').stdout).toBe('');
    });

    it('restart makes a new container, restart -s keeps it', () => {
      done('start', 'web');
      const jid = (): string => ok('get', 'jid', 'web').trim();
      const first = jid();
      done('restart', 'web');
      const second = jid();
      expect(second).not.toBe(first);
      const soft = done('restart', '-s', 'web').stdout;
      expect(soft).toContain('* Soft restarting web\n');
      expect(jid()).toBe(second);
    });

    it('a jail whose first process was killed from outside is down, and starts again', () => {
      const jid = Number(ok('get', 'jid', 'web'));
      process.kill(jid, 'SIGKILL');
      sh('sleep', '0.2');
      expect(stateOf('web')).toBe('down');
      expect(iocage('exec', 'web', 'true').status).toBe(1);
      done('start', 'web');
      expect(Number(ok('get', 'jid', 'web'))).not.toBe(jid);
    });

    it('a jail whose root dataset is not mounted is not started in an empty directory', () => {
      const dataset = `${lab.pool.name}/iocage/jails/db/root`;
      sh('zfs', 'unmount', dataset);
      const before = state();
      const refused = iocage('start', 'db');
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain(`${dataset}`);
      expect(refused.stderr).toContain('  hint: ');
      expect(state()).toEqual(before);
      sh('zfs', 'mount', dataset);
    });

    it('one failing jail does not keep the others from being started', () => {
      const ran = iocage('start', 'nobody', 'db');
      expect(ran.status).toBe(1);
      expect(ran.stderr).toContain('jail "nobody" not found');
      expect(stateOf('db')).toBe('up');
      done('stop', 'db');
    });

    it('exec: words untouched, exit status passed on, users of the jail and of the host', () => {
      const words = [
        'a b',
        '',
        '$(touch /tmp/x)',
        '`id`',
        ';',
        '--help',
        '-r',
        'x=y',
        "it's",
        '"',
        '*',
        '\\',
      ];
      expect(ok('exec', 'web', 'printf', '<%s>', ...words)).toBe(words.map((word) => `<${word}>`).join(''));
      expect(iocage('exec', 'web', 'sh', '-c', 'exit 42')).toMatchObject({ status: 42, stderr: '' });
      expect(iocage('exec', 'web', 'no-such-program').status).toBe(127);
      expect(ok('exec', 'web', 'hostname')).toBe('web\n');
      expect(ok('exec', '-U', 'www', 'web', 'id', '-u')).toBe('33\n');
      expect(ok('exec', '-u', 'nobody', 'web', 'id', '-u')).toBe('65534\n');
      expect(iocage('exec', '-U', 'nosuch', 'web', 'id').status).toBe(2);
      expect(iocage('exec', '-U', 'www', '-u', 'nobody', 'web', 'id').status).toBe(2);
      expect(iocage('exec', 'db', 'true')).toMatchObject({ status: 1, stdout: '' });
      expect(iocage('exec', 'db', 'true').stderr).toMatch(/db is not running\n {2}hint: iocage start db/);
      const piped = spawnSync(commandPath, ['exec', 'web', 'wc', '-c'], {
        env: { PATH: process.env['PATH'], ...lab.environment },
        input: Buffer.alloc(3_000_000, 10),
        encoding: 'utf8',
      });
      expect(piped.stdout.trim()).toBe('3000000');
      expect(ok('exec', 'web', 'head', '-c', '3000000', '/dev/zero')).toHaveLength(3_000_000);
      expect(iocage('exec', 'web', 'sh', '-c', 'kill -9 $$').status).toBe(137);
      expect(ok('exec', 'web', 'cat', '/proc/self/cmdline')).toBe('cat\0/proc/self/cmdline\0');
    });

    it('console: a login shell on a terminal', async () => {
      const session = iocage.onTerminal('console', 'web');
      await session.says(/# (?:\x1b\[6n)?$/);
      session.child.stdin!.write('echo "in $(hostname) as $(id -u)"; tty; exit\n');
      const { status, stdout } = await session.ended;
      expect(stdout).toContain('in web as 0');
      expect(stdout).toMatch(/\/dev\/(pts|console)/);
      expect(status).toBe(0);
    });

    it('exec on a terminal gives the program one, and its exit status', async () => {
      const session = iocage.onTerminal('exec', 'web', 'sh');
      await session.says(/# (?:\x1b\[6n)?$/);
      session.child.stdin!.write('tty; exit 7\n');
      const { status, stdout } = await session.ended;
      expect(stdout).toMatch(/\/dev\/(pts|console)/);
      expect(status).toBe(7);
    });

    it('chroot: the files of a jail that is down, words untouched; a shell when nothing is said', async () => {
      expect(ok('chroot', 'db', '/bin/cat', '/etc/hostname')).toBe('db\n');
      expect(iocage('chroot', 'db', '/bin/sh', '-c', 'exit 9').status).toBe(9);
      const shell = iocage.start('chroot', 'db');
      shell.child.stdin!.end('cat /etc/hostname; exit 5\n');
      expect(await shell.ended).toMatchObject({ status: 5, stdout: 'db\n' });
    });

    it('runtime: the parameters of the running jail', () => {
      expect(ok('runtime', 'web')).toMatch(/^ {2}host\.hostname=web$/m);
      const { words } = JSON.parse(ok('runtime', 'web', '--json')) as { words: string[] };
      expect(words).toContain('name=ioc-web');
      expect(iocage('runtime', 'db').status).toBe(1);
    });

    it('list and df: every form', () => {
      const jid = ok('get', 'jid', 'web').trim();
      expect(ok('list', '-H')).toBe(
        [
          `-\tdb\tdown\tbusybox\t-`,
          `-\t${'thick'}\tdown\tbusybox\t-`,
          `${jid}\tweb\tup\tbusybox\t-`,
          '',
        ].join('\n'),
      );
      expect(ok('list', '-h')).toBe(ok('list', '-H'));
      const table = ok('list');
      expect(table.split('\n')[1]).toMatch(/^\| +JID +\| +NAME +\| +STATE +\| +RELEASE +\| +IP4 +\|$/);
      expect(ok('list', '-l', '-H').split('\n')[2]!.split('\t')).toHaveLength(10);
      expect(ok('list', '-t', '-H')).toBe('');
      expect(ok('list', '-s', 'state', '-H').split('\n')[0]).toContain('\tweb\tup\t');
      expect(iocage('list', '-s', 'colour').status).toBe(2);
      expect(ok('list', '--format', 'legacy').split('\n')[0]).toMatch(
        /^JID +UUID +BOOT +STATE +TAG +TYPE +IP4$/,
      );
      const { jails } = JSON.parse(ok('list', '--json')) as { jails: { tag: string; state: string }[] };
      expect(jails.map(({ tag, state }) => `${tag} ${state}`)).toEqual(['db down', 'thick down', 'web up']);
      const use = ok('df', '-H').trim().split('\n');
      expect(use.map((line) => line.split('\t').length)).toEqual([6, 6, 6]);
      expect(use[1]).toMatch(/^thick\t1\.\d\dx\tnone\t200M\t/);
      expect(ok('df').split('\n')[1]).toMatch(/^\| NAME +\| +CRT +\| +RES +\| +QTA +\| +USE +\| +AVA +\|$/);
      const df = JSON.parse(ok('df', '--json')) as { jails: { tag: string; quotaBytes: number | null }[] };
      expect(df.jails.find(({ tag }) => tag === 'thick')?.quotaBytes).toBe(200 * 1024 * 1024);
    });

    it('a template is listed with -t and is not started', () => {
      ok('set', 'template=yes', 'thick');
      expect(ok('list', '-t', '-H')).toBe('-\tthick\tdown\tbusybox\t-\n');
      expect(ok('list', '-H')).not.toContain('thick');
      expect(iocage('start', 'thick').status).toBe(1);
      expect(iocage('start', 'ALL', '--dry-run').stdout).not.toContain('thick');
      ok('set', 'template=no', 'thick');
    });
  });

  describe('snapshots', () => {
    const note = (): string => join(root, 'jails/db/root/note');

    it('snapshot, snaplist, rollback, snapremove, ALL', () => {
      writeFileSync(note(), 'before');
      expect(ok('snapshot', 'db@one')).toBe('Snapshot: db@one created.\n');
      expect(ok('snapshot', 'db')).toMatch(/^Snapshot: db@ioc-\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d created\.\n$/);
      const rows = ok('snaplist', 'db', '-H').trim().split('\n');
      expect(rows.map((row) => row.split('\t')[0]!.replace(/ioc-[^/]*/, 'time'))).toEqual([
        'one',
        'one/root',
        'time',
        'time/root',
      ]);
      expect(ok('snaplist', 'db').split('\n')[1]).toMatch(/NAME +\| +CREATED +\| RSIZE +\| USED/);
      const { snapshots } = JSON.parse(ok('snaplist', 'db', '--json')) as { snapshots: unknown[] };
      expect(snapshots).toHaveLength(4);
      writeFileSync(note(), 'after');
      const newer = iocage('rollback', 'db@one');
      expect(newer.status).toBe(1);
      expect(newer.stderr).toContain('newer snapshots');
      expect(readFileSync(note(), 'utf8')).toBe('after');
      done('rollback', '-f', 'db@one');
      expect(readFileSync(note(), 'utf8')).toBe('before');
      ok('snapshot', 'db@two');
      done('snapremove', 'db@one');
      expect(ok('snaplist', 'db', '-H')).toMatch(/^two\t[^\n]*\ntwo\/root\t[^\n]*\n$/);
      const unasked = iocage('snapremove', 'db@ALL');
      expect(unasked).toMatchObject({ status: 1 });
      expect(unasked.stderr).toContain('Command not confirmed.');
      ok('snapshot', 'db@three');
      done('snapremove', '-f', 'db@ALL');
      expect(ok('snaplist', 'db', '-H')).toBe('');
    });

    it('a rollback to the newest snapshot loses what came later, so it asks too', () => {
      writeFileSync(note(), 'kept');
      ok('snapshot', 'db@ask');
      writeFileSync(note(), 'changed');
      const unasked = iocage('rollback', 'db@ask');
      expect(unasked).toMatchObject({ status: 1 });
      expect(unasked.stderr).toContain('Command not confirmed.');
      expect(readFileSync(note(), 'utf8')).toBe('changed');
      done('rollback', '-y', 'db@ask');
      expect(readFileSync(note(), 'utf8')).toBe('kept');
      done('snapremove', 'db@ask');
    });
  });

  describe('every changing command', () => {
    it('with --dry-run changes nothing and prints the commands', () => {
      ok('snapshot', 'db@dry');
      const before = state();
      const changing: readonly (readonly string[])[] = [
        ['activate', lab.pool.name],
        ['deactivate', lab.pool.name],
        ['fetch', 'release=third', `file=${join(lab.pool.directory, 'busybox.tar')}`],
        ['create', 'release=busybox', 'tag=dry'],
        ['create', '-c', 'release=busybox', 'tag=dry'],
        ['create', '-e', 'tag=dry'],
        ['clone', 'db', 'tag=dry'],
        ['clone', 'db@dry', 'tag=dry'],
        ['start', 'db'],
        ['stop', 'web'],
        ['restart', '-s', 'web'],
        ['set', 'notes=dry', 'db'],
        ['set', 'boot=on', 'default'],
        ['snapshot', 'db@wet'],
        ['snapremove', 'db@dry'],
        ['rollback', 'db@dry'],
        ['destroy', 'db'],
      ];
      for (const words of changing) {
        // deactivate is refused while a jail runs, dry or not
        if (words[0] === 'deactivate') continue;
        const printed = iocage(...words, '--dry-run');
        expect(printed.status, `${words.join(' ')}: ${printed.stderr}`).toBe(0);
        expect(printed.stdout, words.join(' ')).toMatch(
          /^(?:[^\n]* )?(?:zfs|crun|tar|unshare|nsenter|kill)\b/m,
        );
        if (words[0] !== 'set') continue;
        const { dryRun, actions } = JSON.parse(ok(...words, '--dry-run', '--json')) as {
          dryRun: boolean;
          actions: unknown[];
        };
        expect(dryRun).toBe(true);
        expect(actions.length, words.join(' ')).toBeGreaterThan(0);
      }
      expect(state()).toEqual(before);
      ok('snapremove', 'db@dry');
    });

    it('with --events json tells each step as a line of JSON', () => {
      const ran = done('set', 'notes=told', 'db', '--events', 'json');
      const events = ran.stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string });
      expect(events.map(({ type }) => type)).toEqual([
        'operation.begin',
        'step.begin',
        'step.done',
        'operation.done',
      ]);
      const lines = `${done('start', 'db', '--events', 'json').stderr}${done('stop', 'db', '--events', 'json').stderr}`;
      const types = lines
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { type: string }).type);
      expect(types.filter((type) => type === 'operation.done')).toHaveLength(2);
      expect(types.filter((type) => type === 'step.begin').length).toBe(
        types.filter((type) => type === 'step.done').length,
      );
      const failed = iocage('start', 'nobody', '--events', 'json');
      expect(failed.status).toBe(1);
      expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'JAIL_NOT_FOUND' } });
    });

    it('with --json answers JSON, errors included', () => {
      const set = JSON.parse(ok('set', 'notes=json', 'db', '--json')) as { operation: string };
      expect(set.operation).toBe('property.set');
      const both = iocage('start', 'db', 'nobody', '--json');
      expect(both.status).toBe(1);
      expect(JSON.parse(both.stdout)).toMatchObject([{ operation: 'jail.start', result: { uuid: 'db' } }]);
      expect(JSON.parse(ok('stop', 'db', '--json'))).toMatchObject({ result: { state: 'down' } });
      const failed = iocage('stop', 'db', '--json');
      expect(failed).toMatchObject({ status: 1, stdout: '' });
      expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'ALREADY_DOWN' } });
      expect(JSON.parse(ok('doctor', '--json'))).toEqual({ findings: [] });
      expect(JSON.parse(ok('version', '--json'))).toHaveProperty('version');
    });
  });

  describe('containers of others', () => {
    it('with a name like ours, under another runtime root, stay as they are', () => {
      const directory = join(lab.pool.directory, 'foreign');
      const places = {
        ...placesOf(lab.paths, lab.pool.name, 'db'),
        runtimeRoot: join(directory, 'state'),
        bundle: join(directory, 'bundle'),
      };
      mkdirSync(places.bundle, { recursive: true });
      layBusyboxRoot(join(places.bundle, 'rootfs'));
      const config = JSON.parse(
        (sh('crun', 'spec', '-b', places.bundle), readFileSync(join(places.bundle, 'config.json'), 'utf8')),
      ) as { process: { terminal: boolean; args: string[] }; linux: { cgroupsPath?: string } };
      config.process.terminal = false;
      config.process.args = ['/bin/sleep', '300'];
      config.linux.cgroupsPath = `/foreign-${lab.pool.name}`;
      writeFileSync(join(places.bundle, 'config.json'), JSON.stringify(config));
      const layout = cgroupLayout(readFileSync('/proc/self/mounts', 'utf8'));
      const [program, ...argv] = runCommand(places, layout, join(directory, 'log'));
      const crun = (...words: string[]) =>
        sh('crun', '--root', places.runtimeRoot, '--cgroup-manager=cgroupfs', ...words);
      const made = spawnSync(program!, argv, { stdio: ['ignore', 'ignore', 'ignore'] });
      expect(made.status).toBe(0);
      try {
        const running = () => (JSON.parse(crun('state', places.id)) as { status: string }).status;
        expect(running()).toBe('running');
        expect(stateOf('db')).toBe('down');
        done('start', 'db');
        done('stop', 'db');
        iocage('stop', 'ALL');
        iocage('doctor');
        expect(running()).toBe('running');
      } finally {
        crun('delete', '--force', places.id);
      }
    });
  });

  describe('destroy', () => {
    it('asks, and without a terminal nothing is taken for a yes', async () => {
      const before = state();
      const unasked = iocage('destroy', 'db');
      expect(unasked.status).toBe(1);
      expect(unasked.stderr).toContain('Command not confirmed.  No action taken.');
      for (const answer of ['n', '', 'yes please']) {
        const asked = iocage.onTerminal('destroy', 'db');
        await asked.says(/Are you sure \? y\[N\]: $/);
        asked.child.stdin!.write(`${answer}\n`);
        expect((await asked.ended).status, answer).toBe(1);
      }
      expect(state()).toEqual(before);
      const asked = iocage.onTerminal('destroy', 'db');
      await asked.says(/WARNING: this will destroy jail db[^]*jails\/db\/root[^]*Are you sure \? y\[N\]: $/);
      asked.child.stdin!.write('y\n');
      expect((await asked.ended).status).toBe(0);
      expect(datasets().filter((name) => /\bdb\b/.test(name))).toEqual([]);
    });

    it('a jail whose files are in use stays whole', async () => {
      const before = state();
      // A program of the host that stands in the jail's root.
      const user = spawn('sleep', ['60'], {
        cwd: join(root, 'jails', uuidOf('thick'), 'root'),
        stdio: 'ignore',
      });
      try {
        const refused = iocage('destroy', '-f', 'thick');
        expect(refused.status).toBe(1);
        expect(refused.stderr).toMatch(
          /stays busy after \d+ tries\n {2}hint: a process has a file open there/,
        );
        expect(state()).toEqual(before);
      } finally {
        user.kill('SIGKILL');
        await once(user, 'close');
      }
    });

    it('a running jail is refused without -f and stopped with it; ALL is never taken', () => {
      if (stateOf('web') === 'down') done('start', 'web');
      const before = state();
      expect(iocage('destroy', 'ALL')).toMatchObject({ status: 2 });
      const running = iocage('destroy', 'web');
      expect(running.status).toBe(1);
      expect(running.stderr).toMatch(/up and running; destroy needs it stopped\n {2}hint: iocage stop web\n/);
      expect(state()).toEqual(before);
      done('destroy', '-f', 'web');
      done('destroy', '-f', 'thick');
      expect(ok('list', '-H')).toBe('');
    });

    it('leaves of everything only the release', () => {
      const left = datasets().filter((name) => !name.endsWith('/iocage') && !/\/iocage\/[^/]+$/.test(name));
      expect(left.map((name) => name.slice(lab.pool.name.length)).sort()).toEqual([
        '/iocage/releases/busybox',
        '/iocage/releases/busybox/root',
      ]);
      expect(sh('ls', '-A', join(root, 'tags'))).toBe('');
      done('destroy', '-r', '-f', 'busybox');
      expect(ok('list', '-r', '-H')).toBe('');
    });
  });
});

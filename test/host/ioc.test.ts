/**
 * `ioc` as a person runs it, on a real pool with real jails: the scenario of libiocage's own integration script,
 * and every command. What the operations do in all cases, their own tests prove.
 */
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, iocPath, type Command, type Ran } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { layBusyboxRoot } from '../support/release.ts';
import { plantApk } from '../ops/every-step-packages.ts';

/** On FreeBSD it is called make; it does not understand what `make test` says in MAKEFLAGS, if that was GNU's. */
const bmake = ['env', '-u', 'MAKEFLAGS', '-u', 'MFLAGS', process.platform === 'freebsd' ? 'make' : 'bmake'];

describe.skipIf(!hostTests)(`ioc${reason}`, () => {
  let lab: Lab;
  let ioc: Command;
  const ok = (...words: readonly string[]): string => ioc.done(...words).stdout;
  const fails = (status: number, ...words: readonly string[]): Ran => ioc.fails(status, ...words);
  /** Names, sorted, one a line. */
  const names = (...words: readonly string[]): readonly string[] =>
    ok('list', '-f', 'list', '-NH', '-o', 'name', '-s', 'name', ...words)
      .split('\n')
      .filter((line) => line !== '');
  const get = (key: string, jail: string): string => ok('get', key, jail).trim();
  const top = (): string => join(lab.pool.directory, 'pool/iocage');

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 768 });
    ioc = commandIn(lab.environment, iocPath);
  });
  afterAll(() => lab.close());

  describe('the scenario of the integration script', () => {
    it('releases, templates, jails of them, by patterns', () => {
      sh('zfs', 'create', '-p', `${lab.pool.name}/iocage/releases/older/root`);
      layBusyboxRoot(join(top(), 'releases/older/root'));
      expect(ok('fetch', '-r', 'older', '-b')).toBe('older is ready for jails\n');
      expect(ok('list', '-r', '-f', 'list', '-NH')).toBe('busybox\nolder\n');

      for (const [name, release] of [
        ['tmpl-new', 'busybox'],
        ['tmpl-old', 'older'],
      ] as const) {
        expect(ok('create', '-nb', '-r', release, name, 'ip4=disable')).toBe(
          `${name} successfully created from ${release}!\n`,
        );
        ok('set', 'template=yes', name);
      }
      expect(names('-t')).toEqual(['tmpl-new', 'tmpl-old']);
      expect(names()).toEqual([]);

      for (const [name, template] of [
        ['jail-1', 'tmpl-new'],
        ['jail-2', 'tmpl-new'],
        ['jail-3', 'tmpl-old'],
        ['other', 'tmpl-old'],
      ] as const)
        ok('create', '-t', template, name);
      expect(names()).toHaveLength(4);

      expect(ok('start', 'jail-*')).toMatch(
        /^jail-1 running as JID \d+\njail-2 running as JID \d+\njail-3 running as JID \d+\n$/,
      );
      expect(names('running=yes')).toEqual(['jail-1', 'jail-2', 'jail-3']);
      expect(names('state=down')).toEqual(['other']);
      expect(ok('stop', '*')).toBe('jail-1 stopped\njail-2 stopped\njail-3 stopped\n');
      expect(names('running=yes')).toEqual([]);

      ok('start', 'jail-2');
      // Nobody answers, and nothing is gone.
      expect(fails(1, 'destroy', 'jail-*').stderr).toContain('ioc: ');
      expect(names()).toHaveLength(4);
      const refused = fails(1, 'destroy', '-y', 'jail-*');
      expect(refused.stdout).toBe(`${top()}/jails/jail-1 destroyed\n${top()}/jails/jail-3 destroyed\n`);
      expect(refused.stderr).toContain('jail-2 is still there');
      expect(ok('destroy', '-f', 'jail-+')).toBe(`${top()}/jails/jail-2 destroyed\n`);
      expect(names()).toEqual(['other']);

      // other is a clone of tmpl-old.
      fails(1, 'destroy', '-t', '-f', 'tmpl-old');
      expect(ok('destroy', '-t', '-f', 'tmpl-new')).toContain('destroyed');
      ok('destroy', '-f', 'other');
      expect(ok('destroy', '-t', '-f', 'tmpl-+')).toContain('tmpl-old destroyed');
      expect(ok('destroy', '-r', '-f', 'old*')).toBe('older destroyed\n');
      expect(ok('list', '-r', '-f', 'list', '-NH')).toBe('busybox\n');
    });
  });

  describe('filters and formats', () => {
    beforeAll(() => {
      ok('create', '-nb', '-r', 'busybox', '-c', '3', 'node', 'ip4=disable', 'boot=on');
      ok('set', 'boot=off', 'priority=3', 'node_2');
      ok('set', 'notes=a,b', 'node_3');
    });
    afterAll(() => ok('destroy', '-f', 'node_*'));

    it('names add to each other, terms take away', () => {
      expect(names('node_1', 'node_3')).toEqual(['node_1', 'node_3']);
      expect(names('node_1,node_3', 'boot=yes', 'priority=99')).toEqual(['node_1', 'node_3']);
      expect(names('boot=no')).toEqual(['node_2']);
      expect(names('priority=3,4')).toEqual(['node_2']);
      expect(names('ioc/node_2')).toEqual(['node_2']);
      expect(names('notes=a\\,b')).toEqual(['node_3']);
      expect(names('nobody')).toEqual([]);
      expect(fails(2, 'list', 'nonsense=1').stderr).toContain('nonsense');
      expect(fails(2, 'list', 'a/b/c').status).toBe(2);
    });

    it('costs the same number of child processes for one jail and for all, with any columns', () => {
      const spawned = (...words: string[]): string =>
        /(\d+) child processes/.exec(fails(0, '-d', 'debug', 'list', ...words).stderr)![1]!;
      const counts = [[], ['node_1'], ['node_*', 'boot=on'], ['-o', 'name,boot,quota,ip4_addr,path']];
      expect(new Set(counts.map((words) => spawned(...words))).size).toBe(1);
      expect(Number(spawned())).toBeLessThanOrEqual(4);
    });

    it('table, list, csv and json', () => {
      const columns = ['-o', 'name,boot,priority,jid'];
      expect(ok('list', ...columns, 'node_2')).toContain('| node_2 | no   | 3        | -   |');
      expect(ok('list', ...columns, '-f', 'csv', 'node_2')).toBe('NAME;BOOT;PRIORITY;JID\nnode_2;no;3;-\n');
      expect(JSON.parse(ok('list', ...columns, '-f', 'json', 'node_2'))).toEqual([
        { boot: 'no', jid: '-', name: 'node_2', priority: '3' },
      ]);
      expect(JSON.parse(ok('list', ...columns, '--json', 'node_2'))).toEqual([
        { name: 'node_2', boot: false, priority: 3, jid: null },
      ]);
      expect(ok('list', '-d', '-f', 'list', '-NH')).toBe(`ioc\t${lab.pool.name}/iocage\n`);
      expect(ok('list', '-p', '-f', 'list', '-NH')).toBe(`ioc\t${lab.pool.name}/iocage\n`);
      for (const look of ['table', 'json'])
        expect(ok('list', '-b', '-l', '-f', look)).toBe(ok('list', '-r', '-l', '-f', look));
      expect(ok('list', '-b', '-NH', '-f', 'csv', 'busy*')).toBe('busybox\n');
    });

    it('one jail that fails does not stop the rest; a name that is not there fails by itself', () => {
      ok('start', 'node_1');
      const ran = fails(1, 'start', 'node_1', 'node_2', 'nobody');
      expect(ran.stdout).toMatch(/^node_2 running as JID \d+\n$/);
      expect(ran.stderr).toContain('ioc: node_1 is running already');
      expect(ran.stderr).toContain('jail "nobody" not found');
      expect(fails(1, 'start', 'node_1').stderr).toContain('already');
      expect(fails(1, 'stop', 'nobody*').stderr).toContain('no jail matches "nobody*"');
      expect(fails(2, 'stop').stderr).toContain('missing FILTER');
      ok('stop', '-f', 'node_*');
    });
  });

  describe('every command', () => {
    it('get and set: jails, defaults, several, and back', () => {
      ok('create', '-nb', '-r', 'busybox', 'web', 'ip4=disable');
      expect(ok('set', 'notes=hello', 'boot=on', 'web')).toBe('web updated: notes, boot\n');
      expect(ok('set', 'notes=hello', 'web')).toBe('web unchanged\n');
      expect(get('notes', 'web')).toBe('hello');
      expect(get('boot', 'web')).toBe('yes');
      expect(get('running', 'web')).toBe('no');
      expect(ok('set', 'notes', 'boot', 'web')).toBe('web updated: boot, notes\n');
      expect(get('notes', 'web')).toBe('-');
      expect(get('boot', 'web')).toBe('no');
      expect(ok('set', 'priority=7', 'defaults')).toBe('default updated: priority\n');
      expect(get('priority', 'web')).toBe('7');
      expect(get('priority', 'defaults')).toBe('7');
      ok('set', 'priority', 'defaults');
      expect(ok('get', 'all', 'web').split('\n')).toContain('priority:99');
      expect(ok('get', '-a', 'web')).toBe(ok('get', 'all', 'web'));
      expect(ok('get', '-p')).toBe(`${lab.pool.name}\n`);
      expect(JSON.parse(ok('get', 'priority', 'web', '--json'))).toEqual({ priority: 99 });
      expect(fails(2, 'get', 'nonsense', 'web').stdout).toBe('');
      expect(fails(1, 'get', 'boot', 'nobody').stdout).toBe('');
      expect(fails(2, 'set', 'boot=maybe', 'web').stdout).toBe('');
      expect(get('boot', 'web')).toBe('no');
    });

    it('start -o holds for one start; exec answers the status; console logs in', async () => {
      ok('start', '-o', 'host_hostname=once', 'web');
      expect(ok('exec', 'web', 'hostname')).toBe('once\n');
      expect(ioc('exec', 'web', '--', 'sh', '-c', 'exit 5').status).toBe(5);
      expect(ok('exec', '-u', 'www', 'web', 'id', '-un')).toBe('www\n');
      expect(ok('exec', '-u', 'www', 'web', '--', 'sh', '-c', 'echo "$HOME $1"', 'sh', '-u')).toBe(
        '/home/www -u\n',
      );
      expect(fails(2, 'exec', '-u', 'nosuchuser', 'web', 'id').stderr).toContain('nosuchuser');
      fails(2, 'start', '-o', 'quota=1G', 'web');
      const session = ioc.start('console', 'web');
      session.child.stdin!.end('echo "in $(hostname)"; exit 3\n');
      expect(await session.ended).toMatchObject({ status: 3, stdout: expect.stringContaining('in once') });
      ok('stop', 'web');
      ok('start', 'web');
      expect(ok('exec', 'web', 'hostname')).toBe('web\n');
      expect(get('host_hostname', 'web')).toBe('web');
    });

    it('restart: the services, or the jail', () => {
      const jid = get('jid', 'web');
      expect(ok('restart', 'web')).toBe('web restarted\n');
      expect(get('jid', 'web')).toBe(jid);
      expect(ok('restart', '-s', 'web')).toBe('web restarted\n');
      expect(get('jid', 'web')).not.toBe(jid);
      ok('restart', '-f', 'web');
      ok('stop', 'web');
    });

    it('exec -f: in a jail that is down, without its services; and down again, whatever happens', () => {
      ok('set', 'exec_start=touch /root/services', 'web');
      expect(ok('exec', '-f', 'web', 'hostname')).toBe('web\n');
      expect(ioc('exec', '-f', 'web', 'sh', '-c', 'exit 4').status).toBe(4);
      expect(ok('exec', '-f', 'web', 'ls', '/root')).toBe('');
      expect(get('running', 'web')).toBe('no');
      ok('set', 'exec_start', 'web');
      fails(1, 'exec', 'web', 'hostname');
      ok('console', '-s', 'web');
      expect(get('running', 'web')).toBe('yes');
      fails(1, 'exec', '-f', 'web', 'hostname');
      ok('stop', 'web');
    });

    it('exec -f that a signal ends: the jail is stopped; after a kill doctor stops it', async () => {
      for (const [signal, status] of [
        ['SIGTERM', 143],
        ['SIGHUP', 129],
        ['SIGKILL', null],
      ] as const) {
        const started = ioc.start('exec', '-f', 'web', '/bin/sh', '-c', 'echo begun; sleep 60');
        await started.says(/begun/);
        expect(names('running=yes')).toEqual(['web']);
        // The program that outlives a kill holds the output open.
        const exit = once(started.child, 'exit');
        started.child.kill(signal);
        expect((await exit)[0]).toBe(status);
        if (signal === 'SIGKILL') {
          expect(fails(1, 'set', 'priority=3', 'web').stderr).toContain('jail.fork of web');
          expect(commandIn(lab.environment).done('doctor').stdout).toMatch(/jail\.fork of web.*: stopped\n$/);
        }
        expect(names('running=yes'), signal).toEqual([]);
      }
    });

    it('snapshot: create, list, rollback, remove', () => {
      ok('snapshot', 'create', 'web@one');
      ok('snapshot', 'web@two');
      expect(ok('snapshot', 'list', 'web', '--output-format', 'list', '-NH')).toBe('one\ntwo\n');
      expect(ok('snapshot', 'web')).toContain('| two  |');
      writeFileSync(join(top(), 'jails/web/root/root/later'), '');
      // Nobody answers the question.
      fails(1, 'snapshot', 'rollback', 'web@two');
      ok('snapshot', 'rollback', '-y', 'web@two');
      expect(ok('exec', '-f', 'web', 'ls', '/root')).toBe('');
      fails(1, 'snapshot', 'rollback', '-y', 'web@one');
      ok('snapshot', 'rollback', '-f', 'web@one');
      ok('snapshot', 'remove', '-f', 'web@one');
      expect(ok('snapshot', 'list', 'web', '--output-format', 'list', '-NH')).toBe('');
      fails(1, 'snapshot', 'remove', '-f', 'web@one');
    });

    it('fstab: add, show, rm, and what the jail sees', () => {
      const shared = join(lab.pool.directory, 'shared');
      mkdirSync(shared, { recursive: true });
      writeFileSync(join(shared, 'file'), 'from the host\n');
      expect(ok('fstab', 'add', '-c', 'the share', shared, '/mnt', 'web')).toBe(`${shared} -> /mnt (ro)\n`);
      expect(ok('fstab', 'show', 'web')).toContain('the share');
      ok('start', 'web');
      expect(ok('exec', 'web', 'cat', '/mnt/file')).toBe('from the host\n');
      expect(ioc('exec', 'web', 'touch', '/mnt/x').status).not.toBe(0);
      ok('stop', 'web');
      ok(
        'fstab',
        'add',
        '--freq',
        '1',
        '--passno',
        '2',
        '-t',
        'tmpfs',
        '-o',
        'rw',
        'tmpfs',
        '/var/tmp',
        'web',
      );
      expect(ok('fstab', 'show', 'web')).toMatch(/^tmpfs\s+\S*\/var\/tmp\s+tmpfs\s+rw\s+1\s+2\b/m);
      fails(2, 'fstab', 'add', '--freq', 'x', shared, '/opt', 'web');
      expect(ok('exec', '-f', 'web', 'mount')).toContain(' on /var/tmp type tmpfs');
      ok('fstab', 'rm', 'tmpfs', 'web');
      fails(1, 'fstab', 'rm', '/nothing', 'web');
      ok('fstab', 'rm', shared, 'web');
      expect(ok('fstab', 'show', 'web')).not.toContain(shared);
      fails(2, 'fstab', 'add', '/does/not/exist', '/mnt', 'web');
    });

    it('clone, promote and rename', () => {
      expect(ok('clone', 'web', 'web2', 'notes=second')).toBe('web2 successfully cloned from web\n');
      expect(get('notes', 'web2')).toBe('second');
      fails(1, 'destroy', '-f', 'web');
      ok('promote', 'web2');
      expect(ok('rename', 'ioc/web2', 'www')).toBe('web2 renamed to www\n');
      expect(names('w*')).toEqual(['web', 'www']);
      expect(get('host_hostname', 'www')).toBe('www');
      expect(fails(1, 'rename', 'nobody', 'x').stdout).toBe('');
      // Clones of clones go along with -R, and nothing else does.
      ok('clone', 'www', 'middle');
      ok('clone', 'middle', 'leaf');
      const gone = ['middle', 'leaf'].map((name) => `${top()}/jails/${name} destroyed`);
      fails(1, 'destroy', '-R', 'middle');
      fails(1, 'destroy', '-f', 'middle');
      expect(ok('--dry-run', 'destroy', '-R', '-f', 'middle')).toContain('jails/leaf');
      expect(names()).toEqual(['leaf', 'middle', 'web', 'www']);
      expect(ok('destroy', '-R', '-f', 'midd*').trim().split('\n').sort()).toEqual(gone.toSorted());
      expect(names()).toEqual(['web', 'www']);
      fails(2, 'destroy', '-R', '-r', 'busybox');
      // Both at once: the one that hangs on the other goes first.
      expect(ok('destroy', '-f', 'web', 'www').split('\n').sort()).toEqual([
        '',
        `${top()}/jails/web destroyed`,
        `${top()}/jails/www destroyed`,
      ]);
    });

    it('create: a basejail by default, empty, a release that is not here, and a UUID', () => {
      ok('create', '-r', 'busybox', 'based', 'ip4=disable');
      expect(get('type', 'based')).toBe('basejail');
      ok('start', 'based');
      expect(ok('exec', 'based', 'hostname')).toBe('based\n');
      ok('stop', 'based');
      ok('create', '-e', 'hollow');
      expect(get('type', 'hollow')).toBe('emptyjail');
      expect(ok('create', '-nb', '-r', 'busybox')).toMatch(/ successfully created from busybox!\n$/);
      fails(1, 'create', '-r', 'nonsense', '--no-fetch', 'x');
      fails(1, 'create', '-r', 'busybox', 'based');
      expect(names('based,hollow')).toEqual(['based', 'hollow']);
      ok('destroy', '-f', '*');
      expect(names()).toEqual([]);
    });

    it('fetch -b: a release filled by hand, and filled anew', () => {
      const root = join(top(), 'releases/custom/root');
      sh('zfs', 'create', '-p', `${lab.pool.name}/iocage/releases/custom/root`);
      expect(fails(1, 'fetch', '-r', 'custom', '-b').stderr).toContain('no root file system');
      layBusyboxRoot(root);
      rmSync(join(root, 'etc/rc'), { force: true });
      ok('fetch', '-r', 'custom', '-b');
      expect(readFileSync(join(root, 'etc/rc'), 'utf8')).toContain('iocage');
      ok('create', '-nb', '-r', 'custom', 'first', 'ip4=disable');
      ok('create', '-r', 'custom', 'shows', 'ip4=disable');
      writeFileSync(join(root, 'etc/new-world'), 'yes\n');
      writeFileSync(join(root, 'bin/new-world'), '#!/bin/sh\necho new\n', { mode: 0o755 });
      expect(ok('fetch', '-r', 'custom', '-b')).toContain('with the files that it has now');
      ok('create', '-nb', '-r', 'custom', 'second', 'ip4=disable');
      expect(ok('exec', '-f', 'second', 'cat', '/etc/new-world')).toBe('yes\n');
      expect(ioc('exec', '-f', 'first', 'cat', '/etc/new-world').status).toBe(1);
      expect(ok('exec', '-f', 'shows', 'new-world')).toBe('new\n');
      fails(1, 'destroy', '-r', '-f', 'custom');
      ok('destroy', '-f', '*');
      ok('destroy', '-r', '-f', 'custom');
    });

    it('a release from a source tree: make installworld, fetch -b, and both again after a change', () => {
      const [source, root] = [join(lab.pool.directory, 'src'), join(top(), 'releases/world/root')];
      cpSync(join(import.meta.dirname, '../fixtures/source-tree'), source, { recursive: true });
      const make = (target: string): string => sh(...bmake, '-C', source, target, `DESTDIR=${root}`);
      const states = (): readonly string[] =>
        sh(
          'zfs',
          'list',
          '-H',
          '-t',
          'snapshot',
          '-o',
          'name',
          '-r',
          `${lab.pool.name}/iocage/releases/world/root`,
        )
          .split('\n')
          .filter((name) => /@p\d+$/.test(name))
          .map((name) => name.split('@')[1]!);
      // As libiocage's README says it.
      sh('zfs', 'create', '-p', `${lab.pool.name}/iocage/releases/world/root`);
      expect(make('installworld')).toContain('===> bin (install)');
      make('distribution');
      expect(ok('fetch', '-r', 'world', '-b')).toBe('world is ready for jails\n');
      expect(states()).toEqual(['p0']);
      ok('create', '-nb', '-r', 'world', 'kept', 'ip4=disable');
      ok('create', '-r', 'world', 'shown', 'ip4=disable');
      ok('start', 'kept');
      expect(ok('exec', 'kept', 'uname')).toBe('small world 1\n');
      ok('stop', 'kept');
      expect(ok('exec', '-f', 'shown', 'uname')).toBe('small world 1\n');

      writeFileSync(join(source, 'VERSION'), '2\n');
      make('installworld');
      expect(ok('fetch', '-r', 'world', '-b')).toContain('with the files that it has now');
      expect(states()).toEqual(['p0', 'p1']);
      ok('create', '-nb', '-r', 'world', 'fresh', 'ip4=disable');
      expect(ok('exec', '-f', 'fresh', 'uname')).toBe('small world 2\n');
      expect(ok('exec', '-f', 'shown', 'uname')).toBe('small world 2\n');
      expect(ok('exec', '-f', 'kept', 'uname')).toBe('small world 1\n');
      ok('fetch', '-r', 'world', '-b');
      expect(states()).toEqual(['p0', 'p1']);
      ok('destroy', '-f', '*');
      ok('destroy', '-r', '-f', 'world');
    });

    it('pkg and update, by the package manager of the jail (here a script)', () => {
      ok('create', '-nb', '-r', 'busybox', 'packed', 'ip4=disable');
      expect(fails(1, 'update', 'packed').stderr).toContain('package manager');
      fails(1, 'pkg', 'packed', 'nginx');
      plantApk(join(top(), 'jails/packed/root'));
      ok('pkg', 'packed', 'nginx');
      ok('pkg', '-r', 'packed', 'nginx');
      ok('update', 'pack*');
      const ran = readFileSync(join(top(), 'jails/packed/root/root/apk-ran'), 'utf8');
      expect(ran).toMatch(/add .*nginx/);
      expect(ran).toMatch(/del .*nginx/);
      expect(ran).toMatch(/upgrade/);
      expect(get('running', 'packed')).toBe('no');
      ok('destroy', '-f', 'packed');
    });

    it('export and import: an archive where it is wanted, and never over another', () => {
      ok('create', '-nb', '-r', 'busybox', 'out', 'ip4=disable', 'notes=kept');
      const file = join(lab.pool.directory, 'out.tar.gz');
      expect(ok('export', 'out', file)).toBe(`out exported to ${file}\n`);
      const before = lab.state();
      expect(fails(1, 'export', 'out', file).stderr).toContain('already exists');
      fails(1, 'export', 'out', join(lab.pool.directory, 'out.zip'));
      fails(1, 'export', 'out', '/does/not/exist/out.tar.gz');
      fails(1, 'export', 'nobody', join(lab.pool.directory, 'nobody.tar.gz'));
      expect(lab.state()).toBe(before);
      expect(fails(1, 'import', 'out', file).stdout).toBe('');
      ok('import', 'back', file);
      expect(get('notes', 'back')).toBe('kept');
      expect(ok('exec', '-f', 'back', 'hostname')).toBe('back\n');
      ok('destroy', '-f', 'out,back');
    });

    it('provision: the script runs in the jail; when it fails the jail is as before', () => {
      ok('create', '-nb', '-r', 'busybox', 'made', 'ip4=disable');
      const script = join(lab.pool.directory, 'made.sh');
      writeFileSync(script, '#!/bin/sh\nset -e\necho "$IOCAGE_NAME on $(hostname)" >/root/made\n', {
        mode: 0o600,
      });
      expect(fails(2, 'provision', 'made').stderr).toContain('ioc set provision.method=script');
      ok('set', 'provision.method=script', `provision.source=${script}`, 'made');
      expect(ok('provision', 'mad*')).toMatch(
        /^made provisioned by .*made\.sh; before it: made@ioc-provision_/,
      );
      expect(ok('exec', '-f', 'made', 'cat', '/root/made')).toBe('made on made\n');
      writeFileSync(script, 'echo changed >/root/made; exit 3\n');
      fails(1, 'provision', 'made');
      expect(ok('exec', '-f', 'made', 'cat', '/root/made')).toBe('made on made\n');
      // A running jail runs on, changed or gone back.
      ok('start', 'made');
      fails(1, 'provision', 'made');
      expect(ok('exec', 'made', 'cat', '/root/made')).toBe('made on made\n');
      const before = lab.state();
      sh('chmod', '666', script);
      expect(fails(1, 'provision', 'made').stderr).toContain('others than its owner may write it');
      sh('chmod', '600', script);
      writeFileSync(script, '#!/usr/bin/perl\n');
      expect(fails(1, 'provision', 'made').stderr).toContain('/usr/bin/perl');
      expect(fails(1, 'provision', '-o', 'provision.source=/does/not/exist', 'made').stderr).toContain(
        'does not exist',
      );
      expect(fails(2, 'provision', '-o', 'boot=on', 'made').stderr).toContain('boot');
      expect(lab.state()).toBe(before);
      ok('destroy', '-f', 'made');
    });

    it('hooks know the jail by the names of both lines of libiocage', () => {
      const told = join(lab.pool.directory, 'told');
      ok('create', '-nb', '-r', 'busybox', 'hooked', 'ip4=disable', 'priority=7');
      const hook = `echo "$IOC_PRIORITY $IOCAGE_PRIORITY $IOC_ID $JNAME [$IOC_JID] $IOC_JAIL_PATH" >${told}`;
      ok('set', `exec_prestart=${hook}-pre`, `exec_poststart=${hook}-post`, 'hooked');
      ok('start', 'hooked');
      const root = `${top()}/jails/hooked/root`;
      expect(readFileSync(`${told}-pre`, 'utf8')).toBe(`7 7 hooked hooked [] ${root}\n`);
      const jid = /^7 7 hooked hooked \[(\d+)\] (.*)$/m.exec(readFileSync(`${told}-post`, 'utf8'));
      expect(jid?.slice(1)).toEqual([get('jid', 'hooked'), root]);
      ok('destroy', '-f', 'hooked');
    });

    it('migrate: what other tools configure becomes ours; what needs none is told', () => {
      ok('create', '-nb', '-r', 'busybox', 'ours', 'ip4=disable');
      const ran = ioc('migrate', 'ours');
      expect(ran).toMatchObject({ status: 0, stdout: '', stderr: 'ioc: ours needs no migration\n' });
      fails(1, 'migrate', 'nobody');
      // What libiocage and Python iocage left is made ours, by a pattern that fits one of ours too.
      const texts: Readonly<Record<string, object>> = {
        theirs: { id: 'theirs', release: 'busybox', notes: 'of libiocage', boot: 'no', priority: '7' },
        third: { CONFIG_VERSION: '14.1', host_hostuuid: 'third', release: 'busybox', notes: 'python' },
      };
      for (const [name, text] of Object.entries(texts)) {
        const dataset = `${lab.pool.name}/iocage/jails/${name}`;
        sh('zfs', 'create', dataset);
        sh('zfs', 'create', `${dataset}/root`);
        layBusyboxRoot(join(top(), 'jails', name, 'root'));
        writeFileSync(join(top(), 'jails', name, 'config.json'), JSON.stringify(text), { mode: 0o644 });
      }
      const before = lab.state();
      expect(ok('--dry-run', 'migrate', 'theirs')).toContain('org.freebsd.iocage:notes=of libiocage');
      expect(lab.state()).toBe(before);
      const { stdout, stderr } = ioc('migrate', 'th*', 'ours');
      expect(stderr).toMatch(/^ioc: ours needs no migration\nioc: 'iocage migrate --back theirs' goes back/);
      expect(stdout).toContain('theirs');
      expect(stdout).toContain('third');
      expect(get('notes', 'theirs')).toBe('of libiocage');
      expect(get('notes', 'third')).toBe('python');
      expect(get('priority', 'theirs')).toBe('7');
      ok('start', 'theirs');
      expect(ok('exec', 'theirs', 'hostname')).toBe('theirs\n');
      expect(fails(0, 'migrate', 'theirs').stderr).toBe('ioc: theirs needs no migration\n');
      ok('destroy', '-f', 'ours', 'theirs', 'third');
    });

    it('start --rc and stop --rc', () => {
      ok('create', '-nb', '-r', 'busybox', 'early', 'ip4=disable', 'boot=on');
      ok('create', '-nb', '-r', 'busybox', 'never', 'ip4=disable');
      // What `service ioc status` asks.
      const should = ['list', '-f', 'list', '-NH', '-o', 'full_name', 'boot=yes', 'running=no'];
      expect(ok(...should)).toBe('early\n');
      ok('start', '--rc');
      expect(ok(...should)).toBe('');
      expect(names('running=yes')).toEqual(['early']);
      ok('stop', '--rc');
      expect(names('running=yes')).toEqual([]);
      fails(2, 'start', '--rc', 'early');
      ok('destroy', '-f', '*');
    });

    it('--dry-run prints what would run and does nothing; --events json tells what happens', () => {
      ok('create', '-nb', '-r', 'busybox', 'dry', 'ip4=disable');
      const before = lab.state();
      expect(ok('--dry-run', 'destroy', '-f', 'dry')).toContain('zfs destroy');
      expect(ok('start', '--dry-run', 'dry')).not.toBe('');
      expect(lab.state()).toBe(before);
      const ran = fails(0, 'start', 'dry', '--events', 'json');
      const records = ran.stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; identifier?: string; state: string });
      expect(records[0]).toMatchObject({ type: 'JailStart', identifier: 'dry', state: 'pending' });
      expect(records.at(-1)).toMatchObject({ type: 'JailStart', identifier: 'dry', state: 'done' });
      ok('destroy', '-f', 'dry');
    });

    it('several sources: their jails by full name, patterns over all of them, one alone', () => {
      const { name: pool } = lab.pool;
      const both = ['--source', `main=${pool}/iocage`, '--source', `side=${pool}/side`];
      const full = (...words: string[]): readonly string[] =>
        ok(...both, 'list', '-f', 'list', '-NH', '-o', 'full_name', '-s', 'full_name', ...words)
          .split('\n')
          .filter((line) => line !== '');
      sh('zfs', 'create', '-p', `${pool}/side/releases/busybox/root`);
      layBusyboxRoot(join(lab.pool.directory, 'pool/side/releases/busybox/root'));
      ok(...both, 'activate', 'side');
      ok('--source', `side=${pool}/side`, 'fetch', '-r', 'busybox', '-b');
      ok(...both, 'create', '-nb', '-r', 'busybox', 'box', 'ip4=disable');
      ok(...both, 'create', '-nb', '-r', 'busybox', 'side/box', 'ip4=disable');
      ok(...both, 'create', '-nb', '-r', 'busybox', 'side/alone', 'ip4=disable', 'boot=on');
      expect(full()).toEqual(['main/box', 'side/alone', 'side/box']);
      expect(full('side/*')).toEqual(['side/alone', 'side/box']);
      expect(full('box', 'source=main')).toEqual(['main/box']);
      expect(ok(...both, 'list', '-d', '-f', 'list', '-NH')).toBe(
        `main\t${pool}/iocage\nside\t${pool}/side\n`,
      );
      ok(...both, 'start', 'box');
      expect(full('running=yes')).toEqual(['main/box', 'side/box']);
      expect(ok(...both, 'exec', 'side/box', 'hostname')).toBe('box\n');
      ok(...both, 'stop', 'main/*');
      expect(full('running=yes')).toEqual(['side/box']);
      ok(...both, 'set', 'notes=all', '*');
      expect(full('notes=all')).toHaveLength(3);
      expect(ok(...both, 'get', 'boot', 'side/alone')).toBe('yes\n');
      expect(ok('--source', `side=${pool}/side`, 'get', 'boot', 'alone')).toBe('yes\n');
      expect(fails(1, ...both, 'migrate', 'nobody').stderr).toContain('nobody');
      expect(fails(0, ...both, 'migrate', 'side/alone').stderr).toContain('alone needs no migration');
      // Without a prefix the only source that has it.
      ok(...both, 'rename', 'alone', 'two');
      expect(full('side/two')).toEqual(['side/two']);
      ok(...both, 'snapshot', 'side/two@one');
      expect(ok(...both, 'snapshot', 'list', 'two', '--output-format', 'list', '-NH')).toBe('one\n');
      expect(fails(1, ...both, 'start', 'third/box').stderr).toContain('third');
      fails(1, '--source', 'nonsense', 'list');
      ok(...both, 'destroy', '-f', '*');
      expect(full()).toEqual([]);
      sh('zfs', 'destroy', '-r', `${pool}/side`);
    });

    it('activate and deactivate', () => {
      expect(ok('deactivate', lab.pool.name)).toBe(`${lab.pool.name} deactivated\n`);
      expect(fails(0, 'deactivate', lab.pool.name).stderr).toContain('is not activated');
      fails(1, 'list');
      expect(ok('activate', lab.pool.name)).toBe(
        `${lab.pool.name} activated: ${lab.pool.name}/iocage at ${top()}\n`,
      );
      fails(1, 'activate', 'nopool');
      ok('list');
    });

    it('shows what goes on, on standard error', () => {
      ok('create', '-nb', '-r', 'busybox', 'seen', 'ip4=disable');
      const loud = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'auto' }, iocPath);
      const { stdout, stderr } = loud('start', 'seen');
      expect(stdout).toMatch(/^seen running as JID \d+\n$/);
      expect(stderr).toMatch(
        /^\[-\] JailStart@seen: \.\.\.\n( {2}\[\+\] \w+@seen: .*\n)+\[\+\] JailStart@seen: OK \[[\d.]+s\]\n$/,
      );
      ok('destroy', '-f', 'seen');
    });
  });
});

/** Kinds of jails through the real command: basejails, templates, releases of one's own, rename, reset. */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expecting } from '../support/expecting.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { layBusyboxRoot } from '../support/release.ts';
import { sh } from '../support/pool.ts';

describe.skipIf(!hostTests)(`kinds of jails${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let top: string;

  beforeAll(async () => {
    lab = await openLab();
    top = join(lab.pool.directory, 'pool/iocage');
    // Without addresses: other tests may run on this machine.
    ok('set', 'ip4=disable', 'default');
  });
  afterAll(() => lab.close());

  const { ok, refused } = expecting(() => lab);
  const within = (jail: string, script: string): string => ok('exec', jail, '/bin/sh', '-c', script);
  const datasets = (): readonly string[] =>
    sh('zfs', 'list', '-H', '-o', 'name', '-t', 'all', '-r', `${lab.pool.name}/iocage`).trim().split('\n');
  const user = (dataset: string, key: string): string =>
    sh(
      'zfs',
      'get',
      '-H',
      '-o',
      'value',
      `org.freebsd.iocage:${key}`,
      `${lab.pool.name}/iocage/${dataset}`,
    ).trim();

  describe('basejail', () => {
    it('shares the system folders read-only and has its own etc, var, root, home and usr/local', () => {
      ok('create', '-b', 'release=busybox', '-n', 'based');
      expect(ok('get', 'type', 'based')).toBe('basejail\n');
      const { jails } = JSON.parse(ok('list', '--json')) as { jails: { uuid: string; basejail: boolean }[] };
      expect(jails.find(({ uuid }) => uuid === 'based')?.basejail).toBe(true);
      // Nothing of the base lies in the jail itself.
      expect(sh('ls', '-A', join(top, 'jails/based/root/bin'))).toBe('');
      expect(sh('ls', '-A', join(top, 'jails/based/root/usr/bin'))).toBe('');
      expect(
        datasets().filter((name) => name.startsWith(`${lab.pool.name}/iocage/releases/busybox`)),
      ).toHaveLength(2);
      ok('start', 'based');
      for (const folder of ['bin', 'sbin', 'usr/bin', 'usr/sbin']) {
        expect(within('based', `touch /${folder}/x 2>&1; echo $?`), folder).toMatch(
          /Read-only file system\n1\n$/,
        );
      }
      within('based', 'mkdir -p /usr/local');
      for (const folder of ['etc', 'var', 'root', 'home', 'usr/local']) {
        expect(within('based', `echo mine >/${folder}/own && cat /${folder}/own`)).toBe('mine\n');
        expect(existsSync(join(top, 'releases/busybox/root', folder, 'own')), folder).toBe(false);
        expect(existsSync(join(top, 'jails/based/root', folder, 'own')), folder).toBe(true);
      }
      // Nobody in the jail makes it writable.
      expect(
        within(
          'based',
          'mount -o remount,rw /usr/bin 2>&1; umount /usr/bin 2>&1; touch /usr/bin/x 2>&1; true',
        ),
      ).toMatch(/Read-only file system/);
      ok('stop', 'based');
      ok('start', 'based');
      expect(within('based', 'cat /usr/local/own')).toBe('mine\n');
    });

    it('what is mounted in the release, before or after the start, does not get in', () => {
      const place = join(top, 'releases/busybox/root/usr/bin');
      const early = join(place, 'early');
      const late = join(place, 'late');
      mkdirSync(early);
      mkdirSync(late);
      sh('mount', '-t', 'tmpfs', 'tmpfs', early);
      try {
        writeFileSync(join(early, 'secret'), '');
        ok('restart', 'based');
        sh('mount', '-t', 'tmpfs', 'tmpfs', late);
        writeFileSync(join(late, 'secret'), '');
        expect(within('based', 'ls -A /usr/bin/early /usr/bin/late')).not.toContain('secret');
      } finally {
        for (const path of [late, early]) {
          sh('umount', path);
          rmSync(path, { recursive: true });
        }
      }
    });

    it('another release takes effect at the next start; only basejails can change it', () => {
      const folder = join(lab.pool.directory, 'next');
      layBusyboxRoot(folder);
      writeFileSync(join(folder, 'usr/bin/version'), '#!/bin/sh\necho next\n', { mode: 0o755 });
      ok('fetch', 'release=next', `folder=${folder}`);
      expect(ok('set', 'release=next', 'based')).toContain('release: busybox -> next');
      expect(within('based', 'ls /usr/bin/version 2>&1; true')).toContain('No such file');
      // It still shows the one that it was started with.
      expect(refused('destroy', '-r', '-f', 'busybox')).toContain('still used by based');
      ok('restart', 'based');
      expect(within('based', '/usr/bin/version; cat /usr/local/own')).toBe('next\nmine\n');
      ok('create', '-c', 'release=busybox', '-n', 'cloned');
      expect(refused('set', 'release=next', 'cloned')).toContain('only a basejail');
      expect(refused('set', 'release=nowhere', 'based')).toContain('not found locally');
      ok('destroy', 'cloned', '-f');
    });

    it('its release cannot be destroyed below it', () => {
      expect(refused('destroy', '-r', '-f', 'next')).toMatch(/still used by based/);
      expect(refused('clean', '-r', '-f')).toMatch(/cloned from it are based/);
    });

    it('a clone of it is a basejail', () => {
      ok('clone', 'based', '-n', 'based2');
      ok('start', 'based2');
      expect(within('based2', 'touch /usr/bin/x 2>&1; cat /usr/local/own; /usr/bin/version')).toMatch(
        /Read-only[^]*mine\nnext\n/,
      );
      ok('destroy', '-f', 'based2');
    });

    it('links that its root user plants lead nowhere', () => {
      ok('stop', 'based');
      const root = join(top, 'jails/based/root');
      rmSync(join(root, 'usr/bin'), { recursive: true });
      symlinkSync('/etc', join(root, 'usr/bin'));
      expect(refused('start', 'based')).toContain(
        '/usr/bin is a directory in next and a symlink in the jail',
      );
      rmSync(join(root, 'usr'), { recursive: true });
      symlinkSync('/tmp', join(root, 'usr'));
      expect(refused('start', 'based')).toContain('must be a directory');
      rmSync(join(root, 'usr'));
      rmSync(join(root, 'bin'), { recursive: true });
      symlinkSync('/tmp', join(root, 'bin'));
      expect(refused('start', 'based')).toContain('/bin is a directory in next and a symlink in the jail');
      ok('destroy', '-f', 'based');
      ok('destroy', '-r', '-f', 'next');
    });

    it('a merged /usr: only usr is shared, the links stay links', () => {
      const folder = join(lab.pool.directory, 'merged');
      layBusyboxRoot(folder);
      for (const name of ['bin', 'sbin']) {
        sh('sh', '-c', 'cp -a "$1/$2/." "$1/usr/$2/" && rm -r "$1/$2"', 'sh', folder, name);
        symlinkSync(`usr/${name}`, join(folder, name));
      }
      ok('fetch', 'release=merged', `folder=${folder}`);
      ok('create', '-b', 'release=merged', '-n', 'mb');
      expect(lstatSync(join(top, 'jails/mb/root/bin')).isSymbolicLink()).toBe(true);
      ok('start', 'mb');
      expect(
        within('mb', 'touch /bin/x 2>&1; mkdir -p /usr/local; echo here >/usr/local/x; cat /usr/local/x'),
      ).toMatch(/Read-only[^]*here\n$/);
      // The two layouts do not fit one root.
      ok('set', 'release=busybox', 'mb');
      ok('stop', 'mb');
      expect(refused('start', 'mb')).toMatch(/\/bin is a directory in busybox and a symlink in the jail/);
      ok('destroy', '-f', 'mb');
      ok('destroy', '-r', '-f', 'merged');
    });
  });

  describe('template', () => {
    it('set template=yes moves the jail, jails are created from it with its properties, and back', () => {
      ok(
        'create',
        '-c',
        'release=busybox',
        'tag=golden',
        'notes=from gold',
        'memoryuse=64M:deny',
        'quota=300M',
        '-n',
        'gold',
      );
      writeFileSync(join(top, 'jails/gold/root/etc/motd'), 'golden');
      writeFileSync(join(top, 'jails/gold/fstab'), `/srv\t${top}/jails/gold/root/srv\tnullfs\tro\t0\t0\n`);
      const other = ok('get', 'host_hostuuid', 'golden');
      expect(ok('set', 'template=yes', 'golden')).toContain('template: - -> yes');
      expect(existsSync(join(top, 'jails/gold'))).toBe(false);
      expect(readFileSync(join(top, 'templates/gold/root/etc/motd'), 'utf8')).toBe('golden');
      expect(readFileSync(join(top, 'templates/gold/fstab'), 'utf8')).toContain(
        `${top}/templates/gold/root/srv`,
      );
      expect(readFileSync(join(top, 'tags/golden/root/etc/motd'), 'utf8')).toBe('golden');
      expect(ok('get', 'host_hostuuid', 'golden')).toBe(other);
      expect(ok('list', '-H')).not.toContain('golden');
      expect(ok('list', '-t', '-H')).toContain('golden');
      expect(ok('df', '-H')).toContain('golden');
      expect(refused('start', 'golden')).toContain('template');
      expect(refused('runtime', 'golden')).toContain('not running');

      ok('create', 'template=golden', 'tag=ring', '-n', 'ring', 'notes=mine');
      ok('create', '-t', 'golden', '-n', 'coin', '--count', '2');
      expect(ok('get', 'notes', 'ring')).toBe('mine\n');
      expect(ok('get', 'notes', 'coin_2')).toBe('from gold\n');
      expect(ok('get', 'memoryuse', 'coin_1')).toBe('64M:deny\n');
      expect(ok('get', 'quota', 'coin_1')).toBe('300M\n');
      expect(ok('get', 'source_template', 'ring')).toBe('golden\n');
      expect(ok('get', 'template', 'ring')).toBe('no\n');
      expect(ok('list', '-l', '-H')).toMatch(/ring\t.*golden/);
      expect(readFileSync(join(top, 'jails/coin_2/root/etc/motd'), 'utf8')).toBe('golden');
      expect(readFileSync(join(top, 'jails/ring/fstab'), 'utf8')).toContain(`${top}/jails/ring/root/srv`);
      writeFileSync(join(top, 'jails/ring/fstab'), '');
      ok('start', 'ring');
      expect(within('ring', 'cat /etc/motd; hostname')).toBe('goldenring\n');
      ok('stop', 'ring');

      // Protected while there are clones.
      expect(refused('destroy', '-f', 'golden')).toMatch(/cloned from it are/);
      expect(refused('set', 'template=no', 'golden')).toMatch(
        /has clones, so making it a jail again is refused/,
      );
      expect(refused('clean', '-t', '-f')).toMatch(/cloned from it are .*ring/);
      expect(refused('create', 'template=ring')).toContain('is no template');
      expect(refused('create', 'template=yes')).toContain('make the jail first');
      expect(refused('create', '-b', 'template=golden')).toContain('exclude each other');

      ok('destroy', '-f', 'coin_1', 'coin_2', 'ring');
      expect(datasets().filter((name) => /templates\/gold.*@/.test(name))).toEqual([]);
      ok('set', 'istemplate=no', 'golden');
      expect(existsSync(join(top, 'jails/gold/root/etc/motd'))).toBe(true);
      expect(readFileSync(join(top, 'jails/gold/fstab'), 'utf8')).toContain(`${top}/jails/gold/root/srv`);
      expect(user('jails/gold', 'template')).toBe('-');
      writeFileSync(join(top, 'jails/gold/fstab'), '');
      ok('start', 'golden');
      expect(refused('set', 'template=yes', 'golden')).toContain('needs it stopped');
      expect(refused('rename', 'golden', 'silver')).toContain('needs it stopped');
      ok('destroy', '-f', 'golden');
    });
  });

  describe('a release of one’s own', () => {
    it('from a stopped jail, as it is or at a snapshot', () => {
      ok('create', 'release=busybox', '-n', 'smith');
      writeFileSync(join(top, 'jails/smith/root/etc/made'), 'early');
      ok('snapshot', 'smith@early');
      writeFileSync(join(top, 'jails/smith/root/etc/made'), 'late');
      ok('start', 'smith');
      expect(refused('fetch', 'release=own', 'jail=smith')).toContain('needs it stopped');
      ok('stop', 'smith');
      ok('fetch', 'release=own', 'jail=smith');
      ok('fetch', 'release=own-early', 'jail=smith@early');
      expect(readFileSync(join(top, 'releases/own/root/etc/made'), 'utf8')).toBe('late');
      expect(readFileSync(join(top, 'releases/own-early/root/etc/made'), 'utf8')).toBe('early');
      // Independent of the jail, which keeps exactly what it had.
      expect(datasets().filter((name) => /smith.*@/.test(name))).toHaveLength(2);
      ok('destroy', '-f', 'smith');
      ok('create', '-c', 'release=own', '-n', 'child');
      ok('start', 'child');
      expect(within('child', 'cat /etc/made; hostname')).toBe('latechild\n');
      ok('destroy', '-f', 'child');
      const { releases } = JSON.parse(ok('list', '-r', '--json')) as {
        releases: { name: string; kind: string }[];
      };
      expect(releases.find(({ name }) => name === 'own')?.kind).toBe('jail');
      ok('destroy', '-r', '-f', 'own', 'own-early');
    });

    it('a folder that is none is refused', () => {
      const empty = join(lab.pool.directory, 'empty');
      mkdirSync(empty);
      expect(refused('fetch', 'release=x', `folder=${empty}`)).toContain('no directory etc');
      expect(refused('fetch', 'release=x', `folder=${empty}-not`)).toContain('does not exist');
      expect(refused('fetch', 'release=x', 'folder=/')).toContain('iocage itself lies in it');
      expect(refused('fetch', 'release=x', `folder=${empty}`, 'jail=x')).toContain('excludes');
    });
  });

  it('rename: dataset, host name, tag, files, log and mentions go along; an explicit host name stays', () => {
    ok('create', 'release=busybox', '-n', 'old_one', 'jail_zfs_dataset=iocage/jails/old_one/data');
    ok('create', '-e', '-n', 'needs', 'depends=old_one');
    ok('clone', 'old_one', '-n', 'kin');
    writeFileSync(
      join(top, 'jails/old_one/fstab'),
      `/a ${top}/jails/old_one/root/a nullfs ro 0 0\n/b ${top}/jails/old_one2 x\n`,
    );
    ok('start', 'kin');
    expect(refused('rename', 'old_one', 'needs')).toContain('already used');
    expect(refused('rename', 'old_one', 'old_one')).toContain('already used');
    expect(refused('rename', 'old_one', '../x')).toContain('not valid');
    ok('stop', 'kin');
    expect(ok('rename', 'old_one', 'new_one')).toBe('Jail: old_one renamed to new_one\n');
    expect(user('jails/new_one', 'host_hostuuid')).toBe('new_one');
    expect(user('jails/new_one', 'host_hostname')).toBe('new-one');
    expect(user('jails/new_one', 'tag')).toBe('new_one');
    expect(user('jails/new_one', 'jail_zfs_dataset')).toBe('iocage/jails/new_one/data');
    expect(user('jails/needs', 'depends')).toBe('new_one');
    expect(existsSync(join(top, 'jails/old_one'))).toBe(false);
    expect(existsSync(join(top, 'tags/new_one/root/etc'))).toBe(true);
    expect(existsSync(join(top, 'tags/old_one'))).toBe(false);
    expect(readFileSync(join(top, 'jails/new_one/root/etc/hostname'), 'utf8')).toBe('new-one\n');
    expect(readFileSync(join(top, 'jails/new_one/fstab'), 'utf8')).toBe(
      `/a ${top}/jails/new_one/root/a nullfs ro 0 0\n/b ${top}/jails/old_one2 x\n`,
    );
    writeFileSync(join(top, 'jails/new_one/fstab'), '');
    ok('start', 'new_one');
    expect(within('new_one', 'hostname')).toBe('new-one\n');
    ok('stop', 'new_one');
    ok('set', 'tag=web', 'host_hostname=www.example.org', 'new_one');
    ok('rename', 'web', 'third');
    // It is what the person calls the jail, so it goes along; a host name of its own does not.
    expect(ok('get', 'tag', 'third')).toBe('third\n');
    expect(ok('get', 'host_hostname', 'third')).toBe('www.example.org\n');
    expect(existsSync(join(top, 'log/third-console.log'))).toBe(true);
    // A clone made before the renames still takes its origin along, and only that.
    ok('destroy', '-f', 'kin');
    expect(datasets().filter((name) => /@/.test(name) && /third/.test(name))).toEqual([]);
    ok('destroy', '-f', 'third', 'needs');
  });

  it('reset: what was set goes, identity stays; ALL asks; default empties the defaults', () => {
    ok('create', '-c', 'release=busybox', '-n', 'odd', 'notes=x', 'securelevel=3', 'boot=on', 'quota=200M');
    const said = ok('reset', 'odd');
    expect(said).toContain('notes: x -> none\n');
    expect(said).toContain('securelevel: 3 -> 2\n');
    expect(ok('get', 'boot', 'odd')).toBe('on\n');
    expect(ok('get', 'release', 'odd')).toBe('busybox\n');
    expect(ok('get', 'host_hostname', 'odd')).toBe('odd\n');
    expect(ok('get', 'quota', 'odd')).toBe('200M\n');
    ok('set', 'notes=again', 'odd');
    expect(refused('reset', 'ALL')).toContain('Command not confirmed.  No action taken.');
    ok('reset', 'ALL', '-f');
    expect(ok('get', 'notes', 'odd')).toBe('none\n');
    ok('set', 'securelevel=1', 'default');
    expect(ok('reset', 'default')).toContain('securelevel: 1 -> 2\n');
    expect(ok('get', 'securelevel', 'odd')).toBe('2\n');
    ok('set', 'ip4=disable', 'default');
    ok('destroy', '-f', 'odd');
  });

  it('clone with count; hack88 is stored and does nothing', () => {
    ok('create', '-c', 'release=busybox', '-n', 'seed', 'hack88=1');
    expect(ok('clone', 'seed', 'tag=plant', 'count=2')).toMatch(/plant_1[^]*plant_2/);
    expect(ok('clone', 'seed', '-n', 'herb', '-c', '2')).toMatch(/herb_1[^]*herb_2/);
    expect(ok('get', 'hack88', 'seed')).toBe('1\n');
    expect(ok('get', 'mountpoint', 'seed').trim()).toBe(join(top, 'jails/seed'));
    expect(refused('destroy', '-f', 'seed')).toMatch(/herb_1/);
    ok('destroy', '-f', 'plant_1', 'plant_2', 'herb_1', 'herb_2', 'seed');
  });
});

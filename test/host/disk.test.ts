/**
 * Disk on real ZFS with real containers: the how-tos of docs/disk.md as they stand there, datasets handed to a
 * jail, volumes, mounted and scheduled snapshots; what is refused, and that nothing is left.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, commandPath, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

const page = 'docs/disk.md';
const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), 'utf8');
/** Name and lines of each marked block. */
const howTos = [...text.matchAll(/<!-- how-to: ([^;]+);[^>]*-->\s*```sh\n([^]*?)```/g)].map(
  ([, name = '', block = '']) => [name, block.split('\n').filter((line) => line !== '')] as const,
);

describe.skipIf(!hostTests)(`disk${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let pool: string;
  let top: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    pool = lab.pool.name;
    top = join(lab.pool.directory, 'pool/iocage');
  });
  afterAll(() => lab.close());

  const ok = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran.status, `${words.join(' ')}: ${ran.stderr}`).toBe(0);
    return ran.stdout;
  };
  const refused = (...words: readonly string[]): string => {
    const before = comparable(lab.state());
    const ran = iocage(...words);
    expect(ran.status, words.join(' ')).not.toBe(0);
    expect(comparable(lab.state()), words.join(' ')).toEqual(before);
    return ran.stderr;
  };
  /** zfs-fuse lets go of a mount a moment after it was used. */
  const destroyDataset = (dataset: string): void => {
    for (let tries = 0; ; tries += 1) {
      try {
        sh('zfs', 'destroy', dataset);
        return;
      } catch (error) {
        if (tries >= 40 || !(error as Error).message.includes('busy')) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      }
    }
  };
  const create = (name: string, ...words: readonly string[]): string =>
    ok('create', '-c', 'release=busybox', '-n', name, 'ip4=disable', ...words);
  const snapshotsOf = (dataset: string): readonly string[] =>
    sh('zfs', 'list', '-H', '-t', 'snapshot', '-d', '1', '-o', 'name', dataset)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('@')[1]!);

  describe('the how-tos', () => {
    beforeAll(() => {
      create('web');
      const bin = join(lab.pool.directory, 'bin');
      mkdirSync(bin);
      symlinkSync(commandPath, join(bin, 'iocage'));
      mkdirSync(join(lab.pool.directory, 'site'));
    });
    afterAll(() => {
      iocage('stop', 'ALL');
      ok('reset', 'default');
      ok('destroy', '-f', 'web');
      destroyDataset(`${pool}/archive`);
    });

    it('are all here', () => {
      expect(howTos.length).toBeGreaterThan(7);
      expect(text.match(/<!-- how-to:/g)).toHaveLength(howTos.length);
    });

    it.each(howTos)('%s', (_, lines) => {
      for (const line of lines) {
        // The page's pool is tank.
        const ran = spawnSync('sh', ['-c', line.replaceAll(/\btank\//g, `${pool}/`)], {
          encoding: 'utf8',
          env: {
            ...lab.environment,
            HOME: lab.pool.directory,
            PATH: `${join(lab.pool.directory, 'bin')}:${dirname(process.execPath)}:${process.env['PATH']}`,
            LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '',
          },
        });
        expect(ran.status, `${line}\n${ran.stdout}${ran.stderr}`).toBe(0);
      }
    });
  });

  describe('datasets handed to a jail', () => {
    it('is made by the start, is seen where it should be, survives a stop, and goes with the jail', () => {
      create('store', 'jail_zfs=on', 'jail_zfs_mountpoint=/var/mail');
      const before = comparable(lab.state());
      expect(ok('start', 'store', '--dry-run')).toContain(`${pool}/iocage/jails/store/data`);
      expect(comparable(lab.state())).toEqual(before);
      const started = iocage('start', 'store');
      expect(started, started.stderr).toMatchObject({ status: 0 });
      expect(started.stderr).not.toContain('jail_zfs');
      expect(ok('exec', 'store', 'grep', ' /var/mail ', '/proc/mounts')).toMatch(/nosuid.*nodev/);
      ok('exec', 'store', 'sh', '-c', 'echo hello > /var/mail/alice');
      expect(readFileSync(join(top, 'jails/store/data/alice'), 'utf8')).toBe('hello\n');
      ok('stop', 'store');
      // The dataset is all that is left of it.
      const made = comparable(lab.state()).filter((line) => !before.includes(line));
      expect(made.filter((line) => !line.includes('jails/store'))).toEqual([]);
      ok('start', 'store');
      expect(ok('exec', 'store', 'cat', '/var/mail/alice')).toBe('hello\n');
      ok('stop', 'store');
      expect(iocage('destroy', 'store').stderr).toContain('not confirmed');
      ok('destroy', '-f', 'store');
      expect(sh('zfs', 'list', '-H', '-r', '-o', 'name', `${pool}/iocage/jails`)).not.toContain('store');
    });

    it('a failed start takes away the dataset that it made', () => {
      create('store', 'jail_zfs=on', 'exec_start=/bin/false');
      const message = refused('start', 'store');
      expect(message).not.toBe('');
      ok('destroy', '-f', 'store');
    });

    it('snapshot, rollback, clone and export: the jail with its datasets is one', () => {
      create('store', 'jail_zfs=on');
      ok('start', 'store');
      const write = (word: string): string =>
        ok('exec', 'store', 'sh', '-c', `echo ${word} > /data/file; echo ${word} > /root/file`);
      write('old');
      ok('snapshot', 'store@one');
      const txg = (dataset: string): string =>
        sh('zfs', 'get', '-Hp', '-o', 'value', 'createtxg', `${dataset}@one`);
      const dataset = `${pool}/iocage/jails/store`;
      expect(new Set([dataset, `${dataset}/root`, `${dataset}/data`].map(txg)).size).toBe(1);
      write('new');
      ok('stop', 'store');
      expect(ok('export', 'store', '--json')).toContain('store/data');
      ok('rollback', '-y', 'store@one');
      for (const path of ['data/file', 'root/root/file'])
        expect(readFileSync(join(top, 'jails/store', path), 'utf8')).toBe('old\n');
      ok('clone', 'store@one', '-n', 'copy');
      ok('start', 'copy');
      expect(ok('exec', 'copy', 'cat', '/data/file')).toBe('old\n');
      ok('stop', 'copy');
      ok('destroy', '-f', 'copy');
      ok('destroy', '-f', 'store');
      rmSync(join(top, 'images'), { recursive: true, force: true });
    });

    it('refuses what is not for the jail, and changes nothing of it', () => {
      create('store');
      create('other', 'jail_zfs=on');
      ok('start', 'other');
      sh('zfs', 'create', `${pool}/data`);
      writeFileSync(join(lab.pool.directory, 'pool/data/precious'), '');
      const set = (words: string): string =>
        refused('set', 'jail_zfs=on', `jail_zfs_dataset=${words}`, 'store');
      expect(set('data')).toContain('is there already');
      expect(set('data')).toContain(`zfs set org.freebsd.iocage:jail=store ${pool}/data`);
      expect(set('nothing/here')).toContain('does not exist');
      expect(set('iocage/jails/other/data')).toContain('another jail');
      expect(set('iocage/releases/busybox/root')).toContain('belongs to iocage');
      expect(set('iocage')).toContain('all jails');
      expect(set(pool)).toContain('pool itself');
      expect(set('../data')).toContain("'..'");
      expect(set('data/../iocage')).toContain("'..'");
      expect(set('-r')).toContain('flag');
      expect(refused('create', '-c', 'release=busybox', '-n', 'third', 'jail_zfs_dataset=data')).toContain(
        'is there already',
      );
      // Stored past every check, by another program.
      sh('zfs', 'set', 'org.freebsd.iocage:jail_zfs=on', `${pool}/iocage/jails/store`);
      sh('zfs', 'set', 'org.freebsd.iocage:jail_zfs_dataset=data', `${pool}/iocage/jails/store`);
      expect(refused('start', 'store')).toContain('is there already');
      sh('zfs', 'set', 'org.freebsd.iocage:jail=other', `${pool}/data`);
      expect(refused('start', 'store')).toContain('is handed to jail other');
      sh('zfs', 'set', 'org.freebsd.iocage:jail=store', `${pool}/data`);
      sh('zfs', 'create', `${pool}/data/below`);
      expect(refused('start', 'store')).toContain('datasets below it');
      destroyDataset(`${pool}/data/below`);
      expect(sh('zfs', 'get', '-H', '-o', 'value', 'mountpoint,zoned', `${pool}/data`)).toContain('off');

      ok('start', 'store');
      ok('exec', 'store', 'test', '-e', '/data/precious');
      const snapped = iocage('snapshot', 'store@x');
      expect(snapped.stderr + snapped.stdout).toContain(`${pool}/data`);
      expect(snapshotsOf(`${pool}/data`)).toEqual([]);
      ok('stop', 'store');
      ok('destroy', '-f', 'store');
      expect(existsSync(join(lab.pool.directory, 'pool/data/precious'))).toBe(true);
      ok('destroy', '-f', 'other');
      destroyDataset(`${pool}/data`);
    });

    it('a link that the jail planted where the dataset goes is not followed', () => {
      create('store', 'jail_zfs=on', 'jail_zfs_mountpoint=/planted/etc');
      symlinkSync('/', join(top, 'jails/store/root/planted'));
      expect(refused('start', 'store')).toContain('jail_zfs_mountpoint: ');
      ok('set', 'jail_zfs_mountpoint=/proc/data', 'store');
      expect(refused('start', 'store')).toContain('mounted by iocage itself');
      ok('destroy', '-f', 'store');
    });
  });

  it('volumes: a directory, a file, read-only; what is refused', () => {
    const place = join(lab.pool.directory, 'volumes');
    mkdirSync(place);
    writeFileSync(join(place, 'page'), 'hello\n');
    create('vol', `volumes=${place}:/var/www:ro ${place}/page:/etc/page`);
    ok('start', 'vol');
    expect(ok('exec', 'vol', 'cat', '/var/www/page', '/etc/page')).toBe('hello\nhello\n');
    expect(iocage('exec', 'vol', 'touch', '/var/www/x').status).not.toBe(0);
    ok('exec', 'vol', 'sh', '-c', 'echo changed > /etc/page');
    expect(readFileSync(join(place, 'page'), 'utf8')).toBe('changed\n');
    ok('stop', 'vol');
    const starts = (volumes: string): string => {
      ok('set', `volumes=${volumes}`, 'vol');
      return refused('start', 'vol');
    };
    expect(starts('/no/such/place')).toContain('does not exist');
    expect(starts(`${top}/jails:/jails`)).toContain('belongs to iocage');
    expect(starts('/:/host')).toContain('holds all jails');
    expect(starts(`${place}:/srv:exec`)).toContain('option "exec"');
    expect(starts(`${place}:/srv ${place}:/srv/x`)).toContain('over or inside each other');
    expect(starts(`${place}:/dev`)).toContain('mounted by iocage itself');
    expect(refused('set', `volumes=${place}:/../etc`, 'vol')).toContain("'..'");
    ok('destroy', '-f', 'vol');
  });

  it('quota, reservation, compression, dedup, recordsize: ZFS has them, and they hold', () => {
    create('disk');
    const dataset = `${pool}/iocage/jails/disk`;
    const values = (name: string): readonly string[] =>
      sh('zfs', 'get', '-Hp', '-o', 'value', 'quota,reservation,compression,dedup,recordsize', name)
        .trim()
        .split('\n');
    ok('set', 'quota=32M', 'reservation=16M', 'compression=gzip-9', 'dedup=on', 'recordsize=16K', 'disk');
    expect(values(dataset)).toEqual(['33554432', '16777216', 'gzip-9', 'on', '16384']);
    expect(values(`${dataset}/root`).slice(2)).toEqual(['gzip-9', 'on', '16384']);
    expect(ok('get', 'recordsize', 'disk')).toBe('16K\n');
    ok('set', 'dedup=off', 'compression=off', 'disk');
    ok('start', 'disk');
    const full = iocage('exec', 'disk', 'dd', 'if=/dev/urandom', 'of=/root/big', 'bs=1M', 'count=64');
    expect(full.status).not.toBe(0);
    expect(full.stderr).toMatch(/quota|space/i);
    ok('stop', 'disk');
    for (const word of ['recordsize=3K', 'recordsize=0', 'dedup=maybe', 'quota=much', 'reservation=-1'])
      expect(iocage('set', word, 'disk').status, word).toBe(2);
    ok('set', 'quota=none', 'reservation=none', 'disk');
    expect(values(dataset).slice(0, 2)).toEqual(['0', '0']);
    ok('destroy', '-f', 'disk');
  });

  describe('mounted snapshots', () => {
    it('shows the jail as it was, read-only; while it does the snapshot is held', () => {
      create('view', 'jail_zfs=on');
      ok('start', 'view');
      ok('exec', 'view', 'sh', '-c', 'echo old > /root/file; echo old > /data/file');
      ok('snapshot', 'view@then');
      ok('exec', 'view', 'sh', '-c', 'echo new > /root/file; echo new > /data/file');
      const before = comparable(lab.state());
      const dry = ok('snapmount', 'view@then', '--dry-run');
      expect(dry.split('\n').filter((line) => line.startsWith('zfs clone '))).toHaveLength(3);
      expect(comparable(lab.state())).toEqual(before);
      const path = ok('snapmount', 'view@then').trim();
      expect(path).toBe(join(top, 'snapmounts/view:then'));
      expect(comparable(lab.state()).length).toBeGreaterThan(before.length);
      expect(readFileSync(join(path, 'root/root/file'), 'utf8')).toBe('old\n');
      expect(readFileSync(join(path, 'data/file'), 'utf8')).toBe('old\n');
      expect(existsSync(join(path, 'fstab'))).toBe(true);
      expect(() => writeFileSync(join(path, 'root/root/file'), 'x')).toThrow(/EROFS|read-only/i);
      expect(refused('snapmount', 'view@then')).toContain('mounted already');
      for (const words of [
        ['snapremove', 'view@then'],
        ['destroy', '-f', 'view'],
        ['snapremove', '-f', 'view@ALL'],
      ]) {
        if (words[0] === 'destroy') ok('stop', 'view');
        expect(refused(...words), words.join(' ')).toContain('iocage snapumount view@then');
      }
      ok('snapshot', 'view@later');
      ok('snapmount', 'view@later');
      expect(refused('rollback', '-f', 'view@then')).toContain('iocage snapumount view@later');
      ok('rename', 'view', 'seen');
      ok('snapumount', 'seen@later');
      ok('snapumount', 'seen@then');
      expect(refused('snapumount', 'seen@then')).toContain("isn't mounted");
      expect(refused('snapmount', 'seen@never')).toContain('snapshot not found');
      expect(refused('snapmount', 'seen')).toContain('missing snapshot');
      expect(readdirSync(join(top, 'snapmounts'))).toEqual([]);
      ok('destroy', '-f', 'seen');
    });

    it('several at once, of several jails', async () => {
      for (const name of ['one', 'two', 'three']) {
        create(name);
        ok('snapshot', `${name}@x`);
      }
      const names = ['one', 'two', 'three'];
      const ends = await Promise.all(names.map((name) => iocage.start('snapmount', `${name}@x`).ended));
      expect(ends.map(({ status, stderr }) => [status, stderr])).toEqual(names.map(() => [0, '']));
      await Promise.all(names.map((name) => iocage.start('snapumount', `${name}@x`).ended));
      ok('destroy', '-f', ...names);
    });

    it('a clone of a template has the datasets that the template had as a jail', () => {
      create('gold', 'jail_zfs=on', 'jail_zfs_dataset=iocage/jails/gold/mail');
      ok('start', 'gold');
      ok('exec', 'gold', 'touch', '/data/hello');
      ok('stop', 'gold');
      ok('set', 'template=yes', 'gold');
      ok('create', '-t', 'gold', '-n', 'child');
      ok('start', 'child');
      ok('exec', 'child', 'test', '-e', '/data/hello');
      expect(ok('get', 'jail_zfs_dataset', 'child')).toBe('iocage/jails/child/mail\n');
      ok('stop', 'child');
      ok('destroy', '-f', 'child');
      ok('destroy', '-f', 'gold');
    });

    it('into a directory of the host, which stays; only an empty one that nobody else can lead astray', () => {
      create('view');
      ok('snapshot', 'view@then');
      const place = join(lab.pool.directory, 'there');
      mkdirSync(place);
      ok('snapmount', 'view@then', place);
      expect(existsSync(join(place, 'root/bin'))).toBe(true);
      ok('snapumount', 'view@then');
      expect(readdirSync(place)).toEqual([]);
      symlinkSync(place, `${place}-link`);
      writeFileSync(join(place, 'file'), '');
      mkdirSync(join(top, 'jails/view/root/inside'));
      expect(refused('snapmount', 'view@then', place)).toContain('not empty');
      expect(refused('snapmount', 'view@then', `${place}-link`)).toContain('leads over a link');
      expect(refused('snapmount', 'view@then', join(top, 'jails/view/root/inside'))).toContain('belongs to');
      expect(refused('snapmount', 'view@then', '/no/such')).toContain('destination does not exist');
      expect(refused('snapmount', 'view@then', 'there')).toContain('absolute');
      ok('destroy', '-f', 'view');
    });
  });

  describe('scheduled snapshots', () => {
    it('takes and expires by name, mark and count; a person’s own stays; they cover all datasets', () => {
      create('plan', 'jail_zfs=on', 'snapshot_schedule=daily=2,weekly=1');
      ok('start', 'plan');
      const dataset = `${pool}/iocage/jails/plan`;
      const old = [1, 2, 3].map((day) => `ioc-daily-2020-01-0${day}_00:00:00`);
      for (const name of old)
        sh('zfs', 'snapshot', '-r', '-o', 'org.freebsd.iocage:scheduled=daily', `${dataset}@${name}`);
      sh('zfs', 'snapshot', '-r', `${dataset}@ioc-daily-2019-01-01_00:00:00`);
      sh('zfs', 'snapshot', '-r', '-o', 'org.freebsd.iocage:scheduled=daily', `${dataset}@mine`);
      const said = ok('snapshot', '--scheduled');
      expect(said).toContain('* 1 taken, 1 expired');
      for (const each of [dataset, `${dataset}/root`, `${dataset}/data`]) {
        const names = snapshotsOf(each);
        expect(names.filter((name) => name.startsWith('ioc-weekly-'))).toHaveLength(1);
        expect(names.filter((name) => !name.startsWith('ioc-weekly-')).toSorted()).toEqual([
          'ioc-daily-2019-01-01_00:00:00',
          old[1],
          old[2],
          'mine',
        ]);
      }
      const before = comparable(lab.state());
      expect(ok('snapshot', '--scheduled')).toContain('* 0 taken, 0 expired');
      expect(comparable(lab.state())).toEqual(before);
      const dry = iocage('snapshot', '--scheduled', '--dry-run');
      expect(dry.status).toBe(0);
      ok('set', 'snapshot_schedule=none', 'plan');
      expect(ok('snapshot', '--scheduled')).toContain('no jail has a snapshot_schedule');
      expect(refused('set', 'snapshot_schedule=nightly=1', 'plan')).toContain('PERIOD=COUNT');
      ok('destroy', '-f', 'plan');
    });
  });

  it('snaplist: full names, four orders, ALL; snapshot and snapremove of ALL', () => {
    create('one');
    create('two');
    ok('snapshot', '-r', '-f', 'one@b');
    ok('start', 'one');
    ok('exec', 'one', 'dd', 'if=/dev/urandom', 'of=/root/big', 'bs=1M', 'count=2');
    ok('stop', 'one');
    ok('snapshot', 'one@a');
    const names = (...words: readonly string[]): readonly string[] =>
      ok('snaplist', '-H', ...words)
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0]!);
    expect(names('one')).toEqual(['b', 'b/root', 'a', 'a/root']);
    expect(names('-s', 'name', 'one')).toEqual(['a', 'a/root', 'b', 'b/root']);
    expect(names('-s', 'rsize', 'one').at(-1)).toBe('a/root');
    expect(names('-s', 'used', 'one')).toHaveLength(4);
    expect(names('-l', 'one')[1]).toBe(`${pool}/iocage/jails/one/root@b`);
    expect(iocage('snaplist', '-s', 'size', 'one').status).toBe(2);
    ok('snapshot', 'ALL@friday');
    const all = ok('snaplist', '-H', '-s', 'name', 'ALL').trim().split('\n');
    expect(all.filter((line) => /^(one|two)\tfriday\t/.test(line))).toHaveLength(2);
    expect(iocage('snapremove', '-n', 'ALL', 'one').stderr).toContain('not confirmed');
    ok('snapremove', '-n', 'friday', 'ALL');
    expect(snapshotsOf(`${pool}/iocage/jails/two`)).toEqual([]);
    ok('snapremove', '-f', '-n', 'ALL', 'one');
    expect(snapshotsOf(`${pool}/iocage/jails/one`)).toEqual([]);
    expect(iocage('snapremove', '-n', 'friday', 'ALL').status).toBe(1);
    ok('destroy', '-f', 'one', 'two');
  });
});

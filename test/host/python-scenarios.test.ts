/**
 * The scenarios of Python iocage's own test suite that need no running jail, in our words and in its order, through the
 * command that a person types: what they assert of datasets and configuration holds here too. The numbers are those
 * of its files.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`scenarios of Python iocage${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let top: string;
  let root: string;
  const given = '2f5b2b1e-7d3a-4c55-9a51-3f1b7b9f3a10';

  const ok = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran, `${words.join(' ')}: ${ran.stderr}`).toMatchObject({ status: 0 });
    return ran.stdout;
  };
  const datasets = (): readonly string[] =>
    sh('zfs', 'list', '-H', '-o', 'name', '-r', root).trim().split('\n');
  const has = (name: string): boolean => datasets().includes(`${root}/${name}`);
  const origin = (name: string): string =>
    sh('zfs', 'get', '-H', '-o', 'value', 'origin', `${root}/${name}`).trim();
  const stored = (name: string): Record<string, string> =>
    Object.fromEntries(
      sh('zfs', 'get', '-H', '-s', 'local', '-o', 'property,value', 'all', `${root}/${name}`)
        .split('\n')
        .flatMap((line) => {
          const [, key, value] = /^org\.freebsd\.iocage:(\S+)\t(.*)$/.exec(line) ?? [];
          return key === undefined ? [] : [[key, value!] as const];
        }),
    );
  /** Rows without a header, cells by tabs. */
  const rows = (...words: readonly string[]): readonly (readonly string[])[] =>
    ok(...words, '-H')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  const named = (...words: readonly string[]): readonly string[] =>
    (JSON.parse(ok(...words, '--json')).jails as readonly { tag: string }[]).map(({ tag }) => tag);

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' });
    top = join(lab.pool.directory, 'pool/iocage');
    root = `${lab.pool.name}/iocage`;
  });
  afterAll(() => lab.close());

  it('0001: exactly one pool is active', () => {
    ok('activate', lab.pool.name);
    const active = sh('zfs', 'get', '-H', '-o', 'name,value', 'org.freebsd.ioc:active', lab.pool.name);
    expect(active).toBe(`${lab.pool.name}\tyes\n`);
  });

  it('0002: fetch from a directory with the sets, with the stray word that the suite passes', () => {
    // As FreeBSD lays them out; what is in them is that of the release that is here.
    const release = '14.1-RELEASE';
    const sets = join(lab.pool.directory, 'sets', release);
    mkdirSync(sets, { recursive: true });
    const from = join(top, 'releases/busybox/root');
    sh('tar', '-C', from, '-cJf', join(sets, 'base.txz'), '.');
    const digest = sh('sha256sum', join(sets, 'base.txz')).split(' ')[0];
    writeFileSync(join(sets, 'MANIFEST'), `base.txz\t${digest}\t9\tbase\t"Base system"\ton\n`);
    ok('fetch', '-r', release, '--file', '--root-dir', join(lab.pool.directory, 'sets'), 'True');
    expect(has(`releases/${release}/root`)).toBe(true);
    expect(readdirSync(join(top, 'releases', release, 'root'))).toEqual(
      expect.arrayContaining(['bin', 'etc']),
    );
    ok('create', '-r', release, '-b', '-n', 'of_sets');
    expect(stored('jails/of_sets')['type']).toBe('basejail');
    ok('destroy', '-f', 'of_sets');
  });

  it('0003: create by UUID, by name, short, several, with all properties, empty, base, thick, with a property', () => {
    ok('create', '-r', 'busybox', '-u', given);
    ok('create', '-r', 'busybox', '-n', 'jail');
    ok('create', '-r', 'busybox', '-s');
    const short = readdirSync(join(top, 'jails')).find((name) => /^[0-9a-f]{8}$/.test(name)) ?? 'none';
    expect(short).toMatch(/^[0-9a-f]{8}$/);
    ok('create', '-r', 'busybox', '-c', '3', '-n', 'many');
    ok('create', '-r', 'busybox', '-n', 'thick_config', '-C');
    ok('create', '-e', '-n', 'empty');
    ok('create', '-r', 'busybox', '-b', '-n', 'based');
    ok('create', '-r', 'busybox', '-T', '-n', 'thick');
    ok('create', '-r', 'busybox', '-n', 'noted', 'notes=foo "bar"');
    for (const name of [
      given,
      'jail',
      short,
      'many_1',
      'many_2',
      'many_3',
      'thick_config',
      'empty',
      'based',
      'thick',
      'noted',
    ])
      expect(has(`jails/${name}/root`), name).toBe(true);
    expect(Object.keys(stored('jails/thick_config')).length).toBeGreaterThan(80);
    expect(stored('jails/empty')['type']).toBe('emptyjail');
    expect(stored('jails/based')['type']).toBe('basejail');
    expect(origin('jails/thick/root')).toBe('-');
    expect(origin('jails/many_1/root')).toContain('/releases/busybox/root@');
    expect(stored('jails/noted')['notes']).toBe('foo "bar"');
  });

  it('0003: a template, and a jail of it', () => {
    ok('create', '-r', 'busybox', '-n', 'golden');
    ok('set', 'template=yes', 'golden');
    expect([has('templates/golden/root'), has('jails/golden')]).toEqual([true, false]);
    ok('create', '-t', 'golden', '-n', 'from_golden');
    expect(origin('jails/from_golden/root')).toContain('/templates/golden/root@');
  });

  it('0006: set on a jail, one with all properties, a basejail, a template; cpuset', () => {
    for (const [name, dataset] of [
      ['jail', 'jails/jail'],
      ['thick_config', 'jails/thick_config'],
      ['based', 'jails/based'],
      ['golden', 'templates/golden'],
    ] as const) {
      ok('set', 'notes=foo "bar"', name);
      expect(stored(dataset)['notes'], name).toBe('foo "bar"');
    }
    for (const cpuset of ['off', 'all', '0', '0-1', '0,1']) {
      ok('set', `cpuset=${cpuset}`, 'jail');
      expect(ok('get', 'cpuset', 'jail').trim()).toBe(cpuset);
    }
    ok('set', 'cpuset=off', 'jail');
  });

  it('0007: get one, all, of all jails, state and jid of a jail that is down', () => {
    expect(ok('get', 'host_hostuuid', 'jail')).toBe('jail\n');
    expect(ok('get', 'dhcp', 'thick_config')).toMatch(/^(off|0)\n$/);
    expect(ok('get', 'all', 'jail')).toContain('notes:foo "bar"\n');
    expect(ok('get', '-r', 'dhcp').split('\n').length).toBeGreaterThan(10);
    expect(ok('get', '-j', 'jail')).toBe('-\n');
    expect(ok('get', '-s', 'jail')).toBe('down\n');
  });

  it('0009: clones of a jail with all properties, with a property, several', () => {
    // Of a jail that is down already.
    ok('stop', '-f', 'thick_config');
    ok('clone', 'thick_config', '-n', 'copy');
    expect(origin('jails/copy/root')).toContain('/jails/thick_config/root@');
    const own = /^(tag|host_hostuuid|host_hostname|op|jail_zfs_dataset|vnet\d_mac|type|last_started)$/;
    const rest = (name: string) =>
      Object.entries(stored(name))
        .filter(([key]) => !own.test(key))
        .toSorted();
    expect(rest('jails/copy')).toEqual(rest('jails/thick_config'));
    ok('clone', 'jail', '-n', 'noted_copy', 'notes=cloned');
    expect(stored('jails/noted_copy')['notes']).toBe('cloned');
    ok('clone', 'jail', '-c', '3', '-n', 'c');
    for (const name of ['c_1', 'c_2', 'c_3'])
      expect(origin(`jails/${name}/root`)).toContain('/jails/jail/root@');
  });

  it('0010: debug leaves a file, in a directory of choice too', () => {
    ok('debug');
    ok('debug', '-d', join(lab.pool.directory, 'debug2'));
    expect(readdirSync(join(lab.pool.directory, 'debug2'))).toHaveLength(1);
  });

  it('0011, 0021: df and list in every order; membership', () => {
    const all = named('list').toSorted();
    for (const sort of ['jid', 'name', 'state', 'release', 'ip4', 'type', 'boot'])
      expect(named('list', '-s', sort).toSorted(), sort).toEqual(all);
    expect(named('list', '-s', 'name')).toEqual(all);
    for (const sort of ['name', 'crt', 'res', 'qta', 'use', 'ava'])
      expect(rows('df', '-s', sort).length, sort).toBe(all.length + 1);
    expect(named('list', '-t')).toEqual(['golden']);
    expect(named('list', '-B')).toEqual(['based']);
    expect(ok('list', '-r')).toContain('busybox');
    expect(ok('list', '-q').split('\n').length).toBeGreaterThan(10);
    expect(ok('list', '-l')).toContain('thick_config');
    expect(all).not.toContain('golden');
  });

  it('0012, 0013: export, destroy, import: the jail is back', () => {
    ok('export', 'noted');
    const images = readdirSync(join(top, 'images'));
    expect(images.some((name) => name.endsWith('.sha256'))).toBe(true);
    ok('destroy', '-f', 'noted');
    expect(has('jails/noted')).toBe(false);
    ok('import', 'noted');
    expect([has('jails/noted/root'), stored('jails/noted')['notes']]).toEqual([true, 'foo "bar"']);
  });

  it('0015: rename a jail and a template', () => {
    ok('rename', 'thick', 'thicker');
    expect([has('jails/thick'), has('jails/thicker/root')]).toEqual([false, true]);
    ok('rename', 'golden', 'silver');
    expect([has('templates/golden'), has('templates/silver/root')]).toEqual([false, true]);
  });

  it('0017: fstab add, list, replace, remove', () => {
    const shared = join(lab.pool.directory, 'shared');
    mkdirSync(shared);
    const file = () => readFileSync(join(top, 'jails/jail/fstab'), 'utf8');
    ok('fstab', '-a', 'jail', `${shared} /mnt nullfs ro 0 0`);
    expect(file()).toMatch(/shared\t\S+\/jails\/jail\/root\/mnt\tnullfs\tro\t0\t0/);
    expect(ok('fstab', '-l', 'jail')).toContain(shared);
    ok('fstab', '-R', '0', 'jail', `${shared} /srv nullfs ro 0 0`);
    expect(file()).toMatch(/root\/srv\tnullfs/);
    ok('fstab', '-r', 'jail', '0');
    expect(file()).not.toContain('nullfs');
  });

  it('0018 to 0020: snapshots of a jail, a template and a clone; four orders; removed', () => {
    const of: Readonly<Record<string, string>> = {
      jail: 'jails/jail',
      silver: 'templates/silver',
      c_1: 'jails/c_1',
    };
    for (const [name, dataset] of Object.entries(of)) {
      ok('snapshot', name, '-n', 'snap');
      const snapshots = sh('zfs', 'list', '-H', '-t', 'snapshot', '-r', '-o', 'name', `${root}/${dataset}`);
      expect(
        snapshots.split('\n').filter((one) => one.endsWith('@snap')).length,
        name,
      ).toBeGreaterThanOrEqual(2);
    }
    for (const sort of ['name', 'created', 'rsize', 'used'])
      expect(rows('snaplist', '-s', sort, 'jail').flat(), sort).toContain('snap');
    expect(ok('snaplist', '-l', 'jail')).toContain('/jails/jail/root@snap');
    ok('snapremove', 'jail', '-n', 'snap');
    expect(rows('snaplist', 'jail').flat()).not.toContain('snap');
  });

  it('0018 to 0020 of the living fork: ALL jails; ALL snapshots of one; of all of them only with -f', () => {
    const of = (name: string): readonly string[] =>
      sh('zfs', 'list', '-H', '-t', 'snapshot', '-r', '-o', 'name', `${root}/jails/${name}`)
        .split('\n')
        .filter((one) => one.endsWith('@every'));
    const all = (JSON.parse(ok('list', '--json')).jails as readonly { uuid: string }[]).map(
      ({ uuid }) => uuid,
    );
    ok('snapshot', 'ALL', '-n', 'every');
    for (const name of all) expect(of(name).length, name).toBeGreaterThanOrEqual(1);
    expect(
      rows('snaplist', 'ALL')
        .flat()
        .filter((cell) => cell === 'every').length,
    ).toBeGreaterThanOrEqual(all.length);
    expect(ok('snaplist', '-l', 'ALL')).toContain('/jails/jail/root@every');
    ok('snapremove', '-n', 'every', 'ALL');
    for (const name of all) expect(of(name), name).toEqual([]);
    ok('snapshot', 'jail', '-n', 'every');
    const refused = iocage('snapremove', '-n', 'ALL', 'jail');
    expect(refused.status).not.toBe(0);
    expect(of('jail').length).toBeGreaterThanOrEqual(1);
    // What others are clones of stays.
    const clones = () => ['c_1', 'c_2', 'c_3'].map((name) => origin(`jails/${name}/root`));
    const before = clones();
    iocage('snapremove', '-f', '-n', 'ALL', 'jail');
    expect(of('jail')).toEqual([]);
    expect(clones()).toEqual(before);
  });

  it('0098, 9999: destroy one, half, all; templates; everything', () => {
    ok('destroy', '-f', 'noted_copy');
    expect(has('jails/noted_copy')).toBe(false);
    ok('destroy', '-f', 'c_1', 'c_2', 'c_3');
    expect(named('list')).not.toContain('c_1');
    ok('clean', '-j', '-f');
    expect(named('list')).toEqual([]);
    ok('clean', '-t', '-f');
    expect(named('list', '-t')).toEqual([]);
    ok('clean', '-a', '-f');
    expect(existsSync(join(top, 'jails/jail'))).toBe(false);
  });
});

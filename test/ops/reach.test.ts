/** Which directories of the host count as a jail's: of all jails of the host, in as many questions as for one. */
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jailProblem } from '../../src/ops/jail/reach.ts';
import type { Context } from '../../src/ops/context.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

let world: FakeWorld;
let data: string;
beforeEach(async () => {
  world = await openFakeWorld({ otherPools: ['vault'] });
  data = join(world.directory, 'data');
  mkdirSync(data);
  for (const name of ['web', 'db']) await world.run('jail.create', { kind: 'empty', name });
});
afterEach(() => world.close());

const add = (source: string, options: string) =>
  world.run('fstab.change', { jail: 'web', add: [source, '/mnt', 'nullfs', options, '0', '0'] });
const why = async (path: string, context: Context = world.context()) =>
  (await jailProblem(context, path))?.why;
const byFstab = (jail = 'web') =>
  `it lies in ${data}, which jail ${jail} may write by its fstab: its root user can change it`;

async function plant(root: string, jail: string, fstab: string): Promise<void> {
  const [pool, ...rest] = root.split('/');
  let name = pool!;
  for (const part of [...rest, 'jails', jail]) {
    name += `/${part}`;
    if ((await world.storage.filesystems(name, 0, [])) === undefined)
      await world.storage.create(
        name,
        part === jail ? { 'org.freebsd.iocage:host_hostuuid': jail, 'org.freebsd.iocage:tag': jail } : {},
      );
  }
  mkdirSync(join(world.directory, name), { recursive: true });
  writeFileSync(join(world.directory, name, 'fstab'), fstab);
}

describe('a directory of the host', () => {
  it('that a jail may write, or only reads, or has no more', async () => {
    expect(await why(join(data, 'x'))).toBeUndefined();
    await add(data, 'rw');
    expect(await why(join(data, 'x'))).toBe(byFstab());
    expect(await why(world.directory)).toMatch(/^(jail \S+ lies in it|.*data is in it)/);
    await world.run('fstab.change', { jail: 'web', remove: ['0'] });
    expect(await why(join(data, 'x'))).toBeUndefined();
    await add(data, 'ro');
    expect(await why(join(data, 'x'))).toBeUndefined();
  });

  it('that a running jail was started with, whatever its fstab says by now', async () => {
    world.host.shown.push({ pool: 'tank', uuid: 'web', source: data, way: 'start' });
    expect(await jailProblem(world.context(), join(data, 'x'))).toMatchObject({
      why: `it lies in ${data}, which jail web may write since its start: its root user can change it`,
      mend: expect.stringContaining("; or end that with 'iocage restart web'"),
    });
    world.host.shown[0] = { pool: 'gone', uuid: 'x', source: data, way: 'start' };
    expect(await why(data)).toContain('which jail x of gone may write since its start');
    await add(data, 'rw');
    expect(await why(data)).toBe(byFstab());
  });

  it('that is the root of a running jail whose configuration nobody reads', async () => {
    world.host.shown.push({ pool: 'gone', uuid: 'x', source: data, way: 'jail' });
    expect(await why(join(data, 'x'))).toBe(`it lies in jail x of gone, whose root user can change it`);
    world.host.shown[0] = { uuid: 'other', source: data, way: 'jail' };
    expect(await why(join(data, 'x'))).toBe(`it lies in jail other, whose root user can change it`);
  });

  it('by volumes, and by a dataset that is handed over', async () => {
    await world.run('property.set', { jails: ['db'], properties: [['volumes', `${data}:/mnt`]] });
    expect(await why(data)).toContain(`which jail db may write by its volumes`);
    await world.storage.create('tank/media', { 'org.freebsd.iocage:jail': 'web' });
    await world.storage.create('tank/other', {});
    const media = join(world.directory, 'tank/media');
    expect(await why(join(media, 'x'))).toBeUndefined();
    await world.run('property.set', {
      jails: ['web'],
      properties: [
        ['jail_zfs', 'on'],
        ['jail_zfs_dataset', 'media'],
      ],
    });
    expect(await why(join(media, 'x'))).toContain(
      `${media}, which jail web may write by its jail_zfs_dataset`,
    );
    expect(await why(join(world.directory, 'tank/other/x'))).toBeUndefined();
  });

  it('is not what a dataset calls its place in the jail that has it by now', async () => {
    const handed = [
      ['jail_zfs', 'on'],
      ['jail_zfs_dataset', 'lent'],
    ];
    await world.storage.create('tank/lent', { 'org.freebsd.iocage:jail': 'web' });
    await world.run('property.set', { jails: ['web'], properties: handed });
    await world.storage.set('tank/lent', { mountpoint: data });
    expect(await why(join(data, 'x'))).toContain('by its jail_zfs_dataset');
    await world.storage.set('tank/lent', { jailed: 'on' });
    expect(await why(join(data, 'x'))).toBeUndefined();
  });

  it('counts by its real path, where a jail names it over a link', async () => {
    const link = join(world.directory, 'link');
    symlinkSync(data, link);
    mkdirSync(join(data, 'in'));
    await plant('tank/iocage', 'odd', `${link}/in\t/mnt\tnullfs\trw\t0\t0\n`);
    expect(await why(join(data, 'in/x'))).toContain(`${data}/in, which jail odd may write`);
    expect(await why(join(data, 'x'))).toBeUndefined();
  });

  it('counts so beside sources that lead nowhere', async () => {
    const link = join(world.directory, 'link');
    symlinkSync(data, link);
    symlinkSync('loop', join(world.directory, 'loop'));
    mkdirSync(join(data, 'in'));
    const odd = [
      'two\\012lines',
      'relative',
      `${data}/gone`,
      `${world.directory}/loop/x`,
      `/${'x'.repeat(300)}`,
      '/nul\0',
    ];
    const lines = [...odd, `${link}/in`].map((source) => `${source}\t/mnt\tnullfs\trw\t0\t0\n`);
    await plant('tank/iocage', 'odd', lines.join(''));
    expect(await why(join(data, 'in/x'))).toContain(`${data}/in, which jail odd may write`);
  });

  it('of jails in other sources, and on another pool in use', async () => {
    const line = `${data}\t/mnt\tnullfs\trw\t0\t0\n`;
    await plant('tank/old', 'far', line);
    const sources = [
      { name: 'main', root: 'tank/iocage' },
      { name: 'old', root: 'tank/old' },
    ];
    const many: Context = { ...world.context(), pool: undefined, sources };
    expect(await why(data)).toBeUndefined();
    expect(await why(data, many)).toBe(byFstab('far of tank/old'));
    const only = await jailProblem({ ...many, only: 'main' }, data);
    expect(only?.mend).toContain("'iocage fstab -e old/far'");
    await plant('vault/iocage', 'beyond', line);
    expect(await why(data)).toBeUndefined();
    await world.storage.set('vault', { 'org.freebsd.ioc:active': 'yes' });
    const beyond = await jailProblem(world.context(), data);
    expect(beyond?.why).toBe(byFstab('beyond of vault/iocage'));
    expect(beyond?.mend).toContain("'iocage --pool vault fstab -e beyond'");
  });

  it('a source that is not there has no jails; one that cannot be read is told', async () => {
    const other = (root: string): Context => ({
      ...world.context(),
      pool: undefined,
      sources: [
        { name: 'main', root: 'tank/iocage' },
        { name: 'other', root },
      ],
    });
    const notes = () =>
      world.events.splice(0).flatMap((event) => (event.type === 'note' ? [event.text] : []));
    notes();
    expect(await why(data, other('lost/iocage'))).toBeUndefined();
    expect(notes()).toEqual([]);
    await plant('tank/old', 'far', '');
    await world.storage.unmount('tank/old');
    expect(await why(data, other('tank/old'))).toBeUndefined();
    expect(notes()).toEqual([expect.stringMatching(/^source other is left out: .*not mounted/)]);
  });

  it('is asked in as many child processes and questions to ZFS with many jails as with few, and once', async () => {
    const counted = async () => {
      const context = world.context();
      const asked: string[] = [];
      const storage = new Proxy(context.storage, {
        get: (target, verb: keyof Context['storage']) => {
          const value = target[verb] as (...all: unknown[]) => unknown;
          return (...args: unknown[]) => {
            asked.push(verb);
            return value.apply(target, args);
          };
        },
      });
      const before = context.exec.spawned;
      const counting = { ...context, storage };
      await why(data, counting);
      await why(join(data, 'x'), counting);
      return [...asked.filter((verb) => verb !== 'admit'), context.exec.spawned - before];
    };
    await add(data, 'rw');
    const few = await counted();
    for (let at = 0; at < 20; at += 1)
      await plant('tank/iocage', `more${at}`, `${data}/${at}\t/mnt\tnullfs\trw\t0\t0\n`);
    expect(await counted()).toEqual(few);
    expect(few.at(-1)).toBe(0);

    const questions = (counts: readonly unknown[]) =>
      counts.filter((verb) => /^filesystems/.test(String(verb)));
    const jail = 'tank/iocage/jails/more0';
    await world.storage.create('tank/there', {});
    // Of datasets that were handed over some may be gone by now, or all.
    for (const names of ['there', 'there gone', 'gone lost away']) {
      await world.storage.set(jail, {
        'org.freebsd.iocage:jail_zfs': 'on',
        'org.freebsd.iocage:jail_zfs_dataset': names,
      });
      expect(questions(await counted())).toEqual([...questions(few), 'filesystemsOf']);
    }
  });
});

describe('who asks', () => {
  const end = `which jail web may write by its fstab: its root user can change it`;
  beforeEach(() => add(data, 'rw'));

  it('a place for a snapshot: root of the jail could exchange it for a link', async () => {
    await world.run('snapshot.take', { jail: 'db', snapshot: 'kept' });
    const at = join(data, 'place');
    mkdirSync(at);
    const before = world.state();
    await expect(world.run('snapshot.mount', { jail: 'db', snapshot: 'kept', at })).rejects.toMatchObject({
      code: 'UNSAFE_PATH',
      message: expect.stringContaining(end),
      hint: 'name an empty directory that no jail may write',
    });
    expect(world.state()).toBe(before);
  });

  it('a place for an image or a backup: what grows there could be exchanged for a link', async () => {
    const link = join(world.directory, 'link');
    symlinkSync(data, link);
    mkdirSync(join(data, 'in'));
    const before = world.state();
    const refused = (operation: string, input: object) =>
      expect(world.run(operation, { jail: 'db', ...input })).rejects.toMatchObject({
        code: 'UNSAFE_PATH',
        message: expect.stringContaining(end),
        hint: 'name a directory that no jail may write',
      });
    for (const directory of [data, join(link, 'in')]) {
      await refused('image.export', { to: join(directory, 'db.tar.gz') });
      await refused('image.backup', { to: join(directory, 'db.tar.gz'), format: 'tar', standalone: true });
      await refused('image.backup', { to: join(directory, 'db'), format: 'directory', standalone: true });
    }
    expect(world.state()).toBe(before);
    expect(readdirSync(data, { recursive: true })).toEqual(['in']);
  });

  it('nor where other users of this host could', async () => {
    const open = join(world.directory, 'open');
    mkdirSync(join(open, 'in'), { recursive: true });
    chmodSync(open, 0o777);
    const to = join(open, 'in', 'db.tar.gz');
    await expect(world.run('image.export', { jail: 'db', to })).rejects.toMatchObject({
      code: 'UNSAFE_PATH',
      message: expect.stringContaining(`${open} is not so: others than its owner may write it`),
      hint: 'name a directory of root, such as /root, and move the file from there',
    });
    expect(readdirSync(join(open, 'in'))).toEqual([]);
    // As in /tmp, where each only renames what is his.
    chmodSync(open, 0o1777);
    await world.run('image.export', { jail: 'db', to });
    expect(readdirSync(join(open, 'in')).sort()).toEqual(['db.json', 'db.sha256', 'db.tar.gz']);
  });

  it('the configuration of another tool, and what it names', async () => {
    const path = join(data, 'jail.conf');
    writeFileSync(path, `foo { path = "${data}/root"; exec.prestart = "touch /tmp/never"; }\n`);
    const before = world.state();
    await expect(world.run('jail.adopt', { from: 'jail.conf', jail: 'foo', path })).rejects.toMatchObject({
      code: 'UNTRUSTED_CONFIG',
      message: expect.stringContaining(end),
      hint: expect.stringContaining("ro in 'iocage fstab -e web'"),
    });
    expect(world.state()).toBe(before);
  });

  it('a backup, and one with such a directory in it', async () => {
    const backup = join(world.directory, 'backup');
    for (const directory of [backup, data]) {
      mkdirSync(join(directory, 'root'), { recursive: true });
      writeFileSync(join(directory, 'config.json'), '{"id": "old", "release": "busybox"}\n');
    }
    await world.run('fstab.change', {
      jail: 'db',
      add: [join(backup, 'root'), '/mnt', 'nullfs', 'rw', '0', '0'],
    });
    const before = world.state();
    for (const [image, why] of [
      [data, end],
      [backup, `${backup}/root is in it, which jail db may write by its fstab`],
    ] as const)
      await expect(world.run('image.import', { image, name: 'old' })).rejects.toMatchObject({
        code: 'UNTRUSTED_CONFIG',
        message: expect.stringContaining(why),
      });
    expect(world.state()).toBe(before);
  });
});

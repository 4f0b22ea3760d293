/** `migrate --from` against the fakes, with real files and tar(1): what is made, what is refused, what stays. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failEveryStep } from './every-step.ts';
import { plantAdopted } from '../support/adopted.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

describe.skipIf(process.getuid?.() !== 0)('jails of Bastille, ezjail, pot and jail.conf (needs root)', () => {
  let world: FakeWorld;
  let place: string;
  const rootOf = (name: string) => join(world.directory, 'tank/iocage/jails', name, 'root');
  const paths = () => ({
    bastille: join(place, 'bastille/jails'),
    ezjail: join(place, 'ezjail'),
    pot: join(place, 'pot/jails'),
    'jail.conf': join(place, 'jail.conf'),
  });
  const adopt = (from: keyof ReturnType<typeof paths>, jail: string, more = {}) =>
    world.run<any>('jail.adopt', { from, jail, path: paths()[from], ...more });
  const everything = () =>
    readdirSync(place, { recursive: true, withFileTypes: true })
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        const { mode, mtimeMs } = lstatSync(path);
        return `${path} ${mode} ${mtimeMs} ${entry.isFile() ? readFileSync(path, 'utf8') : ''}`;
      })
      .sort();
  const get = async (jail: string, key: string) =>
    (await world.run<any>('property.get', { key, jail })).value;

  beforeEach(async () => {
    world = await openFakeWorld();
    place = join(world.directory, 'theirs');
    mkdirSync(place);
    plantAdopted(place);
  });
  afterEach(() => world.close());

  it('each becomes a whole jail of ours, with its base; nothing of the original changes', async () => {
    const before = everything();
    const web = await adopt('bastille', 'web');
    expect(web).toMatchObject({
      uuid: 'web',
      original: join(place, 'bastille/jails/web/root'),
      left: [{ what: 'boot=on' }],
    });
    expect(readFileSync(join(rootOf('web'), '.bastille/bin/sh'), 'utf8')).toBe('base');
    expect(readlinkSync(join(rootOf('web'), 'bin'))).toBe('/.bastille/bin');
    expect(existsSync(join(rootOf('web'), 'dev/null'))).toBe(false);
    expect(readFileSync(join(rootOf('web'), '../fstab'), 'utf8')).toBe(
      `/srv/www\t${rootOf('web')}/usr/local/www\tnullfs\tro\t0\t0\n`,
    );
    expect([await get('web', 'memoryuse'), await get('web', 'boot')]).toEqual(['1G:deny', 'off']);

    await adopt('ezjail', 'mail.example.org');
    expect(readFileSync(join(rootOf('mail.example.org'), 'basejail/bin/sh'), 'utf8')).toBe('base');
    expect(await get('mail.example.org', 'ip6_addr')).toBe('em0|2001:db8::80');

    await adopt('jail.conf', 'thin', { name: 'slim' });
    expect(readFileSync(join(rootOf('slim'), 'bin/sh'), 'utf8')).toBe('base');
    expect(readFileSync(join(rootOf('slim'), 'skeleton/etc/hosts'), 'utf8')).toBe('thin');

    await adopt('pot', 'alone');
    expect(readFileSync(join(rootOf('alone'), 'etc/hosts'), 'utf8')).toBe('alone');
    expect(everything()).toEqual(before);
    // One of ours in every respect.
    await world.run('jail.clone', { jail: 'web', name: 'copy' });
    await world.run('jail.destroy', { jail: 'copy' });
    await world.run('jail.destroy', { jail: 'web' });
    expect(everything()).toEqual(before);
  });

  it('is refused before anything is made', async () => {
    await adopt('bastille', 'web');
    const before = [world.state(), ...everything()];
    await expect(adopt('bastille', 'web')).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await expect(adopt('bastille', 'none')).rejects.toMatchObject({ code: 'FOREIGN_NOT_FOUND' });
    // What stands before a slash is taken for a source, and there is none of that name.
    for (const more of [{}, { name: 'x' }])
      await expect(adopt('bastille', '../web', more)).rejects.toMatchObject({
        code: expect.stringMatching(/INVALID_NAME|SOURCE/),
      });
    await expect(adopt('jail.conf', '-x')).rejects.toMatchObject({ code: 'INVALID_NAME' });
    expect([world.state(), ...everything()]).toEqual(before);
    const conf = join(place, 'jail.conf');
    chmodSync(conf, 0o666);
    await expect(adopt('jail.conf', 'foo')).rejects.toMatchObject({ code: 'UNTRUSTED_CONFIG' });
    chmodSync(conf, 0o644);
    writeFileSync(conf, 'foo {\n  path = "/x\n');
    await expect(adopt('jail.conf', 'foo')).rejects.toThrow(/line 2: a string has no end/);
    writeFileSync(conf, `.include "${place}/conf.d/*.conf";`);
    await expect(adopt('jail.conf', 'foo')).rejects.toMatchObject({ code: 'FOREIGN_NOT_FOUND' });
    writeFileSync(conf, 'foo { path = /does/not/exist; }');
    await expect(adopt('jail.conf', 'foo')).rejects.toMatchObject({ code: 'FILE_FAILED' });
    expect(world.state()).toBe(before[0]);
  });

  it('a root that is named relatively, or that is the whole host, is refused', async () => {
    writeFileSync(join(place, 'jail.conf'), 'odd { path = "src"; }');
    await expect(adopt('jail.conf', 'odd')).rejects.toThrow('src: it is no absolute path');
    writeFileSync(join(place, 'bastille/jails/web/jail.conf'), 'web { path = "/"; }');
    await expect(adopt('bastille', 'web')).rejects.toThrow('/: it is the root of this host, and no jail');
  });

  it('holes of a file stay holes', async () => {
    const file = join(place, 'bastille/jails/web/root/disk.img');
    writeFileSync(file, 'begin');
    truncateSync(file, 64 * 2 ** 20);
    await adopt('bastille', 'web');
    const { size, blocks } = lstatSync(join(rootOf('web'), 'disk.img'));
    expect(size).toBe(64 * 2 ** 20);
    expect(blocks * 512).toBeLessThan(2 ** 20);
  });

  it('includes are read where a root-only file asks for them; itself again is no loop', async () => {
    mkdirSync(join(place, 'conf.d'));
    writeFileSync(join(place, 'conf.d/foo.conf'), `foo { path = "${place}/plain/foo"; }`);
    writeFileSync(join(place, 'conf.d/foo.conf.off'), 'foo { path = /wrong; }');
    writeFileSync(join(place, 'jail.conf'), '.include "conf.d/*.conf"; .include "jail.conf";');
    expect(await adopt('jail.conf', 'foo')).toMatchObject({ original: join(place, 'plain/foo') });
  });

  it('as rc.d/jail: a file of the jail alone counts without what jail.conf says of all; each other has its own', async () => {
    mkdirSync(join(place, 'jail.conf.d'));
    const one = (name: string, more: string) =>
      `$note = ${name};\n${name} { path = "${place}/plain/foo"; host.hostname = $note; ${more} }\n`;
    writeFileSync(
      join(place, 'jail.conf'),
      `exec.timeout = 7; securelevel = 3; ${one('foo', '')} ${one('mine', '')}`,
    );
    writeFileSync(join(place, 'jail.conf.d/inner.conf'), one('inner', 'securelevel = 1;'));
    writeFileSync(join(place, 'jail.conf.d/mine.conf'), one('mine', 'securelevel = 2;'));
    writeFileSync(join(place, 'jail.beside.conf'), one('beside', ''));
    await expect(adopt('jail.conf', 'none')).rejects.toMatchObject({ code: 'FOREIGN_NOT_FOUND' });
    for (const name of ['foo', 'inner', 'mine', 'beside']) await adopt('jail.conf', name);
    const values = async (name: string) => [
      await get(name, 'host_hostname'),
      await get(name, 'securelevel'),
      await get(name, 'exec_timeout'),
    ];
    // The last value of a variable counts in all of the file.
    expect(await values('foo')).toEqual(['mine', '3', '7']);
    expect(await values('inner')).toEqual(['inner', '1', '60']);
    expect(await values('mine')).toEqual(['mine', '2', '60']);
    expect(await values('beside')).toEqual(['beside', '2', '60']);
    // With them included it is another matter.
    writeFileSync(
      join(place, 'all.conf'),
      'exec.timeout = 7; .include "jail.conf.d/*.conf", "jail.beside.conf";',
    );
    await world.run('jail.adopt', {
      from: 'jail.conf',
      jail: 'inner',
      name: 'again',
      path: join(place, 'all.conf'),
    });
    expect(await values('again')).toEqual(['beside', '1', '7']);
    writeFileSync(join(place, 'all.conf'), '.include "jail.conf.d/[a-z].conf";');
    await expect(
      world.run('jail.adopt', { from: 'jail.conf', jail: 'inner', path: join(place, 'all.conf') }),
    ).rejects.toMatchObject({ code: 'FILE_FAILED' });
  });

  it('a pot: its layers from where they are mounted, and none that is not', async () => {
    const tree = (path: string, text: string) => {
      mkdirSync(join(place, path, '..'), { recursive: true });
      writeFileSync(join(place, path), text);
    };
    for (const [dataset, path] of [
      ['tank/pot', ''],
      ['tank/pot/bases', ''],
      ['tank/pot/bases/14.1', 'bin/sh'],
      ['tank/pot/jails', ''],
      ['tank/pot/jails/app', ''],
      ['tank/pot/jails/app/usr.local', 'bin/tool'],
      ['tank/pot/jails/app/custom', 'etc/own'],
    ] as const) {
      await world.storage.create(dataset, {});
      if (path === '') continue;
      mkdirSync(join(world.directory, dataset, path, '..'), { recursive: true });
      writeFileSync(join(world.directory, dataset, path), dataset);
    }
    tree('pot/jails/app/m/never', 'hidden by the base');
    const done = await adopt('pot', 'app');
    expect(readFileSync(join(rootOf('app'), 'bin/sh'), 'utf8')).toBe('tank/pot/bases/14.1');
    expect(readFileSync(join(rootOf('app'), 'usr/local/bin/tool'), 'utf8')).toBe(
      'tank/pot/jails/app/usr.local',
    );
    expect(readFileSync(join(rootOf('app'), 'opt/custom/etc/own'), 'utf8')).toBe('tank/pot/jails/app/custom');
    expect(existsSync(join(rootOf('app'), 'never'))).toBe(false);
    expect(readFileSync(join(rootOf('app'), '../fstab'), 'utf8')).toBe(
      `/srv/media\t${rootOf('app')}/media\tnullfs\tro\t0\t0\n`,
    );
    expect(done.left.map(({ what }: { what: string }) => what)).toContain(
      `tank/pot/fscomp/data ${place}/pot/jails/app/m/mnt`,
    );
  });

  it('a link that the jail planted does not lead the copy of its base elsewhere', async () => {
    const outside = join(world.directory, 'outside');
    mkdirSync(outside);
    rmSync(join(place, 'bastille/jails/web/root/.bastille'), { recursive: true });
    symlinkSync(outside, join(place, 'bastille/jails/web/root/.bastille'));
    const before = world.state();
    await expect(adopt('bastille', 'web')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    expect(readdirSync(outside)).toEqual([]);
    expect(world.state()).toBe(before);
  });

  it('every step fails once', async () => {
    const count = await failEveryStep(world, {
      operation: 'jail.adopt',
      input: () => ({ from: 'bastille', jail: 'web', path: paths().bastille }),
      reset: () => world.run('jail.destroy', { jail: 'web' }),
    });
    expect(count).toBe(7);
  });

  it('a packed directory of Bastille becomes one too, and every step of that fails once', async () => {
    const file = join(place, 'web_2026-06-20-101010.tgz');
    execFileSync('tar', ['-czf', file, '-C', join(place, 'bastille/jails'), 'web']);
    const before = world.state();
    // Its system is that of a release, which must be here.
    const input = { image: file };
    await expect(world.run('image.import', input)).rejects.toMatchObject({ code: 'RELEASE_NOT_FOUND' });
    expect(world.state()).toBe(before);
    const named = { ...input, name: 'victim', properties: [['release', 'busybox']] };
    expect(await world.run<any>('image.import', named)).toMatchObject({
      jails: [{ uuid: 'victim', kind: 'thick' }],
      dropped: expect.arrayContaining([
        expect.objectContaining({ what: expect.stringContaining('/srv/www') }),
      ]),
    });
    expect(readlinkSync(join(rootOf('victim'), 'bin'))).toBe('/.bastille/bin');
    expect(existsSync(join(rootOf('victim'), 'dev/null'))).toBe(false);
    expect(readFileSync(join(rootOf('victim'), 'etc/hosts'), 'utf8')).toBe('web');
    expect(existsSync(join(rootOf('victim'), '.bastille/etc'))).toBe(true);
    expect(await get('victim', 'memoryuse')).toBe('1G:deny');
    await world.run('jail.destroy', { jail: 'victim' });
    const count = await failEveryStep(world, {
      operation: 'image.import',
      input: () => named,
      reset: () => world.run('jail.destroy', { jail: 'victim' }),
    });
    expect(count).toBe(7);
  });
});

/** What a start says of directories of the host: two jails that may write to one, lines that mount nothing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = await openFakeWorld();
  for (const name of ['web', 'db']) await world.run('jail.create', { kind: 'empty', name });
});
afterEach(() => world.close());

const add = (jail: string, source: string, options: string) =>
  world.run('fstab.change', { jail, add: [source, '/mnt', 'nullfs', options, '0', '0'] });
const told = (): readonly string[] =>
  world.events
    .splice(0)
    .flatMap((event) => (event.type === 'note' && event.level === 'warning' ? [event.text] : []));

describe('a directory of the host in two jails', () => {
  it('is told when both may write to it, or to what is below it', async () => {
    await add('web', '/srv', 'rw');
    await world.run('jail.start', { jail: 'web' });
    expect(told()).toEqual([]);
    await add('db', '/srv/data', 'rw');
    const text =
      '"/srv/data" is writable in db and in web: root of the one can mislead the other by links there; ro in one of them is safer';
    expect(told()).toEqual([text]);
    await world.run('jail.start', { jail: 'db' });
    expect(told()).toEqual([text]);
  });

  it('is not told when one of them reads only, or what they have are neighbours', async () => {
    await add('web', '/srv/data', 'rw');
    await add('db', '/srv/data', 'ro');
    await world.run('jail.start', { jail: 'db' });
    await world.run('fstab.change', { jail: 'db', remove: ['0'] });
    await add('db', '/srv/database', 'rw');
    await world.run('jail.stop', { jail: 'db' });
    await world.run('jail.start', { jail: 'db' });
    expect(told()).toEqual([]);
  });

  it('counts volumes as well', async () => {
    const shared = join(world.directory, 'shared');
    mkdirSync(shared);
    for (const jail of ['web', 'db'])
      await world.run('property.set', { jails: [jail], properties: [['volumes', `${shared}:/mnt:rw`]] });
    told();
    await world.run('jail.start', { jail: 'web' });
    expect(told()).toEqual([expect.stringContaining(`"${shared}" is writable in web and in db`)]);
  });
});

it('a line that nobody understands is told of by the start, which it does not keep the jail from', async () => {
  const path = join(world.directory, 'tank/iocage/jails/web/fstab');
  writeFileSync(path, '# mine\n\n/srv\t/mnt\tnullfs\n');
  await world.run('jail.start', { jail: 'web' });
  expect(told()).toEqual([
    "line 3 of the fstab of web cannot be read and mounts nothing; 'iocage fstab -e web' shows it",
  ]);
});

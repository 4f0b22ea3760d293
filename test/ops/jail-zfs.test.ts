/**
 * Least surprise for `allow_…` (safety rule 15 of the original's analysis): the original saved allow_mount=1,
 * allow_mount_zfs=1 and enforce_statfs=1 on a jail that was given datasets. Here nothing that nobody set is stored.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

const space = 'org.freebsd.iocage:';

describe('jail_zfs', () => {
  let world: FakeWorld;
  beforeAll(async () => {
    world = await openFakeWorld();
  });
  afterAll(() => world.close());

  const stored = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      [...((await world.storage.local('tank/iocage/jails/store')) ?? [])]
        .filter(([key]) => key.startsWith(space))
        .map(([key, value]) => [key.slice(space.length), value]),
    );
  const value = async (key: string): Promise<unknown> =>
    (await world.run<{ value: string }>('property.get', { jail: 'store', key })) as unknown;

  it('stores what was set and nothing else: at set, start, stop and restart', async () => {
    await world.run('jail.create', { kind: 'empty', name: 'store' });
    const before = { ...(await stored()), jail_zfs: 'on' };
    const [mount, statfs] = [await value('allow_mount'), await value('enforce_statfs')];
    await world.run('property.set', { jails: ['store'], properties: [['jail_zfs', 'on']] });
    expect(await stored()).toEqual(before);
    await world.run('jail.start', { jail: 'store' });
    await world.run('jail.restart', { jail: 'store' });
    await world.run('jail.stop', { jail: 'store' });
    const after = await stored();
    expect(after).toEqual({ ...before, last_started: after['last_started'] });
    expect([await value('allow_mount'), await value('enforce_statfs')]).toEqual([mount, statfs]);
  });
});

/** Snapshots on the fakes: what expires and what never does, several jails at once, what is still used. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { failEveryStep } from './every-step.ts';

const mark = 'org.freebsd.iocage:scheduled';
const web = 'tank/iocage/jails/web';

let world: FakeWorld;
beforeEach(async () => {
  world = await openFakeWorld();
  for (const name of ['web', 'db'])
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name });
});
afterEach(() => world.close());

const schedule = (jail: string, text: string) =>
  world.run('property.set', { jails: [jail], properties: [['snapshot_schedule', text]] });
const take = (dataset: string, name: string, period?: string) =>
  world.storage.snapshot(`${dataset}@${name}`, {
    recursive: true,
    properties: period === undefined ? {} : { [mark]: period },
  });
const names = async (dataset: string): Promise<readonly string[]> =>
  (await world.storage.snapshots(dataset, 0, [])).map(({ snapshot }) => snapshot);
const daily = (day: number): string => `ioc-daily-2020-01-0${day}_00:00:00`;

describe('scheduled snapshots', () => {
  it('takes one of a period, in all datasets at once, and nothing more in the same period', async () => {
    await schedule('default', 'daily=2,yearly=1');
    const first = await world.run('snapshot.scheduled', {});
    expect(first.jails.map(({ tag, state }: { tag: string; state: string }) => [tag, state])).toEqual([
      ['db', 'done'],
      ['web', 'done'],
    ]);
    expect(first.jails[1].taken).toHaveLength(2);
    expect(await names(`${web}/root`)).toEqual(expect.arrayContaining([...first.jails[1].taken]));
    const before = world.state();
    const again = await world.run('snapshot.scheduled', {});
    expect(again.jails.map(({ state }: { state: string }) => state)).toEqual(['unchanged', 'unchanged']);
    expect(world.state()).toBe(before);
  });

  it('expires its own beyond the count, and never what a person took, whatever it is called', async () => {
    await schedule('web', 'daily=2');
    for (const day of [1, 2, 3]) await take(web, daily(day), 'daily');
    await take(web, 'ioc-daily-2019-01-01_00:00:00');
    await take(web, 'mine', 'daily');
    await take(web, 'ioc-weekly-2019-01-01_00:00:00', 'weekly');
    const report = await world.run('snapshot.scheduled', { jails: ['web'] });
    // All of them were made in this test's day, so none is due, and the two newest of ours are left.
    expect(report.jails[0]).toMatchObject({ state: 'done', taken: [], expired: [daily(1)] });
    expect(await names(web)).toEqual([
      daily(2),
      daily(3),
      'ioc-daily-2019-01-01_00:00:00',
      'mine',
      'ioc-weekly-2019-01-01_00:00:00',
    ]);
    expect(await names('tank/iocage/jails/db')).toEqual([]);
  });

  it('a mark that the dataset itself carries, and so every snapshot inherits, gives nothing up', async () => {
    await schedule('web', 'daily=1');
    world.storage.setRaw(web, mark, 'daily');
    for (const name of ['one', 'two', 'three']) await take(web, name);
    const report = await world.run('snapshot.scheduled', { jails: ['web'] });
    expect(report.jails[0].expired).toEqual([]);
    expect(await names(web)).toEqual(['one', 'two', 'three', ...report.jails[0].taken]);
  });

  it('one that a clone or a mount still needs stays until that is gone', async () => {
    await schedule('web', 'daily=1');
    for (const day of [1, 2, 3]) await take(web, daily(day), 'daily');
    await world.run('snapshot.mount', { jail: 'web', snapshot: daily(1) });
    const report = await world.run('snapshot.scheduled', { jails: ['web'] });
    expect(report.jails[0]).toMatchObject({ expired: [daily(2)] });
    expect(world.events.some((event) => event.type === 'note' && event.text.includes(daily(1)))).toBe(true);
    await world.run('snapshot.unmount', { jail: 'web', snapshot: daily(1) });
    expect((await world.run('snapshot.scheduled', { jails: ['web'] })).jails[0]).toMatchObject({
      expired: [daily(1)],
    });
  });

  it('a jail that fails keeps no other from its snapshots', async () => {
    await schedule('default', 'daily=2');
    world.storage.failNext(
      ({ method, args }) => method === 'snapshot' && String(args[0]).startsWith('tank/iocage/jails/db'),
    );
    const report = await world.run('snapshot.scheduled', {});
    expect(report.jails.map(({ tag, state }: { tag: string; state: string }) => [tag, state])).toEqual([
      ['db', 'failed'],
      ['web', 'done'],
    ]);
  });

  it('every step fails once, with some that expire', async () => {
    await schedule('web', 'daily=1');
    const count = await failEveryStep(world, {
      operation: 'snapshot.rotate',
      input: () => ({ jail: 'web' }),
      prepare: async () => {
        for (const row of await world.storage.snapshots(web, undefined, []))
          await world.storage.destroySnapshot(row.name, { recursive: false });
        for (const day of [1, 2, 3]) await take(web, daily(day), 'daily');
      },
      reset: () => Promise.resolve(),
    });
    expect(count).toBe(4);
  });
});

describe('without a name', () => {
  it('several of one second have names of their own', async () => {
    const taken: string[] = [];
    for (let count = 0; count < 3; count += 1)
      taken.push((await world.run('snapshot.take', { jail: 'web' })).snapshot);
    expect(new Set(taken).size).toBe(3);
    for (const name of taken) expect(name).toMatch(/^ioc-\d{4}-\d\d-\d\d_\d\d:\d\d:\d\d(-[23])?$/);
    expect(await names(web)).toEqual(taken);
  });

  it('a name that was given is not changed', async () => {
    await world.run('snapshot.take', { jail: 'web', snapshot: 'mine' });
    await expect(world.run('snapshot.take', { jail: 'web', snapshot: 'mine' })).rejects.toMatchObject({
      code: 'SNAPSHOT_EXISTS',
    });
  });
});

describe('rollback on a full pool', () => {
  it.each([
    ['zfs-fuse', 'POOL_FULL'],
    ['openzfs', undefined],
  ])('%s: %s', async (flavour, code) => {
    await world.run('snapshot.take', { jail: 'web', snapshot: 'before' });
    const capabilities = await world.storage.capabilities();
    world.storage.capabilities = () => Promise.resolve({ ...capabilities, flavour });
    const measure = world.storage.measure.bind(world.storage);
    world.storage.measure = async (...asked) => {
      const found = await measure(...asked);
      return new Map([...found].map(([name, values]) => [name, new Map([...values, ['available', '10']])]));
    };
    const back = world.run('snapshot.rollback', { jail: 'web', snapshot: 'before' });
    if (code === undefined) await expect(back).resolves.toMatchObject({ snapshot: 'before' });
    else await expect(back).rejects.toMatchObject({ code });
  });
});

describe('all of them', () => {
  it('snapremove JAIL@ALL removes what nothing hangs on', async () => {
    for (const snapshot of ['a', 'b', 'c']) await world.run('snapshot.take', { jail: 'web', snapshot });
    await world.run('jail.clone', { jail: 'web', snapshot: 'b', name: 'copy' });
    const { removed } = await world.run('snapshot.remove', { jail: 'web', snapshot: 'ALL' });
    expect(removed).toEqual(['a', 'c']);
    await expect(world.run('snapshot.remove', { jail: 'web', snapshot: 'ALL' })).rejects.toMatchObject({
      code: 'HAS_DEPENDENTS',
    });
    expect(await names(web)).toEqual(['b']);
  });

  it('snaplist ALL, in four orders', async () => {
    await world.run('snapshot.take', { jail: 'web', snapshot: 'b' });
    await world.run('snapshot.take', { jail: 'db', snapshot: 'a' });
    const list = async (sort: string): Promise<readonly string[]> =>
      (await world.run('snapshot.list', { jail: 'ALL', sort })).snapshots.map(
        ({ tag, name }: { tag: string; name: string }) => `${tag}@${name}`,
      );
    expect(await list('name')).toEqual(['db@a', 'db@a/root', 'web@b', 'web@b/root']);
    for (const sort of ['created', 'rsize', 'used'])
      expect((await list(sort)).toSorted()).toEqual(await list('name'));
  });
});

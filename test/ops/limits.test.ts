/** `cap`, `uncap`, `limits`, `inuse` and `set` of limits on the fakes: which steps there are, and what is told. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

describe('resource limits', () => {
  let world: FakeWorld;
  beforeEach(async () => {
    world = await openFakeWorld();
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'db' });
  });
  afterEach(() => world.close());

  const set = (jail: string, ...words: readonly string[]) =>
    world.run('property.set', { jails: [jail], properties: words.map((word) => word.split('=')) });
  const limits = async (jail?: string) =>
    (await world.run('jail.limits', jail === undefined ? {} : { jail })).jails;

  it('set reaches running jails at once, and others at their start', async () => {
    await world.run('jail.start', { jail: 'web' });
    await set('web', 'rlimits=on', 'maxproc=20:deny');
    await set('db', 'rlimits=on', 'maxproc=30:deny');
    expect((await limits()).map((jail: any) => [jail.tag, jail.state, jail.limits])).toEqual([
      ['db', 'down', [{ key: 'maxproc', value: '30:deny', inForce: false, why: 'the jail is down' }]],
      ['web', 'up', [{ key: 'maxproc', value: '20:deny', inForce: true }]],
    ]);
    await set('web', 'notes=no limit');
    expect(world.events.filter(({ type }) => type === 'operation.begin').at(-1)).toMatchObject({ steps: 1 });
    await set('web', 'rlimits=off');
    expect((await limits('web'))[0].limits).toMatchObject([{ inForce: false }]);
  });

  it('a value that the running jail could not live with is not stored either', async () => {
    await world.run('jail.start', { jail: 'web' });
    const before = world.state();
    await expect(set('web', 'rlimits=on', 'maxproc=0:deny')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(world.state()).toBe(before);
  });

  it('cap does nothing while rlimits is off, as the original', async () => {
    await world.run('jail.start', { jail: 'web' });
    await set('web', 'maxproc=20:deny');
    expect(await world.run('jail.cap', { jail: 'web' })).toMatchObject({ rlimits: false, rules: [] });
  });

  it('a limit that was changed while it was lifted shows both', async () => {
    await set('web', 'rlimits=on', 'maxproc=20:deny');
    await world.run('jail.start', { jail: 'web' });
    expect(await world.run('jail.uncap', { jail: 'web' })).toMatchObject({ rules: [] });
    expect((await limits('web'))[0].limits).toEqual([
      { key: 'maxproc', value: '20:deny', inForce: false, why: expect.stringContaining('iocage cap') },
    ]);
    const rule = { key: 'maxproc', value: '20:deny' };
    expect(await world.run('jail.cap', { jail: 'web' })).toMatchObject({ rlimits: true, rules: [rule] });
  });

  it('inuse has every resource, of running jails only', async () => {
    await world.run('jail.start', { jail: 'web' });
    const { one, jails } = await world.run('jail.inuse', {});
    expect([one, jails.map((jail: any) => jail.tag)]).toEqual([false, ['web']]);
    expect(Object.keys(jails[0].used)).toHaveLength(25);
    expect(jails[0].used).toMatchObject({ maxproc: 1, shmsize: null, wallclock: null });
    for (const command of ['jail.inuse', 'jail.cap', 'jail.uncap'])
      await expect(world.run(command, { jail: 'db' })).rejects.toMatchObject({ code: 'NOT_RUNNING' });
  });
});

/** What `doctor` says of a jail of which half is destroyed while the other half stays busy. */
import { expect, it } from 'vitest';
import { failure } from '../../src/domain/errors.ts';
import { openFakeWorld } from '../support/fake-world.ts';

it('a jail that another process is at is down and not corrupt, as long as that goes on', async () => {
  const world = await openFakeWorld();
  try {
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    const { journal, self } = world.context();
    const list = async () => (await world.run<{ jails: object[] }>('jail.list', {})).jails;
    const title = 'Moving jail web to source old';
    const head = { operation: 'jail.move', title, subject: 'web', recover: 'finish', steps: [] } as const;
    const locks = ['jail:tank:web'];
    const own = { ...head, locks, startedAt: '2026-01-01T00:00:00.000Z', ...(await self()) };
    const open = await journal.begin({ ...own, id: '20260101T000000000-0badcafe' });
    expect(await list()).toMatchObject([{ state: 'down' }]);
    expect((await list())[0]).not.toHaveProperty('busy');
    await world.storage.unmount('tank/iocage/jails/web');
    expect(await list()).toMatchObject([{ name: 'web', state: 'down', busy: title }]);
    expect((await list())[0]).not.toHaveProperty('problem');
    expect(await world.run('host.doctor', {})).toEqual({ findings: [] });
    // What a process that is gone left is damage, and so is what nobody is at.
    await open.mark({ mark: 'end', outcome: 'done' });
    expect(await list()).toMatchObject([{ state: 'corrupt', problem: 'its dataset is not mounted' }]);
    const gone = await journal.begin({ ...own, id: '20260101T000000001-0badcafe', processStart: 'gone' });
    expect(await list()).toMatchObject([{ state: 'corrupt' }]);
    await gone.mark({ mark: 'left', error: 'killed' });
  } finally {
    world.close();
  }
});

it('does not advise to mount what it could not finish destroying, and finishes when it can', async () => {
  const world = await openFakeWorld();
  try {
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    const { storage } = world;
    const destroy = storage.destroy.bind(storage);
    storage.destroy = (dataset) => Promise.reject(failure('DATASET_BUSY', { dataset, tries: 20 }));
    await expect(world.run('jail.destroy', { jail: 'web' })).rejects.toMatchObject({ code: 'DATASET_BUSY' });
    const { jails } = await world.run<{ jails: { state: string }[] }>('jail.list', {});
    expect(jails).toMatchObject([{ state: 'corrupt' }]);
    expect(await world.run('host.doctor', {})).toEqual({
      findings: [expect.objectContaining({ state: 'failed', what: expect.stringContaining('jail.destroy') })],
    });
    storage.destroy = destroy;
    expect(await world.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'mended' }] });
    expect(await world.run('jail.list', {})).toMatchObject({ jails: [] });
  } finally {
    world.close();
  }
});

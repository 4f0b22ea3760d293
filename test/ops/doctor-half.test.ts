/** What `doctor` says of a jail of which half is destroyed while the other half stays busy. */
import { expect, it } from 'vitest';
import { failure } from '../../src/domain/errors.ts';
import { openFakeWorld } from '../support/fake-world.ts';

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

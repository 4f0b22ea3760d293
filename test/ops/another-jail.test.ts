/**
 * A name that comes to mean another jail while an operation waits for the locks of the first one: the other one is
 * not locked, and perhaps not meant. Nothing happens to either.
 */
import { expect, it } from 'vitest';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { openFakeWorld } from '../support/fake-world.ts';

it.each([
  ['jail.destroy', { jail: 'web', force: true }],
  ['jail.start', { jail: 'web' }],
  ['snapshot.take', { jail: 'web' }],
  ['property.set', { jails: ['web'], properties: [['notes', 'mine']] }],
  ['jail.clone', { jail: 'web', name: 'copy' }],
])('%s', async (operation, input) => {
  const world = await openFakeWorld();
  try {
    for (const [name, tag] of [
      ['blue', 'web'],
      ['green', 'next'],
    ] as const)
      await world.run('jail.create', { kind: 'empty', name, properties: [['tag', tag]] });
    const [blue, green] = ['blue', 'green'].map((name) => `tank/iocage/jails/${name}`);
    const setTag = (dataset: string, tag: string) =>
      world.storage.set(dataset, { 'org.freebsd.iocage:tag': tag });
    let state = '';
    const context = world.context();
    const locks = {
      async take() {
        await setTag(blue!, 'old');
        await setTag(green!, 'web');
        state = world.state();
        return { release: () => Promise.resolve() };
      },
    };
    const run = runOperation({ ...context, locks }, getOperation(operation), input);
    await expect(run).rejects.toMatchObject({ code: 'NAMES_CHANGED' });
    expect(world.state()).toBe(state);
    // Asked again, it is what the name means now.
    await runOperation(world.context(), getOperation(operation), input);
  } finally {
    world.close();
  }
});

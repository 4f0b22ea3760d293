/** Every step of every changing operation fails once, on the fakes; test/host does the same on a real pool. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations, furtherOperations } from '../../src/ops/index.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { failEveryStep, stepCases } from './every-step.ts';
import { mirrorCases, packageCases, plantApk, provisions } from './every-step-packages.ts';

describe('every step fails once', () => {
  let world: FakeWorld;
  beforeAll(async () => {
    world = await openFakeWorld();
    plantApk(join(world.directory, 'tank/iocage/releases/busybox/root'));
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'source' });
    await world.run('snapshot.take', { jail: 'source', snapshot: 'kept' });
  });
  afterAll(() => world.close());

  const run = (operation: string, input: unknown) => world.run(operation, input);
  const cases = [
    ...stepCases(run, () => 'tank'),
    ...packageCases(run, join(tmpdir(), `iocage-list-${process.pid}`)),
    ...mirrorCases(run, () => join(world.directory, 'tank/iocage/releases')),
  ];

  it('covers every changing operation but those of releases, of two hosts or sources and of other tools, which test/host/fetch.test.ts, test/ops/transfer.test.ts, test/ops/formats.test.ts, test/ops/sources.test.ts, test/ops/adopt.test.ts and test/host/adopt.test.ts cover', () => {
    const changing = [...operations, ...furtherOperations]
      .filter(({ effect }) => effect === 'change' || effect === 'destroy')
      .map(({ id }) => id)
      .filter((id) => !id.startsWith('release.'))
      .filter((id) => !id.startsWith('jail.migrate') && id !== 'jail.adopt')
      .filter((id) => id !== 'jail.provision' || provisions)
      .filter(
        (id) => !['jail.send', 'jail.move', 'transfer.receive', 'host.init', 'image.streams'].includes(id),
      );
    const stepped = cases.map(({ operation }) => operation).filter((id) => id !== 'release.mirror');
    expect(new Set(stepped)).toEqual(new Set(changing));
  });

  it('jail.start of a vnet jail stores its link addresses, and only when it started', async () => {
    const mac = async (): Promise<string> =>
      (await world.storage.local('tank/iocage/jails/netted'))?.get('org.freebsd.iocage:vnet0_mac') ?? 'none';
    await world.run('jail.create', {
      kind: 'clone',
      release: 'busybox',
      name: 'netted',
      properties: [['vnet', 'on']],
    });
    const forget = async (): Promise<unknown> => {
      expect(await mac()).toBe('fe:ff:60:00:00:01,02:ff:60:00:00:02');
      await world.run('jail.stop', { jail: 'netted' });
      return world.run('property.set', { jails: ['netted'], properties: [['vnet0_mac', 'none']] });
    };
    await world.run('property.set', { jails: ['netted'], properties: [['vnet0_mac', 'none']] });
    const count = await failEveryStep(world, {
      operation: 'jail.start',
      input: () => ({ jail: 'netted' }),
      reset: forget,
    });
    expect(count).toBeGreaterThan(0);
    expect(await mac()).toBe('none');
    await world.run('jail.destroy', { jail: 'netted' });
  });

  for (const scenario of cases) {
    it(`${scenario.operation} ${scenario.variant ?? ''}`.trim(), async () => {
      expect(await failEveryStep(world, scenario)).toBeGreaterThan(0);
    });
  }
});

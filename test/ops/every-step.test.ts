/** Every step of every changing operation fails once, on the fakes; test/host does the same on a real pool. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations, furtherOperations } from '../../src/ops/index.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { failEveryStep, stepCases } from './every-step.ts';

describe('every step fails once', () => {
  let world: FakeWorld;
  beforeAll(async () => {
    world = await openFakeWorld();
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'source' });
    await world.run('snapshot.take', { jail: 'source', snapshot: 'kept' });
  });
  afterAll(() => world.close());

  const cases = stepCases(
    (operation, input) => world.run(operation, input),
    () => 'tank',
  );

  it('covers every changing operation but those of releases, which test/host/fetch.test.ts covers', () => {
    const changing = [...operations, ...furtherOperations]
      .filter(({ effect }) => effect === 'change' || effect === 'destroy')
      .map(({ id }) => id)
      .filter((id) => !id.startsWith('release.'));
    expect(new Set(cases.map(({ operation }) => operation))).toEqual(new Set(changing));
  });

  for (const scenario of cases) {
    it(`${scenario.operation} ${scenario.variant ?? ''}`.trim(), async () => {
      expect(await failEveryStep(world, scenario)).toBeGreaterThan(0);
    });
  }
});

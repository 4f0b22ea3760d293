/**
 * A jail that is being made, or was when its maker was killed, is nobody else's: what somebody began to use would go
 * when `doctor` undoes the making.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import type { Journal } from '../../src/driver/system.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

let world: FakeWorld;
beforeEach(async () => void (world = await openFakeWorld()));
afterEach(() => world.close());

/** Runs an operation until so many steps are done, as a process that is no more. */
async function killedAfter(done: number, operation: string, input: unknown): Promise<void> {
  const context = world.context();
  const real = context.journal;
  let reached = (): void => undefined;
  const dead = new Promise<void>((resolve) => (reached = resolve));
  const journal: Journal = {
    unfinished: () => real.unfinished(),
    working: () => real.working(),
    reopen: (id) => real.reopen(id),
    history: (limit) => real.history(limit),
    async begin(head) {
      const open = await real.begin(head);
      return {
        async mark(mark) {
          if (mark.mark === 'intent' && mark.step === done) {
            reached();
            return new Promise(() => undefined);
          }
          return open.mark(mark);
        },
      };
    },
  };
  const self = async () => ({ pid: 2 ** 22 + 1, processStart: '1' });
  const run = runOperation({ ...context, journal, self }, getOperation(operation), input);
  await Promise.race([dead, run]);
}

const jails = async (): Promise<readonly string[]> => {
  const { jails: listed } = await world.run<{ jails: { uuid: string }[] }>('jail.list', {});
  return listed.map(({ uuid }) => uuid);
};

it.each([
  ['jail.create', { kind: 'clone', release: 'busybox', properties: [['tag', 'web']] }],
  ['jail.create', { kind: 'thick', release: 'busybox', name: 'web' }],
  ['jail.clone', { jail: 'source', properties: [['tag', 'web']] }],
  ['jail.clone', { jail: 'source', name: 'web', count: 2 }],
])('%s %j that was killed leaves a jail that nothing else works on', async (operation, input) => {
  await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'source' });
  await killedAfter(4, operation, input);
  const [half] = (await jails()).filter((uuid) => uuid !== 'source');
  expect(half).toBeDefined();
  for (const [other, more] of [
    ['jail.start', {}],
    ['jail.stop', {}],
    ['snapshot.take', {}],
    ['jail.destroy', { force: true }],
  ] as const)
    await expect(world.run(other, { jail: half, ...more }), other).rejects.toMatchObject({
      code: 'UNFINISHED',
    });
  await world.run('host.doctor', {});
  expect(await jails()).toEqual(['source']);
});

/** Every step of every changing operation fails once, on a real pool with real containers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, type StepCase } from '../ops/every-step.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`every step fails once${reason}`, { timeout: 300_000 }, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
    await lab.run('jail.create', {
      kind: 'clone',
      release: 'busybox',
      name: 'source',
      properties: [['ip4', 'disable']],
    });
    await lab.run('snapshot.take', { jail: 'source', snapshot: 'kept' });
  });
  afterAll(() => lab.close());

  const nothing = () => Promise.resolve();
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const victim = { kind: 'clone', release: 'busybox', name: 'victim', properties: [] };

  const cases: readonly StepCase[] = [
    { operation: 'jail.create', input: victim, reset: () => lab.run('jail.destroy', { jail: 'victim' }) },
    {
      operation: 'jail.create',
      input: { ...victim, kind: 'thick' },
      reset: () => lab.run('jail.destroy', { jail: 'victim' }),
    },
    {
      operation: 'jail.create',
      input: { ...victim, kind: 'empty', count: 2 },
      reset: async () => {
        await lab.run('jail.destroy', { jail: 'victim_1' });
        await lab.run('jail.destroy', { jail: 'victim_2' });
      },
    },
    {
      operation: 'jail.clone',
      input: { jail: 'source', name: 'victim' },
      reset: () => lab.run('jail.destroy', { jail: 'victim' }),
    },
    {
      operation: 'jail.start',
      input: { jail: 'source' },
      reset: () => lab.run('jail.stop', { jail: 'source' }),
    },
    {
      operation: 'jail.stop',
      input: { jail: 'source' },
      prepare: () => tolerant(lab.run('jail.start', { jail: 'source' })),
      reset: nothing,
    },
    {
      operation: 'jail.destroy',
      input: { jail: 'victim' },
      prepare: () => tolerant(lab.run('jail.clone', { jail: 'source', name: 'victim', uuid: 'victim' })),
      reset: nothing,
    },
    {
      operation: 'snapshot.take',
      input: { jail: 'source', snapshot: 'more' },
      reset: () => lab.run('snapshot.remove', { jail: 'source', snapshot: 'more' }),
    },
    {
      operation: 'snapshot.remove',
      input: { jail: 'source', snapshot: 'more' },
      prepare: () => tolerant(lab.run('snapshot.take', { jail: 'source', snapshot: 'more' })),
      reset: nothing,
    },
    { operation: 'snapshot.rollback', input: { jail: 'source', snapshot: 'kept' }, reset: nothing },
    {
      operation: 'property.set',
      input: {
        jails: ['source'],
        properties: [
          ['notes', 'new'],
          ['tag', 'renamed'],
          ['quota', '512M'],
        ],
      },
      reset: () =>
        lab.run('property.set', {
          jails: ['source'],
          properties: [
            ['notes', 'old'],
            ['tag', 'source'],
            ['quota', 'none'],
          ],
        }),
      prepare: () =>
        lab.run('property.set', {
          jails: ['source'],
          properties: [
            ['notes', 'old'],
            ['tag', 'source'],
            ['quota', 'none'],
          ],
        }),
    },
    {
      operation: 'property.set',
      input: { jails: ['default'], properties: [['boot', 'on']] },
      prepare: () => lab.run('property.set', { jails: ['default'], properties: [['boot', 'off']] }),
      reset: nothing,
    },
    {
      operation: 'pool.deactivate',
      input: { pool: '' },
      reset: () => lab.run('pool.activate', { pool: lab.pool.name }),
    },
  ];

  for (const scenario of cases) {
    const kind = (scenario.input as { kind?: string }).kind;
    it(`${scenario.operation}${kind ? ` ${kind}` : ''}`, async () => {
      const input = scenario.operation.startsWith('pool.') ? { pool: lab.pool.name } : scenario.input;
      const world = {
        context: () => lab.context(),
        state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
      };
      expect(await failEveryStep(world, { ...scenario, input })).toBeGreaterThan(0);
    });
  }

  it('jail.start undone by a cancelled signal leaves nothing', async () => {
    const before = lab.state();
    const controller = new AbortController();
    controller.abort();
    await expect(
      lab.run('jail.start', { jail: 'source' }, { signal: controller.signal }),
    ).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(lab.state().split('\n')).toEqual(before.split('\n'));
  });

  it('32 concurrent creates with one tag: exactly one succeeds', async () => {
    const tries = Array.from({ length: 32 }, () =>
      lab.run('jail.create', { kind: 'clone', release: 'busybox', properties: [['tag', 'only-one']] }),
    );
    const ends = await Promise.allSettled(tries);
    const made = ends.filter((end) => end.status === 'fulfilled');
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []));
    expect(made).toHaveLength(1);
    expect(new Set(refused).size).toBeGreaterThan(0);
    expect([...new Set(refused)].every((code) => code === 'NAME_TAKEN' || code === 'LOCKED')).toBe(true);
    const { jails } = await lab.run<{ jails: { tag: string }[] }>('jail.list', {});
    expect(jails.filter((jail) => jail.tag === 'only-one')).toHaveLength(1);
    await lab.run('jail.destroy', { jail: 'only-one' });
  });
});

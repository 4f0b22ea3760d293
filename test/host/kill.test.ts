/**
 * SIGKILL at each mark of the journal, before and after it is written, of create, clone, start, stop, restart,
 * destroy and others: after `doctor` the pool and the host are as they were before the operation, or as
 * they are after it, and nothing in between.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plantApk } from '../ops/every-step-packages.ts';
import { killingIn, type Killing } from '../support/killing.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`killed at every mark${reason}`, () => {
  let lab: Lab;
  let killed: Killing;

  beforeAll(async () => {
    lab = await openLab();
    killed = await killingIn(lab);
    plantApk(join(lab.pool.directory, 'pool/iocage/releases/busybox/root'));
    await lab.run('jail.create', {
      kind: 'clone',
      release: 'busybox',
      name: 'source',
      properties: [['ip4', 'disable']],
    });
    await lab.run('snapshot.take', { jail: 'source', snapshot: 'kept' });
  });
  afterAll(() => lab.close());

  const updateSnapshots = (): readonly string[] =>
    sh(
      'zfs',
      'list',
      '-H',
      '-t',
      'snapshot',
      '-o',
      'name',
      '-r',
      '-d',
      '1',
      `${lab.pool.name}/iocage/jails/source`,
    )
      .split('\n')
      .flatMap((name) => /@(ioc-update.*)$/.exec(name)?.[1] ?? []);

  const cases = [
    {
      operation: 'jail.create',
      input: { kind: 'clone', release: 'busybox', name: 'victim' },
      reset: () => lab.run('jail.destroy', { jail: 'victim' }),
      mayBe: ['before'],
    },
    {
      operation: 'jail.create',
      input: { kind: 'thick', release: 'busybox', name: 'victim' },
      reset: () => lab.run('jail.destroy', { jail: 'victim' }),
      mayBe: ['before'],
    },
    {
      operation: 'jail.clone',
      input: { jail: 'source', name: 'victim' },
      reset: () => lab.run('jail.destroy', { jail: 'victim' }),
      mayBe: ['before'],
    },
    {
      operation: 'jail.start',
      input: { jail: 'source' },
      reset: () => lab.run('jail.stop', { jail: 'source' }),
      mayBe: ['before'],
    },
    {
      operation: 'jail.stop',
      input: { jail: 'source' },
      prepare: () => lab.run('jail.start', { jail: 'source' }),
      mayBe: ['before', 'after'],
    },
    {
      operation: 'jail.restart',
      input: { jail: 'source' },
      prepare: () => lab.run('jail.start', { jail: 'source' }),
      cleanUp: () => lab.run('jail.stop', { jail: 'source' }),
      // Up before, and up whenever it was killed.
      mayBe: ['before'],
    },
    {
      operation: 'jail.destroy',
      input: { jail: 'victim' },
      prepare: () => lab.run('jail.clone', { jail: 'source', name: 'victim' }),
      mayBe: ['before', 'after'],
    },
    {
      operation: 'jail.update',
      input: { name: 'source', health: 'true' },
      prepare: () => lab.run('jail.start', { jail: 'source' }),
      reset: async () => {
        for (const name of updateSnapshots())
          await lab.run('snapshot.remove', { jail: 'source', snapshot: name });
      },
      cleanUp: () => lab.run('jail.stop', { jail: 'source' }),
      mayBe: ['before'],
    },
    {
      operation: 'snapshot.mount',
      input: { jail: 'source', snapshot: 'kept' },
      // The dataset that holds all mounted snapshots stays.
      prepare: async () => {
        await lab.run('snapshot.mount', { jail: 'source', snapshot: 'kept' });
        await lab.run('snapshot.unmount', { jail: 'source', snapshot: 'kept' });
      },
      reset: () => lab.run('snapshot.unmount', { jail: 'source', snapshot: 'kept' }),
      mayBe: ['before'],
    },
    {
      operation: 'snapshot.unmount',
      input: { jail: 'source', snapshot: 'kept' },
      prepare: () => lab.run('snapshot.mount', { jail: 'source', snapshot: 'kept' }),
      mayBe: ['before', 'after'],
    },
    {
      operation: 'image.export',
      input: { jail: 'source' },
      reset: () => rm(join(lab.pool.directory, 'pool/iocage/images'), { recursive: true, force: true }),
      mayBe: ['before'],
    },
    {
      operation: 'image.import',
      input: { image: 'source', name: 'victim' },
      prepare: () => lab.run('image.export', { jail: 'source' }),
      reset: () => lab.run('jail.destroy', { jail: 'victim' }),
      mayBe: ['before'],
    },
    {
      operation: 'image.package',
      input: { jail: 'source' },
      reset: () => rm(join(lab.pool.directory, 'pool/iocage/packages'), { recursive: true, force: true }),
      mayBe: ['before'],
    },
  ] as const;

  /** Facts that differ from run to run without meaning: process ids and times in runtime files' names do not occur. */
  const comparable = (state: string): string =>
    state.replaceAll(/op\\t[^"]*/g, 'op').replaceAll(/ioc-update_[\d:._-]+/g, 'ioc-update');

  for (const { operation, input, mayBe, ...more } of cases) {
    const kind = 'kind' in input ? ` (${input.kind})` : '';
    it(`${operation}${kind}: whole or not at all`, { timeout: 600_000 }, async () => {
      const prepare = 'prepare' in more ? more.prepare : undefined;
      const reset = 'reset' in more ? more.reset : undefined;
      await prepare?.();
      const before = comparable(lab.state());
      const marks = killed.marks(operation, input);
      expect(marks).toBeGreaterThan(2);
      const after = comparable(lab.state());
      if (operation === 'jail.restart') expect(after).toBe(before);
      else expect(after).not.toBe(before);
      await reset?.();
      for (let at = 0; at < marks; at += 1) {
        for (const when of ['before', 'after'] as const) {
          await prepare?.().catch(() => undefined); // already prepared when the last kill came too early
          const start = comparable(lab.state());
          const ran = killed(operation, input, at, when);
          expect(ran.signal, `mark ${at} ${when}: ${ran.stderr}`).toBe('SIGKILL');
          const { findings } = await lab.run<{ findings: { state: string; what: string; action: string }[] }>(
            'host.doctor',
            {},
          );
          expect(
            findings.filter((finding) => finding.state !== 'mended'),
            `mark ${at} ${when}`,
          ).toEqual([]);
          const end = comparable(lab.state());
          const last = at === marks - 1;
          const allowed: readonly string[] =
            last && when === 'after'
              ? [after]
              : mayBe.includes('after' as never)
                ? [start, after]
                : last
                  ? [start, after]
                  : [start];
          expect(allowed, `mark ${at} ${when}`).toContain(end);
          // The last mark ends the record: the work is done then, and stays.
          if (end === after && reset) await reset();
        }
      }
      if ('cleanUp' in more) await more.cleanUp();
    });
  }
});

/** The way back of a guarded change, where something stands in it; the fakes stand for ZFS and the kernel. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../../src/ops/context.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { plantApk } from './every-step-packages.ts';

describe('guarded change', () => {
  let world: FakeWorld;
  const dataset = 'tank/iocage/jails/web';
  beforeEach(async () => {
    world = await openFakeWorld();
    plantApk(join(world.directory, 'tank/iocage/releases/busybox/root'));
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
  });
  afterEach(() => world.close());

  const isUp = async () => (await world.host.running('tank')).has('web');
  const guards = async () =>
    (await world.storage.snapshots(dataset, 0, [])).filter(({ snapshot }) =>
      snapshot.startsWith('ioc-update'),
    );
  const update = (context: Context, health?: string) =>
    runOperation(context, getOperation('jail.update'), { name: 'web', ...(health ? { health } : {}) });
  const error = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );

  it('leaves a jail up that was up, and down that was down', async () => {
    await update(world.context());
    expect(await isUp()).toBe(false);
    expect(world.host.ran).toEqual(expect.arrayContaining(['apk update', 'apk upgrade']));
    for (const { name } of await guards()) await world.storage.destroySnapshot(name, { recursive: true });
    await world.run('jail.start', { jail: 'web' });
    const { jid } = (await world.host.running('tank')).get('web')!;
    await update(world.context(), 'true');
    expect((await world.host.running('tank')).get('web')?.jid).toBe(jid);
  });

  it('does not touch what somebody else took a snapshot of meanwhile; doctor goes on when that is gone', async () => {
    await world.run('jail.start', { jail: 'web' });
    const context = world.context();
    let taken: Promise<void> | undefined;
    const emit: Context['emit'] = (event) => {
      if (event.type === 'step.begin' && event.step.kind === 'fake.command')
        taken ??= world.storage.snapshot(`${dataset}@theirs`, { recursive: true, properties: {} });
      context.emit(event);
    };
    const failed = await error(update({ ...context, emit }, 'exit 1'));
    await taken;
    expect(failed).toMatchObject({ code: 'HEALTH_FAILED' });
    expect((failed as { undoFailures: { message: string }[] }).undoFailures[0]?.message).toContain('theirs');
    expect(await guards()).toHaveLength(1);
    expect(await world.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'failed' }] });
    expect(await guards()).toHaveLength(1);

    await world.storage.destroySnapshot(`${dataset}@theirs`, { recursive: true });
    expect(await world.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'mended' }] });
    expect(await guards()).toHaveLength(0);
    expect(await isUp()).toBe(true);
  });

  it('keeps the snapshot when the jail cannot be stopped for the way back', async () => {
    await world.run('jail.start', { jail: 'web' });
    world.host.failStep('fake.remove');
    const failed = await error(update(world.context(), 'exit 1'));
    expect(failed).toMatchObject({
      code: 'HEALTH_FAILED',
      undoFailures: [expect.anything(), expect.anything()],
    });
    expect(await guards()).toHaveLength(1);
    expect(await world.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'mended' }] });
    expect(await guards()).toHaveLength(0);
    expect(await isUp()).toBe(true);
  });

  it('finds the jail as it is after a boot of the host: down, and starts it again', async () => {
    await world.run('jail.start', { jail: 'web' });
    const context = world.context();
    // Killed: the record stays open with the steps that were begun.
    const journal: Context['journal'] = {
      ...context.journal,
      unfinished: () => context.journal.unfinished(),
      working: () => context.journal.working(),
      reopen: (id) => context.journal.reopen(id),
      history: (limit) => context.journal.history(limit),
      begin: async (head) => {
        const open = await context.journal.begin(head);
        return {
          mark: (mark) =>
            'step' in mark && mark.mark !== 'undone' && mark.step < 3
              ? open.mark(mark)
              : new Promise<never>(() => undefined),
        };
      },
    };
    void update({ ...context, journal, self: async () => ({ pid: 4_000_000, processStart: '1' }) });
    while ((await guards()).length === 0) await new Promise((wake) => setTimeout(wake, 5));
    while (!world.host.ran.includes('apk update')) await new Promise((wake) => setTimeout(wake, 5));
    world.host.kill('tank', 'web');
    expect(await world.run('host.doctor', {})).toMatchObject({ findings: [{ state: 'mended' }] });
    expect(await guards()).toHaveLength(0);
    expect(await isUp()).toBe(true);
  });
});

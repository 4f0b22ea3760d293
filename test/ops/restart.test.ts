/**
 * A restart that is killed, cancelled or fails, on the fakes: the jail was up, so it is up again after `doctor`,
 * or a line says that it is not. A program that a jail was started for (`ioc exec -f`): it was down, so it is again. The kills are real in test/host/kill.test.ts; here a mark never comes back.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import type { Context } from '../../src/ops/context.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { killedAt, watched } from '../support/never-back.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = await openFakeWorld();
  await world.run('jail.create', { kind: 'empty', name: 'web' });
  await world.run('jail.start', { jail: 'web' });
});
afterEach(() => world.close());

const isUp = async (): Promise<boolean> => (await world.host.running('tank')).has('web');
const restart = (context: Context) => runOperation(context, getOperation('jail.restart'), { jail: 'web' });
const fork = (context: Context) =>
  runOperation(context, getOperation('jail.fork'), { jail: 'web', argv: ['/bin/true'] });
const warnings = () =>
  world.events.flatMap((event) => (event.type === 'note' && event.level === 'warning' ? [event.text] : []));

/** Locks that hold, for several doctors in one process. */
function realLocks(): Context['locks'] {
  const last = new Map<string, Promise<void>>();
  return {
    async take(names) {
      const releases: (() => void)[] = [];
      for (const name of [...names].sort()) {
        const before = last.get(name);
        last.set(name, new Promise((done) => releases.push(done)));
        await before;
      }
      return { release: async () => releases.forEach((release) => release()) };
    },
  };
}

describe('restart', () => {
  it('killed at any mark, the jail is up after doctor', { timeout: 60_000 }, async () => {
    let point = 0;
    for (; await killedAt(world, point, restart); point += 1) {
      const { findings } = await world.run('host.doctor', {});
      expect(
        findings.filter(({ state }: { state: string }) => state !== 'mended'),
        `point ${point}`,
      ).toEqual([]);
      expect(await isUp(), `point ${point}`).toBe(true);
      expect(await world.context().journal.unfinished(), `point ${point}`).toEqual([]);
    }
    // Two marks a step of stop and start, one for the end of each and one for the restart's; before and after.
    expect(point).toBeGreaterThan(30);
  });

  it('what doctor cannot start is told, and leaves the jail open to be mended', async () => {
    expect(await killedAt(world, 13, restart)).toBe(true);
    expect(await isUp()).toBe(false);
    await expect(world.run('jail.start', { jail: 'web' })).rejects.toMatchObject({ code: 'UNFINISHED' });
    world.host.failStep('fake.create');
    const { findings } = await world.run('host.doctor', {});
    expect(findings).toContainEqual(
      expect.objectContaining({ state: 'failed', action: expect.stringContaining('it stays down') }),
    );
    await world.run('property.set', { jails: ['web'], properties: [['notes', 'mended']] });
    await world.run('jail.start', { jail: 'web' });
  });

  it('cancelled after it stopped the jail, it starts it; before that, nothing happens to it', async () => {
    for (const [point, calls] of [
      [-1, 0],
      [3, 1],
    ] as const) {
      const controller = new AbortController();
      if (point < 0) controller.abort();
      let starts = 0;
      const context = watched({ ...world.context(), signal: controller.signal }, (now) => {
        if (now === point) controller.abort();
      });
      world.host.beforeStep = async (kind) => void (starts += kind === 'fake.create' ? 1 : 0);
      const status = await restart(context).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      expect([status, starts, await isUp()]).toEqual([point < 0 ? 'CANCELLED' : 'done', calls, true]);
      expect(await world.context().journal.unfinished()).toEqual([]);
    }
  });

  it('says that the jail is down when its start fails', async () => {
    world.host.failStep('fake.create');
    await expect(restart(world.context())).rejects.toThrow('made to fail');
    expect(await isUp()).toBe(false);
    expect(warnings()).toEqual(['jail web is down: it was stopped for this and did not start again']);
    expect(await world.context().journal.unfinished()).toEqual([]);
  });

  it('leaves a stop that failed half-way to doctor, which ends it and starts the jail', async () => {
    world.host.failStep('fake.remove', 'after');
    await expect(restart(world.context())).rejects.toThrow('made to fail');
    await world.run('host.doctor', {});
    expect(await isUp()).toBe(true);
    expect(await world.context().journal.unfinished()).toEqual([]);
  });
});

describe('two doctors at once', () => {
  const doctor = (locks: Context['locks']) =>
    runOperation({ ...world.context(), locks }, getOperation('host.doctor'), {}).then(
      ({ result }) => (result as { findings: { state: string; action: string }[] }).findings,
    );

  it.each([
    ['a restart', restart, 'started again', true],
    ['a program in a jail that was down', fork, 'stopped', false],
  ])('%s that was killed: one mends it, the other has nothing to say', async (_, run, action, up) => {
    if (run === fork) await world.run('jail.stop', { jail: 'web' });
    let most = 0;
    // Where the jail is not as it was any more, and no operation on it is under way.
    for (let point = 0; most < 1 && (await killedAt(world, point, run)); point += 1) {
      const open = await world.context().journal.unfinished();
      if (open.length === 1 && (await isUp()) !== up) {
        const locks = realLocks();
        const found = await Promise.all([doctor(locks), doctor(locks)]);
        expect(found.flat()).toEqual([expect.objectContaining({ state: 'mended', action })]);
        most += 1;
      }
      await world.run('host.doctor', {});
      expect(await isUp()).toBe(up);
    }
    expect(most).toBe(1);
    expect(await world.context().journal.unfinished()).toEqual([]);
  });

  it('a create that was killed is undone by one of them', async () => {
    const create = (context: Context) =>
      runOperation(context, getOperation('jail.create'), { kind: 'empty', name: 'new' });
    expect(await killedAt(world, 4, create)).toBe(true);
    const locks = realLocks();
    const found = await Promise.all([doctor(locks), doctor(locks)]);
    expect(found.flat()).toEqual([expect.objectContaining({ state: 'mended', action: 'undone' })]);
    await world.run('jail.create', { kind: 'empty', name: 'new' });
  });
});

it('an import that was killed keeps its name: the next one of that image waits for doctor', async () => {
  await world.run('jail.stop', { jail: 'web' });
  await world.run('image.export', { jail: 'web' });
  await world.run('jail.destroy', { jail: 'web', force: true });
  const of = (input: object) => (context: Context) =>
    runOperation(context, getOperation('image.import'), { image: 'web', ...input });
  let refused = 0;
  for (let point = 3; await killedAt(world, point, of({})); point += 5) {
    const left = await world.context().journal.unfinished();
    if (left.length === 0) break;
    await expect(of({})(world.context()), `point ${point}`).rejects.toMatchObject({ code: 'UNFINISHED' });
    refused += 1;
    await of({ name: 'other' })(world.context());
    await world.run('host.doctor', {});
    await world.run('jail.destroy', { jail: 'other' });
    expect((await world.run('jail.list', {})).jails, `point ${point}`).toEqual([]);
  }
  expect(refused).toBeGreaterThan(3);
}, 30_000);

describe('a program in a jail that is down', () => {
  beforeEach(() => world.run('jail.stop', { jail: 'web' }));

  it('killed at any mark, the jail is down after doctor', { timeout: 60_000 }, async () => {
    let point = 0;
    for (; await killedAt(world, point, fork); point += 1) {
      const { findings } = await world.run('host.doctor', {});
      expect(
        findings.filter(({ state }: { state: string }) => state !== 'mended'),
        `point ${point}`,
      ).toEqual([]);
      expect(await isUp(), `point ${point}`).toBe(false);
      expect(await world.context().journal.unfinished(), `point ${point}`).toEqual([]);
    }
    expect(point).toBeGreaterThan(30);
  });

  it('leaves no record when the start fails, and one for doctor when the stop does', async () => {
    world.host.failStep('fake.create');
    await expect(fork(world.context())).rejects.toThrow('made to fail');
    expect(await world.context().journal.unfinished()).toEqual([]);
    world.host.failStep('fake.remove', 'after');
    await expect(fork(world.context())).rejects.toThrow('made to fail');
    await expect(world.run('jail.start', { jail: 'web' })).rejects.toMatchObject({ code: 'UNFINISHED' });
    await world.run('host.doctor', {});
    expect(await isUp()).toBe(false);
    expect(await world.context().journal.unfinished()).toEqual([]);
  });
});

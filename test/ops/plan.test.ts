/** plan and apply on the fakes: what is compared, what the hash covers, and in which order things are done. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import type { Applied } from '../../src/ops/plan/apply.ts';
import type { Planned } from '../../src/ops/plan/plan.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

describe('plan and apply', () => {
  let world: FakeWorld;
  beforeAll(async () => {
    world = await openFakeWorld();
  });
  afterAll(() => world.close());

  const write = (text: string): string => {
    const file = join(world.directory, 'jails.yaml');
    writeFileSync(file, text);
    return file;
  };
  const plan = (text: string): Promise<Planned> => world.run('host.plan', { file: write(text) });
  const apply = (text: string, expect?: string): Promise<Applied> =>
    world.run('host.apply', { file: write(text), ...(expect === undefined ? {} : { expect }) });
  const states = ({ jails }: Applied): Record<string, string> =>
    Object.fromEntries(jails.map(({ name, state }) => [name, state]));

  const text =
    'jails: {a: {type: clone, release: busybox, properties: {notes: x, quota: 1536M}, files: {/etc/motd: hi}, depends: [b], state: up}, b: {type: clone, release: busybox, state: up}}';

  it('a description that is no plain file is refused, one on standard input is read', async () => {
    await expect(world.run('host.plan', { file: '/dev/zero' })).rejects.toThrow('no plain file');
    await expect(world.run('host.apply', { file: '/dev/zero' })).rejects.toThrow('no plain file');
    const context = world.context();
    const files = Object.assign(Object.create(context.files) as typeof context.files, {
      readInput: () => Promise.resolve('jails: {typed: {type: empty}}'),
    });
    const { result } = await runOperation({ ...context, files }, getOperation('host.plan'), { file: '-' });
    expect((result as Planned).jails).toMatchObject([{ name: 'typed', action: 'create' }]);
  });

  it('a second plan and a second apply find nothing to do', async () => {
    expect((await plan(text)).jails.map(({ action }) => action)).toEqual(['create', 'create']);
    expect(states(await apply(text))).toEqual({ a: 'created', b: 'created' });
    expect((await plan(text)).jails.flatMap(({ changes }) => changes)).toEqual([]);
    expect(states(await apply(text))).toEqual({ a: 'unchanged', b: 'unchanged' });
    const begun = world.events.flatMap((event) =>
      event.type === 'operation.begin' && event.operation === 'jail.start' ? [event.subject] : [],
    );
    expect(begun).toEqual(['b', 'a']);
  });

  it('the hash is that of what would be done: it knows old and new values, and nothing beside', async () => {
    const wanted = text.replace('notes: x', 'notes: y');
    const first = await plan(wanted);
    expect((await plan(wanted)).hash).toBe(first.hash);
    await world.run('property.set', { jails: ['b'], properties: [['notes', 'beside the point']] });
    expect((await plan(wanted)).hash).toBe(first.hash);
    await world.run('property.set', { jails: ['a'], properties: [['notes', 'z']] });
    expect((await plan(wanted)).hash).not.toBe(first.hash);
    await expect(apply(wanted, first.hash)).rejects.toMatchObject({ code: 'PLAN_CHANGED' });
    await world.run('property.set', { jails: ['a'], properties: [['notes', 'x']] });
    expect(states(await apply(wanted, first.hash))).toEqual({ a: 'changed', b: 'unchanged' });
  });

  it('a size is compared by its bytes, whatever the list shows', async () => {
    expect((await plan('jails: {a: {properties: {quota: 1.5G}}}')).jails[0]!.changes).toEqual([]);
    expect((await plan('jails: {a: {properties: {quota: 1537M}}}')).jails[0]!.changes).toMatchObject([
      { key: 'quota', old: '1536M', new: '1537M' },
    ]);
  });

  it('asks once for all that goes, before anything is done; no answer changes nothing', async () => {
    const going = 'jails: {a: {absent: true}, b: {absent: true}, gone: {absent: true}, c: {type: empty}}';
    const asked: unknown[] = [];
    const run = (answer: boolean) =>
      runOperation(
        world.context(),
        getOperation('host.apply'),
        { file: write(going) },
        {
          confirm: (what) => {
            asked.push(what.subject);
            expect(what.loses).toContain('tank/iocage/jails/a/root');
            expect(what.loses).toContain('tank/iocage/jails/b/root');
            return Promise.resolve(answer);
          },
        },
      );
    const before = world.state();
    await expect(run(false)).rejects.toMatchObject({ code: 'NOT_CONFIRMED' });
    expect(world.state()).toBe(before);
    const { result } = await run(true);
    expect(asked).toEqual(['a, b', 'a, b']);
    expect(states(result as Applied)).toEqual({
      a: 'destroyed',
      b: 'destroyed',
      gone: 'unchanged',
      c: 'created',
    });
  });

  it('a name is never taken for the beginning of another one', async () => {
    await world.run('jail.create', { kind: 'empty', name: 'abcdef12-x' });
    expect((await plan('jails: {abcdef12: {type: empty}}')).jails[0]!.action).toBe('create');
  });
});

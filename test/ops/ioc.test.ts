/** What only `ioc` asks for, on the fakes: queries, several destroyed at once, values set and taken back, fetch before create. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IocageEvent } from '../../src/domain/events.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { jailCreateFetched } from '../../src/ops/jail/create-fetched.ts';
import type { Queried } from '../../src/ops/jail/query.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

describe('operations behind ioc', () => {
  let world: FakeWorld;
  const make = (name: string, ...properties: [string, string][]) =>
    world.run('jail.create', { kind: 'clone', release: 'busybox', name, properties });
  const query = async (input: object): Promise<Queried> => (await world.run('jail.query', input)) as Queried;

  beforeAll(async () => {
    world = await openFakeWorld();
    await make('web', ['boot', 'on'], ['notes', '1'], ['priority', '7']);
    await make('db');
  });
  afterAll(() => world.close());

  it('answers values with their types: a switch, a number, a text that looks like one, nothing', async () => {
    const columns = ['name', 'boot', 'priority', 'notes', 'jid', 'comment'];
    expect((await query({ filter: ['web'], columns })).rows).toEqual([['web', true, 7, '1', null, null]]);
    expect((await query({ jail: 'db', columns: ['boot'] })).rows).toEqual([[false]]);
    await expect(query({ columns: ['nonsense'] })).rejects.toMatchObject({ code: 'UNKNOWN_PROPERTY' });
    await expect(query({ filter: ['nonsense=1'] })).rejects.toMatchObject({ code: 'UNKNOWN_PROPERTY' });
    await expect(query({ jail: 'nobody' })).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
  });

  it('sets and takes back in one call', async () => {
    const result = await world.run('property.change', {
      jail: 'web',
      properties: [['securelevel', '1']],
      unset: ['notes'],
    });
    expect(result).toMatchObject({
      tag: 'web',
      changes: [
        { key: 'securelevel', new: '1' },
        { key: 'notes', old: '1' },
      ],
    });
    expect((await query({ jail: 'web', columns: ['notes', 'securelevel'] })).rows[0]![1]).toBe(1);
  });

  it('fetches a release that is not here before the jail is made, and no other', async () => {
    const plan = async (input: object) => {
      const { operations } = await jailCreateFetched.sequence(
        world.context(),
        jailCreateFetched.input.parse({ name: 'new', ...input }),
      );
      return operations.map(([{ id }]) => id);
    };
    expect(await plan({ release: 'bookworm' })).toEqual(['release.fetch', 'jail.create']);
    expect(await plan({ release: 'busybox' })).toEqual(['jail.create']);
    expect(await plan({})).toEqual(['jail.create']);
    expect(await plan({ kind: 'empty', release: 'bookworm' })).toEqual(['jail.create']);
    expect(await plan({ template: 'golden' })).toEqual(['jail.create']);
  });

  it('destroys several: what hangs on another one first, and one that cannot go does not keep the rest', async () => {
    await make('first');
    await world.run('jail.clone', { jail: 'first', name: 'second' });
    await make('busy');
    await world.run('jail.start', { jail: 'busy' });
    const result = await world.run('jail.destroy-many', { jails: ['first', 'second', 'busy'] });
    const { jails } = result as { jails: { tag: string; error?: { code: string } }[] };
    expect(jails.map(({ tag, error }) => [tag, error?.code])).toEqual([
      ['first', undefined],
      ['second', undefined],
      ['busy', 'JAIL_RUNNING'],
    ]);
    expect((await query({ columns: ['name'] })).rows.flat()).toEqual(['busy', 'db', 'web']);
    await world.run('jail.destroy-many', { jails: ['busy'], force: true });
    expect((await query({ columns: ['name'] })).rows.flat()).toEqual(['db', 'web']);
  });

  it('cancelled between two, it tells which are gone and which are not; before the first, nothing is', async () => {
    for (const name of ['a1', 'a2', 'a3']) await make(name);
    const stop = new AbortController();
    const many = (signal: AbortSignal, emit: (event: IocageEvent) => void = () => undefined) =>
      runOperation({ ...world.context(), signal, emit }, getOperation('jail.destroy-many'), {
        jails: ['a1', 'a2', 'a3'],
      });
    await expect(many(AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    expect((await query({ columns: ['name'], filter: ['a*'] })).rows.flat()).toEqual(['a1', 'a2', 'a3']);
    const { result } = await many(stop.signal, ({ type }) => type === 'operation.done' && stop.abort());
    const { jails } = result as { jails: { tag: string; error?: { code: string } }[] };
    expect(jails.map(({ tag, error }) => [tag, error?.code])).toEqual([
      ['a1', undefined],
      ['a2', 'CANCELLED'],
      ['a3', 'CANCELLED'],
    ]);
    expect((await query({ columns: ['name'], filter: ['a*'] })).rows.flat()).toEqual(['a2', 'a3']);
  });
});

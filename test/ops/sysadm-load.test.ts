/**
 * Many clients at once, on the fakes: changes of one jail follow each other, no event of them is lost, and a
 * listing that is asked for after a change's answer shows the change.
 */
import { expect, it } from 'vitest';
import { runAction } from '../../src/server/sysadm/actions.ts';
import type { Json } from '../../src/server/sysadm/json.ts';
import { openApiWorld } from '../support/sysadm-worlds.ts';

const caller = { user: 'root', level: 'full', address: '127.0.0.1' } as const;
type Rows = Record<string, { readonly state: string; readonly tag: string }>;

it('300 starts and stops while others list: every event is told, every listing is right', async () => {
  const { host, world, close } = await openApiWorld('none', { changesAtOnce: 8 });
  const ask = async (args: Record<string, Json>): Promise<any> =>
    Object.values((await runAction(host, caller, args)) as object)[0];
  const jails = Array.from({ length: 15 }, (_, index) => `web${index}`);
  for (const tag of jails) await world.run('jail.create', { kind: 'empty', properties: [['tag', tag]] });
  const counts = new Map<string, number>();
  const open = new Set<string>();
  const clashes: string[] = [];
  host.onEvent((event) => {
    counts.set(event.type, (counts.get(event.type) ?? 0) + 1);
    if (event.type === 'operation.begin') {
      if (open.has(event.subject)) clashes.push(event.subject);
      open.add(event.subject);
      subjects.set(event.id, event.subject);
    }
    if (event.type === 'operation.done') open.delete(subjects.get(event.id)!);
  });
  const subjects = new Map<string, string>();
  let going = true;
  let listings = 0;
  const listers = Array.from({ length: 8 }, async () => {
    while (going) {
      expect(Object.keys((await ask({ action: 'listjails' })) as Rows)).toHaveLength(jails.length);
      listings += 1;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const stateOf = async (tag: string): Promise<string | undefined> =>
    Object.values((await ask({ action: 'listjails' })) as Rows).find((row) => row.tag === tag)?.state;
  await Promise.all(
    jails.map(async (jail) => {
      for (let round = 0; round < 10; round += 1) {
        expect(Object.keys(await ask({ action: 'startjail', jail }))).toEqual([jail]);
        expect(await stateOf(jail)).toBe('up');
        expect(Object.keys(await ask({ action: 'stopjail', jail }))).toEqual([jail]);
        expect(await stateOf(jail)).toBe('down');
      }
    }),
  );
  // Two clients for one jail: each of the changes finds it as the one before left it.
  const both = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      ask({ action: index % 2 === 0 ? 'startjail' : 'stopjail', jail: 'web0' }),
    ),
  );
  for (const [index, answer] of both.entries())
    expect(Object.keys(answer.web0)[0]).toMatch(index % 2 === 0 ? /^\* Starting/ : /^\* Stopping/);
  going = false;
  await Promise.all(listers);
  expect(clashes).toEqual([]);
  expect([counts.get('operation.begin'), counts.get('operation.done')]).toEqual([310, 310]);
  expect(counts.get('operation.failed')).toBeUndefined();
  expect(listings).toBeGreaterThan(100);
  const { last_started: started } = (
    (await ask({ action: 'getjailsettings', jail: 'web3', prop: 'last_started' })) as {
      web3: { last_started: string };
    }
  ).web3;
  expect(started).toMatch(/^20\d\d-\d\d-\d\d_/);
  await close();
}, 240_000);

it('what is too much is refused, and a stop of the server ends what waits', async () => {
  const { host, world, close } = await openApiWorld('none', { changesAtOnce: 1, changesWaiting: 1 });
  for (const tag of ['a', 'b', 'c', 'd'])
    await world.run('jail.create', { kind: 'empty', properties: [['tag', tag]] });
  let letGo = (): void => undefined;
  world.host.beforeStep = () => new Promise((resolve) => (letGo = resolve));
  const start = (jail: string): Promise<Json> => runAction(host, caller, { action: 'startjail', jail });
  const running = start('a');
  while (!world.events.some(({ type }) => type === 'step.begin') && letGo.length === 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
  const waiting = start('b');
  const refusedWait = expect(waiting).rejects.toMatchObject({ code: 503 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await expect(start('c')).rejects.toMatchObject({ code: 503 });
  const closed = host.close(10_000);
  await refusedWait;
  await expect(start('d')).rejects.toMatchObject({ code: 503 });
  world.host.beforeStep = undefined;
  letGo();
  expect(await running).toHaveProperty('startjail');
  await closed;
  await close();
});

it('settings: a running jail is refused to destroyers, operators get what they are given', async () => {
  const watcher = { ...caller, user: 'bob', level: 'limited' } as const;
  const ask = async (
    settings: Parameters<typeof openApiWorld>[1],
    who: typeof caller | typeof watcher,
    args: Record<string, Json>,
  ): Promise<Json> => {
    const api = await openApiWorld('stopjail-already', settings);
    try {
      if (args['action'] === 'destroyjail') await api.world.run('jail.start', { jail: 'test' });
      return await runAction(api.host, who, args);
    } finally {
      await api.close();
    }
  };
  const destroy = { action: 'destroyjail', jail: 'test' };
  expect(await ask({ refuseToDestroyRunning: true }, caller, destroy)).toMatchObject({
    destroyjail: { error: expect.stringContaining('is up and running') as string },
  });
  expect(await ask({}, caller, destroy)).toMatchObject({ destroyjail: { success: {} } });
  await expect(ask({}, watcher, destroy)).rejects.toMatchObject({ code: 403 });
  expect(await ask({ operatorAccess: 'all' }, watcher, destroy)).toHaveProperty('destroyjail.success');
  expect(await ask({}, watcher, { action: 'df' })).toHaveProperty('df');
  await expect(ask({ operatorAccess: 'none' }, watcher, { action: 'df' })).rejects.toMatchObject({
    code: 403,
  });
});

it('without a pool in use every action says so', async () => {
  const { host, close } = await openApiWorld('odd-activatepool-query-none');
  for (const action of ['listjails', 'df', 'getdefaultsettings', 'listtemplates', 'cleanall', 'createjail'])
    expect(await runAction(host, caller, { action })).toEqual({ [action]: { error: 'No pool is active.' } });
  expect(await runAction(host, caller, { action: 'activatepool', pool: 'tank' })).toHaveProperty(
    'activatepool.success',
  );
  expect(await runAction(host, caller, { action: 'listjails' })).toEqual({ listjails: {} });
  await close();
});

it('tags in use, limits of a jail that is down, clones of one second: as it stands in docs/sysadm.md', async () => {
  const { host, world, close } = await openApiWorld('none');
  const ask = async (args: Record<string, Json>): Promise<Json> =>
    Object.values((await runAction(host, caller, args)) as object)[0] as Json;
  await world.run('jail.create', { kind: 'empty', properties: [['tag', 'web']] });
  const taken = { error: expect.stringMatching(/^ {2}ERROR: tag "web" is already used by jail /) as string };
  expect(await ask({ action: 'createjail', switches: '-e', props: 'tag=web' })).toEqual(taken);
  expect(await ask({ action: 'clonejail', jail: 'web', props: 'tag=web' })).toEqual(taken);
  expect(await ask({ action: 'capjail', jail: 'web' })).toEqual({
    error: expect.stringMatching(/^ {2}ERROR: jail \S+ \(web\) is not running$/) as string,
  });
  // Of those of one second all but the first have the beginning of their UUID behind it.
  const tags: string[] = [];
  for (let count = 0; count < 2; count += 1)
    tags.push(/\((.*)\)/.exec(JSON.stringify(await ask({ action: 'clonejail', jail: 'web' })))![1]!);
  for (const tag of tags) expect(tag).toMatch(/^\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d(-[0-9a-f]{8})?$/);
  await close();
});

/** The library over the fakes: operations as values, listings, events. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Host, Jail, Release, type IocEvent } from '../../src/index.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

let world: FakeWorld;
let host: Host;
const made: unknown[] = [];

beforeEach(async () => {
  world = await openFakeWorld();
  made.length = 0;
  host = await Host.open({
    keepEvents: 20,
    makeContext: (options) => {
      made.push(options);
      return {
        ...world.context(),
        ...(options.emit ? { emit: options.emit } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      };
    },
  });
});
afterEach(() => world.close());

const create = (name: string, properties = {}) => host.jails.create({ name, from: 'busybox', properties });

async function collect(events: AsyncIterable<IocEvent>, until: (event: IocEvent) => boolean) {
  const all: IocEvent[] = [];
  for await (const event of events) {
    all.push(event);
    if (until(event)) break;
  }
  return all;
}

describe('an operation', () => {
  it('does nothing until it is awaited, and then runs once', async () => {
    const creating = create('web');
    await Promise.resolve();
    expect(made).toEqual([]);
    expect(await host.jails.list().count()).toBe(0);
    const jail = await creating;
    expect(await creating).toBe(jail);
    expect((await host.jails.list().toArray()).map(({ facts }) => facts.name)).toEqual(['web']);
  });

  it('tells its events when it is iterated, and has its result after that', async () => {
    const creating = create('web');
    const events = await collect(creating, () => false);
    expect(events[0]).toMatchObject({ type: 'JailCreate', identifier: 'web', state: 'pending', depth: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'JailCreate', state: 'done' });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => events[0]!.seq + index));
    const id = events[0]!.id;
    expect(events.slice(1, -1).every(({ parent, depth }) => parent === id && depth === 1)).toBe(true);
    expect(events.map(({ type }) => type)).toContain('ZFSDatasetCopy');
    expect((await creating).name).toBe('web');
    expect(JSON.parse(JSON.stringify(events))).toHaveLength(events.length);
  });

  it('that fails throws from the loop and from await', async () => {
    const starting = host.jail('nothing').start();
    await expect(collect(starting, () => false)).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
    await expect(starting).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
    const caught = await starting.catch((error: Error) => error.message);
    expect(caught).toBe('jail "nothing" not found');
  });

  it('a loop that is left early does not end it', async () => {
    const creating = create('web');
    const [first] = await collect(creating, () => true);
    expect(first?.state).toBe('pending');
    expect(await creating.finally(() => undefined)).toBeInstanceOf(Jail);
  });

  it('aborted before it runs, it never does', async () => {
    const creating = create('web');
    creating.abort();
    await expect(creating).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(made).toEqual([]);
    expect(await host.jails.list().count()).toBe(0);
  });

  it('aborted on its way, what was done is undone', async () => {
    const before = world.state();
    const creating = create('web');
    const events: IocEvent[] = [];
    const all = async () => {
      for await (const event of creating) {
        events.push(event);
        if (event.state === 'done' && event.depth === 1) creating.abort();
      }
    };
    await expect(all()).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(events.some(({ state }) => state === 'rolled-back')).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'JailCreate', state: 'failed' });
    expect(world.state()).toBe(before);
  });
});

describe('jails', () => {
  it('the two lines that everybody knows', async () => {
    const jail = new Jail(undefined, host);
    expect(() => jail.name).toThrow('no name before it is created');
    await jail.create('busybox');
    expect(jail.name).toMatch(/^[0-9a-f-]{36}$/);
    expect((await jail.start()).state).toBe('up');
    expect(await jail.get('state')).toBe('up');
  });

  it('are found by names, patterns and properties', async () => {
    for (const name of ['web1', 'web2', 'db']) await create(name, { boot: name !== 'web2' });
    await host.jail('web1').start();
    const names = async (...filter: string[]) =>
      (await host.jails.list(filter).toArray()).map(({ facts }) => facts.name);
    expect(await names('web*')).toEqual(['web1', 'web2']);
    expect(await names('web2', 'db')).toEqual(['db', 'web2']);
    expect(await names('boot=yes')).toEqual(['db', 'web1']);
    expect(await names('web*', 'state=running')).toEqual(['web1']);
    expect(await names('nothing')).toEqual([]);
    await expect(names('nothing=1')).rejects.toMatchObject({ code: 'UNKNOWN_PROPERTY' });
    const found = await host.jails.list('web1', { columns: ['boot', 'priority'] }).first();
    expect(found?.facts).toMatchObject({ name: 'web1', running: true, boot: true, priority: 99 });
    const all = [];
    for await (const jail of host.jails) all.push(jail.facts.name);
    expect(all).toEqual(['db', 'web1', 'web2']);
  });

  it('one is got as the commands find it', async () => {
    await create('web');
    expect((await host.jails.get('web')).facts.state).toBe('down');
    await expect(host.jails.get('we*')).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
  });

  it('live: set, get, snapshot, rollback, clone, rename, promote, destroy', async () => {
    const web = await create('web');
    expect((await web.set({ boot: true, priority: 7 })).changes).toMatchObject([
      { key: 'boot', new: 'on' },
      { key: 'priority', new: '7' },
    ]);
    expect(await web.get('priority')).toBe('7');
    await web.unset('priority');
    expect((await web.properties())['priority']).toBe('99');
    expect(await web.snapshot('one')).toBe('one');
    await web.snapshot('two');
    const names = async (...words: string[]) =>
      (await host.snapshots(words).toArray()).map(({ jail, name }) => `${jail.name}@${name}`);
    expect(await names()).toEqual(['web@one', 'web@two']);
    expect(await names('web@t*')).toEqual(['web@two']);
    expect(await names('other')).toEqual([]);
    const copy = await (await host.snapshots('web@one').first())!.clone({ name: 'copy' });
    await copy.promote();
    await web.rollback('two');
    await (await host.snapshots('web@two').first())!.remove();
    await web.rename('www');
    expect(web.name).toBe('www');
    await web.start();
    await expect(web.destroy()).rejects.toMatchObject({ code: 'JAIL_RUNNING' });
    await web.restart();
    expect((await web.stop()).state).toBe('down');
    const { destroyed } = await web.destroy();
    expect(destroyed).toContain('tank/iocage/jails/www');
  });

  it('from templates and without files', async () => {
    await create('golden');
    await host.jail('golden').set({ template: true });
    expect((await host.templates.list().toArray()).map(({ facts }) => facts.name)).toEqual(['golden']);
    await new Jail('child', host).create({ template: 'golden' });
    await new Jail('empty', host).create({ empty: true });
    expect(await host.jails.list().count()).toBe(2);
  });
});

describe('the host', () => {
  it('releases, defaults, history, any operation by its id', async () => {
    const release = await host.releases('busy*').first();
    expect(release?.facts).toMatchObject({ name: 'busybox', jails: 0 });
    expect(await host.releases('kind=other').count()).toBe(0);
    await host.setDefaults({ priority: 3 });
    expect((await host.defaults())['priority']).toBe('3');
    await create('web');
    expect((await host.history({ limit: 1 }))[0]).toMatchObject({
      operation: 'jail.create',
      outcome: 'done',
    });
    const { jails } = await host.run<{ jails: unknown[] }>('jail.list');
    expect(jails).toHaveLength(1);
    expect(() => host.run('no.thing')).toThrow('unknown operation');
    expect((await host.doctor()).findings).toEqual([]);
    await release!.destroy().catch((error: { code: string }) => expect(error.code).toBe('RELEASE_IN_USE'));
  });

  it('reading writes nothing', async () => {
    await create('web');
    const before = world.state();
    await host.jails.list('boot=on').toArray();
    await host.releases().toArray();
    await host.snapshots().toArray();
    await host.defaults();
    expect(world.state()).toBe(before);
  });

  it('events go on behind a number, and what is not kept is told', async () => {
    const stop = new AbortController();
    const live: IocEvent[] = [];
    const following = (async () => {
      for await (const event of host.events({ signal: stop.signal })) live.push(event);
    })();
    await create('web');
    await new Promise((done) => setImmediate(done));
    expect(live.at(-1)).toMatchObject({ type: 'JailCreate', state: 'done' });
    const half = live[3]!.seq;
    const rest = await collect(host.events({ since: half }), ({ seq }) => seq === live.at(-1)!.seq);
    expect(rest).toEqual(live.slice(4));

    // More than the twenty that are kept.
    for (const name of ['a', 'b']) await create(name);
    const late = await collect(host.events({ since: 0 }), ({ data }) => data !== undefined);
    expect(late[0]).toMatchObject({ type: 'Gap', state: 'skipped', seq: late[1]!.seq - 1 });
    // A number of another process: what there is.
    const [first] = await collect(host.events({ since: 1_000_000 }), () => true);
    expect(first?.type).toBe('Gap');
    stop.abort();
    await following;
  });

  it('an iterator that waits for an event ends at once when it is told to', async () => {
    const [all, creating] = [host.events()[Symbol.asyncIterator](), create('web')];
    const waiting = all.next();
    await all.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await all.next()).toEqual({ done: true, value: undefined });

    const own = creating[Symbol.asyncIterator]();
    expect((await own.next()).value).toMatchObject({ type: 'JailCreate', state: 'pending' });
    const next = own.next();
    await own.return();
    await next;
    expect((await own.next()).done).toBe(true);
    // The operation goes on.
    expect((await creating).name).toBe('web');
    // One that nobody began to read.
    await host.events()[Symbol.asyncIterator]().return!();
  });

  it('a jail that another one needs: what libiocage calls the start of dependants', async () => {
    await create('db');
    const web = await create('web', { depends: 'db', boot: 'on' });
    const events = await collect(host.run('host.boot', {}), () => false);
    const started = events.filter(({ type, state }) => /^Jail\w*Start$/.test(type) && state !== 'progress');
    expect(started.map(({ type, identifier, state }) => `${type} ${identifier} ${state}`)).toEqual([
      'JailDependantsStart web pending',
      'JailDependantStart db pending',
      'JailStart db pending',
      'JailStart db done',
      'JailDependantStart db done',
      'JailDependantsStart web done',
      'JailStart web pending',
      'JailStart web done',
    ]);
    await web.stop();
  });

  it('opening reads nothing', () => {
    expect(made).toEqual([]);
  });
});

describe('several sources', () => {
  it('jails and snapshots of one name are kept apart', async () => {
    const second = await openFakeWorld({ otherPools: ['vault'] });
    try {
      for (const name of [
        '',
        '/jails',
        '/releases',
        '/templates',
        '/.defaults',
        '/releases/busybox',
        '/releases/busybox/root',
      ])
        await second.storage.create(`vault/jails${name}`, {});
      for (const name of ['log', 'tags', 'releases/busybox/root/etc'])
        mkdirSync(join(second.directory, 'vault/jails', name), { recursive: true });
      const sources = [
        { name: 'main', root: 'tank/iocage' },
        { name: 'old', root: 'vault/jails' },
      ];
      const both = await Host.open({
        makeContext: ({ emit = () => undefined }) => ({
          ...second.context(),
          pool: undefined,
          sources,
          emit,
        }),
      });
      const main = await both.jails.create({ name: 'web', from: 'busybox' });
      const old = await new Jail('old/web', both).create('busybox');
      expect([main.name, old.name]).toEqual(['web', 'old/web']);
      const found = await both.jails.list('web').toArray();
      expect(found.map((jail) => [jail.name, jail.facts.full_name])).toEqual([
        ['main/web', 'main/web'],
        ['old/web', 'old/web'],
      ]);
      await (await both.jails.list('old/web').first())!.set({ priority: 5 });
      expect([await main.get('priority'), await old.get('priority')]).toEqual(['99', '5']);
      await main.snapshot('one');
      await old.snapshot('one');
      expect(await both.snapshots().count()).toBe(2);
      const [snapshot] = await both.snapshots('old/*').toArray();
      expect(snapshot?.jail.name).toBe('old/web');
      await snapshot!.remove();
      expect((await both.snapshots().toArray()).map(({ facts }) => facts.source)).toEqual(['main']);
      await old.rename('www');
      expect(old.name).toBe('old/www');
      await (await both.jails.get('old/www')).destroy();
      expect((await both.jails.list().toArray()).map(({ facts }) => facts.full_name)).toEqual(['main/web']);
    } finally {
      second.close();
    }
  });
});

describe('what JavaScript hands over in the place of what the types say', () => {
  const lied: readonly unknown[] = [
    ...[null, 0, 1.5, NaN, 10n, true, '\0', 'a\nb', '-x', '../..'],
    ...[Symbol('s'), () => 1, [null], [[]], {}, /x/, new Map(), new Date(NaN)],
    ...[{ relase: 'x' }, { toString: 'x' }, JSON.parse('{"__proto__": "x", "constructor": "y"}')],
    {
      get boot() {
        throw new Error('a getter');
      },
    },
  ];
  const given = (value: unknown) => value as any;
  const calls: readonly (readonly [string, (value: unknown) => PromiseLike<unknown>])[] = [
    ['open', async (value) => Host.open(value === undefined ? value : { pool: given(value) })],
    ['open with sources', async (value) => Host.open({ sources: given(value ?? 'x') })],
    ['open with keepEvents', async (value) => Host.open({ keepEvents: value === 0 ? -1 : given(value) })],
    [
      'create from',
      (value) =>
        host
          .jail('new')
          .create(given(value ?? []))
          .plan(),
    ],
    [
      'properties',
      (value) =>
        host
          .jail('web')
          .set(given([null, value]))
          .plan(),
    ],
    [
      'a value',
      (value) =>
        host
          .jail('web')
          .set({ boot: given(value === true ? 'x' : value) })
          .plan(),
    ],
    [
      'packages',
      (value) =>
        host
          .jail('new')
          .create('busybox', { packages: given(value) })
          .plan(),
    ],
    ['argv', (value) => host.jail('web').exec(given(value))],
    ['columns', (value) => host.jails.list([], { columns: given(value) }).toArray()],
    [
      'force',
      (value) =>
        host
          .jail('web')
          .start({ force: value === true ? 1 : given(value) })
          .plan(),
    ],
    ['a name', (value) => host.jail('web').rename(given(value)).plan()],
    ['a filter', (value) => host.jails.list(given(typeof value === 'string' ? [0] : value)).toArray()],
  ];

  it('is an error of ours, or nothing at all', { timeout: 30_000 }, async () => {
    for (const [what, call] of calls)
      for (const value of lied) {
        const ended = await Promise.resolve(call(value)).then(
          () => 'WELL',
          (error: Error & { code?: string }) => error.code ?? error.message,
        );
        expect(ended, `${what}: ${typeof value}`).toMatch(/^(?!INTERNAL)[A-Z_]+$/);
      }
  });

  it.each([
    ['a misspelt origin', () => host.jail('new').create(given({ relase: '13.2-RELEASE' }))],
    ['a misspelt option', () => host.jail('new').create('busybox', given({ propertys: { boot: true } }))],
    ['one of a host', () => Host.open(given({ pol: 'tank' }))],
    ['one of a listing', () => host.jails.list([], given({ colums: ['boot'] })).toArray()],
    ['one of the events', async () => host.events(given({ from: 3 }))],
    ['no number of an event', async () => host.events({ since: given('x') })],
    ['an operation in the place of a signal', async () => host.events({ signal: given({ aborted: true }) })],
    ['one of an operation by its id', () => host.run('jail.start', { jail: 'web', forse: true })],
    ['an object as a value', () => host.jail('web').set(given({ notes: { a: 1 } }))],
    ['nothing as a value', () => host.jail('web').set(given({ notes: undefined }))],
    ['no number', () => host.jail('web').set({ priority: NaN })],
    ['a misspelt one of a listing', () => host.jails.list([], given({ column: [] })).toArray()],
    ['null for options: a listing', () => host.jails.list([], given(null)).toArray()],
    ['null for options: create', () => host.jail('new').create('busybox', given(null))],
    ['null for options: clone', () => host.jail('web').clone(given(null))],
    ['null for options: exec', () => host.jail('web').exec(['true'], given(null))],
    ['null for options: import', () => host.import('web', given(null))],
    ['null for a jail to create', async () => host.jails.create(given(null))],
    ['no host: a jail', async () => new Jail('web', given({ access: 1 }))],
    ['no host: a release', async () => new Release('busybox', given(null))],
    ['a number of an event as a text', async () => host.events(given({ since: '3' }))],
    ['a number of an event that is none', async () => host.events({ since: 2.5 })],
    ['a signal that is none', async () => host.events(given({ signal: {} }))],
    ['a misspelt one of events', async () => host.events(given({ sinze: 3 }))],
    ['an operation that is no text', async () => host.run(given(undefined))],
  ])('%s is refused', async (_, call) => {
    await create('web');
    await expect(Promise.resolve(call())).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      hint: expect.stringMatching(/library-reference\.md|help (notes|priority|properties)/),
    });
    expect((await host.jails.list().toArray()).map(({ facts }) => facts.name)).toEqual(['web']);
  });

  it('options name no other jail', async () => {
    await create('web');
    await create('db');
    await host.jail('web').destroy(given({ jail: 'db', force: true }));
    expect((await host.jails.list().toArray()).map(({ facts }) => facts.name)).toEqual(['db']);
  });

  it('a hundred thousand unknown properties are refused at once, in a message that can be read', async () => {
    await create('web');
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`hostnam${index}`, 'x']));
    const started = performance.now();
    const thrown = await Promise.resolve(host.jail('web').set(many)).catch((error: Error) => error);
    expect((thrown as Error).message).toMatch(/^hostnam0: .*99980 more: not looked at$/s);
    expect((thrown as Error).message.length).toBeLessThan(2000);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

/** rcboot, rcshutdown, start with depends, create and clone with start=on; on the fakes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BootReport } from '../../src/ops/host/boot.ts';
import { jailRestart } from '../../src/ops/jail/restart.ts';
import { jailStart } from '../../src/ops/jail/start.ts';
import type { Words } from '../../src/ops/operation.ts';
import { jailCreate } from '../../src/ops/jail/create.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = await openFakeWorld();
});
afterEach(() => world.close());

const make = (name: string, ...properties: (readonly [string, string])[]) =>
  world.run('jail.create', { kind: 'empty', name, properties });
const boot = (parallel = 2) => world.run<BootReport>('host.boot', { parallel });
const shutdown = (parallel = 2) => world.run<BootReport>('host.shutdown', { parallel });
const states = ({ jails }: BootReport) => Object.fromEntries(jails.map(({ tag, state }) => [tag, state]));
const why = ({ jails }: BootReport, tag: string) => jails.find((jail) => jail.tag === tag)?.why;
const subjects = (operation: string) =>
  world.events.flatMap((event) =>
    event.type === 'operation.begin' && event.operation === operation ? [event.subject] : [],
  );
const running = async () => [...(await world.host.running('tank')).keys()].sort();
const words = (positionals: readonly string[], properties: Words['properties'] = []): Words => ({
  positionals,
  properties,
  flags: {},
});

describe('rcboot', () => {
  it('starts what has boot=on and what that depends on, by dependency and priority', async () => {
    await make('web', ['boot', 'on'], ['priority', '5'], ['depends', 'db']);
    await make('db');
    await make('dns', ['boot', 'on'], ['priority', '1']);
    await make('idle');
    const report = await boot(1);
    expect(subjects('jail.start')).toEqual(['dns', 'db', 'web']);
    expect(states(report)).toEqual({ dns: 'started', db: 'started', web: 'started' });
    expect(await running()).toEqual(['db', 'dns', 'web']);
    expect(states(await boot())).toEqual({ dns: 'unchanged', db: 'unchanged', web: 'unchanged' });
  });

  it('one failure stops only those that depend on it, and all are named', async () => {
    await make('bad', ['boot', 'on'], ['exec_start', 'exit 1'], ['priority', '1']);
    await make('web', ['boot', 'on'], ['depends', 'bad']);
    await make('app', ['boot', 'on'], ['depends', 'web']);
    await make('good', ['boot', 'on']);
    const report = await boot();
    expect(states(report)).toEqual({ bad: 'failed', web: 'skipped', app: 'skipped', good: 'started' });
    expect(why(report, 'web')).toBe('it depends on bad');
    expect(await running()).toEqual(['good']);
  });

  it('jails that need each other are named, and the others start', async () => {
    await make('a', ['boot', 'on'], ['depends', 'b']);
    await make('b', ['boot', 'on'], ['depends', 'a']);
    await make('c', ['boot', 'on'], ['depends', 'a']);
    await make('d', ['boot', 'on']);
    const report = await boot();
    expect(states(report)).toEqual({ a: 'failed', b: 'failed', c: 'skipped', d: 'started' });
    expect(why(report, 'a')).toMatch(/in a circle: a, b$/);
  });

  it('a dependency that is no jail is named', async () => {
    await make('web', ['boot', 'on'], ['depends', 'nothing']);
    const report = await boot();
    expect(states(report)).toEqual({ web: 'failed' });
    expect(why(report, 'web')).toContain('"nothing" not found');
  });

  it('starts no more at once than it may, and only equal priorities beside each other', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name, ['boot', 'on']);
    await make('first', ['boot', 'on'], ['priority', '1']);
    const begun: string[] = [];
    let together = 0;
    let most = 0;
    let threeAreThere = (): void => undefined;
    const three = new Promise<void>((resolve) => (threeAreThere = resolve));
    world.host.beforeStep = async (kind, { uuid }) => {
      if (kind !== 'fake.create') return;
      begun.push(uuid);
      if (uuid === 'first') return;
      together += 1;
      most = Math.max(most, together);
      if (together === 3) threeAreThere();
      await three;
      together -= 1;
    };
    expect(Object.values(states(await boot(3)))).toEqual(Array(6).fill('started'));
    expect(begun[0]).toBe('first');
    expect(begun).toHaveLength(6);
    expect(most).toBe(3);
  });

  it('nothing with boot=on is no failure', async () => {
    await make('idle');
    expect((await boot()).jails).toEqual([]);
  });
});

describe('rcshutdown', () => {
  it('stops all that runs, dependants first, high numbers first, past a failure', async () => {
    await make('db', ['boot', 'on'], ['priority', '1']);
    await make('web', ['boot', 'on'], ['depends', 'db']);
    await make('late');
    await boot();
    await world.run('jail.start', { jail: 'late' });
    world.host.failStep('fake.remove');
    const report = await shutdown(1);
    expect(report.jails.map(({ tag, state }) => [tag, state])).toEqual([
      ['web', 'failed'],
      ['late', 'stopped'],
      ['db', 'stopped'],
    ]);
    expect(report.jails[0]!.why).toContain('made to fail');
  });
});

describe('start with depends', () => {
  it('starts what it needs before it, in the order of the need', async () => {
    await make('web', ['depends', 'app']);
    await make('app', ['depends', 'db']);
    await make('db');
    const inputs = await jailStart.command.toInputs(words(['web']), world.context());
    const needed = { neededBy: 'web' };
    expect(inputs).toEqual([{ jail: 'db', ...needed }, { jail: 'app', ...needed }, { jail: 'web' }]);
    for (const input of inputs) await world.run('jail.start', input);
    expect(await jailStart.command.toInputs(words(['web']), world.context())).toEqual([{ jail: 'web' }]);
  });

  it('keeps the order of the words and a word that names nothing', async () => {
    await make('a');
    await make('b');
    const inputs = await jailStart.command.toInputs(words(['b', 'gone', 'a']), world.context());
    expect(inputs).toEqual([{ jail: 'b' }, { jail: 'a' }, { jail: 'gone' }]);
  });

  it('refuses while a dependency is down, is no jail, or comes back to the jail', async () => {
    await make('web', ['depends', 'db']);
    await make('db');
    await make('odd', ['depends', 'nothing']);
    await make('a', ['depends', 'b']);
    await make('b', ['depends', 'a']);
    await expect(world.run('jail.start', { jail: 'web' })).rejects.toThrow('depends on db, not up yet');
    await expect(world.run('jail.start', { jail: 'odd' })).rejects.toThrow('"nothing" not found');
    await expect(world.run('jail.start', { jail: 'a' })).rejects.toThrow('in a circle: a, b');
    expect(await running()).toEqual([]);
  });

  it('a jail that depends on itself is refused before it is stored, by its tag, name, or the beginning of that', async () => {
    const itself = /is the jail itself/;
    await expect(make('web', ['depends', 'db web'])).rejects.toThrow(itself);
    await expect(make('web', ['tag', 'www'], ['depends', 'www'])).rejects.toThrow(itself);
    const { jails } = await world.run('jail.create', { kind: 'empty', properties: [['tag', 'db']] });
    const { uuid } = jails[0] as { uuid: string };
    const set = (...properties: (readonly [string, string])[]) =>
      world.run('property.set', { jails: ['db'], properties });
    for (const word of ['db', uuid, uuid.slice(0, 8)])
      await expect(set(['depends', word]), word).rejects.toThrow(itself);
    await expect(set(['depends', 'other'], ['tag', 'other'])).rejects.toThrow(itself);
    await expect(
      world.run('jail.clone', { jail: 'db', name: 'db2', properties: [['depends', 'db2']] }),
    ).rejects.toThrow(itself);
    expect(world.storage.snapshotState()).not.toContain('depends');
  });

  it('restart brings up what is missing before it stops the jail', async () => {
    await make('db');
    await make('web');
    await world.run('jail.start', { jail: 'web' });
    await world.run('property.set', { jails: ['web'], properties: [['depends', 'db']] });
    const { operations } = await jailRestart.sequence(world.context(), { jail: 'web', soft: false });
    expect(operations.map(([{ id }, input]) => [id, (input as { jail: string }).jail])).toEqual([
      ['jail.start', 'db'],
      ['jail.stop', 'web'],
      ['jail.start', 'web'],
    ]);
  });
});

describe('start=on', () => {
  const run = async (properties: Words['properties']) => {
    const given = words([], properties);
    const operation = jailCreate.command.instead!(given)!;
    const [input] = await operation.command.toInputs({ ...given, flags: { empty: true } }, world.context());
    return world.run(operation.id, input);
  };

  it('create starts the jail when it is made', async () => {
    const made = await run([
      ['tag', 'web'],
      ['start', 'on'],
    ]);
    expect(made).toMatchObject({ jails: [{ tag: 'web' }], started: [{ tag: 'web' }] });
    expect(await running()).toHaveLength(1);
  });

  it('start=off makes it and leaves it', async () => {
    expect(
      await run([
        ['tag', 'web'],
        ['start', 'off'],
      ]),
    ).toMatchObject({ started: [] });
    expect(await running()).toEqual([]);
  });

  it('a start that fails leaves the jail and says why', async () => {
    const made = await run([
      ['tag', 'web'],
      ['exec_start', 'exit 1'],
      ['start', '1'],
    ]);
    expect(made).toMatchObject({ jails: [{ tag: 'web' }], started: [{ error: { code: 'COMMAND_FAILED' } }] });
    expect(await running()).toEqual([]);
  });

  it('a value that is no switch is refused before anything is made', async () => {
    await expect(run([['start', 'perhaps']])).rejects.toThrow('neither yes nor no');
  });

  it('without the word it is a plain create', () => {
    expect(jailCreate.command.instead!(words([], [['tag', 'web']]))).toBeUndefined();
  });
});

/** Several sources: which rule they come from, what a word means, and that jails of one name are kept apart. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { iocRows } from '../../src/cli/ioc/table.ts';
import type { IocageEvent } from '../../src/domain/events.ts';
import { iocEvents } from '../../src/domain/ioc-events.ts';
import type { Source } from '../../src/domain/source.ts';
import { getOperation } from '../../src/ops/index.ts';
import type { Context } from '../../src/ops/context.ts';
import { sourcesOf } from '../../src/ops/source/find.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { fixtureText, foreignJails, plantConfig } from '../support/foreign-jails.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { failEveryStep } from './every-step.ts';

const sources: readonly Source[] = [
  { name: 'main', root: 'tank/iocage' },
  { name: 'old', root: 'tank/jails/old' },
];

let world: FakeWorld;

/** A second root beside the first, with a release. */
async function makeRoot(root: string): Promise<void> {
  const parents = root.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
  const below = ['jails', 'releases', 'templates', '.defaults', 'releases/busybox', 'releases/busybox/root'];
  for (const dataset of [...parents.slice(1), ...below.map((name) => `${root}/${name}`)])
    if ((await world.storage.filesystems(dataset, 0, [])) === undefined)
      await world.storage.create(dataset, {});
  for (const name of ['log', 'tags', 'releases/busybox/root/etc'])
    mkdirSync(join(world.directory, root, name), { recursive: true });
}

function context(more: Partial<Context> = {}): Context {
  return { ...world.context(), pool: undefined, sources, ...more };
}

async function run<T = any>(operation: string, input: unknown, more?: Partial<Context>): Promise<T> {
  return (await runOperation(context(more), getOperation(operation), input)).result as T;
}

const make = (name: string) => ({ kind: 'clone', release: 'busybox', name, properties: [] });
const names = async (more?: Partial<Context>) =>
  (await run<{ jails: { name: string; state: string }[] }>('jail.list', {}, more)).jails.map(
    ({ name, state }) => `${name} ${state}`,
  );

beforeEach(async () => {
  world = await openFakeWorld({ otherPools: ['vault'] });
  await makeRoot('tank/jails/old');
});
afterEach(() => world.close());

describe('where sources come from', () => {
  const rcConf = () => join(world.directory, 'rc.conf');

  it('what the caller gives outweighs rc.conf, and that the activated pool', async () => {
    writeFileSync(rcConf(), '# jails\nioc_dataset_file="tank/jails/old"\n');
    const paths = { ...world.context().paths, rcConf: rcConf() };
    const bare = { ...world.context(), pool: undefined };
    expect(await sourcesOf({ ...bare, paths, sources })).toEqual({ from: 'caller', list: sources });
    expect(await sourcesOf({ ...bare, paths })).toEqual({
      from: 'rc.conf',
      list: [{ name: 'file', root: 'tank/jails/old' }],
    });
    expect(await sourcesOf(bare)).toEqual({ from: 'pool', list: [{ name: 'ioc', root: 'tank/iocage' }] });
    // Who names a pool means that one.
    expect(await sourcesOf({ ...bare, paths, pool: 'tank' })).toMatchObject({ from: 'pool' });
  });

  it('one of them alone', async () => {
    expect(await sourcesOf(context({ only: 'old' }))).toEqual({ from: 'caller', list: [sources[1]] });
    await expect(sourcesOf(context({ only: 'new' }))).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    await expect(sourcesOf({ ...context(), pool: 'tank' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('a file that is wrong stops everything, with its line', async () => {
    writeFileSync(rcConf(), '\nioc_dataset_a=$x\n');
    const paths = { ...world.context().paths, rcConf: rcConf() };
    await expect(run('jail.list', {}, { paths, sources: [] })).rejects.toThrow(`${rcConf()}:2`);
  });

  it('however many there are, ZFS is asked once for all of them together', async () => {
    const many = Array.from({ length: 20 }, (_, index) => ({
      name: `s${index}`,
      root: `tank/many/s${index}`,
    }));
    for (const { root } of many) await makeRoot(root);
    for (const source of ['s3', 's17']) await run('jail.create', make(`${source}/web`), { sources: many });
    const asked: string[] = [];
    const storage = new Proxy(world.storage, {
      get(target, key) {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (key !== 'admit') asked.push(String(key));
          return (value as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
    const listed = await run<{ jails: { name: string }[] }>('jail.list', {}, { sources: many, storage });
    expect(listed.jails.map(({ name }) => name)).toEqual(['s3/web', 's17/web']);
    expect(asked).toEqual(['filesystemsOf']);
    // The main one by itself, as most words mean a jail in it, and then the others.
    asked.length = 0;
    await run('property.get', { jail: 'web', key: 'boot' }, { sources: many, storage });
    expect(asked).toEqual(['filesystems', 'filesystemsOf']);
    // One that is gone is asked for by itself, and told.
    asked.length = 0;
    const gone = [...many, { name: 'gone', root: 'tank/gone' }];
    expect(await run('jail.list', {}, { sources: gone, storage })).toMatchObject({
      unread: [{ source: 'gone' }],
    });
    expect(asked).toEqual(['filesystemsOf', 'filesystems', 'pools']);
  });

  it('one that is no plain file, or is far too long, is an error at once', async () => {
    const paths = { ...world.context().paths, rcConf: rcConf() };
    const list = () => run('jail.list', {}, { paths, sources: [] });
    rmSync(rcConf(), { force: true });
    execFileSync('mkfifo', [rcConf()]);
    await expect(list()).rejects.toThrow('no plain file');
    rmSync(rcConf());
    writeFileSync(rcConf(), '');
    truncateSync(rcConf(), 10 * 2 ** 30);
    await expect(list()).rejects.toThrow('larger than 1 MiB');
    rmSync(rcConf());
  });

  it('reading makes nothing', async () => {
    const before = world.storage.snapshotState();
    const gone = [...sources, { name: 'gone', root: 'tank/gone' }, { name: 'away', root: 'other/jails' }];
    const told = await run('jail.list', {}, { sources: gone });
    expect(told).toEqual({
      jails: [],
      foreign: [],
      unread: [
        { source: 'gone', root: 'tank/gone', why: expect.stringContaining('does not exist') },
        { source: 'away', root: 'other/jails', why: 'pool other of source away is not imported' },
      ],
    });
    expect(world.storage.snapshotState()).toBe(before);
  });
});

describe('what a word means', () => {
  it('a word that only a source without an answer may have is not told to be nowhere', async () => {
    await run('jail.create', make('web'));
    const away = { sources: [...sources, { name: 'away', root: 'other/jails' }] };
    expect(await run('property.get', { jail: 'web', key: 'boot' }, away)).toMatchObject({ value: 'off' });
    await expect(run('property.get', { jail: 'db', key: 'boot' }, away)).rejects.toMatchObject({
      code: 'SOURCE_UNREAD',
    });
    const inputs = async (word: string) =>
      iocRows
        .find(({ name }) => name === 'destroy')!
        .means({ positionals: [word], properties: [], flags: { force: true } })
        .inputs(context({ ...away, emit: () => undefined }));
    await expect(inputs('db')).rejects.toMatchObject({ code: 'SOURCE_UNREAD' });
    await expect(inputs('away/db')).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
    await expect(inputs('old/db')).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
  });

  it('a prefix that source, no prefix the first that has it, and new ones go to the main one', async () => {
    await run('jail.create', make('web'));
    await run('jail.create', make('old/web'));
    await run('jail.create', make('old/db'));
    expect(await names()).toEqual(['main/web down', 'old/db down', 'old/web down']);
    expect(await world.storage.filesystems('tank/jails/old/jails/web', 0, [])).toHaveLength(1);

    await run('jail.start', { jail: 'web' });
    await run('jail.start', { jail: 'db' });
    expect(await names()).toEqual(['main/web up', 'old/db up', 'old/web down']);
    await run('jail.start', { jail: 'old/web' });
    await run('jail.stop', { jail: 'main/web' });
    expect(await names()).toEqual(['main/web down', 'old/db up', 'old/web up']);
    expect([...(await world.host.running('tank')).keys()]).toEqual([]);
    expect([...(await world.host.running('tank+jails+old')).keys()].sort()).toEqual(['db', 'web']);
    await run('jail.stop', { jail: 'old/web' });
    await run('jail.destroy', { jail: 'old/web', force: false });
    expect(await names()).toEqual(['main/web down', 'old/db up']);
    await run('jail.rename', { jail: 'web', name: 'www' });
    await run('property.set', { jails: ['old/db'], properties: [['notes', 'x']] });
    expect(await run('property.get', { key: 'notes', jail: 'db' })).toMatchObject({ value: 'x' });
    expect(await names({ only: 'old' })).toEqual(['db up']);
  });

  it('words that mean two sources, or none, change nothing', async () => {
    await run('jail.create', make('web'));
    await run('jail.create', make('old/web'));
    const before = world.storage.snapshotState();
    const both = { jails: ['main/web', 'old/web'], properties: [['notes', 'x']] };
    await expect(run('property.set', both)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(run('jail.rename', { jail: 'web', name: 'old/www' })).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(run('jail.start', { jail: 'new/web' })).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    await expect(run('jail.start', { jail: 'none' })).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
    expect(world.storage.snapshotState()).toBe(before);
  });

  it('the prefix of the only source is taken, with one that comes from the pool', async () => {
    await world.run('jail.create', make('web'));
    await world.run('jail.start', { jail: 'ioc/web' });
    expect((await world.host.running('tank')).has('web')).toBe(true);
    await expect(world.run('jail.stop', { jail: 'old/web' })).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
    });
    const { jails } = await world.run('jail.list', {});
    expect(jails[0]).toMatchObject({ name: 'web' });
    expect(jails[0]).not.toHaveProperty('source');
  });

  it('nothing is taken for another while a source before it cannot be read', async () => {
    await run('jail.create', make('old/web'));
    await world.storage.unmount('tank/iocage');
    expect(await run('jail.list', {})).toMatchObject({
      jails: [{ name: 'old/web' }],
      unread: [{ source: 'main', why: expect.stringContaining('not mounted') }],
    });
    await expect(run('jail.start', { jail: 'web' })).rejects.toMatchObject({ code: 'SOURCE_UNREAD' });
    expect(await run('property.get', { key: 'state', jail: 'web' })).toMatchObject({ value: 'down' });
    await run('jail.start', { jail: 'old/web' });
  });

  it('a root or a jail whose key is not loaded is told as such', async () => {
    await run('jail.create', make('old/web'));
    await run('jail.create', make('old/db'));
    await world.storage.unmount('tank/jails/old/jails/web');
    await world.storage.unmount('tank/iocage');
    const measure = world.storage.measure.bind(world.storage);
    const locked = new Set(['tank/jails/old/jails/web', 'tank/iocage']);
    world.storage.measure = async (root, depth, properties) =>
      properties.includes('keystatus')
        ? new Map([...locked].map((name) => [name, new Map([['keystatus', 'unavailable']])]))
        : measure(root, depth, properties);
    expect(await run('jail.list', {})).toMatchObject({
      jails: [
        { name: 'old/db', state: 'down' },
        { name: 'old/web', state: 'corrupt', problem: 'it is encrypted, and its key is not loaded' },
      ],
      unread: [{ source: 'main', why: 'dataset tank/iocage is encrypted, and its key is not loaded' }],
    });
  });

  it('booting and shutting down are for all of them', async () => {
    for (const name of ['web', 'old/web']) {
      await run('jail.create', { ...make(name), properties: [['boot', 'on']] });
    }
    const started = await run('host.boot', {});
    expect(started.jails.map((jail: any) => `${jail.tag} ${jail.state}`)).toEqual([
      'main/web started',
      'old/web started',
    ]);
    const stopped = await run('host.shutdown', {});
    expect(stopped.jails.map((jail: any) => `${jail.tag} ${jail.state}`)).toEqual([
      'main/web stopped',
      'old/web stopped',
    ]);
  });
});

describe('plan, apply and clean', () => {
  it('are about the main source, or the one that is chosen; a file names no other', async () => {
    const file = join(world.directory, 'jails.yaml');
    writeFileSync(file, 'jails:\n  app: {release: busybox, type: clone, properties: {notes: told}}\n');
    const only = { only: 'old' };
    const states = async (more: object) =>
      (await run<{ jails: { name: string; action: string }[] }>('host.plan', { file }, more)).jails;
    expect(await states(only)).toMatchObject([{ name: 'app', action: 'create' }]);
    await run('host.apply', { file }, only);
    expect(await names()).toEqual(['old/app down']);
    expect(await states(only)).toMatchObject([{ name: 'app', action: 'none' }]);
    expect(await states({})).toMatchObject([{ name: 'app', action: 'create' }]);
    await run('host.apply', { file });
    expect(await names()).toEqual(['main/app down', 'old/app down']);
    expect(await run('property.get', { key: 'notes', jail: 'old/app' })).toMatchObject({ value: 'told' });
    writeFileSync(file, 'jails:\n  old/app: {absent: true}\n');
    await expect(run('host.apply', { file })).rejects.toMatchObject({ code: 'BAD_DESCRIPTION' });
    await run('pool.clean', { what: ['jails'] }, only);
    expect(await names()).toEqual(['main/app down']);
  });
});

describe('killed operations', () => {
  it('of any source are mended, also where the source was given by the caller only', async () => {
    await run('jail.create', make('old/web'));
    await run('jail.create', make('web'));
    const before = world.storage.snapshotState();
    const begun = await world.context().journal.begin({
      id: 'killed',
      operation: 'jail.create',
      title: 'Creating',
      subject: 'half',
      recover: 'undo',
      steps: [{ kind: 'dataset.create', args: { dataset: 'tank/jails/old/jails/half', properties: {} } }],
      locks: ['jail:tank+jails+old:half'],
      pid: 1,
      processStart: 'gone',
      startedAt: new Date().toISOString(),
      roots: ['tank/jails/old'],
    });
    await begun.mark({ mark: 'intent', step: 0 });
    await world.storage.create('tank/jails/old/jails/half', { 'org.freebsd.iocage:op': 'killed' });
    const { findings } = await world.run('host.doctor', {});
    expect(findings).toMatchObject([{ id: 'killed', state: 'mended' }]);
    expect(world.storage.snapshotState()).toBe(before);
  });
});

describe('activate', () => {
  const gone: readonly Source[] = [{ name: 'new', root: 'vault/deep/jails' }];

  it('makes what a source needs, and undoes what it made', async () => {
    const before = world.storage.snapshotState();
    await expect(run('jail.list', {}, { sources: gone })).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
    world.storage.failNext(({ args }) => args[0] === 'vault/deep/jails/releases');
    await expect(run('pool.activate', { pool: 'new' }, { sources: gone })).rejects.toThrow();
    expect(world.storage.snapshotState()).toBe(before);
    const { source, root } = await run('pool.activate', { pool: 'new' }, { sources: gone });
    expect({ source, root }).toEqual({ source: 'new', root: 'vault/deep/jails' });
    expect(await run('jail.list', {}, { sources: gone })).toEqual({ jails: [], foreign: [] });
    expect((await world.storage.local('vault'))?.has('org.freebsd.ioc:active')).toBe(false);
  });

  it.each([
    ['inside a jail', 'tank/jails/old/jails/web'],
    ['inside the root of a jail', 'tank/jails/old/jails/web/root/in'],
    ['among jails', 'tank/jails/old/jails'],
    ['inside a release', 'tank/jails/old/releases/busybox/root/in'],
    ['above another root', 'tank/jails'],
  ])('makes no root %s that only other words name', async (_, root) => {
    await run('jail.create', make('old/web'));
    const before = world.storage.snapshotState();
    const nested = { sources: [{ name: 'in', root }] };
    await expect(run('pool.activate', { pool: 'in' }, nested)).rejects.toMatchObject({
      code: 'INVALID_SOURCE',
      message: `source "in" (on the pool) cannot be used: ${root} and tank/jails/old, which holds jails, are not apart`,
    });
    expect(world.storage.snapshotState()).toBe(before);
    const same = { sources: [{ name: 'again', root: 'tank/jails/old' }] };
    expect(await run('pool.activate', { pool: 'again' }, same)).toMatchObject({ source: 'again' });
  });

  it('refuses a pool while sources rule', async () => {
    await expect(run('pool.activate', { pool: 'vault' })).rejects.toMatchObject({ code: 'SOURCES_RULE' });
    await expect(run('pool.activate', { pool: 'a\nb' })).rejects.toMatchObject({
      message: expect.stringMatching(/^activating pool "a\\nb" has no effect here/),
    });
    expect(await run('pool.show', {})).toEqual({ pool: 'tank', sources });
  });

  it('leaves the mark of other pools as it is', async () => {
    const bare = { sources: [], pool: 'vault' };
    await run('pool.activate', { pool: 'vault' }, bare);
    expect((await world.storage.local('tank'))?.get('org.freebsd.ioc:active')).toBe('yes');
  });
});

describe('from one source to another', () => {
  const three: readonly Source[] = [...sources, { name: 'far', root: 'vault/jails' }];
  const there = { sources: three };

  beforeEach(async () => {
    await run('pool.activate', { pool: 'far' }, there);
    await run('jail.create', { ...make('web'), properties: [['notes', 'mine']] }, there);
    await run('snapshot.take', { jail: 'web', snapshot: 'first' }, there);
    writeFileSync(join(world.directory, 'tank/iocage/jails/web/root/file'), 'content');
    writeFileSync(
      join(world.directory, 'tank/iocage/jails/web/fstab'),
      `/srv ${world.directory}/tank/iocage/jails/web/root/srv none bind 0 0\n`,
    );
    writeFileSync(join(world.directory, 'tank/iocage/log/web-console.log'), 'log');
  });

  it.each([
    ['old', 'tank/jails/old'],
    ['far', 'vault/jails'],
  ])('a jail moves to %s with everything it has', async (source, root) => {
    await run('jail.move', { jail: 'web', source }, there);
    expect(await names(there)).toEqual([`${source}/web down`]);
    const files = join(world.directory, root);
    expect(readFileSync(join(files, 'jails/web/root/file'), 'utf8')).toBe('content');
    expect(readFileSync(join(files, 'jails/web/fstab'), 'utf8')).toContain(`${files}/jails/web/root/srv`);
    expect(readFileSync(join(files, 'log/web-console.log'), 'utf8')).toBe('log');
    expect(existsSync(join(world.directory, 'tank/iocage/log/web-console.log'))).toBe(false);
    expect(readlinkSync(join(files, 'tags/web'))).toBe(join(files, 'jails/web'));
    expect(await run('property.get', { key: 'notes', jail: 'web' }, there)).toMatchObject({ value: 'mine' });
    const { snapshots } = await run('snapshot.list', { jail: 'web' }, there);
    expect(new Set(snapshots.map((row: any) => row.snapshot))).toEqual(new Set(['first']));
    await run('jail.start', { jail: `${source}/web` }, there);
    await run('jail.stop', { jail: 'web' }, there);
    const before = await names(there);
    await run('jail.move', { jail: 'web', source: 'main' }, there);
    expect(await names(there)).toEqual(['main/web down']);
    expect(before).toEqual([`${source}/web down`]);
  });

  it.each([
    ['old', 'tank/jails/old'],
    ['far', 'vault/jails'],
  ])(
    'a jail of another tool moves to %s with its file, which that tool goes on with',
    async (source, root) => {
      const dataset = 'tank/iocage/jails/web_1';
      await world.storage.create(dataset, {});
      for (const below of ['root', 'data']) await world.storage.create(`${dataset}/${below}`, {});
      const jail = foreignJails.find(({ name }) => name === 'web_1')!;
      plantConfig(join(world.directory, dataset), jail);
      const top = join(world.directory, 'tank/iocage');
      const line = (at: string) =>
        `${at}/releases/busybox/root/bin\t${at}/jails/web_1/root/bin\tnullfs\tro\t0\t0\n`;
      writeFileSync(
        join(top, 'jails/web_1/fstab'),
        `# by hand\n${line(top)}/srv\t${top}/jails/web_1/root/srv nullfs ro 0 0\n`,
      );
      const before = fixtureText(jail.fixture);
      await run('jail.move', { jail: 'web_1', source }, there);
      const to = join(world.directory, root);
      const own = `${root.split('/').slice(1).join('/')}/jails/web_1/data`;
      expect(readFileSync(join(to, 'jails/web_1/config.json'), 'utf8')).toBe(
        before.replace('iocage/jails/web_1/data', own),
      );
      expect(readFileSync(join(to, 'jails/web_1/fstab'), 'utf8')).toBe(
        `# by hand\n${line(to)}/srv\t${to}/jails/web_1/root/srv nullfs ro 0 0\n`,
      );
      expect((await run<{ jails: any[] }>('jail.list', {}, there)).jails).toContainEqual(
        expect.objectContaining({ name: `${source}/web_1`, configuredBy: 'Python iocage' }),
      );
      expect(existsSync(join(to, 'tags/web_1'))).toBe(false);
      await run('property.set', { jails: [`${source}/web_1`], properties: [['notes', 'moved']] }, there);
      await run('jail.move', { jail: 'web_1', source: 'main' }, there);
      expect(readFileSync(join(top, 'jails/web_1/config.json'), 'utf8')).toBe(
        before.replace(String.raw`foo \"bar\"`, 'moved'),
      );
      // What would write into the file what only that tool knows.
      for (const [operation, input] of [
        ['jail.rename', { jail: 'web_1', name: 'other' }],
        ['jail.clone', { jail: 'web_1', name: 'old/other' }],
      ] as const)
        await expect(run(operation, input, there)).rejects.toMatchObject({ code: 'OTHER_FORMAT' });
    },
  );

  it.each(['jail.move', 'jail.clone'])(
    '%s of a basejail holds the release over there, which nobody uses yet',
    async (operation) => {
      await run('jail.create', { ...make('base'), kind: 'base' }, there);
      const input = operation === 'jail.move' ? { source: 'old' } : { name: 'old/copy' };
      const own = context(there);
      const taken: (readonly string[])[] = [];
      const locks = {
        ...own.locks,
        take(...words: Parameters<Context['locks']['take']>) {
          taken.push(words[0]);
          return own.locks.take(...words);
        },
      };
      await run(operation, { jail: 'base', ...input }, { ...there, locks });
      expect(taken.flat()).toContain('release:tank+jails+old:busybox');
    },
  );

  it('what is in the way over there is told of that source, and so is the hint', async () => {
    await run('jail.create', make('old/web'), there);
    await run('jail.create', { ...make('base'), kind: 'base' }, there);
    const rc = join(world.directory, 'rc.conf');
    writeFileSync(rc, three.map(({ name, root }) => `ioc_dataset_${name}="${root}"\n`).join(''));
    const byFile = { sources: [], paths: { ...world.context().paths, rcConf: rc } };
    const taken = {
      message: 'source old: tag "web" is already used by jail web',
      hint: expect.stringContaining('iocage --source old set tag='),
    };
    await expect(run('jail.move', { jail: 'web', source: 'old' }, byFile)).rejects.toMatchObject(taken);
    await expect(run('jail.clone', { jail: 'web', name: 'old/web' }, byFile)).rejects.toMatchObject(taken);
    await expect(run('jail.move', { jail: 'base', source: 'far' }, byFile)).rejects.toMatchObject({
      message: expect.stringMatching(/^source far: release "?busybox/),
    });
  });

  it('an outcome says which source it was, and events name jails in full', async () => {
    await run('jail.create', make('old/web'), there);
    const events: IocageEvent[] = [];
    const emit = (event: IocageEvent): void => void events.push(event);
    const start = getOperation('jail.start');
    expect(await runOperation(context({ ...there, emit }), start, { jail: 'old/web' })).toMatchObject({
      source: 'old',
    });
    const translate = iocEvents();
    const names = events.flatMap((event) => translate(event, new Date())).map(({ identifier }) => identifier);
    expect(new Set(names)).toEqual(new Set(['old/web']));
    await run('jail.stop', { jail: 'old/web' }, there);
    const one = { sources: [sources[1]!] };
    expect(await runOperation(context(one), start, { jail: 'web' })).not.toHaveProperty('source');
  });

  it('nothing moves onto another, or while it runs, or to where it is', async () => {
    await run('jail.create', make('old/web'), there);
    const before = world.storage.snapshotState();
    const move = (source: string) => run('jail.move', { jail: 'main/web', source }, there);
    // Of the source that has the other one, and not of that which it is to leave.
    const taken = { code: 'NAME_TAKEN', message: 'source old: tag "web" is already used by jail web' };
    await expect(move('old')).rejects.toMatchObject(taken);
    const clone = run('jail.clone', { jail: 'main/web', name: 'old/web' }, there);
    await expect(clone).rejects.toMatchObject(taken);
    await expect(move('main')).rejects.toMatchObject({ code: 'USAGE' });
    await expect(move('none')).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND' });
    await expect(world.run('jail.move', { jail: 'web', source: 'old' })).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
    });
    await run('jail.start', { jail: 'main/web' }, there);
    await expect(move('far')).rejects.toMatchObject({ code: 'JAIL_RUNNING' });
    expect(world.storage.snapshotState().replaceAll(/.*last_started.*\n/g, '')).toBe(before);
  });

  it('a clone in another source is a copy that hangs on nothing', async () => {
    await run('jail.clone', { jail: 'web', name: 'far/copy' }, there);
    await run('jail.clone', { jail: 'main/web', name: 'main/twin' }, there);
    expect(await names(there)).toEqual(['far/copy down', 'main/twin down', 'main/web down']);
    expect(readFileSync(join(world.directory, 'vault/jails/jails/copy/root/file'), 'utf8')).toBe('content');
    expect(await world.storage.clones('vault')).toEqual([]);
    await run('jail.clone', { jail: 'web', name: 'old/copy' }, there);
    expect((await world.storage.clones('tank')).map(({ dataset }) => dataset)).not.toContain(
      'tank/jails/old/jails/copy/root',
    );
    await run('jail.start', { jail: 'far/copy' }, there);
    expect([...(await world.host.running('vault+jails')).keys()]).toEqual(['copy']);
  });
});

describe('every step of a move fails once', () => {
  const three: readonly Source[] = [...sources, { name: 'far', root: 'vault/jails' }];
  const there = { sources: three };
  const listing = (path: string) =>
    existsSync(path) ? readdirSync(path, { recursive: true }).map(String).sort() : ['absent'];

  it.each([
    ['old', ''],
    ['far', ''],
    ['old', 'web_1'],
    ['far', 'web_1'],
  ])('to %s %s', async (source, theirs) => {
    const name = theirs || 'web';
    await run('pool.activate', { pool: 'far' }, there);
    const prepare = async (): Promise<void> => {
      if ((await names(there)).includes(`main/${name} down`)) return;
      if (theirs === '') await run('jail.create', make('web'), there);
      else {
        const dataset = `tank/iocage/jails/${theirs}`;
        for (const each of [dataset, `${dataset}/root`, `${dataset}/data`])
          await world.storage.create(each, {});
        plantConfig(
          join(world.directory, dataset),
          foreignJails.find((jail) => jail.name === theirs)!,
        );
      }
      await run('snapshot.take', { jail: name, snapshot: 'first' }, there);
      writeFileSync(
        join(world.directory, `tank/iocage/jails/${name}/fstab`),
        `/srv ${world.directory}/tank/iocage/jails/${name}/root/srv none bind 0 0\n`,
      );
      writeFileSync(join(world.directory, `tank/iocage/log/${name}-console.log`), 'log');
    };
    const stepWorld = {
      context: () => context(there),
      state: () =>
        [
          world.state(),
          ...three.flatMap(({ root }) =>
            ['tags', 'log', 'jails'].map((name) => [
              root,
              name,
              ...listing(join(world.directory, root, name)),
            ]),
          ),
        ].join('\n'),
    };
    const steps = await failEveryStep(stepWorld, {
      operation: 'jail.move',
      input: () => ({ jail: name, source }),
      prepare,
      async reset() {
        await run('jail.destroy', { jail: `${source}/${name}`, force: false }, there);
        // What was received once has its place for good.
        const dataset = 'vault/jails/receiving';
        const madeBy = (await world.storage.local(dataset))?.get('org.freebsd.iocage:op');
        if (madeBy !== undefined) await world.storage.destroy(dataset, { recursive: false, madeBy });
      },
    });
    expect(steps).toBeGreaterThan(5);
  });
});

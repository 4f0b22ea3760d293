/** What a newcomer stumbled over: errors that name the thing at fault, and hints that lead on. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { liveLines } from '../../src/cli/print/live.ts';
import { getOperation } from '../../src/ops/index.ts';
import type { Context } from '../../src/ops/context.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { foreignJails, plantConfig } from '../support/foreign-jails.ts';
import { zipBytes } from '../support/zip-bytes.ts';

let world: FakeWorld;
const directoryOf = (name: string) => join(world.directory, 'tank/iocage/jails', name);
async function plant(name: string): Promise<void> {
  const dataset = `tank/iocage/jails/${name}`;
  await world.storage.create(dataset, {});
  await world.storage.create(`${dataset}/root`, {});
  plantConfig(
    directoryOf(name),
    foreignJails.find((jail) => jail.name === name)!,
  );
}
const create = (name: string, more = {}) =>
  world.run('jail.create', { kind: 'clone', release: 'busybox', name, ...more });
/** What is thrown; the test fails when nothing is. */
async function refused(operation: string, input: unknown, more: Partial<Context> = {}): Promise<any> {
  const before = world.state();
  const thrown = await runOperation({ ...world.context(), ...more }, getOperation(operation), input).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeDefined();
  expect(world.state()).toBe(before);
  return thrown;
}

beforeEach(async () => {
  world = await openFakeWorld();
});
afterEach(() => world.close());

/** The head of a stream of zfs-send(8), and zeros. */
function stream(snapshot: string): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.writeBigUInt64LE(0x2f5bacbacn, 8);
  bytes.writeBigUInt64LE(1n, 16);
  bytes.write(snapshot, 56);
  return bytes;
}

function plantZip(name: string): string {
  const file = join(world.directory, `${name}.zip`);
  const zip = zipBytes(
    ['', '/root'].map((path) => ({
      name: `x${path.replace('/', '_')}`,
      bytes: stream(`tank/iocage/jails/${name}${path}@ioc-export`),
    })),
  );
  writeFileSync(file, zip);
  writeFileSync(file.replace(/zip$/, 'sha256'), createHash('sha256').update(zip).digest('hex'));
  return file;
}

describe('a new name that a jail of another tool has', () => {
  beforeEach(async () => {
    await plant('web_1');
    await create('ours');
  });

  it.each([
    ['an export of Python iocage', 'image.streams', () => ({ image: plantZip('web_1') })],
    ['a rename', 'jail.rename', () => ({ jail: 'ours', name: 'web_1' })],
    ['a clone', 'jail.clone', () => ({ jail: 'ours', name: 'web_1' })],
    ['a new jail', 'jail.create', () => ({ kind: 'clone', release: 'busybox', name: 'web_1' })],
  ])('%s is told that it is taken', async (_, operation, input) => {
    expect(await refused(operation, input())).toMatchObject({ code: 'NAME_TAKEN' });
  });
});

it('a dry run of such an import refuses what the import would refuse: a stream without contents', async () => {
  const context = { ...world.context(), dry: true };
  const before = world.state();
  const run = runOperation(context, getOperation('image.streams'), { image: plantZip('web_1') });
  await expect(run).rejects.toMatchObject({
    code: 'BAD_ARCHIVE',
    message: expect.stringContaining('tank/iocage/jails/web_1@ioc-export is no file system'),
  });
  expect(world.state()).toBe(before);
});

describe('migrate --from', () => {
  it.each([
    ['/nowhere/jail.conf', undefined, 'in /nowhere/jail.conf, which does not exist', '--path PLACE foo'],
    ['jail.conf', 'web { path = /x; }\ndb { path = /y; }', 'but web, db', 'migrate --from jail.conf web'],
    ['jail.conf', '', 'where none is', '--path PLACE foo'],
  ])('a name that is not in %s: says what is', async (file, text, message, hint) => {
    const path = file.startsWith('/') ? file : join(world.directory, file);
    if (text !== undefined) writeFileSync(path, text);
    const thrown = await refused('jail.adopt', { from: 'jail.conf', jail: 'foo', path });
    expect(thrown).toMatchObject({ code: 'FOREIGN_NOT_FOUND' });
    expect(thrown.message).toContain('jail.conf has no jail "foo"');
    expect(thrown.message).toContain(message);
    expect(thrown.hint).toContain(hint);
  });
});

describe('half a config.json', () => {
  beforeEach(async () => {
    await plant('web_1');
    writeFileSync(join(directoryOf('web_1'), 'config.json'), '{"host_hostuuid": "web_1", "bo');
  });

  it('doctor says which file, and the two ways out', async () => {
    const { findings } = await world.run('host.doctor', {});
    expect(findings).toMatchObject([{ id: 'web_1', state: 'report' }]);
    const path = join(directoryOf('web_1'), 'config.json');
    expect(findings[0].action).toContain(`put a good ${path} in its place`);
    expect(findings[0].action).toContain('zfs destroy -r tank/iocage/jails/web_1');
    expect(existsSync(path)).toBe(true);
  });

  it('no value is told as if it held', async () => {
    for (const key of ['priority', 'all'])
      expect(await refused('property.get', { key, jail: 'web_1' })).toMatchObject({ code: 'JAIL_CORRUPT' });
    expect(await world.run('property.get', { key: 'state', jail: 'web_1' })).toMatchObject({ value: 'down' });
    rmSync(join(directoryOf('web_1'), 'config.json'));
    expect(await refused('property.get', { key: 'boot', jail: 'web_1' })).toMatchObject({
      code: 'JAIL_CORRUPT',
    });
  });
});

describe('several sources', () => {
  const sources = [
    { name: 'main', root: 'tank/iocage' },
    { name: 'old', root: 'tank/jails' },
  ];
  const both = (more: Partial<Context> = {}): Partial<Context> => ({ pool: undefined, sources, ...more });
  const run = async <T = any>(operation: string, input: unknown): Promise<T> =>
    (await runOperation({ ...world.context(), ...both() }, getOperation(operation), input)).result as T;
  beforeEach(async () => {
    for (const name of ['', '/jails', '/releases', '/templates', '/.defaults'])
      await world.storage.create(`tank/jails${name}`, {});
    for (const name of ['', '/root']) await world.storage.create(`tank/jails/releases/busybox${name}`, {});
    for (const name of ['log', 'tags', 'releases/busybox/root/etc'])
      mkdirSync(join(world.directory, 'tank/jails', name), { recursive: true });
  });

  it('what is told of a jail says which one it is in', async () => {
    const make = (name: string) => run('jail.create', { kind: 'clone', release: 'busybox', name });
    expect([await make('web'), await make('old/web')]).toEqual([
      { jails: [{ uuid: 'web', tag: 'web', kind: 'clone', source: 'main' }] },
      { jails: [{ uuid: 'web', tag: 'web', kind: 'clone', source: 'old' }] },
    ]);
    await run('jail.start', { jail: 'old/web' });
    const begun = world.events.filter((event) => event.type === 'operation.begin').at(-1)!;
    expect(begun).toMatchObject({ operation: 'jail.start', subject: 'web', source: 'old' });
    expect(liveLines(begun, { format: 'table', color: false })[0]?.text).toBe('* Starting old/web');
    expect((await refused('jail.start', { jail: 'old/web' }, both())).message).toBe(
      'source old: web is already up',
    );
    // With one source all is as it was.
    expect((await refused('jail.stop', { jail: 'web' })).message).toBe('web is already down');
  });

  it('one that is left out is named once, with what to do', async () => {
    const gone = [sources[0]!, { name: 'gone', root: 'tank/nowhere' }];
    await runOperation({ ...world.context(), ...both({ sources: gone }) }, getOperation('jail.list'), {});
    const { text } = world.events.find((event) => event.type === 'note')!;
    expect(text).toBe(
      'source gone is left out: dataset tank/nowhere of source gone does not exist; hint: iocage activate gone',
    );
  });

  it('a source that there is not: how jails are called only where a jail was', async () => {
    await run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    const hints = [
      await refused('jail.list', {}, both({ only: 'nix' })),
      await refused('jail.list', {}, { only: 'nix' }),
      await refused('jail.move', { jail: 'web', source: 'nix' }, both()),
      await refused('jail.start', { jail: 'nix/web' }, both()),
      await refused('jail.start', { jail: 'nix/web' }),
    ].map(({ code, hint }) => `${code} ${hint}`);
    const ofSource = `SOURCE_NOT_FOUND 'iocage activate' shows the sources`;
    const ofJail = 'SOURCE_NOT_FOUND a jail is called JAIL, or SOURCE/JAIL such as';
    expect(hints).toEqual([ofSource, ofSource, ofSource, `${ofJail} main/JAIL`, `${ofJail} ioc/JAIL`]);
  });

  it('a pool beside the sources of rc.conf is activated by who names it', async () => {
    const rcConf = join(world.directory, 'rc.conf');
    const paths = { ...world.context().paths, rcConf };
    await world.run('pool.deactivate', { pool: 'tank' });
    expect((await refused('jail.list', {}, { paths })).hint).toBe('iocage activate tank');
    writeFileSync(rcConf, 'ioc_dataset_main="tank/jails"\n');
    expect((await refused('jail.list', {}, { paths })).hint).toBe('iocage --pool tank activate tank');
    const { hint } = await refused('pool.activate', { pool: 'tank' }, { paths, pool: undefined });
    expect(hint).toBe(
      `'iocage activate main' makes the dataset of a source ready, 'iocage --pool tank activate tank' that pool`,
    );
    await runOperation({ ...world.context(), paths }, getOperation('pool.activate'), { pool: 'tank' });
    expect(await world.run('jail.list', {})).toMatchObject({ jails: [] });
  });
});

describe('jails of another tool', () => {
  beforeEach(() => plant('web_1'));

  it('what set cannot do there leads to migrate', async () => {
    const thrown = await refused('property.set', { jails: ['web_1'], properties: [['tag', 'x']] });
    expect(thrown).toMatchObject({ code: 'READ_ONLY_PROPERTY' });
    expect(thrown.hint).toContain(`'iocage migrate web_1'`);
  });

  it('migrate of a jail of ours is told and does nothing, as with ioc', async () => {
    await create('ours');
    const words = { positionals: ['ours', 'web_1', 'nobody'], properties: [], flags: {} };
    const inputs = await getOperation('jail.migrate').command.toInputs(words, world.context());
    expect(inputs).toEqual([{ jail: 'web_1' }, { jail: 'nobody' }]);
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: 'note', text: 'ours needs no migration' }),
    );
  });
});

it('update of a release that is not fetched says so', async () => {
  expect(await refused('jail.update', { name: '14.3-RELEASE' })).toMatchObject({
    code: 'RELEASE_NOT_FOUND',
    hint: 'iocage fetch release=14.3-RELEASE',
  });
  expect(await refused('jail.update', { name: 'web' })).toMatchObject({ code: 'JAIL_NOT_FOUND' });
});

describe('a pool that another tool activated', () => {
  beforeEach(async () => {
    await plant('web_1');
    rmSync(join(world.directory, 'tank/iocage/tags'), { recursive: true, force: true });
  });

  it('has no directory of tags: what links a tag makes it', async () => {
    await create('first');
    expect(existsSync(join(world.directory, 'tank/iocage/tags/first'))).toBe(true);
  });

  it('has it made by migrate too, and ALL goes back and is confirmed as well', async () => {
    await world.run('jail.migrate', { jail: 'web_1' });
    expect(existsSync(join(world.directory, 'tank/iocage/tags/web_1'))).toBe(true);
    const { toInputs } = getOperation('jail.migrate-back').command!;
    const words = { positionals: ['ALL'], properties: [], flags: { force: true } } as any;
    expect(await toInputs!(words, world.context())).toEqual([{ jail: 'web_1', force: true }]);
  });
});

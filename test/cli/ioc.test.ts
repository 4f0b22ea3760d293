/**
 * `ioc` over the real registry with canned results: help, formats, messages, exit statuses and what is run with
 * which input. `npx vitest run --project cli test/cli/ioc.test.ts -u` writes the transcripts anew.
 */
import { describe, expect, test } from 'vitest';
import { loudnessOf } from '../../src/cli/ioc/globals.ts';
import { iocSkin } from '../../src/cli/ioc/skin.ts';
import { iocRows } from '../../src/cli/ioc/table.ts';
import { commands as operations } from '../../src/commands.ts';
import { failure } from '../../src/domain/errors.ts';
import { emitSteps, run, transcript, type Scene } from './support.ts';

const queried = {
  columns: ['jid', 'full_name', 'running', 'release', 'ip4_addr'],
  rows: [
    [12, 'web', true, 'bookworm', ['lo1|192.0.2.1/24', 'lo1|192.0.2.2/24']],
    [null, 'db;1', false, 'bookworm', null],
    [null, 'broken', false, null, null],
  ],
  problems: [{ jail: 'broken', problem: 'its dataset is not mounted' }],
};

const answers: Readonly<Record<string, unknown>> = {
  'jail.query': queried,
  'source.list': { sources: [{ name: 'ioc', dataset: 'tank/iocage' }] },
  'release.list': {
    releases: [
      {
        name: 'bookworm',
        kind: 'debootstrap',
        fetchedAt: '2026-01-01T00:00:00.000Z',
        usedBytes: 4096,
        jails: 2,
      },
      { name: 'custom', kind: 'folder', fetchedAt: null, usedBytes: 1024, jails: 0 },
    ],
  },
  'release.remote': {
    releases: [
      { name: '13.0-RELEASE', support: 'end of life', endOfLife: '2022-08-31', fetched: false },
      { name: '14.2-RELEASE', support: 'supported', endOfLife: '2025-09-30', fetched: true },
      { name: '15.0-CURRENT', support: 'unknown', endOfLife: null, fetched: false },
    ],
    notes: ['an archive did not answer'],
  },
  'snapshot.list': {
    snapshots: [{ snapshot: 'before' }, { snapshot: 'before' }, { snapshot: 'after' }],
  },
  'fstab.list': { mounts: [], text: '# Added\n/srv /mnt nullfs ro 0 0\n' },
  'pool.activate': { pool: 'tank', root: 'tank/iocage', mountpoint: '/tank/iocage' },
  'jail.create': { jails: [{ uuid: 'web', tag: 'web', kind: 'base' }] },
  'jail.clone': { jails: [{ uuid: 'web2', tag: 'web2', kind: 'clone' }] },
  'jail.create-fetched': {
    jails: [
      { uuid: 'a_1', tag: 'a_1' },
      { uuid: 'a_2', tag: 'a_2' },
    ],
  },
  'jail.rename': { uuid: 'www', tag: 'www', was: 'web' },
  'release.adopt': { release: 'custom', adopted: true, patch: 'p0' },
  'release.fetch': { message: 'Release bookworm is fetched.' },
  'fstab.change': { mounts: 1 },
};

const scene: Scene = {
  program: 'ioc',
  operations,
  answer(operation) {
    if (!Object.hasOwn(answers, operation.id))
      throw failure('INTERNAL', { why: `no result for ${operation.id}` });
    return answers[operation.id];
  },
};

async function show(...lines: readonly (readonly string[])[]): Promise<string> {
  const shown: string[] = [];
  for (const argv of lines) shown.push(transcript(argv, await run(argv, scene), 'ioc'));
  return shown.join('\n');
}

describe('transcripts', () => {
  test('help', async () => {
    await expect(await show([], ...iocRows.map(({ name }) => [name, '--help']))).toMatchFileSnapshot(
      'transcripts/ioc-help.txt',
    );
  });

  test('list in every format', async () => {
    const shown = await show(
      ['list'],
      ['list', '-NH'],
      ['list', '-f', 'list'],
      ['list', '-f', 'list', '-NH'],
      ['list', '-f', 'csv'],
      ['list', '-f', 'json'],
      ['list', '--json'],
      ['list', '-s', 'full_name', '-f', 'list'],
      ['list', '-r'],
      ['list', '-r', '-o', 'name,used', 'cust*'],
      ['list', '-r', '-l', '-f', 'csv'],
      ['list', '-r', '-R'],
      ['list', '-r', '-R', '-o', 'name,until,fetched', '-f', 'list', '14*'],
      ['list', '-R'],
      ['list', '-d'],
      ['-d', 'error', 'list', '-f', 'list'],
    );
    await expect(shown).toMatchFileSnapshot('transcripts/ioc-list.txt');
  });

  test('what is changed', async () => {
    const shown = await show(
      ['create', '-r', 'bookworm', 'web', '--no-fetch'],
      ['create', '-c', '2', '-nb', 'a'],
      ['clone', 'web', 'web2'],
      ['rename', 'web', 'www'],
      ['activate', 'tank'],
      ['fetch', '-r', 'bookworm'],
      ['fetch', '-r', 'custom', '-b'],
      ['fstab', 'add', '/srv', 'web'],
      ['fstab', 'show', 'web'],
      ['snapshot', 'web'],
      ['snapshot', 'list', 'web', '--output-format', 'json'],
    );
    await expect(shown).toMatchFileSnapshot('transcripts/ioc-change.txt');
  });

  test('errors of the words', async () => {
    const shown = await show(
      ['strat'],
      ['list', '--nonsense'],
      ['list', '-f', 'xml'],
      ['list', '-s', 'nothing'],
      ['list', '-l', '-o', 'name'],
      ['list', '-r', 'boot=on'],
      ['create', 'a', 'b'],
      ['create', '-r', 'x', '-t', 'y'],
      ['set', 'boot=on'],
      ['set', 'web'],
      ['get', 'boot'],
      ['fstab', 'edit', 'web'],
      ['fstab', 'rm', '/srv'],
      ['fetch', 'bookworm'],
      ['fetch', '-b'],
      ['exec', 'web'],
      ['start', '--rc', 'web'],
      ['start', '-o', 'boot', 'web'],
      ['pkg', '-r', 'web', '--', '-rf'],
      ['snapshot', 'remove', 'web'],
      ['-d', 'loud', 'list'],
      ['list', '--nonsense', '--json'],
    );
    await expect(shown).toMatchFileSnapshot('transcripts/ioc-usage-errors.txt');
  });
});

describe('words to inputs', () => {
  const runsOf = async (...argv: string[]) => (await run(argv, scene)).runs;

  test('a basejail is what create makes, and -nb a clone', async () => {
    const [base] = await runsOf('create', '-r', 'bookworm', 'web', 'boot=on');
    expect(base).toEqual({
      operation: 'jail.create-fetched',
      input: { release: 'bookworm', kind: 'base', name: 'web', count: 1, properties: [['boot', 'on']] },
    });
    expect((await runsOf('create', '-nb', 'web'))[0]!.input).toMatchObject({ kind: 'clone' });
    expect((await runsOf('create', '-e', 'web'))[0]!.input).toMatchObject({ kind: 'empty' });
    expect((await runsOf('create', '-t', 'golden', 'web'))[0]!.input).not.toHaveProperty('kind');
  });

  test('the sets and the place of FreeBSD, and the mirror of a suite', async () => {
    expect(
      await runsOf('fetch', '-r', '14.1-RELEASE', '-u', 'https://host/ftp/x', '-F', 'base', '-NU'),
    ).toEqual([
      {
        operation: 'release.fetch',
        input: {
          release: '14.1-RELEASE',
          server: 'https://host',
          directory: '/ftp/x/14.1-RELEASE',
          sets: ['base.txz'],
          update: false,
        },
      },
    ]);
    const placed = async (...words: string[]) => (await runsOf('fetch', ...words))[0]!.input;
    expect(
      await placed('-r', '14.1-RELEASE', '-u', 'http://host/x/14.1-RELEASE/', `sha256=${'a'.repeat(64)}`),
    ).toEqual({
      release: '14.1-RELEASE',
      server: 'http://host',
      directory: '/x/14.1-RELEASE',
      sha256: 'a'.repeat(64),
    });
    expect(await placed('-r', '15-STABLE', '-u', 'https://host/HardenedBSD-15-LATEST')).toMatchObject({
      server: 'https://host',
      directory: '/HardenedBSD-15-LATEST',
    });
    expect(await runsOf('fetch', '-r', 'noble', '-u', 'https://host/ubuntu')).toEqual([
      { operation: 'release.fetch', input: { release: 'noble', mirror: 'https://host/ubuntu' } },
    ]);
  });

  test('words behind the jail are the command of exec, flags before it are ours', async () => {
    expect(await runsOf('exec', '-u', 'www', 'web', '--', 'ls', '-f', '-nb')).toEqual([
      { operation: 'jail.exec', input: { jail: 'web', argv: ['ls', '-f', '-nb'], jailUser: 'www' } },
    ]);
    expect((await runsOf('exec', '-f', 'web', 'ls'))[0]!.operation).toBe('jail.fork');
  });

  test('mounts: one path or two, read-only or not', async () => {
    const add = async (...words: string[]) => (await runsOf('fstab', 'add', ...words))[0]!.input;
    expect(await add('/srv', 'web')).toEqual({
      jail: 'web',
      add: ['/srv', '/srv', 'nullfs', 'ro', '0', '0'],
    });
    expect(await add('-rw', '/srv', 'mnt', 'web', '-c', 'the data')).toEqual({
      jail: 'web',
      add: ['/srv', '/mnt', 'nullfs', 'rw', '0', '0'],
      comment: 'the data',
    });
    expect(await add('-t', 'tmpfs', '-o', 'rw,size=8m', 'tmpfs', '/tmp', 'web')).toEqual({
      jail: 'web',
      add: ['tmpfs', '/tmp', 'tmpfs', 'rw,size=8m', '0', '0'],
    });
  });

  test('snapshots: a verb, or the words alone', async () => {
    expect(await runsOf('snapshot', 'create', 'web@a')).toEqual(await runsOf('snapshot', 'web@a'));
    expect((await runsOf('snapshot', 'rollback', '-f', 'web@a'))[0]).toEqual({
      operation: 'snapshot.rollback',
      input: { jail: 'web', snapshot: 'a', force: true },
    });
  });

  test('get with one word says which one is missing', () => {
    const row = iocRows.find(({ name }) => name === 'get')!;
    const means = (word: string) => () => row.means({ positionals: [word], properties: [], flags: {} });
    expect(means('web')).toThrow("missing PROPERTY: 'ioc get all web' shows all of them");
    expect(means('boot')).toThrow('missing JAIL');
  });

  test('restart is of the services, with -s of the jail', async () => {
    const row = iocRows.find(({ name }) => name === 'restart')!;
    const operation = (flags: object) =>
      row.means({ positionals: ['a'], properties: [], flags: { ...flags } }).operation.id;
    expect(operation({})).toBe('jail.soft-restart');
    expect(operation({ shutdown: true })).toBe('jail.restart');
    expect(operation({ force: true })).toBe('jail.restart');
  });
});

describe('what goes on', () => {
  const acting = (tty: boolean): Scene => ({
    ...scene,
    tty,
    answer(_operation, _input, { emit }) {
      emitSteps(emit, 'jail.clone', 'UUID (web)', ['one', 'two']);
      emit({ type: 'note', id: '', level: 'info', text: 'a remark' });
      return answers['jail.clone'];
    },
  });

  test('goes to standard error, results to standard output', async () => {
    const { stdout, stderr } = await run(['clone', 'web', 'web2'], acting(false));
    expect(stdout).toBe('web2 successfully cloned from web\n');
    expect(stderr).toBe(
      [
        '[-] JailClone@web: ...',
        '  [+] Test@web: OK [0.001s]',
        '  [+] Test@web: OK [0.001s]',
        '[+] JailClone@web: OK [0.001s]',
        'ioc: a remark',
        '',
      ].join('\n'),
    );
  });

  test('is written anew in its place on a terminal', async () => {
    const { stderr } = await run(['clone', 'web', 'web2'], acting(true));
    expect(stderr).toContain('\u001b[3A\r[+] JailClone@web: OK [0.001s]\u001b[K\r\u001b[3B');
  });

  test('is silent with -d error and IOCAGE_PROGRESS=never, and says more with verbose', async () => {
    expect((await run(['-d', 'error', 'clone', 'web', 'web2'], acting(false))).stderr).toBe('');
    const never = { ...acting(false), env: { IOCAGE_PROGRESS: 'never' } };
    expect((await run(['clone', 'web', 'web2'], never)).stderr).toBe('ioc: a remark\n');
    expect((await run(['-d', 'verbose', 'clone', 'web', 'web2'], acting(false))).stderr).toContain(
      '  [-] Test@web: ...\n',
    );
  });

  test('is one object a line with --events json', async () => {
    const { stderr } = await run(['--events', 'json', 'clone', 'web', 'web2'], acting(false));
    const records = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; state: string; seq: number });
    expect(records.map(({ type, state }) => `${type} ${state}`)).toEqual([
      'JailClone pending',
      'Test pending',
      'Test done',
      'Test pending',
      'Test done',
      'JailClone done',
      'Message done',
    ]);
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('and all that is told besides: wrong words, remarks, a signal; each with an id of its own', async () => {
    const parsed = ({ stderr }: { stderr: string }) =>
      stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const wrong = await run(['--events', 'json', 'list', '--nonsense'], scene);
    expect(parsed(wrong)).toMatchObject([{ error: { code: 'USAGE' } }]);
    const listeners: Record<string, () => void> = {};
    const told = await run(['--events', 'json', 'export', 'web', '/x.tar.gz'], {
      ...scene,
      onSignal: (signal, listener) => (listeners[signal] = listener),
      answer(_operation, _input, { emit }) {
        emit({ type: 'note', id: '', level: 'info', text: 'a note' });
        listeners['SIGTERM']!();
        return { tag: 'web', file: '/x.tar.gz', leftOut: ['tank/data'] };
      },
    });
    const records = parsed(told);
    expect(records.map(({ message }) => message)).toEqual([
      'a note',
      expect.stringContaining('(Ctrl-C once more ends it at once)'),
      'tank/data is a dataset of its own and not in the image',
    ]);
    expect(new Set(records.map(({ id }) => id)).size).toBe(3);
  });
});

test('the table has the 24 commands of libiocage, each with an example that its grammar takes', () => {
  expect(iocRows.map(({ name }) => name)).toEqual(
    (
      'activate clone console create deactivate destroy exec export fetch fstab get import list migrate pkg promote ' +
      'provision rename restart set snapshot start stop update'
    ).split(' '),
  );
  for (const row of iocRows) {
    expect(row.examples.length, row.name).toBeGreaterThan(0);
    for (const { line } of row.examples) expect(line.startsWith(`ioc ${row.name}`), line).toBe(true);
  }
});

test.each([
  ['SNAPSHOT_NOT_FOUND', { jail: 'db (mail)', snapshot: 'nope' }, 'ioc snapshot list db'],
  ['SNAPSHOT_EXISTS', { jail: 'db', snapshot: 'x' }, "with 'ioc snapshot remove'"],
  ['INVALID_INPUT', { issues: [{ path: 'boot', problem: 'no' }] }, 'ioc help boot'],
  ['READ_ONLY_PROPERTY', { key: 'host_hostuuid', why: 'no' }, "'ioc help host_hostuuid' tells"],
  ['UNKNOWN_PROPERTY', { key: 'bot', near: 'boot' }, "did you mean boot? 'ioc help properties' lists"],
  ['RELEASE_NOT_FOUND', { release: 'sid', fetched: [] }, 'hint: ioc fetch -r sid'],
  ['JAIL_NOT_FOUND', { name: 'x' }, "'ioc list' shows"],
  ['SOURCE_NOT_FOUND', { source: 'x', known: ['a'] }, "'ioc list -d' shows the sources"],
  ['RELEASE_IN_USE', { release: 'sid', by: ['x'] }, "'iocage list -l' shows"],
  ['HAS_CLONES', { name: 'a', action: 'x', clones: ['b'] }, "'ioc promote b'"],
  ['UNFINISHED', { what: 'x', count: 1 }, 'hint: iocage doctor'],
  ['OTHER_FORMAT', { command: 'x', jail: 'a', file: 'f', title: 't' }, "'ioc migrate a' makes"],
  ['USAGE', { problem: 'no', command: 'set' }, "see 'ioc set --help'"],
  ['USAGE', { problem: 'no', command: 'plan' }, "see 'iocage help plan'"],
  ['USAGE', { problem: 'no' }, "see 'ioc --help'"],
  ['UNKNOWN_COMMAND', { command: 'strat', near: 'start' }, "did you mean 'ioc start'? see 'ioc --help'"],
] as const)('a hint of %s names what ioc has, and iocage for what it has not', (code, details, hint) => {
  const error = failure(code, details as never);
  const lines = iocSkin(loudnessOf('info')).error(error, { format: 'table', color: false, debug: false });
  expect(lines.at(-1)).toContain(hint);
});

test('of several sources the one is named in what a command answers, and never breaks its line', () => {
  const row = iocRows.find(({ name }) => name === 'stop')!;
  const skin = iocSkin(loudnessOf('info'), row.means({ positionals: ['web'], properties: [], flags: {} }));
  const told = (tag: string, source?: string) =>
    skin.result('jail.stop', { tag }, { format: 'table', header: true }, { flags: {} }, source);
  expect(told('web', 'old')).toEqual(['old/web stopped']);
  expect(told('web')).toEqual(['web stopped']);
  expect(told('w\neb', 'old')).toEqual(['old/w; eb stopped']);
});

test('of several sources the one is named in a hint of ioc too', () => {
  const error = failure('NOT_RUNNING', { name: 'web' });
  Object.assign(error, { hint: 'iocage --source old start web' });
  const lines = iocSkin(loudnessOf('info')).error(error, { format: 'table', color: false, debug: false });
  expect(lines.at(-1)).toBe('  hint: ioc --source old start web');
});

test('help tells of a property, of all of them and of a command', async () => {
  const first = async (topic: string) => (await run(['help', topic], scene)).stdout.split('\n')[0];
  expect([await first('boot'), await first('list')]).toEqual([
    'boot',
    'ioc list - List jails, templates, releases or sources',
  ]);
  expect(await first('properties')).toContain('Properties, with their built-in values');
  expect((await run(['help', 'nonsense'], scene)).status).toBe(2);
});

/**
 * Transcripts of whole commands over the real registry, with canned results. `npx vitest run test/cli -u`
 * writes them anew; read the difference before it is committed, since programs read this output.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { commands as operations, furtherCommands as furtherOperations } from '../../src/commands.ts';
import { failure } from '../../src/domain/errors.ts';
import { manualPage } from '../../src/cli/manual.ts';
import { properties } from '../../src/domain/properties/index.ts';
import { views } from '../../src/cli/print/views.ts';
import { getResult, limitResults, results } from './results.ts';
import { run, transcript, type Scene } from './support.ts';

const scene: Scene = {
  operations,
  answer(operation, input) {
    if (limitResults[operation.id]) return limitResults[operation.id]!(input as { jail?: string });
    if (operation.id === 'property.get') return getResult(input as { key: string });
    if (!Object.hasOwn(results, operation.id))
      throw failure('INTERNAL', { why: `no result for ${operation.id}` });
    return results[operation.id];
  },
};

beforeAll(() => {
  process.env['TZ'] = 'UTC';
});

async function show(...lines: readonly (readonly string[])[]): Promise<string> {
  const shown: string[] = [];
  for (const argv of lines) shown.push(transcript(argv, await run(argv, scene)));
  return shown.join('\n');
}

const formats = [[], ['-H'], ['--format', 'legacy'], ['--json']] as const;
const inEveryFormat = (...argv: readonly string[]): Promise<string> =>
  show(...formats.map((format) => [...argv, ...format]));

describe('transcripts', () => {
  test.each([
    ['list', ['list']],
    ['list-long', ['list', '-l']],
    ['list-releases', ['list', '-r']],
    ['list-releases-long', ['list', '-r', '-l']],
    ['df', ['df']],
    ['snaplist', ['snaplist', 'web']],
    ['snaplist-all', ['snaplist', '-l', 'ALL']],
    ['get-one', ['get', 'boot', 'web']],
    ['get-unset', ['get', 'notes', 'web']],
    ['get-all', ['get', 'all', 'web']],
    ['get-recursive', ['get', '-r', 'boot']],
    ['defaults', ['defaults']],
    ['runtime', ['runtime', 'web']],
    ['limits', ['limits']],
    ['limits-one', ['limits', 'web']],
    ['inuse', ['inuse']],
    ['inuse-one', ['inuse', 'web']],
    ['cap', ['cap', 'web']],
    ['uncap', ['uncap', 'web']],
    ['plan', ['plan', 'jails.yaml']],
    ['apply', ['apply', 'jails.yaml']],
    ['history', ['history']],
    ['create', ['create', '-c', 'release=bookworm', 'tag=new']],
    ['set', ['set', 'boot=on', 'securelevel=3', 'web']],
    ['snapshot', ['snapshot', 'web@before-upgrade']],
    ['snapshot-scheduled', ['snapshot', '--scheduled']],
    ['snapmount', ['snapmount', 'web@before-upgrade']],
    ['activate', ['activate', 'tank']],
    ['doctor', ['doctor']],
    ['fetch', ['fetch', 'release=bookworm']],
  ] as const)('%s', async (name, argv) => {
    await expect(await inEveryFormat(...argv)).toMatchFileSnapshot(`transcripts/${name}.txt`);
  });

  test('quiet', async () => {
    const shown = await show(
      ['create', '-q', 'tag=new'],
      ['clone', 'web', '-q'],
      ['set', 'boot=on', 'web', '-q'],
      ['get', 'boot', 'web', '-q'],
    );
    await expect(shown).toMatchFileSnapshot('transcripts/quiet.txt');
  });

  test('errors of the words', async () => {
    const shown = await show(
      ['strat'],
      ['list', '--nonsense'],
      ['list', 'web'],
      ['start'],
      ['get', 'all'],
      ['create', 'web'],
      ['create', '-c', '-e'],
      ['destroy', 'ALL'],
      ['exec', 'web'],
      ['help', 'nonsense'],
      ['--format', 'xml', 'list'],
      ['list', '-5'],
      ['list', '--nonsense', '--json'],
    );
    await expect(shown).toMatchFileSnapshot('transcripts/usage-errors.txt');
  });

  test('help', async () => {
    await expect(await show([], ['help', 'properties'], ['help', 'boot'])).toMatchFileSnapshot(
      'transcripts/help.txt',
    );
  });

  test('help of every command', async () => {
    const shown = await show(...operations.map(({ command }) => ['help', command.names[0]]));
    await expect(shown).toMatchFileSnapshot('transcripts/help-commands.txt');
  });
});

describe('the registry', () => {
  test('every name calls one operation', () => {
    const names = operations.flatMap(({ command }) => command.names);
    expect(names).toEqual([...new Set(names)]);
  });

  test('every view belongs to an operation', () => {
    const ids = [...operations, ...furtherOperations, ...operations].map(({ id }) => id);
    expect(Object.keys(views).filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('every operation that reads or repairs has a view', () => {
    const readers = [...operations, ...furtherOperations].filter(
      ({ effect }) => effect === 'read' || effect === 'repair',
    );
    expect(readers.map(({ id }) => id).filter((id) => !Object.hasOwn(views, id))).toEqual([]);
  });

  test('help of every command fits on a terminal and has an example that the grammar takes', async () => {
    for (const { command } of operations) {
      const { stdout, status } = await run(['help', command.names[0]], scene);
      expect(status).toBe(0);
      for (const line of stdout
        .split('\n')
        .filter((line) => !line.startsWith('usage:') && !/^ {2,6}\S/.test(line))) {
        expect(line.length).toBeLessThanOrEqual(80);
      }
      expect(command.examples.length, command.names[0]).toBeGreaterThan(0);
    }
  });
});

test('the manual page names every command, flag and property, and no line is a stray request', () => {
  const page = manualPage(operations, properties, '2026-01-01');
  const plain = page.replaceAll('\\-', '-').replace(/\\f[BRIC]/g, '');
  for (const { command } of operations) {
    expect(plain).toContain(`\n${command.names[0]} `.trimEnd());
    for (const { flags } of command.flags ?? []) expect(plain).toContain(flags);
  }
  for (const { key } of properties) expect(plain).toContain(`\n${key}=`);
  const requests = page
    .split('\n')
    .filter((line) => /^[.']/.test(line))
    .map((line) => line.split(' ')[0]);
  expect([...new Set(requests)].sort()).toEqual([
    '.PP',
    '.RE',
    '.RS',
    '.SH',
    '.SS',
    '.TH',
    '.TP',
    '.\\"',
    '.br',
    '.sp',
  ]);
});

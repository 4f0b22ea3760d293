import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand, parseEarly } from '../../../src/cli/grammar.ts';
import { IocageError } from '../../../src/domain/errors.ts';
import { sample } from '../../cli/sample.ts';

const row = (name: string) => sample.find(({ command }) => command.names.includes(name))!.command;
const parse = (name: string, ...words: string[]) => parseCommand(row(name), name === 'list', words);
const wordsOf = (name: string, ...words: string[]) => parse(name, ...words).words;

describe('words', () => {
  test('are sorted into properties, positionals and flags, flags anywhere', () => {
    expect(wordsOf('create', 'tag=web', 'one', '-e', 'a=b=c', 'two')).toEqual({
      positionals: ['one', 'two'],
      properties: [
        ['tag', 'web'],
        ['a', 'b=c'],
      ],
      flags: { empty: true },
    });
  });

  test('a property may be empty; a word that begins with = is none', () => {
    expect(wordsOf('create', 'a=', '=b')).toMatchObject({ properties: [['a', '']], positionals: ['=b'] });
  });

  test.each([
    [['-c', 'release=x'], { clone: true }],
    [['-c', '3', 'release=x'], { clone: '3' }],
    [['--clone', '3'], { clone: '3' }],
    [['--clone=3'], { clone: '3' }],
    [['-ec', 'release=x'], { empty: true, clone: true }],
    [['-c', '-e'], { clone: true, empty: true }],
    [['-c', '--', 'web'], { clone: true }],
    [['-p', 'a', '--package', 'b'], { packages: ['a', 'b'] }],
    [['--size', '12'], { size: 12 }],
    [['-nweb'], { name: 'web' }],
    [['--name=web'], { name: 'web' }],
  ])('%j gives the flags %j', (words, flags) => {
    expect(wordsOf('create', ...words).flags).toEqual(flags);
  });

  test.each([['-x'], ['--unknown'], ['-5'], ['-1.5'], ['-x=y'], ['-n'], ['-n', '-e'], ['--size']])(
    'create %j %j is refused',
    (...words) => {
      const refused = () => parse('create', ...words.filter((word) => word !== undefined));
      expect(refused).toThrow(expect.objectContaining({ code: 'USAGE', exit: 2 }));
    },
  );

  test('-- ends flags', () => {
    expect(wordsOf('create', '--', '-e').positionals).toEqual(['-e']);
  });
});

describe('words of older lines', () => {
  const flags = [
    { key: 'update', flags: '-U, --update', doc: '' },
    { key: 'noupdate', flags: '--noupdate', doc: '' },
    { key: 'verify', flags: '-V, --verify', doc: '' },
    { key: 'dryRun', flags: '-n', doc: '' },
  ];
  const parseOld = (...words: string[]) => parseCommand({ names: ['fetch'], flags }, false, words);

  test('-NX is --noX where a command has both', () => {
    expect(parseOld('-NU', 'a=b').words.flags).toEqual({ noupdate: true });
    expect(parseOld('-U').words.flags).toEqual({ update: true });
    expect(parseOld('--', '-NU').words.positionals).toEqual(['-NU']);
    for (const word of ['-NV', '-NX', '-N'])
      expect(() => parseOld(word)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  test('-n of a command that has it is a dry run', () => {
    expect(parseOld('-n').globals.dryRun).toBe(true);
    expect(parseOld().globals.dryRun).toBe(false);
  });
});

describe('passed-on words', () => {
  test('own flags count before the jail only', () => {
    expect(wordsOf('exec', '-u', 'root', 'web', 'ls', '-u', '--json', 'a=b', '--', '-5')).toEqual({
      positionals: ['web', 'ls', '-u', '--json', 'a=b', '--', '-5'],
      properties: [],
      flags: { hostUser: 'root' },
    });
  });

  test('whatever stands after the jail arrives exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(wordsOf('exec', '-u', 'root', 'web', ...words).positionals).toEqual(['web', ...words]);
        expect(wordsOf('exec', 'web', ...words).positionals).toEqual(['web', ...words]);
      }),
    );
  });
});

describe('global options', () => {
  test('stand before or after the command', () => {
    const { globals, rest } = parseEarly(['--pool', 'tank', '--json', 'list', '--json', '-x']);
    expect(globals).toEqual({ pool: 'tank', format: 'json' });
    expect(rest).toEqual(['list', '--json', '-x']);
    expect(parseCommand(row('list'), true, ['--pool=ssd', '-H'], globals).globals).toMatchObject({
      pool: 'ssd',
      format: 'json',
      header: false,
    });
  });

  test('-h is "no header" on tables and help elsewhere', () => {
    expect(parse('list', '-h').globals).toMatchObject({ header: false, help: false });
    expect(parse('create', '-h').globals).toMatchObject({ header: true, help: true });
    expect(parseEarly(['-h']).globals).toEqual({ help: true });
  });

  test('a command keeps its own flag where both have the same', () => {
    const own = { ...row('list'), flags: [{ key: 'quick', flags: '-q, --quick', doc: '' }] };
    const parsed = parseCommand(own, true, ['-q']);
    expect(parsed.words.flags).toEqual({ quick: true });
    expect(parsed.globals.quiet).toBe(false);
    expect(parseCommand(own, true, ['--quiet']).globals.quiet).toBe(true);
  });

  test.each([
    ['--format', 'xml'],
    ['--color', 'maybe'],
    ['--events', 'text'],
  ])('%s %s is refused', (...words) => {
    expect(() => parse('list', ...words)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

test('no words crash the grammar: an answer or USAGE', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '-c',
      '--clone',
      '-n',
      '-p',
      '--',
      '-',
      '--json',
      '--format',
      '-h',
      'a=b',
      '3',
      '--size=',
      '__proto__=x',
      '--__proto__',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('list', 'create', 'start', 'destroy', 'exec'),
      fc.array(word),
      (name, words) => {
        try {
          const parsed = parse(name, ...words);
          expect(Array.isArray(parsed.words.positionals)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(IocageError);
          expect((error as IocageError).code).toBe('USAGE');
        }
      },
    ),
    { numRuns: 500 },
  );
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure } from '../../../src/domain/errors.ts';
import type { IocageEvent } from '../../../src/domain/events.ts';
import { errorLine } from '../../../src/server/sysadm/errors.ts';
import { execAnswer } from '../../../src/server/sysadm/exec.ts';
import { releaseNames } from '../../../src/server/sysadm/fetch.ts';
import { Fields } from '../../../src/server/sysadm/fields.ts';
import { printedLines, toPairs, valueOf } from '../../../src/server/sysadm/lines.ts';
import { dfRow, row2016, row2017 } from '../../../src/server/sysadm/list.ts';
import { destroyLines, madeLines } from '../../../src/server/sysadm/make.ts';
import { defaultNames, jailNames } from '../../../src/server/sysadm/names.ts';
import { defaultSettings, jailSettings } from '../../../src/server/sysadm/settings.ts';
import { sortWords, splitWords } from '../../../src/server/sysadm/split.ts';

describe('one text to words', () => {
  it.each<[string, readonly string[]]>([
    ['', []],
    ['   ', []],
    ['tag=test release=10.2-RELEASE', ['tag=test', 'release=10.2-RELEASE']],
    ['  a\t b\nc ', ['a', 'b', 'c']],
    ['sh -c "echo a b"', ['sh', '-c', 'echo a b']],
    ['notes="two words"', ['notes=two words']],
    ['a"b c"d', ['ab cd']],
    ['say """hi"""', ['say', '"hi"']],
    ['"" x', ['x']],
    ['"open end', ['open end']],
    [`sh -c 'a b'`, ['sh', '-c', `'a`, `b'`]],
    ['echo $(reboot) `x` ; | > * ~ \\', ['echo', '$(reboot)', '`x`', ';', '|', '>', '*', '~', '\\']],
  ])('%j', (text, words) => expect(splitWords(text)).toEqual(words));

  it('never makes an empty word, and words without quotes come through unchanged', () => {
    fc.assert(fc.property(fc.string(), (text) => !splitWords(text).includes('')));
    const word = fc.stringMatching(/^[^\s"]{1,12}$/);
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitWords(words.join(' '))).toEqual(words);
      }),
    );
  });

  it('tells properties from other words', () => {
    expect(sortWords(['tag=a=b', 'x', '=y'])).toEqual({
      properties: [['tag', 'a=b']],
      positionals: ['x', '=y'],
    });
  });
});

describe('lines to keys', () => {
  it.each<[readonly string[], boolean, Record<string, string>]>([
    [[], false, {}],
    [['  + Started                  OK'], false, { '+ Started OK': '' }],
    [['  INFO: U (t) is already up'], false, { INFO: ' U (t) is already up' }],
    [['made: U (2016-02-09@23:48:12)'], false, { made: ' U (2016-02-09@23:48:12)' }],
    [['made: U (2016-02-09@23:48:12)'], true, { made: ' U (2016-02-09@23' }],
    [['b: 1:2', 'a', 'a', '10', '9', '', 'after'], false, { b: ' 1:2', a: '', '10': '', '9': '' }],
    [['a: 1', 'a: 2'], false, { a: ' 2' }],
    [['   '], false, { '': '' }],
    [['__proto__: x'], false, JSON.parse('{"__proto__":" x"}') as Record<string, string>],
  ])('%j, cut: %s', (lines, cut, pairs) => {
    expect(Object.entries(toPairs(lines, cut)).sort()).toEqual(Object.entries(pairs).sort());
  });

  it('a value ends at its second separator only where that is asked for', () => {
    expect(valueOf('8G:log', false)).toBe('8G:log');
    expect(valueOf('8G:log', true)).toBe('8G');
    expect(valueOf('a=b:c', true, '=')).toBe('a');
  });
});

const step = (label: string | undefined, type: 'step.done' | 'step.failed'): IocageEvent => {
  const facts = { index: 0, count: 1, kind: 'k', title: 't', ...(label === undefined ? {} : { label }) };
  return type === 'step.done'
    ? { type, id: '1', step: facts, durationMs: 1 }
    : { type, id: '1', step: facts, error: failure('NO_ACTIVE_POOL'), tolerated: false };
};
const begin = (operation: string): IocageEvent => ({
  type: 'operation.begin',
  id: '1',
  operation,
  title: 't',
  subject: 'U (web)',
  steps: 1,
});

describe('events to the lines of the command', () => {
  it.each<[string, readonly IocageEvent[], readonly string[]]>([
    ['nothing', [], []],
    ['the start', [begin('jail.start')], ['* Starting U (web)']],
    ['the stop', [begin('jail.stop')], ['* Stopping U (web)']],
    ['what had no headline', [begin('jail.destroy')], []],
    ['a step of ours', [step(undefined, 'step.done')], []],
    ['a step', [step('Starting services', 'step.done')], ['+ Starting services OK']],
    ['a failed step', [step('Configuring VNET', 'step.failed')], ['+ Configuring VNET FAILED']],
    ['started without vnet', [step('Started', 'step.done')], ['+ Started (shared IP mode) OK']],
    [
      'started with vnet',
      [step('Configuring VNET', 'step.done'), step('Started', 'step.done')],
      ['+ Configuring VNET OK', '+ Started OK'],
    ],
    ['a failed start', [step('Started (shared IP mode)', 'step.failed')], ['! Start FAILED']],
  ])('%s', (_, events, lines) => expect(printedLines(events)).toEqual(lines));

  it('what was made, and what is gone', () => {
    expect(madeLines({ jails: [{ uuid: 'U', tag: 'web' }] })).toEqual(['Successfully created: U (web)']);
    const result = {
      uuid: 'U',
      destroyed: ['tank/iocage/jails/U', 'tank/iocage/jails/U/root@x', 'tank/iocage/jails/S/root@U'],
    };
    expect(destroyLines([], 'U (web)', result)).toEqual([
      'Destroying: U',
      'Destroying clone origin: tank/iocage/jails/S/root@U',
    ]);
    const stopped = [step('Removing jail process', 'step.done')];
    expect(destroyLines(stopped, 'U (web)', { uuid: 'U', destroyed: [] })).toEqual([
      '* Stopping U (web)',
      '+ Removing jail process OK',
      'Destroying: U',
    ]);
  });
});

describe('errors in the words of the command', () => {
  it.each([
    [failure('JAIL_NOT_FOUND', { name: 'x' }), 'plain', '  ERROR: x not found!'],
    [failure('JAIL_NOT_FOUND', { name: 'x' }), 'jail', '  ERROR: jail x not found!'],
    [
      failure('JAIL_AMBIGUOUS', { name: 'x', matches: [] }),
      'plain',
      '  ERROR: multiple jails matching name: x!',
    ],
    [failure('UNKNOWN_PROPERTY', { key: 'foo' }), 'jail', '  ERROR: unsupported property: foo !'],
    [failure('POOL_NOT_FOUND', { pool: 'nope' }), 'plain', `cannot open 'nope': no such pool`],
    [failure('NO_ACTIVE_POOL'), 'plain', 'No pool is active.'],
    [
      failure('RELEASE_NEEDED', { fetched: [] }),
      'plain',
      '  ERROR: no RELEASEs found locally, run iocage fetch first.',
    ],
    [failure('POOL_NOT_ACTIVE', { pool: 'a' }), 'plain', '  ERROR: pool "a" is not activated for iocage'],
  ] as const)('%s', (error, words, line) => expect(errorLine(error, words)).toBe(line));

  it('what could not be undone is said too', () => {
    const error = failure('NO_ACTIVE_POOL');
    const other = Object.assign(failure('START_FAILED', { jail: 'x', why: 'y' }), {
      undoFailures: [{ step: 'mount', message: 'busy' }],
    });
    expect(errorLine(error)).not.toContain('undone');
    expect(errorLine(other)).toBe('  ERROR: jail x did not start: y; not undone: mount: busy');
  });
});

describe('what a program in a jail said', () => {
  const output = { status: 0, stdout: 'hi\n', stderr: '', lines: ['hi'] };
  const plain = { raw: false, cut: false };
  it.each([
    ['success', output, plain, { success: { hi: '' } }],
    ['success, raw', output, { ...plain, raw: true }, { success: { hi: '' }, stdout: 'hi\n', exitcode: '0' }],
    ['nothing', { ...output, lines: [], stdout: '' }, plain, { success: {} }],
    ['a failure that speaks', { ...output, status: 2, lines: ['no', 'way'] }, plain, { error: 'no\nway' }],
    ['a silent failure', { ...output, status: 2, lines: [] }, plain, { error: 'exit status 2' }],
    [
      'no such program',
      { ...output, status: 127, lines: [] },
      plain,
      { error: 'jexec: execvp: x: No such file or directory' },
    ],
    [
      'a failure, raw',
      { ...output, status: 1, lines: [], stdout: '' },
      { ...plain, raw: true },
      { error: 'exit status 1', stdout: '', exitcode: '1' },
    ],
  ])('%s', (_, given, how, answer) => expect(execAnswer('x', given, how)).toEqual(answer));
});

describe('rows', () => {
  const listed = {
    jid: 7,
    uuid: 'U',
    tag: 'web',
    name: 'web',
    boot: true,
    state: 'up',
    type: 'jail',
    release: 'bookworm',
    ip4: 'eth0|10.0.0.5/24,eth0|10.0.0.6/24',
    ip6: null,
    template: null,
    basejail: false,
    vnet: false,
  } as const;
  it('of a jail', () => {
    expect(row2016(listed)).toEqual({
      boot: 'on',
      ip4: '10.0.0.5,10.0.0.6',
      jid: '7',
      state: 'up',
      tag: 'web',
      type: 'jail',
    });
    expect(row2016({ ...listed, jid: null, state: 'corrupt', boot: false })).toEqual({
      boot: 'off',
      ip4: '-',
      jid: '-',
      state: 'down',
      tag: 'web',
      type: 'jail',
    });
    expect(row2017(listed)).toEqual({
      boot: 'on',
      ip4: 'eth0|10.0.0.5/24,eth0|10.0.0.6/24',
      ip6: '-',
      jid: '7',
      release: 'bookworm',
      state: 'up',
      tag: 'web',
      template: '-',
      type: 'jail',
      uuid: 'U',
    });
  });

  it('of df', () => {
    const space = {
      uuid: 'U',
      tag: 'web',
      name: 'web',
      compressratio: '2.30x',
      reservationBytes: null,
      quotaBytes: 1024 ** 3,
      usedBytes: 1772093,
      availableBytes: 89550107238,
    };
    expect(dfRow(space)).toEqual({
      ava: '83.4G',
      crt: '2.30x',
      qta: '1G',
      res: 'none',
      tag: 'web',
      use: '1.69M',
    });
  });

  it('the documented names: 115 of a jail, 109 of the defaults', () => {
    expect([jailNames.length, defaultNames.length]).toEqual([115, 109]);
    const cut = jailSettings(new Map([['memoryuse', '8G:log']]), true);
    expect([cut['memoryuse'], cut['branch'], cut['count']]).toEqual(['8G', '-', '1']);
    const defaults = defaultSettings(new Map([['boot', null]]), false);
    expect([defaults['boot'], defaults['tag'], defaults['origin']]).toEqual(['off', 'none', '-']);
  });
});

describe('fields', () => {
  const problem = (args: Record<string, never>, name = 'jail') =>
    expect(() => (name === 'jail' ? new Fields(args).jail() : new Fields(args).required(name)));
  it.each([[{}], [{ other: 'x' }]])('%j lacks a jail', (args) =>
    problem(args as never).toThrow('Missing required keys'),
  );
  it.each(['', '-f', '--help', 'a b', ' a', 'a\tb', 'a\nb', 'a\u0000b', 'ALL', 7, true, null, [], ['a'], {}])(
    '%j is no name of a jail',
    (jail) => problem({ jail } as never).toThrow('Invalid jail'),
  );
  it('the other spelling', () => {
    expect(new Fields({ jail_uuid: 'U' }).jail()).toBe('U');
    expect(new Fields({ jail: 'web', jail_uuid: 'U' }).jail()).toBe('web');
  });
  it('what every object has by birth is no field', () => {
    expect(new Fields({}).text('constructor')).toBeUndefined();
    expect(new Fields({}).has('__proto__')).toBe(false);
  });
});

it('names of releases end at the first blank', () => {
  expect(releaseNames(['10.3-RELEASE (EOL)', 7, '', ' 9.3 ', '9.3'])).toEqual(['10.3-RELEASE', '9.3']);
  expect(releaseNames('bookworm')).toEqual(['bookworm']);
  expect(releaseNames(undefined)).toEqual([]);
});

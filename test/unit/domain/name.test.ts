/** Names: what passes, and the reason for what does not. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as names from '../../../src/domain/name.ts';
import { failure, IocageError } from '../../../src/domain/errors.ts';
import { nearest } from '../../../src/domain/nearest.ts';

function refusing(problemOf: (name: string) => string | undefined) {
  return (name: string): void => {
    const problem = problemOf(name);
    if (problem !== undefined) throw failure('INVALID_NAME', { what: 'name', name, problem });
  };
}

const checks = {
  tag: names.assertTag,
  jail: names.assertJailName,
  release: names.assertReleaseName,
  snapshot: names.assertSnapshotName,
  pool: names.assertPoolName,
  user: names.assertUserName,
  dataset: refusing(names.datasetProblem),
  host: refusing(names.hostNameProblem),
};

describe.each([
  ['tag', ['web', 'web-1', '2016-02-10@20:14:05', 'a+b', '0', 'a'.repeat(128)]],
  ['jail', ['web', 'web.example_1', 'adae47cb-01a8-11e4-aa78-3c970ea3222f']],
  ['release', ['bookworm', '13.2-RELEASE', '13.2-RELEASE-p3', '_x']],
  ['snapshot', ['before', 'ioc-2016-02-10_20:14:05', '_x', '.x']],
  ['pool', ['tank', 'tank_1', 'z.a:b-c']],
  ['user', ['root', '_www', 'a.b', '0', 'machine$']],
  ['dataset', ['tank', 'tank/iocage/jails/web', 'tank/.hidden', 'tank/a:b']],
  ['host', ['web', 'www.example.org', 'a-b', 'my_jail', '10']],
] as const)('%s accepts', (kind, good) => {
  test.each(good)('%j', (name) => {
    expect(() => checks[kind](name)).not.toThrow();
  });
});

const never = [
  '',
  '-x',
  '--help',
  'a/../b',
  '..',
  'a b',
  'a\nb',
  'a\u0000',
  'a\u202eb',
  'ä',
  'a*',
  '$(x)',
  ';',
  "a'b",
];

describe.each([
  ['tag', [...never, 'a/b', 'a..b', 'default', 'ALL', 'help', '.a', '@a', 'a'.repeat(129)]],
  ['jail', [...never, 'a/b', 'a@b', 'a:b', 'a+b', 'default', 'ALL', 'help', '.a', '_a']],
  ['release', [...never, 'a/b', '.a', 'a@b', 'a:b']],
  ['snapshot', [...never, 'a/b', 'a@b', 'ALL', 'a#b', 'a%b']],
  ['pool', [...never, 'a/b', '0a', '_a', 'a@b']],
  ['user', [...never, 'a/b', 'a:b', 'x'.repeat(33)]],
  ['dataset', [...never, '/a', 'a/', 'a//b', 'a/./b', 'a/-b', 'a@b', 'x'.repeat(256)]],
  ['host', [...never, 'a/b', '.a', 'a.', 'a-', 'a.-b', 'x'.repeat(64), 'x.'.repeat(127) + 'x']],
] as const)('%s refuses', (kind, bad) => {
  test.each(bad)('%j', (name) => {
    expect(() => checks[kind](name)).toThrow(
      expect.objectContaining({
        code: 'INVALID_NAME',
        exit: 2,
        message: expect.stringContaining(' is not valid: '),
      }),
    );
  });
});

test('the reason is said in words', () => {
  expect(() => names.assertTag('-x')).toThrow(
    `tag "-x" is not valid: it begins with '-', which would be taken for a flag`,
  );
  expect(() => names.assertTag('a/b')).toThrow('it contains "/"');
  expect(() => names.assertTag('ALL')).toThrow('reserved');
});

test('whatever comes, a check passes or throws INVALID_NAME in one line', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(checks)), fc.string({ unit: 'binary' }), (check, name) => {
      try {
        check(name);
        expect(name).toMatch(/^[A-Za-z0-9._:$@+/-]+$/);
        expect(name.startsWith('-')).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(IocageError);
        expect((error as IocageError).message).not.toMatch(/[\n\r]/);
      }
    }),
  );
});

test('UUIDs of any version and case', () => {
  expect(names.isUuid('ADAE47CB-01a8-11e4-aa78-3c970ea3222f')).toBe(true);
  expect(names.isUuid('adae47cb-01a8-11e4-aa78-3c970ea3222')).toBe(false);
  expect(names.isUuid('adae47cb01a811e4aa783c970ea3222f')).toBe(false);
  expect(names.isUuid('adae47cb-01a8-11e4-aa78-3c970ea3222g')).toBe(false);
  fc.assert(fc.property(fc.uuid(), (uuid) => names.isUuid(uuid) && names.isJailDatasetName(uuid)));
  expect(names.isJailDatasetName('web')).toBe(true);
  expect(names.isJailDatasetName('a:b')).toBe(false);
});

test('the tag of a jail without one is its local creation time', () => {
  expect(names.timeTag(new Date(2016, 1, 10, 20, 4, 5))).toBe('2016-02-10@20:04:05');
  fc.assert(
    fc.property(
      fc.date({ min: new Date(1970, 0, 2), max: new Date(9999, 0, 1), noInvalidDate: true }),
      (date) => {
        const tag = names.timeTag(date);
        expect(tag).toMatch(/^\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d$/);
        expect(() => names.assertTag(tag)).not.toThrow();
        const [year, month, day, hour, minute, second] = tag.split(/[-@:]/).map(Number);
        expect(new Date(year!, month! - 1, day!, hour!, minute!, second!).toString()).toBe(
          new Date(Math.floor(date.getTime() / 1000) * 1000).toString(),
        );
      },
    ),
  );
});

test('the nearest word', () => {
  expect(nearest('strat', ['start', 'stop', 'restart'])).toBe('start');
  expect(nearest('destory', ['destroy', 'df'])).toBe('destroy');
  expect(nearest('zzz', ['start', 'stop'])).toBeUndefined();
  expect(nearest('x'.repeat(1000), ['start'])).toBeUndefined();
});

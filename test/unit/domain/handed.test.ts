/** Which datasets `jail_zfs` hands to a jail, where it sees them, and what is refused whatever is on the pool. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { handedDatasets, hostPathProblem, ownWordsFor } from '../../../src/domain/handed.ts';

const jail = { pool: 'tank', dataset: 'tank/iocage/jails/web' };
const look = (dataset: string, mountpoint = 'none') =>
  handedDatasets(
    jail,
    new Map([
      ['jail_zfs_dataset', dataset],
      ['jail_zfs_mountpoint', mountpoint],
    ]),
  );

describe('what is handed over', () => {
  it.each([
    ['iocage/jails/web/data', 'none', [['tank/iocage/jails/web/data', true, '/data']]],
    ['iocage/jails/web/data', '/srv/mail/', [['tank/iocage/jails/web/data', true, '/srv/mail']]],
    ['data/www', 'none', [['tank/data/www', false, '/data']]],
    ['tank/data/www', 'none', [['tank/data/www', false, '/data']]],
    [
      'iocage/jails/web/mail data/www',
      'none',
      [
        ['tank/iocage/jails/web/mail', true, '/data/mail'],
        ['tank/data/www', false, '/data/www'],
      ],
    ],
    [
      'data/a data/b',
      '/srv',
      [
        ['tank/data/a', false, '/srv/a'],
        ['tank/data/b', false, '/srv/b'],
      ],
    ],
    ['none', 'none', []],
  ] as const)('%s at %s', (words, mountpoint, expected) => {
    const { handed, problems } = look(words, mountpoint);
    expect(problems).toEqual([]);
    expect(handed.map(({ dataset, own, target }) => [dataset, own, target])).toEqual(expected);
  });

  it.each([
    ['tank', 'pool itself'],
    ['iocage', 'all jails'],
    ['tank/iocage', 'all jails'],
    ['iocage/jails', 'belongs to iocage'],
    ['iocage/releases/bookworm/root', 'belongs to iocage'],
    ['iocage/templates/golden', 'belongs to iocage'],
    ['iocage/.defaults', 'belongs to iocage'],
    ['iocage/jails/web2/data', 'another jail'],
    ['iocage/jails/web', 'the jail itself'],
    ['iocage/jails/web/root', 'the jail itself'],
    ['iocage/jails/web/root/data', "inside the jail's root"],
    ['iocage/jails/web/data/deeper', 'directly below'],
    ['data/a data/a/b', 'below another one'],
    ['data/a tank/data/a', 'twice'],
    ['data/a other/a', 'two of them'],
  ])('refuses %s', (words, why) => {
    expect(
      look(words)
        .problems.map(({ problem }) => problem)
        .join('; '),
    ).toContain(why);
  });

  it('refuses a text that is no list of datasets', () => {
    for (const text of ['data/..', '../tank', '-R', 'a@b', '/tank/data', 'a//b'])
      expect(() => look(text), text).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(look('data', '/').problems[0]).toMatchObject({ key: 'jail_zfs_mountpoint' });
  });

  it('never lets anything of iocage out but what lies directly below the jail', () => {
    const part = fc.constantFrom(
      'tank',
      'iocage',
      'jails',
      'releases',
      'templates',
      'web',
      'web2',
      'root',
      'data',
    );
    const words = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(words, (word) => {
        const { handed, problems } = look(word);
        if (problems.length > 0) return;
        const { dataset } = handed[0]!;
        expect(dataset).not.toBe('tank');
        if (dataset === 'tank/iocage' || dataset.startsWith('tank/iocage/'))
          expect(dataset).toMatch(/^tank\/iocage\/jails\/web\/(?!root$)[^/]+$/);
      }),
    );
  });
});

test.each([
  ['/', true],
  ['/usr', true],
  ['/usr/local/share', true],
  ['/etc/mail', true],
  ['/var', true],
  ['/var/lib', true],
  ['/var//lib/', true],
  ['/home', true],
  ['/home/alice', false],
  ['/var/db/mysql', false],
  ['/srv/www', false],
  ['/tank/data', false],
  ['/usrdata', false],
])('a dataset mounted at %s belongs to the system: %s', (path, is) => {
  expect(hostPathProblem(path) !== undefined).toBe(is);
});

test('a clone has the datasets of its source that are its own, under its own name', () => {
  const to = 'tank/iocage/jails/copy';
  expect(ownWordsFor('iocage/jails/web/data', jail, to)).toBe('iocage/jails/copy/data');
  expect(ownWordsFor('tank/iocage/jails/web/mail data/www', jail, to)).toBe('iocage/jails/copy/mail');
  expect(ownWordsFor('data/www', jail, to)).toBeUndefined();
  expect(ownWordsFor('iocage/jails/web2/data', jail, to)).toBeUndefined();
  expect(ownWordsFor(undefined, jail, to)).toBeUndefined();
  const template = { pool: 'tank', dataset: 'tank/iocage/templates/web' };
  expect(ownWordsFor('iocage/jails/web/mail', template, to)).toBe('iocage/jails/copy/mail');
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseGet,
  parseList,
  parseLocal,
  parseNamesAfter,
  parsePoolComments,
  parsePools,
  snapshotNumbers,
  toSnapshots,
} from '../../../../src/driver/zfs/parse.ts';

const plain = (rows: ReturnType<typeof parseList>): unknown =>
  rows.map(({ name, values, problem }) => [
    name,
    Object.fromEntries(values),
    ...(problem ? ['problem'] : []),
  ]);

describe('parseList', () => {
  it.each<[string, string, readonly string[], unknown]>([
    ['nothing', '', ['a'], []],
    ['one row', 'tank/a\t1G\ttank/a\n', ['quota'], [['tank/a', { quota: '1G' }]]],
    ['unset left out', 'tank/a\t-\tx\ttank/a\n', ['a:a', 'a:b'], [['tank/a', { 'a:b': 'x' }]]],
    [
      'names only',
      'tank/a\ttank/a\ntank/a/b\ttank/a/b\n',
      [],
      [
        ['tank/a', {}],
        ['tank/a/b', {}],
      ],
    ],
    ['an empty value', 'tank/a\t\ttank/a\n', ['a:a'], [['tank/a', { 'a:a': '' }]]],
    ['a name with a space', 'tank/a b\tx\ttank/a b\n', ['a:a'], [['tank/a b', { 'a:a': 'x' }]]],
    [
      'a tab in a value',
      'tank/a\tx\ty\ttank/a\ntank/b\tz\ttank/b\n',
      ['a:a'],
      [
        ['tank/a', {}, 'problem'],
        ['tank/b', { 'a:a': 'z' }],
      ],
    ],
    [
      'a newline in a value',
      'tank/a\tx\ny\ttank/a\ntank/b\tz\ttank/b\n',
      ['a:a'],
      [
        ['tank/a', {}, 'problem'],
        ['y', {}, 'problem'],
        ['tank/b', { 'a:a': 'z' }],
      ],
    ],
    ['too few fields', 'tank/a\ttank/a\n', ['a:a'], [['tank/a', {}, 'problem']]],
    [
      'a line cut short',
      'tank/a\tx\ttank/a\ntank/b\tx',
      ['a:a'],
      [
        ['tank/a', { 'a:a': 'x' }],
        ['tank/b', {}, 'problem'],
      ],
    ],
    [
      'the same name twice',
      'tank/a\t1\ttank/a\ntank/b\t2\ttank/b\ntank/a\t3\ttank/a\n',
      ['a:a'],
      [
        ['tank/a', {}, 'problem'],
        ['tank/b', {}, 'problem'],
      ],
    ],
    [
      'a row made up inside a value',
      'tank/a\tx\ttank/a\ntank/ghost\t1\ttank/ghost\ntank/a\ty\ttank/a\n',
      ['a:a'],
      [
        ['tank/a', {}, 'problem'],
        ['tank/ghost', {}, 'problem'],
      ],
    ],
    ['no name at all', '\t\t\n\n-r\tx\t-r\n', ['a:a'], []],
  ])('reads %s', (_what, text, columns, expected) => {
    expect(plain(parseList(text, columns))).toEqual(expected);
  });

  const name = fc
    .array(fc.stringMatching(/^[a-c]{1,2}$/), { minLength: 1, maxLength: 2 })
    .map((parts) => ['tank', ...parts].join('/'));
  // Values that look like what surrounds them.
  const evil = fc
    .array(
      fc.oneof(
        fc.constantFrom('\t', '\n', '-', 'x', '', 'tank/a', 'tank/b', 'tank/a/b', 'tank/ghost'),
        fc.string({ maxLength: 3 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''));
  const forgery = fc.tuple(name, name, name).map(([a, b, c]) => `x\t${a}\n${b}\ty\t${b}\n${c}\tz`);
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.stringMatching(/^[ -~]{1,6}$/) },
    { weight: 1, arbitrary: evil },
    { weight: 1, arbitrary: forgery },
  );
  const table = fc
    .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 6 })
    .map((rows) => rows.sort(([a], [b]) => (a < b ? -1 : 1)));

  it('never gives a row values that are not its own, and never loses a dataset', () => {
    fc.assert(
      fc.property(table, (rows) => {
        const text = rows.map(([key, each]) => `${key}\t${each}\t${key}\n`).join('');
        const truth = new Map(rows);
        const read = parseList(text, ['a:a']);
        for (const row of read) {
          if (row.problem !== undefined) {
            expect(row.values.size).toBe(0);
            continue;
          }
          expect([...truth.keys()]).toContain(row.name);
          const real = truth.get(row.name)!;
          expect(row.values.get('a:a')).toBe(real === '-' ? undefined : real);
        }
        expect(read.map((row) => row.name)).toEqual(expect.arrayContaining([...truth.keys()]));
        expect(new Set(read.map((row) => row.name)).size).toBe(read.length);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads every row when no value holds tabs or newlines', () => {
    const tame = fc.uniqueArray(fc.tuple(name, fc.stringMatching(/^[ -~]{1,20}$/)), {
      selector: ([key]) => key,
    });
    fc.assert(
      fc.property(tame, (rows) => {
        const text = rows.map(([key, each]) => `${key}\t${each}\t${key}\n`).join('');
        expect(parseList(text, ['a:a']).every(({ problem }) => problem === undefined)).toBe(true);
      }),
    );
  });

  it('survives any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.nat(3),
        (text, n) => void parseList(text, Array(n).fill('a:a') as string[]),
      ),
    );
  });
});

describe('parsePools', () => {
  // zfs list -H -d 0 -o name,mountpoint,org.freebsd.ioc:active,org.freebsd.iocage:disposable,name
  it('reads marker, activation and mount point', () => {
    const text =
      'tank\t/tank\tyes\t-\ttank\n' +
      'spare\tnone\t-\tyes\tspare\n' +
      'zroot\tlegacy\tno\t-\tzroot\n' +
      'odd\t/odd\tyes\tand\ttabs\todd\n';
    expect(parsePools(text)).toEqual([
      { name: 'tank', active: true, activeBy: 'property', disposable: false, mountpoint: '/tank' },
      { name: 'spare', active: false, disposable: true, mountpoint: undefined },
      { name: 'zroot', active: false, disposable: false, mountpoint: undefined },
      { name: 'odd', active: false, disposable: false, mountpoint: undefined },
    ]);
  });

  it('reads no pools', () => expect(parsePools('')).toEqual([]));
});

describe('parsePoolComments', () => {
  it('takes exactly the word iocage', () => {
    const text = 'tank\tiocage\niocage\t-\nother\tmy iocage\nodd\tiocage\tx\nzroot\tiocage2\n';
    expect([...parsePoolComments(text)]).toEqual(['tank']);
  });
});

describe('parseGet', () => {
  it('reads what zfs-fuse prints', () => {
    const text = [
      'p/a\tused\t360448\tused\tp/a',
      'p/a\tt:x\ty\tt:x\tp/a',
      'p/a@one\tused\t0\tused\tp/a@one',
      'p/a@one\tt:x\t-\tt:x\tp/a@one',
      'p/a\tcompressratio\t1.00x\tcompressratio\tp/a',
      '',
    ].join('\n');
    const { values, doubtful } = parseGet(text);
    expect(doubtful).toBe(false);
    expect(Object.fromEntries(values.get('p/a')!)).toEqual({
      used: '360448',
      't:x': 'y',
      compressratio: '1.00x',
    });
    expect(Object.fromEntries(values.get('p/a@one')!)).toEqual({ used: '0' });
  });

  it('puts the x back that OpenZFS leaves away with -p', () => {
    expect(parseGet('p\tcompressratio\t1.53\tcompressratio\tp\n').values.get('p')?.get('compressratio')).toBe(
      '1.53x',
    );
  });

  it('drops what a value made up', () => {
    const text = 'p/a\tt:x\tx\np/a@ghost\tused\t1\tused\tp/a@ghost\ny\tt:x\tp/a\np/a\tused\t5\tused\tp/a\n';
    const { values, doubtful } = parseGet(text);
    expect(doubtful).toBe(true);
    expect(values.get('p/a@ghost')?.size ?? 0).toBe(0);
    expect(Object.fromEntries(values.get('p/a')!)).toEqual({ used: '5' });
  });

  const word = fc.constantFrom('p/a', 'p/b', 'p/a@s', 'used', 't:x', '\t', '\n', 'y', '1');
  const value = fc.oneof(
    fc.stringMatching(/^[ -~]{1,4}$/),
    fc.array(word, { maxLength: 14 }).map((words) => words.join('')),
    fc.array(word, { maxLength: 14 }).map((words) => words.join('\t')),
  );

  it('never gives a value away as another one', () => {
    const keys = ['p/a', 'p/b', 'p/a@s'].flatMap((name) =>
      ['used', 't:x'].map((property) => [name, property] as const),
    );
    fc.assert(
      fc.property(fc.tuple(...keys.map(() => value)), (values) => {
        const text = keys
          .map(([name, property], i) => `${name}\t${property}\t${values[i]}\t${property}\t${name}\n`)
          .join('');
        const got = parseGet(text);
        for (const [name, read] of got.values) {
          for (const [property, each] of read) {
            const index = keys.findIndex(([n, p]) => n === name && p === property);
            expect(values[index], `${name} ${property}`).toBe(each);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('survives any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseGet(text)));
  });
});

describe('toSnapshots', () => {
  const lines = (name: string, txg: number, more: readonly (readonly [string, string])[] = []): string =>
    [
      ['creation', '1795317730'],
      ['used', '4096'],
      ['referenced', '114688'],
      ['createtxg', String(txg)],
      ...more,
    ]
      .map(([key, each]) => `${name}\t${key}\t${each}\t${key}\t${name}\n`)
      .join('');

  it('takes snapshots only, oldest first, a parent before its children', () => {
    const text =
      lines('p/a', 9) + lines('p/a@b', 34) + lines('p/a@a', 54, [['t:x', 'y']]) + lines('p/a/root@b', 34);
    const rows = toSnapshots(parseGet(text), ['t:x']);
    expect(rows.map(({ name }) => name)).toEqual(['p/a@b', 'p/a/root@b', 'p/a@a']);
    expect(rows[2]).toEqual({
      name: 'p/a@a',
      dataset: 'p/a',
      snapshot: 'a',
      createdAt: 1795317730,
      usedBytes: 4096,
      referencedBytes: 114688,
      createTxg: 54,
      values: new Map([['t:x', 'y']]),
    });
  });

  it('leaves out what has no numbers', () => {
    expect(toSnapshots(parseGet('p/a@b\tused\tx\tused\tp/a@b\n'), [])).toEqual([]);
    expect(snapshotNumbers).toContain('createtxg');
  });
});

describe('parseLocal', () => {
  it('reads properties, the doubtful ones left out', () => {
    expect(Object.fromEntries(parseLocal('quota\t10485760\tquota\nt:x\ty z\tt:x\n'))).toEqual({
      quota: '10485760',
      't:x': 'y z',
    });
    expect(Object.fromEntries(parseLocal('t:x\ta\nquota\t1\tquota\nb\tt:x\nt:y\tz\tt:y\n'))).toEqual({
      't:y': 'z',
    });
    expect(parseLocal('').size).toBe(0);
  });

  it('survives any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseLocal(text)));
  });
});

describe('parseNamesAfter', () => {
  it('takes the names that follow, and nothing else', () => {
    const text =
      "cannot destroy 'p/a@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\np/b\np/c/d@x\n";
    expect(parseNamesAfter(text, /^use '-R' to destroy the following/)).toEqual(['p/b', 'p/c/d@x']);
    expect(parseNamesAfter(text, /^nothing/)).toEqual([]);
  });
});

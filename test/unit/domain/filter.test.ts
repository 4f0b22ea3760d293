/** Filters: the vectors of libiocage's filter grammar, and what holds for every pattern and every text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coerce,
  explain,
  isSourceName,
  matches,
  matchesName,
  parseFilter,
  printFilter,
  valueFits,
  valueText,
  type Filterable,
  type FilterValue,
} from '../../../src/domain/filter.ts';
import { fits, isPattern, parseGlob } from '../../../src/domain/glob.ts';

const uuid = '7e3a1b2c-0d4f-4a5b-8c6d-9e0f1a2b3c4d';

function jail(
  name: string,
  values: Record<string, FilterValue> = {},
  more: Partial<Pick<Filterable, 'source' | 'names'>> = {},
): Filterable {
  return { names: [name], value: (key) => (key in values ? values[key] : undefined), ...more };
}

const found = (words: string | string[], resource: Filterable): boolean =>
  matches(parseFilter(words), resource);

describe('patterns', () => {
  it.each([
    ['web*', 'webserver', true],
    ['web*', 'web', true],
    ['web+', 'web', false],
    ['web+', 'web1', true],
    ['a.b', 'axb', false],
    ['a[x]b', 'axb', false],
    ['a[x]b', 'a[x]b', true],
    ['a|b', 'a', false],
    ['(a)', '(a)', true],
    ['a\\d', 'a1', false],
    ['^a$', 'a', false],
    ['*', '', true],
    ['+', '', false],
    ['++', 'a', false],
    ['*+', 'a', true],
    ['*b*', 'abc', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a+a', 'aa', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a+ab', 'aab', false],
    ['*ab', 'abab', true],
    ['Web', 'web', false],
    ['web+1', 'web+1', true],
  ])('%s over %s: %s', (pattern, text, fit) => {
    expect(fits(parseGlob(pattern), text)).toBe(fit);
  });

  it('agrees with the regular expression that it stands for, over any text', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '+', '['), maxLength: 10 });
    fc.assert(
      fc.property(word, word, (pattern, text) => {
        const source = [...pattern]
          .map((character) =>
            character === '*' ? '.*' : character === '+' ? '.+' : character.replace(/[.[]/, '\\$&'),
          )
          .join('');
        expect(fits(parseGlob(pattern), text)).toBe(new RegExp(`^${source}$`, 's').test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('a text that would hold a regular expression up for years takes no time', () => {
    const glob = parseGlob('*a'.repeat(2000) + '*b');
    const started = performance.now();
    expect(fits(glob, 'a'.repeat(100_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('names', () => {
  it('by themselves they are joined with OR, in one word and in several', () => {
    expect(found(['foo', 'bar'], jail('foo'))).toBe(true);
    expect(found(['foo', 'bar'], jail('bar'))).toBe(true);
    expect(found(['foo,bar'], jail('bar'))).toBe(true);
    expect(found('foo bar', jail('bar'))).toBe(true);
    expect(found(['foo', 'bar'], jail('baz'))).toBe(false);
  });

  it('name=… is a term like others: all of them hold', () => {
    expect(found(['name=a*', 'name=*z'], jail('abz'))).toBe(true);
    expect(found(['name=a*', 'name=*z'], jail('ab'))).toBe(false);
    expect(found(['name=foo,bar'], jail('bar'))).toBe(true);
    expect(found(['foo*', 'name=*1,*2'], jail('foo2'))).toBe(true);
  });

  it('each selector has a source of its own', () => {
    const filter = parseFilter('one/foo,two/bar');
    const names = (source: string | undefined, name: string) =>
      matchesName(filter, { names: [name], ...(source === undefined ? {} : { source }) });
    expect(names('one', 'foo')).toBe(true);
    expect(names('two', 'bar')).toBe(true);
    expect(names('two', 'foo')).toBe(false);
    expect(names(undefined, 'foo')).toBe(false);
    expect(matchesName(parseFilter('foo'), { source: 'two', names: ['foo'] })).toBe(true);
    expect(matchesName(parseFilter('one/*'), { source: 'one', names: ['any'] })).toBe(true);
  });

  it('the first eight characters of a UUID name a jail, others do not', () => {
    const resource = jail('web', {}, { names: ['web', uuid] });
    expect(found(uuid.slice(0, 8), resource)).toBe(true);
    expect(found(uuid.slice(0, 7), resource)).toBe(false);
    expect(found(uuid, resource)).toBe(true);
    expect(found('webserve', jail('webserver'))).toBe(false);
  });

  it.each([
    ['', 'it is empty'],
    ['a,,b', 'a name is empty'],
    ['one/', 'a name is empty'],
    ['-f', `a name begins with '-', which would be taken for a flag`],
    ['a b/c', '"b"'],
    ['on e!/a', '"e!" is no name of a source'],
    ['/a', '"" is no name of a source'],
    ['one/a/b', 'one / at most'],
    ['=on', '"" is no name of a property'],
    ['a b=c=d e\\ f=g', '"e\\\\ f" is no name of a property'],
  ])('%j is refused: %s', (word, problem) => {
    if (word === 'a b/c') expect(found([word], jail('a'))).toBe(true);
    else expect(() => parseFilter([word])).toThrow(problem);
  });

  it('names of sources', () => {
    expect(['a', 'my-source', 'a_b-c', '0'].every(isSourceName)).toBe(true);
    expect(['', '-a', 'a-', 'a--b', 'a.b', 'a b'].some(isSourceName)).toBe(false);
  });
});

describe('terms', () => {
  it('all terms hold, one value of each', () => {
    const web = jail('web', { boot: true, release: '14.1-RELEASE', 'user.x': 'a,b', template: null });
    expect(found(['boot=1'], web)).toBe(true);
    expect(found(['boot=on', 'release=14*'], web)).toBe(true);
    expect(found(['boot=on', 'release=13*'], web)).toBe(false);
    expect(found(['release=13*,14*'], web)).toBe(true);
    expect(found(['user.x=a\\,b'], web)).toBe(true);
    expect(found(['user.x=a,c'], web)).toBe(false);
    expect(found(['template=no,-'], web)).toBe(true);
    expect(found(['template='], web)).toBe(true);
    expect(found(['template=yes'], web)).toBe(false);
  });

  it('switches in every spelling, lists by one element, blanks with a backslash', () => {
    const web = jail('web', { boot: 'off', tags: ['blue', 'green'], note: 'two words', empty: [] });
    expect(['no', 'off', 'false', '0', 'NO'].every((word) => found(`boot=${word}`, web))).toBe(true);
    expect(found('boot=n*', web)).toBe(true);
    expect(found('tags=green', web)).toBe(true);
    expect(found('tags=blue\\,green', web)).toBe(true);
    expect(found('tags=re*', web)).toBe(false);
    expect(found('note=two\\ words', web)).toBe(true);
    expect(found('note=two words', jail('words', { note: 'two' }))).toBe(true);
    expect(found('empty=-', web)).toBe(true);
  });

  it('state in the words of both lines', () => {
    const up = jail('web', { state: 'up' });
    const down = jail('web', { state: 'down' });
    for (const word of ['up', 'running']) {
      expect(found(`state=${word}`, up)).toBe(true);
      expect(found(`state=${word}`, down)).toBe(false);
    }
    for (const word of ['down', 'stopped']) expect(found(`state=${word}`, down)).toBe(true);
    expect(found('state=up,down', down)).toBe(true);
    expect(found('state=corrupt', jail('web', { state: 'corrupt' }))).toBe(true);
  });

  it('a property that there is not is an error, but only of jails whose name fits', () => {
    expect(() => found('nothing=1', jail('web'))).toThrow('unsupported property: "nothing"');
    expect(found(['other', 'nothing=1'], jail('web'))).toBe(false);
  });

  it('nothing at all means all', () => {
    expect(found([], jail('web'))).toBe(true);
    expect(found('', jail('web'))).toBe(true);
  });
});

describe('texts of values', () => {
  it.each([
    ['YES', true],
    ['Off', false],
    ['-', null],
    ['none', null],
    ['', null],
    ['notfalse', 'notfalse'],
  ])('%j means %j', (text, value) => expect(coerce(text)).toBe(value));

  it.each<[FilterValue, string]>([
    [true, 'yes'],
    [null, '-'],
    [[], '-'],
    [['a', 'b'], 'a,b'],
    ['1', 'yes'],
    [1, '1'],
  ])('%j is shown as %j', (value, text) => expect(valueText(value)).toBe(text));

  it('whatever is shown of a value finds it', () => {
    const value = fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null), fc.array(fc.string()));
    fc.assert(
      fc.property(value, (one) => {
        const glob = parseGlob(valueText(one));
        fc.pre(!isPattern(glob));
        expect(valueFits(glob, one)).toBe(true);
      }),
    );
  });
});

describe('printed and explained', () => {
  it('a printed filter is read as the same one', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', '*', '+', ',', ' ', '\\', '.', '|'),
      maxLength: 8,
    });
    const list = fc.array(text, { minLength: 1, maxLength: 3 }).map((all) => all.join(','));
    const term = fc
      .tuple(fc.constantFrom('boot', 'state', 'user.x', 'name'), list)
      .map((pair) => pair.join('='));
    fc.assert(
      fc.property(fc.array(fc.oneof(list, term)), (words) => {
        let filter;
        try {
          filter = parseFilter(words);
        } catch {
          return;
        }
        expect(parseFilter(printFilter(filter))).toEqual(filter);
      }),
    );
  });

  it('in words', () => {
    expect(explain(parseFilter(['a', 'one/b*', 'boot=on', 'x=no,-,']))).toBe(
      'name is a or one/b*, and boot is on, and x is no or - or none',
    );
    expect(explain(parseFilter([]))).toBe('all');
  });
});

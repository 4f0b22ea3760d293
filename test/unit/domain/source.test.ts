import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRcConf } from '../../../src/domain/format/rc-conf.ts';
import {
  assertSources,
  parseSources,
  realmOf,
  sourcesInRcConf,
  splitWord,
} from '../../../src/domain/source.ts';

const valueOf = (text: string, name = 'a') => readRcConf(text).get(name)?.value;

describe('rc.conf as text', () => {
  it.each([
    ['a=1', '1'],
    ['a="x y"', 'x y'],
    [`a='x "y"'`, 'x "y"'],
    ['a="x"y\'z\'', 'xyz'],
    ['  a=1   # a word', '1'],
    ['a=x#y', 'x#y'],
    ['a="x # y" # z', 'x # y'],
    ['a="x\\"y"', 'x"y'],
    ['a="x\\y"', 'x\\y'],
    ['a=x\\ y', 'x y'],
    ['a="one\ntwo"', 'one\ntwo'],
    ['a=one\\\ntwo', 'onetwo'],
    ['b=1; a=2', '2'],
    ['b=1 a=2', '2'],
    ['a=1\na=2', '2'],
    ['a=\nb=1', ''],
    ['a=1\r\n', '1'],
    ['# a=1', undefined],
    ['echo a=1', undefined],
    ['a=1 command', undefined],
    ['A=1', undefined],
    ['a=$b', undefined],
    ['a="`date`"', undefined],
    ["a='$b'", '$b'],
    ['a="never ends\nb=1', undefined],
    ['. /etc/rc.conf.other\na=1', '1'],
    ['if true; then a=1; fi', undefined],
  ])('%j', (text, value) => {
    expect(valueOf(text)).toBe(value);
  });

  it('keeps the order of first appearance, with the last value', () => {
    const found = readRcConf('# first\nb="1"\na=2\nb=3\n');
    expect([...found]).toEqual([
      ['b', { value: '3', line: 4 }],
      ['a', { value: '2', line: 3 }],
    ]);
  });

  it('ends, whatever the text, and knows no name that is not in it', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab=" \'\\#;\n$`&|'), maxLength: 40 });
    fc.assert(
      fc.property(text, (any) => {
        for (const name of readRcConf(any).keys()) expect(any).toContain(`${name}=`);
      }),
    );
  });

  it('reads back what was quoted', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(valueOf(`a='${value.replaceAll("'", `'"'"'`)}' # b`)).toBe(value);
      }),
    );
  });
});

describe('sources', () => {
  it('come from rc.conf in the order of the file', () => {
    const text =
      'ioc_enable=YES\nioc_dataset_new="tank/jails" # main\nioc_dataset_old=tank/old\nioc_dataset_no=""\n';
    expect(sourcesInRcConf(text, '/etc/rc.conf')).toEqual([
      { name: 'new', root: 'tank/jails' },
      { name: 'old', root: 'tank/old' },
    ]);
  });

  it.each([
    ['ioc_dataset_a=$x', 'only a shell'],
    ['ioc_dataset_a=tank/a\nioc_dataset_b=tank/a/b', 'not apart'],
    ['ioc_dataset_a=tank', 'a whole pool; jails of a pool lie in tank/iocage'],
    ['ioc_dataset_a=tank/a\nioc_dataset_b=tank/a', 'not apart'],
    ['ioc_dataset_a__b=tank/a', 'its name'],
    ['ioc_dataset_a=tank/iocage/jails/web', 'inside of POOL/iocage'],
    ['ioc_dataset_a="tank/a b"', 'tank/a b'],
    ['ioc_dataset_a=-r', '-r'],
    ['ioc_dataset_a=/tank', '/tank'],
    [`ioc_dataset_a=t/${'x'.repeat(120)}`, 'longer than'],
  ])('%j is refused with the line', (text, problem) => {
    expect(() => sourcesInRcConf(text, 'rc')).toThrow(
      expect.objectContaining({ code: 'INVALID_SOURCE', message: expect.stringContaining(problem) }),
    );
    expect(() => sourcesInRcConf(text, 'rc')).toThrow(/rc:\d/);
  });

  it('are words with an equals sign', () => {
    expect(parseSources(['a=tank/x', 'b=tank/y'])).toEqual([
      { name: 'a', root: 'tank/x' },
      { name: 'b', root: 'tank/y' },
    ]);
    expect(() => parseSources(['a=tank/x', 'a=tank/y'])).toThrow(/twice/);
    expect(() => parseSources(['=tank/x'])).toThrow(/its name/);
  });

  it('may begin alike', () => {
    const alike = [
      { name: 'a', root: 'tank/ioc' },
      { name: 'b', root: 'tank/ioc2' },
    ];
    expect(() => assertSources(alike, 'here')).not.toThrow();
  });

  it('have realms of their own, which for POOL/iocage is the pool', () => {
    expect(realmOf('tank/iocage')).toBe('tank');
    expect(realmOf('tank')).toBe('tank+');
    expect(realmOf('tank/jails/old')).toBe('tank+jails+old');
    const part = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.:-]{0,5}$/);
    const root = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(root, root, (one, other) => {
        expect(realmOf(one) === realmOf(other)).toBe(one === other);
        expect(realmOf(one)).not.toContain('/');
      }),
    );
  });

  it('stand before the first slash of a word', () => {
    expect(splitWord('old/web')).toEqual({ source: 'old', name: 'web' });
    for (const word of ['web', '/', '/web', '../web', '$(x)/web', '-r/web', '*/web'])
      expect(splitWord(word)).toEqual({ source: undefined, name: word });
  });
});

it('rc.conf of a hundred thousand lines is read in time that grows with its length', () => {
  const text = `${Array.from({ length: 100_000 }, (_, index) => `v${index}=1 # x\n\n`).join('')}last="2"`;
  const started = performance.now();
  const found = readRcConf(text);
  expect(performance.now() - started).toBeLessThan(3000);
  expect(found.size).toBe(100_001);
  expect(found.get('last')).toEqual({ value: '2', line: 200_001 });
});

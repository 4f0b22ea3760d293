import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  centre,
  cut,
  oneLine,
  padEnd,
  padStart,
  printable,
  width,
  wrap,
} from '../../../src/cli/print/text.ts';

describe('printable', () => {
  test.each([
    ['plain', 'plain'],
    ['a\tb', 'a\\tb'],
    ['a\nb', 'a\\nb'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['\u009b1m', '\\x9b1m'],
    ['a\u202eb', 'a\\u202eb'],
    ['größe 日本', 'größe 日本'],
  ])('%j becomes %s', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('nothing that moves a cursor is left', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
    );
  });

  test('a message of several lines becomes one', () => {
    expect(oneLine('first\n  second\r\nthird\n')).toBe('first; second; third');
  });
});

describe('width', () => {
  test.each([
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['ｗｉｄｅ', 8],
    ['한글', 4],
    ['📦', 2],
    ['\u200b', 0],
  ])('%j takes %i columns', (text, columns) => {
    expect(width(text)).toBe(columns);
  });

  test('padding fills up to the width and never cuts', () => {
    const line = fc.string({ unit: 'grapheme' }).map(printable);
    fc.assert(
      fc.property(line, fc.nat(40), (text, columns) => {
        for (const pad of [padEnd, padStart, centre]) {
          const padded = pad(text, columns);
          expect(width(padded)).toBe(Math.max(width(text), columns));
          expect(padded).toContain(text);
        }
        expect(width(cut(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  test('an odd blank goes to the right', () => {
    expect(centre('ab', 5)).toBe(' ab  ');
  });
});

test('wrap keeps every word and the limit', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 30 });
  fc.assert(
    fc.property(words, (list) => {
      const lines = wrap(list.join(' '), 20);
      expect(lines.join(' ').split(' ').filter(Boolean)).toEqual(list);
      for (const line of lines) expect(width(line)).toBeLessThanOrEqual(20);
    }),
  );
});

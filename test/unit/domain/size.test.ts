/** Sizes: exact both ways, and the short form captured from `zfs list`. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ValueProblem } from '../../../src/domain/property.ts';
import { humanSize, parseSize, printSize, sizeOrNone } from '../../../src/domain/size.ts';

test.each([
  ['0', 0],
  ['512', 512],
  ['512B', 512],
  ['1k', 1024],
  ['10GB', 10 * 2 ** 30],
  ['1.5G', 1.5 * 2 ** 30],
  ['0.1K', 102],
  ['1.1M', 1153433],
  ['7P', 7 * 2 ** 50],
])('%j is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['', 'G', '1.', '.5G', '-1G', '1e3', '1KiB', '1 0', '10G none', '0x10', '8P', '1E'])(
  '%j is no size',
  (text) => {
    expect(() => parseSize(text)).toThrow(ValueProblem);
  },
);

test('every amount has an exact text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.maxSafeNat(),
        fc.nat(4096).map((count) => count * 2 ** 30),
      ),
      (bytes) => {
        expect(parseSize(printSize(bytes))).toBe(bytes);
        expect(sizeOrNone.parse(sizeOrNone.print(bytes || null))).toBe(bytes || null);
      },
    ),
  );
});

/** Half of these sit on the edges of rounding and of the five characters that zfs(8) allows. */
test.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1K'],
  [1152, '1.12K'],
  [1280, '1.25K'],
  [1408, '1.38K'],
  [1567, '1.53K'],
  [1536 * 1024, '1.50M'],
  [10 * 1024 + 512, '10.5K'],
  [12984320, '12.4M'],
  [130023424, '124M'],
  [2 ** 31, '2G'],
  [2 ** 31 + 1, '2.00G'],
  [1023 * 1024 + 1023, '1024K'],
  [999.5 * 1024, '1000K'],
  [5 * 2 ** 40 + 2 ** 38, '5.25T'],
])('%d bytes are shown as %j', (bytes, shown) => {
  expect(humanSize(bytes)).toBe(shown);
});

test('the short form is near the amount and never long', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.nat(2 ** 21), (low, high) => {
      const bytes = high * 2 ** 31 + low;
      const shown = humanSize(bytes);
      expect(shown.length).toBeLessThanOrEqual(5);
      expect(Math.abs(parseSize(shown) - bytes)).toBeLessThanOrEqual(bytes * 0.006 + 1);
    }),
  );
});

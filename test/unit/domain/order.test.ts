import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { compareNatural } from '../../../src/domain/order.ts';

describe('the order of names', () => {
  it('counts numbers as numbers', () => {
    const names = ['node_10', 'node_9', 'a', 'node_1', '10', '9', 'b2c10', 'b2c9', ''];
    expect(names.sort(compareNatural)).toEqual([
      '',
      '9',
      '10',
      'a',
      'b2c9',
      'b2c10',
      'node_1',
      'node_9',
      'node_10',
    ]);
  });

  it('is an order: antisymmetric, transitive, and equal only for what is equal', () => {
    const name = fc.stringMatching(/^[a-c0-9._-]{0,6}$/);
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareNatural(a, b))).toBe(-Math.sign(compareNatural(b, a)) + 0);
        if (compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0)
          expect(compareNatural(a, c)).toBeLessThanOrEqual(0);
        expect(compareNatural(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

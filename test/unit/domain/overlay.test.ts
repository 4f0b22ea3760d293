import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Overlay } from '../../../src/domain/overlay.ts';

test('an overlay is what a copy with the same changes is, in the same order', () => {
  const pairs = fc.array(fc.tuple(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e'), fc.string()));
  fc.assert(
    fc.property(pairs, pairs, (below, above) => {
      const base = new Map(below);
      const [overlay, copy] = [new Overlay(base, (_, text) => text), new Map(base)];
      for (const [key, value] of above) {
        overlay.set(key, value);
        copy.set(key, value);
      }
      expect([...overlay]).toEqual([...copy]);
      expect([...overlay.keys()]).toEqual([...copy.keys()]);
      expect([...overlay.values()]).toEqual([...copy.values()]);
      expect(overlay.size).toBe(copy.size);
      for (const key of ['a', 'e', 'z'])
        expect([overlay.get(key), overlay.has(key)]).toEqual([copy.get(key), copy.has(key)]);
      const seen: string[][] = [];
      overlay.forEach((value, key) => seen.push([key, value]));
      expect(seen).toEqual([...copy]);
      expect(base).toEqual(new Map(below));
    }),
  );
});

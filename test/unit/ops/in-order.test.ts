/** The order in which rcboot begins and ends its work; the work itself is promises that the test settles. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inOrder } from '../../../src/ops/host/boot.ts';
import type { PlacedNode } from '../../../src/domain/boot.ts';

const node = (id: string, rank: number, ...needs: string[]): PlacedNode =>
  ({ id, rank, needs }) as PlacedNode;

/** Work that goes on until `end`; patience that lasts until `tire`. */
function stage() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const tires = new Map<string, () => void>();
  let last = '';
  return {
    begun,
    work: ({ id }: PlacedNode) => {
      begun.push(id);
      last = id;
      return new Promise<void>((done) => ends.set(id, done));
    },
    patience: () => new Promise<void>((done) => tires.set(last, done)),
    end: async (...ids: string[]) => {
      for (const id of ids) ends.get(id)!();
      await turn();
    },
    tire: async (id: string) => {
      tires.get(id)!();
      await turn();
    },
  };
}

it('begins by rank and need, no more at once than there are slots', async () => {
  const { begun, work, end } = stage();
  const done = inOrder([node('a', 1), node('b', 1), node('c', 1), node('d', 2), node('e', 2, 'd')], 2, work);
  await turn();
  expect(begun).toEqual(['a', 'b']);
  await end('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('a');
  expect(begun).toEqual(['a', 'b', 'c']);
  await end('c');
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  await end('d');
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  await end('e');
  await done;
});

it('one that takes long gives its slot and its rank away; who needs it waits, and nobody waits for that one', async () => {
  const { begun, work, patience, end, tire } = stage();
  const order = [
    node('hangs', 1),
    node('next', 2),
    node('needs', 1, 'hangs'),
    node('needs too', 1, 'needs'),
    node('last', 3),
  ];
  const done = inOrder(order, 1, work, patience);
  await turn();
  expect(begun).toEqual(['hangs']);
  await tire('hangs');
  expect(begun).toEqual(['hangs', 'next']);
  await end('next');
  expect(begun).toEqual(['hangs', 'next', 'last']);
  await end('hangs');
  expect(begun).toEqual(['hangs', 'next', 'last']);
  await end('last');
  expect(begun).toEqual(['hangs', 'next', 'last', 'needs']);
  await end('needs');
  await end('needs too');
  await done;
  expect(begun).toHaveLength(5);
});

/** The order in which jails start and stop. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startOrder, stopOrder, type BootNode } from '../../../src/domain/boot.ts';

const node = (id: string, priority = 99, ...needs: string[]): BootNode => ({ id, priority, needs });
const ids = (nodes: readonly { id: string }[]): string => nodes.map(({ id }) => id).join(' ');

describe('startOrder', () => {
  it.each<[string, readonly BootNode[], string, string]>([
    ['nothing', [], '', ''],
    ['equal ones as they were given', [node('b'), node('a')], 'b a', ''],
    ['lower numbers first', [node('a', 20), node('b', 3), node('c', 100)], 'b a c', ''],
    ['what is needed first, whatever its number', [node('web', 1, 'db'), node('db', 99)], 'db web', ''],
    [
      'what an early one needs before others',
      [node('x', 5), node('web', 1, 'db'), node('db')],
      'db web x',
      '',
    ],
    ['a chain', [node('a', 1, 'b'), node('b', 1, 'c'), node('c', 1)], 'c b a', ''],
    [
      'a diamond',
      [node('a', 9, 'b', 'c'), node('b', 9, 'd'), node('c', 9, 'd'), node('d', 9)],
      'd b c a',
      '',
    ],
    ['a circle is named, the others go on', [node('a', 9, 'b'), node('b', 9, 'a'), node('c')], 'c', 'a b'],
    ['one that needs itself', [node('a', 9, 'a'), node('b')], 'b', 'a'],
    ['one behind a circle is placed', [node('a', 9, 'a'), node('b', 9, 'a')], 'b', 'a'],
    [
      'two circles',
      [node('a', 9, 'b'), node('b', 9, 'a'), node('c', 9, 'd'), node('d', 9, 'c')],
      '',
      'a b|c d',
    ],
    ['a need that is not there', [node('a', 9, 'gone')], 'a', ''],
  ])('%s', (_, nodes, order, cycles) => {
    const found = startOrder(nodes);
    expect(ids(found.order)).toBe(order);
    expect(found.cycles.map((group) => group.join(' ')).join('|')).toBe(cycles);
  });

  it('an early jail hands its number down to what it needs', () => {
    const { order } = startOrder([node('web', 1, 'db'), node('db', 50, 'disk'), node('disk')]);
    expect(order.map(({ id, rank }) => [id, rank])).toEqual([
      ['disk', 1],
      ['db', 1],
      ['web', 1],
    ]);
  });
});

/** Up to nine points with any needs, those that are not there and circles among them. */
const anyGraph = fc.integer({ min: 0, max: 9 }).chain((count) =>
  fc.array(
    fc.record({
      priority: fc.integer({ min: 0, max: 99 }),
      needs: fc.uniqueArray(fc.integer({ min: 0, max: Math.max(count, 1) }), { maxLength: 3 }),
    }),
    { minLength: count, maxLength: count },
  ),
);
const toNodes = (rows: readonly { priority: number; needs: readonly number[] }[]): readonly BootNode[] =>
  rows.map(({ priority, needs }, index) => ({ id: `j${index}`, priority, needs: needs.map((n) => `j${n}`) }));

/** Whether a point reaches itself, found the slow way. */
function circles(nodes: readonly BootNode[], start: string): boolean {
  const seen = new Set<string>();
  const waiting = [...(nodes.find(({ id }) => id === start)?.needs ?? [])];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (id === start) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    waiting.push(...(nodes.find((other) => other.id === id)?.needs ?? []));
  }
  return false;
}

describe('any graph', () => {
  it('is placed without those in circles, each once, each after what it needs and no later rank first', () => {
    fc.assert(
      fc.property(anyGraph, (rows) => {
        const nodes = toNodes(rows);
        const { order, cycles } = startOrder(nodes);
        const circling = nodes.filter(({ id }) => circles(nodes, id)).map(({ id }) => id);
        expect(cycles.flat().toSorted()).toEqual(circling);
        expect(order.map(({ id }) => id).toSorted()).toEqual(
          nodes.map(({ id }) => id).filter((id) => !circling.includes(id)),
        );
        order.forEach((placed, at) => {
          for (const need of placed.needs) {
            const where = order.findIndex(({ id }) => id === need);
            expect(where).toBeLessThan(at);
            if (where >= 0) expect(order[where]!.rank).toBeLessThanOrEqual(placed.rank);
          }
          if (at > 0) expect(order[at - 1]!.rank).toBeLessThanOrEqual(placed.rank);
        });
      }),
    );
  });

  it('is placed the same way each time', () => {
    fc.assert(
      fc.property(anyGraph, (rows) => {
        expect(startOrder(toNodes(rows))).toEqual(startOrder(toNodes(structuredClone(rows))));
      }),
    );
  });

  it('stops all, what needs another one before it', () => {
    fc.assert(
      fc.property(anyGraph, (rows) => {
        const nodes = toNodes(rows);
        const order = stopOrder(nodes).map(({ id }) => id);
        expect(order.toSorted()).toEqual(nodes.map(({ id }) => id));
        for (const { id, needs } of nodes) {
          for (const need of needs) {
            const inCircle = circles(nodes, id) && circles(nodes, need);
            if (order.includes(need) && !inCircle)
              expect(order.indexOf(id)).toBeLessThan(order.indexOf(need));
          }
        }
      }),
    );
  });
});

describe('stopOrder', () => {
  it('is the reverse: dependants first, high numbers first', () => {
    expect(ids(stopOrder([node('db', 1), node('web', 50, 'db'), node('log', 99)]))).toBe('log web db');
  });
});

/** Lines of operations that run beside each other. */
import { expect, it } from 'vitest';
import type { IocageEvent } from '../../../src/domain/events.ts';
import { makeBlocks } from '../../../src/cli/print/blocks.ts';

const begin = (id: string, operation = 'jail.start'): IocageEvent => ({
  type: 'operation.begin',
  id,
  operation,
  title: '',
  subject: id,
  steps: 1,
});
const done = (id: string): IocageEvent => ({ type: 'operation.done', id, durationMs: 1, result: null });
const note = (id: string): IocageEvent => ({ type: 'note', id, level: 'info', text: '' });

function written(outer: string | undefined, events: readonly (readonly [IocageEvent, string])[]): string[] {
  const blocks = makeBlocks(outer);
  return events.flatMap(([event, text]) => blocks(event, [{ to: 'stdout', text }]).map((line) => line.text));
}

it('one operation is written as it comes', () => {
  const blocks = makeBlocks(undefined);
  const line = { to: 'stdout', text: 'now' } as const;
  blocks(begin('a'), []);
  expect(blocks(note('a'), [line])).toEqual([line]);
});

it('two beside each other are written one after the other, nothing lost', () => {
  const events: readonly (readonly [IocageEvent, string])[] = [
    [begin('out', 'host.boot'), 'banner'],
    [begin('a'), 'a1'],
    [begin('b'), 'b1'],
    [note('b'), 'b2'],
    [note(''), 'loose'],
    [note('a'), 'a2'],
    [done('b'), 'b3'],
    [begin('c'), 'c1'],
    [done('a'), 'a3'],
    [note('c'), 'c2'],
    [done('c'), 'c3'],
    [done('out'), 'end'],
  ];
  expect(written('host.boot', events).join(' ')).toBe('banner a1 loose a2 a3 b1 b2 b3 c1 c2 c3 end');
});

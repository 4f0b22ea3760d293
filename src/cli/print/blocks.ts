/**
 * Keeps the lines of operations that run beside each other apart: those of one are written as they
 * come, those of the others wait until it has ended. Keeps no time and writes nothing itself.
 */
import type { IocageEvent } from '../../domain/events.ts';
import type { LiveLine } from './live.ts';

/**
 * @param outer the operation that runs the others; its own lines never wait
 * @returns from an event and its lines to the lines to write now
 */
export function makeBlocks(
  outer: string | undefined,
): (event: IocageEvent, lines: readonly LiveLine[]) => readonly LiveLine[] {
  /** Operations that have begun, in order; the first one is being written. */
  const open = new Map<string, { lines: LiveLine[]; ended: boolean }>();
  return (event, lines) => {
    if (event.type === 'operation.begin' && event.operation !== outer) {
      open.set(event.id, { lines: [], ended: false });
    }
    const own = open.get(event.id);
    if (own === undefined) return lines;
    own.lines.push(...lines);
    if (event.type === 'operation.done' || event.type === 'operation.failed') own.ended = true;
    const now: LiveLine[] = [];
    for (const [id, block] of open) {
      now.push(...block.lines.splice(0));
      if (!block.ended) break;
      open.delete(id);
    }
    return now;
  };
}

/** An operation on the fakes that is killed at a mark of its journal: a mark that never comes back. The real kills are `killing.ts`. */
import type { Journal, JournalMark } from '../../src/driver/system.ts';
import type { Context } from '../../src/ops/context.ts';
import type { FakeWorld } from './fake-world.ts';

/** Kept, so that the files of the dead are not closed by the garbage collector, which warns. */
const opened: unknown[] = [];

/** Calls `at` for each mark of each record, before and after it is written. */
export function watched(
  context: Context,
  at: (point: number, mark: JournalMark) => Promise<void> | void,
): Context {
  let point = 0;
  const real = context.journal;
  const journal: Journal = {
    // Nothing is there before; its own records must not look left to it, whatever process they name.
    unfinished: () => Promise.resolve([]),
    working: () => Promise.resolve([]),
    reopen: (id) => real.reopen(id),
    history: (limit) => real.history(limit),
    async begin(head) {
      const open = await real.begin(head);
      opened.push(open);
      return {
        async mark(mark) {
          await at(point++, mark);
          await open.mark(mark);
          await at(point++, mark);
        },
      };
    },
  };
  return { ...context, journal };
}

/** Runs it up to a point and no further, as a process that is no more. */
export async function killedAt(
  world: FakeWorld,
  wanted: number,
  run: (context: Context) => Promise<unknown>,
): Promise<boolean> {
  let reached = (): void => undefined;
  const dead = new Promise<boolean>((resolve) => (reached = () => resolve(true)));
  const context = watched(world.context(), (point) => {
    if (point < wanted) return;
    reached();
    return new Promise(() => undefined);
  });
  const gone = async () => ({ pid: 2 ** 22 + 1, processStart: '1' });
  return Promise.race([dead, run({ ...context, self: gone }).then(() => false)]);
}

/**
 * Records of operations that were killed: told by whatever is run next, and in the way of all that touches the same
 * things. What becomes of them is `recover.ts`'s.
 */
import type { JournalEntry } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import type { Context } from '../context.ts';

const told = new WeakSet<Context['journal']>();

/** Whatever is run next says that an earlier operation was killed, so that nobody finds out too late. */
export async function tellUnfinished(context: Context): Promise<void> {
  if (told.has(context.journal)) return;
  told.add(context.journal);
  const left = await context.journal.unfinished();
  if (left.length === 0) return;
  const what = left.map(({ head }) => `${head.operation} of ${head.subject}`).join(', ');
  const text = `interrupted earlier: ${what}; 'iocage doctor' mends it`;
  context.emit({ type: 'note', id: '', level: 'warning', text });
}

/** What an interrupted operation left behind is dealt with before anything else touches the same thing. */
export async function refuseHalfDone(context: Context, locks: readonly string[]): Promise<void> {
  const touched = (await context.journal.unfinished()).filter((entry) =>
    entry.head.locks.some((lock) => locks.includes(lock)),
  );
  if (touched.length === 0) return;
  const what = touched.map((entry) => `${entry.head.operation} of ${entry.head.subject}`).join(', ');
  throw failure('UNFINISHED', { what, count: touched.length });
}

/** The record as it is now that its locks are held; undefined when another doctor settled it meanwhile. */
export async function stillUnfinished(
  { journal }: Pick<Context, 'journal'>,
  id: string,
): Promise<JournalEntry | undefined> {
  return (await journal.unfinished()).find(({ head }) => head.id === id);
}

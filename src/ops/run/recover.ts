/**
 * What a killed operation left: undone, or finished, from its record in the journal. The steps there
 * are the same data that the operation ran, so the same kinds undo or repeat them.
 */
import type { JournalEntry, OpenJournal } from '../../driver/system.ts';
import { asIocageError, type UndoFailure } from '../../domain/errors.ts';
import type { Context } from '../context.ts';
import { doStep, stepRuns } from './steps.ts';
import { undoSteps } from './undo.ts';
import { stillUnfinished } from './unfinished.ts';

export interface Recovered {
  readonly id: string;
  readonly operation: string;
  readonly subject: string;
  readonly startedAt: string;
  /** `gone`: somebody else settled it meanwhile. */
  readonly outcome: 'undone' | 'finished' | 'failed' | 'pending' | 'gone';
  readonly problems: readonly UndoFailure[];
}

/** Position after the last step that was begun. */
function begunOf(entry: JournalEntry): number {
  return entry.marks.reduce(
    (most, mark) => (mark.mark === 'intent' ? Math.max(most, mark.step + 1) : most),
    0,
  );
}

function stepsMarked(entry: JournalEntry, mark: 'done' | 'undone'): ReadonlySet<number> {
  return new Set(entry.marks.flatMap((found) => (found.mark === mark ? [found.step] : [])));
}

export async function recover(context: Context, { head }: JournalEntry): Promise<Recovered> {
  const { id, operation, subject, startedAt, locks } = head;
  const told = { id, operation, subject, startedAt };
  if (context.dry) return { ...told, outcome: 'pending', problems: [] };
  for (const root of head.roots ?? []) context.storage.admit(root);
  const held = await context.locks.take(locks, 'doctor', 5000);
  try {
    const entry = await stillUnfinished(context, id);
    if (entry === undefined) return { ...told, outcome: 'gone', problems: [] };
    const journal = await context.journal.reopen(id);
    const problems =
      head.recover === 'undo' ? await undo(context, entry, journal) : await finish(context, entry, journal);
    if (problems.length > 0) {
      await journal.mark({ mark: 'left', error: problems.map(({ message }) => message).join('; ') });
      return { ...told, outcome: 'failed', problems };
    }
    const outcome = head.recover === 'undo' ? 'undone' : 'finished';
    await journal.mark({ mark: 'end', outcome });
    return { ...told, outcome, problems };
  } finally {
    await held.release();
  }
}

function undo(context: Context, entry: JournalEntry, journal: OpenJournal): Promise<readonly UndoFailure[]> {
  const runs = stepRuns(context, entry.head.id, journal, entry.marks);
  return undoSteps(context, entry.head.steps, begunOf(entry), stepsMarked(entry, 'undone'), runs, journal);
}

/** Steps that were begun but not marked done are repeated: kinds of finishing operations allow that. */
async function finish(
  context: Context,
  entry: JournalEntry,
  journal: OpenJournal,
): Promise<readonly UndoFailure[]> {
  const runs = stepRuns(context, entry.head.id, journal, entry.marks);
  const { steps } = entry.head;
  const done = stepsMarked(entry, 'done');
  // Nothing was begun: there is nothing to finish, and nobody waits for it any more.
  if (begunOf(entry) === 0) return [];
  for (const [index, step] of steps.entries()) {
    if (done.has(index)) continue;
    await journal.mark({ mark: 'intent', step: index });
    try {
      await doStep(context, runs(index), step, index, steps.length);
    } catch (thrown) {
      return [{ step: step.kind, message: asIocageError(thrown).message }];
    }
    await journal.mark({ mark: 'done', step: index });
  }
  return [];
}

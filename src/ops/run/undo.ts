/** What becomes of an operation that failed: its steps are undone in reverse, or the record stays for `doctor`. */
import type { OpenJournal, Step } from '../../driver/system.ts';
import { asIocageError, type IocageError, type UndoFailure } from '../../domain/errors.ts';
import type { ChangeOperation } from '../operation.ts';
import type { Context } from '../context.ts';
import { kindOf } from '../steps/kinds.ts';
import { stepFacts, type StepRuns } from './steps.ts';

/**
 * After a failure: undo everything when everything can be undone. When something that was begun
 * cannot come back (a dataset is destroyed), the record stays open, and `doctor` finishes the work.
 */
export async function settleFailure(
  context: Context,
  operation: ChangeOperation,
  steps: readonly Step[],
  begun: number,
  runs: StepRuns,
  journal: OpenJournal,
  error: IocageError,
): Promise<IocageError> {
  const reached = steps.slice(0, begun);
  const final = reached.some((step) => kindOf(context, step).undo === undefined);
  if (operation.recover === 'finish' && final) {
    await journal.mark({ mark: 'left', error: error.message });
    return Object.assign(error, {
      undoFailures: [{ step: 'finish', message: `'iocage doctor' completes it` }],
    });
  }
  const failures = await undoSteps(context, steps, begun, new Set(), runs, journal);
  error.undoFailures = failures;
  await journal.mark(
    failures.length === 0
      ? { mark: 'end', outcome: 'failed', error: error.message }
      : { mark: 'left', error: error.message },
  );
  return error;
}

/** Undoes the first `begun` steps in reverse, going on past failures, which it answers. */
export async function undoSteps(
  context: Context,
  steps: readonly Step[],
  begun: number,
  alreadyUndone: ReadonlySet<number>,
  runs: StepRuns,
  journal: OpenJournal,
): Promise<readonly UndoFailure[]> {
  const failures: UndoFailure[] = [];
  // The undoing itself is not to be cancelled by the Ctrl-C that caused it.
  const { signal } = new AbortController();
  for (let index = begun - 1; index >= 0; index -= 1) {
    const step = steps[index]!;
    const kind = kindOf(context, step);
    if (kind.undo === undefined || alreadyUndone.has(index)) continue;
    const facts = stepFacts(kind, step, index, steps.length);
    const run = { ...runs(index), signal };
    try {
      await kind.undo(step.args as never, run);
      await journal.mark({ mark: 'undone', step: index });
      context.emit({ type: 'step.undone', id: run.operationId, step: facts });
    } catch (thrown) {
      const error = asIocageError(thrown);
      failures.push({ step: facts.title, message: error.message });
      context.emit({ type: 'step.undo-failed', id: run.operationId, step: facts, error });
    }
  }
  return failures;
}

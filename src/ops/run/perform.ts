/**
 * Carries a plan out: each step is in the journal before it is done and again after it. When one fails, or somebody
 * wants it to end, `undo.ts` takes back what was done.
 */
import { asIocageError, failure } from '../../domain/errors.ts';
import type { ChangeOperation, Plan } from '../operation.ts';
import type { Context } from '../context.ts';
import { ownSource } from '../source/sources.ts';
import type { Outcome } from './outcome.ts';
import { beginRecord, operationId } from './record.ts';
import { doStep, stepRuns } from './steps.ts';
import { settleFailure } from './undo.ts';

/** @throws IocageError, its `undoFailures` what could not be undone */
export async function perform(
  context: Context,
  operation: ChangeOperation,
  plan: Plan<unknown>,
  locks: readonly string[],
): Promise<Outcome> {
  const id = operationId(context);
  const { steps, subject, title } = plan;
  const started = context.clock.now().getTime();
  const elapsed = (): number => context.clock.now().getTime() - started;
  const journal = await beginRecord(context, {
    id,
    operation: operation.id,
    title,
    subject,
    recover: operation.recover,
    steps,
    locks,
  });
  context.emit({
    type: 'operation.begin',
    id,
    operation: operation.id,
    title,
    subject,
    ...(await ownSource(context)),
    ...(plan.neededBy === undefined ? {} : { neededBy: plan.neededBy }),
    steps: steps.length,
  });
  const runs = stepRuns(context, id, journal);
  let begun = 0;
  try {
    for (const [index, step] of steps.entries()) {
      // An operation that can only be finished is not cancelled half-way.
      if (context.signal.aborted && (operation.recover === 'undo' || index === 0)) {
        throw failure('CANCELLED', { operation: title });
      }
      await journal.mark({ mark: 'intent', step: index });
      begun = index + 1;
      await doStep(context, runs(index), step, index, steps.length);
      await journal.mark({ mark: 'done', step: index });
    }
  } catch (thrown) {
    // What a step says of a child that the signal ended is not the reason.
    const error =
      context.signal.aborted && operation.recover === 'undo'
        ? failure('CANCELLED', { operation: title }, { cause: thrown })
        : asIocageError(thrown);
    const end = await settleFailure(context, operation, steps, begun, runs, journal, error);
    context.emit({ type: 'operation.failed', id, durationMs: elapsed(), error: end });
    throw end;
  }
  await journal.mark({ mark: 'end', outcome: 'done' });
  const result = await plan.result();
  context.emit({ type: 'operation.done', id, durationMs: elapsed(), result });
  return { id, result };
}

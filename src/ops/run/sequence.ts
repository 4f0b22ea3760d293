/**
 * Runs the operations of a sequence (a restart) one after the other. Each has a journal of its own; where one stops
 * a jail that a later one starts, a record around them all says so, for a kill between the two: `doctor` starts it.
 */
import type { OpenJournal } from '../../driver/system.ts';
import { asIocageError } from '../../domain/errors.ts';
import type { Context } from '../context.ts';
import type { Operation, Sequence, SequenceOperation } from '../operation.ts';
import type { Outcome } from './outcome.ts';
import { beginAround } from './record.ts';

/** @param run one of the operations; it throws what that throws */
export async function runSequence(
  context: Context,
  { id: operation, title }: Pick<SequenceOperation, 'id' | 'title'>,
  { operations, startAgain }: Sequence,
  id: string,
  run: (context: Context, operation: Operation, input: unknown) => Promise<Outcome>,
): Promise<Outcome> {
  // Begun just before the jail is stopped.
  let record: OpenJournal | undefined;
  let last: Outcome = { id: undefined, result: undefined };
  for (const [next, input] of operations) {
    const stops = startAgain !== undefined && next.id === 'jail.stop';
    const startsIt = record !== undefined;
    try {
      if (stops && !context.dry) {
        const { uuid, subject, locks } = startAgain;
        record = await beginAround(context, {
          id,
          operation,
          title: `${title}: ${subject}`,
          subject,
          locks,
          startAgain: uuid,
        });
      }
      // A jail that was stopped for this is not left down by the Ctrl-C that came too late.
      const own = startsIt ? { ...context, signal: new AbortController().signal } : context;
      last = await run(own, next, input);
    } catch (thrown) {
      await settle(context, record, thrown, startsIt ? startAgain!.subject : undefined);
      throw thrown;
    }
  }
  await record?.mark({ mark: 'end', outcome: 'done' });
  return last;
}

/** @param down the jail that did not come up again, if it got that far */
async function settle(
  context: Context,
  record: OpenJournal | undefined,
  thrown: unknown,
  down: string | undefined,
): Promise<void> {
  const { message: error, undoFailures } = asIocageError(thrown);
  // Half stopped: doctor ends that, and then starts it.
  const isHalf = down === undefined && undoFailures.length > 0;
  await record?.mark(isHalf ? { mark: 'left', error } : { mark: 'end', outcome: 'failed', error });
  if (down === undefined) return;
  const text = `jail ${down} is down: it was stopped for this and did not start again`;
  context.emit({ type: 'note', id: '', level: 'warning', text });
}

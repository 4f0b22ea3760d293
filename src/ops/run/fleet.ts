/** Events around an operation that runs others, perhaps several at once. */
import { asIocageError } from '../../domain/errors.ts';
import type { Ask, FleetOperation, RunOther } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Outcome } from './outcome.ts';
import { operationId } from './record.ts';

/** It is no operation of the journal: those that it runs are. */
export async function runFleet(
  context: Context,
  operation: FleetOperation,
  input: unknown,
  run: RunOther,
  ask: Ask,
): Promise<Outcome> {
  const emit: Context['emit'] = (event) => {
    if (!context.dry) context.emit(event);
  };
  const id = operationId(context);
  const started = context.clock.now().getTime();
  const durationMs = (): number => context.clock.now().getTime() - started;
  const { id: name, title } = operation;
  emit({ type: 'operation.begin', id, operation: name, title, subject: '', steps: 0 });
  try {
    const result = await operation.fleet(context, input, run, ask);
    emit({ type: 'operation.done', id, durationMs: durationMs(), result });
    return { id: undefined, result };
  } catch (thrown) {
    emit({ type: 'operation.failed', id, durationMs: durationMs(), error: asIocageError(thrown) });
    throw thrown;
  }
}

/**
 * The runner's door: input check, the source that is meant, then what the operation's effect asks for. Everything
 * that changes the machine goes through here and on to `change.ts`, so what holds there holds for every operation.
 */
import { failure } from '../../domain/errors.ts';
import type { Ask, Operation } from '../operation.ts';
import type { Context } from '../context.ts';
import { allSources, askEach, eachSource } from '../source/each.ts';
import { ownSource } from '../source/sources.ts';
import { tellingWhere } from '../source/where.ts';
import { forgetWorld } from '../world/seen.ts';
import { runChange } from './change.ts';
import { runFleet } from './fleet.ts';
import { checkInput } from './input.ts';
import type { Outcome, RunOptions } from './outcome.ts';
import { operationId } from './record.ts';
import { routed } from './route.ts';
import { runSequence } from './sequence.ts';
import { tellUnfinished } from './unfinished.ts';

/**
 * Runs one operation to its end.
 *
 * @param raw input as the schema takes it; checked here.
 * @throws IocageError; a changing operation has then undone what it did, or left it to `doctor`
 *   (the error's `undoFailures`, or code UNFINISHED in later commands, say so).
 */
export async function runOperation(
  context: Context,
  operation: Operation,
  raw: unknown,
  options: RunOptions = {},
): Promise<Outcome> {
  const checked = checkInput(operation.input, raw);
  if (operation.effect !== 'repair') await tellUnfinished(context);
  if (operation.effect === 'read') forgetWorld(context);
  // What takes long would find the others as they were when it began.
  const sources = operation.effect === 'read' ? allSources : eachSource;
  const all = operation.everySource?.applies(checked) === true ? await sources(context) : [];
  if (all.length > 1) return runInEach(all, operation, checked, options);
  const one = await routed(context, operation, checked);
  try {
    const outcome = await runInOne(one.context, operation, one.input, options);
    return { ...outcome, ...(await ownSource(one.context)) };
  } catch (thrown) {
    throw await tellingWhere(one.context, thrown);
  }
}

/** What is asked of every source; one that cannot be read keeps nothing from the others. */
async function runInEach(
  contexts: readonly Context[],
  operation: Operation,
  input: unknown,
  options: RunOptions,
): Promise<Outcome> {
  const { answers, unread } = await askEach(
    contexts,
    async (context) => (await runInOne(context, operation, input, options)).result,
  );
  const merged = operation.everySource!.merge(answers, input) as object;
  return { id: undefined, result: unread.length === 0 ? merged : { ...merged, unread } };
}

async function runInOne(
  context: Context,
  operation: Operation,
  input: unknown,
  options: RunOptions,
): Promise<Outcome> {
  switch (operation.effect) {
    case 'read':
      return { id: undefined, result: await operation.read(context, input) };
    case 'session':
      if (!context.isRoot) throw failure('NOT_ROOT', { command: operation.command.names[0] });
      return { id: undefined, result: await operation.session(context, input) };
    case 'sequence': {
      const sequence = await operation.sequence(context, input);
      return runSequence(context, operation, sequence, operationId(context), (own, next, nextInput) =>
        runOperation(own, next, nextInput, options),
      );
    }
    case 'fleet':
      if (!context.isRoot && !context.dry) throw failure('NOT_ROOT', { command: operation.command.names[0] });
      return runFleet(
        context,
        operation,
        input,
        (next, nextInput, { agreed } = {}) => runOperation(context, next, nextInput, agreed ? {} : options),
        askWith(options),
      );
    case 'repair':
      if (!context.isRoot) throw failure('NOT_ROOT', { command: operation.command.names[0] });
      return { id: undefined, result: await operation.repair(context, input) };
    default:
      if (!context.isRoot && !context.dry) throw failure('NOT_ROOT', { command: operation.command.names[0] });
      return runChange(context, operation, input, options);
  }
}

/** One question for all that a fleet will lose. */
function askWith({ confirm }: RunOptions): Ask {
  return async (what) => {
    const plan = { ...what, steps: [], result: () => undefined };
    if (confirm && !(await confirm(plan))) throw failure('NOT_CONFIRMED');
  };
}

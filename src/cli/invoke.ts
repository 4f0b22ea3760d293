/**
 * Runs one parsed command: an operation, once for each of its inputs. One failure does not stop the
 * rest; each is told, and the exit status says that there was one.
 */
import { asIocageError, failure } from '../domain/errors.ts';
import type { IocageEvent } from '../domain/events.ts';
import type { Action } from '../driver/system.ts';
import type { Context, Operation, Plan } from '../ops/operation.ts';
import type { Globals } from './globals.ts';
import type { ParsedCommand } from './grammar.ts';
import { askOnTerminal } from './confirm.ts';
import { watchInterrupts } from './interrupt.ts';
import { wantsColor, type Terminal } from './terminal.ts';
import { printAction } from './print/action.ts';
import { printError } from './print/error.ts';
import { eventJson, liveLines } from './print/live.ts';
import { makeProgress, type Progress } from './print/progress.ts';
import { foundTrouble, printJson, printRemarks, printResult } from './print/result.ts';

/** What the composition root hands to the command line. */
export interface Product {
  readonly operations: readonly Operation[];
  makeContext(wanted: {
    pool: string | undefined;
    dry: boolean;
    emit: (event: IocageEvent) => void;
    signal: AbortSignal;
  }): Context | Promise<Context>;
  runOperation(
    context: Context,
    operation: Operation,
    raw: unknown,
    options: { confirm?: (plan: Plan<unknown>) => Promise<boolean> },
  ): Promise<{ readonly id: string | undefined; readonly result: unknown }>;
}

const tickMs = 200;

/** Sends events where they are shown. Answers the sink and what has to be called at the end. */
function watchEvents(terminal: Terminal, globals: Globals, progress: Progress) {
  const look = { format: globals.format, color: wantsColor(globals.color, terminal.stdout, terminal.env) };
  const timer = setInterval(() => progress.tick(Date.now()), tickMs);
  timer.unref();
  const emit = (event: IocageEvent): void => {
    if (globals.events) {
      terminal.stderr.write(`${eventJson(event)}\n`);
      return;
    }
    for (const { to, text } of liveLines(event, look)) {
      // With JSON the result alone goes to standard output.
      if (to === 'stdout' && (globals.quiet || globals.format === 'json')) continue;
      if (globals.quiet && event.type === 'note' && event.level === 'info') continue;
      progress.clear();
      terminal[to].write(`${text}\n`);
    }
    if (!globals.quiet) progress.event(event, Date.now());
  };
  return {
    emit,
    end(): void {
      clearInterval(timer);
      progress.clear();
    },
  };
}

/** Runs the command and answers the exit status. */
export async function invoke(
  product: Product,
  terminal: Terminal,
  operation: Operation,
  { globals, words }: ParsedCommand,
): Promise<number> {
  const interrupts = watchInterrupts(terminal, operation.effect);
  const progress = makeProgress(terminal.stderr);
  const events = watchEvents(terminal, globals, progress);
  const report = (thrown: unknown): void => {
    progress.clear();
    const color = wantsColor(globals.color, terminal.stderr, terminal.env);
    for (const line of printError(thrown, { ...globals, color })) terminal.stderr.write(`${line}\n`);
  };
  let context: Context | undefined;
  try {
    context = await product.makeContext({
      pool: globals.pool ?? (terminal.env['IOCAGE_POOL'] || undefined),
      dry: globals.dryRun,
      emit: events.emit,
      signal: interrupts.signal,
    });
    const inputs = await operation.command.toInputs(words, context);
    return await runAll(
      product,
      terminal,
      operation,
      { globals, words },
      context,
      inputs,
      interrupts.signal,
      report,
    );
  } catch (thrown) {
    report(thrown);
    return asIocageError(thrown).exit;
  } finally {
    events.end();
    interrupts.release();
    if (globals.debug && context) terminal.stderr.write(`iocage: ${context.exec.spawned} child processes\n`);
  }
}

async function runAll(
  product: Product,
  terminal: Terminal,
  operation: Operation,
  { globals, words }: ParsedCommand,
  context: Context,
  inputs: readonly unknown[],
  signal: AbortSignal,
  report: (thrown: unknown) => void,
): Promise<number> {
  const forced = words.flags['force'] === true || words.flags['yes'] === true;
  const confirm = forced ? async () => true : askOnTerminal(terminal, operation.id, signal);
  // What these say is what they are called for; the others are called for what they do.
  const answersPlainly = operation.effect === 'read' || operation.effect === 'repair';
  const answers: unknown[] = [];
  const failures: number[] = [];
  let status = 0;
  for (const input of inputs) {
    const actionsBefore = context.actions.length;
    try {
      if (signal.aborted) throw failure('CANCELLED', { operation: operation.title });
      const { id, result } = await product.runOperation(context, operation, input, { confirm });
      if (operation.effect === 'session') status = typeof result === 'number' ? result : 0;
      if (globals.dryRun && !answersPlainly) {
        const actions = context.actions.slice(actionsBefore);
        answers.push({ operation: operation.id, dryRun: true, actions });
        if (globals.format !== 'json') showActions(terminal, actions);
        continue;
      }
      if (operation.effect === 'session') continue;
      answers.push(
        operation.effect === 'read' ? result : { operation: operation.id, id: id ?? null, result },
      );
      if (globals.format === 'json') continue;
      if (globals.quiet && !answersPlainly) continue;
      for (const line of printRemarks(operation.id, result)) terminal.stderr.write(`${line}\n`);
      for (const line of printResult(operation.id, result, globals, words))
        terminal.stdout.write(`${line}\n`);
    } catch (thrown) {
      report(thrown);
      failures.push(asIocageError(thrown).exit);
    }
  }
  if (globals.format === 'json' && (inputs.length !== 1 || answers.length === 1)) {
    terminal.stdout.write(`${printJson(inputs.length === 1 ? answers[0] : answers)}\n`);
  }
  if (failures.length === 0) return status;
  return inputs.length === 1 ? failures[0]! : 1;
}

function showActions(terminal: Terminal, actions: readonly Action[]): void {
  for (const action of actions) terminal.stdout.write(`${printAction(action)}\n`);
}

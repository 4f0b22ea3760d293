/**
 * Runs one parsed command: an operation, once for each of its inputs. One failure does not stop the
 * rest; each is told, and the exit status says that there was one.
 */
import { asIocageError, failure, namingCommand } from '../domain/errors.ts';
import type { IocageEvent } from '../domain/events.ts';
import { parseSources, type Source } from '../domain/source.ts';
import type { Context } from '../ops/context.ts';
import type { Outcome } from '../ops/run/outcome.ts';
import type { Operation, Plan, Words } from '../ops/operation.ts';
import type { Globals } from './globals.ts';
import type { ParsedCommand } from './grammar.ts';
import { askOnTerminal } from './confirm.ts';
import { watchInterrupts, type Interrupts } from './interrupt.ts';
import { wantsColor, type Terminal } from './terminal.ts';
import { printShort } from '../domain/shell-line.ts';
import { makeBlocks } from './print/blocks.ts';
import { noProgress, type Progress } from './print/progress.ts';
import { printJson } from './print/result.ts';
import { iocageSkin, type Skin } from './skin.ts';

/** What the composition root hands to the command line. */
export interface Product {
  readonly operations: readonly Operation[];
  makeContext(wanted: {
    pool: string | undefined;
    sources?: readonly Source[];
    source?: string;
    dry: boolean;
    emit: (event: IocageEvent) => void;
    signal: AbortSignal;
  }): Context | Promise<Context>;
  runOperation(
    context: Context,
    operation: Operation,
    raw: unknown,
    options: { confirm?: (plan: Plan<unknown>) => Promise<boolean> },
  ): Promise<Outcome>;
}

const tickMs = 200;

/** `--pool` and `--source`; a source that is named outweighs the environment's pool. */
function chosenDatasets(
  { pool, sources = [] }: Globals,
  env: Terminal['env'],
): Pick<Parameters<Product['makeContext']>[0], 'pool' | 'sources' | 'source'> {
  const given = sources.filter((word) => word.includes('='));
  const [source, ...more] = sources.filter((word) => !word.includes('='));
  if (more.length > 0) throw failure('USAGE', { problem: '--source takes one name without a dataset' });
  return {
    pool: pool ?? (sources.length > 0 ? undefined : env['IOCAGE_POOL'] || undefined),
    ...(given.length === 0 ? {} : { sources: parseSources(given) }),
    ...(source === undefined ? {} : { source }),
  };
}

const wantsProgress = ({ quiet, events, progress }: Globals, env: Terminal['env']): boolean =>
  !quiet && !events && (progress ?? env['IOCAGE_PROGRESS']) !== 'never';

/** Sends events where they are shown. Answers the sink and what has to be called at the end. */
function watchEvents(
  terminal: Terminal,
  globals: Globals,
  progress: Progress,
  operation: Operation,
  skin: Skin,
) {
  const look = { format: globals.format, color: wantsColor(globals.color, terminal.stdout, terminal.env) };
  const timer = setInterval(() => progress.tick(Date.now()), tickMs);
  timer.unref();
  const isSession = operation.effect === 'session';
  const blocks = makeBlocks(operation.effect === 'fleet' ? operation.id : undefined);
  const emit = (event: IocageEvent): void => {
    if (globals.events) {
      for (const line of skin.json(event)) terminal.stderr.write(`${line}\n`);
      return;
    }
    for (const { to, text } of blocks(event, skin.live(event, look))) {
      // With JSON the result alone goes to standard output.
      if (to === 'stdout' && (globals.quiet || globals.format === 'json')) continue;
      if (globals.quiet && event.type === 'note' && event.level === 'info') continue;
      progress.clear();
      terminal[to].write(`${text}\n`);
    }
    progress.event(event, Date.now());
    // From here on its program has the terminal.
    if (event.type === 'operation.begin' && isSession && event.operation === operation.id) progress.pause();
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
  skin: Skin = iocageSkin,
): Promise<number> {
  const progress = wantsProgress(globals, terminal.env) ? skin.progress(terminal.stderr) : noProgress;
  const events = watchEvents(terminal, globals, progress, operation, skin);
  const interrupts = watchInterrupts(terminal, operation, (text) => {
    if (globals.events) events.emit(remark('warning', text));
    else terminal.stderr.write(`\n${skin.program}: ${text}\n`);
  });
  const report = (thrown: unknown): void => {
    progress.clear();
    const color = wantsColor(globals.color, terminal.stderr, terminal.env);
    const format = globals.events ? 'json' : globals.format;
    const named = namingCommand(thrown, operation.command.names[0]);
    for (const line of skin.error(named, { ...globals, format, color })) terminal.stderr.write(`${line}\n`);
  };
  let context: Context | undefined;
  try {
    context = await product.makeContext({
      ...chosenDatasets(globals, terminal.env),
      dry: globals.dryRun,
      emit: events.emit,
      signal: interrupts.signal,
    });
    const inputs = await operation.command.toInputs(words, context);
    const run = {
      product,
      operation,
      context,
      words,
      globals,
      terminal,
      progress,
      signal: interrupts.signal,
      skin,
    };
    return cancelledAs(interrupts, await runEach(run, inputs, report));
  } catch (thrown) {
    report(thrown);
    return cancelledAs(interrupts, asIocageError(thrown).exit);
  } finally {
    events.end();
    interrupts.release();
    if (globals.debug && context)
      terminal.stderr.write(`${skin.program}: ${context.exec.spawned} child processes\n`);
  }
}

/** Of no operation. */
const remark = (level: 'info' | 'warning', text: string): IocageEvent => ({
  type: 'note',
  id: '',
  level,
  text,
});

/** What came to its end in spite of the signal has its own status. */
function cancelledAs(interrupts: Interrupts, status: number): number {
  return status === 0 ? 0 : (interrupts.status() ?? status);
}

interface Run {
  readonly product: Product;
  readonly operation: Operation;
  readonly context: Context;
  readonly words: Words;
  readonly globals: Globals;
  readonly terminal: Terminal;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly skin: Skin;
}

async function runEach(
  run: Run,
  inputs: readonly unknown[],
  report: (thrown: unknown) => void,
): Promise<number> {
  const { operation, globals, terminal, signal } = run;
  const answers: unknown[] = [];
  const statuses: number[] = [];
  for (const input of inputs) {
    try {
      if (signal.aborted) throw failure('CANCELLED', { operation: operation.title });
      const { status, json } = await runOne(run, input);
      statuses.push(status);
      if (json !== undefined) answers.push(json);
    } catch (thrown) {
      report(thrown);
      const ignored = run.words.flags['ignore'] === true && !signal.aborted;
      statuses.push(ignored ? 0 : asIocageError(thrown).exit);
      if (signal.aborted) break;
    }
  }
  if (globals.format === 'json' && operation.effect !== 'session') {
    if (inputs.length !== 1) terminal.stdout.write(`${printJson(answers)}\n`);
    else if (answers.length === 1) terminal.stdout.write(`${printJson(answers[0])}\n`);
  }
  if (inputs.length === 1) return statuses[0] ?? 0;
  return statuses.some((status) => status !== 0) ? 1 : 0;
}

/** Runs one input and prints what it answers, except JSON, which is printed for all inputs together. */
async function runOne(run: Run, input: unknown): Promise<{ status: number; json?: unknown }> {
  const { product, operation, context, words, globals, terminal, progress, signal, skin } = run;
  const { effect, id: name } = operation;
  const forced = words.flags['force'] === true || words.flags['yes'] === true;
  const ask = askOnTerminal(terminal, name, signal);
  const confirm = async (plan: Plan<unknown>): Promise<boolean> => {
    progress.pause();
    return forced || ask(plan);
  };
  if (effect !== 'session') {
    progress.begin(`${operation.command.names[0]}: looking what there is`, Date.now());
  }
  const actionsBefore = context.actions.length;
  const { id, result, source } = await product.runOperation(context, operation, input, { confirm });
  progress.pause();
  // What these say is what they are called for; the others are called for what they do.
  const saysMore = effect === 'read' || effect === 'repair';
  if (globals.dryRun && !saysMore) {
    const actions = context.actions.slice(actionsBefore);
    if (globals.format !== 'json')
      for (const action of actions) terminal.stdout.write(`${printShort(action)}\n`);
    return { status: 0, json: { operation: name, dryRun: true, actions } };
  }
  if (effect === 'session') return { status: typeof result === 'number' ? result : 0 };
  const where = source === undefined ? {} : { source };
  const status = skin.trouble(name, result) && words.flags['ignore'] !== true ? 1 : 0;
  if (globals.format === 'json') {
    return {
      status,
      json: saysMore ? skin.answer(result) : { operation: name, id: id ?? null, ...where, result },
    };
  }
  if (globals.quiet && !saysMore) {
    for (const line of skin.quiet(name, result)) terminal.stdout.write(`${line}\n`);
    return { status };
  }
  // COMPAT: callers of the original read both streams as one, and take any line for an answer.
  const remarks = globals.format === 'legacy' ? [] : skin.remarks(name, result);
  for (const line of remarks) {
    // Whoever reads events reads each line as JSON.
    const lines = globals.events ? skin.json(remark('info', line.replace(/^\s*\w+: /, ''))) : [line];
    for (const text of lines) terminal.stderr.write(`${text}\n`);
  }
  for (const line of skin.result(name, result, globals, words, source)) terminal.stdout.write(`${line}\n`);
  return { status };
}

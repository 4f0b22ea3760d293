/**
 * The runner: input check, locks, plan, journal before effect, steps, undo in reverse. Everything
 * that changes the machine goes through here, so what holds here holds for every operation.
 */
import type { z } from 'zod';
import type { JournalHead, JournalMark, OpenJournal, Step } from '../driver/system.ts';
import type { StepKind, StepRun } from '../driver/step.ts';
import { label } from '../domain/jail.ts';
import { asIocageError, failure, IocageError, mostIssues, type UndoFailure } from '../domain/errors.ts';
import type { StepFacts } from '../domain/events.ts';
import { issueWords } from '../domain/issue-words.ts';
import type { ChangeOperation, Context, FleetOperation, Operation, Plan } from './operation.ts';
import { sourceErrors } from '../domain/source-errors.ts';
import { runSequence } from './sequence.ts';
import { routed, wordsOf } from './route.ts';
import { allSources, askEach, eachSource, fullName, namedSources } from './sources.ts';
import { kindOf } from './steps/kinds.ts';
import { ageWorld, forgetWorld, worldSeen } from './world.ts';

/** How long an operation waits for another one on the same jail before it says who holds it. */
const lockWaitMs = 10_000;

export interface RunOptions {
  /** Asked before something is lost for good; without it nothing is asked. */
  readonly confirm?: (plan: Plan<unknown>) => Promise<boolean>;
}

export interface Outcome<O = unknown> {
  /** The journal's id; undefined for operations that change nothing. */
  readonly id: string | undefined;
  readonly result: O;
}

/** Checks raw input against the operation's schema; its problems are thrown at once. */
export function checkInput<I extends z.ZodType>(schema: I, raw: unknown): z.output<I> {
  // Most processes check one input in their life: code made for it would cost more than it saves.
  const parsed = schema.safeParse(raw, { error: issueWords, jitless: true });
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const told = issues.slice(0, mostIssues).map((issue) => ({
    path: issue.path.map(String).join('.') || 'input',
    problem: issue.message,
  }));
  const more = issues.length - told.length;
  throw failure('INVALID_INPUT', {
    issues: more > 0 ? [...told, { path: `${more} more`, problem: 'left out' }] : told,
  });
}

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
    return await runInOne(one.context, operation, one.input, options);
  } catch (thrown) {
    throw await tellingWhere(one.context, thrown);
  }
}

/** These tell of their sources themselves, or of no jail of one. */
const ofNoSource: ReadonlySet<string> = new Set([
  ...Object.keys(sourceErrors),
  'JAIL_NOT_FOUND',
  'POOL_NOT_ACTIVE',
]);

/**
 * Which of several sources an error is about; and what its hint says to type is for that one, and not for a jail of
 * that name elsewhere.
 */
async function tellingWhere(context: Context, thrown: unknown): Promise<unknown> {
  const { source } = context;
  if (!(thrown instanceof IocageError) || source === undefined || ofNoSource.has(thrown.code)) return thrown;
  const named = await namedSources(context);
  if (named === undefined || named.list.length < 2) return thrown;
  const where = `source ${source.name}: `;
  // Words that are wrong are wrong everywhere.
  if (thrown.exit === 1 && !thrown.message.startsWith(where)) thrown.message = where + thrown.message;
  if (named.from !== 'rc.conf' || thrown.hint === undefined) return thrown;
  const hint = thrown.hint.replaceAll(/\biocage (?!--source\b)/g, `iocage --source ${source.name} `);
  return Object.assign(thrown, { hint });
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
      return runFleet(context, operation, input, options);
    case 'repair':
      if (!context.isRoot) throw failure('NOT_ROOT', { command: operation.command.names[0] });
      return { id: undefined, result: await operation.repair(context, input) };
    default:
      if (!context.isRoot && !context.dry) throw failure('NOT_ROOT', { command: operation.command.names[0] });
      return runChange(context, operation, input, options);
  }
}

const told = new WeakSet<Context['journal']>();

/** Whatever is run next says that an earlier operation was killed, so that nobody finds out too late. */
async function tellUnfinished(context: Context): Promise<void> {
  if (told.has(context.journal)) return;
  told.add(context.journal);
  const left = await context.journal.unfinished();
  if (left.length === 0) return;
  const what = left.map(({ head }) => `${head.operation} of ${head.subject}`).join(', ');
  const text = `interrupted earlier: ${what}; 'iocage doctor' mends it`;
  context.emit({ type: 'note', id: '', level: 'warning', text });
}

/** It is no operation of the journal: those that it runs are. */
async function runFleet(
  context: Context,
  operation: FleetOperation,
  input: unknown,
  options: RunOptions,
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
    const result = await operation.fleet(
      context,
      input,
      (next, nextInput, { agreed } = {}) => runOperation(context, next, nextInput, agreed ? {} : options),
      async (what) => {
        const plan = { ...what, steps: [], result: () => undefined };
        if (options.confirm && !(await options.confirm(plan))) throw failure('NOT_CONFIRMED');
      },
    );
    emit({ type: 'operation.done', id, durationMs: durationMs(), result });
    return { id: undefined, result };
  } catch (thrown) {
    emit({ type: 'operation.failed', id, durationMs: durationMs(), error: asIocageError(thrown) });
    throw thrown;
  }
}

/** What an operation that knows only properties of datasets did to such a jail would count for nothing. */
async function refuseFiles(
  context: Context,
  operation: ChangeOperation,
  input: Readonly<Record<string, unknown>>,
  locks: readonly string[],
): Promise<void> {
  const world = await worldSeen(context);
  const jail = world?.jails.find(
    ({ file, realm, uuid }) => file !== undefined && locks.includes(`jail:${realm}:${uuid}`),
  );
  if (jail?.file === undefined) return;
  // It is not worked on, but in the way.
  if (wordsOf(operation, input).fresh.includes(jail.uuid))
    throw failure('NAME_TAKEN', { what: 'name', name: jail.uuid, by: jail.uuid });
  const { name: file, title } = jail.file;
  throw failure('OTHER_FORMAT', { command: operation.command.names[0], jail: label(jail), file, title });
}

/** While it waited for the locks a name may have come to mean another jail, which nobody locked. */
async function assertSameLocks(
  context: Context,
  operation: ChangeOperation,
  input: unknown,
  held: readonly string[],
): Promise<void> {
  const now = await operation.locks(context, input);
  if (now.some((lock) => !held.includes(lock)))
    throw failure('NAMES_CHANGED', { command: operation.command.names[0] });
}

async function runChange(
  context: Context,
  operation: ChangeOperation,
  checked: unknown,
  options: RunOptions,
): Promise<Outcome> {
  const input = operation.prepare?.(context, checked) ?? checked;
  const locks = await operation.locks(context, input);
  if (!operation.anyFormat)
    await refuseFiles(context, operation, input as Readonly<Record<string, unknown>>, locks);
  if (context.dry) return dryRun(context, await operation.plan(context, input));

  const held = await context.locks.take(locks, operation.id, lockWaitMs);
  try {
    const before = worldSeen(context);
    ageWorld(context);
    await refuseHalfDone(context, locks);
    const plan = await operation.plan(context, input);
    if (worldSeen(context) !== before) await assertSameLocks(context, operation, input, locks);
    if (plan.loses && plan.loses.length > 0 && options.confirm && !(await options.confirm(plan))) {
      throw failure('NOT_CONFIRMED');
    }
    return await perform(context, operation, plan, locks);
  } finally {
    forgetWorld(context);
    await held.release();
  }
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

async function dryRun(context: Context, plan: Plan<unknown>): Promise<Outcome> {
  const run = stepRun(context, 'dry-run');
  for (const step of plan.steps) await kindOf(context, step).do(step.args as never, run);
  return {
    id: undefined,
    result: { subject: plan.subject, actions: context.actions, loses: plan.loses ?? [] },
  };
}

/** For the record: where its datasets are, when a source was chosen. */
function rootsOf({ source }: Context): { roots?: readonly string[] } {
  return source === undefined ? {} : { roots: [source.root] };
}

/** Ids sort by time, so that a listing of the journal is in order. */
export function operationId(context: Context): string {
  const time = context.clock.now().toISOString().replace(/[-:]/g, '').replace('.', '');
  return `${time.slice(0, 18)}-${context.ids.uuid().slice(-8)}`;
}

export function stepRun(context: Context, operationId: string): StepRun {
  return {
    operationId,
    exec: context.exec,
    files: context.files,
    downloads: context.downloads,
    storage: context.storage,
    host: context.host,
    clock: context.clock,
    signal: context.signal,
    dry: context.dry,
    progress: (text, done, total) =>
      context.emit({
        type: 'progress',
        id: operationId,
        text,
        ...(done === undefined ? {} : { done }),
        ...(total === undefined ? {} : { total }),
      }),
    note: (text) => context.emit({ type: 'note', id: operationId, level: 'info', text }),
    remember: () => Promise.resolve(),
    remembered: undefined,
  };
}

/** The run of each step of one operation, by its index: a step remembers for itself. */
export type StepRuns = (index: number) => StepRun;

/** @param marks what a process that was killed had written */
export function stepRuns(
  context: Context,
  operationId: string,
  journal: OpenJournal,
  marks: readonly JournalMark[] = [],
): StepRuns {
  const run = stepRun(context, operationId);
  const memory = new Map(marks.flatMap((mark) => (mark.mark === 'makes' ? [[mark.step, mark.what]] : [])));
  return (index) => ({
    ...run,
    remembered: memory.get(index),
    async remember(what) {
      await journal.mark({ mark: 'makes', step: index, what });
      memory.set(index, what);
    },
  });
}

function stepFacts(kind: StepKind, step: Step, index: number, count: number): StepFacts {
  return {
    index,
    count,
    kind: step.kind,
    title: kind.title(step.args as never),
    ...(step.label === undefined ? {} : { label: step.label }),
    ...(step.which === undefined ? {} : { which: step.which }),
    ...kind.about?.(step.args as never),
  };
}

async function perform(
  context: Context,
  operation: ChangeOperation,
  plan: Plan<unknown>,
  locks: readonly string[],
): Promise<Outcome> {
  const id = operationId(context);
  const { steps, subject, title } = plan;
  const started = context.clock.now().getTime();
  const elapsed = (): number => context.clock.now().getTime() - started;
  const head: JournalHead = {
    id,
    operation: operation.id,
    title,
    subject,
    recover: operation.recover,
    steps,
    locks,
    ...(await context.self()),
    startedAt: context.clock.now().toISOString(),
    ...rootsOf(context),
  };
  const journal = await context.journal.begin(head);
  const source = (await fullName(context, subject)) === subject ? {} : { source: context.source!.name };
  context.emit({
    type: 'operation.begin',
    id,
    operation: operation.id,
    title,
    subject,
    ...source,
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

export async function doStep(
  context: Context,
  run: StepRun,
  step: Step,
  index: number,
  count: number,
): Promise<void> {
  const kind = kindOf(context, step);
  const facts = stepFacts(kind, step, index, count);
  const started = context.clock.now().getTime();
  const id = run.operationId;
  context.emit({ type: 'step.begin', id, step: facts });
  try {
    await kind.do(step.args as never, run);
  } catch (thrown) {
    const error = asIocageError(thrown);
    const tolerated = step.onError === 'warn';
    context.emit({ type: 'step.failed', id, step: facts, error, tolerated });
    if (!tolerated) throw error;
    return;
  }
  context.emit({ type: 'step.done', id, step: facts, durationMs: context.clock.now().getTime() - started });
}

/**
 * After a failure: undo everything when everything can be undone. When something that was begun
 * cannot come back (a dataset is destroyed), the record stays open, and `doctor` finishes the work.
 */
async function settleFailure(
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

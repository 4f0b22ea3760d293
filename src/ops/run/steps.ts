/** One step of a plan: the doors that it gets, what is told of it, and the doing. */
import type { StepKind, StepRun } from '../../driver/step.ts';
import type { JournalMark, OpenJournal, Step } from '../../driver/system.ts';
import { asIocageError } from '../../domain/errors.ts';
import type { StepFacts } from '../../domain/events.ts';
import type { Context } from '../context.ts';
import { kindOf } from '../steps/kinds.ts';

/** The doors of a step. */
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

/** What events tell of a step. */
export function stepFacts(kind: StepKind, step: Step, index: number, count: number): StepFacts {
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

/** @throws what the step throws, unless the plan says that it is only a warning */
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

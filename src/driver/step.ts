/**
 * Steps: the unit of doing, undoing, journalling and recovering. A step is data (kind and
 * arguments), so that after a kill another process can read it from the journal and undo or finish
 * it. The kind says how.
 */
import type { Clock, Downloads, Exec, Files, Step } from './system.ts';
import type { Host } from './host.ts';
import type { Storage } from './storage.ts';
import type { StepFacts } from '../domain/events.ts';

/** What a step may use, and how it tells what goes on. */
export interface StepRun {
  readonly operationId: string;
  readonly exec: Exec;
  readonly files: Files;
  readonly downloads: Downloads;
  readonly storage: Storage;
  /** For steps that need a jail up or down, whatever it is when they run. */
  readonly host: Host;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** True in a dry run: changes are recorded, nothing may be waited for. */
  readonly dry: boolean;
  /**
   * Writes into the journal how this step's undo will know what the step made, before it makes it: where others may
   * put something at the same path meanwhile. Not in a dry run.
   */
  remember(what: unknown): Promise<void>;
  /** What this step last remembered, here or in a process that was killed since; undefined: it made nothing. */
  readonly remembered: unknown;
  progress(text: string, done?: number, total?: number): void;
  note(text: string): void;
}

/**
 * How a kind of step is done and undone.
 *
 * `undo` must be harmless when `do` never ran or stopped half-way, and must touch only what this
 * operation made: what it creates on the pool carries `org.freebsd.iocage:op=OPERATION_ID`.
 * In an operation that recovers by finishing, `do` must be harmless when it already ran.
 */
export interface StepKind<A = never> {
  readonly kind: string;
  /** Present tense, with the thing: `create dataset tank/iocage/jails/…`. */
  title(args: A): string;
  /** More for events: which of several things it does, and whether there is nothing for it to do. */
  about?(args: A): Pick<StepFacts, 'which' | 'idle'>;
  do(args: A, run: StepRun): Promise<void>;
  undo?(args: A, run: StepRun): Promise<void>;
}

type StepOptions = Pick<Step, 'label' | 'onError' | 'which'>;

export interface StepMaker<A> extends StepKind<A> {
  (args: A, options?: StepOptions): Step;
}

/**
 * Declares a kind and gives the function that makes steps of it.
 *
 * @example const link = stepKind<{ target: string; path: string }>('file.link', { title, do, undo });
 *          plan.push(link({ target: '/a', path: '/b' }));
 */
export function stepKind<A>(kind: string, how: Omit<StepKind<A>, 'kind'>): StepMaker<A> {
  const make = (args: A, options?: StepOptions): Step => ({ kind, args, ...options });
  return Object.assign(make, { kind }, how) as StepMaker<A>;
}

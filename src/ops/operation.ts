/**
 * What an operation is: one row per thing the product can do. The command line, the server and the
 * documentation are made from these rows.
 */
import type { z } from 'zod';
import type { Step } from '../driver/system.ts';
import type { Context } from './context.ts';

/** What a changing operation wants to do, decided before anything is touched. */
export interface Plan<O> {
  /** What it acts on, for messages and the journal: a jail's `UUID (TAG)`, a release, a pool. */
  readonly subject: string;
  /** Present participle for people: `Creating jail web`. */
  readonly title: string;
  readonly steps: readonly Step[];
  /** Made after the last step. */
  readonly result: () => O | Promise<O>;
  /** What will be gone for good, shown in the question before a destroying operation. */
  readonly loses?: readonly string[];
  /** The jail that needs it, when nobody asked for it; for events. */
  readonly neededBy?: string;
  /** The word that a person types to agree, where a `y` is too easily typed. */
  readonly typed?: string;
}

export interface EverySource<I, O> {
  /** Whether this input means all of them; otherwise its words say which one. */
  applies(input: I): boolean;
  /** @param answers of those that could be read, the main one's first */
  merge(answers: readonly { readonly source: string; readonly result: O }[], input: I): O;
}

interface Row<I extends z.ZodType, O> {
  /** `noun.verb`. */
  readonly id: string;
  /** One line, imperative: `Create a jail`. */
  readonly title: string;
  readonly input: I;
  readonly command: CommandWords;
  /** With several sources: what is asked of all of them, and how their answers become one. */
  readonly everySource?: EverySource<z.output<I>, O>;
  /** A new jail may be named in another source than the one it comes from; the operation sees to the prefix. */
  readonly across?: true;
  /** For the type of the answer only. */
  readonly output?: O;
}

/** Changes nothing; needs no root where ZFS lets others look. */
export interface ReadOperation<I extends z.ZodType = z.ZodType, O = unknown> extends Row<I, O> {
  readonly effect: 'read';
  read(context: Context, input: z.output<I>): Promise<O>;
}

/** Changes the machine by planned, journalled, undoable steps. */
export interface ChangeOperation<I extends z.ZodType = z.ZodType, O = unknown> extends Row<I, O> {
  /** `destroy`: what it removes cannot come back, so doors ask first. */
  readonly effect: 'change' | 'destroy';
  /** What an interrupted run becomes: as before, or completed. */
  readonly recover: 'undo' | 'finish';
  /** Also for jails whose configuration another tool keeps in a file; all others are refused for them. */
  readonly anyFormat?: true;
  /** Decides once what the locks and the plan must agree on (a time, a generated name). */
  prepare?(context: Context, input: z.output<I>): z.output<I>;
  /** Names of the locks it holds while it plans and runs; `jail:UUID`, `tag:TAG`, `release:NAME`, `pool`. */
  locks(context: Context, input: z.output<I>): Promise<readonly string[]> | readonly string[];
  /** Reads what it needs, checks everything, and answers the steps; changes nothing. Runs under the locks. */
  plan(context: Context, input: z.output<I>): Promise<Plan<O>>;
}

/**
 * Hands the caller's terminal to a program (exec, console, chroot) and answers its exit status; one that
 * collects what the program writes answers that too.
 */
export interface SessionOperation<I extends z.ZodType = z.ZodType, O = number> extends Row<I, O> {
  readonly effect: 'session';
  /** What it began is taken back at its end: SIGTERM and SIGHUP abort its signal, and do not end the program. */
  readonly tidies?: true;
  session(context: Context, input: z.output<I>): Promise<O>;
}

/** Looks for what went wrong earlier and mends it; it has no plan of its own, since it runs the plans of others. */
export interface RepairOperation<I extends z.ZodType = z.ZodType, O = unknown> extends Row<I, O> {
  readonly effect: 'repair';
  repair(context: Context, input: z.output<I>): Promise<O>;
}

/** What a sequence runs, with the input of each. */
export interface Sequence {
  readonly operations: readonly (readonly [Operation, unknown])[];
  /** The jail that one of them stops and the last one starts: it does not stay down for a kill or a Ctrl-C between them. */
  readonly startAgain?: {
    readonly uuid: string;
    readonly subject: string;
    readonly locks: readonly string[];
  };
}

/** Several operations one after the other, such as a restart; it stops at the first failure. */
export interface SequenceOperation<I extends z.ZodType = z.ZodType> extends Row<I, unknown> {
  readonly effect: 'sequence';
  sequence(context: Context, input: z.output<I>): Promise<Sequence>;
}

/**
 * Runs an operation from within another one, with the same doors, questions and events. `agreed`: somebody
 * was asked already, with {@link Ask}.
 */
export type RunOther = (
  operation: Operation,
  input: unknown,
  options?: { readonly agreed?: boolean },
) => Promise<{ readonly id: string | undefined; readonly result: unknown }>;

/** Asks once for all that will be gone for good. @throws NOT_CONFIRMED */
export type Ask = (what: Required<Pick<Plan<unknown>, 'subject' | 'title' | 'loses'>>) => Promise<void>;

/**
 * Runs other operations, perhaps several at once; each has its own locks and journal, and one that
 * fails does not stop the rest: the answer tells how each ended.
 */
export interface FleetOperation<I extends z.ZodType = z.ZodType, O = unknown> extends Row<I, O> {
  readonly effect: 'fleet';
  fleet(context: Context, input: z.output<I>, run: RunOther, ask: Ask): Promise<O>;
}

/** A registry holds rows of every input and output type, hence `any`. */
export type Operation =
  | ReadOperation<any, any>
  | ChangeOperation<any, any>
  | SessionOperation<any, any>
  | SequenceOperation<any>
  | FleetOperation<any, any>
  | RepairOperation<any, any>;

/** One flag of a command. */
export interface Flag {
  /** The input's key that it sets. */
  readonly key: string;
  /** commander's notation: `-r, --release <name>`, `-c, --clone`. */
  readonly flags: string;
  readonly doc: string;
  /** The flag may be given several times; the input is a list. */
  readonly many?: boolean;
  /** Text to what the input schema takes; default the text itself, or `true`. */
  readonly parse?: (text: string) => unknown;
}

/**
 * How the command line calls an operation. The words after the command are sorted by the grammar of
 * the original: `property=value` words into `properties`, the others into `positionals` in order.
 */
export interface CommandWords {
  /** The command and its other names; the first is the one that help shows. */
  readonly names: readonly [string, ...string[]];
  /** Arguments as help shows them: `JAIL[@SNAPSHOT] [PROPERTY=VALUE ...]`. */
  readonly usage: string;
  readonly flags?: readonly Flag[];
  /** True for commands that pass all words after the jail on unchanged (exec, chroot). */
  readonly passThrough?: boolean;
  /**
   * Words to input; throws USAGE. Several answers mean: run the operation once for each, one failure
   * not stopping the rest.
   */
  toInputs(words: Words, context: Context): Promise<readonly unknown[]> | readonly unknown[];
  /** Another operation that these words mean (`list -r`, `destroy -r`); it takes the words then. */
  instead?(words: Words): Operation | undefined;
  readonly examples: readonly { readonly line: string; readonly says: string }[];
  /** More than the title, for help and the manual page. */
  readonly about?: string;
  readonly group: 'jails' | 'data' | 'releases' | 'configuration' | 'host' | 'help';
}

export interface Words {
  readonly positionals: readonly string[];
  /** `property=value` words in order; a value may hold further `=`. */
  readonly properties: readonly (readonly [key: string, value: string])[];
  readonly flags: Readonly<Record<string, unknown>>;
  /** The name by which the command was called, when a door knows it: `show` is `get -r`. */
  readonly called?: string;
}

export function defineRead<I extends z.ZodType, O>(
  operation: Omit<ReadOperation<I, O>, 'effect'>,
): ReadOperation<I, O> {
  return { effect: 'read', ...operation };
}

export function defineChange<I extends z.ZodType, O>(
  operation: ChangeOperation<I, O>,
): ChangeOperation<I, O> {
  return operation;
}

export function defineSession<I extends z.ZodType, O = number>(
  operation: Omit<SessionOperation<I, O>, 'effect'>,
): SessionOperation<I, O> {
  return { effect: 'session', ...operation };
}

export function defineSequence<I extends z.ZodType>(
  operation: Omit<SequenceOperation<I>, 'effect'>,
): SequenceOperation<I> {
  return { effect: 'sequence', ...operation };
}

export function defineFleet<I extends z.ZodType, O>(
  operation: Omit<FleetOperation<I, O>, 'effect'>,
): FleetOperation<I, O> {
  return { effect: 'fleet', ...operation };
}

export function defineRepair<I extends z.ZodType, O>(
  operation: Omit<RepairOperation<I, O>, 'effect'>,
): RepairOperation<I, O> {
  return { effect: 'repair', ...operation };
}

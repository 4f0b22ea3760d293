/**
 * Runs operations for the server, and reads for it: everything that starts processes. What is asked and what is
 * answered is data, so that it can be done in another thread (`runner-thread.ts`). It knows no protocol, no order
 * of changes and no clients.
 */
import type { EventSink } from '../domain/events.ts';
import { getOperation } from '../ops/index.ts';
import type { Context } from '../ops/context.ts';
import type { Words } from '../ops/operation.ts';
import { runOperation } from '../ops/run/run.ts';
import type { Outcome } from '../ops/run/outcome.ts';
import { readWorld } from '../ops/world/read.ts';
import type { World } from '../ops/world/world.ts';

/** Opens a context; of `src/iocage.ts`, or of a test. */
export type MakeContext = (options: {
  /** Without it the only activated one. */
  readonly pool?: string;
  readonly emit?: EventSink;
  readonly signal?: AbortSignal;
  /** The user that it is done for, when there is one. */
  readonly as?: string;
}) => Context;

interface Place {
  readonly pool?: string;
  readonly as?: string;
}

/** What of a question is no data. */
export interface Live {
  readonly emit?: EventSink;
  readonly signal?: AbortSignal;
}

export type Running = Awaited<ReturnType<Context['host']['running']>>;

interface Questions {
  /** Runs an operation to its end; `kept`: of the moment before. */
  run: [ask: Place & { operation: string; input: unknown; kept?: number }, answer: Outcome];
  /** A command's words as inputs; what was read for them is not read again by a run that gets `kept` soon. */
  inputs: [ask: Place & { operation: string; words: Words }, answer: { inputs: unknown[]; kept: number }];
  world: [ask: Place, answer: World];
  running: [ask: { realm: string }, answer: Running];
  /** ZFS's properties of one dataset; empty where it is not there. */
  values: [ask: { dataset: string; properties: readonly string[] }, answer: ReadonlyMap<string, string>];
}

export type Question = keyof Questions;
export type Asked<Q extends Question> = Questions[Q][0];
export type Answered<Q extends Question> = Questions[Q][1];

export interface Runner {
  ask<Q extends Question>(question: Q, asked: Asked<Q>, live?: Live): Promise<Answered<Q>>;
  close(): Promise<void>;
}

/** What was read for inputs is forgotten then. */
const keptMs = 2000;

interface Opened {
  readonly context: Context;
  /** Who hears of the operation that runs in it now. */
  emit: EventSink | undefined;
  readonly stop: AbortController;
}

/** Runs in this thread. */
export class HereRunner implements Runner {
  private readonly makeContext: MakeContext;
  private readonly kept = new Map<number, Opened>();
  private lastKept = 0;
  private looker: Context | undefined;

  constructor(makeContext: MakeContext) {
    this.makeContext = makeContext;
  }

  ask<Q extends Question>(question: Q, asked: Asked<Q>, live: Live = {}): Promise<Answered<Q>> {
    return this.answers[question](asked, live);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private readonly answers: { [Q in Question]: (asked: Asked<Q>, live: Live) => Promise<Answered<Q>> } = {
    run: async ({ operation, input, kept, ...place }, { emit, signal }) => {
      const opened = this.kept.get(kept ?? -1) ?? this.open(place);
      opened.emit = emit;
      const stop = (): void => opened.stop.abort();
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted) stop();
      try {
        return await runOperation(opened.context, getOperation(operation), input);
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    },
    inputs: async ({ operation, words, ...place }) => {
      const opened = this.open(place);
      const inputs = await getOperation(operation).command.toInputs(words, opened.context);
      const kept = (this.lastKept += 1);
      this.kept.set(kept, opened);
      setTimeout(() => this.kept.delete(kept), keptMs).unref();
      return { inputs: [...inputs], kept };
    },
    world: (place) => readWorld(this.open(place).context),
    running: ({ realm }) => this.look().host.running(realm),
    values: async ({ dataset, properties }) => {
      const rows = await this.look().storage.filesystems(dataset, 0, properties);
      return rows?.[0]?.values ?? new Map<string, string>();
    },
  };

  private open(place: Place): Opened {
    const stop = new AbortController();
    const context = this.makeContext({
      ...place,
      signal: stop.signal,
      emit: (event) => opened.emit?.(event),
    });
    const opened: Opened = { context, emit: undefined, stop };
    return opened;
  }

  /** For questions that need no pool of their own; opening a context costs more than they do. */
  private look(): Context {
    return (this.looker ??= this.makeContext({}));
  }
}

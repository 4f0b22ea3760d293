/**
 * The runner in a thread of its own: starting a process holds up the thread that does it until the process is
 * there, and a plan for many jails takes its time; those who only ask wait for neither. Both ends of the thread
 * are here; between them goes data. A thread that dies ends the program, as an error that nobody catches does.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { asIocageError, IocageError, type ErrorCode, type UndoFailure } from '../domain/errors.ts';
import type { EventSink, IocageEvent } from '../domain/events.ts';
import type { Answered, Asked, Live, Question, Runner } from './runner.ts';

type Said = { readonly id: number } & (
  { readonly question: Question; readonly asked: any } | { readonly abort: true }
);
type Heard = { readonly id: number } & (
  { readonly event: IocageEvent } | { readonly answer: unknown } | { readonly error: ErrorText }
);

/** An error as data: one of the table, or a bug with its stack. */
type ErrorText =
  | {
      readonly code: ErrorCode;
      readonly details: Readonly<Record<string, unknown>>;
      readonly undoFailures: readonly UndoFailure[];
    }
  | { readonly stack: string };

function toText(thrown: unknown): ErrorText {
  const { code, details, undoFailures, cause } = asIocageError(thrown);
  const isBug = code === 'INTERNAL' && cause === thrown;
  return isBug ? { stack: (thrown as Error).stack ?? String(thrown) } : { code, details, undoFailures };
}

function toError(text: ErrorText): Error {
  if ('stack' in text) return Object.assign(new Error(text.stack.split('\n')[0]), { stack: text.stack });
  const error = new IocageError(text.code, text.details);
  error.undoFailures = text.undoFailures;
  return error;
}

/** In the thread: answers with a runner what is asked through the port. */
export function answerWith(runner: Runner, port: MessagePort): void {
  const stops = new Map<number, AbortController>();
  const say = (heard: Heard): void => port.postMessage(heard);
  const answer = async (id: number, question: Question, asked: any): Promise<void> => {
    const stop = new AbortController();
    stops.set(id, stop);
    const emit: EventSink = (event) =>
      say({ id, event: 'error' in event ? { ...event, error: toText(event.error) as IocageError } : event });
    try {
      say({ id, answer: await runner.ask(question, asked, { emit, signal: stop.signal }) });
    } catch (thrown) {
      say({ id, error: toText(thrown) });
    } finally {
      stops.delete(id);
    }
  };
  port.on('message', (said: Said) => {
    if ('abort' in said) stops.get(said.id)?.abort();
    else void answer(said.id, said.question, said.asked);
  });
}

interface Waiting {
  readonly emit: EventSink | undefined;
  readonly resolve: (answer: any) => void;
  readonly reject: (error: Error) => void;
}

/** Outside: asks the thread. */
export class ThreadRunner implements Runner {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor(worker: Worker) {
    this.worker = worker;
    worker.on('message', (heard: Heard) => this.hear(heard));
    // Whatever it was doing is left to `doctor`, as after any kill.
    worker.on('error', (error) => {
      throw error;
    });
  }

  ask<Q extends Question>(question: Q, asked: Asked<Q>, { emit, signal }: Live = {}): Promise<Answered<Q>> {
    const id = (this.last += 1);
    const abort = (): void => this.worker.postMessage({ id, abort: true });
    return new Promise<Answered<Q>>((resolve, reject) => {
      this.waiting.set(id, { emit, resolve, reject });
      this.worker.postMessage({ id, question, asked });
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
    }).finally(() => signal?.removeEventListener('abort', abort));
  }

  private hear(heard: Heard): void {
    const { id } = heard;
    const waiting = this.waiting.get(id)!;
    if ('event' in heard) {
      const { event } = heard;
      const error = 'error' in event ? { error: toError(event.error) as IocageError } : {};
      waiting.emit?.({ ...event, ...error });
      return;
    }
    this.waiting.delete(id);
    if ('error' in heard) waiting.reject(toError(heard.error));
    else waiting.resolve(heard.answer);
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

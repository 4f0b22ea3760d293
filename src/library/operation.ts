/**
 * One operation as a value: nothing runs until it is awaited or iterated. Awaited it answers the result, iterated
 * it tells its events; it can be aborted, and asked what it would do. It runs once, whatever is done with it.
 */
import type { IocEvent } from '../domain/ioc-events.ts';
import { endingAtOnce } from './at-once.ts';
import type { Action } from '../domain/shell-line.ts';

/** What an operation would do, as `--dry-run` tells it. */
export interface Plan {
  /** Each change in order: a command line for a shell, or a comment that says which file is written. */
  readonly commands: readonly string[];
  /** The same as data. */
  readonly actions: readonly Action[];
  /** What would be gone for good: datasets, snapshots, changes since a snapshot. */
  readonly loses: readonly string[];
}

/** How an operation reaches the host. */
export interface Runner<T> {
  run(emit: (event: IocEvent) => void, signal: AbortSignal): Promise<T>;
  plan(): Promise<Plan>;
}

/**
 * An operation that was asked for.
 *
 * @example await jail.start();
 * @example for await (const event of jail.start()) console.log(event.type, event.state);
 */
export class Operation<T> implements PromiseLike<T>, AsyncIterable<IocEvent> {
  private readonly runner: Runner<T>;
  private readonly controller = new AbortController();
  private readonly listeners = new Set<(event: IocEvent | undefined) => void>();
  private running: Promise<T> | undefined;

  /** @internal Operations are made by `Host`, `Jail`, … */
  constructor(runner: Runner<T>) {
    this.runner = runner;
  }

  /** What it would do; changes nothing, and can be asked before it runs. */
  plan(): Promise<Plan> {
    return this.runner.plan();
  }

  /**
   * Ends it: what was done is undone, or finished where only that is possible, and it fails with CANCELLED. Before
   * it runs, it never does.
   */
  abort(): void {
    this.controller.abort();
  }

  /** Runs it, and answers its result. @throws IocageError */
  // oxlint-disable-next-line unicorn/no-thenable -- to be awaited is what it is for
  then<R = T, E = never>(
    done?: ((result: T) => R | PromiseLike<R>) | null,
    failed?: ((error: any) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    return this.start().then(done, failed);
  }

  /** As of a promise. */
  catch<E = never>(failed?: ((error: any) => E | PromiseLike<E>) | null): Promise<T | E> {
    return this.start().catch(failed);
  }

  /** As of a promise. */
  finally(settled?: (() => void) | null): Promise<T> {
    return this.start().finally(settled);
  }

  /**
   * Runs it, and tells its events. The loop ends with the operation and throws what that throws; leaving the loop
   * early does not end the operation. Where the operation is under way already, the events from now on.
   */
  [Symbol.asyncIterator](): AsyncGenerator<IocEvent, void, void> {
    const stop = new AbortController();
    return endingAtOnce(this.tell(stop.signal), () => stop.abort());
  }

  private async *tell(stop: AbortSignal): AsyncGenerator<IocEvent, void, void> {
    const queue: (IocEvent | undefined)[] = [];
    let wake: (() => void) | undefined;
    const listener = (event: IocEvent | undefined): void => {
      // A slow reader is not owed every percent of a download.
      const before = queue.at(-1);
      if (event?.state === 'progress' && before?.state === 'progress' && before.id === event.id) queue.pop();
      queue.push(event);
      wake?.();
    };
    this.listeners.add(listener);
    stop.addEventListener('abort', () => wake?.());
    try {
      const end = this.start().then(
        () => listener(undefined),
        () => listener(undefined),
      );
      for (;;) {
        if (stop.aborted) return;
        while (queue.length > 0) {
          const event = queue.shift();
          if (event !== undefined) yield event;
          else {
            await end;
            await this.running;
            return;
          }
        }
        await new Promise<void>((next) => (wake = next));
      }
    } finally {
      this.listeners.delete(listener);
    }
  }

  private start(): Promise<T> {
    if (this.running === undefined) {
      this.running = this.runner.run((event) => {
        for (const listener of this.listeners) listener(event);
      }, this.controller.signal);
      // Whoever iterates is told by the iterator.
      this.running.catch(() => undefined);
    }
    return this.running;
  }
}

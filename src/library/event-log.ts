/**
 * The events of a host, numbered over all its operations. A bounded number of them is kept, so that a consumer
 * that went away goes on where it was; what is not kept any more is told as one record of the type `Gap`. Writes
 * nothing: what was done before this program began is in the journal, see `Host.history`.
 */
import type { IocEvent } from '../domain/ioc-events.ts';
import { endingAtOnce } from './at-once.ts';

export class EventLog {
  private readonly capacity: number;
  private readonly kept: IocEvent[] = [];
  private readonly waiting = new Set<() => void>();
  private last = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** A number that no record has. */
  next(): number {
    this.last += 1;
    return this.last;
  }

  /** Keeps a record whose number came from {@link next}. */
  add(event: IocEvent): void {
    this.kept.push(event);
    if (this.kept.length > this.capacity) this.kept.shift();
    this.wake();
  }

  /** The records behind number `since`, those to come too, until the signal ends it. */
  follow(since: number | undefined, signal?: AbortSignal): AsyncGenerator<IocEvent, void, void> {
    const stop = new AbortController();
    const signals = signal === undefined ? [stop.signal] : [signal, stop.signal];
    return endingAtOnce(this.tell(since, AbortSignal.any(signals)), () => stop.abort());
  }

  private async *tell(since: number | undefined, signal: AbortSignal): AsyncGenerator<IocEvent, void, void> {
    let seen = since ?? this.last;
    // A number that was never given out is of another process: all that there is has come since.
    if (seen > this.last) seen = 0;
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        if (signal.aborted) return;
        const first = this.kept[0]?.seq ?? this.last + 1;
        if (seen + 1 < first) {
          yield gap(seen + 1, first - 1);
          seen = first - 1;
          continue;
        }
        const event = this.kept[seen + 1 - first];
        if (event === undefined) await new Promise<void>((next) => this.waiting.add(next));
        else {
          seen = event.seq;
          yield event;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  private wake(): void {
    for (const next of this.waiting) next();
    this.waiting.clear();
  }
}

function gap(from: number, to: number): IocEvent {
  return {
    seq: to,
    id: `gap-${from}-${to}`,
    depth: 0,
    type: 'Gap',
    state: 'skipped',
    message: `events ${from} to ${to} are not kept any more; the history tells which operations there were`,
    startedAt: new Date().toISOString(),
  };
}

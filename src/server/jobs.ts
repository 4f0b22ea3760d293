/**
 * Jobs that go on after their request was answered, such as a download: a client gets their id, and is told
 * when they begin and end. What is told is the dispatcher's part of the SysAdm API (its `events/dispatcher`
 * and `rpc/dispatcher list`); this file knows no sockets.
 */
import { JobQueue, QueueFull } from './job-queue.ts';
import { localTime } from '../domain/local-time.ts';

export interface JobFacts {
  readonly id: string;
  /** Jobs here have no order; a few run at once, the others are `pending`. */
  readonly queue: 'no_queue';
  readonly commands: readonly string[];
  readonly state: 'pending' | 'running' | 'finished';
}

/** `args` of an event: at the beginning `process_id` and `state`, at the end all of it. */
export type JobEvent = Readonly<Record<string, string | readonly string[]>>;

/** Of finished jobs. */
const remembered = 100;
const atOnce = 4;
/** That run or wait; one more is refused. */
const most = 64;

/** Of its output, the last lines; the event at its end tells how many came before them. */
const mostLines = 500;
const mostCharacters = 2000;

class Output {
  private readonly lines: string[] = [];
  private dropped = 0;

  add(line: string): void {
    this.lines.push(line.slice(0, mostCharacters));
    if (this.lines.length <= mostLines) return;
    this.lines.shift();
    this.dropped += 1;
  }

  print(): string {
    const gone = this.dropped === 0 ? [] : [`(${this.dropped} lines before these are left out)`];
    return [...gone, ...this.lines].map((line) => `${line}\n`).join('');
  }
}

/** What a job does: `tell` takes a line of its output, `signal` asks it to end. */
export type JobWork = (tell: (line: string) => void, signal: AbortSignal) => Promise<void>;

export class Jobs {
  private readonly jobs = new Map<string, JobFacts>();
  private readonly stops = new Map<string, AbortController>();
  private readonly listeners = new Set<(event: JobEvent) => void>();
  private readonly ends = new Set<Promise<void>>();
  private readonly queue = new JobQueue({ running: atOnce, waiting: most });

  list(): readonly JobFacts[] {
    return [...this.jobs.values()];
  }

  /** Whether it runs, or waits for its turn. */
  isUnderWay(id: string): boolean {
    return this.stops.has(id);
  }

  /** @throws QueueFull when so many more are too many */
  assertRoomFor(more: number): void {
    if (this.stops.size + more > most) throw new QueueFull('too many jobs are waiting');
  }

  /** @returns what ends the listening */
  onEvent(listener: (event: JobEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Begins a job, or lets it wait, and answers at once; false when one of this id is under way.
   *
   * @param command how the job is shown
   * @param work its lines are its output; a throw is exit status 1, and the error's message its last line
   */
  start(id: string, command: string, work: JobWork): boolean {
    if (this.isUnderWay(id)) return false;
    this.assertRoomFor(1);
    this.jobs.delete(id);
    const stop = new AbortController();
    this.stops.set(id, stop);
    this.show(id, command, 'pending');
    const end = this.perform(id, command, work, stop.signal);
    this.ends.add(end);
    void end.then(() => this.ends.delete(end));
    return true;
  }

  /** Ends when every job has ended. */
  async idle(): Promise<void> {
    while (this.ends.size > 0) await Promise.all(this.ends);
  }

  /** Asks running jobs to end; answers the ids that were found. */
  kill(ids: readonly string[]): readonly string[] {
    const found = ids.filter((id) => this.stops.has(id));
    for (const id of found) this.stops.get(id)!.abort();
    return found;
  }

  /** Takes no further jobs, and ends when those that run have ended; those that wait fail. */
  async close(): Promise<void> {
    await this.queue.close();
    await this.idle();
  }

  private show(id: string, command: string, state: JobFacts['state']): void {
    this.jobs.set(id, { id, queue: 'no_queue', commands: [command], state });
  }

  private async perform(id: string, command: string, work: JobWork, signal: AbortSignal): Promise<void> {
    let started = localTime(new Date(), 'T');
    const output = new Output();
    let status = '0';
    try {
      await this.queue.run([], async () => {
        if (signal.aborted) throw new Error('it was ended before it began');
        started = localTime(new Date(), 'T');
        this.show(id, command, 'running');
        this.emit({ process_id: id, state: 'running' });
        await work((line) => output.add(line), signal);
      });
    } catch (error) {
      status = '1';
      output.add((error as Error).message);
    }
    this.stops.delete(id);
    this.show(id, command, 'finished');
    this.forget();
    this.emit({
      cmd_list: [command],
      [command]: output.print(),
      process_id: id,
      [`return_codes/${command}`]: status,
      state: 'finished',
      time_finished: localTime(new Date(), 'T'),
      time_started: started,
    });
  }

  private forget(): void {
    const finished = [...this.jobs.values()].filter(({ state }) => state === 'finished');
    for (const { id } of finished.slice(0, -remembered)) this.jobs.delete(id);
  }

  private emit(event: JobEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

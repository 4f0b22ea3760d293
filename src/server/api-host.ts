/**
 * Between an API's actions and the operations: changes wait for each other where they concern one jail, and the
 * listing is kept for a moment so that many clients can ask for it often. A runner does what is asked, perhaps in
 * another thread: no process is started here. It knows operations and no protocol; what it may do is decided by
 * who calls it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventSink } from '../domain/events.ts';
import { findJail, type Jail } from '../domain/jail.ts';
import { listedJail, type ListedJail } from '../ops/jail/listed.ts';
import type { Words } from '../ops/operation.ts';
import type { Context } from '../ops/context.ts';
import type { World } from '../ops/world/world.ts';
import { Fresh } from './fresh.ts';
import { JobQueue, type Keys } from './job-queue.ts';
import { Jobs } from './jobs.ts';
import type { Live, Runner, Running } from './runner.ts';
import { sameAsBefore } from './same.ts';

export interface ApiHostOptions {
  readonly runner: Runner;
  /** Which it is, and what tells of a jail's configuration without looking at the machine. */
  readonly kernel: Pick<Context['host'], 'kernel' | 'notApplied'>;
  /** Without it the only activated pool. */
  readonly pool?: string;
  readonly settings?: Partial<ApiSettings>;
}

export interface ApiSettings {
  /** What limited users may do: all that the original let them, only look, or nothing. */
  readonly operatorAccess: 'all' | 'read' | 'none';
  /** Cut values at the second colon, as the original did. */
  readonly legacyTruncation: boolean;
  /** Shape of `listjails` when the request names none. */
  readonly listFormat: '2016' | '2017';
  /** Refuse to destroy a running jail, as the documents say, instead of stopping it first. */
  readonly refuseToDestroyRunning: boolean;
  /** Changes that run at once, for different jails. */
  readonly changesAtOnce: number;
  /** Changes that may wait. */
  readonly changesWaiting: number;
  /** Programs that run in jails at once; one more is refused. */
  readonly sessionsAtOnce: number;
}

const defaultApiSettings: ApiSettings = {
  operatorAccess: 'read',
  legacyTruncation: false,
  listFormat: '2016',
  refuseToDestroyRunning: false,
  changesAtOnce: 4,
  changesWaiting: 256,
  sessionsAtOnce: 32,
};

/** Readings that start a process each. */
const questionsAtOnce = 4;

/** A listing is never older than 1 s; what is left of it is for the way to the client. */
const listingAge = { maxAgeMs: 900, renewAfterMs: 550 };

/** What a change may have changed of a listing: anything, or only which jails run. */
export type Touches = 'pool' | 'running';

export interface Changed<T> {
  /** Of the journal; undefined where the operation has none. */
  readonly id: string | undefined;
  readonly result: T;
}

/** What is on the pool, and which jails run. The same object as long as none of it changed. */
export interface Facts {
  readonly world: World;
  readonly running: Running;
}

export interface Listing {
  readonly jails: readonly ListedJail[];
  readonly templates: readonly ListedJail[];
}

/** Of a jail, besides its own settings, what its row is made of. */
const shown = ['dataset', 'defaults', 'file', 'problem', 'template'] as const;

/** A row of a listing, and what it was made of besides the jail's own settings. */
interface Row {
  readonly jail: Jail;
  readonly defaults: World['defaults'];
  readonly running: unknown;
  readonly row: ListedJail;
}

/** Who asks. */
export interface Asker {
  readonly user: string;
  /** Told when nobody waits for the answer any more. */
  readonly gone?: AbortSignal;
}

export class ApiHost {
  readonly settings: ApiSettings;
  readonly kernel: ApiHostOptions['kernel'];
  readonly jobs = new Jobs();
  private readonly runner: Runner;
  private readonly queue: JobQueue;
  private readonly sessions: JobQueue;
  private readonly questions: JobQueue;
  /** Requests for one jail, in the order in which they came; what they change waits in `queue` besides. */
  private readonly requests: JobQueue;
  private readonly listeners = new Set<EventSink>();
  private readonly stop = new AbortController();
  private readonly asking = new AsyncLocalStorage<Asker>();
  private readonly world: Fresh<World>;
  private readonly running: Fresh<Running>;
  private facts: Facts | undefined;
  private made: { readonly facts: Facts; readonly listing: Listing } | undefined;
  /** By the settings of their jails. */
  private readonly rows = new WeakMap<Jail['local'], Row>();
  private pool: string | undefined;
  /** When the last change ended that touched what only settings show. */
  private changedMs = -Infinity;

  constructor(options: ApiHostOptions) {
    this.runner = options.runner;
    this.kernel = options.kernel;
    this.pool = options.pool;
    this.settings = { ...defaultApiSettings, ...options.settings };
    this.queue = new JobQueue({
      running: this.settings.changesAtOnce,
      waiting: this.settings.changesWaiting,
    });
    this.requests = new JobQueue({ running: Infinity, waiting: this.settings.changesWaiting });
    this.sessions = new JobQueue({ running: this.settings.sessionsAtOnce, waiting: 0 });
    this.questions = new JobQueue({ running: questionsAtOnce, waiting: this.settings.changesWaiting });
    this.world = new Fresh(
      async () => sameAsBefore(this.facts?.world, await this.runner.ask('world', this.place())),
      listingAge,
    );
    this.running = new Fresh(async () => {
      const { realm } = await this.world.get();
      const now = await this.runner.ask('running', { realm });
      return sameAsBefore(this.facts?.running, now);
    }, listingAge);
  }

  /** Does work for a user: the journal has the name at all that comes of it, however long that waits. */
  runAs<T>(asker: Asker, work: () => Promise<T>): Promise<T> {
    return this.asking.run(asker, work);
  }

  private place(): { readonly pool?: string; readonly as?: string } {
    const { pool } = this;
    const as = this.asking.getStore()?.user;
    return { ...(as === undefined ? {} : { as }), ...(pool === undefined ? {} : { pool }) };
  }

  /** Of what runs: its events also go to those who listen, and the end of the server ends it. */
  private live({ emit, signal }: Live): Live {
    return {
      signal: signal === undefined ? this.stop.signal : AbortSignal.any([this.stop.signal, signal]),
      emit: (event) => {
        emit?.(event);
        for (const listener of this.listeners) listener(event);
      },
    };
  }

  /** Every event of every operation that runs here. @returns what ends the listening */
  onEvent(listener: EventSink): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Runs an operation that changes nothing; a few at once, since each of them starts processes. */
  async read<T>(operation: string, input: unknown): Promise<T> {
    return this.questions.run([], () => this.run<T>(operation, input));
  }

  /** ZFS's properties of one dataset; empty where it is not there. */
  values(dataset: string, properties: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.questions.run([], () => this.runner.ask('values', { dataset, properties }));
  }

  /** A command's words as inputs of it; what was found for them a change need not look for again. */
  async inputs(
    operation: string,
    words: Words,
  ): Promise<{ readonly inputs: readonly unknown[]; readonly kept: number }> {
    return this.runner.ask('inputs', { ...this.place(), operation, words });
  }

  /** Runs an operation at once. For what is no change of one jail, such as a fetch. */
  async run<T>(operation: string, input: unknown, live: Live = {}): Promise<T> {
    const asked = { ...this.place(), operation, input };
    return (await this.runner.ask('run', asked, this.live(live))).result as T;
  }

  /** Does what a request asks of a jail, after what was asked of it before; `work` gets the jail's key. */
  async inOrder<T>(jail: string, work: (key: string) => Promise<T>): Promise<T> {
    const key = await this.keyOf(jail);
    return this.requests.run([key], () => work(key));
  }

  /** What the changes of a jail are ordered by: its UUID, or the word where no jail is known by it. */
  async keyOf(jail: string): Promise<string> {
    return (await this.knownJail(jail))?.uuid ?? jail;
  }

  /**
   * Runs an operation that changes something. When this ends, listings show the change.
   *
   * @param keys what it touches, for the order of changes
   * @param emit takes the operation's events
   * @param kept of `inputs` of the moment before: what was read there is not read again, unless the wait was long
   */
  async change<T>(
    operation: string,
    input: unknown,
    how: {
      readonly keys: Keys;
      readonly touches: Touches;
      readonly emit?: EventSink;
      readonly kept?: number;
    },
  ): Promise<Changed<T>> {
    const askedMs = this.world.now();
    return this.queue.run(how.keys, async () => {
      try {
        const isFresh = this.world.now() - askedMs < listingAge.maxAgeMs;
        const kept = isFresh && how.kept !== undefined ? { kept: how.kept } : {};
        const asked = { ...this.place(), ...kept, operation, input };
        const { emit } = how;
        const live = this.live(emit === undefined ? {} : { emit });
        const { id, result } = await this.runner.ask('run', asked, live);
        return { id, result: result as T };
      } finally {
        await this.renew(how.touches);
      }
    });
  }

  /**
   * Runs a program in a jail; such programs wait for no change, and only so many of them run at once. It is
   * ended when nobody waits for it any more.
   */
  async session<T>(operation: string, input: unknown): Promise<T> {
    const signal = this.asking.getStore()?.gone;
    return this.sessions.run([], () => this.run<T>(operation, input, signal === undefined ? {} : { signal }));
  }

  /** The pool that the following requests are for; undefined: the only activated one. */
  async usePool(pool: string | undefined): Promise<void> {
    this.pool = pool;
    this.world.drop();
    this.running.drop();
    this.facts = undefined;
    await this.renew('pool');
  }

  /** After a pool is no longer activated. */
  async leavePool(pool: string): Promise<void> {
    if (this.pool === pool) await this.usePool(undefined);
  }

  /** What is on the pool, and which jails run; at most a second old, and not older than the last change here. */
  async current(): Promise<Facts> {
    return this.look(this.changedMs);
  }

  private async look(sinceMs?: number): Promise<Facts> {
    const [world, running] = await Promise.all([this.world.get(sinceMs), this.running.get()]);
    if (this.facts?.world !== world || this.facts.running !== running) this.facts = { world, running };
    return this.facts;
  }

  /**
   * Jails and templates, at most a second old, and never older than the end of a change that was made here.
   * The same object as long as nothing of it changed, so that what is made of it can be kept with it.
   */
  async listing(): Promise<Listing> {
    // No start or stop changes anything of the pool that a listing shows.
    const facts = await this.look();
    if (this.made?.facts !== facts) {
      const rows = facts.world.jails.map((jail) => ({ jail, row: this.row(facts, jail) }));
      const listed = (template: boolean) =>
        rows.filter(({ jail }) => jail.template === template).map(({ row }) => row);
      this.made = { facts, listing: { jails: listed(false), templates: listed(true) } };
    }
    return this.made.listing;
  }

  /** Rows of jails that nothing happened to are not made again. */
  private row({ world, running }: Facts, jail: Jail): ListedJail {
    const { defaults } = world;
    const now = running.get(jail.uuid);
    const known = this.rows.get(jail.local);
    const isRight = known?.defaults === defaults && known.running === now;
    if (isRight && shown.every((key) => known.jail[key] === jail[key])) return known.row;
    const row = listedJail(world, jail, now);
    this.rows.set(jail.local, { jail, defaults, running: now, row });
    return row;
  }

  /** The jail that a word means, as far as the last reading knows; for the order of changes and for messages. */
  async knownJail(name: string): Promise<Jail | undefined> {
    try {
      return findJail((await this.world.get()).jails, name);
    } catch {
      return undefined; // the operation says what is wrong with it
    }
  }

  /**
   * Takes no further changes, waits for the running ones and for jobs; after `patienceMs` they are asked to
   * end, and undo what they did.
   */
  async close(patienceMs: number): Promise<void> {
    const timer = setTimeout(() => this.stop.abort(), patienceMs);
    try {
      const queues = [this.requests, this.queue, this.sessions, this.questions].map((queue) => queue.close());
      await Promise.all([...queues, this.jobs.close()]);
    } finally {
      clearTimeout(timer);
      await this.runner.close();
    }
  }

  /** After a change that was not made by `change`: listings show it when this ends. */
  async renew(touches: Touches): Promise<void> {
    this.changedMs = this.world.now();
    if (touches === 'pool') await this.world.renew();
    await this.running.renew();
  }
}

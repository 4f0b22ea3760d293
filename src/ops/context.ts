/**
 * The doors that an operation gets, and what its caller said besides its input: which pool, which source, a dry run.
 * Interfaces alone; `iocage.ts` makes it.
 */
import type {
  Action,
  Caller,
  Clock,
  Downloads,
  Exec,
  Files,
  Ids,
  Journal,
  Locks,
  Paths,
} from '../driver/system.ts';
import type { DatasetRow, Storage } from '../driver/storage.ts';
import type { Host } from '../driver/host.ts';
import type { EventSink } from '../domain/events.ts';
import type { Source } from '../domain/source.ts';

/** Roots that are read together, and what was found; each takes its own out of it, once. */
export interface Together {
  readonly roots: readonly string[];
  found?: Promise<Map<string, readonly DatasetRow[]>>;
}

/** What every operation may use. `iocage.ts` makes it. */
export interface Context {
  readonly exec: Exec;
  readonly files: Files;
  readonly downloads: Downloads;
  readonly storage: Storage;
  readonly host: Host;
  readonly locks: Locks;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly paths: Paths;
  /** The pool that the caller named (`--pool`, `IOCAGE_POOL`), if any. */
  readonly pool: string | undefined;
  /** Sources that the caller gave; they hold instead of rc.conf's and of the activated pool. */
  readonly sources?: readonly Source[];
  /** Name of the one source that the caller wants, of all that there are. */
  readonly only?: string;
  /** The source that this context acts in, once that is known. See `source/`. */
  readonly source?: Source;
  /** The other sources that are read at the same time: what is on them is asked for once, by the first of them. */
  readonly together?: Together;
  /** True for a dry run: `exec`, `files` and `storage` record changes instead of making them. */
  readonly dry: boolean;
  readonly actions: readonly Action[];
  readonly emit: EventSink;
  readonly signal: AbortSignal;
  readonly isRoot: boolean;
  /** Processors that this process may use, when that is known. */
  readonly cores?: number;
  /** The caller's editor as words: `$VISUAL` or `$EDITOR`, cut at blanks; looked for in the fixed PATH. */
  editor?(): readonly string[];
  /** This process, as the journal writes it down. */
  self(): Promise<{ readonly pid: number; readonly processStart: string; readonly by?: Caller }>;
}

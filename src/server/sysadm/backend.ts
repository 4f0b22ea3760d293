/**
 * What the API's doors need of the rest of the program: the actions of the iocage class and the
 * queue of long jobs. The doors (REST, WebSocket) know nothing else of jails.
 */
import type { Caller } from './actions.ts';
import type { Json } from './json.ts';

/** A long job (fetch, plugin), as rpc/dispatcher lists it. */
export interface Job {
  readonly id: string;
  readonly queue: string;
  readonly commands: readonly string[];
  /** Place in a queue that runs one at a time; absent where jobs run side by side. */
  readonly position?: number;
  readonly state: 'pending' | 'running' | 'finished';
}

export interface Backend {
  /** Answers the value of `args`; throws ApiError for what is no answer of an action. */
  runAction(caller: Caller, args: { readonly [key: string]: Json }): Promise<Json>;
  jobs(): readonly Job[];
  /** Ends jobs; answers the ids that were found. */
  kill(ids: readonly string[]): readonly string[];
  /** Tells each dispatcher event (the value of its `args`); answers what ends the telling. */
  onEvent(listener: (args: { readonly [key: string]: Json }) => void): () => void;
  /**
   * Takes no further changes and resolves when none runs any more; after `patienceMs` those that run are
   * asked to end, and undo what they did.
   */
  close(patienceMs: number): Promise<void>;
}

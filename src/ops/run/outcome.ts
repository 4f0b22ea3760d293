/** What who runs an operation gives besides its input, and what comes back. */
import type { Plan } from '../operation.ts';

export interface RunOptions {
  /** Asked before something is lost for good; without it nothing is asked. */
  readonly confirm?: (plan: Plan<unknown>) => Promise<boolean>;
}

export interface Outcome<O = unknown> {
  /** The journal's id; undefined for operations that change nothing. */
  readonly id: string | undefined;
  readonly result: O;
  /** Of several sources, the one that it acted in. */
  readonly source?: string;
}

/**
 * What the command line sees of the world: three streams and the environment. The program hands in
 * the process's own; tests hand in arrays. Nothing else in `cli/` touches `process`.
 */
import type { Readable } from 'node:stream';

export interface TextOut {
  write(text: string): unknown;
  /**
   * Why something of what was written is lost (a full disk), when all of it has been tried; undefined when
   * nothing is, or when the reader went away, who wants no more of it.
   */
  lost?(): Promise<string | undefined>;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: TextOut;
  readonly stderr: TextOut;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `listener` for each signal of this kind until the answer is called. */
  onSignal(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): () => void;
  /** Ends the process at once. */
  exit(status: number): void;
}

export type ColorWish = 'auto' | 'always' | 'never';

/** Whether to colour what goes to `out`; follows no-color.org: NO_COLOR counts when it is not empty. */
export function wantsColor(wish: ColorWish, out: TextOut, env: Terminal['env']): boolean {
  if (wish !== 'auto') return wish === 'always';
  return out.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/**
 * What is different between the two commands over the one registry: how events, results and errors look.
 * `iocage` is here; `ioc` is in `ioc/skin.ts`. What is run, and with which exit status, is the same.
 */
import type { IocageEvent } from '../domain/events.ts';
import type { Globals } from './globals.ts';
import type { TextOut } from './terminal.ts';
import { printError, type ErrorLook } from './print/error.ts';
import { eventJson, liveLines, type LiveLine } from './print/live.ts';
import { makeProgress, type Progress } from './print/progress.ts';
import { foundTrouble, printQuiet, printRemarks, printResult } from './print/result.ts';
import type { Ask } from './print/views.ts';

export interface Skin {
  /** The program's name, as messages begin with it. */
  readonly program: string;
  live(event: IocageEvent, look: { format: Globals['format']; color: boolean }): readonly LiveLine[];
  /** One event as lines of `--events json`. */
  json(event: IocageEvent): readonly string[];
  progress(out: TextOut): Progress;
  error(thrown: unknown, look: ErrorLook): readonly string[];
  /** @param source of several, the one that the operation acted in */
  result(
    operation: string,
    result: unknown,
    globals: Pick<Globals, 'format' | 'header'>,
    ask: Ask,
    source?: string,
  ): readonly string[];
  /** A result of an operation that only reads, as `--json` prints it. */
  answer(result: unknown): unknown;
  remarks(operation: string, result: unknown): readonly string[];
  quiet(operation: string, result: unknown): readonly string[];
  trouble(operation: string, result: unknown): boolean;
}

export const iocageSkin: Skin = {
  program: 'iocage',
  live: liveLines,
  json: (event) => [eventJson(event)],
  progress: makeProgress,
  error: printError,
  result: printResult,
  answer: (result) => result,
  remarks: printRemarks,
  quiet: printQuiet,
  trouble: foundTrouble,
};

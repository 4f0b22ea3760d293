/**
 * Around every command line of either program: the options before the command, lost output, and what an error
 * becomes. Which commands there are it does not know.
 */
import { asIocageError, failure } from '../domain/errors.ts';
import type { Globals, GlobalRow } from './globals.ts';
import { parseEarly } from './grammar.ts';
import type { ErrorLook } from './print/error.ts';
import { wantsColor, type Terminal } from './terminal.ts';

export interface CommandLine {
  /** Default: those of `iocage`. */
  readonly rows?: readonly GlobalRow[];
  /** Does what the words behind the options say; answers the exit status. */
  dispatch(words: readonly string[], globals: Partial<Globals>): Promise<number>;
  readonly error: (thrown: unknown, look: ErrorLook) => readonly string[];
  /** Of an error, where nobody asked for JSON. */
  readonly format: (globals: Partial<Globals>) => ErrorLook['format'];
  readonly debug: (globals: Partial<Globals>) => boolean;
}

/** @returns the exit status; an error is told on standard error */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
  { rows, dispatch, error, format, debug }: CommandLine,
): Promise<number> {
  let globals: Partial<Globals> = {};
  try {
    const early = parseEarly(argv, rows);
    globals = early.globals;
    const status = await dispatch(early.rest, globals);
    const why = status === 0 ? await terminal.stdout.lost?.() : undefined;
    if (why !== undefined) throw failure('OUTPUT_LOST', { why });
    return status;
  } catch (thrown) {
    // The words are wrong, so the wish for JSON may stand behind them.
    const json =
      globals.format === 'json' ||
      globals.events === true ||
      argv.some((word) => ['--json', '--events'].includes(word) || word.startsWith('--events='));
    const look: ErrorLook = {
      format: json ? 'json' : format(globals),
      debug: debug(globals),
      color: wantsColor(globals.color ?? 'auto', terminal.stderr, terminal.env),
    };
    for (const line of error(thrown, look)) terminal.stderr.write(`${line}\n`);
    return asIocageError(thrown).exit;
  }
}

/** Errors as lines on standard error: one clear line, a hint, and what could not be undone. */
import { styleText } from 'node:util';
import { asIocageError } from '../../domain/errors.ts';
import type { Format } from '../globals.ts';
import { oneLine, printable } from './text.ts';

export interface ErrorLook {
  readonly format: Format;
  readonly color: boolean;
  readonly debug: boolean;
  /** The program's name; default iocage. */
  readonly program?: string;
}

function causes(error: unknown): readonly string[] {
  const lines: string[] = [];
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    const stack = (at.stack ?? String(at)).split('\n').map((line) => `  ${printable(line)}`);
    lines.push(...(depth === 0 ? stack : ['  caused by', ...stack]));
  }
  return lines;
}

/** The original's words for the commands that it did not regard as failed. */
function legacyLine(code: string, message: string): string {
  const mark = code === 'ALREADY_UP' || code === 'ALREADY_DOWN' ? 'INFO' : 'ERROR';
  return `  ${mark}: ${message}`;
}

export function printError(thrown: unknown, look: ErrorLook): readonly string[] {
  const error = asIocageError(thrown);
  if (look.format === 'json') return [JSON.stringify({ error })];
  const message = oneLine(error.message);
  const program = `${look.program ?? 'iocage'}:`;
  const name = look.color ? styleText(['bold', 'red'], program, { validateStream: false }) : program;
  const lines = [look.format === 'legacy' ? legacyLine(error.code, message) : `${name} ${message}`];
  if (error.hint !== undefined) lines.push(`  hint: ${oneLine(error.hint)}`);
  for (const { step, message: why } of error.undoFailures) {
    // What cannot come back is left to be finished, not undone; the message names the command that does it.
    const what = step === 'finish' ? 'not finished yet' : `not undone: ${oneLine(step)}`;
    lines.push(`  ${what}: ${oneLine(why)}`);
  }
  return look.debug ? [...lines, ...causes(error)] : lines;
}

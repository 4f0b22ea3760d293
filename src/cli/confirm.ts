/**
 * The question before something is lost for good. It says what will be lost, takes only `y` or `Y`
 * (or, where very much goes, the word that the plan wants typed), and without a terminal nothing is taken for a yes.
 */
import { createInterface } from 'node:readline';
import type { Plan } from '../ops/operation.ts';
import type { Terminal } from './terminal.ts';
import { oneLine } from './print/text.ts';

/** The block that the original printed, with everything that will be lost. */
export function question(
  operation: string,
  plan: Pick<Plan<unknown>, 'subject' | 'title' | 'loses' | 'typed'>,
): string {
  const what = operation === 'jail.destroy' ? `this will destroy jail ${plan.subject}` : plan.title;
  const lost = (plan.loses ?? []).map((thing) => `    ${oneLine(thing)}`);
  return [
    '',
    `  WARNING: ${oneLine(what)}`,
    ...(lost.length > 0 ? ['  This will be gone for good:', ...lost] : []),
    '',
    plan.typed === undefined ? '  Are you sure ? y[N]: ' : `  Type ${plan.typed} to go ahead: `,
  ].join('\n');
}

export function askOnTerminal(terminal: Terminal, operation: string, signal: AbortSignal) {
  return async (plan: Plan<unknown>): Promise<boolean> => {
    if (!terminal.stdin.isTTY || !terminal.stderr.isTTY) return false;
    terminal.stderr.write(question(operation, plan));
    const answer = (await readLine(terminal, signal)).trim();
    return plan.typed === undefined ? /^[yY]$/.test(answer) : answer === plan.typed;
  };
}

/** The next line of input; empty at its end, or when Ctrl-C was pressed instead. */
function readLine(terminal: Terminal, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    // Not as a terminal: the kernel's own line editing stays on, and Ctrl-C still is a signal.
    const lines = createInterface({ input: terminal.stdin, terminal: false });
    let answer = '';
    lines.once('line', (line) => {
      answer = line;
      lines.close();
    });
    lines.once('close', () => resolve(answer));
    signal.addEventListener('abort', () => lines.close(), { once: true });
  });
}

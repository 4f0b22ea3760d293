/**
 * Ctrl-C and its relatives. The first signal asks a changing operation to stop, and it undoes what it
 * did; the second ends the program at once, and `iocage doctor` cleans up. During a session (console,
 * exec) Ctrl-C belongs to the program in the jail.
 */
import type { Operation } from '../ops/operation.ts';
import type { Terminal } from './terminal.ts';

export interface Interrupts {
  readonly signal: AbortSignal;
  release(): void;
}

/** 128 + the signal's number, as shells count it. */
const statuses = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What the first signal brings about; a destroy that has begun can only be finished. */
function announcement(operation: Operation): string {
  const finishes =
    operation.effect === 'sequence' || ('recover' in operation && operation.recover === 'finish');
  return finishes
    ? 'stopping if nothing is done yet; what has begun is finished (once more ends it at once)'
    : 'stopping; what was done is being undone (once more ends it at once)';
}

export function watchInterrupts(terminal: Terminal, operation: Operation): Interrupts {
  const { effect } = operation;
  const controller = new AbortController();
  const releases: (() => void)[] = [];
  const watch = (name: keyof typeof statuses, listener: () => void): void => {
    releases.push(terminal.onSignal(name, listener));
  };
  if (effect === 'session') {
    watch('SIGINT', () => undefined);
  } else if (effect !== 'read') {
    let heard = 0;
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      watch(name, () => {
        heard += 1;
        if (heard > 1) return terminal.exit(statuses[name]);
        terminal.stderr.write(`\niocage: ${announcement(operation)}\n`);
        controller.abort();
      });
    }
  }
  return { signal: controller.signal, release: () => releases.forEach((release) => release()) };
}

/**
 * Ctrl-C and its relatives. The first signal asks a changing operation to stop, and it undoes what it
 * did; a Ctrl-C after that ends the program at once, and `iocage doctor` cleans up. SIGTERM and SIGHUP come
 * from programs, often several of them, and never break off the undoing. During a session (console, exec)
 * Ctrl-C belongs to the program in the jail.
 */
import type { Operation } from '../ops/operation.ts';
import type { Terminal } from './terminal.ts';

export interface Interrupts {
  readonly signal: AbortSignal;
  /** The exit status of what the first signal cancelled; undefined while there was none. */
  status(): number | undefined;
  release(): void;
}

/** 128 + the signal's number, as shells count it. */
const statuses = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** What the first signal brings about; a destroy that has begun can only be finished. */
function announcement(operation: Operation): string {
  // Each of several has its own way.
  if (operation.effect === 'sequence' || operation.effect === 'fleet')
    return 'stopping; what goes on is undone, or finished where only that is left (Ctrl-C once more ends it at once)';
  return 'recover' in operation && operation.recover === 'finish'
    ? 'stopping if nothing is done yet; what has begun is finished (Ctrl-C once more ends it at once)'
    : 'stopping; what was done is being undone (Ctrl-C once more ends it at once)';
}

/** @param tell called with what the first signal brings about */
export function watchInterrupts(
  terminal: Terminal,
  operation: Operation,
  tell: (text: string) => void,
): Interrupts {
  const { effect } = operation;
  const controller = new AbortController();
  const releases: (() => void)[] = [];
  let status: number | undefined;
  const watch = (name: keyof typeof statuses, listener: () => void): void => {
    releases.push(terminal.onSignal(name, listener));
  };
  if (effect === 'session') {
    watch('SIGINT', () => undefined);
    for (const name of operation.tidies === true ? (['SIGTERM', 'SIGHUP'] as const) : [])
      watch(name, () => {
        status ??= statuses[name];
        controller.abort();
      });
  } else if (effect !== 'read') {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      watch(name, () => {
        if (status !== undefined) return name === 'SIGINT' ? terminal.exit(statuses[name]) : undefined;
        status = statuses[name];
        tell(announcement(operation));
        controller.abort();
      });
    }
  }
  return {
    signal: controller.signal,
    status: () => status,
    release() {
      // After a cancelled operation the program only ends: another signal must not take its exit status away.
      if (status === undefined) for (const release of releases) release();
    },
  };
}

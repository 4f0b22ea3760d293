/**
 * The progress of what takes long. On a terminal one line of standard error is rewritten; elsewhere
 * a plain line appears for what takes over a second, at most one in five seconds, and one in a minute
 * while it says nothing new. The reducer gets the time from outside, so that tests need no clock.
 */
import type { IocageEvent } from '../../domain/events.ts';
import type { TextOut } from '../terminal.ts';
import { cut, oneLine } from './text.ts';

const showAfterMs = 400;
const plainAfterMs = 1000;
const plainEveryMs = 5000;
const unchangedEveryMs = 60_000;
const clearLine = '\r\u001b[2K';

interface Running {
  readonly title: string;
  readonly sinceMs: number;
  readonly step: string;
  readonly place: string;
  readonly detail: string;
}

/** `[2/5] Creating jail web: copy release (41%)`. */
function describe(running: Running): string {
  return [
    running.place,
    [running.title, running.step].filter((part) => part !== '').join(': '),
    running.detail,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function detail(event: Extract<IocageEvent, { type: 'progress' }>): string {
  const share =
    event.done !== undefined && event.total !== undefined && event.total > 0
      ? `${Math.min(100, Math.floor((event.done / event.total) * 100))}%`
      : '';
  return [oneLine(event.text), share].filter((part) => part !== '').join(' ');
}

export interface Progress {
  /** Something begins that has not told its title yet: it reads and checks. */
  begin(title: string, nowMs: number): void;
  /** Nothing is shown until the next beginning: somebody else has the terminal. */
  pause(): void;
  event(event: IocageEvent, nowMs: number): void;
  /** To be called often: shows what has become worth showing. */
  tick(nowMs: number): void;
  /** Before anything else is written: takes the line away. */
  clear(): void;
}

const nothing = (): void => {};

/** For who wants none. */
export const noProgress: Progress = {
  begin: nothing,
  pause: nothing,
  event: nothing,
  tick: nothing,
  clear: nothing,
};

export function makeProgress(out: TextOut): Progress {
  let running: Running | undefined;
  let shown = '';
  let plainMs = -Infinity;
  let plain = '';

  const clear = (): void => {
    if (shown !== '') out.write(clearLine);
    shown = '';
  };
  const begin = (title: string, nowMs: number): void => {
    running = { title: oneLine(title), sinceMs: nowMs, step: '', place: '', detail: '' };
    plainMs = -Infinity;
  };
  const pause = (): void => {
    clear();
    running = undefined;
  };
  return {
    clear,
    begin,
    pause,
    event(event, nowMs) {
      if (event.type === 'operation.begin') {
        begin(event.title, nowMs);
      } else if (event.type === 'operation.done' || event.type === 'operation.failed') {
        pause();
      } else if (running && event.type === 'step.begin') {
        const place = event.step.count > 1 ? `[${event.step.index + 1}/${event.step.count}]` : '';
        running = { ...running, step: oneLine(event.step.title), place, detail: '' };
      } else if (running && event.type === 'step.undone') {
        running = { ...running, step: `undone: ${oneLine(event.step.title)}`, detail: '' };
      } else if (running && event.type === 'progress') {
        running = { ...running, detail: `(${detail(event)})` };
      }
    },
    tick(nowMs) {
      if (running === undefined) return;
      const elapsed = nowMs - running.sinceMs;
      if (out.isTTY) {
        if (elapsed < showAfterMs) return;
        // A terminal that does not know its width says 0.
        const line = cut(describe(running), Math.max(20, (out.columns || 80) - 1));
        if (line !== shown) out.write(clearLine + line);
        shown = line;
      } else if (elapsed >= plainAfterMs && nowMs - plainMs >= plainEveryMs) {
        const line = describe(running);
        if (line === plain && nowMs - plainMs < unchangedEveryMs) return;
        out.write(`iocage: ${line}\n`);
        plain = line;
        plainMs = nowMs;
      }
    },
  };
}

/**
 * What goes on, as libiocage shows it: a line for each event, `[+] JailStart@www: OK [1.52s]`. On a terminal the
 * line of an event is written anew when its state changes; elsewhere each change is a line of its own. Always on
 * standard error: results alone go to standard output.
 */
import { iocEvents, type IocEvent } from '../../domain/ioc-events.ts';
import type { Progress } from '../print/progress.ts';
import { cut, oneLine } from '../print/text.ts';
import type { TextOut } from '../terminal.ts';
import type { Loudness } from './globals.ts';

const plainEveryMs = 5000;

/** At most three decimals, no zeros at the end. */
const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(3))}s`;

/** @example eventLine(event) === '[+] JailStart@www: OK [1.52s]' */
function eventLine({ type, identifier, state, message, durationMs, depth, progress }: IocEvent): string {
  const words = {
    pending: '...',
    progress: '...',
    done: 'OK',
    skipped: 'SKIPPED',
    failed: 'FAILED',
  } as const;
  const word = state === 'rolled-back' ? 'ROLLED BACK' : words[state];
  // Why it failed is told once, as the error.
  const said = message !== undefined && state !== 'failed' && state !== 'done' ? oneLine(message) : word;
  const share =
    progress?.total === undefined || progress.total === 0
      ? ''
      : ` ${Math.min(100, Math.floor((progress.done / progress.total) * 100))}%`;
  const mark = state === 'done' || state === 'skipped' ? '+' : '-';
  const whose = identifier === undefined ? '' : `@${oneLine(identifier)}`;
  const time = durationMs === undefined ? '' : ` [${seconds(durationMs)}]`;
  return `${'  '.repeat(depth)}[${mark}] ${type}${whose}: ${said}${share}${time}`;
}

/** Lines that can still be written anew, while nothing else was written below them. */
interface Shown {
  readonly id: string;
  text: string;
}

export function makeEventLines(out: TextOut, { events, begins }: Loudness): Progress {
  const translate = iocEvents();
  let shown: Shown[] = [];
  let plainMs = -Infinity;
  const forget = (): void => {
    shown = [];
  };

  /** A terminal that does not know its width says 0; a line that is broken in two could not be found again. */
  const fitting = (line: string): string => cut(line, Math.max(20, (out.columns || 80) - 1));
  const rewrite = (id: string, line: string): void => {
    const text = fitting(line);
    const at = shown.findIndex((each) => each.id === id);
    if (at < 0) {
      shown.push({ id, text });
      out.write(`${text}\n`);
      return;
    }
    if (shown[at]!.text === text) return;
    shown[at]!.text = text;
    const up = shown.length - at;
    out.write(`\u001b[${up}A\r${text}\u001b[K\r\u001b[${up}B`);
  };
  const append = (event: IocEvent, line: string, nowMs: number): void => {
    if (event.state === 'progress') {
      if (nowMs - plainMs < plainEveryMs) return;
      plainMs = nowMs;
    } else if (event.state === 'pending' && event.depth > 0 && !begins) return;
    out.write(`${line}\n`);
  };
  return {
    begin: () => undefined,
    pause: forget,
    event(event, nowMs) {
      if (!events) return;
      for (const each of translate(event, new Date(nowMs))) {
        // Notes are told as notes.
        if (each.type === 'Message' || event.type === 'note') continue;
        const line = eventLine(each);
        if (out.isTTY) rewrite(each.id, line);
        else append(each, line, nowMs);
      }
    },
    tick: () => undefined,
    clear: forget,
  };
}

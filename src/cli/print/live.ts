/**
 * What a changing operation shows while it runs: the original's step lines on standard output, notes
 * and warnings on standard error. A pure reducer from events to lines; it keeps no time.
 */
import { styleText } from 'node:util';
import type { IocageEvent } from '../../domain/events.ts';
import type { Format } from '../globals.ts';
import { oneLine, padEnd, printable } from './text.ts';

export interface LiveLine {
  readonly to: 'stdout' | 'stderr';
  readonly text: string;
}

/** First lines by operation, as the original worded them (iocage-legacy 2.3, 3.1, 3.6). */
const headlines: Readonly<Record<string, (subject: string) => string>> = {
  'host.boot': () => '* [I|O|C] booting jails...',
  'host.shutdown': () => '* [I|O|C] shutting down jails...',
  'jail.start': (subject) => `* Starting ${subject}`,
  'jail.stop': (subject) => `* Stopping ${subject}`,
  'jail.soft-restart': (subject) => `* Soft restarting ${subject}`,
  'jail.destroy': (subject) => `  Destroying: ${subject.split(' ')[0]}`,
  'release.destroy': (subject) => `Destroying RELEASE dataset: ${subject}`,
  'snapshot.remove': (subject) => `* removing snapshot: ${subject}`,
  'snapshot.rollback': (subject) => `* Rolling back to ${subject}`,
};

/** In these two lines the original put FAILED where OK stands; in all others it ends where OK ends. */
const failsAtOk: ReadonlySet<string> = new Set(['Starting services', 'Configuring VNET']);

/**
 * A step line: OK begins in column 30, FAILED ends where OK would end, at least one blank before it.
 *
 * @example stepLine('Started', true) === '  + Started                  OK'
 * @example stepLine('Started', false) === '  ! Start                FAILED'
 */
export function stepLine(label: string, ok: boolean): string {
  const text = printable(label.replace(/^\s*\+\s*/, '').trimEnd());
  if (ok) return `${padEnd(`  + ${text}`, 28)} OK`;
  // COMPAT: a jail that did not start had no mode yet to name.
  if (/^Started\b/.test(text)) return `${padEnd('  ! Start', 25)}FAILED`;
  return `${padEnd(`  + ${text} `, failsAtOk.has(text) ? 29 : 25)}FAILED`;
}

function coloured(line: string, color: boolean): string {
  if (!color) return line;
  return line
    .replace(/OK$/, (mark) => styleText('green', mark, { validateStream: false }))
    .replace(/FAILED$/, (mark) => styleText('red', mark, { validateStream: false }));
}

export function liveLines(event: IocageEvent, look: { format: Format; color: boolean }): readonly LiveLine[] {
  const out = (text: string): LiveLine => ({ to: 'stdout', text: coloured(text, look.color) });
  const err = (text: string): LiveLine => ({ to: 'stderr', text });
  const warning = (text: string): LiveLine =>
    err(look.format === 'legacy' ? `  WARNING: ${oneLine(text)}` : `iocage: warning: ${oneLine(text)}`);
  switch (event.type) {
    case 'operation.begin': {
      const headline = Object.hasOwn(headlines, event.operation) ? headlines[event.operation] : undefined;
      const prefix = event.source === undefined ? '' : `${event.source}/`;
      return headline ? [out(headline(oneLine(prefix + event.subject)))] : [];
    }
    case 'step.done':
      return event.step.label === undefined ? [] : [out(stepLine(event.step.label, true))];
    case 'step.failed':
      return [
        ...(event.step.label === undefined ? [] : [out(stepLine(event.step.label, false))]),
        // What ends the operation is told once, as its error.
        ...(event.tolerated ? [warning(`${event.step.title}: ${event.error.message}`)] : []),
      ];
    case 'step.undo-failed':
      return [warning(`could not undo: ${event.step.title}: ${event.error.message}`)];
    case 'note':
      return [event.level === 'warning' ? warning(event.text) : err(`  INFO: ${oneLine(event.text)}`)];
    default:
      return [];
  }
}

/** An event as one line of JSON. */
export function eventJson(event: IocageEvent): string {
  return JSON.stringify(event);
}

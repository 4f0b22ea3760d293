/**
 * The original answered with what the iocage command printed: each line a key, what stood behind the colon
 * its value. Here the lines are made from events and results, and then read by the same rules, so that
 * clients see what they always saw. Pure.
 */
import type { IocageEvent } from '../../domain/events.ts';

/** A line with blanks at its ends taken away and runs of blanks made one. */
export function tidy(line: string): string {
  return line.trim().replace(/\s+/g, ' ');
}

/**
 * The text behind the first `separator`, with its leading blank.
 *
 * @param cut as the original: only up to the second separator
 */
export function valueOf(text: string, cut: boolean, separator = ':'): string {
  if (!cut) return text;
  const at = text.indexOf(separator);
  return at < 0 ? text : text.slice(0, at);
}

/** Lines to keys and values; reading stops at the first empty line, and a repeated key keeps its last value. */
export function toPairs(lines: readonly string[], cut: boolean): Record<string, string> {
  const pairs = new Map<string, string>();
  for (const raw of lines) {
    if (raw === '') break;
    const line = tidy(raw);
    const at = line.indexOf(':');
    pairs.set(at < 0 ? line : line.slice(0, at), at < 0 ? '' : valueOf(line.slice(at + 1), cut));
  }
  return Object.fromEntries(pairs);
}

/** What the command printed first, by operation. */
const headlines: Readonly<Record<string, (subject: string) => string>> = {
  'jail.start': (subject) => `* Starting ${subject}`,
  'jail.stop': (subject) => `* Stopping ${subject}`,
};

/** A step's line; steps without a label of the original's had none. */
function stepLine(label: string, ok: boolean): string {
  if (!ok && /^Started\b/.test(label)) return '! Start FAILED';
  return `+ ${label} ${ok ? 'OK' : 'FAILED'}`;
}

/**
 * The lines that the command printed for an operation, from its events. Where a stop is part of another
 * operation its lines are told apart by their labels, so `during` adds the headline.
 */
export function printedLines(events: readonly IocageEvent[]): readonly string[] {
  return events.flatMap((event) => {
    switch (event.type) {
      case 'operation.begin': {
        const headline = headlines[event.operation];
        return headline === undefined ? [] : [headline(event.subject)];
      }
      case 'step.done':
        return event.step.label === undefined ? [] : [stepLine(event.step.label, true)];
      case 'step.failed':
        return event.step.label === undefined ? [] : [stepLine(event.step.label, false)];
      default:
        return [];
    }
  });
}

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
function stepLine(label: string, ok: boolean, vnet: boolean): string {
  const started = /^Started\b/.test(label);
  if (started && !ok) return '! Start FAILED';
  // The original knew two modes of network; every one without vnet was the shared one.
  const words = started && !vnet ? 'Started (shared IP mode)' : label;
  return `+ ${words} ${ok ? 'OK' : 'FAILED'}`;
}

const isVnet = (event: IocageEvent): boolean => 'step' in event && event.step.label === 'Configuring VNET';

/** The lines that the command printed for one operation after the other, from their events. */
export function printedLines(events: readonly IocageEvent[]): readonly string[] {
  const vnet = new Set(events.filter(isVnet).map(({ id }) => id));
  return events.flatMap((event) => {
    switch (event.type) {
      case 'operation.begin': {
        const headline = headlines[event.operation];
        return headline === undefined ? [] : [headline(event.subject)];
      }
      case 'step.done':
      case 'step.failed': {
        const { label } = event.step;
        return label === undefined ? [] : [stepLine(label, event.type === 'step.done', vnet.has(event.id))];
      }
      default:
        return [];
    }
  });
}

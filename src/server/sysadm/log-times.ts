/**
 * Times in a request to rpc/logs: seconds or milliseconds since 1970, so much before now, or a date
 * in a pattern of Qt (`yyyy-MM-dd hh:mm:ss`). Pure.
 */
const units: Readonly<Record<string, number>> = {
  relative_second: 1000,
  relative_day: 86_400_000,
};

/** Pieces of Qt's patterns, longest first: what they set, and how many digits they take, at least and at most. */
const pieces: readonly (readonly [string, keyof Parts, number, number])[] = [
  ['yyyy', 'year', 4, 4],
  ['MM', 'month', 2, 2],
  ['M', 'month', 1, 2],
  ['dd', 'day', 2, 2],
  ['d', 'day', 1, 2],
  ['hh', 'hour', 2, 2],
  ['HH', 'hour', 2, 2],
  ['h', 'hour', 1, 2],
  ['H', 'hour', 1, 2],
  ['mm', 'minute', 2, 2],
  ['m', 'minute', 1, 2],
  ['ss', 'second', 2, 2],
  ['s', 'second', 1, 2],
];

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const maxPatternCharacters = 64;

/** Milliseconds; undefined when the text is no such time. */
export function parseLogTime(text: string, format: string, nowMs: number): number | undefined {
  const number = /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (format === 'time_t_seconds') return number === undefined ? undefined : number * 1000;
  if (format === 'epoch_mseconds') return number;
  if (format === 'relative_month') {
    if (number === undefined) return undefined;
    const date = new Date(nowMs);
    date.setMonth(date.getMonth() + number);
    return Number.isNaN(date.getTime()) ? undefined : date.getTime();
  }
  const unit = Object.hasOwn(units, format) ? units[format] : undefined;
  if (unit !== undefined) return number === undefined ? undefined : nowMs + number * unit;
  return parsePattern(text, format);
}

/** Reads text beside its pattern, from left to right, without ever going back. */
function parsePattern(text: string, pattern: string): number | undefined {
  if (pattern === '' || pattern.length > maxPatternCharacters) return undefined;
  const parts: Parts = { year: 1900, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
  let at = 0;
  for (let index = 0; index < pattern.length;) {
    const piece = pieces.find(([word]) => pattern.startsWith(word, index));
    if (piece === undefined) {
      if (text[at] !== pattern[index]) return undefined;
      at += 1;
      index += 1;
      continue;
    }
    const [word, name, least, most] = piece;
    const digits = /^\d*/.exec(text.slice(at, at + most))![0];
    if (digits.length < least) return undefined;
    parts[name] = Number(digits);
    at += digits.length;
    index += word.length;
  }
  if (at !== text.length) return undefined;
  const { year, month, day, hour, minute, second } = parts;
  const timeMs = new Date(year, month - 1, day, hour, minute, second).getTime();
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

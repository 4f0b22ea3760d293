/** What a row of the error table is, and how it quotes. */

const quotedCharacters = 300;

/** Quotes a value for a message; control characters are escaped and what is very long is cut, so that output stays one line. */
export function quote(value: string): string {
  return JSON.stringify(value.length > quotedCharacters ? `${value.slice(0, quotedCharacters)}…` : value);
}

/** More than a message of ours ever needs; what a word or a file brings may be of any length. */
const boundedCharacters = 3000;

/** A text that is not much longer than this; of a longer one the middle is left out, since why it failed often stands last. */
export function bounded(text: string, most = boundedCharacters): string {
  if (text.length <= most) return text;
  const tail = Math.floor(most / 3);
  return `${text.slice(0, most - tail)}…${text.slice(-tail)}`.toWellFormed();
}

/** The same for each text in what `JSON.stringify` takes. */
export function boundedTexts(value: unknown): unknown {
  if (typeof value === 'string') return bounded(value);
  if (Array.isArray(value)) return value.map(boundedTexts);
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [bounded(key), boundedTexts(each)]));
}

export interface Row<D> {
  /** Exit status of the command: 1 the state of the machine does not allow it, 2 the words are wrong. */
  readonly exit: 1 | 2;
  readonly http: number;
  readonly message: (details: D) => string;
  readonly hint?: (details: D) => string | undefined;
}

export function row<D>(row: Row<D>): Row<D> {
  return row;
}

/** What a row of the error table is, and how it quotes. */

const quotedCharacters = 300;

/** Quotes a value for a message; control characters are escaped and what is very long is cut, so that output stays one line. */
export function quote(value: string): string {
  return JSON.stringify(value.length > quotedCharacters ? `${value.slice(0, quotedCharacters)}…` : value);
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

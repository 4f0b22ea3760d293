/**
 * Patterns of names and values in filters: `*` any run of characters, `+` at least one, everything else
 * literally. Pure; no regular expression is made of what a user typed, and the time grows with the text's
 * length only. Source: libiocage, "Filter grammar".
 */

/** A literal piece and the least number of characters that stand before it. */
interface Piece {
  readonly atLeast: number;
  readonly text: string;
}

/** A pattern that was read: `*` and `+` stand for what a name has there. */
export interface Glob {
  /** As it was written. */
  readonly text: string;
  /** What it begins with; all of it when there are no pieces. */
  readonly head: string;
  /** What follows, after each `*` or `+` (or several of them). */
  readonly pieces: readonly Piece[];
}

export function parseGlob(text: string): Glob {
  const [head = '', ...rest] = text.split(/[*+]+/);
  const runs = text.match(/[*+]+/g) ?? [];
  const pieces = rest.map((piece, index) => ({
    text: piece,
    atLeast: runs[index]!.replaceAll('*', '').length,
  }));
  return { text, head, pieces };
}

export function isPattern({ pieces }: Glob): boolean {
  return pieces.length > 0;
}

/** Whether all of `text` fits; capital letters differ from small ones. */
export function fits({ head, pieces }: Glob, text: string): boolean {
  if (pieces.length === 0) return text === head;
  if (!text.startsWith(head)) return false;
  let at = head.length;
  // The leftmost place of each piece leaves the most room for those behind it.
  for (const { atLeast, text: piece } of pieces.slice(0, -1)) {
    const found = text.indexOf(piece, at + atLeast);
    if (found < 0 || found < at + atLeast) return false;
    at = found + piece.length;
  }
  const last = pieces.at(-1)!;
  return text.length - last.text.length >= at + last.atLeast && text.endsWith(last.text);
}

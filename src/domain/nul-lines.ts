/** Lists of paths of which each ends with a NUL, as xargs(1) `-0` and find(1) `-print0` have them. Pure. */

/** From paths below the directory that the reader of the list stands in. */
export const nulLines = (paths: readonly string[]): string => paths.map((path) => `./${path}\0`).join('');

/** Cuts bytes that come in pieces; each piece as latin1, in which nothing of a name is lost. */
export function nulCutter(take: (piece: string) => void): (bytes: Uint8Array) => void {
  let rest = '';
  return (bytes) => {
    const pieces = (rest + Buffer.from(bytes).toString('latin1')).split('\0');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) take(piece);
  };
}

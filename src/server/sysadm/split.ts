/**
 * One text to words, by the rule of the original (QProcess of Qt 5): blanks separate, double quotes group,
 * three double quotes in a row are one quote character. Nothing else means anything: there is no shell.
 */

/** @example splitWords('printf "a b"') // ['printf', 'a b'] */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quotes = 0;
  let inside = false;
  for (const character of text) {
    if (character === '"') {
      quotes += 1;
      if (quotes === 3) {
        // The third takes back what the first two did and stands for itself.
        quotes = 0;
        word = `${word ?? ''}"`;
      }
      continue;
    }
    if (quotes === 1) inside = !inside;
    quotes = 0;
    if (!inside && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** `property=value` words and the others. */
export function sortWords(words: readonly string[]): {
  readonly properties: readonly (readonly [string, string])[];
  readonly positionals: readonly string[];
} {
  const properties: (readonly [string, string])[] = [];
  const positionals: string[] = [];
  for (const word of words) {
    const at = word.indexOf('=');
    if (at > 0) properties.push([word.slice(0, at), word.slice(at + 1)]);
    else positionals.push(word);
  }
  return { properties, positionals };
}

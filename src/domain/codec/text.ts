/**
 * Codecs for free text, single words, paths and commands. What holds for every value stands in
 * {@link valueProblem}: no empty value (zfs-fuse cannot store one), no control characters (they would
 * break line-based output), at most 1000 bytes (zfs-fuse stores 1024).
 */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';

export const maxValueBytes = 1000;

/** What is wrong with a text as a value of any property, in words; undefined when nothing is. */
export function valueProblem(text: string): string | undefined {
  if (text.trim() === '') return `an empty value cannot be stored; 'none' stands for nothing`;
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text))
    return 'it contains a line break or another control character';
  // A lone surrogate has no UTF-8 form and would come back as another text; U+FFFD is what node makes
  // of bytes in an argument that are no UTF-8, so the value would not be what was typed.
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\ufffd/.test(text))
    return 'it is not valid Unicode text';
  if (Buffer.byteLength(text) > maxValueBytes) return `it is longer than ${maxValueBytes} bytes`;
  return undefined;
}

function checked(text: string): string {
  const problem = valueProblem(text);
  if (problem !== undefined) throw new ValueProblem(problem);
  return text.trim();
}

/** A text codec with a further check that answers what is wrong. */
export function textWith(kind: string, problem: (text: string) => string | undefined): Codec<string> {
  return {
    kind,
    parse(text) {
      const value = checked(text);
      const wrong = problem(value);
      if (wrong !== undefined) throw new ValueProblem(wrong);
      return value;
    },
    print: (value) => value,
  };
}

/** Any line of text; blanks around it do not count. */
export const freeText = textWith('text', () => undefined);

/** One word without blanks, not beginning with `-`. */
export const word = textWith('word', (text) =>
  text.startsWith('-')
    ? `it begins with '-', which would be taken for a flag`
    : /\s/.test(text)
      ? 'blanks are not allowed'
      : undefined,
);

/** Words separated by blanks or commas, stored with one blank between them; null for `none`. */
export function wordsOrNone(
  kind: string,
  problem: (word: string) => string | undefined,
): Codec<readonly string[] | null> {
  return {
    kind,
    parse(text) {
      const value = checked(text);
      if (value.toLowerCase() === 'none') return null;
      const words = value.split(/[\s,]+/).filter((part) => part !== '');
      if (words.length === 0) throw new ValueProblem('no word in it');
      for (const [index, part] of words.entries()) {
        const wrong = part.startsWith('-')
          ? `begins with '-', which would be taken for a flag`
          : part.toLowerCase() === 'none'
            ? 'stands for nothing and cannot be in a list'
            : problem(part);
        if (wrong !== undefined) throw new ValueProblem(`${JSON.stringify(part)} ${wrong}`);
        if (words.indexOf(part) !== index) throw new ValueProblem(`${JSON.stringify(part)} is named twice`);
      }
      return words;
    },
    print: (words) => (words === null ? 'none' : words.join(' ')),
  };
}

/** What is wrong with an absolute path, in words. */
export function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return `a path begins with '/'`;
  if (path.split('/').includes('..')) return `'..' is not allowed in a path`;
  return undefined;
}

/** An absolute path without `..`. */
export const path = textWith('path', pathProblem);

/** `none` or what `codec` takes; null for `none`. */
export function orNone<T>(codec: Codec<T>): Codec<T | null> {
  return {
    kind: `${codec.kind} or none`,
    parse: (text) => (text.trim().toLowerCase() === 'none' ? null : codec.parse(text)),
    print: (value) => (value === null ? 'none' : codec.print(value)),
    ...(codec.choices ? { choices: [...codec.choices, 'none'] } : {}),
  };
}

/** A command line; whether a shell reads it is said in the property's row. */
export const command = textWith('command', (text) =>
  text.startsWith('-') ? `it begins with '-', so it names no program` : undefined,
);

/**
 * `YYYY-MM-DD_HH:MM:SS`; Python iocage wrote a blank in the place of `_`. null for `none` and `never`.
 */
export const timestamp: Codec<string | null> = {
  kind: 'time',
  parse(text) {
    const value = checked(text);
    if (/^(?:none|never)$/i.test(value)) return null;
    const match = /^(\d{4}-\d\d-\d\d)[_ T](\d\d:\d\d:\d\d)$/.exec(value);
    if (!match) throw new ValueProblem('a time is written YYYY-MM-DD_HH:MM:SS');
    const day = new Date(`${match[1]}T${match[2]}Z`);
    if (Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== match[1])
      throw new ValueProblem('there is no such time');
    return `${match[1]}_${match[2]}`;
  },
  print: (value) => value ?? 'none',
};

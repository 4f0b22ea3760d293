/**
 * Codecs for switches, choices and whole numbers. Every iocage line spelled switches its own way; all
 * spellings are read, and each property is stored in its documented one.
 */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';

/**
 * True for `1 on yes true`, false for `0 off no false` in any case, undefined otherwise.
 *
 * @example parseSwitch('Yes') === true
 */
export function parseSwitch(text: string): boolean | undefined {
  switch (text.trim().toLowerCase()) {
    case '1':
    case 'on':
    case 'yes':
    case 'true':
      return true;
    case '0':
    case 'off':
    case 'no':
    case 'false':
      return false;
    default:
      return undefined;
  }
}

function switchAs(off: string, on: string): Codec<boolean> {
  return {
    kind: `${on}|${off}`,
    choices: [on, off],
    parse(text) {
      const value = parseSwitch(text);
      if (value === undefined)
        throw new ValueProblem(`${JSON.stringify(text.trim())} is neither ${on} nor ${off}`);
      return value;
    },
    print: (value) => (value ? on : off),
  };
}

export const zeroOne = switchAs('0', '1');
export const onOff = switchAs('off', 'on');
export const yesNo = switchAs('no', 'yes');

/** One of a few words; case does not count when reading. */
export function choice<const W extends string>(...words: readonly W[]): Codec<W> {
  return {
    kind: words.length > 6 ? 'choice' : words.join('|'),
    choices: words,
    parse(text) {
      const value = text.trim().toLowerCase();
      const found = words.find((word) => word.toLowerCase() === value);
      if (found === undefined)
        throw new ValueProblem(`${JSON.stringify(text.trim())} is none of ${words.join(', ')}`);
      return found;
    },
    print: (value) => value,
  };
}

/**
 * As {@link choice}, where old spellings stand for a word too.
 *
 * @example choiceWith({ none: 'disable' }, 'new', 'disable').parse('none') === 'disable'
 */
export function choiceWith<const W extends string>(
  aliases: Readonly<Record<string, W>>,
  ...words: readonly W[]
): Codec<W> {
  const codec = choice(...words);
  return {
    ...codec,
    parse(text) {
      const value = text.trim().toLowerCase();
      return Object.hasOwn(aliases, value) ? aliases[value]! : codec.parse(text);
    },
  };
}

/** A whole number between `min` and `max`, both allowed. */
export function integer(min: number, max: number, unit = 'number'): Codec<number> {
  return {
    kind: `${unit} ${min}-${max}`,
    parse(text) {
      const value = text.trim();
      const number = /^[+-]?\d{1,15}$/.test(value) ? Number(value) : NaN;
      if (!(number >= min && number <= max))
        throw new ValueProblem(
          `${JSON.stringify(value)} is not a whole number from ${min} to ${max}` +
            (unit === 'number' ? '' : ` (${unit})`),
        );
      return number === 0 ? 0 : number; // not -0
    },
    print: String,
  };
}

/** One of the given words or, failing that, what `codec` takes. */
export function wordOr<const W extends string, T>(word: W, codec: Codec<T>): Codec<W | T> {
  return {
    kind: `${word} or ${codec.kind}`,
    parse: (text) => (text.trim().toLowerCase() === word ? word : codec.parse(text)),
    print: (value) => (value === word ? word : codec.print(value as T)),
    ...(codec.choices ? { choices: [word, ...codec.choices] } : { choices: [word] }),
  };
}

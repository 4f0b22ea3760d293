/**
 * What a command of `ioc` is: one row, from which the grammar, the help, the manual page and the completion are
 * made. It says which operation the words mean and how its result is told; what the operation does is not its
 * affair. Commands, options and messages follow libiocage's command line.
 */
import type { Context } from '../../ops/context.ts';
import type { Flag, Operation, Words } from '../../ops/operation.ts';
import { failure } from '../../domain/errors.ts';

export interface Meaning {
  readonly operation: Operation;
  /** One for each run; one that fails does not stop the rest. */
  inputs(context: Context): Promise<readonly unknown[]> | readonly unknown[];
  /**
   * Lines on standard output for the result of each run.
   *
   * @param full a jail's name, on one line, with its source where there are several
   */
  // eslint-disable-next-line -- each meaning knows the result of its own operation only.
  show?(result: any, full: (name: string) => string): readonly string[];
  /** In the place of the result with `--json`. */
  // eslint-disable-next-line -- as above.
  json?(result: any): unknown;
  /** Lines on standard error, for people only. */
  // eslint-disable-next-line -- as above.
  remarks?(result: any): readonly string[];
}

export interface IocRow {
  readonly name: string;
  /** One line, imperative. */
  readonly title: string;
  readonly usage: string;
  /** What may stand where, for completion, when the usage line has several forms. */
  readonly places?: string;
  readonly about?: string;
  readonly flags?: readonly Flag[];
  /** Two-letter words with one dash, as click takes them, and what they are here. */
  readonly spellings?: Readonly<Record<string, string>>;
  /** All words after the jail are passed on unchanged. */
  readonly passThrough?: true;
  readonly examples: readonly { readonly line: string; readonly says: string }[];
  /** @throws USAGE, UNSUPPORTED */
  means(words: Words): Meaning;
}

/** All words that are no flags, as the filter takes them. */
export function filterWords({ positionals, properties }: Words): readonly string[] {
  return [...positionals, ...properties.map((pair) => pair.join('='))];
}

export function usage(command: string, problem: string): Error {
  return failure('USAGE', { command, problem });
}

/** Exactly these words, and no assignments. */
export function exactly(command: string, words: Words, ...places: readonly string[]): readonly string[] {
  const given = filterWords(words);
  const missing = places[given.length];
  if (missing !== undefined) throw usage(command, `missing ${missing}`);
  if (given.length > places.length)
    throw usage(command, `${JSON.stringify(given[places.length])} is too much`);
  return given;
}

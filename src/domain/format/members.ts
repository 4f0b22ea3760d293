/**
 * What a configuration file is to us, whatever its syntax: a flat list of top-level members with the places
 * of their bytes, so that one value can be put in the place of another and every other byte stays. Pure.
 */

/** A file that is not read, with the reason in words that follow its name. */
export class FormatProblem extends Error {
  override readonly name = 'FormatProblem';
}

export type MemberKind = 'string' | 'number' | 'boolean' | 'null' | 'list' | 'object';

export interface Member {
  readonly key: string;
  readonly kind: MemberKind;
  /** The value as text; of a list and an object the source text. */
  readonly text: string;
  /** Places in the file, in UTF-16 units: where the key begins and ends, where the value begins and ends. */
  readonly at: readonly [key: number, afterKey: number, value: number, afterValue: number];
  /** After what ends the member, where the syntax has that. */
  readonly end: number;
}

/** A new or changed value, as the format spells it. */
export interface Scalar {
  readonly kind: 'string' | 'number' | 'boolean';
  readonly text: string;
}

const maxFileBytes = 1024 * 1024;
/** A single value of this size is no configuration any more. */
const maxValueLength = 64 * 1024;
const maxDepth = 32;

/** What is true for no file that a program wrote as text. @throws FormatProblem */
export function assertText(text: string): void {
  if (text.length > maxFileBytes) throw new FormatProblem(`it is larger than ${maxFileBytes} bytes`);
  if (text.trim() === '') throw new FormatProblem('it is empty');
  if (text.startsWith('\ufeff')) throw new FormatProblem('it begins with a byte order mark');
  if (text.includes('\0')) throw new FormatProblem('it holds a NUL byte');
  if (text.includes('\ufffd')) throw new FormatProblem('it is not UTF-8');
}

export function assertDepth(depth: number): void {
  if (depth > maxDepth) throw new FormatProblem(`it is nested deeper than ${maxDepth} levels`);
}

/** @throws FormatProblem for a key that is there twice, or a value that is too long */
export function assertMembers(members: readonly Member[]): readonly Member[] {
  const seen = new Set<string>();
  for (const { key, text } of members) {
    if (seen.has(key)) throw new FormatProblem(`it names ${quoted(key)} twice`);
    if (text.length > maxValueLength)
      throw new FormatProblem(`the value of ${quoted(key)} is longer than ${maxValueLength} characters`);
    seen.add(key);
  }
  return members;
}

/** A key as a message shows it: short, and without control characters. */
export function quoted(key: string): string {
  return JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}…` : key);
}

/** `line 3, column 7`. */
export function placeOf(text: string, at: number): string {
  const before = text.slice(0, at).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

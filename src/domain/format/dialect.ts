/**
 * How one tool spells the properties: which it knows, and each value there and here. The keys are the same
 * in all of them but for a few; the values differ in switches, in what stands for nothing, in limits. Pure.
 */
import type { Property } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { canonical } from '../config.ts';
import { parseSwitch } from '../codec/choice.ts';
import { findProperty } from '../properties/index.ts';
import type { Member, Scalar } from './members.ts';

export interface Dialect {
  /** As messages and `docs/formats.md` name it. */
  readonly title: string;
  /** Whether the tool keeps this property of ours in its file; what it does not goes to the dataset. */
  keeps(key: string): boolean;
  /** Our key for one of its own; most are the same. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Its text to ours, where the codec would not take it or would take it for something else. */
  readonly read?: Readonly<Record<string, (text: string) => string>>;
  /** Our canonical text to its own. @throws ValueProblem for what it cannot express */
  write(row: Property, text: string, members: ReadonlyMap<string, Member>): Scalar;
  /** Where it stores defaults, in the top directory of the pool's `iocage`; the first that is there counts. */
  readonly defaultFiles: readonly string[];
  /** Its built-in values, where they are not ours. */
  readonly builtIn: Readonly<Record<string, string>>;
  /** What the file says by other words: kind, release. Called with the values as they were read. */
  finish?(values: Map<string, string>, members: ReadonlyMap<string, Member>): void;
  /** Why nothing may be written to this file. */
  writeProblem?(members: ReadonlyMap<string, Member>): string | undefined;
}

/** What only this program writes down of a jail: no other has it in its file. */
export const oursAlone: readonly string[] = [
  'base_started',
  'standby',
  'upgraded_from',
  'upgrade_snapshot',
  'migrated_from',
];

/** Switches in all spellings: `1|0`, `on|off`, `yes|no`. */
export function isSwitch(row: Property): boolean {
  return row.codec.choices?.length === 2 && parseSwitch(row.codec.choices[0]!) === true;
}

/** Words that say that nothing is set. */
function isNothing(text: string): boolean {
  return /^\s*(?:none|-)?\s*$/i.test(text);
}

function canRead(row: Property, text: string): boolean {
  try {
    canonical(row, text);
    return true;
  } catch (error) {
    if (error instanceof ValueProblem) return false;
    throw error;
  }
}

/** `-` and the empty text are no values of ours; what cannot be `none` is unset then. */
function nothingOf(row: Property): string | undefined {
  return canRead(row, 'none') ? 'none' : undefined;
}

/** Numbers that a tool took for a switch: it stored `1` as `yes`. */
function unswitched(row: Property, text: string): string {
  if (isSwitch(row) || canRead(row, text)) return text;
  const value = parseSwitch(text);
  const number = value === undefined ? undefined : value ? '1' : '0';
  return number !== undefined && canRead(row, number) ? number : text;
}

/** Nothing that a terminal or a table would take for something else. */
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** Our properties, as the members say them. Unknown keys, and those that live elsewhere, are not among them. */
export function readMembers(dialect: Dialect, members: readonly Member[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key, kind, text } of members) {
    const ours = own(dialect.keys, key) ?? key;
    const row = findProperty(ours);
    if (row === undefined || row.store !== 'user' || kind === 'object' || kind === 'list') continue;
    if (ours !== key && members.some((other) => other.key === ours)) continue;
    const plain = text.replace(controls, ' ').trim();
    const value =
      kind === 'null' || isNothing(plain)
        ? (own(dialect.read, ours)?.('none') ?? nothingOf(row))
        : unswitched(row, own(dialect.read, ours)?.(plain) ?? plain);
    if (value !== undefined) values.set(ours, value);
  }
  dialect.finish?.(values, new Map(members.map((member) => [member.key, member])));
  return values;
}

/** Of a table that is an object: keys come from files, and `constructor` is none of it. */
function own<T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

const pairs = [
  ['yes', 'no'],
  ['on', 'off'],
  ['1', '0'],
  ['true', 'false'],
] as const;

/** A switch in the words that stand there already; a number where one stood. */
export function inStyleOf(member: Member, row: Property, value: Scalar): Scalar {
  const pair = isSwitch(row)
    ? pairs.find((two) => two.some((word) => word === member.text.toLowerCase()))
    : undefined;
  if (pair !== undefined) {
    const text = pair[parseSwitch(value.text) === true ? 0 : 1];
    const plain = member.kind === 'number' || member.kind === 'boolean';
    return { kind: plain ? (member.kind as 'number' | 'boolean') : 'string', text };
  }
  if (member.kind === 'number' && /^-?\d{1,15}$/.test(value.text))
    return { kind: 'number', text: value.text };
  return value;
}

/** The parts of a described jail that are lists and maps: properties, depends, fstab, files. Pure. */
import * as z from 'zod';
import { checkAssignments, identityKeys } from '../config.ts';
import { IocageError, type Issue } from '../errors.ts';
import { parseEntry } from '../format/fstab.ts';
import { parsePackageList } from '../packages.ts';
import { findProperty } from '../properties/index.ts';
import { ValueProblem } from '../property.ts';
import type { Path } from './read.ts';
import { checked, mapOf, type Say } from './say.ts';

/** In canonical spelling; null: back to the default. */
export type Assignment = readonly [key: string, value: string | null];

/** A file in a jail's root: its text, or the file of the host that it is a copy of. */
export interface DescribedFile {
  /** Absolute, as the jail sees it. */
  readonly path: string;
  readonly text?: string;
  /** Path of the host; a relative one counts from the description's directory. */
  readonly from?: string;
  /** Undefined: 0644 for a new file, what it has for one that is there. */
  readonly mode?: number;
}

const text = z.string('it is a text');
const texts = z.array(text, 'it is a list');
const scalar = z.union([z.string(), z.boolean(), z.null()], 'it is a text, a number, true, false or null');

/** These have a word of their own, or are what the jail is known by. */
const elsewhere: Readonly<Record<string, string>> = {
  release: `it is chosen with the jail's own key 'release'`,
  tag: 'the tag is the name of the jail here',
};

export function propertiesOf(given: unknown, at: Path, say: Say): readonly Assignment[] {
  if (given === undefined) return [];
  return Object.entries(mapOf(given, undefined, at, say)).flatMap(([key, raw]) => {
    const value = checked(scalar, raw, [...at, key], say);
    return value === undefined ? [] : assignment(key, value, [...at, key], say);
  });
}

export function dependsOf(given: unknown, properties: unknown, at: Path, say: Say): readonly Assignment[] {
  if (given === undefined) return [];
  if (typeof properties === 'object' && properties !== null && Object.hasOwn(properties, 'depends'))
    say(at, 'it is said twice, here and as a property');
  const names = checked(texts, given, at, say) ?? [];
  return assignment('depends', names.length === 0 ? 'none' : names.join(' '), at, say);
}

/** One property in canonical spelling, or none when it was wrong. */
function assignment(
  key: string,
  value: string | boolean | null,
  at: Path,
  say: Say,
): (readonly [string, string | null])[] {
  try {
    if (Object.hasOwn(elsewhere, key)) throw new ValueProblem(elsewhere[key]!);
    const row = findProperty(key);
    if (value !== null || row === undefined) return checkAssignments([[key, String(value)]], 'jail-set');
    // No default could take the place of who the jail is, or of a size that ZFS keeps.
    if (row.access !== 'set' || row.store !== 'user' || identityKeys.has(key))
      throw new ValueProblem('null (back to the default) is not for this property; give a value');
    return [[key, null]];
  } catch (error) {
    if (error instanceof IocageError) {
      const [issue] = (error.details['issues'] ?? []) as readonly Issue[];
      const near = error.details['near'];
      const meant = near === undefined ? '' : `; did you mean ${String(near)}?`;
      say(at, issue?.problem ?? error.message + meant);
    } else if (error instanceof ValueProblem) say(at, error.message);
    else throw error;
    return [];
  }
}

const control = /[\u0000-\u001f\u007f]/;

export function fstabOf(given: unknown, at: Path, say: Say): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const lines = checked(texts, given, at, say) ?? [];
  lines.forEach((line, index) => {
    const entry = control.test(line) ? undefined : parseEntry(line);
    if (entry === undefined)
      say([...at, index], 'a line of fstab has six fields: SOURCE TARGET TYPE OPTIONS DUMP PASS');
    else if (!entry.target.startsWith('/'))
      say([...at, index], `target ${JSON.stringify(entry.target)} is no absolute path`);
  });
  return lines;
}

export function packagesOf(given: unknown, at: Path, say: Say): readonly string[] | undefined {
  if (given === undefined) return undefined;
  const words = checked(texts, given, at, say) ?? [];
  if (words.length === 0) return undefined;
  words.forEach((word, index) => {
    if (/\s/.test(word)) say([...at, index], 'one package, please');
  });
  const list = parsePackageList(words.join('\n'));
  if (!('problem' in list)) return list.names;
  say(at, list.problem);
  return undefined;
}

const mode = text.regex(/^0?o?[0-7]{3,4}$/, 'a mode is three or four octal digits, such as 0644');
const fileKeys = ['text', 'from', 'mode'];

export function filesOf(given: unknown, at: Path, say: Say): readonly DescribedFile[] {
  if (given === undefined) return [];
  const seen = new Set<string>();
  return Object.entries(mapOf(given, undefined, at, say)).map(([path, raw]) => {
    const place = [...at, path];
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const problem = seen.has(parts.join('/')) ? 'it is given twice' : pathProblem(path, parts);
    if (problem !== undefined) say(place, problem);
    seen.add(parts.join('/'));
    return { path: `/${parts.join('/')}`, ...fileOf(raw, place, say) };
  });
}

function pathProblem(path: string, parts: readonly string[]): string | undefined {
  if (!path.startsWith('/') || path.endsWith('/') || parts.length === 0)
    return 'it is no absolute path of a file';
  if (parts.includes('..')) return `it holds '..'`;
  if (control.test(path)) return 'it holds control characters';
  return path.length > 1024 ? 'it is longer than 1024 characters' : undefined;
}

function fileOf(given: unknown, at: Path, say: Say): Omit<DescribedFile, 'path'> {
  if (typeof given === 'string') return { text: given };
  const map = mapOf(given, fileKeys, at, say);
  if ((map['text'] === undefined) === (map['from'] === undefined)) say(at, 'it has either text or from');
  const one = (key: string, schema: z.ZodType<string>): string | undefined =>
    map[key] === undefined ? undefined : checked(schema, map[key], [...at, key], say);
  const [content, from, bits] = [one('text', text), one('from', text.min(1)), one('mode', mode)];
  return {
    ...(content === undefined ? {} : { text: content }),
    ...(from === undefined ? {} : { from }),
    ...(bits === undefined ? {} : { mode: Number.parseInt(bits.replace('o', ''), 8) }),
  };
}

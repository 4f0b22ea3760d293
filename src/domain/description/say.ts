/** Checks of single values, by which everything that is wrong is told at its own place, and nothing stops the rest. */
import * as z from 'zod';
import { issueWords } from '../issue-words.ts';
import type { Path } from './read.ts';

/** Tells what is wrong, and where. */
export type Say = (path: Path, problem: string) => void;

/** The value as the schema gives it; undefined, and told, when it is not what it should be. */
export function checked<S extends z.ZodType>(
  schema: S,
  given: unknown,
  at: Path,
  say: Say,
): z.output<S> | undefined {
  const parsed = schema.safeParse(given, { error: issueWords });
  if (parsed.success) return parsed.data;
  for (const { path, message } of parsed.error.issues)
    say([...at, ...path.map((part) => (typeof part === 'number' ? part : String(part)))], message);
  return undefined;
}

const anyMap = z.record(z.string(), z.unknown(), 'it is a map');

/** A map; keys that are none of `known` are told and left out. */
export function mapOf(
  given: unknown,
  known: readonly string[] | undefined,
  at: Path,
  say: Say,
): Readonly<Record<string, unknown>> {
  const map = Array.isArray(given) ? undefined : anyMap.safeParse(given).data;
  if (map === undefined) {
    say(at, 'it is a map');
    return {};
  }
  return Object.fromEntries(
    Object.entries(map).filter(([key]) => {
      const fits = known?.includes(key) ?? true;
      if (!fits) say([...at, key], `there is no such key here; known are ${known!.join(', ')}`);
      return fits;
    }),
  );
}

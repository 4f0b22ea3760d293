/** From filters to the inputs of an operation: one listing, whatever the number of jails. */
import type { Context, Words } from '../../ops/operation.ts';
import { failure } from '../../domain/errors.ts';
import { matchesName, parseFilter } from '../../domain/filter.ts';
import { isPattern } from '../../domain/glob.ts';
import { poolSource } from '../../domain/source.ts';
import { matchingJails, type Matching, type Which } from '../../ops/jail/matching.ts';
import { filterWords, usage } from './row.ts';

export interface Selected {
  readonly found: Matching['found'];
  /** Names that are no patterns and that no jail goes by: each fails by itself, when its turn comes. */
  readonly missing: readonly string[];
}

/** @throws USAGE without a filter, NO_MATCH, and what the filter throws */
export async function selected(
  command: string,
  words: Words,
  context: Context,
  which: Which,
): Promise<Selected> {
  const given = filterWords(words);
  if (given.length === 0) throw usage(command, `missing FILTER; '*' is every jail`);
  const { world, found } = await matchingJails(context, given, which);
  const missing = parseFilter(given).names.filter(
    (selector) =>
      !isPattern(selector.name) &&
      !world.jails.some((jail) =>
        matchesName(
          { names: [selector], nameTerms: [], terms: [] },
          { source: world.source, names: [jail.tag, jail.uuid] },
        ),
      ),
  );
  const names = missing.map(({ name }) => name.text);
  if (found.length + names.length === 0) throw failure('NO_MATCH', { what: 'jail', filter: given.join(' ') });
  return { found, missing: names };
}

/** An input for each jail. */
export async function eachJail(
  command: string,
  words: Words,
  context: Context,
  which: Which,
): Promise<readonly { jail: string }[]> {
  const { found, missing } = await selected(command, words, context, which);
  return [...found.map(({ jail }) => jail.uuid), ...missing].map((jail) => ({ jail }));
}

/**
 * `[SOURCE/]NAME` as operations take it. An activated pool is the source `ioc`.
 *
 * @throws NO_MATCH for another source
 */
export function inSource(word: string): string {
  const slash = word.indexOf('/');
  const source = slash < 0 ? poolSource : word.slice(0, slash);
  if (source !== poolSource) throw failure('NO_MATCH', { what: 'source', filter: source });
  return word.slice(slash + 1);
}

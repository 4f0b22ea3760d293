/** From filters to the inputs of an operation: one listing of each source, whatever the number of jails. */
import type { Context } from '../../ops/context.ts';
import type { Words } from '../../ops/operation.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { matchesName, parseFilter } from '../../domain/filter.ts';
import { isPattern } from '../../domain/glob.ts';
import { matchingJails, type Known, type Matching, type Which } from '../../ops/jail/matching.ts';
import { allSources, leftOut } from '../../ops/source/each.ts';
import { filterWords, usage } from './row.ts';

export interface Selected {
  readonly found: readonly Known[];
  /** Names that are no patterns and that no jail goes by: each fails by itself, when its turn comes. */
  readonly missing: readonly string[];
}

/** How operations are told which jail is meant. */
export function wordFor({ world, jail }: Known): string {
  return world.oneOfSeveral ? `${world.source}/${jail.uuid}` : jail.uuid;
}

/** What can be read; of several sources one that cannot be is told, and the others are taken. */
async function readAll(
  context: Context,
  given: readonly string[],
  which: Which,
): Promise<readonly Matching[]> {
  const sources = await allSources(context);
  const matchings: Matching[] = [];
  for (const own of sources) {
    try {
      matchings.push(await matchingJails(own, given, which));
    } catch (thrown) {
      const { code } = asIocageError(thrown);
      if (sources.length === 1 || code === 'BAD_FILTER' || code === 'UNKNOWN_PROPERTY') throw thrown;
      const text = leftOut(own.source?.name, thrown);
      context.emit({ type: 'note', id: '', level: 'warning', text });
    }
  }
  return matchings;
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
  const matchings = await readAll(context, given, which);
  const missing = parseFilter(given).names.flatMap((selector) => {
    const { source, name } = selector;
    const filter = { names: [selector], nameTerms: [], terms: [] };
    const isThere = matchings.some(({ world }) =>
      world.jails.some(({ tag, uuid }) => matchesName(filter, { source: world.source, names: [tag, uuid] })),
    );
    return isPattern(name) || isThere ? [] : [source === undefined ? name.text : `${source}/${name.text}`];
  });
  const found = matchings.flatMap((matching) => matching.found);
  if (found.length + missing.length === 0)
    throw failure('NO_MATCH', { what: 'jail', filter: given.join(' '), shownBy: 'ioc list' });
  return { found, missing };
}

/** An input for each jail. */
export async function eachJail(
  command: string,
  words: Words,
  context: Context,
  which: Which,
): Promise<readonly { jail: string }[]> {
  const { found, missing } = await selected(command, words, context, which);
  return [...found.map(wordFor), ...missing].map((jail) => ({ jail }));
}

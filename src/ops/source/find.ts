/**
 * From a jail's word to its source: `SOURCE/NAME` is in that one; without a prefix the first source that has such a
 * jail is meant, and of a new thing the main one. Reads no more sources than it must.
 */
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { findJail } from '../../domain/jail.ts';
import { poolRoot, poolSource, splitWord } from '../../domain/source.ts';
import type { Context } from '../context.ts';
import { choosePool } from '../world/pool.ts';
import { readWorld } from '../world/read.ts';
import { together } from './each.ts';
import { getSource, inSource, namedSources, type Sources } from './sources.ts';

/** All that there are. @throws INVALID_SOURCE, SOURCE_NOT_FOUND, NO_ACTIVE_POOL */
export async function sourcesOf(context: Context): Promise<Sources> {
  const named = await namedSources(context);
  if (named !== undefined) return named;
  const pool = await choosePool(context);
  return { from: 'pool', list: [{ name: poolSource, root: poolRoot(pool.name) }] };
}

/**
 * The source that a jail's word means, and the word without its prefix: with a prefix that source alone,
 * otherwise the first one that has such a jail, or the main one when none has.
 *
 * @param reads an unreadable source is passed over where another one has the jail; what changes something might
 *   otherwise take the wrong one
 * @throws SOURCE_NOT_FOUND, SOURCE_UNREAD
 */
export async function findSource(
  context: Context,
  word: string,
  reads = false,
): Promise<{ readonly context: Context; readonly name: string }> {
  const { source, name } = splitWord(word);
  const named = await namedSources(context);
  if (source !== undefined) {
    if (named !== undefined) return { context: inSource(context, getSource(named.list, source, true)), name };
    if (source === poolSource) return { context, name };
    throw failure('SOURCE_NOT_FOUND', { source, known: [poolSource], inName: true });
  }
  if (named === undefined) return { context, name };
  const [main, ...others] = named.list.map((each) => inSource(context, each));
  if (others.length === 0) return { context: main!, name };
  let unread: IocageError | undefined;
  for (const own of [main!, ...together(others)]) {
    const found = await hasJail(own, name).catch((thrown: unknown) => {
      const { message: why } = asIocageError(thrown);
      unread ??= failure('SOURCE_UNREAD', { name, source: own.source!.name, why }, { cause: thrown });
      if (!reads) throw unread;
      return false;
    });
    if (found) return { context: own, name };
  }
  if (unread !== undefined) throw unread;
  return { context: main!, name };
}

/** Words of jails by the source that each means, in the order of the sources' first words. */
export async function bySource(
  context: Context,
  words: readonly string[],
): Promise<readonly { readonly context: Context; readonly words: readonly string[] }[]> {
  const groups: { context: Context; words: string[] }[] = [];
  for (const word of words) {
    const { context: own, name } = await findSource(context, word);
    const group = groups.find((each) => each.context.source?.name === own.source?.name);
    if (group === undefined) groups.push({ context: own, words: [name] });
    else group.words.push(name);
  }
  return groups;
}

async function hasJail(context: Context, name: string): Promise<boolean> {
  const { jails } = await readWorld(context);
  try {
    findJail(jails, name);
    return true;
  } catch (thrown) {
    // Several of that beginning: it is this source's to say so.
    return asIocageError(thrown).code === 'JAIL_AMBIGUOUS';
  }
}

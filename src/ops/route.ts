/**
 * From words to sources: `SOURCE/NAME` acts in that one; without a prefix the first source that has such a jail is
 * meant, and new things go to the main one. The runner routes each operation before it begins; an operation acts
 * in one source.
 */
import { asIocageError, failure } from '../domain/errors.ts';
import { findJail } from '../domain/jail.ts';
import { poolRoot, poolSource, splitWord } from '../domain/source.ts';
import type { Context, Operation } from './operation.ts';
import { eachSource, getSource, inSource, namedSources, together, type Sources } from './sources.ts';
import { choosePool } from './world/pool.ts';
import { readWorld } from './world/read.ts';

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
 * @param reads an unreadable source is passed over; what changes something might otherwise take the wrong jail
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
  for (const own of [main!, ...together(others)]) {
    const found = await hasJail(own, name).catch((thrown: unknown) => {
      const { message: why } = asIocageError(thrown);
      if (!reads) throw failure('SOURCE_UNREAD', { name, source: own.source!.name, why }, { cause: thrown });
      return false;
    });
    if (found) return { context: own, name };
  }
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

/** Keys of inputs whose words name a jail that is there. */
const jailKeys: readonly string[] = ['jail', 'jails', 'template'];

interface Words {
  readonly there: readonly string[];
  readonly fresh: readonly string[];
}

/** Which words of an input name jails that are there, and which a new one. */
export function wordsOf(operation: Operation, input: Readonly<Record<string, unknown>>): Words {
  const textsAt = (key: string): readonly string[] =>
    [input[key]].flat().filter((word): word is string => typeof word === 'string');
  const isThere = operation.id === 'jail.update';
  const there = [...jailKeys, ...(isThere ? ['name'] : [])].flatMap(textsAt);
  // The `name` of anything but a jail is nobody's to split.
  const isFresh = !isThere && /^(?:jail|image)\./.test(operation.id);
  return { there: there.filter((word) => word !== 'default'), fresh: isFresh ? textsAt('name') : [] };
}

function stripped(
  input: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  const strip = (word: unknown): unknown => (typeof word === 'string' ? splitWord(word).name : word);
  const changed = keys.flatMap((key) => {
    const value = input[key];
    if (value === undefined) return [];
    return [[key, Array.isArray(value) ? value.map(strip) : strip(value)]];
  });
  return { ...input, ...(Object.fromEntries(changed) as Record<string, unknown>) };
}

/**
 * The context of the source that the words of an input mean, and the input without their prefixes.
 *
 * @throws SOURCE_NOT_FOUND, SOURCE_UNREAD, and USAGE when the words mean several
 */
export async function routed<I>(
  context: Context,
  operation: Operation,
  input: I,
): Promise<{ readonly context: Context; readonly input: I }> {
  if (context.source !== undefined || typeof input !== 'object' || input === null) return { context, input };
  const given = input as Readonly<Record<string, unknown>>;
  // What makes a jail and then starts it carries the input of the making.
  if (typeof given['create'] === 'object' && given['create'] !== null) {
    const inner = await routed(context, operation, given['create']);
    return { context: inner.context, input: { ...given, create: inner.input } as I };
  }
  const { there, fresh } = wordsOf(operation, given);
  const reads = operation.effect === 'read';
  const found = [];
  for (const word of there) found.push(await findSource(context, word, reads));
  const prefixed = operation.across === true ? [] : fresh.filter((word) => word.includes('/'));
  for (const word of prefixed) found.push(await findSource(context, word, reads));
  const [first] = found;
  if (first === undefined) return { context: (await eachSource(context))[0]!, input };
  const other = found.find((each) => each.context.source?.name !== first.context.source?.name);
  if (other !== undefined) {
    const names = [first, other].map((each) => `${each.context.source?.name}/${each.name}`);
    const problem = `one source at a time, please, not ${names.join(' and ')}`;
    throw failure('USAGE', { problem, command: operation.command.names[0] });
  }
  const keys = [...jailKeys, ...(operation.across === true ? [] : ['name'])];
  return { context: first.context, input: stripped(given, keys) as I };
}

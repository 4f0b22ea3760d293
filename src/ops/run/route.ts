/**
 * From an input's words to the source that the operation acts in, before it begins: there is one for all of them,
 * and the words go on without their prefixes.
 */
import { failure } from '../../domain/errors.ts';
import { splitWord } from '../../domain/source.ts';
import type { Context } from '../context.ts';
import type { Operation } from '../operation.ts';
import { eachSource } from '../source/each.ts';
import { findSource } from '../source/find.ts';

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

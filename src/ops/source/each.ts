/**
 * What is asked of several sources, and what becomes of their answers. One that cannot be read keeps nothing from
 * the others, and is told.
 */
import { asIocageError } from '../../domain/errors.ts';
import { poolSource } from '../../domain/source.ts';
import type { Context, Together } from '../context.ts';
import { inSource, namedSources } from './sources.ts';

/** A context for each source that there is, the main one first. */
export async function eachSource(context: Context): Promise<readonly Context[]> {
  if (context.source !== undefined) return [context];
  const named = await namedSources(context);
  return named === undefined ? [context] : named.list.map((source) => inSource(context, source));
}

/** The same for a look at all of them, at one moment: the number of child processes does not grow with theirs. */
export async function allSources(context: Context): Promise<readonly Context[]> {
  return together(await eachSource(context));
}

/** Contexts of sources that are read one after the other, at once. */
export function together(contexts: readonly Context[]): readonly Context[] {
  const roots = contexts.flatMap(({ source }) => (source === undefined ? [] : [source.root]));
  if (roots.length < 2) return contexts;
  const shared: Together = { roots };
  return contexts.map((context) => ({ ...context, together: shared }));
}

/**
 * Asks something in each of these contexts. Of several, one whose source cannot be read is left out, and told.
 *
 * @throws what the first said, when none answers
 */
export async function askEach<T>(
  contexts: readonly Context[],
  ask: (context: Context) => Promise<T>,
): Promise<{
  readonly answers: readonly { readonly source: string; readonly result: T }[];
  readonly unread: readonly Unread[];
}> {
  const answers: { source: string; result: T }[] = [];
  const unread: Unread[] = [];
  const left: string[] = [];
  let first: unknown;
  for (const context of contexts) {
    const { name: source, root } = context.source ?? { name: poolSource, root: '' };
    try {
      answers.push({ source, result: await ask(context) });
    } catch (thrown) {
      if (context.signal.aborted) throw thrown;
      first ??= thrown;
      unread.push({ source, root, why: asIocageError(thrown).message });
      left.push(leftOut(source, thrown));
    }
  }
  if (answers.length === 0) throw first;
  for (const text of left) contexts[0]!.emit({ type: 'note', id: '', level: 'warning', text });
  return { answers, unread };
}

export interface Unread {
  readonly source: string;
  readonly root: string;
  readonly why: string;
}

/** Why one of several sources is not among the others, and what to do about it. */
export function leftOut(source: string | undefined, thrown: unknown): string {
  const { message, hint } = asIocageError(thrown);
  return `source ${source} is left out: ${message}${hint === undefined ? '' : `; hint: ${hint}`}`;
}

/** What several sources answered, in one list, each thing called by its full name. */
export function inFull<R, T extends { readonly name: string }>(
  answers: readonly { readonly source: string; readonly result: R }[],
  listOf: (result: R) => readonly T[],
): readonly (T & { readonly source: string })[] {
  return answers.flatMap(({ source, result }) =>
    listOf(result).map((each) => ({ ...each, source, name: `${source}/${each.name}` })),
  );
}

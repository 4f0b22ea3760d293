/**
 * Which sources there are, and contexts that act in one of them. The first rule that yields something wins, and
 * rules are never merged: what the caller gave, `ioc_dataset_*` in rc.conf, the activated pool. Nothing here asks
 * ZFS or makes a dataset. Spec: libiocage, its configuration of root datasets.
 */
import { failure } from '../../domain/errors.ts';
import { assertSources, poolSource, sourcesInRcConf, type Source } from '../../domain/source.ts';
import type { Context } from '../context.ts';

export interface Sources {
  /** Which rule they come from; `pool`: the one that was named, or is the only one activated. */
  readonly from: 'caller' | 'rc.conf' | 'pool';
  /** The first one is the main one: new things go there. */
  readonly list: readonly [Source, ...Source[]];
}

/** Those that have a name of somebody's choice; undefined: the pool in use is the only one. Asks ZFS nothing. */
export async function namedSources(context: Context): Promise<Sources | undefined> {
  const all = await configured(context);
  const { only } = context;
  if (all === undefined) {
    if (only !== undefined && only !== poolSource)
      throw failure('SOURCE_NOT_FOUND', { source: only, known: [poolSource] });
    return undefined;
  }
  for (const { root } of all.list) context.storage.admit(root);
  return only === undefined ? all : { ...all, list: [getSource(all.list, only)] };
}

/** Whether rc.conf names sources that a pool which was named outweighs. */
export async function hasOthers(context: Context): Promise<boolean> {
  return (await configured({ ...context, pool: undefined })) !== undefined;
}

/** More than anybody writes by hand. */
const mostRcConfBytes = 1 << 20;

async function configured({ sources, pool, paths, files }: Context): Promise<Sources | undefined> {
  const given = toList(sources ?? []);
  if (given !== undefined) {
    if (pool !== undefined) throw failure('USAGE', { problem: '--pool and --source exclude each other' });
    assertSources(given, 'the caller');
    return { from: 'caller', list: given };
  }
  // Who names a pool wants that one.
  if (pool !== undefined || paths.rcConf === undefined) return undefined;
  const text = await files.readNamed(paths.rcConf, mostRcConfBytes);
  const list = text === undefined ? undefined : toList(sourcesInRcConf(text, paths.rcConf));
  return list === undefined ? undefined : { from: 'rc.conf', list };
}

function toList(sources: readonly Source[]): Sources['list'] | undefined {
  const [first, ...more] = sources;
  return first === undefined ? undefined : [first, ...more];
}

/** @param inName it stood before a jail's name. @throws SOURCE_NOT_FOUND */
export function getSource(list: readonly Source[], name: string, inName = false): Source {
  const found = list.find((source) => source.name === name);
  if (found !== undefined) return found;
  const known = list.map((source) => source.name);
  throw failure('SOURCE_NOT_FOUND', { source: name, known, ...(inName ? { inName } : {}) });
}

/** The same context, acting in one source. */
export function inSource(context: Context, source: Source): Context {
  context.storage.admit(source.root);
  return { ...context, source };
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

/** Why one of several sources is not among the others, and what to do about it. */
export function leftOut(source: string | undefined, thrown: unknown): string {
  const { message, hint } = asIocageError(thrown);
  return `source ${source} is left out: ${message}${hint === undefined ? '' : `; hint: ${hint}`}`;
}

export interface Unread {
  readonly source: string;
  readonly root: string;
  readonly why: string;
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

/** How a jail is called where there are several sources. */
export async function fullName(context: Context, name: string): Promise<string> {
  const { source } = context;
  if (source === undefined || ((await namedSources(context))?.list.length ?? 1) < 2) return name;
  return `${source.name}/${name}`;
}

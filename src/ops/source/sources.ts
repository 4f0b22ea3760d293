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

/** The name of the source that it acts in, where there are several. */
export async function ownSource({ source, ...context }: Context): Promise<{ readonly source?: string }> {
  const several = source !== undefined && ((await namedSources(context))?.list.length ?? 1) > 1;
  return several ? { source: source.name } : {};
}

/** How a jail is called where there are several sources. */
export async function fullName(context: Context, name: string): Promise<string> {
  const { source } = await ownSource(context);
  return source === undefined ? name : `${source}/${name}`;
}

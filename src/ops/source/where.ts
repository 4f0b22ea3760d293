/** Where there are several sources: an error says which of them it is about. */
import { IocageError } from '../../domain/errors.ts';
import { sourceErrors } from '../../domain/source-errors.ts';
import type { Context } from '../context.ts';
import type { World } from '../world/world.ts';
import { inSource, namedSources, oneOfSeveral } from './sources.ts';

/** These tell of their sources themselves, or of no jail of one. */
const ofNoSource: ReadonlySet<string> = new Set([
  ...Object.keys(sourceErrors),
  'JAIL_NOT_FOUND',
  'POOL_NOT_ACTIVE',
]);

/** They say it already. */
const told = new WeakSet<IocageError>();

/**
 * Which of several sources an error is about; and what its hint says to type is for that one, and not for a jail of
 * that name elsewhere.
 */
export async function tellingWhere(context: Context, thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof IocageError) || told.has(thrown) || ofNoSource.has(thrown.code)) return thrown;
  const source = await oneOfSeveral(context);
  if (source === undefined) return thrown;
  told.add(thrown);
  // Words that are wrong are wrong everywhere.
  if (thrown.exit === 1) thrown.message = `source ${source.name}: ${thrown.message}`;
  const named = (await namedSources(context))!;
  if (named.from !== 'rc.conf' || thrown.hint === undefined) return thrown;
  const hint = thrown.hint.replaceAll(/\biocage (?!--source\b)/g, `iocage --source ${source.name} `);
  return Object.assign(thrown, { hint });
}

/** What is asked of another source than the one that is acted in: where a jail is to go. */
export async function askedOf<T>(
  context: Context,
  { source, root }: Pick<World, 'source' | 'root'>,
  ask: () => T | Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    throw await tellingWhere(inSource(context, { name: source, root }), thrown);
  }
}

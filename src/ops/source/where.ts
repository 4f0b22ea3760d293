/** Where there are several sources: an error says which of them it is about. */
import { IocageError } from '../../domain/errors.ts';
import { sourceErrors } from '../../domain/source-errors.ts';
import type { Context } from '../context.ts';
import type { Source } from '../../domain/source.ts';
import { inSource, namedSources } from './sources.ts';

/** These tell of their sources themselves, or of no jail of one. */
const ofNoSource: ReadonlySet<string> = new Set([
  ...Object.keys(sourceErrors),
  'JAIL_NOT_FOUND',
  'POOL_NOT_ACTIVE',
]);

/** Another source was told of them already, a goal: they stay that one's. */
const told = new WeakSet<IocageError>();

/** Checks another source than the one that an operation acts in, its goal: what is wrong there is told of that one. */
export async function tellingOf<T>(context: Context, goal: Source, check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (thrown) {
    throw await tellingWhere(inSource(context, goal), thrown);
  }
}

/**
 * Which of several sources an error is about; and what its hint says to type is for that one, and not for a jail of
 * that name elsewhere.
 */
export async function tellingWhere(context: Context, thrown: unknown): Promise<unknown> {
  const { source } = context;
  if (!(thrown instanceof IocageError) || source === undefined || ofNoSource.has(thrown.code)) return thrown;
  if (told.has(thrown)) return thrown;
  const named = await namedSources(context);
  if (named === undefined || named.list.length < 2) return thrown;
  told.add(thrown);
  // Words that are wrong are wrong everywhere.
  if (thrown.exit === 1) thrown.message = `source ${source.name}: ${thrown.message}`;
  if (named.from !== 'rc.conf' || thrown.hint === undefined) return thrown;
  const hint = thrown.hint.replaceAll(/\biocage (?!--source\b)/g, `iocage --source ${source.name} `);
  return Object.assign(thrown, { hint });
}

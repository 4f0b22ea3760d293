/**
 * What a program handed over, where its types do not hold (JavaScript, JSON of somebody else): refused with the one
 * reason, in the place of an error of the language from somewhere inside, or of a misspelt option that counts for
 * nothing. Values themselves are judged by the schemas of the operations. Pure.
 */
import { failure, IocageError } from '../domain/errors.ts';

/** @internal */
export function wrong(path: string, problem: string, cause?: unknown): IocageError {
  return failure('INVALID_INPUT', { issues: [{ path, problem }], ofLibrary: true }, { cause });
}

/**
 * What is given besides, for taking apart: null and a list are no options.
 *
 * @param known all that there are, where no schema of an operation judges them
 * @throws INVALID_INPUT @internal
 */
export function optionsOf<T extends object>(options: T, known?: readonly string[]): T {
  if (!isPlain(options)) throw wrong('options', 'it is no object');
  const other = known && Object.keys(options).find((key) => !known.includes(key));
  if (other !== undefined) throw wrong(other.slice(0, 100), 'there is no such option');
  return options;
}

/** @internal */
export const isText = (value: unknown): value is string => typeof value === 'string';

/** @internal */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list of texts; one text is none. @internal */
export function texts(path: string, value: readonly string[]): string[] {
  if (!Array.isArray(value) || !value.every(isText)) throw wrong(path, 'it is no list of texts');
  return [...value];
}

/** @internal */
export function wordsOf(filter: string | readonly string[]): string[] {
  return isText(filter) ? [filter].filter((word) => word.trim() !== '') : texts('filter', filter);
}

/** The input of an operation; what stops its making is the caller's, and so is an option that there is not. @internal */
export function inputOf<T>(schema: object, make: () => T): T {
  let input;
  try {
    input = make();
  } catch (thrown) {
    if (thrown instanceof IocageError) throw thrown;
    throw wrong('input', `it cannot be read: ${(thrown as Error | undefined)?.message}`, thrown);
  }
  const known = 'shape' in schema && isPlain(schema.shape) ? schema.shape : undefined;
  const other =
    known && isPlain(input) ? Object.keys(input).find((key) => !Object.hasOwn(known, key)) : undefined;
  if (other !== undefined) throw wrong(other.slice(0, 100), 'there is no such option');
  return input;
}

/** @throws INVALID_INPUT @internal */
export function assertHost(host: unknown): void {
  const access = isPlain(host) ? host['access'] : undefined;
  if (!isPlain(access) || typeof access['operation'] !== 'function') throw wrong('host', 'it is no host');
}

/** @throws INVALID_INPUT @internal */
export function assertFollowing(options: { readonly since?: number; readonly signal?: AbortSignal }): void {
  const { since, signal } = optionsOf(options, ['since', 'signal']);
  if (since !== undefined && !(Number.isSafeInteger(since) && since >= 0))
    throw wrong('since', 'it is no number of an event');
  if (signal !== undefined && !((signal as unknown) instanceof AbortSignal))
    throw wrong('signal', 'it is no AbortSignal');
}

const hostOptions = ['pool', 'sources', 'source', 'as', 'paths', 'keepEvents', 'makeContext'];

/** @throws INVALID_INPUT @internal */
export function assertHostOptions(options: object): void {
  const { pool, source, as, sources, paths, keepEvents } = optionsOf(
    options as Readonly<Record<string, unknown>>,
    hostOptions,
  );
  for (const [path, value] of Object.entries({ pool, source, as }))
    if (value !== undefined && !isText(value)) throw wrong(path, 'it is no text');
  const named = sources === undefined || Array.isArray(sources) ? (sources ?? []) : [undefined];
  if (!named.every((each) => isPlain(each) && isText(each['name']) && isText(each['root'])))
    throw wrong('sources', 'it is no list of objects with name and root');
  if (paths !== undefined && !(isPlain(paths) && isText(paths['state']) && isText(paths['run'])))
    throw wrong('paths', 'it is no object with state and run');
  if (keepEvents !== undefined && !(Number.isSafeInteger(keepEvents) && Number(keepEvents) >= 0))
    throw wrong('keepEvents', 'it is no whole number');
}

/** What an action says when it failed: the words of the original where it had some, else ours. Pure. */
import { asIocageError, type IocageError } from '../../domain/errors.ts';

/** How the original's command named a jail that is not there: `web not found!`, or `jail web not found!`. */
export type NotFoundWords = 'plain' | 'jail';

function textOf(error: IocageError, words: NotFoundWords): string {
  const details = error.details as Readonly<Record<string, string>>;
  switch (error.code) {
    case 'JAIL_NOT_FOUND':
      return `${words === 'jail' ? 'jail ' : ''}${details['name']} not found!`;
    case 'JAIL_AMBIGUOUS':
      return `multiple jails matching name: ${details['name']}!`;
    case 'UNKNOWN_PROPERTY':
      return `unsupported property: ${details['key']} !`;
    case 'RELEASE_NEEDED':
      if ((error.details['fetched'] as readonly string[]).length === 0)
        return 'no RELEASEs found locally, run iocage fetch first.';
      break;
    default:
  }
  const left = error.undoFailures.map(({ step, message }) => `; not undone: ${step}: ${message}`);
  return error.message + left.join('');
}

/** The error as the command printed it, with its two leading blanks. */
export function errorLine(error: IocageError, words: NotFoundWords = 'plain'): string {
  const details = error.details as Readonly<Record<string, string>>;
  switch (error.code) {
    // What zpool(8) says of it; the original passed that on.
    case 'POOL_NOT_FOUND':
      return `cannot open '${details['pool']}': no such pool`;
    case 'NO_ACTIVE_POOL':
      return 'No pool is active.';
    case 'RELEASE_NOT_FOUND':
      return [
        `  RELEASE ${details['release']} not found locally.`,
        `  Please fetch ${details['release']}`,
        '',
        '  These are the RELEASEs you have already fetched:',
        ...(error.details['fetched'] as readonly string[]).map((name) => `  ${name}`),
      ].join('\n');
    default:
      return `  ERROR: ${textOf(error, words)}`;
  }
}

/** The error of an operation. What is none, such as a bug or a refusal of the door, is thrown on. */
export function operationError(thrown: unknown): IocageError {
  const error = asIocageError(thrown);
  if (error.code === 'INTERNAL' && error !== thrown) throw thrown;
  return error;
}

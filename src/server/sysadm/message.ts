/**
 * Requests and answers as WebSocket messages: what is read from a message, and the two envelopes.
 * The rules are those of the original, down to what becomes of an `id` that is no text. Pure.
 */
import { apiWords, type ApiCode } from '../api-error.ts';
import type { Json } from './json.ts';
import { bytesOnce, isKept, isObject, member, parseJson, printCompact } from './json.ts';

export interface Request {
  /** As sent; empty when it is missing. */
  readonly namespace: string;
  readonly name: string;
  readonly id: string;
  readonly args: Json;
}

export type Answer =
  | { readonly args: Json }
  | { readonly code: ApiCode }
  /** Nothing is sent (auth_clear). */
  | 'nothing';

/** An empty request stands for what cannot be read: it is answered with 400. */
const unreadable: Request = { namespace: '', name: '', id: '', args: {} };

export function readMessage(text: string): Request {
  const message = parseJson(text);
  if (!isObject(message)) return unreadable;
  const word = (key: string): string => {
    const value = member(message, key);
    return typeof value === 'string' ? value : '';
  };
  // Without `args` the whole message is the argument.
  const args = Object.hasOwn(message, 'args') ? message['args']! : message;
  return { namespace: word('namespace'), name: word('name'), id: word('id'), args };
}

export function printAnswer(request: Request, answer: Exclude<Answer, 'nothing'>): string {
  const { id, name, namespace } = request;
  if ('code' in answer) {
    const args = { code: String(answer.code), message: apiWords[answer.code] };
    return printCompact({ args, id, name: 'error', namespace: 'error' });
  }
  // Without an id the answer bears the name of the class.
  return printCompact({ args: answer.args, id, name: id === '' ? name : 'response', namespace });
}

/** The same as it is sent; of an answer that many get, only what is this one's own is made anew. */
export function answerFrame(request: Request, answer: Exclude<Answer, 'nothing'>): string | Buffer {
  if ('code' in answer || !isKept(answer.args)) return printAnswer(request, answer);
  const whole = printAnswer(request, { args: '' });
  const args = bytesOnce(answer.args, 'compact', () => printCompact(answer.args));
  const before = '{"args":';
  const parts = [before, args, whole.slice(before.length + 2)];
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** An event, pushed to those who subscribed. */
export function printEvent(name: string, args: Json): string {
  return printCompact({ args, id: '', name, namespace: 'events' });
}

export const isAuth = ({ namespace, name }: Request): boolean =>
  namespace.toLowerCase() === 'rpc' && name.startsWith('auth');

export const isIdentify = ({ namespace, name }: Request): boolean =>
  namespace.toLowerCase() === 'rpc' && name === 'identify';

/** These are worked on one at a time, in the order of the messages; what comes behind them waits. */
export const isOrdered = (request: Request): boolean => isAuth(request) || isIdentify(request);

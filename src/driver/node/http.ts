/**
 * One HTTP or HTTPS request as downloads need it: redirects bounded and never from https to http, a
 * silent server given up, failures in words and sorted into those that another try may mend and
 * those that are final. Never sends or prints credentials.
 *
 * Node's own `http` and not `fetch`: a `.tar.gz` sent with `Content-Encoding: gzip` must stay as it is.
 */
import type * as http from 'node:http';
import type * as https from 'node:https';
import { failure, IocageError } from '../../domain/errors.ts';

/** A failure that another try may mend. */
export class Passing extends Error {}

/** Nothing came for too long. Another try would be as long, so it is worth one only when something came before. */
export class Silent extends Passing {}

export interface GetOptions {
  /** Until the server answers, and between two pieces of its answer. */
  readonly idleMs: number;
  readonly redirects: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** The address as it may be shown: without credentials, query and fragment, which may hold secrets. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return 'the address';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

export function failed(url: string, why: string, cause?: unknown): IocageError {
  return failure('DOWNLOAD_FAILED', { url: shownUrl(url), why }, { cause });
}

/** Follows redirects and answers the first response that is none, its body not yet read. */
export async function get(url: string, options: GetOptions): Promise<http.IncomingMessage> {
  let current = checkUrl(url, undefined);
  for (let hops = 0; ; hops += 1) {
    const response = await request(current, options);
    const location = response.headers.location;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined)
      return response;
    response.destroy();
    if (hops >= options.redirects) throw failed(url, `it redirects more than ${options.redirects} times`);
    if (!URL.canParse(location, current.href))
      throw failed(url, 'it redirects to something that is no address');
    current = checkUrl(new URL(location, current.href).href, current);
  }
}

function request(url: URL, { idleMs, headers, signal }: GetOptions): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const how: https.RequestOptions = {
      headers: { 'user-agent': 'iocage', accept: '*/*', 'accept-encoding': 'identity', ...headers },
      agent: false,
      ...(signal ? { signal } : {}),
    };
    // Loaded here, because most commands never download and the modules take their time to load.
    const sent = process
      .getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http')
      .get(url, how, resolve);
    // Not the socket's own time-out: a name that is being looked up has no socket yet.
    const timer = setTimeout(() => sent.destroy(new Silent(`no answer within ${idleMs / 1000} s`)), idleMs);
    sent.once('response', () => clearTimeout(timer));
    sent.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(inWords(error));
    });
  });
}

/** Hands the body on piece by piece, waiting for each to be taken. */
export async function consume(
  response: http.IncomingMessage,
  { idleMs, signal }: GetOptions,
  take: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const stop = (): void => void response.destroy(new Silent(`nothing came for ${idleMs / 1000} s`));
  const onAbort = (): void => void response.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  let timer = setTimeout(stop, idleMs);
  try {
    for await (const bytes of response) {
      clearTimeout(timer);
      await take(bytes as Buffer);
      timer = setTimeout(stop, idleMs);
    }
  } catch (error) {
    throw inWords(error as NodeJS.ErrnoException);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    response.destroy();
  }
}

function checkUrl(url: string, from: URL | undefined): URL {
  if (!URL.canParse(url)) throw failed(url, 'it is no address');
  const parsed = new URL(url);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw failed(url, `${parsed.protocol} is not http: or https:`);
  }
  if (from?.protocol === 'https:' && parsed.protocol === 'http:') {
    throw failed(from.href, 'it redirects from https to http, which anybody on the way could change');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw failed(url, 'addresses with a user name or password are not taken');
  }
  return parsed;
}

/** Answers that say `not here` are final; those that say `not now` are worth another try. */
export function refusal(url: string, response: http.IncomingMessage): Error {
  const status = response.statusCode ?? 0;
  response.destroy();
  const words = `the server answers ${status} ${response.statusMessage ?? ''}`.trim();
  return status >= 500 || status === 408 || status === 429 ? new Passing(words) : failed(url, words);
}

const networkWords: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of the server is not known',
  EAI_AGAIN: 'the name of the server cannot be looked up',
  ECONNREFUSED: 'the server refuses the connection',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
  ETIMEDOUT: 'the server does not answer',
  EHOSTUNREACH: 'the server cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
};

/** Nobody is there; what else goes wrong, such as a certificate that is not known here, somebody answered. */
export function isAbsence(error: unknown): boolean {
  if (error instanceof Silent) return true;
  const { code } = ((error as Error | undefined)?.cause ?? {}) as NodeJS.ErrnoException;
  return error instanceof Passing && code !== undefined && code in networkWords;
}

function inWords(error: NodeJS.ErrnoException): Error {
  if (error instanceof Passing || error instanceof IocageError) return error;
  return new Passing((error.code && networkWords[error.code]) ?? error.message, { cause: error });
}

/** What the server says about the length of the body; undefined when it does not say it. */
export function contentLength(response: http.IncomingMessage): number | undefined {
  const text = response.headers['content-length'];
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

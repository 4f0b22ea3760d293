/**
 * REST: `PUT /sysadm/iocage` with a JSON body, over HTTP/1.1 with keep-alive. Status codes, headers and
 * bodies are those of the original; its reader of HTTP is not. The first segment of the path is the
 * namespace, the last the class; nothing is decoded.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { apiWords, type ApiCode } from '../api-error.ts';
import { peerAddress } from '../address.ts';
import type { Crowd } from '../crowd.ts';
import type { Login } from '../login.ts';
import { isFetchSiteAllowed, isOriginAllowed, type OriginRules } from '../origin.ts';
import type { Settings } from '../settings.ts';
import type { Json } from './json.ts';
import { certificateProof } from './client-certificate.ts';
import { bytesOnce, isObject, parseJson, printIndented } from './json.ts';
import type { Answer, Request } from './message.ts';
import { newPeer, type Door, type Peer } from './peer.ts';
import type { Api } from './api.ts';

const contentType: readonly [string, string] = ['Content-Type', 'text/json; charset=utf-8'];

export interface RestParts {
  readonly api: Api;
  readonly settings: Settings;
  readonly origins: OriginRules;
  readonly crowd: Crowd;
  readonly now: () => number;
  /** True from when the server stops. */
  readonly isStopping: () => boolean;
  /** What is a bug, for the administrator. */
  readonly report: (error: unknown) => void;
}

interface Reply {
  readonly status: number;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string | Buffer;
  /** The connection ends with it. */
  readonly last?: boolean;
}

export function restListener(parts: RestParts): RequestListener {
  const connectedMs = new WeakMap<object, number>();
  const known = new WeakSet<object>();
  return (request, response) => {
    const { socket } = request;
    if (!connectedMs.has(socket)) connectedMs.set(socket, parts.now());
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const admit = (user: string): boolean => {
      if (!known.has(socket) && !parts.crowd.know(socket, user)) return false;
      known.add(socket);
      return true;
    };
    respond(parts, request, { admit, gone: gone.signal })
      .catch((error: unknown): Reply => {
        // A client that went away is no bug.
        if (!socket.destroyed) parts.report(error);
        return { status: 500, last: true };
      })
      .then((reply) => {
        const ageMs = parts.now() - connectedMs.get(socket)!;
        // Whoever stays without a login, whatever he asks, does so on new connections, which are counted.
        const isStranger = reply.status === 401 || !known.has(socket);
        const overdue = isStranger && ageMs > parts.settings.loginSeconds * 1000;
        send(parts, response, overdue ? { ...reply, last: true } : reply);
      })
      .catch(parts.report);
  };
}

function send(parts: RestParts, response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const body = reply.body ?? '';
  response.sendDate = false;
  const headers: (readonly [string, string])[] = [
    ...(reply.headers ?? []),
    ['Server', 'SysAdm/1.0'],
    ['Date', new Date(parts.now()).toUTCString()],
    ...(reply.status === 200 && reply.headers === undefined ? [contentType] : []),
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
    ...(reply.last || parts.isStopping() ? ([['Connection', 'close']] as const) : []),
  ];
  response.writeHead(reply.status, reasonOf(reply.status), headers.flat());
  // Who reads too slowly is not waited for.
  const timer = setTimeout(() => response.destroy(), parts.settings.slowReaderSeconds * 1000);
  response.once('close', () => clearTimeout(timer));
  response.end(body);
}

function reasonOf(status: number): string {
  if (status === 200) return 'OK';
  if (status === 413) return 'Content Too Large';
  return Object.hasOwn(apiWords, status) ? apiWords[status as ApiCode] : 'Error';
}

async function respond(parts: RestParts, request: IncomingMessage, door: Door): Promise<Reply> {
  const { method = '', url = '' } = request;
  const socket = request.socket as TLSSocket;
  const address = peerAddress(socket.remoteAddress);
  const { login } = parts.api;
  const peer = newPeer('rest', address, door);
  if (method === 'OPTIONS' || method === 'HEAD') {
    request.resume();
    parts.api.atTheDoor(peer, `${method} ${url}`, 200);
    return { status: 200, headers: capabilities(method) };
  }
  // What they still send is not waited for.
  const refuse = (status: number): Reply => {
    parts.api.atTheDoor(peer, `${method} ${url}`, status);
    return { status, last: true };
  };
  if (!isOwnPage(parts, request) || login.isLockedOut(address)) return refuse(403);
  if (!['GET', 'POST', 'PUT'].includes(method) || contradictsItself(request)) return refuse(400);
  const path = readPath(url);
  if (path === undefined) return refuse(400);
  const body = await readBody(request, parts.settings.maxMessageBytes);
  if (body === undefined) return refuse(413);
  const args = readArgs(body);
  if (!proveByHeader(peer, request.headers.authorization, login))
    peer.prove = certificateProof(socket, login);
  // Text that is no JSON is answered like arguments that are no object, and after the login like these.
  const answer = await parts.api.answer(peer, { ...path, id: '', args: args ?? '' });
  return toReply(answer);
}

/** Who it is and whose page it comes from is said once: of two, a proxy may have looked at the other. */
function contradictsItself({ rawHeaders }: IncomingMessage): boolean {
  const said = rawHeaders.filter(
    (word, index) => index % 2 === 0 && /^(authorization|host|origin|sec-fetch-site)$/i.test(word),
  );
  return new Set(said.map((word) => word.toLowerCase())).size < said.length;
}

/** The browser's words for whose page this is; programs say nothing of the kind. */
function isOwnPage(parts: RestParts, { headers }: IncomingMessage): boolean {
  const { origin } = headers;
  if (!isOriginAllowed(origin, parts.origins)) return false;
  return origin !== undefined || isFetchSiteAllowed(headers['sec-fetch-site'] as string | undefined);
}

function capabilities(method: string): readonly (readonly [string, string])[] {
  const accept = [['Accept', 'text/json'], contentType] as const;
  return method === 'HEAD' ? accept : [['Allow', 'HEAD, GET'], ['Hosts', '/syscache'], ...accept];
}

export function readPath(url: string): Pick<Request, 'namespace' | 'name'> | undefined {
  const [, namespace = '', ...further] = url.split('/');
  const name = further.at(-1) ?? '';
  return namespace === '' || name === '' ? undefined : { namespace, name };
}

/** Undefined: longer than allowed. Rejects when the client goes away before the end. */
function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) {
        request.pause();
        resolve(undefined);
      } else chunks.push(chunk);
    });
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the connection ended')));
  });
}

/** Undefined: no JSON object. Nothing at all is an empty one. */
export function readArgs(body: Buffer): Json | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
  if (text.trim() === '') return {};
  const value = parseJson(text);
  if (!isObject(value)) return undefined;
  return Object.hasOwn(value, 'args') ? value['args'] : value;
}

/** Basic (split at the first colon) or Bearer; false when there is no such header. */
function proveByHeader(peer: Peer, header: string | undefined, login: Login): boolean {
  if (header === undefined) return false;
  const [, scheme = '', word = ''] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? [];
  if (scheme.toLowerCase() === 'bearer') peer.token = word;
  else if (scheme.toLowerCase() === 'basic') {
    const text = Buffer.from(word, 'base64').toString('utf8');
    const at = text.indexOf(':');
    const [name, password] = at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)];
    peer.claimed = name;
    peer.prove = () => login.password(name, password, peer.address);
  }
  return true;
}

export function toReply(answer: Answer): Reply {
  if (answer === 'nothing') return { status: 200, body: printIndented({ args: {} }) };
  if (!('code' in answer)) {
    const { args } = answer;
    return { status: 200, body: bytesOnce(args, 'indented', () => printIndented({ args })) };
  }
  // Without a body, as the original; and without a question for a password, so that browsers keep none.
  if (answer.code === 401) return { status: 401 };
  return { status: answer.code, body: printIndented({ args: {} }) };
}

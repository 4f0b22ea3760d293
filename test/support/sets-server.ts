/**
 * A server of small made-up FreeBSD distribution sets on 127.0.0.1, and the ways in which a server
 * can fail. Nothing here leaves this machine.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { sh } from './pool.ts';

/** Makes an archive of the given texts; a name that ends in `/` is a directory. */
export function makeArchive(path: string, files: Readonly<Record<string, string>>): string {
  const root = `${path}.root`;
  for (const [name, text] of Object.entries(files)) {
    const target = join(root, name);
    mkdirSync(name.endsWith('/') ? target : dirname(target), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(target, text);
  }
  sh('tar', '--owner=0', '--group=0', '--auto-compress', '-cf', path, '-C', root, '.');
  return path;
}

export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

export interface SmallServer {
  readonly url: string;
  /** Requests in order, as `METHOD PATH` or `METHOD PATH RANGE`. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Serves with `answer`; connections are closed at the end. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<SmallServer> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(
      [request.method, request.url, request.headers.range].filter((word) => word !== undefined).join(' '),
    );
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with a file's bytes, whole or from where the request's Range begins. */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1);
  if (from < 0) {
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    return;
  }
  if (from >= bytes.length) {
    response.writeHead(416).end();
    return;
  }
  response
    .writeHead(206, {
      'content-length': bytes.length - from,
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    })
    .end(bytes.subarray(from));
}

/** Serves files below `directory`; what is not there is 404. */
export function serveDirectory(directory: string): Promise<SmallServer> {
  return serve((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    try {
      sendBytes(request, response, readFileSync(join(directory, path)));
    } catch {
      response.writeHead(404).end('not here');
    }
  });
}

/**
 * A TLS server and what holds for every connection to it before a word of the API is spoken: versions,
 * deadlines, how many there may be. HTTP/1.1 only.
 */
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { constants } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { failure } from '../domain/errors.ts';
import { peerAddress } from './address.ts';
import type { Crowd } from './crowd.ts';
import type { Settings } from './settings.ts';

export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  /** PEM of the authority of client certificates, when there is one. */
  readonly clientCa?: string;
}

const maxHeaderBytes = 16_384;

/** @param refused is told of text that is no HTTP, and of a request that does not end */
export function makeServer(
  settings: Settings,
  tls: TlsMaterial,
  listener: RequestListener,
  crowd: Crowd,
  refused: (address: string, why: string) => void,
): Server {
  const requestMs = settings.requestSeconds * 1000;
  const server = createServer(
    {
      cert: tls.certificate,
      key: tls.key,
      minVersion: settings.minimumTls === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
      honorCipherOrder: true,
      ALPNProtocols: ['http/1.1'],
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      handshakeTimeout: requestMs,
      // Who shows none, or one that nobody knows, goes on without: a password may still follow.
      requestCert: settings.clientCertificates || tls.clientCa !== undefined,
      rejectUnauthorized: false,
      // Without an authority of the settings there is none: Node's built-in ones vouch for no account.
      ca: tls.clientCa ?? [],
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: Math.max(100, requestMs / 10),
      keepAliveTimeout: Math.min(60, settings.idleSeconds) * 1000,
      maxHeaderSize: maxHeaderBytes,
    },
    listener,
  );
  // What a client expects besides 100-continue makes no difference.
  server.on('checkExpectation', listener);
  server.on('connection', (socket: Socket) => crowd.enter(socket));
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) => {
    // Who only went away was refused nothing.
    if (code?.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT')
      refused(peerAddress(socket.remoteAddress), `HTTP: ${code}`);
    if (socket.writable)
      socket.write(
        'HTTP/1.1 400 Bad Request\r\nServer: SysAdm/1.0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      );
    socket.destroy();
  });
  return server;
}

/** @returns the port, also when it was left to the kernel. @throws LISTEN_FAILED */
export function listen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(failure('LISTEN_FAILED', { address, port, why: error.message }, { cause: error }));
    server.once('error', onError);
    server.listen({ host: address, port }, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

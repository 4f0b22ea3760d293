/**
 * WebSocket: any path, text or binary frames of JSON, answers as text frames. Logins and rpc/identify
 * are worked on in order and hold up what comes behind them; everything else runs side by side.
 */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { peerAddress } from '../address.ts';
import { apiWords } from '../api-error.ts';
import { isOriginAllowed, type OriginRules } from '../origin.ts';
import type { Crowd } from '../crowd.ts';
import type { Settings } from '../settings.ts';
import type { Json } from './json.ts';
import { certificateProof } from './client-certificate.ts';
import { answerFrame, isOrdered, printEvent, readMessage } from './message.ts';
import { newPeer, type Peer } from './peer.ts';
import type { Api } from './api.ts';

export interface SocketParts {
  readonly api: Api;
  readonly settings: Settings;
  readonly origins: OriginRules;
  readonly crowd: Crowd;
  readonly now: () => number;
}

const lockedOut = 'Too Many Authorization Failures - Try again later';
/** How long a peer has for its part of closing. */
const closeMs = 2000;
/** What may wait of one who has not logged in. */
const unknownCharacters = 65_536;
const normal = 1000;
const goingAway = 1001;

class Connection {
  readonly peer: Peer;
  private readonly socket: WebSocket;
  private readonly stream: TLSSocket;
  private readonly parts: SocketParts;
  private readonly queue: string[] = [];
  /** Of the texts in `queue`. */
  private queuedCharacters = 0;
  private readonly connectedMs: number;
  private heardMs: number;
  /** When something was last taken of what was sent, and how much the kernel had taken by then. */
  private movedMs: number;
  private moved = 0;
  private running = 0;
  private inOrder = false;
  private stopping = false;

  constructor(parts: SocketParts, socket: WebSocket, stream: TLSSocket) {
    this.parts = parts;
    this.socket = socket;
    this.stream = stream;
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    this.peer = newPeer('websocket', peerAddress(stream.remoteAddress), {
      admit: (user) => parts.crowd.know(stream, user),
      gone: gone.signal,
    });
    this.peer.prove = certificateProof(stream, parts.api.login);
    // Who shows a known certificate is logged in from the first moment.
    if (this.peer.prove !== undefined) void parts.api.whoIs(this.peer).catch(() => undefined);
    this.connectedMs = parts.now();
    this.heardMs = this.connectedMs;
    this.movedMs = this.connectedMs;
    socket.on('message', (data) => this.take(data));
    socket.on('ping', () => this.checkBuffer());
    // What is wrong with a frame closes the connection.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code?.startsWith('WS_ERR_')) parts.api.atTheDoor(this.peer, `frame: ${code}`, 400);
    });
  }

  private take(data: RawData): void {
    if (this.stopping) return;
    this.heardMs = this.parts.now();
    const text = textOf(data);
    this.queue.push(text);
    this.queuedCharacters += text.length;
    this.pump();
  }

  private pump(): void {
    const { maxPendingPerConnection: most, maxMessageBytes } = this.parts.settings;
    while (this.queue.length > 0 && !this.inOrder && this.running < most) {
      const text = this.queue.shift()!;
      this.queuedCharacters -= text.length;
      const request = readMessage(text);
      this.inOrder = isOrdered(request);
      this.running += 1;
      void this.parts.api
        .answer(this.peer, request)
        .then((answer) => {
          if (answer !== 'nothing') this.send(answerFrame(request, answer));
          if (this.parts.api.login.isLockedOut(this.peer.address)) this.close(normal, lockedOut);
        })
        .finally(() => {
          this.running -= 1;
          if (isOrdered(request)) this.inOrder = false;
          this.pump();
          if (this.stopping && this.running === 0) this.close(goingAway, 'the server stops');
        });
    }
    // Full: the kernel, and so the peer, waits. Nothing piles up here: behind a login that takes its time there
    // are many small messages or one long one, and who is not known yet has room for little.
    const room = this.peer.wasKnown ? maxMessageBytes : unknownCharacters;
    const isFull = this.queue.length + this.running >= most || this.queuedCharacters >= room;
    if (isFull && !this.socket.isPaused) this.socket.pause();
    else if (!isFull && this.socket.isPaused) this.socket.resume();
  }

  async push(name: string, args: Json): Promise<void> {
    if (this.peer.subscriptions.has(name) && (await this.parts.api.mayHear(this.peer)))
      this.send(printEvent(name, args));
  }

  private send(text: string | Buffer): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.socket.send(text, { binary: false });
    this.checkBuffer();
  }

  private checkBuffer(): void {
    if (this.socket.bufferedAmount > this.parts.settings.maxBufferedBytes) this.socket.terminate();
  }

  close(code: number, reason?: string): void {
    this.forget();
    this.socket.close(code, reason);
    setTimeout(() => this.socket.terminate(), closeMs).unref();
  }

  /** Deadlines; called several times a second. */
  check(nowMs: number): void {
    const { loginSeconds, idleSeconds, slowReaderSeconds } = this.parts.settings;
    if (!this.peer.wasKnown && nowMs - this.connectedMs > loginSeconds * 1000) return this.close(normal);
    if (this.running === 0 && nowMs - this.heardMs > idleSeconds * 1000) return this.close(normal);
    const taken = this.stream.bytesWritten - this.stream.writableLength;
    if (this.socket.bufferedAmount === 0 || taken !== this.moved) this.movedMs = nowMs;
    this.moved = taken;
    if (nowMs - this.movedMs > slowReaderSeconds * 1000) this.socket.terminate();
  }

  /** Ends when what runs is answered. */
  stop(): void {
    this.stopping = true;
    this.forget();
    if (this.running === 0) this.close(goingAway, 'the server stops');
  }

  private forget(): void {
    this.queue.length = 0;
    this.queuedCharacters = 0;
  }

  end(): void {
    this.socket.terminate();
  }
}

function textOf(data: RawData): string {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return ''; // answered like every message that cannot be read
  }
}

/** What a plain HTTP request to the WebSocket port is told. */
export const upgradeRequired =
  (api: Api): RequestListener =>
  (request, response) => {
    const peer = { transport: 'websocket', address: peerAddress(request.socket.remoteAddress) } as const;
    api.atTheDoor(peer, `${request.method} ${request.url}`, 426);
    request.resume();
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close', 'Content-Length': '0' }).end();
  };

export class Sockets {
  private readonly connections = new Set<Connection>();
  private readonly parts: SocketParts;
  private readonly upgrades: WebSocketServer;
  private readonly timer: NodeJS.Timeout;

  constructor(parts: SocketParts) {
    this.parts = parts;
    const { settings } = parts;
    this.upgrades = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Compressed frames cost far more to read than to send.
      perMessageDeflate: false,
      maxPayload: settings.maxMessageBytes,
      handleProtocols: () => false,
    });
    this.upgrades.on('wsClientError', (error, stream) => this.refuse(stream, error.message, 400));
    this.upgrades.on('headers', (headers, request) => {
      headers.push(
        'Server: sysadm-server',
        `Date: ${new Date(parts.now()).toUTCString()}`,
        `Access-Control-Allow-Origin: ${request.headers.origin ?? '*'}`,
        'Access-Control-Allow-Methods: GET',
        'Access-Control-Allow-Headers: content-type',
        'Access-Control-Allow-Credentials: false',
      );
    });
    const shortestMs =
      Math.min(settings.loginSeconds, settings.idleSeconds, settings.slowReaderSeconds) * 1000;
    this.timer = setInterval(() => this.check(), Math.min(1000, shortestMs / 4));
    this.timer.unref();
  }

  serve(server: Server): void {
    server.on('upgrade', (request, stream, head) => this.upgrade(request, stream, head));
  }

  private upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => undefined);
    if (!isOriginAllowed(request.headers.origin, this.parts.origins)) {
      this.refuse(stream, `handshake of ${request.headers.origin ?? ''}`, 403);
      return;
    }
    this.upgrades.handleUpgrade(request, stream, head, (socket) => {
      const connection = new Connection(this.parts, socket, stream as TLSSocket);
      this.connections.add(connection);
      socket.once('close', () => this.connections.delete(connection));
      if (this.parts.api.login.isLockedOut(connection.peer.address)) {
        this.parts.api.atTheDoor(connection.peer, 'handshake', 403);
        connection.close(normal, lockedOut);
      }
    });
  }

  private refuse(stream: Duplex, what: string, code: 400 | 403): void {
    const address = peerAddress((stream as TLSSocket).remoteAddress);
    this.parts.api.atTheDoor({ transport: 'websocket', address }, what, code);
    const head = `HTTP/1.1 ${code} ${apiWords[code]}\r\nServer: sysadm-server`;
    stream.end(`${head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }

  private check(): void {
    const nowMs = this.parts.now();
    for (const connection of this.connections) connection.check(nowMs);
  }

  /** To all who subscribed and are logged in still. */
  push(name: string, args: Json, report: (error: unknown) => void): void {
    for (const connection of this.connections) connection.push(name, args).catch(report);
  }

  get count(): number {
    return this.connections.size;
  }

  stop(): void {
    for (const connection of this.connections) connection.stop();
  }

  end(): void {
    clearInterval(this.timer);
    for (const connection of this.connections) connection.end();
    this.upgrades.close();
  }
}

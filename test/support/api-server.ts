/**
 * The real server on free loopback ports, with real TLS and real files in a directory of its own, before a
 * backend that only answers what it was asked; and plain clients of it. The clock may be moved.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { request as httpsRequest, type Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, type ClientOptions } from 'ws';
import { NodeExec } from '../../src/driver/node/exec.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import { NodeLineLog } from '../../src/driver/node/line-log.ts';
import { accountsPath, readAccounts, writeAccounts, type Account } from '../../src/server/accounts.ts';
import { ApiError } from '../../src/server/api-error.ts';
import { hashPassword } from '../../src/server/password.ts';
import { toSettings, type SettingTexts } from '../../src/server/settings.ts';
import type { Caller } from '../../src/server/sysadm/actions.ts';
import type { Json } from '../../src/server/sysadm/json.ts';
import type { Backend, Job } from '../../src/server/sysadm/backend.ts';
import { startServer, type RunningServer } from '../../src/server/sysadm/server.ts';

/** Far weaker than what is kept for real, so that tests do not wait for it. */
const weakCost = { N: 1024, r: 8, p: 1 };

export interface Stub extends Backend {
  readonly asked: { readonly caller: Caller; readonly args: { readonly [key: string]: Json } }[];
  jobList: Job[];
  /** What the next actions wait for. */
  hold: Promise<void> | undefined;
  tell(args: { readonly [key: string]: Json }): void;
  readonly killed: string[];
}

/** `listjails` answers no jails, `echo` its arguments, `fail` throws a bug; anything else is not known. */
export function stubBackend(): Stub {
  const listeners = new Set<(args: { readonly [key: string]: Json }) => void>();
  const stub: Stub = {
    asked: [],
    jobList: [],
    hold: undefined,
    killed: [],
    async runAction(caller, args) {
      stub.asked.push({ caller, args });
      if (args['action'] === 'echo') return { echo: args };
      if (args['action'] === 'big') return { big: 'x'.repeat(1 << 20) };
      if (args['action'] === 'fail') throw new Error('a bug');
      if (args['action'] !== 'listjails') throw new ApiError(400);
      await stub.hold;
      return { listjails: {} };
    },
    jobs: () => stub.jobList,
    kill(ids) {
      stub.killed.push(...ids);
      return ids.filter((id) => stub.jobList.some((job) => job.id === id));
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell: (args) => listeners.forEach((listener) => listener(args)),
    close: async () => stub.hold,
  };
  return stub;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface RestOptions {
  readonly method?: string;
  readonly path?: string;
  readonly user?: readonly [name: string, password: string];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
  readonly localAddress?: string;
}

/** A WebSocket client that keeps what it is told. */
export interface Client {
  readonly socket: WebSocket;
  readonly heard: string[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The next message, as text; rejects when the connection ends first. */
  next(): Promise<string>;
  send(message: unknown): void;
  /** Sends and answers the next message, parsed. */
  ask(message: unknown): Promise<unknown>;
  login(name?: string, password?: string): Promise<string>;
  /** Nothing comes for so long. */
  isSilent(forMs?: number): Promise<boolean>;
}

export interface Laboratory {
  readonly server: RunningServer;
  readonly stub: Stub;
  readonly directory: string;
  readonly said: readonly string[];
  /** Moves the server's clock. */
  later(ms: number): void;
  rest(options?: RestOptions): Promise<Reply>;
  client(options?: ClientOptions & { path?: string }): Promise<Client>;
  account(name: string, change: Partial<Account> & { readonly plain?: string }): Promise<void>;
  removeAccount(name: string): Promise<void>;
  /** Lines of a log, without their times. */
  log(name: string): Promise<readonly string[]>;
  end(): Promise<void>;
}

export const listjails = { namespace: 'sysadm', name: 'iocage', id: 'fooid', args: { action: 'listjails' } };
export const unauthorized = (id = 'fooid') => ({
  args: { code: '401', message: 'Unauthorized' },
  id,
  name: 'error',
  namespace: 'error',
});

export async function laboratory(
  texts: SettingTexts = {},
  options: { first?: boolean; stub?: Stub } = {},
): Promise<Laboratory> {
  const directory = mkdtempSync(join(tmpdir(), 'iocage-api-'));
  const files = new NodeFiles();
  const path = accountsPath(directory);
  const account: Laboratory['account'] = async (name, { plain, ...change }) => {
    const accounts = await readAccounts(files, path);
    const made: Account = {
      name,
      role: 'admin',
      certificates: [],
      changed: String(Math.random()),
      ...change,
    };
    const password = plain === undefined ? {} : { password: await hashPassword(plain, weakCost) };
    await writeAccounts(files, path, [
      ...accounts.filter((other) => other.name !== name),
      { ...made, ...password },
    ]);
  };
  if (!options.first) {
    await account('ann', { plain: 'ann:pass word' });
    await account('bob', { plain: 'bob-password', role: 'operator' });
  }
  let movedMs = 0;
  const said: string[] = [];
  const stub = options.stub ?? stubBackend();
  const lines = new NodeLineLog((error) => said.push(error.message));
  const server = await startServer({
    settings: toSettings({
      restPort: '0',
      websocketPort: '0',
      logDirectory: join(directory, 'log'),
      systemAccounts: 'off',
      ...texts,
    }),
    exec: new NodeExec(),
    files,
    lines,
    state: directory,
    backend: stub,
    say: (line) => said.push(line),
    now: () => Date.now() + movedMs,
  });
  const clients: Client[] = [];
  return {
    server,
    stub,
    directory,
    said,
    later: (ms) => {
      movedMs += ms;
    },
    account,
    async removeAccount(name) {
      const accounts = await readAccounts(files, path);
      await writeAccounts(
        files,
        path,
        accounts.filter((other) => other.name !== name),
      );
    },
    rest: (wanted = {}) => rest(server.restPort, wanted),
    async client(wanted) {
      const client = await connect(server.websocketPort, wanted);
      clients.push(client);
      return client;
    },
    async log(name) {
      await lines.flush();
      const folder = join(directory, 'log');
      const found = readdirSync(folder).filter((file) => file.startsWith(`${name}-`));
      return found.flatMap((file) =>
        readFileSync(join(folder, file), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => line.replace(/^\[[^\]]*\]/, '')),
      );
    },
    async end() {
      for (const { socket } of clients) socket.terminate();
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

function rest(port: number, wanted: RestOptions): Promise<Reply> {
  const { method = 'PUT', path = '/sysadm/iocage', user, headers, body, agent, localAddress } = wanted;
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        rejectUnauthorized: false,
        ...(agent === undefined ? { agent: false } : { agent }),
        ...(localAddress === undefined ? {} : { localAddress }),
        headers: {
          ...(user === undefined ? {} : { Authorization: basic(...user) }),
          ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

const waitMs = 20_000;

async function connect(
  port: number,
  { path = '/', ...options }: ClientOptions & { path?: string } = {},
): Promise<Client> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, { rejectUnauthorized: false, ...options });
  const heard: string[] = [];
  let read = 0;
  const waiting = new Set<() => void>();
  const changed = (): void => waiting.forEach((look) => look());
  socket.on('message', (data) => {
    heard.push(String(data));
    changed();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => {
      resolve({ code, reason: String(reason) });
      changed();
    }),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  const next = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        waiting.delete(look);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`nothing came within ${waitMs} ms`));
      }, waitMs);
      const look = (): void => {
        if (heard.length > read) {
          end();
          read += 1;
          resolve(heard[read - 1]!);
        } else if (socket.readyState === socket.CLOSED) {
          end();
          reject(new Error('the connection ended'));
        }
      };
      waiting.add(look);
      look();
    });
  const send = (message: unknown): void =>
    socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  const ask = async (message: unknown): Promise<unknown> => {
    send(message);
    return JSON.parse(await next());
  };
  return {
    socket,
    heard,
    closed,
    next,
    send,
    ask,
    async login(username = 'ann', password = 'ann:pass word') {
      const answer = await ask({ namespace: 'rpc', name: 'auth', id: 'login', args: { username, password } });
      return (answer as { args: [string, number] }).args[0];
    },
    async isSilent(forMs = 150) {
      const before = heard.length;
      await new Promise((resolve) => setTimeout(resolve, forMs));
      return heard.length === before;
    },
  };
}

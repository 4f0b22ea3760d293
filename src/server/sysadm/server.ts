/**
 * Puts the server together and starts it: certificate, accounts, logs, the two ports; and stops it
 * without cutting off what runs.
 */
import { hostname } from 'node:os';
import type { Server } from 'node:https';
import type { RequestListener } from 'node:http';
import type { Exec, Files, LineLog } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { AccountFile, accountsPath, accountsText, makeServeDirectory } from '../accounts.ts';
import { ownCertificate, readCertificate, type ServerCertificate } from '../certificate.ts';
import { Crowd } from '../crowd.ts';
import { KeyFile, keysPath } from '../keys.ts';
import { listen, makeServer, type TlsMaterial } from '../listen.ts';
import { Lockout } from '../lockout.ts';
import { Login } from '../login.ts';
import { Logs } from '../logs.ts';
import { randomText, Sessions } from '../sessions.ts';
import type { Settings } from '../settings.ts';
import { hasPam } from '../system-accounts.ts';
import { trustProblem } from '../trusted-file.ts';
import type { Backend } from './backend.ts';
import type { Peer } from './peer.ts';
import { restListener } from './rest.ts';
import { Api } from './api.ts';
import { Sockets, upgradeRequired } from './websocket.ts';

export interface ServerParts {
  readonly settings: Settings;
  readonly exec: Exec;
  readonly files: Files;
  readonly lines: LineLog;
  /** Where certificate, accounts and keys are, below `serve/`. */
  readonly state: string;
  readonly backend: Backend;
  /** For the administrator: one line. */
  readonly say: (line: string) => void;
  readonly now?: () => number;
}

export interface RunningServer {
  readonly restPort: number;
  readonly websocketPort: number;
  readonly certificate: ServerCertificate;
  /** The one-time token, where this was the first start. */
  readonly firstToken: string | undefined;
  /** Open WebSocket connections, sessions, requests that are worked on. */
  counts(): { readonly sockets: number; readonly sessions: number; readonly pending: number };
  /** Takes nothing new, answers what is being worked on, and ends. */
  stop(): Promise<void>;
}

/** What holds for the connections of a port. */
interface Door {
  readonly crowd: Crowd;
  readonly refused: (address: string, why: string) => void;
}

const firstTokenMs = 3_600_000;
const sweepMs = 60_000;
const pollMs = 20;

export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { settings, exec, files, backend, say, state } = parts;
  const now = parts.now ?? Date.now;
  const report = (error: unknown): void =>
    say(`error: ${error instanceof Error ? error.stack : String(error)}`);
  const directory = `${state}/serve`;
  const certificate =
    settings.certificate === ''
      ? await ownCertificate(exec, files, directory)
      : await readCertificate(files, settings.certificate, settings.certificateKey);
  const tls = await material(files, settings, certificate);

  const accounts = new AccountFile(files, accountsPath(state));
  const keys = new KeyFile(files, keysPath(state));
  await keys.load();
  const isFirst = (await files.stat(accountsPath(state))) === undefined;
  await accounts.all();

  const logs = new Logs({
    files,
    lines: parts.lines,
    directory: settings.logDirectory,
    now: () => new Date(now()),
  });
  const sessionMs = settings.sessionSeconds * 1000;
  const sessions = new Sessions(sessionMs, now);
  const pam = settings.systemAccounts && settings.passwords && (await hasPam(exec));
  const login = makeLogin(parts, { accounts, keys, pam, now, sessionMs });
  const api = new Api({
    backend,
    keys,
    logs,
    login,
    sessions,
    now,
    report,
    hostname: hostname(),
    operatorAccess: settings.iocageOperatorAccess,
    sessionSeconds: settings.sessionSeconds,
    maxPending: settings.maxPending,
  });

  let stopping = false;
  const ports: number[] = [];
  const origins = { allowed: settings.allowedOrigins, ports };
  const doorOf = (transport: Peer['transport']): Door => {
    const refused =
      (code: number) =>
      (address: string, why: string): void =>
        api.atTheDoor({ transport, address }, why, code);
    const limits = { port: settings.maxConnections, network: settings.maxConnectionsPerAddress };
    return { crowd: new Crowd(limits, refused(503)), refused: refused(400) };
  };
  const doors = { rest: doorOf('rest'), websocket: doorOf('websocket') };
  const sockets = new Sockets({ api, settings, origins, now, crowd: doors.websocket.crowd });
  const isStopping = (): boolean => stopping;
  const { crowd } = doors.rest;
  const rest = restListener({ api, settings, origins, now, report, isStopping, crowd });
  const plain = upgradeRequired(api);
  const servers: Server[] = [];
  const open = async (listener: RequestListener, wantedPort: number, door: Door): Promise<number> => {
    let port = wantedPort;
    for (const address of settings.listen) {
      const server = makeServer(settings, tls, listener, door.crowd, door.refused);
      servers.push(server);
      port = await listen(server, address, port);
      server.on('error', report);
      if (listener === plain) sockets.serve(server);
    }
    ports.push(port);
    return port;
  };
  try {
    const restPort = await open(rest, settings.restPort, doors.rest);
    const websocketPort = await open(plain, settings.websocketPort, doors.websocket);
    const firstToken = isFirst ? await firstStart(parts, login) : undefined;
    const unhear = backend.onEvent((args) => {
      logs.write('events-dispatcher', JSON.stringify(args));
      logs.write('dispatcher', `${String(args['process_id'])} ${String(args['state'])}`);
      sockets.push('dispatcher', args, report);
    });
    const tidy = (): void => {
      sessions.sweep();
      api.sweep();
      logs.prune(settings.logDays).catch(report);
    };
    tidy();
    const timer = setInterval(tidy, sweepMs);
    timer.unref();
    logs.write('hostinfo', `server started: REST on port ${restPort}, WebSocket on port ${websocketPort}`);
    const finish = async (): Promise<void> => {
      stopping = true;
      for (const server of servers) {
        server.close();
        server.closeIdleConnections();
      }
      sockets.stop();
      await backend.close(settings.stopSeconds * 1000);
      // The answers of what ended just now are still to be sent.
      const untilMs = Date.now() + 2000;
      while ((api.pending > 0 || sockets.count > 0) && Date.now() < untilMs)
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      clearInterval(timer);
      unhear();
      sockets.end();
      for (const server of servers) server.closeAllConnections();
      api.sweep(true);
      logs.write('hostinfo', 'server stopped');
      // What could not be written is told; nothing that was done depends on it.
      await logs.flush().catch(report);
    };
    let ended: Promise<void> | undefined;
    const stop = (): Promise<void> => (ended ??= finish());
    const counts = () => ({ sockets: sockets.count, sessions: sessions.count, pending: api.pending });
    return { restPort, websocketPort, certificate, firstToken, counts, stop };
  } catch (error) {
    sockets.end();
    for (const server of servers) server.close();
    throw error;
  }
}

async function material(files: Files, settings: Settings, pair: ServerCertificate): Promise<TlsMaterial> {
  const { certificate, key } = pair;
  if (settings.clientCa === '') return { certificate, key };
  const why = await trustProblem(files, settings.clientCa);
  if (why !== undefined) throw failure('CERTIFICATE_FAILED', { path: settings.clientCa, why });
  const clientCa = await files.read(settings.clientCa);
  if (clientCa === undefined)
    throw failure('CERTIFICATE_FAILED', { path: settings.clientCa, why: 'it is not there' });
  return { certificate, key, clientCa };
}

function makeLogin(
  { settings, exec }: ServerParts,
  more: { accounts: AccountFile; keys: KeyFile; pam: boolean; now: () => number; sessionMs: number },
): Login {
  const { accounts, keys, pam, now, sessionMs } = more;
  const rules = { resetMs: settings.lockoutResetMinutes * 60_000, lockMs: settings.lockoutMinutes * 60_000 };
  const { pamService: service, fullGroups, limitedGroups } = settings;
  return new Login({
    exec,
    accounts,
    keys,
    now,
    sessionMs,
    passwords: settings.passwords,
    byAddress: new Lockout({ ...rules, failures: settings.lockoutFailures }, now),
    byAccount: new Lockout({ ...rules, failures: settings.lockoutAccountFailures }, now),
    pam,
    ...(settings.systemAccounts ? { system: { service, fullGroups, limitedGroups } } : {}),
  });
}

/**
 * Nobody can log in yet, and there is no password that everybody knows: one login, for whoever sees this.
 * Undefined when somebody made an account at this very moment.
 */
async function firstStart({ files, state }: ServerParts, login: Login): Promise<string | undefined> {
  const path = accountsPath(state);
  await makeServeDirectory(files, path);
  try {
    await files.create(path, accountsText([]), { mode: 0o600 });
  } catch (error) {
    if ((await files.stat(path)) === undefined) throw error;
    return undefined;
  }
  const token = randomText();
  login.allowOnce(token, firstTokenMs);
  return token;
}

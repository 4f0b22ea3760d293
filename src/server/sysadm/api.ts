/**
 * The API itself, whatever the transport: from a request to its answer, in the order of the original's
 * checks: name and namespace (400), login (401), the class (404), arguments (400), then the action.
 * Every request leaves one line in the audit log.
 */
import { ApiError, type ApiCode } from '../api-error.ts';
import type { Login, Principal } from '../login.ts';
import type { Logs } from '../logs.ts';
import { networkOf } from '../address.ts';
import type { Sessions } from '../sessions.ts';
import { Strangers } from '../strangers.ts';
import type { Json } from './json.ts';
import { authenticate } from './auth.ts';
import type { Backend } from './backend.ts';
import { subscription } from './events.ts';
import { isObject, member } from './json.ts';
import { isAuth, isIdentify, type Answer, type Request } from './message.ts';
import { becomeKnown, type Peer } from './peer.ts';
import { dispatcher, logs, query, settings, type RpcParts } from './rpc.ts';

export interface ApiParts extends RpcParts {
  readonly backend: Backend;
  readonly login: Login;
  readonly sessions: Sessions;
  readonly sessionSeconds: number;
  readonly maxPending: number;
  readonly hostname: string;
  readonly logs: Logs;
  /** What is a bug, for the administrator. */
  readonly report: (error: unknown) => void;
}

/** What of an action's fields the audit log tells; longer texts are cut. */
const audited = [
  'jail',
  'pool',
  'user',
  'command',
  'props',
  'switches',
  'releases',
  'plugin',
  'job_id',
] as const;
const auditedCharacters = 300;
const nameCharacters = 64;

export class Api {
  private readonly parts: ApiParts;
  private readonly strangers: Strangers;
  private pendingCount = 0;
  constructor(parts: ApiParts) {
    this.parts = parts;
    this.strangers = new Strangers(parts.now, (from, count) =>
      parts.logs.write('audit', JSON.stringify({ who: '', from, result: `${count} more requests` })),
    );
  }

  /** Ends what is counted for the audit log. */
  sweep(all?: boolean): void {
    this.strangers.sweep(all);
  }

  /** What a door answered by itself, before anything of a request was read: for the audit log. */
  atTheDoor(peer: Pick<Peer, 'address' | 'transport'>, what: string, code: number): void {
    if (this.strangers.mayTell(networkOf(peer.address)))
      this.tell(peer, { what: what.slice(0, auditedCharacters), result: String(code) });
  }

  private tell({ address, transport }: Pick<Peer, 'address' | 'transport'>, more: object, who = ''): void {
    this.parts.logs.write('audit', JSON.stringify({ who, from: address, by: transport, ...more }));
  }

  get login(): Login {
    return this.parts.login;
  }

  /** Requests that are worked on. */
  get pending(): number {
    return this.pendingCount;
  }

  async answer(peer: Peer, request: Request): Promise<Answer> {
    const startedMs = this.parts.now();
    let user = '';
    let answer: Answer;
    this.pendingCount += 1;
    try {
      if (this.pendingCount > this.parts.maxPending) throw new ApiError(503);
      answer = await this.work(peer, request, (name) => {
        user = name;
      });
    } catch (error) {
      answer = { code: this.codeOf(error) };
    } finally {
      this.pendingCount -= 1;
    }
    this.audit(peer, request, answer, user, startedMs);
    return answer;
  }

  /** Who a connection belongs to; undefined when nobody is logged in there. Keeps a session alive. */
  async whoIs(peer: Peer): Promise<Principal | undefined> {
    const { sessions, login } = this.parts;
    const principal = sessions.use(peer.token);
    if (principal !== undefined) {
      if (await login.isStill(principal)) return this.known(peer, principal);
      sessions.drop(peer.token);
    }
    peer.token = undefined;
    const proved = await peer.prove?.();
    return proved && this.known(peer, proved);
  }

  /** Whether events may be pushed to a connection now; that is no use of the session. */
  async mayHear(peer: Peer): Promise<boolean> {
    const { sessions, login } = this.parts;
    const principal = sessions.peek(peer.token) ?? (await peer.prove?.());
    return principal !== undefined && login.isStill(principal);
  }

  private known(peer: Peer, principal: Principal): Principal {
    becomeKnown(peer, principal);
    return principal;
  }

  private async work(peer: Peer, request: Request, heard: (user: string) => void): Promise<Answer> {
    const { namespace, name, args } = request;
    if (namespace === '' || name === '') throw new ApiError(400);
    if (isIdentify(request)) return { args: { hostname: this.parts.hostname, type: 'server' } };
    if (isAuth(request)) {
      const { answer, user } = await authenticate(this.parts, peer, request);
      if (user !== undefined) heard(user);
      return answer;
    }
    const caller = await this.whoIs(peer);
    if (caller === undefined) throw new ApiError(401);
    heard(caller.user);
    return { args: await this.dispatch(peer, caller, namespace.toLowerCase(), name.toLowerCase(), args) };
  }

  private async dispatch(
    peer: Peer,
    caller: Principal,
    namespace: string,
    name: string,
    args: Json,
  ): Promise<Json> {
    const { parts } = this;
    // REST has no events: there is nothing that they could be pushed through.
    if (namespace === 'events' && peer.transport === 'websocket') return subscription(peer, name, args);
    const id = `${namespace}/${name}`;
    if (id === 'rpc/query') return query(parts, caller);
    const known = ['rpc/settings', 'rpc/dispatcher', 'rpc/logs', 'sysadm/iocage'];
    if (!known.includes(id)) throw new ApiError(404);
    if (!isObject(args)) throw new ApiError(400);
    if (id === 'rpc/settings') return settings(parts, caller, args);
    if (id === 'rpc/dispatcher') return dispatcher(parts, caller, args);
    if (id === 'rpc/logs') return logs(parts, args);
    const { user, level } = caller;
    const { gone } = peer.door;
    const who = { user, level, address: peer.address, ...(gone === undefined ? {} : { gone }) };
    return parts.backend.runAction(who, args);
  }

  private codeOf(error: unknown): ApiCode {
    if (error instanceof ApiError) return error.code;
    this.parts.report(error);
    return 500;
  }

  private audit(peer: Peer, request: Request, answer: Answer, user: string, startedMs: number): void {
    const { args } = request;
    const claimed = isAuth(request) && isObject(args) ? member(args, 'username') : peer.claimed;
    const tried = user === '' && typeof claimed === 'string' ? claimed.slice(0, nameCharacters) : '';
    // Every guess is told; so many are not let through.
    if (user === '' && tried === '' && !this.strangers.mayTell(networkOf(peer.address))) return;
    const short = (value: Json): string =>
      (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, auditedCharacters);
    const fields = isObject(args) && !isAuth(request) ? args : {};
    const action = member(fields, 'action');
    const told = audited.flatMap((key) => {
      const value = member(fields, key);
      return value === undefined ? [] : [[key, short(value)] as const];
    });
    this.tell(
      peer,
      {
        ...(tried === '' ? {} : { tried }),
        what: short(`${request.namespace}/${request.name}`),
        ...(action === undefined ? {} : { action: short(action) }),
        ...(told.length === 0 ? {} : { with: Object.fromEntries(told) }),
        result: resultOf(answer, action),
        ms: this.parts.now() - startedMs,
      },
      user,
    );
  }
}

/** A code, `ok`, or the error that an action answered. */
function resultOf(answer: Answer, action: Json | undefined): string {
  if (answer === 'nothing') return 'ok';
  if ('code' in answer) return String(answer.code);
  const inner = isObject(answer.args) && typeof action === 'string' ? member(answer.args, action) : undefined;
  const error = isObject(inner) ? member(inner, 'error') : undefined;
  return typeof error === 'string' ? `error: ${error.slice(0, auditedCharacters)}` : 'ok';
}

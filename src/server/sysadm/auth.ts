/**
 * rpc/auth, auth_token, auth_ssl and auth_clear. A login drops the token that the connection had, so one
 * that fails leaves it logged out.
 */
import { ApiError } from '../api-error.ts';
import type { Login, Principal } from '../login.ts';
import { randomText, type Sessions } from '../sessions.ts';
import type { Json } from './json.ts';
import { isObject, member } from './json.ts';
import type { Answer, Request } from './message.ts';
import { becomeKnown, type Peer } from './peer.ts';

export interface AuthParts {
  readonly login: Login;
  readonly sessions: Sessions;
  readonly sessionSeconds: number;
  readonly now: () => number;
}

const challengeMs = 30_000;

function word(args: Json, key: string): string {
  const value = isObject(args) ? member(args, key) : undefined;
  return typeof value === 'string' ? value : '';
}

/** @returns the answer, and who logged in, for the audit log */
export async function authenticate(
  parts: AuthParts,
  peer: Peer,
  request: Request,
): Promise<{ answer: Answer; user?: string }> {
  const { login, sessions, sessionSeconds } = parts;
  const { args, name } = request;
  const enter = (principal: Principal | undefined): { answer: Answer; user: string } => {
    if (principal === undefined) throw new ApiError(401);
    becomeKnown(peer, principal);
    peer.token = sessions.open(principal);
    return { answer: { args: [peer.token, sessionSeconds] }, user: principal.user };
  };
  const leave = (): void => {
    sessions.drop(peer.token);
    peer.token = undefined;
    peer.prove = undefined;
  };
  switch (name) {
    case 'auth': {
      leave();
      if (!isObject(args)) throw new ApiError(401);
      return enter(await login.password(word(args, 'username'), word(args, 'password'), peer.address));
    }
    case 'auth_token': {
      const token = word(args, 'token');
      if (token !== peer.token) leave();
      const principal = sessions.use(token);
      if (principal !== undefined && (await login.isStill(principal))) {
        becomeKnown(peer, principal);
        peer.token = token;
        return { answer: { args: [token, sessionSeconds] }, user: principal.user };
      }
      leave();
      return enter(login.once(token));
    }
    case 'auth_ssl': {
      if (!isObject(args) || !Object.hasOwn(args, 'encrypted_string')) {
        peer.challenge = { text: randomText(), untilMs: parts.now() + challengeMs };
        return { answer: { args: { test_string: peer.challenge.text } } };
      }
      leave();
      const { challenge } = peer;
      peer.challenge = undefined;
      const expected =
        challenge !== undefined && challenge.untilMs >= parts.now() ? challenge.text : undefined;
      return enter(await login.key(word(args, 'encrypted_string'), expected, peer.address));
    }
    case 'auth_clear':
      leave();
      return { answer: 'nothing' };
    default:
      leave();
      throw new ApiError(401);
  }
}

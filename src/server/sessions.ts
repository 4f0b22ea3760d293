/**
 * Tokens of those who are logged in. A token is 20 letters and digits from the system's generator
 * (119 bits), belongs to one login, and ends after a time without use. They are looked up by their
 * digest and compared whole, in constant time: a part of a token, or none, never matches.
 */
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import type { Principal } from './login.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const tokenCharacters = 20;

export function randomText(): string {
  return Array.from({ length: tokenCharacters }, () => alphabet[randomInt(alphabet.length)]).join('');
}

interface Session {
  readonly digest: Buffer;
  readonly principal: Principal;
  lastUseMs: number;
}

/** More sessions than this and the one that was used longest ago ends. */
const maxSessions = 4096;

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

export class Sessions {
  /** In the order of their last use. */
  private readonly sessions = new Map<string, Session>();
  private readonly lifeMs: number;
  private readonly now: () => number;
  constructor(lifeMs: number, now: () => number) {
    this.lifeMs = lifeMs;
    this.now = now;
  }

  open(principal: Principal): string {
    const token = randomText();
    const digest = digestOf(token);
    this.sessions.set(digest.toString('hex'), { digest, principal, lastUseMs: this.now() });
    if (this.sessions.size > maxSessions) {
      const [oldest] = this.sessions.keys();
      if (oldest !== undefined) this.sessions.delete(oldest);
    }
    return token;
  }

  /** Who a token belongs to, without renewing it. */
  peek(token: string | undefined): Principal | undefined {
    return this.find(token)?.principal;
  }

  /** Who a token belongs to; it lives on from now. */
  use(token: string | undefined): Principal | undefined {
    const session = this.find(token);
    if (session === undefined) return undefined;
    const key = session.digest.toString('hex');
    this.sessions.delete(key);
    this.sessions.set(key, session);
    session.lastUseMs = this.now();
    return session.principal;
  }

  drop(token: string | undefined): void {
    const session = this.find(token);
    if (session !== undefined) this.sessions.delete(session.digest.toString('hex'));
  }

  /** Forgets what has ended; called now and then. */
  sweep(): void {
    for (const [key, session] of this.sessions) {
      if (this.hasEnded(session)) this.sessions.delete(key);
      // The first that lives on is older than all behind it.
      else return;
    }
  }

  get count(): number {
    return this.sessions.size;
  }

  private find(token: string | undefined): Session | undefined {
    if (token === undefined || token.length !== tokenCharacters) return undefined;
    const digest = digestOf(token);
    const session = this.sessions.get(digest.toString('hex'));
    if (session === undefined || !timingSafeEqual(session.digest, digest)) return undefined;
    if (!this.hasEnded(session)) return session;
    this.sessions.delete(digest.toString('hex'));
    return undefined;
  }

  private hasEnded(session: Session): boolean {
    return this.now() - session.lastUseMs > this.lifeMs;
  }
}

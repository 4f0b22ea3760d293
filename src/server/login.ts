/**
 * Who somebody is: by password, by key, by TLS client certificate, or by the one-time token of the
 * first start. Every way ends here, so the lock-out and the two levels hold for all of them.
 */
import { createHmac, randomBytes, timingSafeEqual, type X509Certificate } from 'node:crypto';
import type { Exec } from '../driver/system.ts';
import { accountName, type Account, type AccountFile } from './accounts.ts';
import { isLoopback, networkOf } from './address.ts';
import { decryptWith, parsePublicKey, type KeyFile } from './keys.ts';
import type { Lockout } from './lockout.ts';
import { checkPassword } from './password.ts';
import {
  checkSystemPassword,
  levelOfSystemAccount,
  type Level,
  type SystemAccountRules,
} from './system-accounts.ts';

export interface Principal {
  readonly user: string;
  readonly level: Level;
  readonly by: 'account' | 'system' | 'one-time';
  /** Of an account: what it was when it logged in; it ends when that changes. */
  readonly stamp?: string;
  /** The key that logged in; its revocation ends the session. */
  readonly key?: string;
  /** Of an account: which of those that were called so, one after the other. Absent: not one of ours. */
  readonly holder?: string;
}

export interface LoginParts {
  readonly exec: Exec;
  readonly accounts: AccountFile;
  readonly keys: KeyFile;
  readonly byAddress: Lockout;
  readonly byAccount: Lockout;
  readonly now: () => number;
  readonly sessionMs: number;
  readonly passwords: boolean;
  /** Absent when accounts of the host are not asked. */
  readonly system?: SystemAccountRules;
  /** Whether passwords of the host's accounts can be checked; without it their keys log in all the same. */
  readonly pam: boolean;
}

const stampOf = (account: Account): string => `${account.role} ${account.changed}`;

const toPrincipal = (account: Account): Principal => ({
  user: account.name,
  level: account.role === 'admin' ? 'full' : 'limited',
  by: 'account',
  stamp: stampOf(account),
  holder: account.made ?? '',
});

/** An account at a place. All addresses of this host are one: whoever is here has them all. */
const placeOf = (user: string, address: string): string =>
  JSON.stringify([user, isLoopback(address) ? 'here' : networkOf(address)]);

const maxNameCharacters = 256;
const maxPasswordCharacters = 4096;
const maxRemembered = 1024;
const systemMs = 300_000;
const levelMs = 60_000;

export class Login {
  private readonly parts: LoginParts;
  private oneTime: { token: Buffer; untilMs: number } | undefined;
  /**
   * Names and passwords that were right lately, as a keyed digest of the whole pair, so that REST does
   * not spend a tenth of a second on every request. Only exactly the same pair finds itself again.
   */
  private readonly remembered = new Map<
    string,
    { principal: Principal; lastUseMs: number; sinceMs: number }
  >();
  private readonly secret = randomBytes(32);
  /** Pairs that are checked just now: programs that begin together share one check. */
  private readonly checking = new Map<string, Promise<Principal | undefined>>();
  /** Accounts and the networks they logged in from, the latest last. */
  private readonly familiar = new Set<string>();
  private readonly levels = new Map<string, { level: Level | undefined; sinceMs: number }>();

  constructor(parts: LoginParts) {
    this.parts = parts;
  }

  /** A token that logs in once, with full access, within a time. */
  allowOnce(token: string, lifeMs: number): void {
    this.oneTime = { token: Buffer.from(token), untilMs: this.parts.now() + lifeMs };
  }

  isLockedOut(address: string): boolean {
    return this.parts.byAddress.isLocked(networkOf(address));
  }

  /**
   * What failures of an account are counted by: a place that it logged in from has a count of its own, and so has
   * this host. Otherwise a few guesses from anywhere would lock out those who work there.
   */
  private counted(user: string, address: string): string {
    const at = placeOf(user, address);
    return isLoopback(address) || this.familiar.has(at) ? at : JSON.stringify([user]);
  }

  private isAccountLocked(user: string, address: string): boolean {
    return this.parts.byAccount.isLocked(this.counted(user, address));
  }

  async password(user: string, password: string, address: string): Promise<Principal | undefined> {
    if (user === '' || user.length > maxNameCharacters || password.length > maxPasswordCharacters)
      return this.settle(undefined, '', address);
    // Who guesses is refused before anything is computed; who is locked out learns nothing new.
    if (!this.parts.passwords || this.isAccountLocked(user, address) || this.isLockedOut(address))
      return this.settle(undefined, user, address);
    const digest = createHmac('sha256', this.secret)
      .update(JSON.stringify([user, password]))
      .digest('hex');
    const known = await this.recall(digest);
    if (known !== undefined) return known;
    const found = await this.checkOnce(digest, user, password);
    // Guesses that were begun side by side count too: a lock-out that came meanwhile holds for this one.
    const isLate = this.isAccountLocked(user, address) || this.isLockedOut(address);
    const principal = isLate ? undefined : found;
    if (principal !== undefined) this.remember(digest, principal);
    return this.settle(principal, user, address);
  }

  private async checkOnce(digest: string, user: string, password: string): Promise<Principal | undefined> {
    const under = this.checking.get(digest) ?? this.checkPassword(user, password);
    this.checking.set(digest, under);
    try {
      return await under;
    } finally {
      this.checking.delete(digest);
    }
  }

  private async checkPassword(user: string, password: string): Promise<Principal | undefined> {
    const { accounts, system, exec, pam } = this.parts;
    const account = await accounts.find(user);
    // An account of the server's own hides one of the host that is called the same.
    if (account === undefined && system !== undefined && pam && accountName.test(user)) {
      const level = await levelOfSystemAccount(exec, user, system);
      if (level !== undefined) {
        const right = await checkSystemPassword(exec, user, password, system);
        return right ? { user, level, by: 'system' } : undefined;
      }
    }
    const right = await checkPassword(password, account?.password);
    return right && account !== undefined ? toPrincipal(account) : undefined;
  }

  /**
   * The holder of a key that encrypted `expected`.
   *
   * @param encrypted base64 of the encrypted text
   */
  async key(
    encrypted: string,
    expected: string | undefined,
    address: string,
  ): Promise<Principal | undefined> {
    if (expected === undefined || encrypted.length > 4096 || this.isLockedOut(address))
      return this.settle(undefined, '', address);
    const bytes = Buffer.from(encrypted, 'base64');
    for (const [user, encoded, { holder }] of this.parts.keys.list()) {
      const key = parsePublicKey(encoded);
      const text = key === undefined ? undefined : decryptWith(key, bytes);
      if (text === undefined || !sameText(text, expected)) continue;
      const principal = await this.standing(user);
      // A key is no login for the next one who is called so.
      if (principal?.holder !== holder) return this.settle(undefined, user, address);
      return this.settle(principal && { ...principal, key: encoded }, user, address);
    }
    return this.settle(undefined, '', address);
  }

  /** What a user may do today, whoever vouches for him. */
  private async standing(user: string): Promise<Principal | undefined> {
    const account = await this.parts.accounts.find(user);
    if (account !== undefined) return toPrincipal(account);
    if (this.parts.system === undefined) return undefined;
    const level = await levelOfSystemAccount(this.parts.exec, user, this.parts.system);
    return level === undefined ? undefined : { user, level, by: 'system' };
  }

  /**
   * The account that a TLS client certificate belongs to; TLS has proved that the peer holds its key.
   *
   * @param trusted whether the configured authority signed it
   */
  async certificate(certificate: X509Certificate, trusted: boolean): Promise<Principal | undefined> {
    const now = this.parts.now();
    if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now) return undefined;
    const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
    const accounts = await this.parts.accounts.all();
    const pinned = accounts.find((account) => account.certificates.includes(fingerprint));
    if (pinned !== undefined) return toPrincipal(pinned);
    if (!trusted) return undefined;
    const names = certificate.subject.split('\n').filter((line) => line.startsWith('CN='));
    const named = accounts.find((account) => names.length === 1 && names[0] === `CN=${account.name}`);
    return named && toPrincipal(named);
  }

  /** The one-time token of the first start; it is gone after this, and after its time. */
  once(token: string): Principal | undefined {
    if (this.oneTime === undefined) return undefined;
    if (this.parts.now() > this.oneTime.untilMs) this.oneTime = undefined;
    else if (sameText(token, this.oneTime.token.toString())) {
      this.oneTime = undefined;
      return { user: 'one-time', level: 'full', by: 'one-time' };
    }
    return undefined;
  }

  /** Whether somebody who logged in earlier may still be here: the account as it was, the key not revoked. */
  async isStill(principal: Principal): Promise<boolean> {
    if (principal.key !== undefined && !this.parts.keys.has(principal.user, principal.key)) return false;
    if (principal.by === 'system') return (await this.systemLevel(principal.user)) === principal.level;
    if (principal.by === 'one-time') return true;
    const account = await this.parts.accounts.find(principal.user);
    return account !== undefined && stampOf(account) === principal.stamp;
  }

  /** What an account of the host may do, as id(1) said within the last minute. */
  private async systemLevel(user: string): Promise<Level | undefined> {
    const { system, exec, now } = this.parts;
    if (system === undefined) return undefined;
    const known = this.levels.get(user);
    if (known !== undefined && now() - known.sinceMs < levelMs) return known.level;
    const level = await levelOfSystemAccount(exec, user, system);
    // Only those who logged in come here, so this stays as small as the host's list of accounts.
    this.levels.set(user, { level, sinceMs: now() });
    return level;
  }

  /** Counts how a login ended. An address of this host is never locked out: that would lock out its owner. */
  settle(principal: Principal | undefined, user: string, address: string): Principal | undefined {
    const { byAddress, byAccount } = this.parts;
    const [network, account] = [networkOf(address), this.counted(user, address)];
    if (principal !== undefined) {
      byAddress.succeeded(network);
      byAccount.succeeded(account);
      this.becomesFamiliar(placeOf(user, address));
    } else {
      if (!isLoopback(address)) byAddress.failed(network);
      if (user !== '' && !byAccount.isLocked(account)) byAccount.failed(account);
    }
    return principal;
  }

  private becomesFamiliar(place: string): void {
    this.familiar.delete(place);
    this.familiar.add(place);
    if (this.familiar.size <= maxRemembered) return;
    const [oldest] = this.familiar;
    if (oldest !== undefined) this.familiar.delete(oldest);
  }

  private async recall(digest: string): Promise<Principal | undefined> {
    const found = this.remembered.get(digest);
    if (found === undefined) return undefined;
    const now = this.parts.now();
    // A password of the host may change without a word to us: PAM is asked again now and then.
    const isStale = found.principal.by === 'system' && now - found.sinceMs > systemMs;
    const isOver = isStale || now - found.lastUseMs > this.parts.sessionMs;
    const stands = !isOver && (await this.isStill(found.principal));
    // Only now: requests that come meanwhile with the same pair shall find it too.
    this.remembered.delete(digest);
    if (!stands) return undefined;
    this.remembered.set(digest, { ...found, lastUseMs: now });
    return found.principal;
  }

  private remember(digest: string, principal: Principal): void {
    const now = this.parts.now();
    this.remembered.set(digest, { principal, lastUseMs: now, sinceMs: now });
    if (this.remembered.size <= maxRemembered) return;
    const [oldest] = this.remembered.keys();
    if (oldest !== undefined) this.remembered.delete(oldest);
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

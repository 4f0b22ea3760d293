/**
 * Public keys that log in (rpc/auth_ssl), by user, as rpc/settings registers them. A file of the
 * server's alone. A key is the base64 of its PEM text, as clients send it.
 */
import { createHash, createPublicKey, publicDecrypt, constants, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import type { Files } from '../driver/system.ts';
import { makeServeDirectory } from './accounts.ts';
import { failure } from '../domain/errors.ts';

export interface KeyFacts {
  readonly nickname: string;
  readonly email: string;
  readonly registered: string;
  /** Which account of that name it is the key of; undefined: an account of the host. */
  readonly holder?: string | undefined;
}

const facts = z.object({
  nickname: z.string(),
  email: z.string(),
  registered: z.string(),
  holder: z.string().optional(),
});
const file = z.object({ users: z.record(z.string(), z.record(z.string(), facts)) });

const maxKeyCharacters = 8192;
const maxWordCharacters = 200;
const maxKeysPerUser = 32;
const leastBits = 2048;

export const keysPath = (state: string): string => `${state}/serve/keys.json`;

/** The key of its base64 text; undefined when it is no RSA key, or one that is too short. */
export function parsePublicKey(encoded: string): KeyObject | undefined {
  if (encoded === '' || encoded.length > maxKeyCharacters || !/^[A-Za-z0-9+/=]+$/.test(encoded))
    return undefined;
  try {
    const key = createPublicKey(Buffer.from(encoded, 'base64').toString('utf8'));
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return key.asymmetricKeyType === 'rsa' && bits >= leastBits ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The text that the private half of a key encrypted (PKCS#1 v1.5 type 1, no hash); undefined when it did not. */
export function decryptWith(key: KeyObject, encrypted: Buffer): string | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, encrypted).toString('latin1');
  } catch {
    return undefined;
  }
}

export class KeyFile {
  private users = new Map<string, Map<string, KeyFacts>>();
  private writing: Promise<void> = Promise.resolve();
  private readonly files: Files;
  private readonly path: string;
  constructor(files: Files, path: string) {
    this.files = files;
    this.path = path;
  }

  async load(): Promise<void> {
    const text = await this.files.read(this.path);
    if (text === undefined) return;
    try {
      const { users } = file.parse(JSON.parse(text));
      this.users = new Map(
        Object.entries(users).map(([user, keys]) => [user, new Map(Object.entries(keys))]),
      );
    } catch {
      throw failure('BAD_SETTING', { place: this.path, why: 'it is not a file of keys' });
    }
  }

  /** False when the key is of no use. */
  async register(user: string, encoded: string, given: KeyFacts): Promise<boolean> {
    if (parsePublicKey(encoded) === undefined) return false;
    const keys = this.users.get(user) ?? new Map<string, KeyFacts>();
    if (keys.size >= maxKeysPerUser && !keys.has(encoded)) return false;
    const short = (text: string): string => text.replace(/[\0-\x1f]/g, ' ').slice(0, maxWordCharacters);
    keys.set(encoded, { ...given, nickname: short(given.nickname), email: short(given.email) });
    this.users.set(user, keys);
    await this.save();
    return true;
  }

  /** False when that user has no such key. */
  async revoke(user: string, encoded: string): Promise<boolean> {
    const keys = this.users.get(user);
    if (keys === undefined || !keys.delete(encoded)) return false;
    if (keys.size === 0) this.users.delete(user);
    await this.save();
    return true;
  }

  has(user: string, encoded: string): boolean {
    return this.users.get(user)?.has(encoded) === true;
  }

  list(): readonly (readonly [user: string, encoded: string, facts: KeyFacts])[] {
    return [...this.users].flatMap(([user, keys]) =>
      [...keys].map(([encoded, facts]) => [user, encoded, facts] as const),
    );
  }

  /** Base64 of the MD5 of each key's PEM text: names of keys for clients, nothing is proved by them. */
  checksums(): readonly string[] {
    return this.list().map(([, encoded]) =>
      createHash('md5').update(Buffer.from(encoded, 'base64')).digest('base64'),
    );
  }

  private save(): Promise<void> {
    const users = Object.fromEntries(
      [...this.users].map(([user, keys]) => [user, Object.fromEntries(keys)] as const),
    );
    const text = `${JSON.stringify({ users }, null, 2)}\n`;
    const write = async (): Promise<void> => {
      await makeServeDirectory(this.files, this.path);
      await this.files.write(this.path, text, { mode: 0o600 });
    };
    const done = this.writing.then(write);
    // One failed write is told to its caller and does not stop the later ones.
    this.writing = done.catch(() => undefined);
    return done;
  }
}

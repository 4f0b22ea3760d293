/**
 * Passwords as they are kept: scrypt with its parameters in the text, so that a later version may
 * choose stronger ones. Checking takes a tenth of a second and 32 MiB on purpose; only a few run at
 * once, and what waits is bounded, so that guessing cannot take the machine's memory or time.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { ApiError } from './api-error.ts';

export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** One of the parameter sets that OWASP's password storage sheet gives. */
const usualCost: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };
const keyBytes = 32;
const maxRunning = 2;
const maxWaiting = 64;

function derive(password: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  // Two spellings of one accented letter are one password.
  const text = password.normalize('NFC');
  return new Promise((resolve, reject) => {
    scrypt(text, salt, keyBytes, { ...cost, maxmem: 256 * cost.N * cost.r }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

export async function hashPassword(password: string, cost: ScryptCost = usualCost): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), key.toString('base64')].join('$');
}

interface Hash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

function parseHash(text: string): Hash | undefined {
  const match = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(text);
  if (match === null) return undefined;
  const [N, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
  const powerOfTwo = N >= 2 && N <= 2 ** 20 && (N & (N - 1)) === 0;
  if (!powerOfTwo || r < 1 || r > 32 || p < 1 || p > 16) return undefined;
  const key = Buffer.from(match[5]!, 'base64');
  return key.length === keyBytes
    ? { cost: { N, r, p }, salt: Buffer.from(match[4]!, 'base64'), key }
    : undefined;
}

/** Whether a text is a hash that `checkPassword` can use. */
export const isPasswordHash = (text: string): boolean => parseHash(text) !== undefined;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= maxRunning) {
    if (waiting.length >= maxWaiting) throw new ApiError(503);
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

/**
 * Compares in constant time. Without a hash (no such account, or one without a password) as much is
 * computed, and the answer is no: how long it takes does not tell who has an account.
 *
 * @throws ApiError 503 when too many checks wait
 */
export async function checkPassword(password: string, hash: string | undefined): Promise<boolean> {
  const kept = hash === undefined ? undefined : parseHash(hash);
  const { cost, salt, key } = kept ?? {
    cost: usualCost,
    salt: Buffer.alloc(16),
    key: Buffer.alloc(keyBytes),
  };
  const same = await inTurn(async () => timingSafeEqual(await derive(password, salt, cost), key));
  return same && kept !== undefined;
}

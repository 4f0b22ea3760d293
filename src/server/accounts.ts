/**
 * The server's own accounts: a file that `iocage user` writes and a running server reads again when
 * it changed. Holds hashes and fingerprints, no secrets that log in; mode 0600 all the same.
 */
import * as z from 'zod';
import type { Files } from '../driver/system.ts';
import { failure } from '../domain/errors.ts';
import { isPasswordHash } from './password.ts';

export const accountName = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

const account = z.object({
  name: z.string().regex(accountName),
  role: z.enum(['admin', 'operator']),
  password: z.string().refine(isPasswordHash).optional(),
  /** SHA-256 fingerprints of TLS client certificates, lower-case hexadecimal. */
  certificates: z.array(z.string().regex(/^[0-9a-f]{64}$/)).default([]),
  /** Of this account alone: the next one of the same name has another, and gets nothing that was this one's. */
  made: z.string().optional(),
  /** Changed with every password, so that sessions of the old one end. */
  changed: z.string(),
});
export type Account = z.output<typeof account>;

const file = z.object({ accounts: z.array(account) });

export const accountsPath = (state: string): string => `${state}/serve/accounts.json`;

/** @throws BAD_SETTING when the file is not what this program wrote: nobody is let in by guesswork */
export async function readAccounts(files: Files, path: string): Promise<readonly Account[]> {
  const text = await files.read(path);
  if (text === undefined) return [];
  try {
    return file.parse(JSON.parse(text)).accounts;
  } catch {
    throw failure('BAD_SETTING', { place: path, why: 'it is not a file of accounts' });
  }
}

/** For a file of the server's own: its directory, for root alone; what is above it is as for the rest of the program. */
export async function makeServeDirectory(files: Files, path: string): Promise<void> {
  const directory = path.slice(0, path.lastIndexOf('/'));
  await files.mkdir(directory.slice(0, directory.lastIndexOf('/')));
  await files.mkdir(directory, { mode: 0o700 });
}

export const accountsText = (accounts: readonly Account[]): string =>
  `${JSON.stringify({ accounts }, null, 2)}\n`;

export async function writeAccounts(files: Files, path: string, accounts: readonly Account[]): Promise<void> {
  await makeServeDirectory(files, path);
  await files.write(path, accountsText(accounts), { mode: 0o600 });
}

/** The accounts as they are now: one `stat` a call, the file is read again only when it changed. */
export class AccountFile {
  private stamp = '';
  private held: readonly Account[] = [];
  private readonly files: Files;
  private readonly path: string;
  constructor(files: Files, path: string) {
    this.files = files;
    this.path = path;
  }

  async all(): Promise<readonly Account[]> {
    const facts = this.files.statNow(this.path);
    const stamp = facts === undefined ? 'none' : `${facts.mtimeMs} ${facts.sizeBytes}`;
    if (stamp !== this.stamp) {
      this.held = await readAccounts(this.files, this.path);
      this.stamp = stamp;
    }
    return this.held;
  }

  async find(name: string): Promise<Account | undefined> {
    return (await this.all()).find((account) => account.name === name);
  }
}

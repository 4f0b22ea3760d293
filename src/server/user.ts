/** `iocage user`: the server's own accounts. A running server sees the change with the next request. */
import { X509Certificate, randomBytes } from 'node:crypto';
import { failure } from '../domain/errors.ts';
import type { Context } from '../ops/context.ts';
import { accountName, accountsPath, readAccounts, writeAccounts, type Account } from './accounts.ts';
import { askPassword } from './ask-password.ts';
import { hashPassword } from './password.ts';

export type Role = Account['role'];

export type UserInput =
  | {
      readonly verb: 'add';
      readonly name: string;
      readonly role: Role;
      readonly certificate?: string | undefined;
    }
  | { readonly verb: 'passwd' | 'remove'; readonly name: string };

export interface ListedAccount {
  readonly name: string;
  readonly role: Role;
  readonly password: boolean;
  readonly certificates: readonly string[];
}

const lockWaitMs = 10_000;
const leastCharacters = 8;
const mostCharacters = 1024;

export async function listAccounts({ files, paths }: Context): Promise<readonly ListedAccount[]> {
  const accounts = await readAccounts(files, accountsPath(paths.state));
  return accounts.map(({ name, role, password, certificates }) => ({
    name,
    role,
    password: password !== undefined,
    certificates,
  }));
}

async function askedHash(name: string): Promise<string> {
  const password = await askPassword(name);
  if (password.length < leastCharacters || password.length > mostCharacters)
    throw failure('USAGE', {
      problem: `a password has from ${leastCharacters} to ${mostCharacters} characters`,
      command: 'user',
    });
  return hashPassword(password);
}

async function fingerprintOf({ files }: Context, path: string): Promise<string> {
  const text = await files.read(path);
  try {
    if (text === undefined) throw new Error('it is not there');
    return new X509Certificate(text).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch (error) {
    throw failure('CERTIFICATE_FAILED', { path, why: (error as Error).message }, { cause: error });
  }
}

/** Makes, changes or removes an account; answers the line that says so. */
export async function changeAccounts(context: Context, input: UserInput): Promise<string> {
  const { files, locks, paths } = context;
  const path = accountsPath(paths.state);
  const { verb, name } = input;
  const changed = randomBytes(8).toString('hex');
  if (!accountName.test(name))
    throw failure('INVALID_NAME', {
      what: 'account',
      name,
      problem: 'it begins with a letter and has up to 32 letters, digits, and ._-',
    });
  const found = (accounts: readonly Account[]): Account => {
    const account = accounts.find((other) => other.name === name);
    if (account === undefined) throw failure('ACCOUNT_NOT_FOUND', { name });
    return account;
  };
  const refuse = (accounts: readonly Account[]): void => {
    if (accounts.some((other) => other.name === name)) throw failure('ACCOUNT_EXISTS', { name });
  };
  // Nobody types a password for something that is refused afterwards; asking holds no lock.
  const before = await readAccounts(files, path);
  let change: (accounts: readonly Account[]) => readonly Account[];
  let says: string;
  if (verb === 'add') {
    refuse(before);
    const { role, certificate } = input;
    const proof =
      certificate === undefined
        ? { password: await askedHash(name), certificates: [] }
        : { certificates: [await fingerprintOf(context, certificate)] };
    change = (accounts) => {
      refuse(accounts);
      return [...accounts, { name, role, made: changed, changed, ...proof }];
    };
    says = `account ${name} (${role}) was made`;
  } else if (verb === 'passwd') {
    found(before);
    const password = await askedHash(name);
    change = (accounts) => {
      const account = found(accounts);
      return accounts.map((other) => (other === account ? { ...other, password, changed } : other));
    };
    says = `the password of ${name} was changed; who used the old one is logged out`;
  } else {
    change = (accounts) => {
      const account = found(accounts);
      return accounts.filter((other) => other !== account);
    };
    says = `account ${name} was removed; it is logged out`;
  }
  const held = await locks.take(['accounts'], `user ${verb}`, lockWaitMs);
  try {
    await writeAccounts(files, path, change(await readAccounts(files, path)));
  } finally {
    await held.release();
  }
  return says;
}

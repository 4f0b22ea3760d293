/**
 * Accounts of the host: the groups of id(1) say what they may do, and pamtester(1), where it is
 * installed, checks a password. The password goes through standard input, never into an argument.
 */
import type { Exec } from '../driver/system.ts';
import { IocageError } from '../domain/errors.ts';
import { accountName } from './accounts.ts';

export type Level = 'full' | 'limited';

export interface SystemAccountRules {
  readonly service: string;
  readonly fullGroups: readonly string[];
  readonly limitedGroups: readonly string[];
}

const timeoutMs = 30_000;

/** Undefined: no such account, or none that may log in. */
export async function levelOfSystemAccount(
  exec: Exec,
  user: string,
  rules: SystemAccountRules,
): Promise<Level | undefined> {
  if (!accountName.test(user)) return undefined;
  if (user === 'root' || user === 'toor') return 'full';
  const { status, stdout } = await exec.read(['id', '-nG', '--', user], { accept: 'any', timeoutMs });
  if (status !== 0) return undefined;
  const groups = stdout.trim().split(/\s+/);
  if (groups.some((group) => rules.fullGroups.includes(group))) return 'full';
  return groups.some((group) => rules.limitedGroups.includes(group)) ? 'limited' : undefined;
}

/** Whether PAM takes the password and the account is neither locked nor expired. */
export async function checkSystemPassword(
  exec: Exec,
  user: string,
  password: string,
  rules: SystemAccountRules,
): Promise<boolean> {
  // A line's end would begin a second answer to PAM's questions.
  if (!accountName.test(user) || password === '' || /[\0\r\n]/.test(password)) return false;
  try {
    const argv = ['pamtester', rules.service, user, 'authenticate', 'acct_mgmt'];
    const { status } = await exec.read(argv, { input: `${password}\n`, accept: 'any', timeoutMs });
    return status === 0;
  } catch (error) {
    if (error instanceof IocageError && error.code === 'MISSING_TOOL') return false;
    throw error;
  }
}

export async function hasPam(exec: Exec): Promise<boolean> {
  try {
    await exec.read(['pamtester'], { accept: 'any', timeoutMs });
    return true;
  } catch {
    return false;
  }
}

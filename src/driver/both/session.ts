/** Who a session in a jail is, and the terminal that it has: what both kernels' drivers ask before they open one. */
import { isatty } from 'node:tty';
import type { Clock, Exec, Files, Paths } from '../system.ts';
import type { ExecOptions, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { findHostUser, findJailUser, root } from './accounts.ts';
import { findUser, type User } from './users.ts';

export interface Terminal {
  /** True when input and output are a terminal. */
  readonly interactive: boolean;
  readonly term: string;
  /** What `exec_clean=0` passes on, and `exec -p` in part. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What a driver needs of the machine. */
export interface HostDoors {
  readonly exec: Exec;
  readonly files: Files;
  readonly clock: Clock;
  readonly paths: Paths;
  /** Default: what this process has. */
  readonly terminal?: Terminal;
}

export function ownTerminal(): Terminal {
  return {
    // Not by `process.stdin`: whoever asks it opens it, in a program that uses the library too.
    interactive: isatty(0) && isatty(1),
    term: process.env['TERM'] ?? 'dumb',
    environment: Object.fromEntries(Object.entries(process.env).map(([key, value]) => [key, value ?? ''])),
  };
}

/** Root's own home and shell in the jail, when it says. */
export async function rootOf(files: Files, jail: JailSpec): Promise<User> {
  const passwd = await files.readBelow(jail.root, '/etc/passwd').catch(() => undefined);
  const found = findUser(passwd ?? '', '', 'root');
  return found === undefined ? root : { ...found, uid: 0, gid: 0 };
}

export async function userOf(
  files: Files,
  jail: JailSpec,
  { jailUser, hostUser }: ExecOptions,
): Promise<User> {
  // COMPAT: the original knows users by name only; root needs no data base.
  const name = jailUser ?? hostUser;
  if (name === undefined) return rootOf(files, jail);
  const user = await (jailUser === undefined ? findHostUser(files, name) : findJailUser(files, jail, name));
  if (user !== undefined) return user;
  const where = jailUser === undefined ? 'the host' : 'the jail';
  throw failure('INVALID_NAME', { what: 'user', name, problem: `${where} has no such user` });
}

/** The variables of Python iocage's `exec -p`, in the spelling that the caller has. */
export function proxyOf(environment: Terminal['environment']): Record<string, string> {
  const names = /^(?:https?_proxy|http_proxy_auth|ftp_proxy|all_proxy|no_proxy)$/i;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => names.test(name)));
}

export const termOf = (term: string): string => (/^[\w.+-]{1,40}$/.test(term) ? term : 'dumb');

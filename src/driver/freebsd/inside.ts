/**
 * Commands in a running jail, by jexec(8), each under the routing table that `exec_fib` names. Pure.
 *
 * jexec is run without -l: our own door to processes never passes the caller's environment on, so that what a
 * program of the jail sees is said here. With -l, PATH would be /bin:/usr/bin alone.
 */
import { isOn } from '../../domain/config.ts';
import { termOf } from '../both/session.ts';
import type { User } from '../both/users.ts';
import { jailName } from './names.ts';

export const jailPath = '/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/root/bin';

export interface Inside {
  readonly uuid: string;
  readonly config: ReadonlyMap<string, string>;
}

/**
 * `setfib N` where another table than the first is asked for. A network stack of a jail's own begins with one table
 * (vnet_rtables_init() of route_tables.c), and jail_attach(2) leaves a process the number that it came with: one with
 * another number takes the whole host down with its first socket there. So the caller's own does not go in either.
 */
export function fibPrefix(config: ReadonlyMap<string, string>): readonly string[] {
  if (isOn(config, 'vnet')) return ['setfib', '0'];
  const fib = config.get('exec_fib') ?? '0';
  return fib === '0' ? [] : ['setfib', fib];
}

/** `-U`: looked up in the jail; `-u`: on the host. */
export interface AsUser {
  readonly jailUser?: string;
  readonly hostUser?: string;
}

export function jexec({ uuid, config }: Inside, argv: readonly string[], as: AsUser = {}): readonly string[] {
  const user =
    as.jailUser !== undefined ? ['-U', as.jailUser] : as.hostUser !== undefined ? ['-u', as.hostUser] : [];
  return [...fibPrefix(config), 'jexec', ...user, jailName(uuid), ...argv];
}

/**
 * A program by name, or one that runs in another directory than the root: the jail's shell looks for it, and
 * says with 126 and 127 what jexec would tell with 1. An absolute path needs no shell. The lines are fixed texts; the
 * directory and the program come as arguments, never as a part of them.
 */
export function through(argv: readonly string[], cwd: string | undefined): readonly string[] {
  if (cwd === undefined || cwd === '/') {
    return argv[0]?.startsWith('/') ? argv : ['/bin/sh', '-c', 'exec "$@"', 'sh', ...argv];
  }
  return ['/bin/sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', cwd, ...argv];
}

export function userEnvironment(user: User, term: string): Readonly<Record<string, string>> {
  return {
    PATH: jailPath,
    HOME: user.home,
    TERM: termOf(term),
    USER: user.name,
    LOGNAME: user.name,
    SHELL: user.shell,
  };
}

/**
 * Programs in a running jail on the caller's terminal: exec, console, and chroot into a root that need not
 * run. The environment is made anew; nothing of the caller's but TERM goes in. See jexec(8), login(1).
 */
import type { Exec, ExitStatus, Files, Paths } from '../system.ts';
import type { ExecOptions, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { proxyOf, rootOf, userOf, type Terminal } from '../both/session.ts';
import { consoleOf, keepConsole } from './console.ts';
import { jexec, through, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';

export function sessions(exec: Exec, files: Files, paths: Paths, terminal: Terminal) {
  async function assertUp(jail: JailSpec): Promise<void> {
    if (rowOf(await readJails(exec), jail) === undefined) throw failure('NOT_RUNNING', { name: jail.tag });
    await keepConsole(exec, files, consoleOf(paths, jail));
  }

  /** jexec says 1 for a program that is not there; a path that can be looked at from here needs no guess. */
  async function isMissing(jail: JailSpec, program: string): Promise<boolean> {
    if (!program.startsWith('/')) return false;
    return (await files.statBelow(jail.root, program.slice(1)).catch(() => 'unknown' as const)) === undefined;
  }

  return {
    async exec(jail: JailSpec, argv: readonly string[], options: ExecOptions): Promise<ExitStatus> {
      if (argv.length === 0) throw failure('USAGE', { problem: 'no command given', command: 'exec' });
      await assertUp(jail);
      const user = await userOf(files, jail, options);
      if (await isMissing(jail, argv[0]!)) return 127;
      const { onOutput, signal, jailUser, hostUser } = options;
      const outside = onOutput === undefined ? terminal.environment : {};
      const env = {
        ...(jail.config.get('exec_clean') === '0' ? outside : {}),
        ...(options.keepProxy === true ? proxyOf(outside) : {}),
        ...userEnvironment(user, terminal.term),
        ...options.env,
      };
      const as = {
        ...(jailUser === undefined ? {} : { jailUser }),
        ...(hostUser === undefined ? {} : { hostUser }),
      };
      return exec.session(jexec(jail, through(argv, options.cwd), as), {
        env,
        ...(onOutput === undefined ? {} : { onOutput }),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    async console(jail: JailSpec): Promise<ExitStatus> {
      await assertUp(jail);
      const user = await rootOf(files, jail);
      const flags = (jail.config.get('login_flags') ?? '-f root').split(/\s+/).filter((word) => word !== '');
      // login(1) needs a terminal; a script that feeds a console gets the shell.
      const login = terminal.interactive && !(await isMissing(jail, '/usr/bin/login'));
      const argv = login ? ['login', ...flags] : [user.shell, '-l'];
      return exec.session(jexec(jail, argv), { env: userEnvironment(user, terminal.term) });
    },
    async chroot(jail: JailSpec, argv: readonly string[]): Promise<ExitStatus> {
      if (argv.length === 0) throw failure('USAGE', { problem: 'no command given', command: 'chroot' });
      return exec.session(['chroot', jail.root, ...argv]);
    },
  };
}

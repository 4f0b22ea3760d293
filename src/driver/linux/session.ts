/**
 * Programs in a running jail on the caller's terminal: exec, console, and chroot into a root that
 * need not run. The environment is made anew; nothing of the caller's but TERM goes in.
 * See crun-exec(1), chroot(8), login(1).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Exec, ExitStatus, Files, OutputSink, Paths, SessionOptions } from '../system.ts';
import type { ExecOptions, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { proxyOf, rootOf, termOf, userOf, type Terminal } from '../both/session.ts';
import { jailConsole } from '../both/console.ts';
import { keepConsole } from './console.ts';
import { limited } from './limits-steps.ts';
import { placesOf } from './names.ts';
import { jailPath, ociProcess, type OciProcess } from './oci.ts';
import { crun } from './runtime-command.ts';
import { isAlive, readState } from './state.ts';
import type { User } from '../both/users.ts';

function environmentOf(
  jail: JailSpec,
  user: User,
  terminal: Terminal,
  more: Readonly<Record<string, string>>,
  keepProxy: boolean,
): readonly string[] {
  return Object.entries({
    ...(jail.config.get('exec_clean') === '0' ? terminal.environment : {}),
    ...(keepProxy ? proxyOf(terminal.environment) : {}),
    PATH: jailPath,
    HOME: user.home,
    TERM: termOf(terminal.term),
    USER: user.name,
    LOGNAME: user.name,
    SHELL: user.shell,
    ...more,
  }).map(([key, value]) => `${key}=${value}`);
}

function processOf(
  jail: JailSpec,
  user: User,
  argv: readonly string[],
  options: ExecOptions,
  terminal: Terminal,
): OciProcess {
  return ociProcess(jail.config, {
    terminal: terminal.interactive,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args: argv,
    env: environmentOf(jail, user, terminal, options.env ?? {}, options.keepProxy === true),
    cwd: options.cwd ?? '/',
  });
}

/**
 * The runtime answers 255 both for its own failures and for a program's; its log tells which. A shell
 * would say 127 for a program that is not there and 126 for one that cannot be run.
 */
export function statusFrom(status: ExitStatus, runtimeLog: string): ExitStatus {
  if (status !== 255 || runtimeLog === '') return status;
  if (/not found|No such file or directory/.test(runtimeLog)) return 127;
  return /open executable|[Pp]ermission denied|not permitted|format error/.test(runtimeLog) ? 126 : 255;
}

/**
 * The runtime says on standard error too why it could not run the program, as the last that is said there;
 * that is no output of the program, and the status tells it.
 */
function withoutRuntime(take: OutputSink): { readonly sink: OutputSink; end(said: string): void } {
  let held = '';
  const pass = (): void => {
    if (held !== '') take(held, 'stderr');
    held = '';
  };
  return {
    sink(text, stream) {
      pass();
      if (stream === 'stderr') held = text;
      else take(text, stream);
    },
    end(said) {
      const message = held.trim().split('\n').at(-1)!;
      if (said === '' || message === '' || !said.includes(message)) pass();
    },
  };
}

export interface Sessions {
  exec(jail: JailSpec, argv: readonly string[], options: ExecOptions): Promise<ExitStatus>;
  console(jail: JailSpec): Promise<ExitStatus>;
  chroot(jail: JailSpec, argv: readonly string[]): Promise<ExitStatus>;
}

export function sessions(exec: Exec, files: Files, paths: Paths, terminal: Terminal): Sessions {
  async function run(jail: JailSpec, process: OciProcess, how: SessionOptions = {}): Promise<ExitStatus> {
    const places = placesOf(paths, jail.pool, jail.uuid);
    const state = await readState(files, places.state);
    if (!(await isAlive(files, state))) throw failure('NOT_RUNNING', { name: jail.tag });
    await keepConsole(exec, files, jailConsole(places.bundle, jail.consoleLog));
    // Several sessions may run in one jail.
    const name = randomBytes(6).toString('hex');
    const file = join(places.bundle, `process-${name}.json`);
    const log = join(places.bundle, `process-${name}.log`);
    await files.write(file, JSON.stringify(await limited(files, process, state)), { mode: 0o600 });
    const words = how.onOutput === undefined ? undefined : withoutRuntime(how.onOutput);
    try {
      const status = await exec.session(crun(places, '--log', log, 'exec', '--process', file, places.id), {
        ...how,
        ...(words === undefined ? {} : { onOutput: words.sink }),
      });
      const said = status === 255 ? ((await files.read(log)) ?? '') : '';
      words?.end(said);
      return statusFrom(status, said);
    } finally {
      await files.remove(file);
      await files.remove(log);
    }
  }

  /** A path through a link cannot be looked at from here; the usual other place of it then tells. */
  const exists = async (jail: JailSpec, ...candidates: readonly string[]): Promise<boolean> => {
    for (const path of candidates) {
      if (await files.statBelow(jail.root, path).catch(() => undefined)) return true;
    }
    return false;
  };

  /** login(1) sets the audit identity, which a caller that has one already may not pass on. */
  async function loginWorks(jail: JailSpec): Promise<boolean> {
    const identity = (await files.read('/proc/self/loginuid').catch(() => undefined))?.trim();
    return (
      (identity === undefined || identity === '4294967295') && exists(jail, 'bin/login', 'usr/bin/login')
    );
  }

  return {
    async exec(jail, argv, options) {
      if (argv.length === 0) throw failure('USAGE', { problem: 'no command given', command: 'exec' });
      const user = await userOf(files, jail, options);
      const { onOutput, signal } = options;
      const ending = signal === undefined ? {} : { signal };
      if (onOutput === undefined) return run(jail, processOf(jail, user, argv, options, terminal), ending);
      const none: Terminal = { ...terminal, interactive: false, environment: {} };
      return run(jail, processOf(jail, user, argv, options, none), { onOutput, ...ending });
    },
    async console(jail) {
      const flags = (jail.config.get('login_flags') ?? '-f root').split(/\s+/).filter((word) => word !== '');
      const user = await rootOf(files, jail);
      // login(1) says nothing and fails without a terminal; a script that feeds a console gets the shell.
      const login = terminal.interactive && (await loginWorks(jail));
      const argv = login ? ['login', ...flags] : [user.shell, '-l'];
      const cwd = (await exists(jail, user.home)) ? user.home : '/';
      return run(jail, processOf(jail, user, argv, { cwd }, terminal));
    },
    async chroot(jail, argv) {
      if (argv.length === 0) throw failure('USAGE', { problem: 'no command given', command: 'chroot' });
      return exec.session(['chroot', jail.root, ...argv]);
    },
  };
}

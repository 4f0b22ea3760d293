/**
 * `exec_start` and `exec_stop`: the commands that bring a jail's services up and down, run in it by jexec(8).
 * COMPAT: the text is split at blanks; no shell reads it, in the jail or outside.
 */
import { stepKind, type StepRun } from '../step.ts';
import { consoleOf, into, settleConsole } from './console.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { serviceUser } from '../both/accounts.ts';
import { milliseconds } from '../both/hook.ts';
import { jexec, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';

export interface ServiceArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly root: string;
  readonly which: 'exec_start' | 'exec_stop';
  /** Empty: nothing to run, and `note` says why. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly note?: string;
  readonly consoleLog: string;
  readonly timeoutMs?: number;
  /** exec_clean=0: what the caller's environment holds goes in too; at the moment it runs, so that no record keeps it. */
  readonly unclean?: true;
}

/** Scripts that FreeBSD's base system brings and other roots may not have. */
const usualScript = { exec_start: '/etc/rc', exec_stop: '/etc/rc.shutdown' } as const;

async function isMissing(files: Files, jail: JailSpec, path: string): Promise<boolean> {
  // A path through a link is left to the jail itself to follow.
  return (await files.statBelow(jail.root, path).catch(() => 'unknown' as const)) === undefined;
}

export async function serviceArgs(
  files: Files,
  jail: JailSpec,
  which: ServiceArgs['which'],
): Promise<ServiceArgs> {
  const words = (jail.config.get(which) ?? '').split(/\s+/).filter((word) => word !== '');
  const { pool, uuid, root, consoleLog } = jail;
  const common = { pool, uuid, root, which, consoleLog };
  const nothing = (note: string): ServiceArgs => ({ ...common, argv: [], env: {}, note });
  if (words.length === 0 || words[0] === 'none') return nothing(`${which} is empty`);
  const script = usualScript[which];
  if (words.join(' ') === `/bin/sh ${script}` && (await isMissing(files, jail, script)))
    return nothing(`the jail has no ${script}; nothing to run for ${which}`);
  const user = await serviceUser(files, jail);
  // The check of a start tells it first; nothing runs as root in its place.
  if (typeof user === 'string') return nothing(`${which} is left out: ${user}`);
  const onHost = isOn(jail.config, 'exec_system_jail_user');
  const as = user.name === 'root' ? {} : onHost ? { hostUser: user.name } : { jailUser: user.name };
  return {
    ...common,
    argv: jexec(jail, words, as),
    env: userEnvironment(user, 'dumb'),
    ...(jail.config.get('exec_clean') === '0' ? { unclean: true } : {}),
    ...(which === 'exec_stop' ? { timeoutMs: milliseconds(jail.config, 'stop_timeout', 30) } : {}),
  };
}

async function runService(
  args: ServiceArgs,
  paths: Paths,
  run: StepRun,
  environment: Readonly<Record<string, string>>,
) {
  if (args.note !== undefined) run.note(args.note);
  if (args.argv.length === 0) return;
  if (!run.dry && rowOf(await readJails(run.exec), args) === undefined) {
    // Recovering a stop that got further than this.
    if (args.which === 'exec_stop') return run.note('the jail is gone already; exec_stop is left out');
    throw failure('NOT_RUNNING', { name: args.uuid });
  }
  const console = consoleOf(paths, args);
  const { status } = await run.exec.change(args.argv, {
    env: { ...(args.unclean === true ? environment : {}), ...args.env },
    // What it leaves running keeps its output open.
    via: await into(run.files, console),
    signal: run.signal,
    accept: 'any',
    ...(args.timeoutMs === undefined ? {} : { timeoutMs: args.timeoutMs }),
  });
  await settleConsole(run, console);
  if (status === 0) return;
  throw failure('COMMAND_FAILED', {
    argv: args.argv,
    status: `exit status ${status} in the jail`,
    stderr: `see ${args.consoleLog}`,
  });
}

export function serviceSteps(paths: Paths, environment: Readonly<Record<string, string>>) {
  return stepKind<ServiceArgs>('freebsd.service', {
    title: ({ which, argv, uuid }) =>
      argv.length > 0 ? `run ${which} in jail ${uuid}` : `no ${which} for jail ${uuid}`,
    about: ({ which, argv }) => ({ which: [which], ...(argv.length > 0 ? {} : { idle: true }) }),
    do: (args, run) => runService(args, paths, run, environment),
    // What it started ends with the jail.
    undo: () => Promise.resolve(),
  });
}

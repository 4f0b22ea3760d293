/** `exec_start` and `exec_stop`, run in a jail by jexec(8). */
import { stepKind, type StepRun } from '../step.ts';
import { consoleOf, into, settleConsole } from './console.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { serviceOf, type Service, type ServiceName } from '../both/services.ts';
import { jexec, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';

export interface ServiceArgs extends Partial<Service['how']> {
  readonly pool: string;
  readonly uuid: string;
  readonly root: string;
  readonly which: ServiceName;
  /** Empty: nothing to run, and `note` says why. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly note?: string;
  readonly consoleLog: string;
}

export async function serviceArgs(files: Files, jail: JailSpec, which: ServiceName): Promise<ServiceArgs> {
  const { pool, uuid, root, consoleLog } = jail;
  const common = { pool, uuid, root, which, consoleLog };
  const service = await serviceOf(files, jail, which);
  if (typeof service === 'string') return { ...common, argv: [], env: {}, note: service };
  const { words, user, how } = service;
  const onHost = isOn(jail.config, 'exec_system_jail_user');
  const as = user.name === 'root' ? {} : onHost ? { hostUser: user.name } : { jailUser: user.name };
  return { ...common, argv: jexec(jail, words, as), env: userEnvironment(user, 'dumb'), ...how };
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

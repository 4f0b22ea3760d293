/**
 * The hooks: commands of the host's administrator around a jail's start and stop, run on the host as root,
 * or as `exec_system_user`. See jail(8), "exec.prestart" and the following.
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Files, RunOptions } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { builtInBut, fromBuiltIn } from '../../domain/config.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { hookUser } from './accounts.ts';
import {
  consoleBytes,
  forgetConsole,
  jailConsole,
  lastWordsMs,
  programConsole,
  turnsOf,
  type Consoles,
} from './console.ts';
import { endOf, tailSince } from './console-log.ts';
import {
  commandOf,
  jailVariables,
  jidVariables,
  milliseconds,
  variablesOf,
  type HookArgs,
  type HookName,
} from './hook.ts';
import type { User } from './users.ts';

/** How a kernel's driver does what differs. */
export interface HookDriver extends Pick<Consoles, 'into' | 'settleConsole'> {
  /** Of the step; it stands in journals. */
  readonly kind: string;
  /** The command as it is run for another user than root, whose numbers are known. */
  asUser(user: User, argv: readonly string[]): readonly string[];
  /** `jid`: empty while there is none; `up`: the jail has a console of its own; `console`: the directory of that. */
  jail(
    args: HookArgs,
    run: StepRun,
  ): Promise<{ readonly jid: string; readonly up: boolean; readonly console: string }>;
}

async function runHook(args: HookArgs, run: StepRun, driver: HookDriver): Promise<void> {
  if (args.argv.length === 0) return;
  if (args.nobody !== undefined)
    throw failure('COMMAND_FAILED', { argv: args.argv, status: 'not run', stderr: args.nobody });
  const { jid, up, console: directory } = await driver.jail(args, run);
  const console = (up ? jailConsole : programConsole)(directory, args.consoleLog);
  const from = await endOf(run.files, args.consoleLog);
  const turns = up ? await turnsOf(run.files, console) : 0;
  const options: RunOptions = {
    env: {
      ...(args.config === undefined ? {} : jailVariables({ ...args, config: fromBuiltIn(args.config) })),
      ...args.env,
      IOCAGE_NAME: args.tag,
      IOCAGE_UUID: args.uuid,
      ...jidVariables(jid),
      IOCAGE_ROOT: args.root,
    },
    ...(args.timeoutMs > 0 ? { timeoutMs: args.timeoutMs } : {}),
    // What a hook leaves running keeps its output open, after us too.
    via: await driver.into(run.files, console),
    // By which what it started is known when its time is up.
    mark: `IOCAGE_RUN=${run.operationId}-${args.name}`,
    signal: run.signal,
  };
  const failed = await run.exec.change(args.argv, options).then(
    () => undefined,
    (thrown: unknown) => thrown ?? new Error('no reason'),
  );
  if (run.dry) return;
  await driver.settleConsole(run, console, failed === undefined ? undefined : lastWordsMs);
  tellLost(args, (await turnsOf(run.files, console)) - turns, run);
  if (!up) await forgetConsole(run.files, console);
  if (failed !== undefined)
    throw withWords(failed, await tailSince(run.files, args.consoleLog, from, tailBytes));
}

/** Of what a hook that failed printed, its last lines are looked at. */
const tailBytes = 4096;

/** Why it failed, in its own words. */
function withWords(thrown: unknown, said: string): unknown {
  const { code, details } = asIocageError(thrown);
  if (code !== 'COMMAND_FAILED') return thrown;
  const lines = said.split(/[\r\n]+/).map((line) => line.replaceAll(/\p{Cc}/gu, ' ').trim());
  const stderr = lines
    .filter((line) => line !== '')
    .slice(-2)
    .map((line) => line.slice(0, 300))
    .join('; ');
  const { argv, status } = details as { argv: readonly string[]; status: string };
  return failure('COMMAND_FAILED', { argv, status, stderr });
}

/** Both files of the log are full of it: what it said first, and what was there before, is gone. */
function tellLost({ name, consoleLog }: HookArgs, turns: number, run: StepRun): void {
  if (turns < 2) return;
  const mib = (files: number): string => `${(files * consoleBytes) / 1024 ** 2} MiB`;
  run.note(
    `more than ${mib(turns - 1)} were printed while the ${name} hook ran; ${consoleLog} and the file before it keep the last ${mib(1)} to ${mib(2)}`,
  );
}

export function hookSteps(driver: HookDriver) {
  const kind = stepKind<HookArgs>(driver.kind, {
    title: ({ name, argv }) => (argv.length === 0 ? `no ${name} hook` : `${name} hook`),
    about: ({ name, argv }) => ({ which: [name], ...(argv.length === 0 ? { idle: true } : {}) }),
    do: (args, run) => runHook(args, run, driver),
    // What a hook did is its author's to take back.
    undo: () => Promise.resolve(),
  });
  async function args(files: Files, jail: JailSpec, name: HookName): Promise<HookArgs> {
    const user = await hookUser(files, jail);
    const argv = await commandOf(files, jail, name);
    return {
      pool: jail.pool,
      uuid: jail.uuid,
      tag: jail.tag,
      root: jail.root,
      name,
      ...(typeof user === 'string'
        ? { argv, nobody: user }
        : { argv: user.uid === 0 || argv.length === 0 ? argv : driver.asUser(user, argv) }),
      ...(argv.length === 0
        ? {}
        : {
            config: builtInBut(jail.config),
            ...(typeof user === 'string' || user.uid === 0 ? {} : { env: variablesOf(user) }),
          }),
      timeoutMs: milliseconds(jail.config, 'exec_timeout', 60),
      consoleLog: jail.consoleLog,
    };
  }
  return { hook: kind, hookArgs: args };
}

/**
 * The hooks: commands of the host's administrator around a jail's start and stop, run on the host as root,
 * or as `exec_system_user`. See jail(8), "exec.prestart" and the following.
 */
import { dirname } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import { toLog } from './console.ts';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import {
  commandOf,
  jailVariables,
  jidVariables,
  milliseconds,
  variablesOf,
  type HookArgs,
  type HookName,
} from '../both/hook.ts';
import { hookUser } from '../both/accounts.ts';
import type { User } from '../both/users.ts';

/** How a kernel's driver does what differs. */
export interface HookDriver {
  /** Of the step; it stands in journals. */
  readonly kind: string;
  /** The command as it is run for another user than root, whose numbers are known. */
  asUser(user: User, argv: readonly string[]): readonly string[];
  /** Empty while there is none. */
  jid(jail: { readonly pool: string; readonly uuid: string }, run: StepRun): Promise<string>;
}

async function runHook(args: HookArgs, run: StepRun, driver: HookDriver): Promise<void> {
  if (args.argv.length === 0) return;
  if (args.nobody !== undefined)
    throw failure('COMMAND_FAILED', { argv: args.argv, status: 'not run', stderr: args.nobody });
  await run.files.mkdir(dirname(args.consoleLog), { mode: 0o700 });
  await run.exec.change(args.argv, {
    env: {
      ...args.env,
      IOCAGE_NAME: args.tag,
      IOCAGE_UUID: args.uuid,
      ...jidVariables(await driver.jid(args, run)),
      IOCAGE_ROOT: args.root,
    },
    ...(args.timeoutMs > 0 ? { timeoutMs: args.timeoutMs } : {}),
    // A file: what a hook leaves running keeps its output open.
    via: toLog(args.consoleLog),
    signal: run.signal,
  });
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
            env: {
              ...jailVariables(jail),
              ...(typeof user === 'string' || user.uid === 0 ? {} : variablesOf(user)),
            },
          }),
      timeoutMs: milliseconds(jail.config, 'exec_timeout', 60),
      consoleLog: jail.consoleLog,
    };
  }
  return { hook: kind, hookArgs: args };
}

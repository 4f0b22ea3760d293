/**
 * The hooks: commands of the host's administrator around a jail's start and stop, run on the host as root,
 * or as `exec_system_user`. See jail(8), "exec.prestart" and the following.
 *
 * COMPAT: an executable file `prestart`, `poststart`, `prestop` or `poststop` in the jail's top dataset
 * takes the property's place. Root of the host must own it, and nobody else may write it.
 */
import { dirname, join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import { toLog } from './console.ts';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { hookUser } from '../both/accounts.ts';
import type { User } from '../both/users.ts';

export type HookName = 'prestart' | 'created' | 'poststart' | 'prestop' | 'poststop';

export interface HookArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly root: string;
  readonly name: HookName;
  /** Empty when there is nothing to run; the step still prints its line. */
  readonly argv: readonly string[];
  /** Why there is nobody to run it as: it is not run as root instead. */
  readonly nobody?: string;
  /** Variables of the user that it runs as, besides those that tell of the jail. */
  readonly env?: Readonly<Record<string, string>>;
  /** 0: no bound. */
  readonly timeoutMs: number;
  readonly consoleLog: string;
}

const nothing = ['', 'none', 'true', '/bin/true', '/usr/bin/true'];

/** A property in seconds as milliseconds. */
export function milliseconds(config: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = config.get(key) ?? '';
  return (/^\d{1,6}$/.test(text) ? Number(text) : fallback) * 1000;
}

async function commandOf(files: Files, jail: JailSpec, name: HookName): Promise<readonly string[]> {
  const file = join(jail.mountpoint, name);
  const facts = await files.stat(file);
  const executable = facts?.type === 'file' && (facts.mode & 0o111) !== 0;
  if (executable && facts.uid === 0 && (facts.mode & 0o022) === 0) return [file];
  const text = jail.config.get(`exec_${name}`) ?? '';
  // The property is a shell command by definition, written by the host's administrator.
  return nothing.includes(text.trim()) ? [] : ['/bin/sh', '-c', text];
}

const variablesOf = ({ home, name, shell }: User): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
  SHELL: shell,
});

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
      IOCAGE_JID: await driver.jid(args, run),
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
      ...(typeof user === 'string' || user.uid === 0 ? {} : { env: variablesOf(user) }),
      timeoutMs: milliseconds(jail.config, 'exec_timeout', 60),
      consoleLog: jail.consoleLog,
    };
  }
  return { hook: kind, hookArgs: args };
}

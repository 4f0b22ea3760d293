/** A program that a step runs in a running jail, by jexec(8). */
import { stepKind, type StepRun } from '../step.ts';
import { consoleOf, into, settleConsole } from './console.ts';
import type { Paths, Step } from '../system.ts';
import type { JailCommand, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { root as rootUser } from '../both/accounts.ts';
import { runLogged, type LoggedCommand } from '../both/command.ts';
import { jexec, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';
import { realPath } from './real-root.ts';

export interface CommandArgs extends LoggedCommand {
  readonly pool: string;
  readonly uuid: string;
  readonly root: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

async function runCommand(args: CommandArgs, paths: Paths, run: StepRun): Promise<void> {
  const root = await realPath(run.exec, run.files, args.root);
  if (!run.dry && rowOf(await readJails(run.exec), { uuid: args.uuid, root }) === undefined)
    throw failure('NOT_RUNNING', { name: args.tag });
  await runLogged(args, consoleOf(paths, args), run, { into, settleConsole }, async (via) => {
    const { env, timeoutMs } = args;
    return (await run.exec.change(args.argv, { via, signal: run.signal, accept: 'any', timeoutMs, env }))
      .status;
  });
}

export function commandSteps(paths: Paths) {
  const kind = stepKind<CommandArgs>('freebsd.command', {
    title: ({ title, tag }) => `${title} in ${tag}`,
    about: ({ which }) => (which === undefined ? {} : { which: [which] }),
    do: (args, run) => runCommand(args, paths, run),
    undo: () => Promise.resolve(),
  });
  const step = (jail: JailSpec, { argv, env, title, purpose, timeoutMs, which }: JailCommand): Step =>
    kind({
      pool: jail.pool,
      uuid: jail.uuid,
      tag: jail.tag,
      root: jail.root,
      title,
      purpose,
      ...(which === undefined ? {} : { which }),
      timeoutMs,
      consoleLog: jail.consoleLog,
      argv: jexec(jail, argv),
      env: { ...userEnvironment(rootUser, 'dumb'), ...env },
    });
  return { command: kind, commandStep: step };
}

/** A program that a step runs in a running jail. */
import { stepKind, type StepRun } from '../step.ts';
import type { Paths, Step } from '../system.ts';
import type { JailCommand, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { root } from '../both/accounts.ts';
import { runLogged, type LoggedCommand } from '../both/command.ts';
import { jailConsole } from '../both/console.ts';
import { into, settleConsole } from './console.ts';
import { limited } from './limits-steps.ts';
import { placesOf, type Places } from './names.ts';
import type { OciProcess } from './oci.ts';
import { programOf, runProgram } from './program.ts';
import { isAlive, readState } from './state.ts';

export interface CommandArgs extends LoggedCommand {
  readonly pool: string;
  readonly uuid: string;
  readonly process: OciProcess;
}

async function runCommand(args: CommandArgs, places: Places, run: StepRun): Promise<void> {
  const state = await readState(run.files, places.state);
  if (!run.dry && !(await isAlive(run.files, state))) throw failure('NOT_RUNNING', { name: args.tag });
  const process = await limited(run.files, args.process, state);
  const console = jailConsole(places.bundle, args.consoleLog);
  await runLogged(args, console, run, { into, settleConsole }, (via) =>
    runProgram(run, places, 'command', process, { via, timeoutMs: args.timeoutMs }),
  );
}

export function commandSteps(paths: Paths) {
  const kind = stepKind<CommandArgs>('linux.command', {
    title: ({ title, tag }) => `${title} in ${tag}`,
    about: ({ which }) => (which === undefined ? {} : { which: [which] }),
    do: (args, run) => runCommand(args, placesOf(paths, args.pool, args.uuid), run),
    undo: () => Promise.resolve(),
  });
  const step = (jail: JailSpec, { argv, env, title, purpose, timeoutMs, which }: JailCommand): Step =>
    kind({
      pool: jail.pool,
      uuid: jail.uuid,
      tag: jail.tag,
      title,
      purpose,
      ...(which === undefined ? {} : { which }),
      timeoutMs,
      consoleLog: jail.consoleLog,
      process: programOf(jail.config, root, argv, env),
    });
  return { command: kind, commandStep: step };
}

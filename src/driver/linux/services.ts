/** `exec_start` and `exec_stop`. */
import type { StepRun } from '../step.ts';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { serviceOf, type Service, type ServiceName } from '../both/services.ts';
import { jailConsole } from '../both/console.ts';
import { into, settleConsole } from './console.ts';
import { limited } from './limits-steps.ts';
import type { Places } from './names.ts';
import type { OciProcess } from './oci.ts';
import { programOf, runProgram } from './program.ts';
import { isAlive, readState } from './state.ts';

export interface ServiceArgs extends Partial<Service['how']> {
  readonly pool: string;
  readonly uuid: string;
  readonly which: ServiceName;
  /** Undefined: nothing to run, and `note` says why. */
  readonly process?: OciProcess;
  readonly note?: string;
  readonly consoleLog: string;
}

export async function serviceArgs(files: Files, jail: JailSpec, which: ServiceName): Promise<ServiceArgs> {
  const common = { pool: jail.pool, uuid: jail.uuid, which, consoleLog: jail.consoleLog };
  const service = await serviceOf(files, jail, which);
  if (typeof service === 'string') return { ...common, note: service };
  const process = programOf(jail.config, service.user, service.words);
  return { ...common, process, ...service.how };
}

/** Its output goes to the console log. */
export async function runService(
  args: ServiceArgs,
  places: Places,
  run: StepRun,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  if (args.process === undefined) {
    if (args.note !== undefined) run.note(args.note);
    return;
  }
  const state = await readState(run.files, places.state);
  if (!run.dry && !(await isAlive(run.files, state))) {
    // Recovering a stop that got further than this.
    if (args.which === 'exec_stop')
      return run.note('the jail has no process any more; exec_stop is left out');
    throw failure('NOT_RUNNING', { name: places.uuid });
  }
  const console = jailConsole(places.bundle, args.consoleLog);
  const via = await into(run.files, console);
  const clean = await limited(run.files, args.process, state);
  const given = args.unclean === true ? Object.entries(environment).map((pair) => pair.join('=')) : [];
  const names = new Set(clean.env.map((word) => word.split('=')[0]));
  const process = {
    ...clean,
    env: [...given.filter((word) => !names.has(word.split('=')[0])), ...clean.env],
  };
  const timeout = args.timeoutMs === undefined ? {} : { timeoutMs: args.timeoutMs };
  const status = await runProgram(run, places, args.which, process, { via, ...timeout });
  await settleConsole(run, console);
  if (status === 0) return;
  throw failure('COMMAND_FAILED', {
    argv: args.process.args,
    status: `exit status ${status} in the jail`,
    stderr: `see ${args.consoleLog}`,
  });
}

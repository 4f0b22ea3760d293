/**
 * How a start sees that a jail can be used, on Linux. A listening port is seen in the kernel's table of the jail's
 * network, so nothing is ever connected to. See proc_net(5).
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec } from '../host.ts';
import type { Readiness } from '../../domain/codec/readiness.ts';
import { root } from '../both/accounts.ts';
import { jailConsole } from '../both/console.ts';
import { awaitedOf, waitUntilReady, type Awaited } from '../both/ready.ts';
import { placesOf, type Places } from './names.ts';
import type { OciProcess } from './oci.ts';
import { programOf, runProgram } from './program.ts';
import { isAlive, readState } from './state.ts';

export interface ReadyArgs extends Awaited {
  /** With `command`. */
  readonly process?: OciProcess;
}

/**
 * Whether a table of sockets of /proc/PID/net has one that listens at the port. Pure.
 *
 * @example listensAt('  sl  local_address …\n   0: 00000000:1538 00000000:0000 0A …', 5432) === true
 */
export function listensAt(table: string, port: number): boolean {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return table.split('\n').some((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return state === '0A' && local?.split(':').at(-1) === wanted;
  });
}

async function isReady(
  args: ReadyArgs,
  wanted: Exclude<Readiness, { kind: 'log' }>,
  pid: number,
  places: Places,
  run: StepRun,
): Promise<boolean> {
  if (wanted.kind === 'port') {
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map((name) => run.files.read(`/proc/${pid}/net/${name}`).catch(() => undefined)),
    );
    return tables.some((table) => table !== undefined && listensAt(table, wanted.port));
  }
  await run.files.mkdir(places.bundle, { mode: 0o700 });
  const timeoutMs = Math.min(args.timeoutMs, 10_000);
  return (await runProgram(run, places, 'wait_for', args.process!, { timeoutMs })) === 0;
}

async function wait(args: ReadyArgs, paths: Paths, run: StepRun): Promise<void> {
  const places = placesOf(paths, args.pool, args.uuid);
  await waitUntilReady(args, jailConsole(places.bundle, args.consoleLog), run, async (wanted) => {
    const state = await readState(run.files, places.state);
    if (state?.pid === undefined || !(await isAlive(run.files, state))) return undefined;
    return wanted !== undefined && isReady(args, wanted, state.pid, places, run);
  });
}

export function readySteps(files: Files, paths: Paths) {
  const kind = stepKind<ReadyArgs>('linux.ready', {
    title: ({ tag }) => `wait until ${tag} is ready`,
    do: (args, run) => wait(args, paths, run),
    undo: () => Promise.resolve(),
  });
  /** Undefined when there is nothing to wait for. */
  async function args(jail: JailSpec): Promise<ReadyArgs | undefined> {
    const awaited = await awaitedOf(files, jail);
    if (awaited?.wanted.kind !== 'command') return awaited;
    return { ...awaited, process: programOf(jail.config, root, awaited.wanted.argv) };
  }
  return { ready: kind, readyArgs: args };
}

/**
 * How a start sees that a jail can be used, on Linux. A listening port is seen in the kernel's table of the jail's
 * network, so nothing is ever connected to. See proc_net(5), crun(1).
 */
import { dirname, join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec } from '../host.ts';
import type { Readiness } from '../../domain/codec/readiness.ts';
import { jailConsole } from '../both/console.ts';
import { awaitedOf, waitUntilReady, type Awaited } from '../both/ready.ts';
import { placesOf, type Places } from './names.ts';
import { jailPath, ociProcess, type OciProcess } from './oci.ts';
import { crun } from './runtime-command.ts';
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
  const file = join(places.bundle, 'process-wait_for.json');
  await run.files.mkdir(dirname(file), { mode: 0o700 });
  await run.files.write(file, JSON.stringify(args.process), { mode: 0o600 });
  try {
    const argv = crun(places, 'exec', '--process', file, places.id);
    const limit = Math.min(args.timeoutMs, 10_000);
    const { status } = await run.exec.change(argv, { accept: 'any', timeoutMs: limit, signal: run.signal });
    return status === 0;
  } finally {
    await run.files.remove(file);
  }
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
    const process = ociProcess(jail.config, {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: awaited.wanted.argv,
      env: [`PATH=${jailPath}`, 'HOME=/root', 'TERM=dumb', 'USER=root', 'SHELL=/bin/sh'],
      cwd: '/',
    });
    return { ...awaited, process };
  }
  return { ready: kind, readyArgs: args };
}

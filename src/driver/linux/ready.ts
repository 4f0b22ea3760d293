/**
 * The end of a start with `wait_for`: waits, with a bound, until the jail can be used. A listening
 * port is seen in the kernel's table of the jail's network, so nothing is ever connected to.
 * See proc_net(5), crun(1).
 */
import { dirname, join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { valueOf } from '../../domain/config.ts';
import { readiness, type Readiness } from '../../domain/codec/readiness.ts';
import { awaitedFile, foundFile, jailConsole } from './console.ts';
import { endOf, since, TextSearch, type LogMark } from './console-log.ts';
import { milliseconds } from '../both/hook.ts';
import { placesOf, type Places } from './names.ts';
import { jailPath, ociProcess, type OciProcess } from './oci.ts';
import { crun } from './runtime-command.ts';
import { isAlive, readState } from './state.ts';

export interface ReadyArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly wanted: Readiness;
  readonly timeoutMs: number;
  readonly consoleLog: string;
  /** Where in the console log this start begins. */
  readonly logFrom: LogMark;
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

function describe(wanted: Readiness): string {
  if (wanted.kind === 'port') return `nothing listens at port ${wanted.port}`;
  if (wanted.kind === 'log') return `the console log says nothing of ${JSON.stringify(wanted.text)}`;
  return `${wanted.argv.join(' ')} does not succeed`;
}

/**
 * Looks at what is new in the console log at each call. A text that was turned over between two looks is
 * found by the copier, which is told what to look for before the jail starts.
 */
function logWatch(args: ReadyArgs, text: string, places: Places, run: StepRun): () => Promise<boolean> {
  const { pipe } = jailConsole(places, args.consoleLog);
  const search = new TextSearch(text);
  let mark = args.logFrom;
  return async () => {
    for await (const { bytes, at, gap } of since(run.files, args.consoleLog, mark)) {
      if (search.sees(bytes, gap)) return true;
      mark = at;
    }
    return (await run.files.stat(foundFile(pipe))) !== undefined;
  };
}

async function isReady(
  args: ReadyArgs,
  pid: number,
  places: Places,
  run: StepRun,
  logSays: () => Promise<boolean>,
): Promise<boolean> {
  const { wanted } = args;
  if (wanted.kind === 'port') {
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map((name) => run.files.read(`/proc/${pid}/net/${name}`).catch(() => undefined)),
    );
    return tables.some((table) => table !== undefined && listensAt(table, wanted.port));
  }
  if (wanted.kind === 'log') return logSays();
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
  if (run.dry) return;
  const places = placesOf(paths, args.pool, args.uuid);
  const end = run.clock.now().getTime() + args.timeoutMs;
  const logSays = logWatch(args, args.wanted.kind === 'log' ? args.wanted.text : '', places, run);
  const refuse = (why: string): Error => failure('START_FAILED', { jail: args.tag, why });
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `waiting for ${args.tag}` });
    const state = await readState(run.files, places.state);
    if (state?.pid === undefined || !(await isAlive(run.files, state)))
      throw refuse('it ended before it was ready');
    if (await isReady(args, state.pid, places, run, logSays)) {
      // The copier need not look any more.
      return run.files.remove(awaitedFile(jailConsole(places, args.consoleLog).pipe));
    }
    const left = end - run.clock.now().getTime();
    if (left <= 0) throw refuse(`not ready after ${args.timeoutMs / 1000} s: ${describe(args.wanted)}`);
    run.progress(describe(args.wanted));
    await run.clock.sleep(Math.min(pause, left));
  }
}

/** For the copier of the console, which sees what goes by between two looks. */
export function awaitedText(jail: JailSpec): { awaited?: string } {
  const wanted = valueOf(jail.config, 'wait_for', readiness);
  return wanted?.kind === 'log' ? { awaited: wanted.text } : {};
}

export function readySteps(files: Files, paths: Paths) {
  const kind = stepKind<ReadyArgs>('linux.ready', {
    title: ({ tag }) => `wait until ${tag} is ready`,
    do: (args, run) => wait(args, paths, run),
    undo: () => Promise.resolve(),
  });
  /** Undefined when there is nothing to wait for. */
  async function args(jail: JailSpec): Promise<ReadyArgs | undefined> {
    const wanted = valueOf(jail.config, 'wait_for', readiness);
    if (wanted === undefined || wanted === null) return undefined;
    return {
      pool: jail.pool,
      uuid: jail.uuid,
      tag: jail.tag,
      wanted,
      timeoutMs: milliseconds(jail.config, 'wait_timeout', 60),
      consoleLog: jail.consoleLog,
      logFrom: await endOf(files, jail.consoleLog),
      ...(wanted.kind === 'command'
        ? {
            process: ociProcess(jail.config, {
              terminal: false,
              user: { uid: 0, gid: 0 },
              args: wanted.argv,
              env: [`PATH=${jailPath}`, 'HOME=/root', 'TERM=dumb', 'USER=root', 'SHELL=/bin/sh'],
              cwd: '/',
            }),
          }
        : {}),
    };
  }
  return { ready: kind, readyArgs: args };
}

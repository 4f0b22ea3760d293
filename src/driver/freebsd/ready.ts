/**
 * The end of a start with `wait_for`: waits, with a bound, until the jail can be used. A listening port is
 * seen in the kernel's table of sockets, so nothing is ever connected to. See sockstat(1), jexec(8).
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths, Step } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { valueOf } from '../../domain/config.ts';
import { readiness, type Readiness } from '../../domain/codec/readiness.ts';
import { failure } from '../../domain/errors.ts';
import { milliseconds } from '../both/hook.ts';
import { root } from '../both/accounts.ts';
import { jexec, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';
import { placesOf } from './names.ts';

export interface ReadyArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly root: string;
  readonly wanted: Readiness;
  /** With `command`: as it is run. */
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  readonly consoleLog: string;
  /** Where in the console log this start begins. */
  readonly logFrom: number;
}

function describe(wanted: Readiness): string {
  if (wanted.kind === 'port') return `nothing listens at port ${wanted.port}`;
  if (wanted.kind === 'log') return `the console log says nothing of ${JSON.stringify(wanted.text)}`;
  return `${wanted.argv.join(' ')} does not succeed`;
}

async function isReady(args: ReadyArgs, name: string, run: StepRun): Promise<boolean> {
  const { wanted } = args;
  if (wanted.kind === 'port') {
    const argv = ['sockstat', '-4', '-6', '-l', '-j', name, '-P', 'tcp', '-p', `${wanted.port}`];
    // The first line names the columns.
    return (await run.exec.read(argv, { accept: 'any' })).stdout.trim().split('\n').length > 1;
  }
  if (wanted.kind === 'log') {
    const since = ['tail', '-c', `+${args.logFrom + 1}`, args.consoleLog];
    const { stdout } = await run.exec.read(since, { accept: 'any', signal: run.signal });
    return stdout.split('\n').some((line) => line.includes(wanted.text));
  }
  const how = { accept: 'any', timeoutMs: Math.min(args.timeoutMs, 10_000), signal: run.signal } as const;
  return (await run.exec.change(args.argv, { ...how, env: userEnvironment(root, 'dumb') })).status === 0;
}

async function wait(args: ReadyArgs, run: StepRun, paths: Paths): Promise<void> {
  if (run.dry) return;
  const { name } = placesOf(paths, args.pool, args.uuid);
  const end = run.clock.now().getTime() + args.timeoutMs;
  const refuse = (why: string): Error => failure('START_FAILED', { jail: args.tag, why });
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `waiting for ${args.tag}` });
    if (rowOf(await readJails(run.exec), args) === undefined) throw refuse('it ended before it was ready');
    if (await isReady(args, name, run)) return;
    const left = end - run.clock.now().getTime();
    if (left <= 0) throw refuse(`not ready after ${args.timeoutMs / 1000} s: ${describe(args.wanted)}`);
    run.progress(describe(args.wanted));
    await run.clock.sleep(Math.min(pause, left));
  }
}

export function readySteps(files: Files, paths: Paths) {
  const kind = stepKind<ReadyArgs>('freebsd.ready', {
    title: ({ tag }) => `wait until ${tag} is ready`,
    do: (args, run) => wait(args, run, paths),
    undo: () => Promise.resolve(),
  });
  return {
    kind,
    async steps(jail: JailSpec): Promise<readonly Step[]> {
      const wanted = valueOf(jail.config, 'wait_for', readiness);
      if (wanted === undefined || wanted === null) return [];
      const { pool, uuid, tag, root, consoleLog } = jail;
      const argv = wanted.kind === 'command' ? jexec(jail, wanted.argv) : [];
      const timeoutMs = milliseconds(jail.config, 'wait_timeout', 60);
      const logFrom = (await files.stat(consoleLog))?.sizeBytes ?? 0;
      return [kind({ pool, uuid, tag, root, wanted, argv, timeoutMs, consoleLog, logFrom })];
    },
  };
}

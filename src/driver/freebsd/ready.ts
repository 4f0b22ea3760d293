/**
 * How a start sees that a jail can be used, on FreeBSD. A listening port is seen in the kernel's table of sockets,
 * so nothing is ever connected to. See sockstat(1), jexec(8).
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths, Step } from '../system.ts';
import type { JailSpec } from '../host.ts';
import type { Readiness } from '../../domain/codec/readiness.ts';
import { root } from '../both/accounts.ts';
import { awaitedOf, waitUntilReady, type Awaited } from '../both/ready.ts';
import { consoleOf } from './console.ts';
import { jexec, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';
import { placesOf } from './names.ts';

export interface ReadyArgs extends Awaited {
  readonly root: string;
  /** With `command`: as it is run. */
  readonly argv: readonly string[];
}

async function isReady(
  args: ReadyArgs,
  wanted: Exclude<Readiness, { kind: 'log' }>,
  name: string,
  run: StepRun,
): Promise<boolean> {
  if (wanted.kind === 'port') {
    const argv = ['sockstat', '-4', '-6', '-l', '-j', name, '-P', 'tcp', '-p', `${wanted.port}`];
    // The first line names the columns.
    return (await run.exec.read(argv, { accept: 'any' })).stdout.trim().split('\n').length > 1;
  }
  const how = { accept: 'any', timeoutMs: Math.min(args.timeoutMs, 10_000), signal: run.signal } as const;
  return (await run.exec.change(args.argv, { ...how, env: userEnvironment(root, 'dumb') })).status === 0;
}

async function wait(args: ReadyArgs, run: StepRun, paths: Paths): Promise<void> {
  const { name } = placesOf(paths, args.pool, args.uuid);
  await waitUntilReady(args, consoleOf(paths, args), run, async (wanted) => {
    if (rowOf(await readJails(run.exec), args) === undefined) return undefined;
    return wanted !== undefined && isReady(args, wanted, name, run);
  });
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
      const awaited = await awaitedOf(files, jail);
      if (awaited === undefined) return [];
      const argv = awaited.wanted.kind === 'command' ? jexec(jail, awaited.wanted.argv) : [];
      return [kind({ ...awaited, root: jail.root, argv })];
    },
  };
}

/**
 * The jail itself: `jail -c` with its list of parameters, and its end. See jail(8), jls(8), pgrep(1).
 *
 * It persists, so that it is there before any program of it. The end asks its processes first (TERM), waits
 * as long as `stop_timeout` says, and then removes the jail, which kills what is left.
 */
import { dirname } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { Paths } from '../system.ts';
import { awaitedFile, forgetConsole, lastWordsMs } from '../both/console.ts';
import { consoleOf, settleConsole } from './console.ts';
import { readJails, rowOf } from './jls.ts';
import { placesOf } from './names.ts';
import { forgetParts, readState, recordState } from './state.ts';

export interface CreateArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly root: string;
  readonly parameters: readonly string[];
  /** What is worth knowing of the parameters, for people. */
  readonly notes: readonly string[];
  readonly consoleLog: string;
  /** A text that the start waits for, for the console's copier. */
  readonly awaited?: string;
  /** What the jails of its network call it. */
  readonly names?: readonly string[];
}

interface IdArgs {
  readonly pool: string;
  readonly uuid: string;
}

export interface EndArgs extends IdArgs {
  readonly root: string;
  readonly timeoutMs: number;
}

async function find(args: { readonly uuid: string; readonly root: string }, run: StepRun) {
  return rowOf(await readJails(run.exec), args);
}

async function create(args: CreateArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, parameters, notes } = args;
  for (const note of notes) run.note(note);
  const { pipe } = consoleOf(paths, args);
  if (args.awaited !== undefined) {
    await run.files.mkdir(dirname(pipe), { mode: 0o700 });
    await run.files.write(awaitedFile(pipe), `${args.awaited}\n`, { mode: 0o600 });
  }
  const { stdout } = await run.exec.change(['jail', '-i', '-c', ...parameters], {
    pretend: { stdout: '1\n' },
  });
  const jid = Number(stdout.trim()) || (await find(args, run))?.jid;
  await recordState(run.files, placesOf(paths, pool, uuid).state, {
    pool,
    uuid,
    ...(jid === undefined ? {} : { jid }),
    ...(args.names === undefined ? {} : { names: args.names }),
    startedAt: run.clock.now().toISOString(),
  });
}

/** The jail when it is there, and its part of the record. Only a jail with this very root is ours. */
async function removeJail(
  args: IdArgs & { readonly root: string },
  run: StepRun,
  paths: Paths,
): Promise<void> {
  const { name, state } = placesOf(paths, args.pool, args.uuid);
  if (run.dry || (await find(args, run)) !== undefined) {
    // jail(8) takes them back before it removes the jail. The kernel alone does when the last process and socket of it are
    // gone, which is later than the call that removes it returns.
    for (const { nic } of (await readState(run.files, state))?.network?.moved ?? [])
      await run.exec.change(['ifconfig', nic, '-vnet', name], { accept: 'any' });
    await run.exec.change(['jail', '-q', '-R', name]);
  }
  await forgetRun(args, run, paths);
}

/** Of a jail that is gone, its console too; what it added besides has steps of its own. */
async function forgetRun(args: IdArgs, run: StepRun, paths: Paths): Promise<void> {
  const console = consoleOf(paths, { ...args, consoleLog: '' });
  // The last words of the jail may still be on their way.
  await settleConsole(run, console, lastWordsMs);
  await forgetConsole(run.files, console);
  await forgetParts(run.files, placesOf(paths, args.pool, args.uuid).state, 'jid', 'startedAt', 'names');
}

/** Processes of the jail; none is status 1 of pgrep(1). */
async function countProcesses(name: string, run: StepRun): Promise<number> {
  const { stdout } = await run.exec.read(['pgrep', '-j', name], { accept: [0, 1] });
  return stdout.split('\n').filter((line) => line.trim() !== '').length;
}

/** A signal to all of them, and a wait until they are gone or the time is up; how many stayed. */
async function askToEnd(
  name: string,
  signal: '-TERM' | '-KILL',
  timeoutMs: number,
  run: StepRun,
): Promise<number> {
  const { status } = await run.exec.change(['pkill', signal, '-j', name], { accept: [0, 1] });
  if (run.dry || status === 1) return 0;
  const end = run.clock.now().getTime() + timeoutMs;
  for (
    let pause = 5;
    run.clock.now().getTime() < end && !run.signal.aborted;
    pause = Math.min(pause * 2, 200)
  ) {
    if ((await countProcesses(name, run)) === 0) return 0;
    await run.clock.sleep(pause);
  }
  return countProcesses(name, run);
}

/** How long a killed process may take to go: one that waits for a disk goes when the disk has answered. */
const killMs = 5_000;

async function end(args: EndArgs, run: StepRun, paths: Paths): Promise<void> {
  if ((await find(args, run)) === undefined) return;
  const { name } = placesOf(paths, args.pool, args.uuid);
  const left = await askToEnd(name, '-TERM', args.timeoutMs, run);
  if (left === 0) return;
  run.note(`${left} process${left === 1 ? '' : 'es'} did not end in time and will be killed`);
  // jail_remove(2) would only send the signal, and return before they have let go of files and interfaces.
  await askToEnd(name, '-KILL', killMs, run);
}

export function createSteps(paths: Paths) {
  const jail = ({ uuid }: { readonly uuid: string }): string => `jail ${uuid}`;
  return {
    begin: stepKind<CreateArgs>('freebsd.create', {
      title: (args) => `create ${jail(args)}`,
      do: (args, run) => create(args, run, paths),
      undo: (args, run) => removeJail(args, run, paths),
    }),
    remove: stepKind<EndArgs>('freebsd.remove', {
      title: (args) => `end and remove ${jail(args)}`,
      do: async (args, run) => {
        await end(args, run, paths);
        await removeJail(args, run, paths);
      },
    }),
    endProcesses: stepKind<EndArgs>('freebsd.end-processes', {
      title: (args) => `end the processes of ${jail(args)}`,
      do: (args, run) => end(args, run, paths),
      undo: () => Promise.resolve(),
    }),
    /** The record of a run that ended without a stop; what it added has steps of its own. */
    forget: stepKind<IdArgs>('freebsd.forget', {
      title: (args) => `forget the last run of ${jail(args)}`,
      async do(args, run) {
        await forgetRun(args, run, paths);
        await forgetParts(run.files, placesOf(paths, args.pool, args.uuid).state, 'leases');
      },
      undo: () => Promise.resolve(),
    }),
  };
}

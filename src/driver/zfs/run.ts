/**
 * Runs one zfs(8) or zpool(8) command and turns a bad end into our failure. A dataset that was just
 * used answers `dataset is busy` for up to a second (zfs-fuse unmounts behind the back of the command),
 * so changing commands can be repeated for a bounded time.
 */
import type { Clock, Exec, RunResult } from '../system.ts';
import { failure, IocageError } from '../../domain/errors.ts';
import { isBusy, zfsFailure } from './failure.ts';

/** Together about two seconds: short pauses first, since most datasets are free after one. */
const busyTries = 20;
const pauseMs = (tries: number): number => Math.min(tries * 25, 120);

export interface Runner {
  /** Any exit status is answered. NO_ZFS when the program is missing. */
  ask(argv: readonly string[]): Promise<RunResult>;
  /** Runs a changing command once; any exit status is answered. */
  attempt(argv: readonly string[]): Promise<RunResult>;
  /** The same, again and again while ZFS says `busy`; throws what it said last. */
  change(argv: readonly string[], subject: string, accept?: (stderr: string) => boolean): Promise<void>;
  /** Joins the commands; the failure is made of what any of them said. */
  pipe(commands: readonly (readonly string[])[], subject: string, signal?: AbortSignal): Promise<void>;
}

function toNoZfs(error: unknown): never {
  if (error instanceof IocageError && error.code === 'MISSING_TOOL') {
    throw failure('NO_ZFS', { why: error.message }, { cause: error });
  }
  throw error;
}

export function refused(result: RunResult, subject: string, tries = 1): IocageError {
  const { argv, status, stderr } = result;
  return zfsFailure({ argv, status: `exit status ${status}`, stderr }, subject, tries);
}

export function zfsRunner(exec: Exec, clock: Clock): Runner {
  const attempt = (argv: readonly string[]): Promise<RunResult> =>
    exec.change(argv, { accept: 'any' }).catch(toNoZfs);
  return {
    ask: (argv) => exec.read(argv, { accept: 'any' }).catch(toNoZfs),
    attempt,
    async change(argv, subject, accept = () => false) {
      for (let tries = 1; ; tries += 1) {
        const result = await attempt(argv);
        if (result.status === 0 || accept(result.stderr)) return;
        if (!isBusy(result.stderr) || tries >= busyTries) throw refused(result, subject, tries);
        await clock.sleep(pauseMs(tries));
      }
    },
    async pipe(commands, subject, signal) {
      const said: string[] = [];
      try {
        await exec.pipe(commands, {
          onLine: (line) => said.push(line),
          ...(signal === undefined ? {} : { signal }),
        });
      } catch (error) {
        if (!(error instanceof IocageError) || error.code !== 'COMMAND_FAILED') toNoZfs(error);
        // The sender's broken pipe is only the echo of what the receiver said.
        const lines = said.filter((line) => !/Broken pipe$/.test(line));
        const { argv, status } = (error as IocageError).details as {
          argv: readonly string[];
          status: string;
        };
        throw zfsFailure({ argv, status, stderr: lines.join('\n') }, subject);
      }
    },
  };
}

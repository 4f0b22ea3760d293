/**
 * Where a jail's programs and the hooks write: a named pipe, from which a small copier of sh(1) fills the
 * console log, never more than two files of a fixed size. The jail has the pipe and not the file, so it can
 * neither fill the pool by it nor change what was logged. Decision 13 has the reasons.
 *
 * The pipe is opened for both directions: nobody waits in open(2), and nobody dies of SIGPIPE when the copier is
 * killed. What is written then waits in the pipe until the next call here starts another copier. The scripts
 * hold what sh(1) of Debian and of FreeBSD both have; what differs is said by each driver. See mkfifo(1).
 */
import { dirname, join } from 'node:path';
import type { StepRun } from '../step.ts';
import type { Exec, Files } from '../system.ts';

/** A console log and the one before it, `LOG.1`, have at most this many bytes each. */
export const consoleBytes = 2 * 1024 * 1024;

export interface Console {
  readonly pipe: string;
  readonly log: string;
  /** The pipe of a jail stays until the jail ends; without a jail each program gets one of its own. */
  readonly of: 'jail' | 'program';
}

/** @param directory of the jail's own, below the run directory */
export const jailConsole = (directory: string, log: string): Console => ({
  pipe: join(directory, 'console'),
  log,
  of: 'jail',
});

/** For what runs while there is no jail: hooks before and after it, its DHCP clients. */
export const programConsole = (directory: string, log: string): Console => ({
  pipe: join(directory, 'program-console'),
  log,
  of: 'program',
});

/** What the two kernels' hosts do in their own words. The lines are fixed texts; paths and numbers are variables of the scripts. */
export interface ConsoleKernel {
  /** What the copier does so that it outlives whoever called. */
  readonly leave: string;
  /** A program that starts another in a session of its own. */
  readonly apart: string;
  /** Copies at most "$room" bytes of the pipe, each as soon as it comes, `piece` bytes at a time; all, or none. */
  readonly copy: string;
  readonly piece: number;
  /** Whether the process $pid is the copier of "$pipe". */
  readonly isCopier: string;
  /** What the copier does: it waits for more, so that everything written before is in the log; or there is none. */
  look(run: Pick<StepRun, 'exec' | 'files'>, console: Console): Promise<'waits' | 'copies' | 'none'>;
}

/** A text that a start waits for, and the file that tells that it went by; see `copier`. */
export const awaitedFile = (pipe: string): string => `${pipe}.wait`;
export const foundFile = (pipe: string): string => `${pipe}.found`;
const pidFile = (pipe: string): string => `${pipe}.pid`;
const turnsFile = (pipe: string): string => `${pipe}.turns`;

/** How much of the former file's end is looked at for a text that the border between two files cuts. */
const borderBytes = 8192;

/**
 * The copier: pipe (standard input) to log. It ends when the last writer has, which is when it gets nothing
 * more to copy; a program that was killed while it copied is followed by the next one; what cannot be written is read all the same, so that
 * a full pool stops no jail. It leaves the session and the control group of whoever called: both may end before the jail.
 */
const copier = ({ leave, copy, piece }: ConsoleKernel): string => `
echo "$$"
exec >/dev/null
pipe=$1 log=$2 max=$3 border=$4
umask 077
cd /
trap '' HUP INT QUIT
${leave.trim()}
now() { size=$(($(wc -c <"$log") + 0)); }
now
from=$size mine=0 turns=0
turn() {
  if [ -p "$pipe" ] && [ -s "$pipe.wait" ] && { tail -c "$mine" -- "$log.1"; tail -c "+$((from + 1))" -- "$log"; } | grep -qaFf "$pipe.wait"
  then mv -f -- "$pipe.wait" "$pipe.found"; fi
  if [ "$size" -gt "$max" ]
  then tail -c "$max" -- "$log" >"$log.1" && rm -f -- "$log"
  else mv -f -- "$log" "$log.1"; fi || return
  mine=$((size - from)) from=0 size=0 turns=$((turns + 1))
  [ "$mine" -lt "$border" ] || mine=$border
  [ ! -p "$pipe" ] || echo "$turns" >"$pipe.turns"
}
while :; do
  [ $((size + ${piece})) -le "$max" ] || turn
  room=$((max - size))
  if [ "$room" -ge ${piece} ] && ${copy} >>"$log"; then
    last=$size
    now
    [ "$size" != "$last" ] || exit
  else
    [ $? -gt 128 ] || [ "$(dd bs=65536 count=1 2>/dev/null | wc -c)" -gt 0 ] || exit
    now
  fi
done
`;

/**
 * Makes the pipe and starts the copier where there is none, and becomes the program, with the pipe as its output.
 * A pipe of the same name that another copier serves is left to its writers when a new one is asked for.
 */
const starter = ({ apart, isCopier }: ConsoleKernel): string => `
pipe=$1 log=$2 max=$3 border=$4 copier=$5 how=$6
shift 6
[ "$how" = join ] || [ ! -e "$pipe" ] || rm -f -- "$pipe" "$pipe.turns"
[ -p "$pipe" ] || mkfifo -m 600 -- "$pipe" || exit 126
exec 3<>"$pipe"
if ! { read -r pid <"$pipe.pid" && ${isCopier}; } 2>/dev/null; then
  # Ends when the copier has given our output up, and by then it has its input: nobody takes it for dead.
  pid=$(
    unset IOCAGE_RUN
    ${apart} sh -c "$copier" iocage-console "$pipe" "$log" "$max" "$border" <"$pipe" 2>/dev/null 3>&- &
  )
  echo "$pid" >"$pipe.pid"
fi
exec "$@" >&3 2>&1 3>&-
`;

/** For `via`: output to a file of its own, of a program whose output ends by itself. The line is fixed, as above. */
export const toFile = (path: string): readonly string[] => ['sh', '-c', 'exec "$@" >"$0" 2>&1', path];

/** Of the copier, where one was started. */
export async function copierPid(files: Files, { pipe }: Console): Promise<number | undefined> {
  const pid = Number((await files.read(pidFile(pipe)))?.trim() ?? '');
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** How long the last words of what failed or ended are worth, on a host with much else to do. */
export const lastWordsMs = 5000;

export function consoles(kernel: ConsoleKernel) {
  /** Both scripts are fixed texts, and what varies is their arguments: a shell can open a pipe and then become the program. */
  function words({ pipe, log }: Console, how: 'new' | 'join'): readonly string[] {
    const sizes = [String(consoleBytes), String(borderBytes)];
    return ['sh', '-c', starter(kernel), 'iocage-console', pipe, log, ...sizes, copier(kernel), how];
  }

  /**
   * What `via` of a program takes so that it writes to the console.
   *
   * @param how `new`: the jail's console begins with this program; `join`: it is there already, and its copier is
   *   started again when somebody killed it.
   */
  async function into(
    files: Files,
    console: Console,
    how: 'new' | 'join' = console.of === 'jail' ? 'join' : 'new',
  ): Promise<readonly string[]> {
    await files.mkdir(dirname(console.pipe), { mode: 0o700 });
    await files.mkdir(dirname(console.log), { mode: 0o700 });
    return words(console, how);
  }

  /** A jail whose copier was killed gets another. */
  async function keepConsole(exec: Exec, files: Files, console: Console): Promise<void> {
    if ((await files.stat(console.pipe)) === undefined) return;
    if ((await kernel.look({ exec, files }, console)) !== 'none') return;
    await exec.change(['true'], { via: await into(files, console), accept: 'any' });
  }

  /** Until what was written before this call is in the log; with a bound, since others may go on writing. */
  async function settleConsole(
    run: Pick<StepRun, 'clock' | 'dry' | 'exec' | 'files'>,
    console: Console,
    mostMs = 500,
  ): Promise<void> {
    if (run.dry) return;
    const end = run.clock.now().getTime() + mostMs;
    while (run.clock.now().getTime() < end) {
      if ((await kernel.look(run, console)) !== 'copies') return;
      await run.clock.sleep(2);
    }
  }

  return { into, keepConsole, settleConsole };
}

export type Consoles = ReturnType<typeof consoles>;

/** How many times the log was turned over since its copier began. */
export async function turnsOf(files: Files, { pipe }: Console): Promise<number> {
  return Number((await files.read(turnsFile(pipe)))?.trim() ?? 0) || 0;
}

/** The names of a console that nothing new is to be written to; who has it open keeps it. */
export async function forgetConsole(files: Files, { pipe }: Console): Promise<void> {
  for (const path of [pipe, pidFile(pipe), turnsFile(pipe), awaitedFile(pipe), foundFile(pipe)])
    await files.remove(path);
  await files.rmdir(dirname(pipe));
}

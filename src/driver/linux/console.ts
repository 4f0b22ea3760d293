/**
 * Where a jail's programs and the hooks write: a named pipe, from which a small copier of sh(1) and head(1)
 * fills the console log, never more than two files of a fixed size. The jail has the pipe and not the file, so
 * it can neither fill the pool by it nor change what was logged. Decision 13 has the reasons.
 *
 * The pipe is opened for both directions: nobody waits in open(2), and nobody dies of SIGPIPE when the copier is
 * killed. What is written then waits in the pipe until the next call here starts another copier.
 * See fifo(7), stdbuf(1), proc_pid_syscall(5).
 */
import { dirname, join } from 'node:path';
import type { StepRun } from '../step.ts';
import type { Exec, Files } from '../system.ts';
import type { Places } from './names.ts';

/** A console log and the one before it, `LOG.1`, have at most this many bytes each. */
export const consoleBytes = 2 * 1024 * 1024;

export interface Console {
  readonly pipe: string;
  readonly log: string;
  /** The pipe of a jail stays until the jail ends; without a jail each program gets one of its own. */
  readonly of: 'jail' | 'program';
}

export const jailConsole = (places: Places, log: string): Console => ({
  pipe: join(places.bundle, 'console'),
  log,
  of: 'jail',
});

/** For what runs while there is no jail: hooks before and after it, its DHCP clients. */
export const programConsole = (places: Places, log: string): Console => ({
  pipe: join(places.bundle, 'program-console'),
  log,
  of: 'program',
});

/** A text that a start waits for, and the file that tells that it went by; see `copier`. */
export const awaitedFile = (pipe: string): string => `${pipe}.wait`;
export const foundFile = (pipe: string): string => `${pipe}.found`;
const pidFile = (pipe: string): string => `${pipe}.pid`;
const turnsFile = (pipe: string): string => `${pipe}.turns`;

/** How much of the former file's end is looked at for a text that the border between two files cuts. */
const borderBytes = 8192;

/**
 * The copier: pipe (standard input) to log. It ends when the last writer has, which is when a head gets
 * nothing; a head that was killed is followed by the next one; what cannot be written is read all the same, so that
 * a full pool stops no jail. It leaves the session and the control group of whoever called: both may end before the jail.
 */
const copier = `
pipe=$1 log=$2 max=$3 border=$4
umask 077
cd /
trap '' HUP INT QUIT
for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  group=$tree/iocage/console
  [ -e "$tree/cgroup.procs" ] && { [ -d "$group" ] || mkdir -p "$group"; } && echo 0 >"$group/cgroup.procs"
done
echo -1000 >/proc/self/oom_score_adj
now() { size=$(stat -c %s -- "$log") || size=0; }
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
  [ "$size" -lt "$max" ] || turn
  if [ "$size" -lt "$max" ] && stdbuf -o0 head -c "$((max - size))" >>"$log"; then
    last=$size
    now
    [ "$size" != "$last" ] || exit
  else
    [ $? -gt 128 ] || [ "$(head -c 65536 | wc -c)" -gt 0 ] || exit
    now
  fi
done
`;

/**
 * Makes the pipe and starts the copier where there is none, and becomes the program, with the pipe as its output.
 * A pipe of the same name that another copier serves is left to its writers when a new one is asked for.
 */
const starter = `
pipe=$1 log=$2 max=$3 border=$4 copier=$5 how=$6
shift 6
[ "$how" = join ] || [ ! -e "$pipe" ] || rm -f -- "$pipe" "$pipe.turns"
[ -p "$pipe" ] || mkfifo -m 600 -- "$pipe" || exit 126
exec 3<>"$pipe"
if ! { read -r pid <"$pipe.pid" && [ "/proc/$pid/fd/0" -ef "$pipe" ]; } 2>/dev/null; then
  # Ends when the copier has given our output up, and by then it has its input: nobody takes it for dead.
  pid=$(
    unset IOCAGE_RUN
    (exec setsid sh -c "$copier" iocage-console "$pipe" "$log" "$max" "$border" <"$pipe" >/dev/null 2>&1 3>&-) &
    echo $!
  )
  echo "$pid" >"$pipe.pid"
fi
exec "$@" >&3 2>&1 3>&-
`;

/** Both scripts are fixed texts, and what varies is their arguments: a shell can open a pipe and then become the program. */
function words({ pipe, log }: Console, how: 'new' | 'join'): readonly string[] {
  const sizes = [String(consoleBytes), String(borderBytes)];
  return ['sh', '-c', starter, 'iocage-console', pipe, log, ...sizes, copier, how];
}

/**
 * What `via` of a program takes so that it writes to the console.
 *
 * @param how `new`: the jail's console begins with this program; `join`: it is there already, and its copier is
 *   started again when somebody killed it.
 */
export async function into(
  files: Files,
  console: Console,
  how: 'new' | 'join' = console.of === 'jail' ? 'join' : 'new',
): Promise<readonly string[]> {
  await files.mkdir(dirname(console.pipe), { mode: 0o700 });
  await files.mkdir(dirname(console.log), { mode: 0o700 });
  return words(console, how);
}

/** For `via`: output to a file of its own, of a program whose output ends by itself. The line is fixed, as above. */
export const toFile = (path: string): readonly string[] => ['sh', '-c', 'exec "$@" >"$0" 2>&1', path];

async function copierOf(files: Files, { pipe }: Console): Promise<number | undefined> {
  const pid = Number((await files.read(pidFile(pipe)))?.trim() ?? '');
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  return (await files.readlink(`/proc/${pid}/fd/0`).catch(() => undefined)) === pipe ? pid : undefined;
}

/** A jail whose copier was killed gets another; costs two small reads where it lives. */
export async function keepConsole(exec: Exec, files: Files, console: Console): Promise<void> {
  if ((await files.stat(console.pipe)) === undefined || (await copierOf(files, console)) !== undefined)
    return;
  await exec.change(['true'], { via: await into(files, console), accept: 'any' });
}

/** read(2) of descriptor 0, by its number on each machine: x86-64, arm64. */
const blockedInRead = /^(?:0|63) 0x0 /;

/** True when the copier waits for more: then everything that was in the pipe is in the log. */
async function waits(files: Files, pid: number): Promise<boolean> {
  const read = async (path: string): Promise<string> => (await files.read(path).catch(() => undefined)) ?? '';
  const children = (await read(`/proc/${pid}/task/${pid}/children`)).trim().split(' ');
  const calls = await Promise.all(children.filter(Boolean).map((child) => read(`/proc/${child}/syscall`)));
  return calls.some((call) => blockedInRead.test(call));
}

/** How long the last words of what failed or ended are worth, on a host with much else to do. */
export const lastWordsMs = 5000;

/** Until what was written before this call is in the log; with a bound, since others may go on writing. */
export async function settleConsole(
  run: Pick<StepRun, 'clock' | 'dry' | 'files'>,
  console: Console,
  mostMs = 500,
): Promise<void> {
  if (run.dry) return;
  const end = run.clock.now().getTime() + mostMs;
  while (run.clock.now().getTime() < end) {
    const pid = await copierOf(run.files, console);
    if (pid === undefined || (await waits(run.files, pid))) return;
    await run.clock.sleep(2);
  }
}

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

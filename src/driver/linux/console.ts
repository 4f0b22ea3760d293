/**
 * A console log's copier on Linux; both/console.ts has what it does. It leaves the control group of whoever called,
 * which may end before the jail. See stdbuf(1), head(1), setsid(1), proc_pid_syscall(5).
 */
import { consoles, copierPid, type Console } from '../both/console.ts';
import type { Files } from '../system.ts';

async function copierOf(files: Files, console: Console): Promise<number | undefined> {
  const pid = await copierPid(files, console);
  if (pid === undefined) return undefined;
  return (await files.readlink(`/proc/${pid}/fd/0`).catch(() => undefined)) === console.pipe
    ? pid
    : undefined;
}

/** read(2) of descriptor 0, by its number on each machine: x86-64, arm64. */
const blockedInRead = /^(?:0|63) 0x0 /;

async function waits(files: Files, pid: number): Promise<boolean> {
  const read = async (path: string): Promise<string> => (await files.read(path).catch(() => undefined)) ?? '';
  const children = (await read(`/proc/${pid}/task/${pid}/children`)).trim().split(' ');
  const calls = await Promise.all(children.filter(Boolean).map((child) => read(`/proc/${child}/syscall`)));
  return calls.some((call) => blockedInRead.test(call));
}

export const { into, keepConsole, settleConsole } = consoles({
  leave: `
for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  group=$tree/iocage/console
  [ -e "$tree/cgroup.procs" ] && { [ -d "$group" ] || mkdir -p "$group"; } && echo 0 >"$group/cgroup.procs"
done
echo -1000 >/proc/self/oom_score_adj`,
  apart: 'setsid',
  copy: 'stdbuf -o0 head -c "$room"',
  piece: 1,
  isCopier: '[ "/proc/$pid/fd/0" -ef "$pipe" ]',
  async look({ files }, console) {
    const pid = await copierOf(files, console);
    return pid === undefined ? 'none' : (await waits(files, pid)) ? 'waits' : 'copies';
  },
});

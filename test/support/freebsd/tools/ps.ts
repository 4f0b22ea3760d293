/**
 * ps(1), with the columns that are asked for: the machine's real processes, since sh(1) and what it runs are real, and
 * what they wait for in the words of FreeBSD's kernel. The command comes last, in one line, as strvis(3) leaves it.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { Fail, flagsOf, type Tool } from '../call.ts';

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** A process in read(2) of a pipe waits for `piperd` (sys/kern/sys_pipe.c), a shell for `wait`. */
function channel(pid: string): string {
  const [, descriptor] = /^(?:0|63) 0x([0-9a-f]+) /.exec(read(`/proc/${pid}/syscall`)) ?? [];
  if (descriptor === undefined) return 'wait';
  try {
    return statSync(`/proc/${pid}/fd/${Number.parseInt(descriptor, 16)}`).isFIFO() ? 'piperd' : 'ttyin';
  } catch {
    return '-';
  }
}

const parentOf = (pid: string): string => {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '0';
};

const columns: Readonly<Record<string, (pid: string) => string>> = {
  pid: (pid) => pid,
  ppid: parentOf,
  wchan: channel,
  command: (pid) => read(`/proc/${pid}/cmdline`).split('\0').join(' ').replaceAll('\n', '^J').trim(),
};

export const ps: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length > 0) throw new Fail(`illegal argument: ${rest[0]}`);
  const asked = (flags.get('-o') ?? []).map((word) => {
    if (!word.endsWith('=') || !(word.slice(0, -1) in columns))
      throw new Fail(`${word.replace(/=.*/, '')}: the stand-in has pid=, ppid=, wchan= and command=`);
    return columns[word.slice(0, -1)]!;
  });
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  // A command line goes at the end; all others are padded.
  for (const pid of pids) call.out(`${asked.map((column) => column(pid).padStart(5)).join(' ')}\n`);
};

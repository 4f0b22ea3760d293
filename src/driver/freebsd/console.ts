/**
 * A console log's copier on FreeBSD; both/console.ts has what it does. dd(1) writes each piece as it was read, where
 * head(1) waits for 4 KiB and may read more than it copies; there is no /proc, so ps(1) tells who waits for what.
 * See dd(1), daemon(8), ps(1); `piperd` is what pipe_read() of sys/kern/sys_pipe.c waits for.
 */
import { consoles, copierPid, jailConsole, programConsole, type Console } from '../both/console.ts';
import type { Paths } from '../system.ts';
import { placesOf } from './names.ts';

interface Jail {
  readonly pool: string;
  readonly uuid: string;
  readonly consoleLog: string;
}

/** @param up whether the jail is there, and its console with it */
export function consoleOf(paths: Paths, { pool, uuid, consoleLog }: Jail, up = true): Console {
  return (up ? jailConsole : programConsole)(placesOf(paths, pool, uuid).console, consoleLog);
}

const columns = ['pid', 'ppid', 'wchan', 'command'] as const;
const listing = ['ps', '-axww', ...columns.flatMap((name) => ['-o', `${name}=`])];

/** Of `ps -axww -o pid= -o ppid= -o wchan= -o command=`; pure. */
export function copierAt(text: string, pid: number, pipe: string): 'waits' | 'copies' | 'none' {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  const own = rows.find(([first]) => Number(first) === pid)?.join(' ');
  if (own?.includes(` iocage-console ${pipe} `) !== true) return 'none';
  return rows.some(([, parent, channel]) => Number(parent) === pid && channel === 'piperd')
    ? 'waits'
    : 'copies';
}

export const { into, keepConsole, settleConsole } = consoles({
  leave: '',
  apart: 'daemon',
  copy: 'dd bs=8192 count="$((room / 8192))" 2>/dev/null',
  piece: 8192,
  isCopier: 'case $(ps -ww -o command= -p "$pid") in *" iocage-console $pipe "*) ;; *) false ;; esac',
  async look({ exec, files }, console) {
    const pid = await copierPid(files, console);
    if (pid === undefined) return 'none';
    return copierAt((await exec.read(listing, { accept: 'any' })).stdout, pid, console.pipe);
  },
});

/** Tells whether a process that was written down is still the same one: a pid alone is reused. */
import { readFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';

/** Start time in the kernel's words (clock ticks since boot on Linux, a date on FreeBSD); undefined when it is gone. */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux')
    return parseStartTime(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
  return new Promise((resolve) => {
    // The date comes in the words of the locale and the hour of the zone, which whoever asks later need not share.
    const env = { LC_ALL: 'C', TZ: 'UTC' };
    execFile('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], { env }, (error, stdout) =>
      resolve(error || stdout.trim() === '' ? undefined : stdout.trim()),
    );
  });
}

/**
 * Field 22 of proc_pid_stat(5); undefined for a zombie, which does nothing any more. The command name
 * in field 2 may hold blanks and parentheses, so fields are counted from the last one.
 */
export function parseStartTime(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return fields[19];
}

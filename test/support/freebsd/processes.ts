/** Ends real processes that a jail of the stand-in was given. */
import { readdirSync, readFileSync } from 'node:fs';

/** A process and all that it started, the youngest last. */
export function killTree(pid: number): void {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Gone meanwhile.
    }
  }
  const kill = (one: number): void => {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
    for (const child of children.get(one) ?? []) kill(child);
  };
  kill(pid);
}

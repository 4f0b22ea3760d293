/**
 * The processes of a jail as its control group lists them, and signals to them. The first process is
 * left out: when it ends, the kernel ends all the others at once, without a word of warning.
 */
import type { StepRun } from '../step.ts';
import type { Files } from '../system.ts';
import type { CgroupLayout } from './facts.ts';

export async function processesOf(
  files: Files,
  cgroups: CgroupLayout,
  cgroup: string,
): Promise<readonly number[]> {
  for (const tree of cgroups.trees) {
    const text = await files.read(`${tree}${cgroup}/cgroup.procs`).catch(() => undefined);
    if (text !== undefined && text !== '') return text.trim().split('\n').map(Number);
  }
  return [];
}

/** A fixed text, so that one child serves any number of processes. Numbers are the only words that vary; a process that is gone meanwhile is no failure. */
const killEach = 'signal=$1; shift; for pid; do kill -s "$signal" "$pid" 2>/dev/null; done; exit 0';

export async function signalAll(
  run: StepRun,
  signal: 'TERM' | 'KILL',
  pids: readonly number[],
): Promise<void> {
  if (pids.length === 0) return;
  await run.exec.change(['sh', '-c', killEach, 'sh', signal, ...pids.map(String)]);
}

/**
 * TERM to every process but the first, and a wait until they are gone or the time is up.
 *
 * @returns those that stayed.
 */
export async function askToEnd(
  run: StepRun,
  list: () => Promise<readonly number[]>,
  first: number,
  timeoutMs: number,
): Promise<readonly number[]> {
  const others = async (): Promise<readonly number[]> => (await list()).filter((pid) => pid !== first);
  let left = await others();
  if (left.length === 0) return left;
  await signalAll(run, 'TERM', left);
  if (run.dry) return left;
  const end = run.clock.now().getTime() + timeoutMs;
  for (
    let pause = 5;
    run.clock.now().getTime() < end && !run.signal.aborted;
    pause = Math.min(pause * 2, 200)
  ) {
    left = await others();
    if (left.length === 0) return left;
    await run.clock.sleep(pause);
  }
  return others();
}

/**
 * What running jails use, from their control groups and from /proc, in files alone. The parsers are
 * pure. See cgroups(7), proc_pid_status(5), and rctl(8) for the names.
 */
import type { Clock, Files } from '../system.ts';
import type { Usage } from '../host.ts';
import type { Controllers } from './limits-cgroup.ts';
import type { JailState } from './state.ts';

/** `key value` lines, as in cpu.stat and memory.events. */
export function parseFlat(text: string): ReadonlyMap<string, number> {
  return new Map(
    text
      .split('\n')
      .map((line) => /^(\w+)\s+(\d+)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[1]!, Number(match[2])] as const),
  );
}

/** Sizes of one process in bytes, by the resource that they are part of. */
export function parseStatus(text: string): ReadonlyMap<string, number> {
  const names: Readonly<Record<string, string>> = {
    VmSize: 'vmemoryuse',
    VmLck: 'memorylocked',
    VmData: 'datasize',
    VmStk: 'stacksize',
  };
  return new Map(
    [...text.matchAll(/^(\w+):\s+(\d+) kB$/gm)]
      .filter((match) => Object.hasOwn(names, match[1]!))
      .map((match) => [names[match[1]!]!, Number(match[2]) * 1024] as const),
  );
}

const number = (text: string | undefined): number | null =>
  text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : null;

interface Group {
  read(controller: string, file: string): Promise<string | undefined>;
  readonly version: 1 | 2;
}

function groupAt(files: Files, controllers: Controllers, cgroup: string): Group {
  return {
    version: controllers.version,
    async read(controller, file) {
      const tree = controllers.trees.get(controller);
      return tree === undefined ? undefined : files.read(`${tree}${cgroup}/${file}`).catch(() => undefined);
    },
  };
}

/** CPU time so far, in seconds. Version 2 keeps cpu.stat whether the controller is on or not. */
async function cpuSeconds(group: Group): Promise<number | null> {
  if (group.version === 1) {
    const nanoseconds = number(await group.read('cpuacct', 'cpuacct.usage'));
    return nanoseconds === null ? null : nanoseconds / 1e9;
  }
  const micro = parseFlat((await group.read('cpu', 'cpu.stat')) ?? '').get('usage_usec');
  return micro === undefined ? null : micro / 1e6;
}

async function memory(group: Group): Promise<{ memoryuse: number | null; swapuse: number | null }> {
  if (group.version === 2) {
    return {
      memoryuse: number(await group.read('memory', 'memory.current')),
      swapuse: number(await group.read('memory', 'memory.swap.current')),
    };
  }
  // The sum first: what is charged between the two reads then never makes the difference too large.
  const sum = number(await group.read('memory', 'memory.memsw.usage_in_bytes'));
  const memoryuse = number(await group.read('memory', 'memory.usage_in_bytes'));
  return {
    memoryuse,
    swapuse: sum === null || memoryuse === null ? null : Math.max(0, sum - memoryuse),
  };
}

async function hitsOf(group: Group): Promise<ReadonlyMap<string, number>> {
  const flat = async (controller: string, file: string, key: string) =>
    parseFlat((await group.read(controller, file)) ?? '').get(key);
  const found = {
    memoryuse: await flat('memory', group.version === 1 ? 'memory.oom_control' : 'memory.events', 'oom_kill'),
    maxproc: await flat('pids', 'pids.events', 'max'),
    pcpu: await flat('cpu', 'cpu.stat', 'nr_throttled'),
  };
  return new Map(Object.entries(found).filter((entry): entry is [string, number] => entry[1] !== undefined));
}

/** Sums over the jail's processes; one that ends meanwhile counts as far as it was seen. */
async function processSums(files: Files, pids: readonly number[]): Promise<Map<string, number>> {
  const sums = new Map(
    ['vmemoryuse', 'memorylocked', 'datasize', 'stacksize', 'openfiles'].map((key) => [key, 0]),
  );
  const add = (key: string, amount: number): void => void sums.set(key, (sums.get(key) ?? 0) + amount);
  await Promise.all(
    pids.map(async (pid) => {
      const status = await files.read(`/proc/${pid}/status`).catch(() => undefined);
      for (const [key, bytes] of parseStatus(status ?? '')) add(key, bytes);
      add('openfiles', (await files.list(`/proc/${pid}/fd`).catch(() => [])).length);
    }),
  );
  return sums;
}

/** Long enough for a figure of two digits, short enough to wait for. */
const sampleMs = 200;

export interface UsageOf {
  readonly uuid: string;
  readonly cgroup: string;
  readonly state: JailState;
}

export async function readUsage(
  files: Files,
  clock: Clock,
  controllers: Controllers,
  jails: readonly UsageOf[],
): Promise<ReadonlyMap<string, Usage>> {
  const groups = jails.map(({ cgroup }) => groupAt(files, controllers, cgroup));
  const now = (): number => performance.now();
  const sample = () =>
    Promise.all(groups.map(async (group) => ({ at: now(), cpu: await cpuSeconds(group) })));
  const before = await sample();
  if (jails.length > 0) await clock.sleep(sampleMs);
  const after = await sample();

  const usages = jails.map(async ({ uuid, state }, index): Promise<readonly [string, Usage]> => {
    const group = groups[index]!;
    const procs = (await group.read('pids', 'cgroup.procs')) ?? '';
    const pids = procs.split('\n').filter(Boolean).map(Number);
    const elapsed = (after[index]!.at - before[index]!.at) / 1000;
    const [first, last] = [before[index]!.cpu, after[index]!.cpu];
    const started = Date.parse(state.startedAt ?? '');
    const used = new Map<string, number | null>([
      ['cputime', last === null ? null : Math.floor(last)],
      ...(await processSums(files, pids)),
      ...Object.entries(await memory(group)),
      ['maxproc', pids.length],
      ['nthr', number(await group.read('pids', 'pids.current'))],
      ['wallclock', Number.isNaN(started) ? null : Math.floor((clock.now().getTime() - started) / 1000)],
      [
        'pcpu',
        first === null || last === null || elapsed <= 0 ? null : Math.round(((last - first) / elapsed) * 100),
      ],
    ]);
    return [uuid, { used, hits: await hitsOf(group) }];
  });
  return new Map(await Promise.all(usages));
}

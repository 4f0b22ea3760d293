/**
 * Limits as texts for the files of a control group, of version 1 and of version 2, and where this
 * host has which controller. The texts are pure. See cgroups(7) and the kernel's cgroup-v1 and
 * cgroup-v2 documents.
 */
import type { Files } from '../system.ts';
import type { CgroupLimits, LimitFacts } from './limits.ts';

export interface CgroupFile {
  readonly controller: 'memory' | 'cpu' | 'cpuset' | 'pids';
  readonly file: string;
  readonly text: string;
  /** It takes a limit away: without the file there is nothing to take away. */
  readonly lifts?: true;
}

/** Where each controller's tree is mounted, by its name. */
export interface Controllers {
  readonly version: 1 | 2;
  readonly trees: ReadonlyMap<string, string>;
}

/** The kernel's own default, in microseconds. */
const period = 100_000;
const quota = (percent: number): number => Math.max(1000, (percent * period) / 100);

/** PID_MAX_LIMIT: the kernel never has more tasks, and takes no larger number. See cgroups(7), pids. */
const mostTasks = 4_194_304;
const tasksText = (tasks: number): string => (tasks < mostTasks ? `${tasks}` : 'max');

const lift = (controller: CgroupFile['controller'], file: string, text: string): CgroupFile => ({
  controller,
  file,
  text,
  lifts: true,
});

/** @param allCpus what the parent has: version 1 takes no empty list. */
function version1(limits: CgroupLimits, swap: LimitFacts['swap'], allCpus: string): readonly CgroupFile[] {
  const { memoryBytes, swapBytes, tasks, cpuPercent, cpus } = limits;
  const joint = 'memory.memsw.limit_in_bytes';
  return [
    // The sum may never be below its part: away with it first, whichever way the part goes.
    ...(swap === 'joint' ? [lift('memory', joint, '-1')] : []),
    memoryBytes === undefined
      ? lift('memory', 'memory.limit_in_bytes', '-1')
      : { controller: 'memory', file: 'memory.limit_in_bytes', text: `${memoryBytes}` },
    ...(swapBytes === undefined || memoryBytes === undefined
      ? []
      : [{ controller: 'memory', file: joint, text: `${memoryBytes + swapBytes}` } as const]),
    tasks === undefined
      ? lift('pids', 'pids.max', 'max')
      : { controller: 'pids', file: 'pids.max', text: tasksText(tasks) },
    cpuPercent === undefined
      ? lift('cpu', 'cpu.cfs_quota_us', '-1')
      : { controller: 'cpu', file: 'cpu.cfs_quota_us', text: `${quota(cpuPercent)}` },
    cpus === undefined
      ? lift('cpuset', 'cpuset.cpus', allCpus)
      : { controller: 'cpuset', file: 'cpuset.cpus', text: cpus },
  ];
}

function version2(limits: CgroupLimits): readonly CgroupFile[] {
  const { memoryBytes, swapBytes, tasks, cpuPercent, cpus } = limits;
  const setting = (
    controller: CgroupFile['controller'],
    file: string,
    value: number | string | undefined,
    none = 'max',
  ): CgroupFile =>
    value === undefined ? lift(controller, file, none) : { controller, file, text: `${value}` };
  return [
    setting('memory', 'memory.max', memoryBytes),
    setting('memory', 'memory.swap.max', swapBytes),
    setting('pids', 'pids.max', tasks === undefined ? undefined : tasksText(tasks)),
    setting(
      'cpu',
      'cpu.max',
      cpuPercent === undefined ? undefined : `${quota(cpuPercent)} ${period}`,
      `max ${period}`,
    ),
    // An empty list means the parent's.
    setting('cpuset', 'cpuset.cpus', cpus, '\n'),
  ];
}

export function toCgroupFiles(
  limits: CgroupLimits,
  version: 1 | 2,
  swap: LimitFacts['swap'],
  allCpus: string,
): readonly CgroupFile[] {
  return version === 1 ? version1(limits, swap, allCpus) : version2(limits);
}

/** Names of controllers among the options of a version 1 mount. */
const controllerNames = new Set(['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'blkio']);

/**
 * @param mounts text of /proc/self/mounts.
 * @param available text of `cgroup.controllers` at the top of the version 2 tree.
 */
export function parseControllers(mounts: string, available: string): Controllers {
  const trees = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mounts.split('\n')) {
    const [, at = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2') unified ??= at;
    if (type !== 'cgroup') continue;
    for (const name of options.split(',')) if (controllerNames.has(name)) trees.set(name, at);
  }
  if (trees.size > 0 || unified === undefined) return { version: 1, trees };
  const names = available.trim().split(/\s+/).filter(Boolean);
  return { version: 2, trees: new Map(names.map((name) => [name, unified])) };
}

export async function readControllers(files: Files): Promise<Controllers> {
  const mounts = (await files.read('/proc/self/mounts')) ?? '';
  const unified = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  const available = unified === undefined ? undefined : await files.read(`${unified}/cgroup.controllers`);
  return parseControllers(mounts, available ?? '');
}

/** Number of the last CPU in a list such as `0-3`. */
export function lastCpu(list: string): number | undefined {
  const last = /(\d+)\s*$/.exec(list)?.[1];
  return last === undefined ? undefined : Number(last);
}

export async function readLimitFacts(files: Files, controllers: Controllers): Promise<LimitFacts> {
  const memory = controllers.trees.get('memory');
  const joint =
    controllers.version === 1 &&
    memory !== undefined &&
    (await files.stat(`${memory}/memory.memsw.limit_in_bytes`)) !== undefined;
  const last = lastCpu((await files.read('/sys/devices/system/cpu/online')) ?? '');
  return {
    controllers: new Set(controllers.trees.keys()),
    swap: controllers.version === 2 ? 'separate' : joint ? 'joint' : 'none',
    ...(last === undefined ? {} : { lastCpu: last }),
  };
}

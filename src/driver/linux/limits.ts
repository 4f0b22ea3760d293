/**
 * A jail's limits, from its configuration to what Linux can keep: settings of its control group and
 * rlimits of its processes; and by name, with the reason, what Linux cannot keep. Pure.
 *
 * See cgroups(7), getrlimit(2), and rctl(8) for what the original's resources mean.
 */
import type { LimitRule, NotApplied } from '../host.ts';
import { cpuset, cpusetProblem } from '../../domain/codec/cpuset.ts';
import { limitCodec, limitResources, type Limit, type LimitKey } from '../../domain/codec/limit.ts';
import { isOn, valueOf } from '../../domain/config.ts';
import { getProperty } from '../../domain/properties/index.ts';

/** What the control group keeps for all of the jail together; what is absent is unlimited. */
export interface CgroupLimits {
  readonly memoryBytes?: number;
  readonly swapBytes?: number;
  /** Processes and threads together; the kernel counts no others. */
  readonly tasks?: number;
  /** Of one CPU; 200 are two CPUs. */
  readonly cpuPercent?: number;
  /** As the kernel writes a list: `0,2-3`. */
  readonly cpus?: string;
}

/** An entry of `process.rlimits` in the OCI runtime specification. */
export interface Rlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

/** What is, or is to be, in force for a running jail. */
export interface ActiveLimits {
  readonly rules: readonly LimitRule[];
  readonly cgroup: CgroupLimits;
  readonly rlimits: readonly Rlimit[];
}

export interface JailLimits extends ActiveLimits {
  readonly notApplied: readonly NotApplied[];
  /** Values with which no jail could run on this host. */
  readonly problems: readonly { readonly key: string; readonly problem: string }[];
}

/** What the control groups of this host can do. */
export interface LimitFacts {
  readonly controllers: ReadonlySet<string>;
  /** `joint`: swap is limited as a sum with memory (version 1). */
  readonly swap: 'separate' | 'joint' | 'none';
  /** Number of the last CPU; undefined when unknown, and nothing is said about it then. */
  readonly lastCpu?: number;
}

/** For telling what the kernel cannot do at all, without a look at this host. */
export const everything: LimitFacts = {
  controllers: new Set(['memory', 'cpu', 'cpuset', 'pids']),
  swap: 'separate',
};

export const noLimits: ActiveLimits = { rules: [], cgroup: {}, rlimits: [] };

const rlimitOf = {
  datasize: 'RLIMIT_DATA',
  stacksize: 'RLIMIT_STACK',
  coredumpsize: 'RLIMIT_CORE',
  memorylocked: 'RLIMIT_MEMLOCK',
  openfiles: 'RLIMIT_NOFILE',
  vmemoryuse: 'RLIMIT_AS',
} as const satisfies Partial<Record<LimitKey, string>>;

const controllerOf = {
  memoryuse: 'memory',
  swapuse: 'memory',
  maxproc: 'pids',
  nthr: 'pids',
  pcpu: 'cpu',
} as const satisfies Partial<Record<LimitKey, string>>;

/** `process.rlimits` takes numbers, which end below the kernel's word for no limit. */
const unlimited = Number.MAX_SAFE_INTEGER;

export const keys = Object.keys(limitResources) as readonly LimitKey[];

const has = <K extends string>(table: Record<K, string>, key: string): key is K => Object.hasOwn(table, key);

/** Why Linux cannot keep this limit; undefined when it can. */
function obstacle(key: LimitKey, limit: Limit, all: ReadonlyMap<LimitKey, Limit>, facts: LimitFacts) {
  const { linux } = getProperty(key);
  if (linux.effect !== 'applied') return linux.note;
  if (key === 'cputime')
    return ['sigkill', 'sigxcpu'].includes(limit.action)
      ? undefined
      : 'Linux knows sigxcpu and sigkill for CPU time, and no other action';
  if (limit.action !== 'deny') return `Linux has no equal of the action ${limit.action}; deny works`;
  if (!has(controllerOf, key)) return undefined;
  if (!facts.controllers.has(controllerOf[key]))
    return `this host has no control group controller ${controllerOf[key]}`;
  if (key !== 'swapuse') return undefined;
  if (facts.swap === 'none') return 'the control groups of this host do not count swap space';
  if (facts.swap === 'joint' && all.get('memoryuse')?.action !== 'deny')
    return 'the control groups of this host limit swap only together with memory: set memoryuse=AMOUNT:deny too';
  return undefined;
}

function cgroupOf(kept: ReadonlyMap<LimitKey, Limit>): CgroupLimits {
  const amount = (key: LimitKey): number | undefined => kept.get(key)?.amount;
  const tasks = [amount('maxproc'), amount('nthr')].filter((count) => count !== undefined);
  const given = {
    memoryBytes: amount('memoryuse'),
    swapBytes: amount('swapuse'),
    // Only tasks are counted: the smaller of the two is the one that lets neither be exceeded.
    tasks: tasks.length > 0 ? Math.min(...tasks) : undefined,
    cpuPercent: amount('pcpu'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function rlimitsOf(kept: ReadonlyMap<LimitKey, Limit>): readonly Rlimit[] {
  return [...kept].flatMap(([key, { amount, action }]): readonly Rlimit[] => {
    // At the soft limit the kernel sends XCPU, at the hard one KILL. See setrlimit(2).
    if (key === 'cputime')
      return [{ type: 'RLIMIT_CPU', soft: amount, hard: action === 'sigkill' ? amount : unlimited }];
    return has(rlimitOf, key) ? [{ type: rlimitOf[key], soft: amount, hard: amount }] : [];
  });
}

/** Nothing runs without memory, a process and a CPU. The other limits may be 0, and coredumpsize often is. */
const notZero: readonly LimitKey[] = ['memoryuse', 'maxproc', 'nthr', 'pcpu'];

function cpusOf(config: ReadonlyMap<string, string>, facts: LimitFacts) {
  const value = valueOf(config, 'cpuset', cpuset) ?? 'off';
  const problem = facts.lastCpu === undefined ? undefined : cpusetProblem(value, facts.lastCpu);
  const known = facts.controllers.has('cpuset');
  return {
    cpus: typeof value === 'string' || !known ? undefined : cpuset.print(value),
    problems: problem === undefined ? [] : [{ key: 'cpuset', problem }],
    notApplied:
      typeof value === 'string' || known
        ? []
        : [
            {
              key: 'cpuset',
              value: cpuset.print(value),
              why: 'this host has no control group controller cpuset',
            },
          ],
  };
}

/**
 * @param config effective values of the jail; without `rlimits=on` only `cpuset` counts.
 * @throws INVALID_INPUT for a value that cannot be read
 */
export function toLimits(config: ReadonlyMap<string, string>, facts: LimitFacts): JailLimits {
  const { cpus, ...further } = cpusOf(config, facts);
  const wanted = new Map<LimitKey, Limit>();
  if (isOn(config, 'rlimits')) {
    for (const key of keys) {
      const limit = valueOf(config, key, limitCodec(key));
      if (limit) wanted.set(key, limit);
    }
  }
  const kept = new Map<LimitKey, Limit>();
  const notApplied: NotApplied[] = [...further.notApplied];
  for (const [key, limit] of wanted) {
    const why = obstacle(key, limit, wanted, facts);
    if (why === undefined) kept.set(key, limit);
    else notApplied.push({ key, value: limitCodec(key).print(limit), why });
  }
  const zero = notZero.filter((key) => kept.get(key)?.amount === 0);
  return {
    rules: [...kept].map(([key, limit]) => ({ key, value: limitCodec(key).print(limit) })),
    cgroup: { ...cgroupOf(kept), ...(cpus === undefined ? {} : { cpus }) },
    rlimits: rlimitsOf(kept),
    notApplied,
    problems: [
      ...further.problems,
      ...zero.map((key) => ({ key, problem: 'with 0 nothing of the jail could run; off lifts the limit' })),
    ],
  };
}

/**
 * Hard limits as /proc/self/limits lists them, by the OCI runtime's names; unlimited ones are absent.
 * See proc_pid_limits(5).
 */
export function parseHardLimits(text: string): ReadonlyMap<string, number> {
  const names: Readonly<Record<string, string>> = {
    'Max cpu time': 'RLIMIT_CPU',
    'Max data size': 'RLIMIT_DATA',
    'Max stack size': 'RLIMIT_STACK',
    'Max core file size': 'RLIMIT_CORE',
    'Max locked memory': 'RLIMIT_MEMLOCK',
    'Max open files': 'RLIMIT_NOFILE',
    'Max address space': 'RLIMIT_AS',
  };
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(Max [a-z ]+?) {2,}\S+ +(\d+)\b/.exec(line);
    const name = match && Object.hasOwn(names, match[1]!) ? names[match[1]!] : undefined;
    if (match && name !== undefined) found.set(name, Number(match[2]));
  }
  return found;
}

/** A limit never allows more than the caller has, who might not be able to raise it. */
export function within(rlimits: readonly Rlimit[], hard: ReadonlyMap<string, number>): readonly Rlimit[] {
  return rlimits.map(({ type, soft, hard: wanted }) => {
    const most = hard.get(type) ?? unlimited;
    return { type, soft: Math.min(soft, most), hard: Math.min(wanted, most) };
  });
}

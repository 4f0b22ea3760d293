/**
 * A jail's limits as rules of rctl(8), and back. Pure. The original's resources and actions are rctl's own, so
 * every limit is kept as it is written, where the kernel counts at all (`kern.racct.enable=1`).
 */
import type { LimitRule } from '../host.ts';
import { cpuset, cpusetProblem } from '../../domain/codec/cpuset.ts';
import { limitCodec, limitResources, type Limit, type LimitKey } from '../../domain/codec/limit.ts';
import { isOn, valueOf } from '../../domain/config.ts';
import type { HostFacts } from './facts.ts';

export interface JailLimits {
  readonly rules: readonly LimitRule[];
  /** A list of cpuset(1); undefined: every CPU. */
  readonly cpus: string | undefined;
  readonly problems: readonly { readonly key: string; readonly problem: string }[];
}

const keys = Object.keys(limitResources) as readonly LimitKey[];

/** Nothing runs without memory, a process and a CPU. The other limits may be 0, and coredumpsize often is. */
const notZero: ReadonlySet<LimitKey> = new Set([
  'memoryuse',
  'vmemoryuse',
  'maxproc',
  'nthr',
  'pcpu',
  'openfiles',
]);

export const racctOff =
  'the kernel counts nothing: put kern.racct.enable=1 into /boot/loader.conf and boot the host';

/**
 * @param config effective values; without `rlimits=on` only `cpuset` counts
 * @throws INVALID_INPUT for a value that cannot be read
 */
export function toLimits(
  config: ReadonlyMap<string, string>,
  facts: Pick<HostFacts, 'racct' | 'lastCpu'>,
): JailLimits {
  const wanted = isOn(config, 'rlimits')
    ? keys.flatMap((key) => {
        const limit = valueOf(config, key, limitCodec(key));
        return limit ? [[key, limit] as const] : [];
      })
    : [];
  const cpus = valueOf(config, 'cpuset', cpuset) ?? 'off';
  const problem = facts.lastCpu === undefined ? undefined : cpusetProblem(cpus, facts.lastCpu);
  return {
    rules: wanted.map(([key, limit]) => ({ key, value: limitCodec(key).print(limit) })),
    cpus: typeof cpus === 'string' ? undefined : cpuset.print(cpus),
    problems: [
      ...(wanted.length > 0 && !facts.racct ? [{ key: 'rlimits', problem: racctOff }] : []),
      ...wanted
        .filter(([key, { amount, action }]) => amount === 0 && action === 'deny' && notZero.has(key))
        .map(([key]) => ({ key, problem: 'with 0 nothing could run in the jail' })),
      ...(problem === undefined ? [] : [{ key: 'cpuset', problem }]),
    ],
  };
}

const isKey = (text: string): text is LimitKey => Object.hasOwn(limitResources, text);

/** `jail:ioc-web:maxproc:deny=50`. Amounts as numbers: rctl(8) knows no fractions, and its suffixes are ours. */
export function printRule(name: string, { key, value }: LimitRule): string {
  const limit: Limit | null = isKey(key) ? limitCodec(key).parse(value) : null;
  if (limit === null) throw new Error(`no rule: ${key}=${value}`);
  return `jail:${name}:${key}:${limit.action}=${limit.amount}`;
}

/** Of `rctl jail:NAME`: the rules of one jail; those of resources that we do not know are left out. */
export function parseRules(text: string, name: string): readonly LimitRule[] {
  return text.split('\n').flatMap((line) => {
    const found = /^jail:([^:]+):(\w+):(\w+)=(\d+)(?:\/\w+)?$/.exec(line.trim());
    if (found === null || found[1] !== name || !isKey(found[2]!)) return [];
    const key = found[2];
    return [{ key, value: limitCodec(key).print({ amount: Number(found[4]), action: found[3]! }) }];
  });
}

/** Of `rctl -u jail:NAME`: `name=number` a line. */
export function parseUsage(text: string): ReadonlyMap<string, number | null> {
  const found = new Map(
    text.split('\n').flatMap((line) => {
      const match = /^(\w+)=(\d+)$/.exec(line.trim());
      return match === null ? [] : [[match[1]!, Number(match[2])] as const];
    }),
  );
  return new Map(keys.map((key) => [key, found.get(key) ?? null]));
}

/** Of `cpuset -g -j NAME`: `jail 3 mask: 0, 1, 2`; undefined when that is every CPU. */
export function parseCpus(text: string, lastCpu: number | undefined): string | undefined {
  const list =
    /mask: ([\d, ]+)/
      .exec(text)?.[1]
      ?.split(',')
      .map((word) => Number(word.trim())) ?? [];
  if (list.length === 0 || list.length === (lastCpu ?? -1) + 1) return undefined;
  const ranges: { from: number; to: number }[] = [];
  for (const cpu of list) {
    const open = ranges.at(-1);
    if (open !== undefined && open.to + 1 === cpu) open.to = cpu;
    else ranges.push({ from: cpu, to: cpu });
  }
  return cpuset.print(ranges);
}

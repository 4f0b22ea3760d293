/**
 * Limits of a running jail, live: its rules in rctl(8) become exactly those that are wanted, whatever they
 * were, and its CPUs are set by cpuset(1). The kernel's own list is the record of what is in force.
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Exec, Paths, Step } from '../system.ts';
import type { JailSpec, LimitRule, LimitState, Usage } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import type { HostFacts } from './facts.ts';
import { readJails, rowOf } from './jls.ts';
import { parseCpus, parseRules, parseUsage, printRule, racctOff, toLimits } from './limits.ts';
import { placesOf } from './names.ts';

export interface LimitArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly name: string;
  readonly rules: readonly LimitRule[];
  /** What an undo brings back; null: the jail is being started, and goes. */
  readonly previous: readonly LimitRule[] | null;
  /** `all` frees it; absent: they stay as they are. */
  readonly cpus?: string;
  readonly previousCpus?: string;
}

async function setRules(name: string, from: readonly LimitRule[], to: readonly LimitRule[], run: StepRun) {
  const same = (a: LimitRule, b: LimitRule): boolean => a.key === b.key && a.value === b.value;
  const denies = ({ value }: LimitRule): boolean => value.endsWith(':deny');
  // rctl_rule_add() of kern_rctl.c puts a `deny` in the place of one that differs in the amount alone.
  const replaced = (old: LimitRule): boolean =>
    denies(old) && to.some((rule) => denies(rule) && rule.key === old.key);
  // New ones first, so that there is no moment without any; then what is not wanted any more, each by itself.
  for (const rule of to.filter((rule) => !from.some((old) => same(old, rule))))
    await run.exec.change(['rctl', '-a', printRule(name, rule)]);
  for (const rule of from.filter((old) => !replaced(old) && !to.some((now) => same(old, now))))
    await run.exec.change(['rctl', '-r', printRule(name, rule)]);
}

async function readRules(exec: Exec, name: string): Promise<readonly LimitRule[]> {
  const { status, stdout } = await exec.read(['rctl', `jail:${name}`], { accept: 'any' });
  return status === 0 ? parseRules(stdout, name) : [];
}

/** One call for everything of a jail; none of it is no failure. */
async function removeAll(name: string, run: StepRun): Promise<void> {
  if ((await readRules(run.exec, name)).length > 0) await run.exec.change(['rctl', '-r', `jail:${name}`]);
}

export function limitStepLists(exec: Exec, paths: Paths, facts: () => Promise<HostFacts>) {
  const kind = stepKind<LimitArgs>('freebsd.limits', {
    title: ({ uuid, rules, cpus }) =>
      `limit jail ${uuid}: ${[...rules.map(({ key, value }) => `${key}=${value}`), ...(cpus === undefined ? [] : [`cpuset=${cpus}`])].join(', ') || 'nothing'}`,
    async do({ name, rules, cpus }, run) {
      await setRules(name, await readRules(run.exec, name), rules, run);
      if (cpus !== undefined) await run.exec.change(['cpuset', '-l', cpus, '-j', name]);
    },
    async undo({ uuid, name, previous, cpus, previousCpus }, run) {
      if (previous === null) return removeAll(name, run);
      await setRules(name, await readRules(run.exec, name), previous, run);
      if (cpus === undefined || !(await readJails(run.exec)).some((row) => row.name === name)) return;
      if (uuid !== '') await run.exec.change(['cpuset', '-l', previousCpus ?? 'all', '-j', name]);
    },
  });
  /** Rules stay in the kernel when their jail goes. */
  const lift = stepKind<{ readonly uuid: string; readonly name: string }>('freebsd.limits-lift', {
    title: ({ uuid }) => `lift the limits of jail ${uuid}`,
    do: ({ name }, run) => removeAll(name, run),
    undo: () => Promise.resolve(),
  });

  const nameOf = (jail: JailSpec): string => placesOf(paths, jail.pool, jail.uuid).name;
  const isUp = async (jail: JailSpec): Promise<boolean> => rowOf(await readJails(exec), jail) !== undefined;
  const cpusOf = async (jail: JailSpec): Promise<string | undefined> => {
    const { status, stdout } = await exec.read(['cpuset', '-g', '-j', nameOf(jail)], { accept: 'any' });
    return status === 0 ? parseCpus(stdout, (await facts()).lastCpu) : undefined;
  };

  async function wantedOf(jail: JailSpec): Promise<ReturnType<typeof toLimits>> {
    const limits = toLimits(jail.config, await facts());
    if (limits.problems.length === 0) return limits;
    throw failure('INVALID_INPUT', {
      issues: limits.problems.map(({ key, problem }) => ({ path: key, problem })),
    });
  }

  const label = (rules: readonly LimitRule[]) =>
    rules.length > 0 ? { label: 'Applying resource limits' } : {};

  return {
    kinds: [kind, lift],
    async startSteps(jail: JailSpec): Promise<readonly Step[]> {
      const { rules, cpus } = await wantedOf(jail);
      if (rules.length === 0 && cpus === undefined) return [];
      const { pool, uuid } = jail;
      const more = cpus === undefined ? {} : { cpus };
      return [kind({ pool, uuid, name: nameOf(jail), rules, previous: null, ...more }, label(rules))];
    },
    /** Nothing where the kernel has no rule of the jail. */
    async liftSteps(jail: JailSpec): Promise<readonly Step[]> {
      const name = nameOf(jail);
      return (await readRules(exec, name)).length === 0 ? [] : [lift({ uuid: jail.uuid, name })];
    },
    async limitSteps(jail: JailSpec, wanted: 'apply' | 'release'): Promise<readonly Step[]> {
      if (!(await isUp(jail))) throw failure('NOT_RUNNING', { name: jail.tag });
      const { pool, uuid } = jail;
      const name = nameOf(jail);
      const previous = await readRules(exec, name);
      if (wanted === 'release') return [kind({ pool, uuid, name, rules: [], previous })];
      const { rules, cpus } = await wantedOf(jail);
      const now = await cpusOf(jail);
      const change =
        now === cpus ? {} : { cpus: cpus ?? 'all', ...(now === undefined ? {} : { previousCpus: now }) };
      return [kind({ pool, uuid, name, rules, previous, ...change }, label(rules))];
    },
    async limits(jail: JailSpec): Promise<LimitState> {
      if (!(await isUp(jail))) return { rules: [], cpus: undefined };
      return { rules: await readRules(exec, nameOf(jail)), cpus: await cpusOf(jail) };
    },
    async usage(pool: string, uuids: readonly string[]): Promise<ReadonlyMap<string, Usage>> {
      const up = new Set((await readJails(exec)).map(({ name }) => name));
      if (!(await facts()).racct)
        throw failure('UNSUPPORTED', { what: 'telling what a jail uses', why: racctOff });
      const found = new Map<string, Usage>();
      for (const uuid of uuids) {
        const { name } = placesOf(paths, pool, uuid);
        if (!up.has(name)) continue;
        const { stdout } = await exec.read(['rctl', '-u', `jail:${name}`]);
        found.set(uuid, { used: parseUsage(stdout), hits: new Map() });
      }
      return found;
    },
  };
}

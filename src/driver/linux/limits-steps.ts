/**
 * Putting limits into force and taking them away, in a running jail: files of its control group are
 * written, and the rlimits are recorded for the programs that are started in it from then on.
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths, Step } from '../system.ts';
import type { JailSpec, LimitState } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { readControllers, readLimitFacts, toCgroupFiles, type CgroupFile } from './limits-cgroup.ts';
import { noLimits, parseHardLimits, toLimits, within, type ActiveLimits, type JailLimits } from './limits.ts';
import { placesOf } from './names.ts';
import type { OciProcess } from './oci.ts';
import { isAlive, readState, recordState, type JailState } from './state.ts';

export interface LimitArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly limits: ActiveLimits;
  /** What undo brings back; null in a jail that is being started, which had none. */
  readonly previous: ActiveLimits | null;
}

const nameOf: Readonly<Record<CgroupFile['controller'], string>> = {
  memory: 'the memory limits',
  cpu: 'pcpu',
  cpuset: 'cpuset',
  pids: 'maxproc and nthr',
};

async function writeCgroup(
  limits: ActiveLimits,
  { uuid, cgroup }: { uuid: string; cgroup: string },
  fresh: boolean,
  run: StepRun,
): Promise<void> {
  const controllers = await readControllers(run.files);
  const facts = await readLimitFacts(run.files, controllers);
  const parent = `${controllers.trees.get('cpuset')}${cgroup.slice(0, cgroup.lastIndexOf('/'))}`;
  const allCpus = ((await run.files.read(`${parent}/cpuset.cpus`)) ?? '').trim();
  for (const { controller, file, text, lifts } of toCgroupFiles(
    limits.cgroup,
    controllers.version,
    facts.swap,
    allCpus,
  )) {
    const tree = controllers.trees.get(controller);
    const path = `${tree}${cgroup}/${file}`;
    if (lifts && (fresh || tree === undefined || (await run.files.stat(path)) === undefined)) continue;
    try {
      await run.files.control(path, text);
    } catch (error) {
      const busy = /EBUSY/.test((error as Error).message);
      const why = busy ? 'the jail uses more than that now' : (error as Error).message;
      throw failure('LIMIT_REFUSED', { jail: uuid, what: nameOf[controller], why }, { cause: error });
    }
  }
}

/** The program with the rlimits that are in force in the jail. */
export async function limited(
  files: Files,
  process: OciProcess,
  state: JailState | undefined,
): Promise<OciProcess> {
  const rlimits = state?.limits?.rlimits ?? [];
  if (rlimits.length === 0) return process;
  const hard = parseHardLimits((await files.read('/proc/self/limits')) ?? '');
  return { ...process, rlimits: within(rlimits, hard) };
}

export async function limitsOf(files: Files, jail: JailSpec): Promise<JailLimits> {
  return toLimits(jail.config, await readLimitFacts(files, await readControllers(files)));
}

export function limitStepLists(files: Files, paths: Paths) {
  const at = ({ pool, uuid }: { pool: string; uuid: string }) => placesOf(paths, pool, uuid);
  const setTo = async (args: LimitArgs, limits: ActiveLimits, run: StepRun): Promise<void> => {
    await writeCgroup(limits, at(args), args.previous === null, run);
    if (!run.dry) await recordState(run.files, at(args).state, { pool: args.pool, uuid: args.uuid, limits });
  };
  const kind = stepKind<LimitArgs>('linux.limits', {
    title: ({ uuid, limits }) =>
      limits.rules.length > 0 ? `limit what jail ${uuid} uses` : `lift the limits of jail ${uuid}`,
    async do(args, run) {
      if (!run.dry && !(await isAlive(run.files, await readState(run.files, at(args).state))))
        throw failure('NOT_RUNNING', { name: args.uuid });
      await setTo(args, args.limits, run);
    },
    async undo(args, run) {
      if (args.previous === null) return; // The jail goes with the step that made it.
      if (!(await isAlive(run.files, await readState(run.files, at(args).state)))) return;
      await setTo(args, args.previous, run);
    },
  });

  /** Before anything is touched: without problems, and only what is kept. */
  async function wantedOf(jail: JailSpec): Promise<ActiveLimits> {
    const { rules, cgroup, rlimits, problems } = await limitsOf(files, jail);
    if (problems.length > 0)
      throw failure('INVALID_INPUT', {
        issues: problems.map(({ key, problem }) => ({ path: key, problem })),
      });
    return { rules, cgroup, rlimits };
  }
  const ids = ({ pool, uuid }: JailSpec) => ({ pool, uuid });
  const activeOf = async (jail: JailSpec): Promise<ActiveLimits | undefined> => {
    const state = await readState(files, at(ids(jail)).state);
    return (await isAlive(files, state)) ? (state?.limits ?? noLimits) : undefined;
  };

  return {
    kind,
    /** As a part of a start. */
    async startSteps(jail: JailSpec): Promise<readonly Step[]> {
      const limits = await wantedOf(jail);
      const label = limits.rules.length > 0 ? 'Applying resource limits' : undefined;
      if (label === undefined && limits.cgroup.cpus === undefined) return [];
      return [kind({ ...ids(jail), limits, previous: null }, label === undefined ? {} : { label })];
    },
    async limitSteps(jail: JailSpec, wanted: 'apply' | 'release'): Promise<readonly Step[]> {
      const previous = await activeOf(jail);
      if (previous === undefined) throw failure('NOT_RUNNING', { name: jail.tag });
      if (wanted === 'apply') {
        const limits = await wantedOf(jail);
        const label = limits.rules.length > 0 ? { label: 'Applying resource limits' } : {};
        return [kind({ ...ids(jail), limits, previous }, label)];
      }
      const { cpus } = previous.cgroup;
      const limits = { ...noLimits, cgroup: cpus === undefined ? {} : { cpus } };
      return [kind({ ...ids(jail), limits, previous })];
    },
    async limits(jail: JailSpec): Promise<LimitState> {
      const active = await activeOf(jail);
      return { rules: active?.rules ?? [], cpus: active?.cgroup.cpus };
    },
  };
}

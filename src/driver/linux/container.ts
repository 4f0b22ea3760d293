/**
 * Running and removing the container, with the runtime. Each part can be repeated.
 * See crun(1), and linux.md of the project's documents for what a jail is made of.
 */
import { join } from 'node:path';
import type { StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import { awaitedFile, jailConsole, lastWordsMs } from '../both/console.ts';
import { into, settleConsole } from './console.ts';
import type { HostFacts } from './facts.ts';
import { prepareHosts } from '../both/hosts.ts';
import type { Places } from './names.ts';
import { withFilter, type OciConfig } from './oci.ts';
import { processesOf, signalAll } from './processes.ts';
import { runCommand, crun } from './runtime-command.ts';
import { cachedFilter, filterPath, keepFilter } from './seccomp-cache.ts';
import { seccompProfile, type SeccompOptions } from './seccomp.ts';
import { readState, recordState, startTime, type JailState } from './state.ts';

export interface RunArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly consoleLog: string;
  /** Without the system call filter, which is added from `seccomp` so that the journal stays small. */
  readonly config: OciConfig;
  readonly seccomp: SeccompOptions;
  /** Text of the file that the configuration shows as /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** What the jails of its network call it; then the configuration shows a file of ours as /etc/hosts. */
  readonly names?: readonly string[];
  readonly network: 'host' | 'own' | 'planned';
  /** A text that the start will wait for; its copier looks for it in what is turned over meanwhile. */
  readonly awaited?: string;
}

export const resolvConfPath = (places: Places): string => join(places.bundle, 'resolv.conf');

/** Directories of the root on which the runtime mounts or in which it makes files. */
const mountedOn = ['dev', 'proc', 'sys', 'run', 'etc'];

/**
 * A path of the root that is not a real directory: crun follows a link in the place of /dev, and would
 * make its nodes wherever a jail's root user let it point. Nobody is in the jail now, so what is found
 * here stays so until the runtime has mounted over it.
 */
export async function unsafePlace(files: Files, root: string): Promise<string | undefined> {
  for (const name of mountedOn) {
    const facts = await files.statBelow(root, name);
    if (facts !== undefined && facts.type !== 'directory') return join(root, name);
  }
  return undefined;
}

/** The same for the base of a basejail: each folder on the way to a bound one, and its place itself. */
async function unsafeBase(files: Files, { root, mounts }: OciConfig): Promise<string | undefined> {
  for (const { type, destination, options } of mounts) {
    if (type !== 'bind' || !options.includes('private')) continue;
    // Throws UNSAFE_PATH for a link on the way.
    const place = await files.statBelow(root.path, destination);
    if (place !== undefined && place.type !== 'directory') return join(root.path, destination);
  }
  return undefined;
}

async function refuseUnsafeRoot(run: StepRun, config: OciConfig): Promise<void> {
  const root = config.root.path;
  const path = (await unsafePlace(run.files, root)) ?? (await unsafeBase(run.files, config));
  if (path !== undefined)
    throw failure('UNSAFE_PATH', { path, why: 'it must be a directory, not a link or a file' });
}

async function writeBundle(args: RunArgs, places: Places, run: StepRun): Promise<void> {
  for (const directory of [places.bundle, places.runtimeRoot]) {
    await run.files.mkdir(directory, { mode: 0o700 });
  }
  const { pipe } = jailConsole(places.bundle, args.consoleLog);
  if (args.awaited !== undefined)
    await run.files.write(awaitedFile(pipe), `${args.awaited}\n`, { mode: 0o600 });
  // Readable for every user of the jail, who sees this very file.
  if (args.resolvConf !== undefined) {
    await run.files.write(resolvConfPath(places), args.resolvConf, { mode: 0o644 });
  }
  if (args.names !== undefined) await prepareHosts(run.files, places.bundle, args.config.root.path);
}

/** What the runtime said; its own words went to the console log as well. */
async function runtimeComplaint(run: StepRun, log: string): Promise<string> {
  const text = (await run.files.read(log)) ?? '';
  return text.trim().split('\n').slice(-2).join('; ');
}

const runTimeoutMs = 120_000;

async function callRun(args: RunArgs, places: Places, facts: HostFacts, run: StepRun): Promise<void> {
  const log = join(places.bundle, 'crun.log');
  const argv = runCommand(places, facts.cgroups, log);
  await run.files.remove(log);
  const console = jailConsole(places.bundle, args.consoleLog);
  const { status, stderr } = await run.exec.change(argv, {
    // The first process keeps it open for as long as the jail runs.
    via: await into(run.files, console, 'new'),
    accept: 'any',
    // Whatever a hostile root makes it wait for, it does not wait for ever.
    timeoutMs: runTimeoutMs,
    signal: run.signal,
  });
  if (status === 0) return;
  throw failure('COMMAND_FAILED', {
    argv,
    status: `exit status ${status}`,
    stderr: (await runtimeComplaint(run, log)) || stderr.trim() || `see ${args.consoleLog}`,
  });
}

export async function runContainer(
  args: RunArgs,
  places: Places,
  facts: HostFacts,
  paths: Paths,
  run: StepRun,
): Promise<void> {
  await refuseUnsafeRoot(run, args.config);
  await writeBundle(args, places, run);
  const profile = seccompProfile(facts.architecture, args.seccomp);
  const cache = filterPath(paths.state, profile, facts.runtime);
  const compiled = await cachedFilter(run.files, cache);
  const config = join(places.bundle, 'config.json');
  const writeConfig = (filter: string | undefined): Promise<void> =>
    run.files.write(config, JSON.stringify(withFilter(args.config, profile, filter)), { mode: 0o600 });

  await writeConfig(compiled);
  try {
    await callRun(args, places, facts, run);
  } catch (error) {
    if (compiled === undefined) throw error;
    // The kept filter may be what is wrong; what the runtime compiles itself is the measure.
    await removeContainer(places, facts, run);
    await writeBundle(args, places, run);
    await writeConfig(undefined);
    await callRun(args, places, facts, run);
    await run.files.remove(cache);
  }
  if (run.dry) return;
  await recordCreated(args, places, run);
  if (compiled === undefined) {
    await run.files.mkdir(paths.state, { mode: 0o700 });
    await keepFilter(run.exec, run.files, join(places.runtimeRoot, places.id, 'seccomp.bpf'), cache);
  }
}

interface RuntimeStatus {
  readonly pid: number;
}

async function recordCreated(args: RunArgs, places: Places, run: StepRun): Promise<void> {
  const status = JSON.parse((await run.files.read(places.runtimeStatus)) ?? '{}') as Partial<RuntimeStatus>;
  const processStart = status.pid === undefined ? undefined : await startTime(run.files, status.pid);
  if (status.pid === undefined || processStart === undefined) {
    throw failure('START_FAILED', {
      jail: places.uuid,
      why: `its first process ended at once; see ${args.consoleLog}`,
    });
  }
  await recordState(run.files, places.state, {
    pool: places.pool,
    uuid: places.uuid,
    pid: status.pid,
    processStart,
    startedAt: run.clock.now().toISOString(),
    hostname: args.config.hostname,
    root: args.config.root.path,
    consoleLog: args.consoleLog,
    ...(args.network === 'planned' ? {} : { network: args.network }),
    ...(args.names === undefined ? {} : { names: args.names }),
    writable: writableIn(args.config),
  });
}

/** Sources of its mounts; what is ours alone is shown read-only. */
const writableIn = ({ mounts }: OciConfig): readonly string[] =>
  mounts
    .filter(({ type, options }) => type === 'bind' && (!options.includes('ro') || options.includes('rw')))
    .map(({ source }) => source);

/** The container, its control groups, its bundle and its part of the record; all of it may be gone already. */
export async function removeContainer(places: Places, facts: HostFacts, run: StepRun): Promise<void> {
  const record = join(places.runtimeRoot, places.id);
  if ((await run.files.stat(record)) !== undefined) {
    const argv = crun(places, 'delete', '--force', places.id);
    const { status, stderr } = await run.exec.change(argv, { accept: 'any' });
    if (!run.dry && status !== 0 && (await run.files.stat(places.runtimeStatus)) !== undefined) {
      throw failure('COMMAND_FAILED', { argv, status: `exit status ${status}`, stderr: stderr.trim() });
    }
  }
  if (run.dry) return;
  // What a runtime that was killed half-way leaves behind, and knows nothing of itself.
  await emptyDirectory(record, run);
  await sweepCgroups(places, facts, run);
  // The last words of the jail are still on their way; nobody writes any more.
  await settleConsole(run, jailConsole(places.bundle, ''), lastWordsMs);
  await emptyDirectory(places.bundle, run);
  await forgetContainer(places, run);
}

/** Flat directories of ours; nothing below them is followed. */
async function emptyDirectory(path: string, run: StepRun): Promise<void> {
  for (const name of await run.files.list(path)) await run.files.remove(join(path, name));
  await run.files.rmdir(path);
}

async function sweepCgroups(places: Places, facts: HostFacts, run: StepRun): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const trees = facts.cgroups.trees.map((tree) => tree + places.cgroup);
    const present = [];
    for (const tree of trees) if (await run.files.stat(tree)) present.push(tree);
    if (present.length === 0) return;
    await signalAll(run, 'KILL', await processesOf(run.files, facts.cgroups, places.cgroup));
    for (const tree of present) await run.files.rmdir(tree);
    if (tries > 0) await run.clock.sleep(20);
  }
}

async function forgetContainer(places: Places, run: StepRun): Promise<void> {
  const state = await readState(run.files, places.state);
  if (typeof state?.network !== 'object') return run.files.remove(places.state);
  const { pool, uuid, network } = state;
  const rest: JailState = { pool, uuid, network };
  await run.files.write(places.state, `${JSON.stringify(rest, null, 1)}\n`, { mode: 0o600 });
}

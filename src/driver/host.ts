/**
 * The host interface: what operations need of the jail kernel. `driver/linux/` makes system
 * containers, `driver/freebsd/` jail(8) jails. Neither knows the other; the contract suite in
 * `test/contract/host.ts` says what both must do.
 */
import type { Step, ExitStatus, OutputSink } from './system.ts';
import type { StepKind } from './step.ts';
import type { Trees } from './trees.ts';
import type { FstabEntry } from '../domain/format/fstab.ts';

/** All a host driver needs to know of a jail. Values of `config` are the effective, canonical texts. */
export interface JailSpec {
  /** Its realm: the pool, or the path of another root. Journals and records of running jails call it so. */
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly dataset: string;
  /** Mount point of the jail's top dataset; the root directory is `root/` below it. */
  readonly mountpoint: string;
  readonly root: string;
  readonly consoleLog: string;
  readonly config: ReadonlyMap<string, string>;
  /** Of a basejail: its release, and the root directory of that one; undefined when it is not there. */
  readonly base?: { readonly release: string; readonly root: string | undefined };
  /** Datasets handed to it, for the start that does so. */
  readonly handed?: readonly HandedMount[];
}

/** A dataset of the pool that a jail sees as a directory of its own. */
export interface HandedMount {
  readonly dataset: string;
  /** Where it is mounted on the host. */
  readonly source: string;
  /** Path in the jail. */
  readonly target: string;
}

export interface RunningJail {
  readonly uuid: string;
  /** jid on FreeBSD, process id of the first process on Linux. */
  readonly jid: number;
  readonly ip4: readonly string[];
  readonly ip6: readonly string[];
  readonly startedAt: string | undefined;
}

/** A running jail or container of this host that is not one of ours. */
export interface ForeignJail {
  readonly jid: string;
  readonly path: string;
  readonly ip4: string;
  readonly hostname: string;
}

/** A directory or file of the host that a running jail may write, whatever its configuration says by now. */
export interface ShownNow {
  /** Its realm; absent: the jail is none of ours. */
  readonly pool?: string;
  readonly uuid: string;
  readonly source: string;
  /** `jail`: it is the jail's own root; `start`: it was shown to it. */
  readonly way: 'jail' | 'start';
}

/** Something in the configuration with which a jail would not start: the property, or `root`, and what is wrong with it. */
export interface Problem {
  readonly key: string;
  readonly problem: string;
}

export interface NotApplied {
  readonly key: string;
  readonly value: string;
  readonly why: string;
}

/** A limit of a jail in the original's words: the resource of rctl(8) and `AMOUNT:ACTION`. */
export interface LimitRule {
  readonly key: string;
  readonly value: string;
}

/** What holds a jail back at this moment; all empty while it is down. */
export interface LimitState {
  readonly rules: readonly LimitRule[];
  /** CPUs that the jail is bound to, as cpuset(1) lists them; undefined: every CPU. */
  readonly cpus: string | undefined;
}

/** What a running jail uses, by the resources of rctl(8); null where the kernel does not count it. */
export interface Usage {
  /** Bytes, seconds, percent of one CPU, or a count. */
  readonly used: ReadonlyMap<string, number | null>;
  /** How often a limit was run into since the jail was started, where the kernel counts that. */
  readonly hits: ReadonlyMap<string, number>;
}

export interface ExecOptions {
  /** User of the host whose ids are used (`jexec -u`). */
  readonly hostUser?: string;
  /** User looked up in the jail (`jexec -U`). */
  readonly jailUser?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Takes what the program writes, as it comes; without it that goes to the caller's terminal. Its input is empty then. */
  readonly onOutput?: OutputSink;
  /** Ends the program. */
  readonly signal?: AbortSignal;
  /** With the caller's proxy variables (`exec -p`). */
  readonly keepProxy?: true;
}

/** A program that a step runs in a running jail, as its root, without input. */
export interface JailCommand {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it is for people: `apt-get upgrade`. */
  readonly title: string;
  /** How its failure is told: as a change that did not work, or as a jail that is not well. */
  readonly purpose: 'change' | 'health';
  /** For events: which of several things it is. */
  readonly which?: string;
  readonly timeoutMs: number;
}

/** A root file system whose base system comes from a kernel's own updates and not from packages. */
export interface BaseSystem {
  /** For people: `web`, `release 14.2-RELEASE`. */
  readonly of: string;
  readonly root: string;
  /** A directory outside of the root that is not there yet; the step makes it and takes it away. */
  readonly work: string;
  /** What brings it up to date. */
  readonly by: 'freebsd-update' | 'hbsd-update';
  /** What is there now, as it says itself: `14.2-RELEASE-p1`, or the name of a build of HardenedBSD. */
  readonly userland: string;
  /**
   * For a root that somebody else may have changed: that of its release. What is a directory there, or a file of
   * the system, must be no link here; it would lead who writes there somewhere else.
   */
  readonly like?: string;
}

export interface StopOptions {
  /** Neither exec_prestop nor exec_stop: what is in the jail is ended without being asked what it thinks of it. */
  readonly force?: boolean;
}

export interface Host {
  readonly kernel: 'linux' | 'freebsd';
  /** Its words for trees of files. */
  readonly trees: Trees;
  /** Commands that change nothing and whose output a bug report should hold: versions, the network. */
  readonly report?: readonly (readonly string[])[];
  /** Release that `create` and `fetch` take when none is named; undefined when the host gives no hint. */
  defaultRelease(): Promise<string | undefined>;
  hostId(): Promise<string>;

  /** The running jails of a realm (see `realmOf`), by UUID; constant number of child processes. */
  running(realm: string): Promise<ReadonlyMap<string, RunningJail>>;
  foreign(realm: string): Promise<readonly ForeignJail[]>;
  /** What of the host the running jails of every realm may write since their start; constant number of child processes. */
  shownWritable(): Promise<readonly ShownNow[]>;

  /** Everything wrong with the configuration that would keep this host from starting the jail; before any effect. */
  check(jail: JailSpec): Promise<readonly Problem[]>;
  /** What is wrong with a line for the jail's fstab, in words; undefined when nothing is. */
  mountProblem(jail: JailSpec, entry: FstabEntry): Promise<string | undefined>;
  /**
   * What a first start decides and later ones keep, as property texts to check, start and store the jail
   * with: link addresses, an address from a range. `stored`: `ip4_addr` of every other jail of the pool.
   */
  settle?(jail: JailSpec, stored: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Properties that differ from their default and that this kernel does not apply. */
  notApplied(jail: JailSpec): readonly NotApplied[];

  startSteps(jail: JailSpec): Promise<readonly Step[]>;
  stopSteps(jail: JailSpec, how?: StopOptions): Promise<readonly Step[]>;
  /**
   * What takes away the remains of a jail that ended without a stop (its first process was killed):
   * routes, namespaces, records. Empty when there are none, and while it runs. `start` does it by itself.
   */
  leftoverSteps?(jail: JailSpec): Promise<readonly Step[]>;
  /** exec_stop, end every process, exec_start, in the jail as it stands. */
  softRestartSteps(jail: JailSpec): Promise<readonly Step[]>;
  /**
   * Makes the limits of a running jail what its configuration says (`apply`), whatever they were, or takes
   * them all away until they are applied again (`release`; the CPUs it is bound to stay).
   *
   * @throws INVALID_INPUT for a value with which the jail could not run
   */
  limitSteps(jail: JailSpec, wanted: 'apply' | 'release'): Promise<readonly Step[]>;
  limits(jail: JailSpec): Promise<LimitState>;
  /** Of the running jails among those given, by UUID. Takes a moment: CPU use is measured over it. */
  usage(realm: string, uuids: readonly string[]): Promise<ReadonlyMap<string, Usage>>;
  /**
   * A step that runs a program in the jail, which must be up by then. What it prints goes to the console
   * log. Fails with PROGRAM_FAILED or HEALTH_FAILED; what it did is for others to undo.
   */
  commandStep(jail: JailSpec, command: JailCommand): Step;
  /**
   * A step that brings a base system to its newest patch level; nobody may use it meanwhile. Fails with
   * BASE_UPDATE_FAILED; what it did is for others to undo. Absent where all of a system is packages.
   */
  patchStep?(system: BaseSystem): Step;
  /** Step kinds that the lists above use; the journal finds them here after a crash. */
  readonly kinds: readonly StepKind[];

  /** Runs a program in a running jail on the caller's terminal; answers its exit status. */
  exec(jail: JailSpec, argv: readonly string[], options: ExecOptions): Promise<ExitStatus>;
  /** A login in a running jail. */
  console(jail: JailSpec): Promise<ExitStatus>;
  chroot(jail: JailSpec, argv: readonly string[]): Promise<ExitStatus>;
  /** Parameters of the running jail as `key=value` words (`jls -n`), sorted. */
  runtime(jail: JailSpec): Promise<readonly string[]>;
}

/**
 * Interfaces of the doors to the machine: processes, files, locks, the journal, time.
 * `driver/node/` implements them; tests and the dry run put their own in place.
 */

export interface RunOptions {
  /** Text for standard input; without it standard input is empty. */
  readonly input?: string;
  /** Added to the fixed environment (PATH, LC_ALL=C, HOME=/root, TERM). The caller's environment is never passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; default `/`, wherever the caller is. */
  readonly cwd?: string;
  /** Milliseconds until TERM, five seconds later KILL. */
  readonly timeoutMs?: number;
  /** Exit statuses that are no failure; default only 0. `'any'` never throws for a status. */
  readonly accept?: readonly number[] | 'any';
  /** Called for each complete line as it comes; the text is collected all the same. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Called with standard output's bytes as they come; they are not collected then. */
  readonly onBytes?: (bytes: Uint8Array) => void;
  /** Words before the command: a program that becomes it, with its output elsewhere. No message and no dry run tells them. */
  readonly via?: readonly string[];
  /**
   * NAME=value for its environment; what the child started and still has it ends with the child when that is
   * ended, in whatever session it is.
   */
  readonly mark?: string;
  /** Stops the process (TERM, later KILL) when aborted. */
  readonly signal?: AbortSignal;
  /** The child reads our own standard input, from where {@link Exec.input} stopped, and ends with us. */
  readonly ownInput?: boolean;
  /** What a dry run answers instead of running; default empty output and status 0. */
  readonly pretend?: { readonly stdout?: string };
}

export interface RunResult {
  readonly argv: readonly string[];
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** Text that a child wrote, as it comes; never cut inside a character. */
export type OutputSink = (text: string, stream: 'stdout' | 'stderr') => void;

/** Commands that write one after the other into one that reads: `(a; b) | c`, without a shell. */
export interface Relay {
  /** Text that goes before all. */
  readonly head: string;
  readonly writers: readonly (readonly string[])[];
  readonly reader: readonly string[];
  readonly signal?: AbortSignal;
  /** Bytes that the reader took so far, about once a second, where the kernel tells. */
  readonly onBytes?: (bytes: number) => void;
}

export interface Relayed {
  /** How the reader ended, whatever its status. */
  readonly reader: RunResult;
  /** The first writer that ended badly; after it no other was started. */
  readonly failed?: { readonly argv: readonly string[]; readonly status: string; readonly stderr: string };
}

/** An interactive child's end: its exit status, or 128 + signal number. */
export type ExitStatus = number;

export interface SessionOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Takes the output instead of the caller's terminal; standard input is empty then. */
  readonly onOutput?: OutputSink;
  /** Ends the child when aborted: by TERM, and with `onOutput` later by KILL, with all that it started. */
  readonly signal?: AbortSignal;
}

/**
 * Spawns processes, always from argument arrays, never through a shell, with a fixed PATH.
 * Failures throw COMMAND_FAILED (or MISSING_TOOL) with argv, status and the tail of standard error.
 */
export interface Exec {
  /** Runs a command that changes nothing; it runs in a dry run too. */
  read(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs a command that changes the machine; a dry run records it instead. */
  change(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Connects the commands stdout to stdin in the kernel; fails when any of them fails. All of them end when this
   * process ends, however it ends. Changes the machine.
   */
  pipe(commands: readonly (readonly string[])[], options?: RunOptions): Promise<void>;
  /**
   * Joins the writers to the reader in the kernel. All of them end when this process ends, however it
   * ends, so that a reader elsewhere never takes a broken stream for a whole one. Changes the machine.
   */
  relay(relay: Relay): Promise<Relayed>;
  /** The next `bytes` bytes of our own standard input, and not one more; undefined when it ends before. */
  input(bytes: number): string | undefined;
  /** Runs a command on the caller's terminal and answers its exit status; never throws for a status. */
  session(argv: readonly string[], options?: SessionOptions): Promise<ExitStatus>;
  /** How many child processes were started so far; for `--debug` and the benchmarks. */
  readonly spawned: number;
}

export interface FileFacts {
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Tells a file from another that took its name. */
  readonly inode: number;
}

/** Some bytes of a file, and which file it was. */
export interface FilePart {
  readonly inode: number;
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * Reads and writes files on the host. Writes are atomic (temporary file, rename). The `…Below` verbs
 * take a jail's root and a path inside it, and follow no symbolic link in any component: what a
 * jail's root user planted there cannot lead the host anywhere.
 */
export interface Files {
  /** A text of at most 64 MiB; what is no plain file is refused, and never waited for. */
  read(path: string): Promise<string | undefined>;
  /**
   * A text that a user named: a plain file, by way of links, of at most so many bytes; undefined when nothing is
   * there. A pipe or a device, which might never end, is refused unopened. @throws FILE_FAILED
   */
  readNamed(path: string, maxBytes: number): Promise<string | undefined>;
  /** Our own standard input to its end, at most so many bytes of it. @throws FILE_FAILED */
  readInput(maxBytes: number): Promise<string>;
  /** At most `most` bytes from an offset on; none behind the end. Undefined: no such file. */
  readPart(path: string, from: number, most: number): Promise<FilePart | undefined>;
  list(directory: string): Promise<readonly string[]>;
  /** Facts of the path itself; a symbolic link is not followed. */
  stat(path: string): Promise<FileFacts | undefined>;
  /**
   * The same at once, while everything else waits: for one small file of the host's own that every request asks
   * about. The way through another thread and back would take longer than the answer.
   */
  statNow(path: string): FileFacts | undefined;
  readlink(path: string): Promise<string | undefined>;
  /** The path with every link followed; undefined where none leads to anything. */
  realpath(path: string): Promise<string | undefined>;
  write(path: string, text: string, options?: { mode?: number }): Promise<void>;
  /** Writes a file that must not be there yet (O_EXCL); a link that stands there counts as being there. */
  create(path: string, text: string, options?: { mode?: number }): Promise<void>;
  /** Writes into a file of the kernel's (a control group's), in one write: it can be neither made nor renamed. */
  control(path: string, text: string): Promise<void>;
  /**
   * Gives a file another content without giving its name another file: whoever has it mounted sees the new
   * text. In one write, and cut to its length afterwards. False when there is no such file.
   */
  rewrite(path: string, text: string): Promise<boolean>;
  mkdir(path: string, options?: { mode?: number }): Promise<void>;
  /** Removes a file or link; nothing there is no failure. */
  remove(path: string): Promise<void>;
  /** Removes an empty directory; nothing there, not empty, or in use, is no failure. */
  rmdir(path: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Renames to a name that nothing may have yet, in the same file system. @throws FILE_FAILED: already exists */
  renameNew(from: string, to: string): Promise<void>;
  /** Sets the mode of a file or directory of the host's own tree. */
  chmod(path: string, mode: number): Promise<void>;

  readBelow(root: string, path: string): Promise<string | undefined>;
  statBelow(root: string, path: string): Promise<FileFacts | undefined>;
  readlinkBelow(root: string, path: string): Promise<string | undefined>;
  /** Puts a link in the place of what is there, a directory excepted; where it leads is not looked at. */
  symlinkBelow(root: string, path: string, target: string): Promise<void>;
  writeBelow(
    root: string,
    path: string,
    text: string,
    /** `sync`: text and name are on the disk when it returns. */
    options?: { mode?: number; owner?: { uid: number; gid: number }; sync?: boolean },
  ): Promise<void>;
  /** Makes one directory, 0755; one that is there already is no failure. */
  mkdirBelow(root: string, path: string): Promise<void>;
  /** Removes a file or link; nothing there is no failure. */
  removeBelow(root: string, path: string): Promise<void>;
  /** Removes an empty directory; nothing there, or not empty, is no failure. */
  rmdirBelow(root: string, path: string): Promise<void>;
}

/** Lines at the end of files of the host's own, in the order of the calls; a file is made with mode 0600. */
export interface LineLog {
  append(path: string, line: string): void;
  /** Resolves when everything is written; throws FILE_FAILED when something was not. */
  flush(): Promise<void>;
}

export interface AskOptions {
  readonly signal?: AbortSignal;
  /** Why a try was in vain, when another one follows. */
  readonly onTrouble?: (why: string) => void;
}

export interface DownloadRequest extends AskOptions {
  /** `http:` or `https:`, without credentials. */
  readonly url: string;
  /** Where the complete file goes; while it grows it is `PATH.part`. */
  readonly path: string;
  /** Lower-case hexadecimal; the file appears at `path` only when it matches. */
  readonly sha256?: string;
  /** More than this is refused. */
  readonly maxBytes?: number;
  /** Bytes so far, and in all when the server says it. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

export interface FileDigest {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Bytes from other machines, and digests of files. Failures throw DOWNLOAD_FAILED or CHECKSUM_MISMATCH. */
export interface Downloads {
  /** How long a server that is asked for little may say nothing. Programs that download are held to it too. */
  readonly silenceMs: number;
  /** Whether anybody answers there, whatever the answer; changes nothing. */
  reach(url: string, options?: AskOptions): Promise<void>;
  /** A small text in memory; changes nothing. */
  text(url: string, options?: AskOptions & { maxBytes?: number }): Promise<FileDigest & { text: string }>;
  /** Fetches a file, going on where an earlier try stopped; a complete one with the right digest is kept as it is. */
  file(request: DownloadRequest): Promise<FileDigest>;
  digest(path: string, options?: { signal?: AbortSignal }): Promise<FileDigest>;
}

/** One thing that a dry run would have done, in order. */
export type { Action } from '../domain/shell-line.ts';

export interface LockHolder {
  readonly pid: number;
  readonly operation: string;
  readonly since: string;
}

export interface HeldLocks {
  release(): Promise<void>;
}

/**
 * Locks by name across processes. The kernel holds them, so a killed process leaves none behind.
 * Names are taken in sorted order, so two operations never wait for each other.
 */
export interface Locks {
  /** Waits up to `waitMs` and throws LOCKED, naming the holder, when it stays taken. */
  take(names: readonly string[], operation: string, waitMs: number): Promise<HeldLocks>;
}

/** A step as the journal keeps it: a kind from the step table and its arguments as JSON. */
export interface Step {
  readonly kind: string;
  readonly args: unknown;
  /** The line that start and stop print for it, as the original worded it; most steps have none. */
  readonly label?: string;
  /** `warn`: a failure is reported and the operation goes on (stopping goes on whatever fails). */
  readonly onError?: 'fail' | 'warn';
  /** For events: which of the things that its kind does it is here; most kinds do one. */
  readonly which?: readonly string[];
}

export interface JournalHead {
  readonly id: string;
  readonly operation: string;
  readonly title: string;
  readonly subject: string;
  readonly recover: 'undo' | 'finish';
  readonly steps: readonly Step[];
  readonly locks: readonly string[];
  readonly pid: number;
  /** Start time of the process in the kernel's words, so that a reused pid is not taken for it. */
  readonly processStart: string;
  readonly startedAt: string;
  /** Who asked for it; absent in records of earlier versions. */
  readonly by?: Caller;
  /** UUID of a jail that was up and is to be up again: `doctor` starts it when all other records are settled. */
  readonly startAgain?: string;
  /** Likewise of a jail that was down and is to be down again: `doctor` stops it. */
  readonly stopAgain?: string;
  /** Roots besides POOL/iocage that it changes; what it made there is taken away again. */
  readonly roots?: readonly string[];
}

/** The person behind a process, as far as the kernel and sudo tell. */
export interface Caller {
  /** Real user id. */
  readonly uid: number;
  /** Who became that user, as sudo or doas says (`SUDO_USER`, `DOAS_USER`): a hint, no proof. */
  readonly as?: string;
}

export type JournalMark =
  | { readonly mark: 'intent' | 'done' | 'undone'; readonly step: number }
  /** How the step will know again what it is about to make; text or lists of it. */
  | { readonly mark: 'makes'; readonly step: number; readonly what: unknown }
  /** The running process gives up on it: what is left is for `doctor`. */
  | { readonly mark: 'left'; readonly error: string; readonly at?: string }
  | {
      readonly mark: 'end';
      readonly outcome: 'done' | 'failed' | 'undone' | 'finished';
      readonly error?: string;
      /** When, ISO 8601; the journal writes it. */
      readonly at?: string;
    };

export interface JournalEntry {
  readonly head: JournalHead;
  readonly marks: readonly JournalMark[];
}

/** An operation's record while it runs. `mark` returns only when the mark would survive a power cut. */
export interface OpenJournal {
  mark(mark: JournalMark): Promise<void>;
}

export interface Journal {
  begin(head: JournalHead): Promise<OpenJournal>;
  /** Operations without an end whose process is gone. */
  unfinished(): Promise<readonly JournalEntry[]>;
  /** Operations that a living process is at. */
  working(): Promise<readonly JournalEntry[]>;
  reopen(id: string): Promise<OpenJournal>;
  /** The newest ended operations, newest first. */
  history(limit: number): Promise<readonly JournalEntry[]>;
}

export interface Clock {
  now(): Date;
  /** @param signal ends it early; it rejects then */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Ids {
  /** A UUID, lower case. */
  uuid(): string;
}

/** The directories of the host that iocage uses besides the pool. */
export interface Paths {
  /** Survives a boot: journal, caches. `/var/lib/iocage`, on FreeBSD `/var/db/iocage`. */
  readonly state: string;
  /** Gone after a boot: locks, runtime state. `/run/iocage`, on FreeBSD `/var/run/iocage`. */
  readonly run: string;
  /** rc.conf(5) with the administrator's sources; absent: there is none. */
  readonly rcConf?: string;
}

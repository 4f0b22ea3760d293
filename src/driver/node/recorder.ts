/**
 * The dry run's doors: reads go through to the machine, changes are written down in order. Because
 * the drivers above run the same code either way, what a dry run lists is what a run does.
 */
import { IocageError } from '../../domain/errors.ts';
import type {
  Action,
  AskOptions,
  DownloadRequest,
  Downloads,
  Exec,
  ExitStatus,
  FileDigest,
  FileFacts,
  FilePart,
  Files,
  Relay,
  Relayed,
  RunOptions,
  RunResult,
} from '../system.ts';

export class RecordingExec implements Exec {
  private readonly real: Exec;
  private readonly actions: Action[];

  constructor(real: Exec, actions: Action[]) {
    this.real = real;
    this.actions = actions;
  }

  get spawned(): number {
    return this.real.spawned;
  }

  read(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.real.read(argv, options);
  }

  change(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    if (!this.isUnmounted(argv))
      this.actions.push({
        type: 'run',
        argv,
        ...(options.input === undefined ? {} : { input: options.input }),
      });
    return Promise.resolve({
      argv,
      status: 0,
      stdout: options.pretend?.stdout ?? '',
      stderr: '',
      durationMs: 0,
    });
  }

  /** To the reads it is still mounted, so that what destroys it would unmount it once more. */
  private isUnmounted(argv: readonly string[]): boolean {
    const dataset = argv.at(-1);
    if (argv[0] !== 'zfs' || argv[1] !== 'unmount') return false;
    const last = this.actions.findLast(
      (action) =>
        action.type === 'run' &&
        action.argv[0] === 'zfs' &&
        ['mount', 'unmount'].includes(action.argv[1]!) &&
        action.argv.at(-1) === dataset,
    );
    return last?.type === 'run' && last.argv[1] === 'unmount';
  }

  pipe(commands: readonly (readonly string[])[]): Promise<void> {
    this.actions.push({ type: 'pipe', commands });
    return Promise.resolve();
  }

  relay({ writers, reader }: Relay): Promise<Relayed> {
    this.actions.push(...writers.map((writer): Action => ({ type: 'pipe', commands: [writer, reader] })));
    return Promise.resolve({ reader: { argv: reader, status: 0, stdout: '', stderr: '', durationMs: 0 } });
  }

  input(bytes: number): string | undefined {
    return this.real.input(bytes);
  }

  session(argv: readonly string[]): Promise<ExitStatus> {
    this.actions.push({ type: 'run', argv });
    return Promise.resolve(0);
  }
}

/** What is not made yet, or may not be looked at, is not there; what the run would refuse, the dry run does. */
function unlessUnsafe(error: unknown): undefined {
  if (error instanceof IocageError && error.code === 'UNSAFE_PATH') throw error;
}

export class RecordingFiles implements Files {
  private readonly real: Files;
  private readonly actions: Action[];

  constructor(real: Files, actions: Action[]) {
    this.real = real;
    this.actions = actions;
  }

  read(path: string): Promise<string | undefined> {
    return this.real.read(path);
  }
  readNamed(path: string, maxBytes: number): Promise<string | undefined> {
    return this.real.readNamed(path, maxBytes);
  }
  readInput(maxBytes: number): Promise<string> {
    return this.real.readInput(maxBytes);
  }
  readPart(path: string, from: number, most: number): Promise<FilePart | undefined> {
    return this.real.readPart(path, from, most);
  }
  list(directory: string): Promise<readonly string[]> {
    return this.real.list(directory);
  }
  stat(path: string): Promise<FileFacts | undefined> {
    return this.real.stat(path);
  }
  statNow(path: string): FileFacts | undefined {
    return this.real.statNow(path);
  }
  readlink(path: string): Promise<string | undefined> {
    return this.real.readlink(path);
  }
  realpath(path: string): Promise<string | undefined> {
    return this.real.realpath(path);
  }
  readBelow(root: string, path: string): Promise<string | undefined> {
    return this.real.readBelow(root, path).catch(unlessUnsafe);
  }
  statBelow(root: string, path: string): Promise<FileFacts | undefined> {
    return this.real.statBelow(root, path).catch(unlessUnsafe);
  }

  readlinkBelow(root: string, path: string): Promise<string | undefined> {
    return this.real.readlinkBelow(root, path).catch(unlessUnsafe);
  }

  write(path: string, text: string): Promise<void> {
    return this.record('write', path, text);
  }
  create(path: string): Promise<void> {
    return this.record('write', path);
  }
  control(path: string, text: string): Promise<void> {
    return this.record('write', path, text.trim());
  }
  rewrite(path: string, text: string): Promise<boolean> {
    return this.record('write', path, text).then(() => true);
  }
  mkdir(path: string): Promise<void> {
    return this.record('mkdir', path);
  }
  remove(path: string): Promise<void> {
    return this.record('remove', path);
  }
  rmdir(path: string): Promise<void> {
    return this.record('rmdir', path);
  }
  symlink(target: string, path: string): Promise<void> {
    return this.record('link', path, target);
  }
  rename(from: string, to: string): Promise<void> {
    return this.record('rename', from, to);
  }
  renameNew(from: string, to: string): Promise<void> {
    return this.record('rename', from, to);
  }
  chmod(path: string, mode: number): Promise<void> {
    return this.record('chmod', path, mode.toString(8));
  }
  writeBelow(root: string, path: string, text: string): Promise<void> {
    return this.record('write', `${root}/${path}`, text);
  }
  symlinkBelow(root: string, path: string, target: string): Promise<void> {
    return this.record('link', `${root}/${path}`, target);
  }
  mkdirBelow(root: string, path: string): Promise<void> {
    return this.record('mkdir', `${root}/${path}`);
  }
  removeBelow(root: string, path: string): Promise<void> {
    return this.record('remove', `${root}/${path}`);
  }
  rmdirBelow(root: string, path: string): Promise<void> {
    return this.record('rmdir', `${root}/${path}`);
  }

  private record(verb: string, path: string, detail?: string): Promise<void> {
    this.actions.push({ type: 'file', verb, path, ...(detail === undefined ? {} : { detail }) });
    return Promise.resolve();
  }
}

export class RecordingDownloads implements Downloads {
  private readonly real: Downloads;
  private readonly actions: Action[];

  constructor(real: Downloads, actions: Action[]) {
    this.real = real;
    this.actions = actions;
  }

  get silenceMs(): number {
    return this.real.silenceMs;
  }

  reach(url: string, options?: AskOptions): Promise<void> {
    return this.real.reach(url, options);
  }

  text(url: string, options?: AskOptions & { maxBytes?: number }): Promise<FileDigest & { text: string }> {
    return this.real.text(url, options);
  }

  digest(path: string, options?: { signal?: AbortSignal }): Promise<FileDigest> {
    return this.real.digest(path, options);
  }

  file({ url, path, sha256 }: DownloadRequest): Promise<FileDigest> {
    this.actions.push({ type: 'file', verb: 'download', path, detail: url });
    return Promise.resolve({ sha256: sha256 ?? '', sizeBytes: 0 });
  }
}

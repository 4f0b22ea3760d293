/**
 * The one place that spawns processes. Always an argument array, never a shell; a fixed environment and directory,
 * so that nothing the caller exported (PATH, NODE_OPTIONS, LD_PRELOAD) or is in reaches a program that runs as
 * root; a session of their own for children, so that a Ctrl-C meant for iocage does not tear a
 * `zfs receive` out of its hands.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readdirSync, readFileSync, readSync } from 'node:fs';
import { isatty } from 'node:tty';
import type {
  Exec,
  ExitStatus,
  OutputSink,
  Relay,
  Relayed,
  RunOptions,
  RunResult,
  SessionOptions,
} from '../system.ts';
import { failure, type IocageError } from '../../domain/errors.ts';

const fixedPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Which Debian package has a program, for the hint. */
const packages: Readonly<Record<string, string>> = {
  zfs: 'zfs-fuse',
  zpool: 'zfs-fuse',
  crun: 'crun',
  ip: 'iproute2',
  nft: 'nftables',
  mmdebstrap: 'mmdebstrap',
  debootstrap: 'debootstrap',
  zstd: 'zstd',
  xz: 'xz-utils',
  flock: 'util-linux',
  nsenter: 'util-linux',
  openssl: 'openssl',
  ssh: 'openssh-client',
  git: 'git',
};

/**
 * Where children are when nothing else is said. The caller may be anywhere, in a jail's root too, and programs look
 * around where they are: git(1) takes its configuration, and with it commands, from a repository that it is in.
 */
const home = '/';

const stderrTailBytes = 2000;
/** Of what the children of a relay say, the end is kept. */
const relayedBytes = 1_000_000;
const killAfterMs = 5000;

function environment(extra: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return {
    PATH: fixedPath,
    LC_ALL: 'C',
    HOME: '/root',
    TERM: process.env['TERM'] ?? 'dumb',
    ...(process.env['TZ'] === undefined ? {} : { TZ: process.env['TZ'] }),
    ...extra,
  };
}

function firstLines(stderr: string): string {
  return stderr
    .slice(-stderrTailBytes)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-3)
    .join('; ');
}

function statusOf(code: number | null, signal: NodeJS.Signals | null, timedOut: boolean): string {
  if (timedOut) return 'took too long and was ended';
  return signal === null ? `exit status ${code}` : `ended by ${signal}`;
}

function spawnFailure(argv: readonly string[], error: NodeJS.ErrnoException): IocageError {
  const tool = argv[0] ?? '';
  if (error.code === 'ENOENT') {
    const known = process.platform === 'linux' ? packages[tool] : undefined;
    return failure(
      'MISSING_TOOL',
      { tool, ...(known === undefined ? {} : { package: known }) },
      { cause: error },
    );
  }
  return failure('COMMAND_FAILED', { argv, status: error.code ?? 'could not start', stderr: error.message });
}

/**
 * Processes of a session, whatever group a shell's job control put them into, and those that carry the mark in
 * their environment, whatever their session; none where there is no /proc.
 */
function startedBy(leader: number, mark: string | undefined): readonly number[] {
  const belongs = (pid: string): boolean => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold blanks and parentheses; then come state, parent, group, session.
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]) === leader) return true;
      return (
        mark !== undefined && `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`.includes(`\0${mark}\0`)
      );
    } catch {
      return false;
    }
  };
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && belongs(name))
      .map(Number);
  } catch {
    return [];
  }
}

/**
 * Ends a child and everything it started: TERM, and KILL when it does not listen, or when it is gone and has
 * left something behind. What made a session of its own (setsid(1)) is found by the mark alone.
 */
function end(child: ChildProcess, mark?: string): void {
  const leader = child.pid;
  if (leader === undefined) return;
  const signal = (name: NodeJS.Signals): void => {
    for (const target of [-leader, ...startedBy(leader, mark)]) {
      try {
        process.kill(target, name);
      } catch {
        // Already gone, which is what was wanted.
      }
    }
  };
  signal('SIGTERM');
  const timer = setTimeout(() => signal('SIGKILL'), killAfterMs);
  child.once('exit', () => {
    clearTimeout(timer);
    signal('SIGKILL');
  });
}

/** What must not outlive us: a child that goes on alone would finish half of what we were to do. */
function mortal(argv: readonly string[]): readonly string[] {
  return process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'KILL', '--', ...argv] : argv;
}

/**
 * The same for a program that starts others, which hold their ends of a connection for as long as the other side
 * likes: the kernel ends all of a process namespace with the first one in it.
 */
function mortalFamily(argv: readonly string[]): readonly string[] {
  return process.platform === 'linux'
    ? mortal(['unshare', '--pid', '--fork', '--kill-child', '--', ...argv])
    : argv;
}

/** xargs(1), with what it starts: the names that it has handed on are worked on otherwise, whatever became of the files. */
function mortalList(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((word, index) => index > 0 && !word.startsWith('-'));
  return mortal([...argv.slice(0, at), ...mortal(argv.slice(at))]);
}

/** What setpriv(1) says of a program that is not there. */
const notFound = /^setpriv: failed to execute .*: No such file or directory$/;

/** Bytes that a process has read so far; undefined where the kernel does not tell (proc(5), `io`). */
function bytesRead(pid: number | undefined): number | undefined {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

function marked(mark: string | undefined): Record<string, string> {
  const at = mark?.indexOf('=') ?? -1;
  return at < 1 ? {} : { [mark!.slice(0, at)]: mark!.slice(at + 1) };
}

function checkArgv(argv: readonly string[]): void {
  if (argv.length === 0) throw new Error('empty argv');
  for (const word of argv) {
    if (word.includes('\0')) throw failure('USAGE', { problem: 'an argument holds a NUL byte' });
  }
}

/** What these were doing when we were killed is undone or finished by the doctor, who must find them gone. */
const mortals: Readonly<Record<string, typeof mortal>> = {
  zfs: mortal,
  zpool: mortal,
  git: mortalFamily,
  xargs: mortalList,
  rm: mortal,
  find: mortal,
  cp: mortal,
};

class LineSplitter {
  private rest = '';
  private readonly take: (line: string) => void;
  constructor(take: (line: string) => void) {
    this.take = take;
  }
  push(text: string): void {
    const lines = (this.rest + text).split(/\r\n|\n|\r/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.take(line);
  }
  flush(): void {
    if (this.rest !== '') this.take(this.rest);
    this.rest = '';
  }
}

/** Children on the real machine. */
export class NodeExec implements Exec {
  spawned = 0;
  private readonly ownInput: number;

  /** @param ownInput descriptor of what counts as our standard input; for tests. */
  constructor(ownInput = 0) {
    this.ownInput = ownInput;
  }

  read(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.run(argv, options);
  }

  change(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.run(argv, options, mortals[argv[0] ?? '']);
  }

  /** @param ends makes it end with us, however we end */
  private async run(argv: readonly string[], options: RunOptions, ends?: typeof mortal): Promise<RunResult> {
    checkArgv(argv);
    this.spawned += 1;
    const started = performance.now();
    const input = options.ownInput ? this.ownInput : options.input === undefined ? 'ignore' : 'pipe';
    return new Promise<RunResult>((resolve, reject) => {
      const own = ends !== undefined ? ends(argv) : options.ownInput ? mortal(argv) : argv;
      const words = [...(options.via ?? []), ...own];
      const child = spawn(words[0]!, words.slice(1), {
        stdio: [input, 'pipe', 'pipe'],
        env: environment({ ...options.env, ...marked(options.mark) }),
        detached: true,
        cwd: options.cwd ?? home,
      });
      let stdout = '';
      let stderr = '';
      let timedOut = false;
      const { onLine } = options;
      // A listing of thousands of datasets is cut into lines once, by who reads it.
      const splitters =
        onLine &&
        (['stdout', 'stderr'] as const).map((name) => new LineSplitter((line) => onLine(line, name)));
      if (options.onBytes) child.stdout?.on('data', options.onBytes);
      else {
        child.stdout?.setEncoding('utf8').on('data', (text: string) => {
          stdout += text;
          splitters?.[0]!.push(text);
        });
      }
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        // With a listener the lines were seen; keep only the tail then (debootstrap prints megabytes).
        stderr = onLine ? (stderr + text).slice(-stderrTailBytes * 4) : stderr + text;
        splitters?.[1]!.push(text);
      });
      if (options.input !== undefined) {
        child.stdin!.on('error', () => undefined); // EPIPE: the child's status tells the story.
        child.stdin!.end(options.input);
      }
      const timer =
        options.timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              timedOut = true;
              end(child, options.mark);
            }, options.timeoutMs);
      const onAbort = (): void => end(child, options.mark);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      if (options.signal?.aborted) onAbort();
      const finish = (): void => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
      };
      child.once('error', (error: NodeJS.ErrnoException) => {
        finish();
        reject(spawnFailure(argv, error));
      });
      child.once('close', (code, signal) => {
        finish();
        for (const splitter of splitters ?? []) splitter.flush();
        const accepted =
          options.accept === 'any' || (code !== null && (options.accept ?? [0]).includes(code) && !timedOut);
        if (accepted) {
          const status = code ?? 128;
          resolve({ argv, status, stdout, stderr, durationMs: performance.now() - started });
        } else {
          const status = statusOf(code, signal, timedOut);
          reject(failure('COMMAND_FAILED', { argv, status, stderr: firstLines(stderr) }));
        }
      });
    });
  }

  /**
   * The children's ends are joined by the kernel: not a byte of the stream passes through JavaScript. All of them
   * end with us, so that nothing goes on writing what the doctor takes away again.
   */
  async pipe(commands: readonly (readonly string[])[], options: RunOptions = {}): Promise<void> {
    const children: ChildProcess[] = [];
    const ends: Promise<{ argv: readonly string[]; why: string; stderr: string } | undefined>[] = [];
    for (const [index, argv] of commands.entries()) {
      checkArgv(argv);
      this.spawned += 1;
      const previous = children[index - 1]?.stdout ?? undefined;
      const last = index === commands.length - 1;
      const words = mortal(argv);
      const child = spawn(words[0]!, words.slice(1), {
        stdio: [previous ?? 'ignore', last ? 'ignore' : 'pipe', 'pipe'],
        env: environment(options.env),
        detached: true,
        cwd: options.cwd ?? home,
      });
      // Our copy must go, or the writer never learns that the reader died.
      previous?.destroy();
      children.push(child);
      ends.push(
        new Promise((resolve, reject) => {
          let stderr = '';
          const { onLine } = options;
          const lines = onLine && new LineSplitter((line) => line !== '' && onLine(line, 'stderr'));
          child.stderr!.setEncoding('utf8').on('data', (text: string) => {
            stderr = (stderr + text).slice(-stderrTailBytes * 4);
            lines?.push(text);
          });
          child.stderr!.once('end', () => lines?.flush());
          child.once('error', (error: NodeJS.ErrnoException) => reject(spawnFailure(argv, error)));
          child.once('exit', (code, signal) => {
            const why = code === 0 ? undefined : statusOf(code, signal, false);
            // Standard error may still be on its way.
            const answer = (): void =>
              resolve(why === undefined ? undefined : { argv, why, stderr: firstLines(stderr) });
            if (child.stderr!.readableEnded || why === undefined) answer();
            else {
              child.stderr!.once('close', answer);
              setTimeout(answer, 200).unref();
            }
          });
        }),
      );
    }
    const stop = (): void => children.forEach((child) => end(child));
    options.signal?.addEventListener('abort', stop, { once: true });
    try {
      const failures = (await Promise.all(ends)).filter((failed) => failed !== undefined);
      // The reader that failed is the cause; the writer's broken pipe is only its echo.
      const cause = failures.find((failed) => !failed.why.includes('SIGPIPE')) ?? failures[0];
      if (cause && notFound.test(cause.stderr))
        throw spawnFailure(cause.argv, Object.assign(new Error(cause.stderr), { code: 'ENOENT' }));
      if (cause)
        throw failure('COMMAND_FAILED', { argv: cause.argv, status: cause.why, stderr: cause.stderr });
    } catch (error) {
      stop();
      throw error;
    } finally {
      options.signal?.removeEventListener('abort', stop);
    }
  }

  async relay({ head, writers, reader, signal, onBytes }: Relay): Promise<Relayed> {
    const options = signal === undefined ? {} : { signal };
    const to = this.follow(reader, ['pipe', 'pipe', 'pipe'], options);
    const stdin = to.child.stdin!;
    let over = false;
    void to.end.catch(() => undefined).finally(() => (over = true));
    const timer = setInterval(() => onBytes?.(bytesRead(to.child.pid) ?? 0), 1000);
    stdin.on('error', () => undefined); // EPIPE: how the reader ended tells the story.
    let failed: Relayed['failed'];
    try {
      await new Promise<void>((resolve) => stdin.write(head, () => resolve()));
      for (const argv of writers) {
        if (over || stdin.destroyed || signal?.aborted) break;
        const from = await this.follow(argv, ['ignore', stdin, 'pipe'], options).end;
        if (from.status === 'exit status 0') continue;
        failed = { argv, status: from.status, stderr: from.stderr };
        break;
      }
      stdin.end();
      const { code, stdout, stderr, durationMs } = await to.end;
      const answer = { argv: reader, status: code ?? 128, stdout, stderr, durationMs };
      return { reader: answer, ...(failed === undefined ? {} : { failed }) };
    } finally {
      clearInterval(timer);
      if (!over) end(to.child);
    }
  }

  /** Starts a child that ends with us, and collects what it says. */
  private follow(argv: readonly string[], stdio: StdioOptions, { signal }: { signal?: AbortSignal }) {
    checkArgv(argv);
    this.spawned += 1;
    const words = mortal(argv);
    const started = performance.now();
    const child = spawn(words[0]!, words.slice(1), {
      stdio,
      env: environment(undefined),
      detached: true,
      cwd: home,
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        said[name] = (said[name] + text).slice(-relayedBytes);
      });
    const onAbort = (): void => end(child);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const ended = new Promise<{
      code: number | null;
      status: string;
      stdout: string;
      stderr: string;
      durationMs: number;
    }>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => reject(spawnFailure(argv, error)));
      child.once('close', (code, why) =>
        resolve({
          code,
          status: statusOf(code, why, false),
          ...said,
          durationMs: performance.now() - started,
        }),
      );
    }).finally(() => signal?.removeEventListener('abort', onAbort));
    return { child, end: ended };
  }

  input(bytes: number): string | undefined {
    // Nobody types what is meant for a program.
    if (isatty(this.ownInput)) return undefined;
    const buffer = Buffer.alloc(bytes);
    for (let have = 0; have < bytes;) {
      const got = readSync(this.ownInput, buffer, have, bytes - have, null);
      if (got === 0) return undefined;
      have += got;
    }
    return buffer.toString('utf8');
  }

  session(argv: readonly string[], options: SessionOptions = {}): Promise<ExitStatus> {
    checkArgv(argv);
    this.spawned += 1;
    const { onOutput } = options;
    if (onOutput !== undefined) return this.collected(argv, onOutput, options);
    return new Promise((resolve, reject) => {
      const child = spawn(argv[0]!, argv.slice(1), { stdio: 'inherit', env: environment(options.env) });
      // The terminal sends Ctrl-C to both; the child decides what it means.
      const ignore = (): void => undefined;
      process.on('SIGINT', ignore);
      process.on('SIGQUIT', ignore);
      const onAbort = (): void => void child.kill('SIGTERM');
      options.signal?.addEventListener('abort', onAbort, { once: true });
      if (options.signal?.aborted) onAbort();
      const finish = (): void => {
        options.signal?.removeEventListener('abort', onAbort);
        process.off('SIGINT', ignore);
        process.off('SIGQUIT', ignore);
      };
      child.once('error', (error: NodeJS.ErrnoException) => {
        finish();
        reject(spawnFailure(argv, error));
      });
      child.once('close', (code, signal) => {
        finish();
        resolve(code ?? 128 + signalNumber(signal));
      });
    });
  }

  private collected(
    argv: readonly string[],
    onOutput: OutputSink,
    options: SessionOptions,
  ): Promise<ExitStatus> {
    return new Promise((resolve, reject) => {
      const child = spawn(argv[0]!, argv.slice(1), {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: environment(options.env),
        detached: true,
      });
      for (const name of ['stdout', 'stderr'] as const)
        child[name].setEncoding('utf8').on('data', (text: string) => onOutput(text, name));
      const onAbort = (): void => end(child);
      options.signal?.addEventListener('abort', onAbort, { once: true });
      if (options.signal?.aborted) onAbort();
      const finish = (): void => options.signal?.removeEventListener('abort', onAbort);
      child.once('error', (error: NodeJS.ErrnoException) => {
        finish();
        reject(spawnFailure(argv, error));
      });
      child.once('close', (code, signal) => {
        finish();
        resolve(code ?? 128 + signalNumber(signal));
      });
    });
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGQUIT: 3,
    SIGABRT: 6,
    SIGKILL: 9,
    SIGSEGV: 11,
    SIGPIPE: 13,
    SIGTERM: 15,
  };
  return signal === null ? 0 : (numbers[signal] ?? 0);
}

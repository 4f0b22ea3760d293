/**
 * The door to the machine with the stand-in behind it: its tools run inside this process (a start of Node
 * for each of the thousands of calls of the fail-every-step suite would take minutes), everything else, and
 * whatever is piped or on a terminal, as `NodeExec` does it.
 */
import { join } from 'node:path';
import { failure } from '../../../src/domain/errors.ts';
import { NodeExec } from '../../../src/driver/node/exec.ts';
import type {
  Exec,
  ExitStatus,
  Relay,
  Relayed,
  RunOptions,
  RunResult,
  SessionOptions,
} from '../../../src/driver/system.ts';
import type { Store } from './machine.ts';
import { runTool } from './program.ts';
import { tools } from './tools/index.ts';

/** `jail` and `/usr/sbin/jail` are the stand-in's; a program of that name elsewhere is not. */
function ownTool(argv: readonly string[]): string | undefined {
  // What zfs(8) does elsewhere too stays with the real one, streams and all.
  if (
    argv[0] === 'zfs' &&
    !/^(un)?jail$/.test(argv[1] ?? '') &&
    !argv.some((word) => /\bjailed\b/.test(word))
  )
    return undefined;
  const name = (argv[0] ?? '').replace(/^\/(usr\/(local\/)?)?s?bin\//, '');
  return name in tools ? name : undefined;
}

export class StandInExec extends NodeExec implements Exec {
  private readonly bin: string;
  private readonly store: Store;
  private readonly path: string;

  /** @param lines programs for the lines of sh(1) before a command (`via`) */
  constructor(bin: string, store: Store, lines: string) {
    super();
    this.bin = bin;
    this.store = store;
    this.path = `${lines}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  }

  override read(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return ownTool(argv) === undefined ? super.read(argv, options) : this.inProcess(argv, options);
  }

  override async change(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { via, ...plain } = options;
    if (via === undefined)
      return ownTool(argv) === undefined ? super.change(argv, options) : this.inProcess(argv, options);
    const env = { ...options.env, PATH: this.path };
    if (ownTool(argv) === undefined) return super.change(argv, { ...options, env });
    // What a tool printed goes where it should have gone when it has ended.
    let said = '';
    const keep = (line: string): void => void (said += `${line}\n`);
    try {
      return await this.inProcess(argv, { ...plain, onLine: keep });
    } finally {
      await super.change(['cat'], { via, env, input: said });
    }
  }

  private async inProcess(argv: readonly string[], options: RunOptions): Promise<RunResult> {
    this.spawned += 1;
    const started = performance.now();
    const said = { stdout: '', stderr: '' };
    const take = (stream: 'stdout' | 'stderr') => (text: string) => {
      if (stream === 'stdout' && options.onBytes !== undefined) options.onBytes(Buffer.from(text));
      else said[stream] += text;
      for (const line of text.split('\n')) if (line !== '') options.onLine?.(line, stream);
    };
    const late = options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs);
    const signals = [late, options.signal].filter((signal) => signal !== undefined);
    const status = await runTool(ownTool(argv)!, argv.slice(1), {
      store: this.store,
      jid: 0,
      bin: this.bin,
      env: { HOME: '/root', TERM: 'dumb', ...options.env },
      capture: true,
      bytes: options.onBytes,
      cwd: options.cwd,
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
      out: take('stdout'),
      err: take('stderr'),
      input: () => options.input ?? '',
    });
    const ended = late?.aborted
      ? 'took too long and was ended'
      : options.signal?.aborted
        ? 'ended by SIGTERM'
        : undefined;
    const accept = options.accept ?? [0];
    if (accept === 'any' || (accept.includes(status) && ended === undefined))
      return { argv, status, ...said, durationMs: performance.now() - started };
    const stderr = said.stderr.trim().split('\n').slice(-3).join('; ');
    throw failure('COMMAND_FAILED', { argv, status: ended ?? `exit status ${status}`, stderr });
  }

  /** As it is started where a process of its own is needed. */
  private own(argv: readonly string[]): readonly string[] {
    const name = ownTool(argv);
    return name === undefined ? argv : [join(this.bin, name), ...argv.slice(1)];
  }

  override pipe(commands: readonly (readonly string[])[], options?: RunOptions): Promise<void> {
    return super.pipe(
      commands.map((argv) => this.own(argv)),
      options,
    );
  }

  override relay(relay: Relay): Promise<Relayed> {
    return super.relay({
      ...relay,
      writers: relay.writers.map((argv) => this.own(argv)),
      reader: this.own(relay.reader),
    });
  }

  override session(argv: readonly string[], options?: SessionOptions): Promise<ExitStatus> {
    return super.session(this.own(argv), options);
  }
}

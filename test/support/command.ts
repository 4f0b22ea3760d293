/**
 * The built command itself, as a person runs it: `bin/iocage` in a process of its own, with words
 * passed on as they are (no shell between), and the environment of a laboratory.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `IOCAGE_COMMAND` names another one, such as an installed command. */
export const commandPath =
  process.env['IOCAGE_COMMAND'] ?? fileURLToPath(new URL('../../bin/iocage', import.meta.url));

/** A copy that others than root can start too: a checkout may lie in a directory that is root's alone. */
export function commandForAll(directory: string): string {
  if (process.env['IOCAGE_COMMAND'] !== undefined) return commandPath;
  const top = join(dirname(commandPath), '..');
  for (const folder of ['bin', 'build']) mkdirSync(join(directory, folder), { mode: 0o755 });
  for (const file of ['bin/iocage', 'build/iocage.cjs']) copyFileSync(join(top, file), join(directory, file));
  return join(directory, 'bin/iocage');
}

/** The same program by its other name. */
export const iocPath = join(dirname(commandPath), 'ioc');

export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Everything on both streams up to now. */
  output(): string;
  /** Waits until the output matches; throws with the output when the command ends first or 20 s pass. */
  says(pattern: RegExp): Promise<void>;
}

export interface Command {
  (...words: readonly string[]): Ran;
  /** Success; remarks on standard error are allowed. */
  done(...words: readonly string[]): Ran;
  /** This status. */
  fails(status: number, ...words: readonly string[]): Ran;
  /** Does not wait for the end. */
  start(...words: readonly string[]): Started;
  /** On a pseudo terminal; both streams come as one. Words without blanks. */
  onTerminal(...words: readonly string[]): Started;
}

const limitMs = 60_000;

/** Words for script(1): a line for a shell on Linux, a command of its own on FreeBSD; its status is the command's. */
export const inTerminal = (line: string): readonly string[] =>
  process.platform === 'freebsd' ? ['-q', '/dev/null', '/bin/sh', '-c', line] : ['-qec', line, '/dev/null'];

function follow(child: ChildProcess): Started {
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  const changed = (): void => watchers.forEach((watcher) => watcher());
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    changed();
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr });
      changed();
    });
  });
  const output = (): string => stdout + stderr;
  return {
    child,
    ended,
    output,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => look(true), 20_000);
        const look = (late = false): void => {
          const found = pattern.test(output());
          if (!found && !late && child.exitCode === null && child.signalCode === null) return;
          watchers.delete(watch);
          clearTimeout(timer);
          if (found) resolve();
          else reject(new Error(`never said ${String(pattern)}:\n${output()}`));
        };
        const watch = (): void => look();
        watchers.add(watch);
        look();
      }),
  };
}

/**
 * @param environment what the command gets besides `PATH`; nothing of the test's own goes in.
 * @param path another command
 */
export function commandIn(
  environment: Readonly<Record<string, string>>,
  path: string = commandPath,
): Command {
  if (!existsSync(path)) throw new Error(`${path} is not there: run 'make build' first`);
  const env = {
    PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    TZ: 'UTC',
    // Lines that come only where a step takes over a second are no matter of these tests.
    IOCAGE_PROGRESS: 'never',
    ...environment,
  };
  const run = (...words: readonly string[]): Ran => {
    const { status, signal, stdout, stderr, error } = spawnSync(path, words, {
      env,
      encoding: 'utf8',
      timeout: limitMs,
      maxBuffer: 1 << 26,
    });
    if (error !== undefined) throw error;
    return { status, signal, stdout, stderr };
  };
  const start = (...words: readonly string[]): Started =>
    follow(spawn(path, words, { env, stdio: ['pipe', 'pipe', 'pipe'] }));
  // script(1) takes a line for a shell: the text is fixed, what differs comes in the environment.
  const onTerminal = (...words: readonly string[]): Started =>
    follow(
      spawn('script', inTerminal('exec "$IOCAGE_UNDER_TEST" $IOCAGE_TEST_WORDS'), {
        env: {
          ...env,
          SHELL: '/bin/sh',
          TERM: 'dumb',
          IOCAGE_UNDER_TEST: path,
          IOCAGE_TEST_WORDS: words.join(' '),
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
  const fails = (status: number, ...words: readonly string[]): Ran => {
    const ran = run(...words);
    if (ran.status === status) return ran;
    throw new Error(`${words.join(' ')}: status ${ran.status}, not ${status}: ${ran.stderr}`);
  };
  const done = (...words: readonly string[]): Ran => fails(0, ...words);
  return Object.assign(run, { done, fails, start, onTerminal });
}

/** What differs from run to run without meaning, such as the id of an operation in a property. */
export function comparable(state: string): readonly string[] {
  return state.replaceAll(/op\\t[^"]*/g, 'op').split('\n');
}

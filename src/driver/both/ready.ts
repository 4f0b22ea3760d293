/**
 * The end of a start with `wait_for`: waits, with a bound, until the jail can be used. How a kernel's driver sees
 * that the jail runs, that somebody listens at a port or that a command succeeds, it says itself.
 */
import type { StepRun } from '../step.ts';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { valueOf } from '../../domain/config.ts';
import { readiness, type Readiness } from '../../domain/codec/readiness.ts';
import { awaitedFile, foundFile, type Console } from './console.ts';
import { endOf, since, TextSearch, type LogMark } from './console-log.ts';
import { milliseconds } from './hook.ts';

export interface Awaited {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly wanted: Readiness;
  readonly timeoutMs: number;
  readonly consoleLog: string;
  /** Where in the console log this start begins. */
  readonly logFrom: LogMark;
}

/** Undefined when there is nothing to wait for. */
export async function awaitedOf(files: Files, jail: JailSpec): Promise<Awaited | undefined> {
  const wanted = valueOf(jail.config, 'wait_for', readiness);
  if (wanted === undefined || wanted === null) return undefined;
  return {
    pool: jail.pool,
    uuid: jail.uuid,
    tag: jail.tag,
    wanted,
    timeoutMs: milliseconds(jail.config, 'wait_timeout', 60),
    consoleLog: jail.consoleLog,
    logFrom: await endOf(files, jail.consoleLog),
  };
}

/** For the copier of the console, which sees what goes by between two looks. */
export function awaitedText(jail: JailSpec): { awaited?: string } {
  const wanted = valueOf(jail.config, 'wait_for', readiness);
  return wanted?.kind === 'log' ? { awaited: wanted.text } : {};
}

function describe(wanted: Readiness): string {
  if (wanted.kind === 'port') return `nothing listens at port ${wanted.port}`;
  if (wanted.kind === 'log') return `the console log says nothing of ${JSON.stringify(wanted.text)}`;
  return `${wanted.argv.join(' ')} does not succeed`;
}

/**
 * Looks at what is new in the console log at each call. A text that was turned over between two looks is
 * found by the copier, which is told what to look for before the jail starts.
 */
function logWatch(
  { consoleLog, logFrom }: Awaited,
  text: string,
  pipe: string,
  { files }: StepRun,
): () => Promise<boolean> {
  const search = new TextSearch(text);
  let mark = logFrom;
  return async () => {
    for await (const { bytes, at, gap } of since(files, consoleLog, mark)) {
      if (search.sees(bytes, gap)) return true;
      mark = at;
    }
    return (await files.stat(foundFile(pipe))) !== undefined;
  };
}

/** @param look undefined: the jail has ended; asked for whatever is not the log's to tell */
export async function waitUntilReady(
  args: Awaited,
  { pipe }: Console,
  run: StepRun,
  look: (wanted: Exclude<Readiness, { kind: 'log' }> | undefined) => Promise<boolean | undefined>,
): Promise<void> {
  if (run.dry) return;
  const { wanted } = args;
  const end = run.clock.now().getTime() + args.timeoutMs;
  const logSays = wanted.kind === 'log' ? logWatch(args, wanted.text, pipe, run) : undefined;
  const refuse = (why: string): Error => failure('START_FAILED', { jail: args.tag, why });
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `waiting for ${args.tag}` });
    const seen = await look(wanted.kind === 'log' ? undefined : wanted);
    if (seen === undefined) throw refuse('it ended before it was ready');
    // The copier need not look any more.
    if (logSays === undefined ? seen : await logSays()) return run.files.remove(awaitedFile(pipe));
    const left = end - run.clock.now().getTime();
    if (left <= 0) throw refuse(`not ready after ${args.timeoutMs / 1000} s: ${describe(wanted)}`);
    run.progress(describe(wanted));
    await run.clock.sleep(Math.min(pause, left));
  }
}

/**
 * A program that a step runs in a running jail, whichever program of the host brings it in there. Its output goes
 * to the console log and not through a pipe of ours: a service that it starts keeps that open for as long as it lives.
 */
import type { StepRun } from '../step.ts';
import type { JailCommand } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { complaintIn } from './complaint.ts';
import { lastWordsMs, type Console, type Consoles } from './console.ts';
import { endOf, tailSince } from './console-log.ts';

export interface LoggedCommand {
  readonly tag: string;
  readonly title: string;
  readonly purpose: JailCommand['purpose'];
  readonly which?: string;
  readonly timeoutMs: number;
  readonly consoleLog: string;
}

/** How much of what a program said is looked at. */
const tailBytes = 32_768;
const lookEveryMs = 1500;

/** @param start runs it, with these words before the command, and answers its exit status */
export async function runLogged(
  { tag: jail, title, purpose, timeoutMs, consoleLog }: LoggedCommand,
  console: Console,
  run: StepRun,
  { into, settleConsole }: Pick<Consoles, 'into' | 'settleConsole'>,
  start: (via: readonly string[]) => Promise<number>,
): Promise<void> {
  const from = await endOf(run.files, consoleLog);
  const said = (): Promise<string> => tailSince(run.files, consoleLog, from, tailBytes);
  const via = await into(run.files, console);
  run.progress(`${title} in ${jail}`);
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    const line =
      (await said())
        .trim()
        .split(/[\r\n]+/)
        .at(-1) ?? '';
    looking = false;
    if (line !== '') run.progress(`${title}: ${line.replaceAll(/\p{Cc}/gu, ' ').slice(0, 120)}`);
  };
  const timer = run.dry ? undefined : setInterval(() => void look().catch(() => undefined), lookEveryMs);
  const started = run.clock.now().getTime();
  const status = await start(via).finally(() => clearInterval(timer));
  if (status === 0) return;
  await settleConsole(run, console, lastWordsMs);
  const tookMs = run.clock.now().getTime() - started;
  const late = tookMs >= timeoutMs ? `it took more than ${timeoutMs / 1000} s and was ended; ` : '';
  const why = `${late}${complaintIn(await said())}` || `exit status ${status}`;
  throw purpose === 'health'
    ? failure('HEALTH_FAILED', { command: title, jail, why, log: consoleLog })
    : failure('PROGRAM_FAILED', { program: title, jail, why, log: consoleLog });
}

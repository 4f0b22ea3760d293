/**
 * A program that a step runs in a running jail, by jexec(8). Its output goes to the console log and not
 * through a pipe: a service that it starts keeps that open for as long as it lives.
 */
import { dirname } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import { toLog } from './console.ts';
import type { Step } from '../system.ts';
import type { JailCommand, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { root as rootUser } from '../both/accounts.ts';
import { complaintIn } from '../both/complaint.ts';
import { jexec, userEnvironment } from './inside.ts';
import { readJails, rowOf } from './jls.ts';
import { realPath } from './real-root.ts';

export interface CommandArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly root: string;
  readonly title: string;
  readonly purpose: JailCommand['purpose'];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly consoleLog: string;
}

/** How much of what a program said is looked at. */
const tailBytes = 32_768;
const lookEveryMs = 1500;

/** What was written to the log since, the end of it. */
async function said(log: string, from: number, run: StepRun): Promise<string> {
  const size = (await run.files.stat(log))?.sizeBytes ?? 0;
  const argv = ['tail', '-c', `+${Math.max(from, size - tailBytes) + 1}`, log];
  return (await run.exec.read(argv, { accept: 'any' })).stdout.slice(0, tailBytes);
}

async function runCommand(args: CommandArgs, run: StepRun): Promise<void> {
  const { consoleLog, title, tag: jail, timeoutMs } = args;
  const root = await realPath(run.exec, run.files, args.root);
  if (!run.dry && rowOf(await readJails(run.exec), { uuid: args.uuid, root }) === undefined)
    throw failure('NOT_RUNNING', { name: jail });
  await run.files.mkdir(dirname(consoleLog), { mode: 0o700 });
  const from = (await run.files.stat(consoleLog))?.sizeBytes ?? 0;
  run.progress(`${title} in ${jail}`);
  const look = async (): Promise<void> => {
    const line =
      (await said(consoleLog, from, run))
        .trim()
        .split(/[\r\n]+/)
        .at(-1) ?? '';
    if (line !== '') run.progress(`${title}: ${line.replaceAll(/\p{Cc}/gu, ' ').slice(0, 120)}`);
  };
  const timer = run.dry ? undefined : setInterval(() => void look().catch(() => undefined), lookEveryMs);
  const started = run.clock.now().getTime();
  let status: number;
  try {
    const how = {
      via: toLog(consoleLog),
      signal: run.signal,
      accept: 'any',
      timeoutMs,
      env: args.env,
    } as const;
    ({ status } = await run.exec.change(args.argv, how));
  } finally {
    clearInterval(timer);
  }
  if (status === 0) return;
  const tookMs = run.clock.now().getTime() - started;
  const late = tookMs >= timeoutMs ? `it took more than ${timeoutMs / 1000} s and was ended; ` : '';
  const why = `${late}${complaintIn(await said(consoleLog, from, run))}` || `exit status ${status}`;
  throw args.purpose === 'health'
    ? failure('HEALTH_FAILED', { command: title, jail, why, log: consoleLog })
    : failure('PROGRAM_FAILED', { program: title, jail, why, log: consoleLog });
}

export function commandSteps() {
  const kind = stepKind<CommandArgs>('freebsd.command', {
    title: ({ title, tag }) => `${title} in ${tag}`,
    do: runCommand,
    undo: () => Promise.resolve(),
  });
  const step = (jail: JailSpec, { argv, env, title, purpose, timeoutMs }: JailCommand): Step =>
    kind({
      pool: jail.pool,
      uuid: jail.uuid,
      tag: jail.tag,
      root: jail.root,
      title,
      purpose,
      timeoutMs,
      consoleLog: jail.consoleLog,
      argv: jexec(jail, argv),
      env: { ...userEnvironment(rootUser, 'dumb'), ...env },
    });
  return { command: kind, commandStep: step };
}

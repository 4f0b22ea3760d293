/**
 * A program that a step runs in a running jail: in its namespaces, control groups and filter, as every
 * other program of it. Its output goes to the console log and not through a pipe: a service that it
 * starts keeps that open for as long as it lives. See crun-exec(1).
 */
import { join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { Paths, Step } from '../system.ts';
import type { JailCommand, JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { complaintIn } from '../both/complaint.ts';
import { into, jailConsole, lastWordsMs, settleConsole } from './console.ts';
import { endOf, tailSince } from './console-log.ts';
import { limited } from './limits-steps.ts';
import { placesOf, type Places } from './names.ts';
import { jailPath, ociProcess, type OciProcess } from './oci.ts';
import { crun } from './runtime-command.ts';
import { isAlive, readState } from './state.ts';

export interface CommandArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly title: string;
  readonly purpose: JailCommand['purpose'];
  readonly process: OciProcess;
  readonly timeoutMs: number;
  readonly consoleLog: string;
}

/** How much of what a program said is looked at. */
const tailBytes = 32_768;
const lookEveryMs = 1500;

async function runCommand(args: CommandArgs, places: Places, run: StepRun): Promise<void> {
  const { consoleLog, title, tag: jail } = args;
  const state = await readState(run.files, places.state);
  if (!run.dry && !(await isAlive(run.files, state))) throw failure('NOT_RUNNING', { name: jail });
  const from = await endOf(run.files, consoleLog);
  const said = (): Promise<string> => tailSince(run.files, consoleLog, from, tailBytes);
  const console = jailConsole(places, consoleLog);
  const file = join(places.bundle, 'process-command.json');
  const process = await limited(run.files, args.process, state);
  const via = await into(run.files, console);
  await run.files.write(file, JSON.stringify(process), { mode: 0o600 });
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
  let status: number;
  try {
    const argv = crun(places, 'exec', '--process', file, places.id);
    const { timeoutMs } = args;
    const how = { via, signal: run.signal, accept: 'any', timeoutMs } as const;
    ({ status } = await run.exec.change(argv, how));
  } finally {
    clearInterval(timer);
    await run.files.remove(file);
  }
  if (status === 0) return;
  await settleConsole(run, console, lastWordsMs);
  const tookMs = run.clock.now().getTime() - started;
  const late = tookMs >= args.timeoutMs ? `it took more than ${args.timeoutMs / 1000} s and was ended; ` : '';
  const why = `${late}${complaintIn(await said())}` || `exit status ${status}`;
  throw args.purpose === 'health'
    ? failure('HEALTH_FAILED', { command: title, jail, why, log: consoleLog })
    : failure('PROGRAM_FAILED', { program: title, jail, why, log: consoleLog });
}

export function commandSteps(paths: Paths) {
  const kind = stepKind<CommandArgs>('linux.command', {
    title: ({ title, tag }) => `${title} in ${tag}`,
    do: (args, run) => runCommand(args, placesOf(paths, args.pool, args.uuid), run),
    undo: () => Promise.resolve(),
  });
  const step = (jail: JailSpec, { argv, env, title, purpose, timeoutMs }: JailCommand): Step =>
    kind({
      pool: jail.pool,
      uuid: jail.uuid,
      tag: jail.tag,
      title,
      purpose,
      timeoutMs,
      consoleLog: jail.consoleLog,
      process: ociProcess(jail.config, {
        terminal: false,
        user: { uid: 0, gid: 0 },
        args: argv,
        env: Object.entries({
          PATH: jailPath,
          HOME: '/root',
          TERM: 'dumb',
          USER: 'root',
          SHELL: '/bin/sh',
          ...env,
        }).map(([key, value]) => `${key}=${value}`),
        cwd: '/',
      }),
    });
  return { command: kind, commandStep: step };
}

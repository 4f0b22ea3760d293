/**
 * `exec_start` and `exec_stop`: the commands that bring a jail's services up and down, run inside it.
 * COMPAT: the text is split at blanks; no shell reads it, in the jail or outside.
 */
import { join } from 'node:path';
import type { StepRun } from '../step.ts';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { serviceUser } from '../both/accounts.ts';
import { jailConsole } from '../both/console.ts';
import { into, settleConsole } from './console.ts';
import { milliseconds } from '../both/hook.ts';
import { limited } from './limits-steps.ts';
import type { Places } from './names.ts';
import { jailPath, ociProcess, type OciProcess } from './oci.ts';
import { crun } from './runtime-command.ts';
import { isAlive, readState } from './state.ts';

export interface ServiceArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly which: 'exec_start' | 'exec_stop';
  /** Undefined: nothing to run, and `note` says why. */
  readonly process?: OciProcess;
  readonly note?: string;
  readonly consoleLog: string;
  readonly timeoutMs?: number;
  /** exec_clean=0: what the caller's environment holds goes in too; at the moment it runs, so that no record keeps it. */
  readonly unclean?: true;
}

/** Scripts that FreeBSD's base system brings and other roots may not have. */
const usualScript = { exec_start: '/etc/rc', exec_stop: '/etc/rc.shutdown' } as const;

/** Undefined when the root has no such file; a path through a link is left to the jail itself to follow. */
async function isMissingBelow(files: Files, root: string, path: string): Promise<boolean> {
  return (await files.statBelow(root, path).catch(() => 'unknown' as const)) === undefined;
}

export async function serviceArgs(
  files: Files,
  jail: JailSpec,
  which: ServiceArgs['which'],
): Promise<ServiceArgs> {
  const args = (jail.config.get(which) ?? '').split(/\s+/).filter((word) => word !== '');
  const common = { pool: jail.pool, uuid: jail.uuid, which, consoleLog: jail.consoleLog };
  if (args.length === 0 || args[0] === 'none') return { ...common, note: `${which} is empty` };
  const script = usualScript[which];
  if (args.join(' ') === `/bin/sh ${script}` && (await isMissingBelow(files, jail.root, script))) {
    return { ...common, note: `the jail has no ${script}; nothing to run for ${which}` };
  }
  const user = await serviceUser(files, jail);
  // The check of a start tells it first; nothing runs as root in its place.
  if (typeof user === 'string') return { ...common, note: `${which} is left out: ${user}` };
  const { uid, gid, groups, home, name, shell } = user;
  const process = ociProcess(jail.config, {
    terminal: false,
    user: uid === 0 ? { uid, gid } : { uid, gid, additionalGids: groups },
    args,
    env: [`PATH=${jailPath}`, `HOME=${home}`, 'TERM=dumb', `USER=${name}`, `SHELL=${shell}`],
    cwd: '/',
  });
  const unclean = jail.config.get('exec_clean') === '0' ? { unclean: true as const } : {};
  const timeoutMs = milliseconds(jail.config, 'stop_timeout', 30);
  return { ...common, process, ...unclean, ...(which === 'exec_stop' ? { timeoutMs } : {}) };
}

/** Runs it in the jail's namespaces, control groups and filter; its output goes to the console log. */
export async function runService(
  args: ServiceArgs,
  places: Places,
  run: StepRun,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  if (args.process === undefined) {
    if (args.note !== undefined) run.note(args.note);
    return;
  }
  const state = await readState(run.files, places.state);
  if (!run.dry && !(await isAlive(run.files, state))) {
    // Recovering a stop that got further than this.
    if (args.which === 'exec_stop')
      return run.note('the jail has no process any more; exec_stop is left out');
    throw failure('NOT_RUNNING', { name: places.uuid });
  }
  const file = join(places.bundle, `process-${args.which}.json`);
  const console = jailConsole(places.bundle, args.consoleLog);
  const via = await into(run.files, console);
  const clean = await limited(run.files, args.process, state);
  const given = args.unclean === true ? Object.entries(environment).map((pair) => pair.join('=')) : [];
  const names = new Set(clean.env.map((word) => word.split('=')[0]));
  const process = {
    ...clean,
    env: [...given.filter((word) => !names.has(word.split('=')[0])), ...clean.env],
  };
  await run.files.write(file, JSON.stringify(process), { mode: 0o600 });
  try {
    const argv = crun(places, 'exec', '--process', file, places.id);
    const { status } = await run.exec.change(argv, {
      via,
      signal: run.signal,
      accept: 'any',
      ...(args.timeoutMs === undefined ? {} : { timeoutMs: args.timeoutMs }),
    });
    await settleConsole(run, console);
    if (status === 0) return;
    throw failure('COMMAND_FAILED', {
      argv: args.process.args,
      status: `exit status ${status} in the jail`,
      stderr: `see ${args.consoleLog}`,
    });
  } finally {
    await run.files.remove(file);
  }
}

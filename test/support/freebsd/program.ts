/**
 * Runs one tool of the stand-in: finds it, lets the test's faults happen, writes the call down, and turns a
 * failure into FreeBSD's line and status. And what the tools run in turn: another tool, an answer that the
 * test put down, or a real program (in a jail only by root, with chroot(8)).
 */
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fail, type Call, type Runs } from './call.ts';
import type { Jail, Machine, Program, Store } from './machine.ts';
import { releaseNumber } from './machine.ts';
import { isBelow } from './paths.ts';
import { spawnReal, type Setting } from './processes.ts';
import { fileTools, tools } from './tools/index.ts';

export interface Fault {
  readonly tool: string;
  /** Text that stands in the command line; without it every call of the tool counts. */
  readonly match?: string;
  /** Which of those calls, from 1. */
  readonly nth: number;
  /** `hang` waits until it is killed, `die` ends by SIGKILL. */
  readonly what: 'fail' | 'hang' | 'die';
  /** `after`: the tool did its work first. */
  readonly when: 'before' | 'after';
  readonly status?: number;
  readonly stderr?: string;
}

export interface CallRecord {
  readonly tool: string;
  readonly words: readonly string[];
  readonly jid: number;
}

/** Faults that are due with this call; each counts the calls that it is about. */
function dueFaults(store: Store, tool: string, line: string): readonly Fault[] {
  return store.locked(() => {
    const faults = store.json<readonly Fault[]>('faults.json', []);
    if (faults.length === 0) return [];
    const seen = store.json<Record<string, number>>('faults-seen.json', {});
    const due = faults.filter((fault, index) => {
      if (fault.tool !== tool || !line.includes(fault.match ?? '')) return false;
      seen[index] = (seen[index] ?? 0) + 1;
      return seen[index] === fault.nth;
    });
    store.writeJson('faults-seen.json', seen);
    return due;
  });
}

/** Until it is killed, or told to end. */
const forever = (signal: AbortSignal | undefined): Promise<number> =>
  new Promise((resolve) => {
    const timer = setInterval(() => undefined, 1 << 30);
    const end = (): void => {
      clearInterval(timer);
      resolve(143);
    };
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
  });

async function happen(faults: readonly Fault[], setting: Setting): Promise<number | undefined> {
  for (const fault of faults) {
    if (fault.what === 'hang') return forever(setting.signal);
    if (fault.what === 'die') {
      if (setting.capture) return 137;
      process.kill(process.pid, 'SIGKILL');
      return forever(undefined);
    }
    setting.err(`${fault.stderr ?? `${fault.tool}: made to fail by the test`}\n`);
    return fault.status ?? 1;
  }
  return undefined;
}

export async function runTool(name: string, words: readonly string[], setting: Setting): Promise<number> {
  const { store, jid } = setting;
  const tool = tools[name];
  if (tool === undefined) throw new Error(`the stand-in has no ${name}`);
  const record: CallRecord = { tool: name, words, jid };
  store.locked(() => store.append('calls.jsonl', record));
  const faults = dueFaults(store, name, [name, ...words].join(' '));
  const before = await happen(
    faults.filter((fault) => fault.when === 'before'),
    setting,
  );
  if (before !== undefined) return before;
  const call: Call = {
    tool: name,
    words,
    store,
    jid,
    release: releaseNumber(store.read()),
    ...(setting.cwd === undefined ? {} : { cwd: setting.cwd }),
    env: setting.env,
    out: (text) => setting.out(text),
    err: (text) => setting.err(text),
    input: () => setting.input(),
    run: (argv, where) => runProgram(argv, where, name, setting),
    real: (argv) =>
      spawnReal(argv, { jid, ...(setting.cwd === undefined ? {} : { cwd: setting.cwd }) }, setting),
  };
  let status: number;
  try {
    status = (await tool(call)) ?? 0;
  } catch (error) {
    if (!(error instanceof Fail)) throw error;
    setting.err(error.bare ? `${error.message}\n` : `${name}: ${error.message}\n`);
    status = error.status;
  }
  const after = await happen(
    faults.filter((fault) => fault.when === 'after'),
    setting,
  );
  return after ?? status;
}

/** With an end to it, where the caller asked for one: 124 then, as timeout(1) says it. */
async function limited(
  work: (setting: Setting) => Promise<number>,
  timeoutMs: number | undefined,
  setting: Setting,
): Promise<number> {
  if (timeoutMs === undefined) return work(setting);
  const late = AbortSignal.timeout(timeoutMs);
  const signal = setting.signal === undefined ? late : AbortSignal.any([late, setting.signal]);
  const status = await work({ ...setting, signal });
  return late.aborted ? 124 : status;
}

async function runProgram(
  argv: readonly string[],
  where: Runs,
  by: string,
  setting: Setting,
): Promise<number> {
  const machine = setting.store.read();
  const line = argv.join(' ');
  const inside: Setting = {
    ...setting,
    jid: where.jid,
    cwd: where.cwd,
    ...(where.env === undefined ? {} : { env: where.env }),
    ...(where.log === undefined
      ? {}
      : {
          out: (text: string) => writeFileSync(where.log!, text, { flag: 'a' }),
          err: (text: string) => writeFileSync(where.log!, text, { flag: 'a' }),
        }),
  };
  const jail = machine.jails.find((one) => one.jid === where.jid);
  const answer = machine.programs.find((program) => line.includes(program.match));
  const tool = basename(argv[0]!);
  // What a jail runs of these works in its root and not on the host's files.
  const isOurs = tool in tools && (where.jid === 0 || !fileTools.has(tool));
  const work = (within: Setting): Promise<number> => {
    if (answer !== undefined) return answered(answer, within);
    if (isOurs) return runTool(tool, argv.slice(1), within);
    if (jail === undefined) return spawnReal(argv, where, within);
    return inJail(argv, where, jail, by, within);
  };
  const status = await limited(work, where.timeoutMs, inside);
  if (status === 0) noteServices(argv, where.jid, setting.store);
  return status;
}

async function answered(answer: Program, setting: Setting): Promise<number> {
  if (answer.stdout !== undefined) setting.out(answer.stdout);
  if (answer.stderr !== undefined) setting.err(answer.stderr);
  if (answer.hang) return forever(setting.signal);
  return answer.status ?? 0;
}

/** Whether something goes on running in the jail after this. */
function noteServices(argv: readonly string[], jid: number, store: Store): void {
  const started = argv.includes('/etc/rc');
  const stopped = argv.includes('/etc/rc.shutdown');
  if (jid === 0 || (!started && !stopped)) return;
  store.change((machine) => {
    const jail = machine.jails.find((one) => one.jid === jid);
    if (jail !== undefined) jail.processes = started;
  });
}

const searched = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin', 'usr/local/sbin'];

function findInRoot(root: string, program: string): string | undefined {
  const candidates = program.includes('/') ? [program] : searched.map((folder) => `/${folder}/${program}`);
  return candidates.find((path) => {
    try {
      accessSync(join(root, path), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Binds FROM on ON, MODE `ro` or `rw`, for each three words before `--`, and runs the rest. */
const bound =
  'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; [ "$3" = rw ] || mount -o remount,bind,ro "$2"; shift 3; done; shift; exec "$@"';

/** The directories of the host that a jail sees, for the real program alone: the machine's mounts are only written down. */
function withMounts(machine: Machine, root: string, argv: readonly string[]): readonly string[] {
  const shown = machine.mounts.filter(
    ({ type, on, from }) => type === 'nullfs' && isBelow(on, root) && existsSync(on) && existsSync(from),
  );
  if (shown.length === 0) return argv;
  const words = shown.flatMap(({ from, on, options }) => [from, on, options.includes('ro') ? 'ro' : 'rw']);
  return ['unshare', '--mount', '/bin/sh', '-c', bound, 'sh', ...words, '--', ...argv];
}

/** What every jail of a FreeBSD system can run, for roots that hold no programs. */
const builtIn: Readonly<Record<string, number>> = { true: 0, false: 1 };

async function inJail(
  argv: readonly string[],
  where: Runs,
  jail: Jail,
  by: string,
  setting: Setting,
): Promise<number> {
  const root = jail.params['path'] ?? '/';
  const [program = '', ...words] = argv;
  const boots = words[0] === '/etc/rc' || words[0] === '/etc/rc.shutdown';
  const found = findInRoot(root, program);
  const hasScript = !boots || findInRoot(root, words[0]!) !== undefined;
  if (found !== undefined && hasScript && process.getuid?.() === 0) {
    const ids = where.user === undefined || where.user === 'root' ? [] : [`--userspec=${where.user}`];
    const inner =
      where.cwd === undefined
        ? [found, ...words]
        : ['/bin/sh', '-c', 'cd "$0" && exec "$@"', where.cwd, found, ...words];
    const inside = withMounts(setting.store.read(), root, ['/usr/sbin/chroot', ...ids, root, ...inner]);
    return spawnReal(inside, where, setting, jail.jid);
  }
  if (boots) return 0;
  const simple = builtIn[basename(program)];
  if (simple !== undefined) return simple;
  setting.err(`${by}: execvp: ${program}: No such file or directory\n`);
  return 1;
}

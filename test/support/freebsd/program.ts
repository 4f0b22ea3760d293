/**
 * Runs one tool of the stand-in: finds it, lets the test's faults happen, writes the call down, and turns a
 * failure into FreeBSD's line and status. And what the tools run in turn: another tool, an answer that the
 * test put down, or a real program (in a jail only by root, with chroot(8)).
 */
import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fail, type Call, type Runs } from './call.ts';
import type { Jail, Program, Store } from './machine.ts';
import { releaseNumber } from './machine.ts';
import { killTree } from './processes.ts';
import { tools } from './tools/index.ts';

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

export interface Setting {
  readonly store: Store;
  readonly jid: number;
  /** Where the programs lie; put first in the PATH of what is run on the host. */
  readonly bin: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  input(): string;
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

const forever = (): Promise<never> => new Promise(() => void setInterval(() => undefined, 1 << 30));

async function happen(faults: readonly Fault[], setting: Setting): Promise<number | undefined> {
  for (const fault of faults) {
    if (fault.what === 'hang') await forever();
    if (fault.what === 'die') {
      process.kill(process.pid, 'SIGKILL');
      await forever();
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
    out: (text) => setting.out(text),
    err: (text) => setting.err(text),
    input: () => setting.input(),
    run: (argv, where) => runProgram(argv, where, name, setting),
    real: (argv) => spawnReal(argv, { jid }, setting),
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

async function limited(work: Promise<number>, timeoutMs: number | undefined): Promise<number> {
  if (timeoutMs === undefined) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<number>((resolve) => {
    timer = setTimeout(() => resolve(124), timeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
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
    ...(where.log === undefined
      ? {}
      : {
          out: (text: string) => writeFileSync(where.log!, text, { flag: 'a' }),
          err: (text: string) => writeFileSync(where.log!, text, { flag: 'a' }),
        }),
  };
  const jail = machine.jails.find((one) => one.jid === where.jid);
  const answer = machine.programs.find((program) => line.includes(program.match));
  const work = (): Promise<number> => {
    if (answer !== undefined) return answered(answer, inside);
    if (basename(argv[0]!) in tools && basename(argv[0]!) !== 'login')
      return runTool(basename(argv[0]!), argv.slice(1), inside);
    if (jail === undefined) return spawnReal(argv, where, inside);
    return inJail(argv, where, jail, by, inside);
  };
  const status = await limited(work(), where.timeoutMs);
  if (status === 0) noteServices(argv, where.jid, setting.store);
  return status;
}

async function answered(answer: Program, setting: Setting): Promise<number> {
  if (answer.stdout !== undefined) setting.out(answer.stdout);
  if (answer.stderr !== undefined) setting.err(answer.stderr);
  if (answer.hang) await forever();
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
    return spawnReal(['/usr/sbin/chroot', ...ids, root, ...inner], where, setting, jail.jid);
  }
  if (boots) return 0;
  const simple = builtIn[basename(program)];
  if (simple !== undefined) return simple;
  setting.err(`${by}: execvp: ${program}: No such file or directory\n`);
  return 1;
}

const plainPath = '/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin';

function spawnReal(argv: readonly string[], where: Runs, setting: Setting, jid = 0): Promise<number> {
  const log = where.log === undefined ? undefined : openSync(where.log, 'a');
  const { HOME = '/root', TERM = 'dumb' } = setting.env;
  const env = {
    PATH: jid === 0 ? `${setting.bin}:${plainPath}` : plainPath,
    HOME,
    TERM,
    USER: where.user ?? 'root',
    ...where.env,
    ...(jid === 0 ? { FREEBSD_STANDIN: setting.store.folder, FREEBSD_STANDIN_JAIL: String(where.jid) } : {}),
  };
  return new Promise((resolve) => {
    const child = spawn(argv[0]!, argv.slice(1), {
      env,
      stdio: ['inherit', log ?? 'inherit', log ?? 'inherit'],
      ...(where.cwd === undefined || jid !== 0 ? {} : { cwd: where.cwd }),
    });
    if (log !== undefined) closeSync(log);
    const note = (change: (pids: number[], pid: number) => number[]): void => {
      const { pid } = child;
      if (jid === 0 || pid === undefined) return;
      setting.store.change((machine) => {
        const jail = machine.jails.find((one) => one.jid === jid);
        if (jail !== undefined) jail.pids = change(jail.pids, pid);
      });
    };
    note((pids, pid) => [...pids, pid]);
    const timer =
      where.timeoutMs === undefined ? undefined : setTimeout(() => killTree(child.pid!), where.timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      setting.err(`${argv[0]}: ${error.message}\n`);
      resolve(127);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      note((pids, pid) => pids.filter((one) => one !== pid));
      resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
    });
  });
}

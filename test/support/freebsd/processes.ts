/** Real processes: hooks on the host, programs in a jail's root, and their end. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import type { Runs } from './call.ts';
import type { Store } from './machine.ts';

/** Where a tool of the stand-in runs. */
export interface Setting {
  readonly store: Store;
  readonly jid: number;
  /** Where the programs lie; put first in the PATH of what is run on the host. */
  readonly bin: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string | undefined;
  /** Real programs write to `out` and `err`; otherwise to where this process does. */
  readonly capture?: boolean;
  /** Takes what a real program writes as it is, in the place of `out`. */
  readonly bytes?: ((chunk: Uint8Array) => void) | undefined;
  /** Ends a real program, and what would hang. */
  readonly signal?: AbortSignal;
  out(text: string): void;
  err(text: string): void;
  input(): string;
}

const plainPath = '/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin';

function environment(where: Runs, setting: Setting, inRoot: boolean): Record<string, string> {
  const { HOME = '/root', TERM = 'dumb' } = setting.env;
  const plain = { HOME, TERM, USER: where.user ?? 'root', ...where.env };
  if (inRoot) return { PATH: plainPath, ...plain };
  return {
    PATH: `${setting.bin}:${plainPath}`,
    ...plain,
    FREEBSD_STANDIN: setting.store.folder,
    FREEBSD_STANDIN_JAIL: String(where.jid),
  };
}

/** @param jid of the jail in whose root it runs; what runs there ends with the jail */
export function spawnReal(argv: readonly string[], where: Runs, setting: Setting, jid = 0): Promise<number> {
  const log = where.log === undefined ? undefined : openSync(where.log, 'a');
  const sink = log ?? (setting.capture ? 'pipe' : 'inherit');
  const note = (change: (pids: number[]) => number[]): void => {
    if (jid === 0) return;
    setting.store.change((machine) => {
      const jail = machine.jails.find((one) => one.jid === jid);
      if (jail !== undefined) jail.pids = change(jail.pids);
    });
  };
  return new Promise((resolve) => {
    const child = spawn(argv[0]!, argv.slice(1), {
      env: environment(where, setting, jid !== 0),
      stdio: [setting.capture ? 'ignore' : 'inherit', sink, sink],
      ...(where.cwd === undefined || jid !== 0 ? {} : { cwd: where.cwd }),
    });
    if (log !== undefined) closeSync(log);
    const { pid } = child;
    if (setting.bytes !== undefined) child.stdout?.on('data', setting.bytes);
    else child.stdout?.setEncoding('utf8').on('data', (text: string) => setting.out(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => setting.err(text));
    if (pid !== undefined) note((pids) => [...pids, pid]);
    const stop = (): void => void (pid !== undefined && killTree(pid));
    setting.signal?.addEventListener('abort', stop, { once: true });
    child.once('error', (error) => {
      setting.err(`${argv[0]}: ${error.message}\n`);
      resolve(127);
    });
    child.once('close', (code, signal) => {
      setting.signal?.removeEventListener('abort', stop);
      note((pids) => pids.filter((one) => one !== pid));
      resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
    });
  });
}

/** A process and all that it started, the youngest last. */
export function killTree(pid: number): void {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Gone meanwhile.
    }
  }
  const kill = (one: number): void => {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
    for (const child of children.get(one) ?? []) kill(child);
  };
  kill(pid);
}

/** One call of one of the stand-in's tools: what it was told, where it runs, and how it answers. */
import { findWord } from './documented.ts';
import { parseFlags, type Parsed } from './grammar.ts';
import { releaseNumber, type Jail, type Machine, type Store } from './machine.ts';

/** How a tool of FreeBSD fails: a line on standard error (`TOOL: MESSAGE`) and an exit status. */
export class Fail extends Error {
  readonly status: number;
  /** Printed as it is, without the tool's name before it. */
  readonly bare: boolean;
  constructor(message: string, status = 1, bare = false) {
    super(message);
    this.status = status;
    this.bare = bare;
  }
}

export interface Runs {
  /** jid of the jail that it runs in; 0 is the host. */
  readonly jid: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** User of the jail (or host) as whom it runs. */
  readonly user?: string;
  /** What it writes goes to this file. */
  readonly log?: string;
  readonly timeoutMs?: number;
}

export interface Call {
  readonly tool: string;
  readonly words: readonly string[];
  readonly store: Store;
  /** jid of the jail in which the tool runs; 0 is the host. */
  readonly jid: number;
  readonly release: number;
  /** Where it was started; undefined: where the test runs. */
  readonly cwd?: string;
  /** The environment that the tool was started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** All of standard input. */
  input(): string;
  /** Runs a program: another tool of the stand-in, an answer of the machine's table, or a real one. */
  run(argv: readonly string[], where: Runs): Promise<number>;
  /** Runs one of the system's own programs, past the stand-in. */
  real(argv: readonly string[]): Promise<number>;
}

export type Tool = (call: Call) => void | number | Promise<void | number>;

const usages: Readonly<Record<string, string>> = {
  jail: 'jail [-dhilqv] [-J jid_file] [-u username] [-U username] -[cmr] param=value ... [command=command ...]',
  jls: 'jls [-dhNnqv] [-j jail] [param ...]',
  jexec: 'jexec [-l] [-u username | -U username] jail [command ...]',
  rctl: 'rctl [ -h ] [-a rule | -l filter | -r filter | -u filter | filter]',
  mount_nullfs: 'mount_nullfs [-o options] target mount-point',
  umount: 'umount [-fNnv] special ... | node ... | fsid ...',
  devfs: 'devfs rule [-s ruleset] ...',
  sysctl: 'sysctl [-bdehiNnoqTtWx] [ -B <bufsize> ] [-f filename] name[=value] ...',
  kldload: 'kldload [-nqv] file ...',
  service: 'service [-j <jail name or id>] <rc.d script> start|stop|etc',
};

/** EX_USAGE of sysexits(3), which some tools use and most do not. */
const usageStatus: Readonly<Record<string, number>> = {
  mount: 1,
  sysctl: 1,
  lockf: 64,
  ifconfig: 1,
  route: 64,
};

export const usage = (tool: string, before = ''): Fail =>
  new Fail(`${before}usage: ${usages[tool] ?? `${tool} …`}`, usageStatus[tool] ?? 1, true);

/** Flags of the release, refused in getopt(3)'s words when it has no such. */
export function flagsOf(call: Call, tool = call.tool, words = call.words): Parsed {
  const parsed = parseFlags(tool, words, call.release);
  const name = tool.split(' ')[0]!;
  const [unknown] = parsed.unknown;
  if (unknown?.startsWith('--')) throw usage(name, `${name}: unrecognized option \`${unknown}'\n`);
  if (unknown !== undefined) throw usage(name, `${name}: illegal option -- ${unknown.slice(1)}\n`);
  const [lacking] = parsed.lacking;
  if (lacking !== undefined)
    throw usage(name, `${name}: option requires an argument -- ${lacking.replace(/^-+/, '')}\n`);
  return parsed;
}

export const known = (
  call: Call,
  tool: string,
  kind: Parameters<typeof findWord>[1],
  word: string,
): boolean => findWord(tool, kind, word, call.release) !== undefined;

/** A jail by number or name, as jail_getid(3) looks it up. */
export function findJail(machine: Machine, word: string): Jail | undefined {
  return machine.jails.find((jail) => (/^\d+$/.test(word) ? jail.jid === Number(word) : jail.name === word));
}

export function getJail(machine: Machine, word: string): Jail {
  const jail = findJail(machine, word);
  if (jail === undefined) throw new Fail(`jail "${word}" not found`);
  return jail;
}

/** The network stack that a jail's programs see: its own, or that of the nearest one above that has one. */
export function vnetOf(machine: Machine, jid: number): number {
  for (let at = jid; at !== 0;) {
    const jail = machine.jails.find((one) => one.jid === at);
    if (jail === undefined || jail.vnet) return at;
    at = jail.parent;
  }
  return 0;
}

export const releaseOf = (store: Store): number => releaseNumber(store.read());

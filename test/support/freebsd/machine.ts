/**
 * What a pretended FreeBSD host is made of, kept as one JSON file: written to a temporary name and renamed,
 * under a lock that a killed program does not leave behind for long. The tools (tools/*.ts) change it; no
 * rule of a tool stands here.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Address {
  address: string;
  prefix: number;
}

export interface Nic {
  readonly id: number;
  name: string;
  /** Driver: `epair`, `bridge`, `lo`, `em` … */
  readonly kind: string;
  /** Made by `ifconfig … create`, so that it can be destroyed. */
  readonly cloned: boolean;
  /** The other end of an epair. */
  readonly peer?: number;
  /** jid whose network stack has it; 0 is the host. */
  vnet: number;
  /** Where it was made, and where it goes when its jail ends. */
  home: number;
  mtu: number;
  ether?: string;
  up: boolean;
  description?: string;
  groups: string[];
  inet: Address[];
  inet6: Address[];
  /** Of a bridge: ids of its members. */
  members: number[];
  /** Other words that were given: `-lro`, `promisc`, `fib=1`. */
  options: string[];
}

export interface Jail {
  readonly jid: number;
  name: string;
  readonly parent: number;
  /** Kernel parameters in their canonical texts. */
  params: Record<string, string>;
  /** It has a network stack of its own. */
  readonly vnet: boolean;
  /** Something was started in it and goes on: `/etc/rc`, a daemon. */
  processes: boolean;
  /** rtsold(8) runs in it. */
  solicits?: boolean;
  /** Only KILL ends what runs in it. */
  stubborn?: boolean;
  /** Real processes of a `jexec` that runs at this moment. */
  pids: number[];
  cpus?: string;
  hostname?: string;
}

export interface Mount {
  readonly type: string;
  readonly from: string;
  readonly on: string;
  readonly options: readonly string[];
}

export interface Route {
  readonly vnet: number;
  readonly fib: number;
  readonly family: 4 | 6;
  /** `default` or an address with prefix. */
  readonly destination: string;
  gateway: string;
  readonly nic: string;
}

/** What a program in a jail (or a hook) does, when the test wants something else than success. */
export interface Program {
  /** Text that stands in the command line. */
  readonly match: string;
  readonly status?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly hang?: boolean;
}

export interface Machine {
  /** `14.2-RELEASE-p1`: what `uname -r` says. */
  release: string;
  /** What `freebsd-version -u` says; the kernel's when absent. */
  userland?: string;
  arch: string;
  hostname: string;
  hostuuid: string;
  cpus: number;
  memoryBytes: number;
  fibs: number;
  racct: boolean;
  vimage: boolean;
  /** Settable variables that were set. */
  sysctl: Record<string, string>;
  /** Modules that are loaded; those that can be loaded are in the table. */
  klds: string[];
  users: string[];
  nextJid: number;
  nextNic: number;
  jails: Jail[];
  nics: Nic[];
  mounts: Mount[];
  /** devfs rules by the number of the set, each rule by its number. */
  rulesets: Record<string, Record<string, string>>;
  /** The rule set of a devfs mount. */
  devfs: Record<string, number>;
  rctl: string[];
  /** Usage by jail name, as rctl -u tells it. */
  usage: Record<string, Record<string, number>>;
  routes: Route[];
  pf: { enabled: boolean; anchors: Record<string, { rules: string[]; nat: string[] }> };
  ipfw: {
    enabled: boolean;
    rules: { number: number; set: number; rule: string }[];
    nat: Record<string, string>;
  };
  /** Services by `jid/name`: running or not. */
  services: Record<string, boolean>;
  /** Datasets given to a jail by `zfs jail`. */
  datasets: Record<string, number>;
  /** Packages by root (`jail:J` or a directory). */
  packages: Record<string, string[]>;
  /** Packages that a repository has. */
  repository: string[];
  /** What freebsd-update knows: updates per release, and what was fetched into which base directory. */
  updates: {
    latest: Record<string, string>;
    fetched: Record<string, string>;
    installed: Record<string, string>;
    /** Releases that have passed their end of life. */
    ended: string[];
    /** Files that somebody changed, which are left as they are. */
    modified: string[];
  };
  /** URL to file: what fetch(1) gets. */
  remote: Record<string, string>;
  /** Paths in use by something, so that they cannot be unmounted. */
  busy: string[];
  programs: Program[];
}

/** Names, in the order in which they came, are a matter of the tools; this is only how a machine starts. */
export function freshMachine(given: Partial<Machine> & { nicNames?: readonly string[] } = {}): Machine {
  const { nicNames = ['em0'], ...rest } = given;
  const nic = (id: number, name: string, kind: string): Nic => ({
    id,
    name,
    kind,
    cloned: kind === 'lo',
    vnet: 0,
    home: 0,
    mtu: kind === 'lo' ? 16384 : 1500,
    ...(kind === 'lo' ? {} : { ether: `58:9c:fc:00:00:${id.toString(16).padStart(2, '0')}` }),
    up: true,
    groups: kind === 'lo' ? ['lo'] : [],
    inet: kind === 'lo' ? [{ address: '127.0.0.1', prefix: 8 }] : [],
    inet6: kind === 'lo' ? [{ address: '::1', prefix: 128 }] : [],
    members: [],
    options: [],
  });
  const nics = [
    nic(1, 'lo0', 'lo'),
    ...nicNames.map((name, index) => nic(index + 2, name, name.replace(/\d+$/, ''))),
  ];
  const first = nics[1];
  if (first !== undefined && given.nics === undefined) first.inet.push({ address: '192.0.2.10', prefix: 24 });
  return {
    release: '14.2-RELEASE',
    arch: 'amd64',
    hostname: 'host.example.org',
    hostuuid: '0d7e1f30-5a6b-11ee-8c99-0242ac120002',
    cpus: 4,
    memoryBytes: 8 * 1024 ** 3,
    fibs: 2,
    racct: true,
    vimage: true,
    sysctl: {},
    klds: ['kernel', 'zfs'],
    users: ['root', 'toor', 'daemon', 'operator', 'www', 'nobody'],
    nextJid: 1,
    nextNic: nics.length + 1,
    jails: [],
    nics,
    mounts: [],
    rulesets: {
      1: { 100: 'hide' },
      2: {
        100: 'path null unhide',
        200: 'path zero unhide',
        300: 'path random unhide',
        400: 'path urandom unhide',
      },
      3: { 100: 'path fd unhide', 200: 'path fd/* unhide', 300: 'path stdin unhide' },
      4: { 100: 'include 1', 200: 'include 2', 300: 'include 3', 400: 'path zfs unhide' },
      5: { 100: 'include 4', 200: 'path pf unhide' },
    },
    devfs: { '/dev': 0 },
    rctl: [],
    usage: {},
    routes:
      first === undefined
        ? []
        : [{ vnet: 0, fib: 0, family: 4, destination: 'default', gateway: '192.0.2.1', nic: first.name }],
    pf: { enabled: false, anchors: {} },
    ipfw: { enabled: false, rules: [], nat: {} },
    services: {},
    datasets: {},
    packages: {},
    repository: ['bash', 'curl', 'nginx', 'pkg', 'python311', 'vim'],
    updates: { latest: {}, fetched: {}, installed: {}, ended: [], modified: [] },
    remote: {},
    busy: [],
    programs: [],
    ...rest,
  };
}

/** `14.2` of `14.2-RELEASE-p1`. */
export const releaseNumber = (machine: Machine): number =>
  Number(/^\d+(\.\d+)?/.exec(machine.release)?.[0] ?? 15);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const pause = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** The files of a machine: `machine.json`, `faults.json`, `calls.jsonl`, and the lock. */
export class Store {
  readonly folder: string;
  private depth = 0;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Runs with the lock held; a second time inside it is the same lock. */
  locked<T>(work: () => T): T {
    if (this.depth > 0) return work();
    const lock = join(this.folder, 'lock');
    for (let tries = 0; ; tries += 1) {
      try {
        writeFileSync(lock, String(process.pid), { flag: 'wx' });
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const holder = Number(this.text('lock') ?? '');
        // A moment passes between the file's coming to be and its content.
        if (holder > 0 && !alive(holder)) rmSync(lock, { force: true });
        else if (tries > 4000)
          throw new Error(`the stand-in's lock ${lock} is held by ${holder}`, { cause: error });
        else pause(5);
      }
    }
    this.depth = 1;
    try {
      return work();
    } finally {
      this.depth = 0;
      rmSync(lock, { force: true });
    }
  }

  private text(name: string): string | undefined {
    try {
      return readFileSync(join(this.folder, name), 'utf8');
    } catch {
      return undefined;
    }
  }

  json<T>(name: string, otherwise: T): T {
    const text = this.text(name);
    return text === undefined ? otherwise : (JSON.parse(text) as T);
  }

  writeJson(name: string, value: unknown): void {
    const path = join(this.folder, name);
    writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(value, null, 1)}\n`);
    renameSync(`${path}.${process.pid}`, path);
  }

  append(name: string, value: unknown): void {
    writeFileSync(join(this.folder, name), `${JSON.stringify(value)}\n`, { flag: 'a' });
  }

  lines<T>(name: string): readonly T[] {
    return (this.text(name) ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  read(): Machine {
    return this.json<Machine>('machine.json', freshMachine());
  }

  /**
   * Changes the machine. What was changed stays when the work fails in FreeBSD's words, as a tool that
   * does several things does not take back the first ones.
   */
  change<T>(work: (machine: Machine) => T): T {
    return this.locked(() => {
      const machine = this.read();
      try {
        return work(machine);
      } finally {
        this.writeJson('machine.json', machine);
      }
    });
  }
}

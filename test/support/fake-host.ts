/**
 * A host in memory: jails that "run" as records, with the steps, the labels and the failures of a real
 * one. It passes the same contract suite as the real drivers, as far as there is no kernel below it.
 *
 * `failStep` makes a kind of step fail once, before or after its work; `snapshotState` is everything
 * that a start can leave behind.
 */
import type {
  ExecOptions,
  Host,
  JailSpec,
  LimitRule,
  RunningJail,
  ShownNow,
  StopOptions,
} from '../../src/driver/host.ts';
import { stepKind, type StepKind, type StepRun } from '../../src/driver/step.ts';
import type { Step } from '../../src/driver/system.ts';
import { linuxTrees } from '../../src/driver/linux/trees.ts';
import { dirname } from 'node:path';
import { failure } from '../../src/domain/errors.ts';
import { limitResources } from '../../src/domain/codec/limit.ts';
import { entryProblem } from '../../src/domain/format/fstab.ts';
import { properties } from '../../src/domain/properties/index.ts';

interface Args {
  readonly pool: string;
  readonly uuid: string;
}

interface ServiceArgs extends Args {
  readonly command: string;
}

interface NetworkArgs extends Args {
  readonly ip4: readonly string[];
  readonly ip6: readonly string[];
}

interface LimitArgs extends Args {
  readonly rules: readonly LimitRule[];
  /** Null: the jail is being started. */
  readonly previous: readonly LimitRule[] | null;
}

/** A kernel that keeps every limit that denies, and no other. */
function rulesOf(jail: JailSpec): readonly LimitRule[] {
  if (!['on', 'yes', '1'].includes(jail.config.get('rlimits') ?? '')) return [];
  return Object.keys(limitResources).flatMap((key) => {
    const value = jail.config.get(key) ?? 'off';
    if (value === '0:deny')
      throw failure('INVALID_INPUT', { issues: [{ path: key, problem: 'nothing could run' }] });
    return value.endsWith(':deny') ? [{ key, value }] : [];
  });
}

interface Container extends RunningJail {
  readonly started: boolean;
}

export interface FakeHostCall {
  readonly jail: string;
  readonly argv: readonly string[];
  readonly options: ExecOptions;
}

export interface FakeHost extends Host {
  /** The next step of this kind fails, once: before its work, or after it. */
  failStep(kind: string, when?: 'before' | 'after'): void;
  /** Called before the work of each step; a test that waits in it decides what happens at the same time. */
  beforeStep: ((kind: string, args: { readonly uuid: string }) => Promise<void>) | undefined;
  /** What is there beyond what was there at first, comparable with `toEqual`. */
  snapshotState(): unknown;
  /** As if the first process of the jail had been killed from outside. */
  kill(pool: string, uuid: string): void;
  /** Sessions asked for so far. */
  readonly calls: readonly FakeHostCall[];
  /** Hooks and service commands run so far, in order. */
  readonly ran: readonly string[];
  /** Exit status of the next sessions; without it, `exit N` in the words decides. */
  nextStatus: number | undefined;
  /** What the next sessions write to standard output. */
  nextOutput: string | undefined;
  /** The last jail id that was given. */
  lastJid: number;
  /** What running jails may write of the host; nothing by itself. */
  readonly shown: ShownNow[];
  /** Interfaces and addresses that the machine has. */
  readonly nics: Map<string, readonly string[]>;
  /** Roots that exist; `undefined`: every root does. */
  roots: ReadonlySet<string> | undefined;
}

export interface FakeHostOptions {
  readonly kernel?: 'linux' | 'freebsd';
  readonly release?: string;
  readonly hostId?: string;
}

const idle = ['', 'none', '/usr/bin/true'];

function addressesIn(jail: JailSpec, family: 4 | 6): readonly string[] {
  const text = jail.config.get(`ip${family}_addr`) ?? 'none';
  if (text === 'none' || text === '' || jail.config.get('ip4') === 'inherit') return [];
  return jail.config.get(`ip${family}`) === 'disable' ? [] : text.split(',');
}

const bare = (item: string): string => item.replace(/^[^|]*\|/, '').replace(/\/\d+$/, '');

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const containers = new Map<string, Container>();
  const networks = new Map<string, NetworkArgs>();
  /** Of containers; what is left of one that is gone counts for nothing. */
  const limits = new Map<string, readonly LimitRule[]>();
  const failing = new Map<string, 'before' | 'after'>();
  const calls: FakeHostCall[] = [];
  const ran: string[] = [];
  const shown: ShownNow[] = [];
  const keyOf = ({ pool, uuid }: Args): string => `${pool}/${uuid}`;

  /** Wraps the work of a kind with the failure that a test ordered. */
  function kind<A extends Args>(
    name: string,
    title: string,
    work: (args: A, run: StepRun) => void,
    undo?: (args: A) => void,
  ) {
    return stepKind<A>(name, {
      title: (args) => `${title} ${args.uuid}`,
      do: async (args, run) => {
        await host.beforeStep?.(name, args);
        const when = failing.get(name);
        failing.delete(name);
        if (when === 'before')
          throw failure('START_FAILED', { jail: args.uuid, why: `${name} was made to fail` });
        if (!run.dry) work(args, run);
        if (when === 'after')
          throw failure('START_FAILED', { jail: args.uuid, why: `${name} was made to fail` });
      },
      ...(undo === undefined ? {} : { undo: async (args: A) => undo(args) }),
    });
  }

  const runCommand = ({ command }: ServiceArgs): void => {
    if (idle.includes(command)) return;
    ran.push(command);
    if (/(^|\/)false$|^exit [1-9]/.test(command)) {
      throw failure('COMMAND_FAILED', { argv: [command], status: 'exit status 1', stderr: '' });
    }
  };
  const hook = kind<ServiceArgs>('fake.hook', 'hook of', runCommand, () => undefined);
  const network = kind<NetworkArgs>(
    'fake.network',
    'network of',
    (args) => {
      const taken = [...networks.values()].flatMap(({ ip4, ip6 }) => [...ip4, ...ip6]).map(bare);
      const twice = [...args.ip4, ...args.ip6].map(bare).find((address) => taken.includes(address));
      if (twice)
        throw failure('COMMAND_FAILED', {
          argv: ['ip', 'route', 'add', twice],
          status: '2',
          stderr: 'File exists',
        });
      networks.set(keyOf(args), args);
    },
    (args) => void networks.delete(keyOf(args)),
  );
  const create = kind<NetworkArgs>(
    'fake.create',
    'create',
    (args, run) => {
      limits.delete(keyOf(args));
      containers.set(keyOf(args), {
        uuid: args.uuid,
        jid: (host.lastJid += 1),
        ip4: args.ip4,
        ip6: args.ip6,
        startedAt: run.clock.now().toISOString(),
        started: false,
      });
    },
    (args) => void containers.delete(keyOf(args)),
  );
  const begin = kind<Args>(
    'fake.start',
    'start',
    (args) => containers.set(keyOf(args), { ...containers.get(keyOf(args))!, started: true }),
    () => undefined,
  );
  const put = (args: LimitArgs, rules: readonly LimitRule[]): void => {
    if (containers.has(keyOf(args))) limits.set(keyOf(args), rules);
  };
  const program = kind<ServiceArgs & { purpose: string }>(
    'fake.command',
    'program in',
    (args) => {
      if (!containers.has(keyOf(args))) throw failure('NOT_RUNNING', { name: args.uuid });
      ran.push(args.command);
      if (!/(^|\/)false$|^exit [1-9]/.test(args.command)) return;
      const how = { jail: args.uuid, why: 'exit status 1', log: '/dev/null' };
      throw args.purpose === 'health'
        ? failure('HEALTH_FAILED', { command: args.command, ...how })
        : failure('PROGRAM_FAILED', { program: args.command, ...how });
    },
    () => undefined,
  );
  const limit = kind<LimitArgs>(
    'fake.limits',
    'limits of',
    (args) => put(args, args.rules),
    (args) => put(args, args.previous ?? []),
  );
  const service = kind<ServiceArgs>('fake.service', 'services of', runCommand, () => undefined);
  const remove = kind<Args>('fake.remove', 'remove', (args) => void containers.delete(keyOf(args)));
  const unplug = kind<Args>(
    'fake.network-remove',
    'remove the network of',
    (args) => void networks.delete(keyOf(args)),
  );

  const ids = (jail: JailSpec): Args => ({ pool: jail.pool, uuid: jail.uuid });
  const command = (jail: JailSpec, key: string): ServiceArgs => ({
    ...ids(jail),
    command: jail.config.get(key) ?? '',
  });
  const addresses = (jail: JailSpec): NetworkArgs => ({
    ...ids(jail),
    ip4: addressesIn(jail, 4),
    ip6: addressesIn(jail, 6),
  });
  const found = (jail: JailSpec): Container => {
    const container = containers.get(keyOf(jail));
    if (container === undefined) throw failure('NOT_RUNNING', { name: jail.tag });
    return container;
  };

  async function startSteps(jail: JailSpec): Promise<readonly Step[]> {
    if (containers.has(keyOf(jail))) throw failure('ALREADY_UP', { name: jail.tag });
    const plan = addresses(jail);
    return [
      ...(networks.has(keyOf(jail)) ? [unplug(ids(jail))] : []),
      hook(command(jail, 'exec_prestart')),
      ...(plan.ip4.length + plan.ip6.length > 0
        ? [network(plan, jail.config.get('vnet') === 'on' ? { label: 'Configuring VNET' } : {})]
        : []),
      create(plan),
      begin(ids(jail), {
        label: jail.config.get('ip4') === 'inherit' ? 'Started (shared IP mode)' : 'Started',
      }),
      ...(rulesOf(jail).length > 0
        ? [
            limit(
              { ...ids(jail), rules: rulesOf(jail), previous: null },
              { label: 'Applying resource limits' },
            ),
          ]
        : []),
      hook(command(jail, 'exec_poststart')),
      service(command(jail, 'exec_start'), { label: 'Starting services' }),
    ];
  }

  async function stopSteps(jail: JailSpec, how: StopOptions = {}): Promise<readonly Step[]> {
    const asked = [
      hook(command(jail, 'exec_prestop'), { label: 'Running pre-stop', onError: 'warn' }),
      service(command(jail, 'exec_stop'), { label: 'Stopping services', onError: 'warn' }),
    ];
    return [
      ...(how.force === true ? [] : asked),
      remove(ids(jail), { label: 'Removing jail process' }),
      ...(networks.has(keyOf(jail)) ? [unplug(ids(jail))] : []),
      hook(command(jail, 'exec_poststop'), { label: 'Running post-stop', onError: 'warn' }),
    ];
  }

  async function session(jail: JailSpec, argv: readonly string[], how: ExecOptions): Promise<number> {
    found(jail);
    if (how.jailUser?.startsWith('no-such') || how.hostUser?.startsWith('no-such')) {
      const name = how.jailUser ?? how.hostUser ?? '';
      throw failure('INVALID_NAME', { what: 'user', name, problem: 'the jail has no such user' });
    }
    calls.push({ jail: jail.uuid, argv, options: how });
    if (argv[0]?.includes('no-such')) return 127;
    if (host.nextOutput !== undefined) how.onOutput?.(host.nextOutput, 'stdout');
    else if (argv[0] === 'echo') how.onOutput?.(`${argv.slice(1).join(' ')}\n`, 'stdout');
    if (host.nextStatus !== undefined) return host.nextStatus;
    return Number(/^exit (\d+)$/.exec(argv.at(-1) ?? '')?.[1] ?? 0);
  }

  const host: FakeHost = {
    kernel: options.kernel ?? 'linux',
    // What runs below the fakes is this machine.
    trees: linuxTrees,
    nextStatus: undefined,
    nextOutput: undefined,
    lastJid: 1000,
    roots: undefined,
    nics: new Map([
      ['lo', ['127.0.0.1']],
      ['eth0', ['192.0.2.2']],
    ]),
    calls,
    ran,
    kinds: [limit, hook, network, create, begin, service, remove, unplug, program] as readonly StepKind[],
    failStep: (name, when = 'before') => void failing.set(name, when),
    beforeStep: undefined,
    snapshotState: () =>
      structuredClone({
        containers,
        networks,
        limits: [...limits].filter(([key, rules]) => containers.has(key) && rules.length > 0),
      }),
    kill: (pool, uuid) => void containers.delete(keyOf({ pool, uuid })),

    defaultRelease: async () => options.release ?? 'bookworm',
    hostId: async () => options.hostId ?? '9a1f0000-0000-4000-8000-000000000001',
    running: async (pool) =>
      new Map(
        [...containers]
          .filter(([key]) => key.startsWith(`${pool}/`))
          .map(([, { started: _, ...jail }]) => [jail.uuid, jail]),
      ),
    foreign: async () => [],
    shown,
    shownWritable: async () => shown,
    async check(jail) {
      const problems: { key: string; problem: string }[] = [];
      const pairs = jail.config.get('interfaces') ?? 'none';
      if (pairs !== 'none' && pairs.split(',').some((pair) => !/^[^:]+:[^:]+$/.test(pair))) {
        problems.push({ key: 'interfaces', problem: 'incorrect interfaces property format' });
      }
      const missing = host.roots === undefined ? jail.root.endsWith('-missing') : !host.roots.has(jail.root);
      if (missing) problems.push({ key: 'root', problem: `${jail.root} does not exist` });
      for (const family of [4, 6] as const) {
        for (const item of addressesIn(jail, family)) {
          const nic = item.includes('|') ? item.slice(0, item.indexOf('|')) : 'eth0';
          const holder = [...networks].find(
            ([key, { ip4, ip6 }]) => key !== keyOf(jail) && [...ip4, ...ip6].map(bare).includes(bare(item)),
          );
          const own = [...host.nics.values()].flat().includes(bare(item));
          const problem = !host.nics.has(nic)
            ? `the host has no interface ${nic}`
            : own
              ? `${bare(item)} is the host's own address`
              : holder && `${bare(item)} is in use by jail ${holder[1].uuid}`;
          if (problem) problems.push({ key: `ip${family}_addr`, problem });
        }
      }
      return problems;
    },
    mountProblem: async (jail, entry) =>
      entryProblem(entry, { iocage: dirname(dirname(jail.mountpoint)), root: jail.root }, entry.source),
    settle: async (jail) =>
      jail.config.get('vnet') === 'on' && (jail.config.get('vnet0_mac') ?? 'none') === 'none'
        ? new Map([['vnet0_mac', 'fe:ff:60:00:00:01,02:ff:60:00:00:02']])
        : new Map(),
    notApplied: (jail) =>
      properties.flatMap((row) => {
        const value = jail.config.get(row.key);
        const ignored = row.linux.effect !== 'applied' && row.store === 'user' && row.access !== 'tool';
        return ignored && value !== undefined && value !== (row.default ?? 'none')
          ? [{ key: row.key, value, why: row.linux.note }]
          : [];
      }),
    startSteps,
    stopSteps,
    leftoverSteps: async (jail) =>
      !containers.has(keyOf(jail)) && networks.has(keyOf(jail)) ? [unplug(ids(jail))] : [],
    softRestartSteps: async (jail) => [
      service(command(jail, 'exec_stop'), { label: 'Stopping services', onError: 'warn' }),
      service(command(jail, 'exec_start'), { label: 'Starting services' }),
    ],
    async limitSteps(jail, wanted) {
      found(jail);
      const previous = limits.get(keyOf(jail)) ?? [];
      const rules = wanted === 'apply' ? rulesOf(jail) : [];
      const label = rules.length > 0 ? { label: 'Applying resource limits' } : {};
      return [limit({ ...ids(jail), rules, previous }, label)];
    },
    limits: async (jail) => ({
      rules: containers.has(keyOf(jail)) ? (limits.get(keyOf(jail)) ?? []) : [],
      cpus: undefined,
    }),
    usage: async (pool, uuids) =>
      new Map(
        uuids
          .filter((uuid) => containers.has(keyOf({ pool, uuid })))
          .map((uuid) => [
            uuid,
            {
              used: new Map([
                ['maxproc', 1],
                ['memoryuse', 1048576],
                ['shmsize', null],
              ]),
              hits: new Map(),
            },
          ]),
      ),
    commandStep: (jail, { argv, purpose }) =>
      program({ ...ids(jail), purpose, command: argv[0] === '/bin/sh' ? argv.at(-1)! : argv.join(' ') }),
    exec: session,
    console: (jail) => session(jail, ['login', '-f', 'root'], {}),
    async chroot(jail, argv) {
      calls.push({ jail: jail.uuid, argv: ['chroot', jail.root, ...argv], options: {} });
      return host.nextStatus ?? 0;
    },
    async runtime(jail) {
      const { jid, ip4 } = found(jail);
      const words = [`host.hostname=${jail.config.get('host_hostname') ?? jail.uuid}`, `jid=${jid}`];
      const network = ip4.length > 0 ? [`ip4.addr=${ip4.map(bare).join(',')}`] : [];
      return [...words, ...network, `name=ioc-${jail.uuid}`, `path=${jail.root}`].sort();
    },
  };
  return host;
}

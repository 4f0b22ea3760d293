/**
 * Every command that starts and stops a jail, for each of the configurations: the dry run's list is compared
 * with `goldens/NAME.txt`, which was read against the manual pages; and the same jail is then started and
 * stopped on the stand-in, where exactly these commands have to be run and accepted.
 *
 * `npx vitest run --project unit test/unit/driver/freebsd --update` writes the files anew; read the difference.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { printAction } from '../../../../src/domain/shell-line.ts';
import { freebsdHost } from '../../../../src/driver/freebsd/host.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';
import { RecordingExec, RecordingFiles } from '../../../../src/driver/node/recorder.ts';
import { NodeFiles } from '../../../../src/driver/node/files.ts';
import type { Action, Exec, RunOptions, RunResult, Step } from '../../../../src/driver/system.ts';
import type { StepRun } from '../../../../src/driver/step.ts';
import { runSteps } from '../../../contract/host.ts';
import { undocumented } from '../../../support/freebsd/grammar.ts';
import type { Machine } from '../../../support/freebsd/machine.ts';
import { freebsdUnderTest, machineState, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';
import { configurations, type Configuration } from './configurations.ts';

/** Writes down what changes something, and answers for ZFS, which the stand-in leaves to the real one. */
class Watching implements Exec {
  readonly changes: string[] = [];
  private readonly real: Exec;
  private readonly mounted: (dataset: string) => void;
  constructor(real: Exec, mounted: (dataset: string) => void) {
    this.real = real;
    this.mounted = mounted;
  }
  get spawned(): number {
    return this.real.spawned;
  }
  private zfs(argv: readonly string[]): Promise<RunResult> | undefined {
    if (!argv.includes('zfs')) return undefined;
    const places = argv.includes('mountpoint') && !argv.includes('-r') ? argv.slice(6) : [];
    const rows = places.map(
      (name) => `${name}\t/somewhere\t${name.includes('shared') ? 'local' : 'inherited from tank'}\n`,
    );
    if (argv[0] === 'jexec' && argv[3] === 'mount') this.mounted(argv[4]!);
    return Promise.resolve({
      argv,
      status: 0,
      stdout: argv[1] === 'get' ? rows.join('') : '',
      stderr: '',
      durationMs: 0,
    });
  }
  read(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.zfs(argv) ?? this.real.read(argv, options);
  }
  change(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    this.changes.push(
      printAction({ type: 'run', argv, ...(options?.input === undefined ? {} : { input: options.input }) }),
    );
    return this.zfs(argv) ?? this.real.change(argv, options);
  }
  pipe = (): Promise<void> => Promise.reject(new Error('no pipe is used'));
  relay = (): never => {
    throw new Error('no relay is used');
  };
  input = (): undefined => undefined;
  session = (): Promise<number> => Promise.reject(new Error('no session is used'));
}

const opened: string[] = [];

/** The host's own files are the same on every machine. */
class HostFiles extends NodeFiles {
  private readonly fixed: Readonly<Record<string, string>> = {
    '/etc/resolv.conf': 'nameserver 192.0.2.1\n',
    '/etc/hostid': '0d7e1f30-5a6b-11ee-8c99-0242ac120002\n',
    '/etc/passwd': 'root:*:0:0:Charlie &:/root:/bin/sh\noperator:*:2:5:System &:/:/usr/sbin/nologin\n',
    '/etc/group': 'wheel:*:0:root\noperator:*:5:root\nguest:*:31:operator\n',
  };
  override async read(path: string): Promise<string | undefined> {
    return this.fixed[path] ?? super.read(path);
  }
  override async readlink(path: string): Promise<string | undefined> {
    return path === '/etc/localtime' ? undefined : super.readlink(path);
  }
}

/** em0 with an address and a bridge, em1 that nobody uses. */
function furnish(machine: Machine): void {
  const [, em0, em1] = machine.nics;
  em0!.inet = [{ address: '192.0.2.2', prefix: 24 }];
  em0!.inet6 = [{ address: '2001:db8::2', prefix: 64 }];
  em1!.inet = [];
  machine.nics.push({
    ...structuredClone(em0!),
    id: machine.nextNic,
    name: 'bridge0',
    kind: 'bridge',
    cloned: true,
    ether: '58:9c:fc:10:00:01',
    groups: ['bridge'],
    inet: [],
    inet6: [],
    members: [],
  } as Machine['nics'][number]);
  machine.nextNic += 1;
}

const services = ['etc/rc', 'etc/rc.shutdown'];
const baseFolders = [
  'bin',
  'sbin',
  'lib',
  'libexec',
  'usr/bin',
  'usr/sbin',
  'usr/lib',
  'usr/share',
  'usr/local',
];

async function prepare(it_: FreebsdUnderTest, directory: string, given: Configuration): Promise<JailSpec> {
  const srv = mkdtempSync(join(tmpdir(), 'iocage-srv-'));
  opened.push(srv);
  const config = Object.fromEntries(
    Object.entries(given.config).map(([key, text]) => [key, text.replaceAll('SRV', srv)]),
  );
  const jail = await it_.jail(given.uuid ?? 'web', config);
  if (given.empty === true) {
    rmSync(jail.root, { recursive: true });
    mkdirSync(jail.root);
  } else {
    for (const file of services) writeFileSync(join(jail.root, file), '#!/bin/sh\nexit 0\n');
  }
  const lines = (given.fstab ?? []).map((line) => line.replaceAll('ROOT', jail.root).replace('SRV', srv));
  writeFileSync(
    join(jail.mountpoint, 'fstab'),
    lines.map((line) => `${line.replaceAll(' ', '\t')}\n`).join(''),
  );
  const release = join(directory, 'releases/14.2-RELEASE/root');
  if (given.base === true)
    for (const folder of baseFolders) mkdirSync(join(release, folder), { recursive: true });
  return {
    ...jail,
    ...(given.base === true ? { base: { release: '14.2-RELEASE', root: release } } : {}),
    handed: (given.handed ?? []).map((each) => ({ ...each, source: '/somewhere' })),
  };
}

async function dryRun(
  it_: FreebsdUnderTest,
  real: Exec,
  plan: (host: typeof it_.host) => Promise<readonly Step[]>,
) {
  const actions: Action[] = [];
  const exec = new RecordingExec(real, actions);
  const files = new RecordingFiles(new HostFiles(0, 'own-directory'), actions);
  const terminal = { interactive: false, term: 'xterm', environment: {} };
  const clock = { ...it_.run.clock, sleep: () => Promise.resolve() };
  const host = freebsdHost({ exec, files, clock, paths: it_.paths, terminal });
  const steps = await plan(host);
  const run: StepRun = { ...it_.run, exec, files, clock, host, dry: true };
  await runSteps(host, steps, run);
  return { actions, steps };
}

afterEach(() => {
  for (const directory of opened.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe('every command of a start and a stop', () => {
  it('40 kinds of jails and more', () => {
    expect(configurations.length).toBeGreaterThanOrEqual(40);
    expect(new Set(configurations.map(({ name }) => name)).size).toBe(configurations.length);
  });

  it.each(configurations.map((each) => [each.name, each] as const))('%s', async (name, given) => {
    const directory = mkdtempSync(join(tmpdir(), 'iocage-golden-'));
    opened.push(directory);
    const it_ = freebsdUnderTest(directory, { nicNames: ['em0', 'em1'] });
    it_.standIn.change(furnish);
    if (given.machine) it_.standIn.change(given.machine);
    const real = new Watching(it_.standIn.exec, (dataset) => {
      const target = given.handed!.find((each) => each.dataset === dataset)!.target;
      const on = join(directory, 'jails', given.uuid ?? 'web', 'root', target);
      mkdirSync(on, { recursive: true });
      it_.standIn.change(({ mounts }) => void mounts.push({ type: 'zfs', from: dataset, on, options: [] }));
    });
    const host = freebsdHost({
      exec: real,
      files: new HostFiles(0, 'own-directory'),
      clock: it_.run.clock,
      paths: it_.paths,
      terminal: { interactive: false, term: 'xterm', environment: {} },
    });
    const run: StepRun = { ...it_.run, exec: real, host };
    const jail = await prepare(it_, directory, given);
    const before = machineState(it_.standIn);
    expect(await host.check(jail)).toEqual([]);

    const said: string[] = [`# ${name}\n`];
    const own = (text: string): string =>
      text.replaceAll(directory, '/tank').replaceAll(/\/[^ ]*\/iocage-srv-\w+/g, '/srv');
    const section = async (title: string, plan: (driver: typeof host) => Promise<readonly Step[]>) => {
      const dry = await dryRun(it_, real, plan);
      const shown = dry.actions
        // Our record and the log's directory are the same for every jail.
        .filter((action) => action.type !== 'file' || action.path.startsWith(jail.mountpoint))
        .map((action) => `${own(printAction(action))}\n`);
      said.push(`\n== ${title}\n`, ...shown);
      real.changes.length = 0;
      await runSteps(host, await plan(host), run);
      const commands = dry.actions.filter(({ type }) => type === 'run').map(printAction);
      expect(real.changes.map(own)).toEqual(commands.map(own));
      // In the oldest release that is looked after, and in the newest.
      for (const action of dry.actions)
        if (action.type === 'run' && !/^\/bin\//.test(action.argv[0]!))
          for (const release of given.since === undefined ? [13, 15] : [given.since])
            expect(undocumented(action.argv, release), action.argv.join(' ')).toEqual([]);
    };
    await section('start', (driver) => driver.startSteps(jail));
    expect([...(await host.running(jail.pool)).keys()]).toEqual([jail.uuid]);
    await section('stop', (driver) => driver.stopSteps(jail));
    expect((await host.running(jail.pool)).size).toBe(0);
    expect(machineState(it_.standIn)).toEqual(before);
    expect(it_.standIn.undocumented()).toEqual([]);
    await expect(said.join('')).toMatchFileSnapshot(`goldens/${name}.txt`);
    await it_.dispose();
  });
});

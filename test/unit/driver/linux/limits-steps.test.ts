/** Limits of a running jail on a host with control groups of version 2, which a machine with version 1 cannot show. */
import { describe, expect, it } from 'vitest';
import { limitStepLists, limited } from '../../../../src/driver/linux/limits-steps.ts';
import { readUsage } from '../../../../src/driver/linux/limits-usage.ts';
import { readControllers } from '../../../../src/driver/linux/limits-cgroup.ts';
import { readState } from '../../../../src/driver/linux/state.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';
import type { StepRun } from '../../../../src/driver/step.ts';
import type { Files, Step } from '../../../../src/driver/system.ts';
import type { OciProcess } from '../../../../src/driver/linux/oci.ts';

const group = '/sys/fs/cgroup/iocage/tank/ioc-one';
const state = '/run/iocage/tank/jail/one.json';

/** Files in memory, as far as the limits look at any. A control file must be there and takes what it is given. */
function host(more: Readonly<Record<string, string>> = {}, refused?: string) {
  const texts = new Map<string, string>(
    Object.entries({
      '/proc/self/mounts': 'cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n',
      '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
      '/sys/devices/system/cpu/online': '0-3\n',
      '/proc/self/limits': 'Max open files            1024                 4096                 files\n',
      '/proc/77/stat': `77 (init) S ${'0 '.repeat(18)}4711 0`,
      [state]: JSON.stringify({ pool: 'tank', uuid: 'one', pid: 77, processStart: '4711' }),
      [`${group}/memory.max`]: 'max',
      [`${group}/memory.swap.max`]: 'max',
      [`${group}/pids.max`]: 'max',
      [`${group}/cpu.max`]: 'max 100000',
      [`${group}/cpuset.cpus`]: '\n',
      ...more,
    }),
  );
  const files = {
    read: async (path: string) => texts.get(path),
    stat: async (path: string) => (texts.has(path) ? {} : undefined),
    list: async () => [],
    mkdir: async () => undefined,
    write: async (path: string, text: string) => void texts.set(path, text),
    control: async (path: string, text: string) => {
      if (path.endsWith(refused ?? '-')) throw new Error('EBUSY: resource busy or locked, write');
      if (!texts.has(path)) throw new Error('ENOENT');
      texts.set(path, text);
    },
  } as unknown as Files;
  const lists = limitStepLists(files, { run: '/run/iocage', state: '/var/lib/iocage' });
  const run = { files, dry: false } as StepRun;
  return {
    files,
    lists,
    async do(steps: readonly Step[]): Promise<void> {
      for (const step of steps) await lists.kind.do(step.args as never, run);
    },
    async undo(steps: readonly Step[]): Promise<void> {
      for (const step of steps) await lists.kind.undo!(step.args as never, run);
    },
    now: () =>
      ['memory.max', 'memory.swap.max', 'pids.max', 'cpu.max', 'cpuset.cpus'].map((name) =>
        texts.get(`${group}/${name}`),
      ),
  };
}

const jail = (config: Record<string, string>): JailSpec => ({
  pool: 'tank',
  uuid: 'one',
  tag: 'web',
  dataset: '',
  mountpoint: '',
  root: '',
  consoleLog: '',
  config: new Map(Object.entries({ rlimits: 'on', ...config })),
});
const free = ['max', 'max', 'max', 'max 100000', '\n'];

describe('version 2', () => {
  it('applies, replaces, takes back, lifts', async () => {
    const it_ = host();
    const first = await it_.lists.limitSteps(
      jail({ memoryuse: '64M:deny', swapuse: '0:deny', nthr: '9:deny', pcpu: '25:deny', cpuset: '1-2' }),
      'apply',
    );
    await it_.do(first);
    const capped = ['67108864', '0', '9', '25000 100000', '1-2'];
    expect(it_.now()).toEqual(capped);
    const second = await it_.lists.limitSteps(jail({ maxproc: '30:deny' }), 'apply');
    await it_.do(second);
    expect(it_.now()).toEqual(['max', 'max', '30', 'max 100000', '\n']);
    await it_.undo(second);
    expect(it_.now()).toEqual(capped);
    await it_.do(await it_.lists.limitSteps(jail({}), 'release'));
    expect(it_.now()).toEqual([...free.slice(0, 4), '1-2']);
    expect(await it_.lists.limits(jail({}))).toEqual({ rules: [], cpus: '1-2' });
  });

  it('writes at a start only what is limited', async () => {
    const it_ = host();
    expect(await it_.lists.startSteps(jail({ rlimits: 'off', maxproc: '5:deny' }))).toEqual([]);
    const steps = await it_.lists.startSteps(jail({ maxproc: '5:deny' }));
    expect(steps.map(({ label }) => label)).toEqual(['Applying resource limits']);
    await it_.do(steps);
    await it_.undo(steps);
    expect(it_.now()).toEqual(['max', 'max', '5', 'max 100000', '\n']);
  });

  it('says which limit the kernel refuses, and why', async () => {
    const it_ = host({}, 'memory.max');
    const steps = await it_.lists.limitSteps(jail({ memoryuse: '1M:deny' }), 'apply');
    await expect(it_.do(steps)).rejects.toMatchObject({
      code: 'LIMIT_REFUSED',
      message: 'the kernel refuses the memory limits of jail one: the jail uses more than that now',
    });
    await expect(it_.lists.limitSteps(jail({ cpuset: '4' }), 'apply')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  it('has nothing to do with a jail that ended', async () => {
    const it_ = host({ '/proc/77/stat': '' });
    await expect(it_.lists.limitSteps(jail({}), 'apply')).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    expect(await it_.lists.limits(jail({}))).toEqual({ rules: [], cpus: undefined });
  });

  it('gives programs the rlimits that are in force, and no more than the host allows', async () => {
    const it_ = host();
    await it_.do(
      await it_.lists.limitSteps(jail({ openfiles: '9000:deny', coredumpsize: '0:deny' }), 'apply'),
    );
    const process = { args: ['true'] } as unknown as OciProcess;
    expect(await limited(it_.files, process, await readState(it_.files, state))).toEqual({
      args: ['true'],
      rlimits: [
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
        { type: 'RLIMIT_NOFILE', soft: 4096, hard: 4096 },
      ],
    });
    expect(await limited(it_.files, process, undefined)).toBe(process);
  });

  it('counts what is used', async () => {
    const { files } = host({
      [`${group}/cpu.stat`]: 'usage_usec 2500000\nnr_throttled 3\n',
      [`${group}/memory.current`]: '4096\n',
      [`${group}/memory.events`]: 'max 9\noom_kill 2\n',
      [`${group}/pids.current`]: '5\n',
      [`${group}/cgroup.procs`]: '77\n78\n',
      '/proc/77/status': 'VmSize:\t 10 kB\n',
      '/proc/78/status': 'VmSize:\t 20 kB\n',
    });
    const clock = { now: () => new Date(5000), sleep: () => Promise.resolve() };
    const one = {
      uuid: 'one',
      cgroup: '/iocage/tank/ioc-one',
      state: { pool: 'tank', uuid: 'one', startedAt: '1970-01-01T00:00:02.000Z' },
    };
    const usage = (await readUsage(files, clock, await readControllers(files), [one])).get('one')!;
    expect(Object.fromEntries(usage.used)).toMatchObject({
      cputime: 2,
      memoryuse: 4096,
      swapuse: null,
      maxproc: 2,
      nthr: 5,
      vmemoryuse: 30720,
      wallclock: 3,
    });
    expect(Object.fromEntries(usage.hits)).toEqual({ memoryuse: 2, pcpu: 3 });
  });
});

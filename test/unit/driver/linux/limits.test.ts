/** Limits from properties to control groups and rlimits; what Linux cannot keep is named. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limitResources } from '../../../../src/domain/codec/limit.ts';
import { properties } from '../../../../src/domain/properties/index.ts';
import {
  everything,
  parseHardLimits,
  toLimits,
  within,
  type LimitFacts,
} from '../../../../src/driver/linux/limits.ts';
import { lastCpu, parseControllers, toCgroupFiles } from '../../../../src/driver/linux/limits-cgroup.ts';
import { parseFlat, parseStatus } from '../../../../src/driver/linux/limits-usage.ts';
import { notApplied } from '../../../../src/driver/linux/not-applied.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';

const limits = (config: Record<string, string>, facts: LimitFacts = everything) =>
  toLimits(new Map(Object.entries({ rlimits: 'on', ...config })), facts);
const M = 1 << 20;

describe('toLimits', () => {
  it.each([
    [{ memoryuse: '512M:deny' }, { memoryBytes: 512 * M }],
    [
      { memoryuse: '1G:deny', swapuse: '256M:deny' },
      { memoryBytes: 1024 * M, swapBytes: 256 * M },
    ],
    [{ maxproc: '100:deny' }, { tasks: 100 }],
    [{ maxproc: '100:deny', nthr: '50:deny' }, { tasks: 50 }],
    [{ pcpu: '150:deny' }, { cpuPercent: 150 }],
    [{ cpuset: '0,2-3' }, { cpus: '0,2-3' }],
    [{ cpuset: 'all' }, {}],
    [{ memoryuse: 'off' }, {}],
  ])('%j sets %j in the control group', (config, expected) => {
    expect(limits(config).cgroup).toEqual(expected);
  });

  it.each([
    ['openfiles', '64:deny', { type: 'RLIMIT_NOFILE', soft: 64, hard: 64 }],
    ['coredumpsize', '0:deny', { type: 'RLIMIT_CORE', soft: 0, hard: 0 }],
    ['stacksize', '1M:deny', { type: 'RLIMIT_STACK', soft: M, hard: M }],
    ['datasize', '1M:deny', { type: 'RLIMIT_DATA', soft: M, hard: M }],
    ['memorylocked', '1M:deny', { type: 'RLIMIT_MEMLOCK', soft: M, hard: M }],
    ['vmemoryuse', '1M:deny', { type: 'RLIMIT_AS', soft: M, hard: M }],
    ['cputime', '10:sigkill', { type: 'RLIMIT_CPU', soft: 10, hard: 10 }],
    ['cputime', '10:sigxcpu', { type: 'RLIMIT_CPU', soft: 10, hard: Number.MAX_SAFE_INTEGER }],
  ])('%s=%s is an rlimit', (key, value, rlimit) => {
    expect(limits({ [key]: value })).toMatchObject({
      rlimits: [rlimit],
      rules: [{ key, value }],
      cgroup: {},
    });
  });

  it.each([
    ['memoryuse', '8G:log', /no equal of the action log/],
    ['memoryuse', '8G:devctl', /devctl/],
    ['maxproc', '9:sigterm', /sigterm/],
    ['cputime', '9:log', /sigxcpu and sigkill/],
    ['wallclock', '9:sigkill', /time that passes/],
    ['pseudoterminals', '9:deny', /pseudo-terminals/],
    ['shmsize', '1M:deny', /IPC namespace/],
    ['readbps', '1M:throttle', /ZFS reads and writes in threads of its own/],
    ['writeiops', '1K:throttle', /ZFS/],
  ])('%s=%s is not applied, and named', (key, value, why) => {
    const found = limits({ [key]: value });
    expect(found).toMatchObject({ rules: [], cgroup: {}, rlimits: [] });
    expect(found.notApplied).toEqual([{ key, value, why: expect.stringMatching(why) }]);
  });

  it('without rlimits=on only the CPUs count', () => {
    const config = { rlimits: 'off', memoryuse: '1G:deny', openfiles: '5:deny', cpuset: '1' };
    expect(limits(config)).toEqual({
      rules: [],
      cgroup: { cpus: '1' },
      rlimits: [],
      notApplied: [],
      problems: [],
    });
  });

  it('depends on what the host has', () => {
    const bare: LimitFacts = { controllers: new Set(), swap: 'none' };
    const config = {
      memoryuse: '1G:deny',
      maxproc: '5:deny',
      pcpu: '5:deny',
      cpuset: '0',
      openfiles: '5:deny',
    };
    const found = limits(config, bare);
    expect(found.rules).toEqual([{ key: 'openfiles', value: '5:deny' }]);
    expect(found.notApplied.map(({ key }) => key)).toEqual(['cpuset', 'memoryuse', 'maxproc', 'pcpu']);
    const why = (facts: LimitFacts['swap'], more: Record<string, string> = {}) =>
      limits({ swapuse: '1G:deny', ...more }, { ...everything, swap: facts }).notApplied[0]?.why;
    expect(why('separate')).toBeUndefined();
    expect(why('none')).toContain('do not count swap');
    expect(why('joint')).toContain('memoryuse=AMOUNT:deny');
    expect(why('joint', { memoryuse: '1G:deny' })).toBeUndefined();
  });

  it('refuses what no jail could run with', () => {
    const { problems } = limits(
      { memoryuse: '0:deny', maxproc: '0:deny', coredumpsize: '0:deny', cpuset: '0-4' },
      { ...everything, lastCpu: 3 },
    );
    expect(problems.map(({ key }) => key)).toEqual(['cpuset', 'memoryuse', 'maxproc']);
    expect(problems[0]!.problem).toBe('there is no CPU 4; the last one is 3');
    expect(() => limits({ memoryuse: 'much' })).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  it('keeps or names every limit that is set, and never both', () => {
    const value = fc
      .tuple(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom('deny', 'log', 'devctl', 'sigkill'))
      .map(([amount, action]) => `${amount}:${action}`);
    const keys = Object.keys(limitResources).filter((key) => limitResources[key as 'maxproc'].deny);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), (config) => {
        const found = limits(config);
        const named = [...found.rules, ...found.notApplied].map(({ key }) => key);
        expect(named.toSorted()).toEqual(Object.keys(config).toSorted());
      }),
    );
  });

  it('agrees with what the property table says of Linux', () => {
    for (const { key, example, linux } of properties.filter(({ key: k }) =>
      Object.hasOwn(limitResources, k),
    )) {
      const value = key === 'cputime' ? '9:sigkill' : example;
      expect([key, limits({ [key]: value }).rules.length]).toEqual([key, linux.effect === 'applied' ? 1 : 0]);
    }
  });
});

describe('notApplied', () => {
  const told = (config: Record<string, string>) =>
    notApplied({ config: new Map(Object.entries(config)) } as unknown as JailSpec).map(({ key, why }) => [
      key,
      why,
    ]);
  it('tells of limits that only log, and of limits that wait for rlimits=on', () => {
    expect(told({ rlimits: 'on', memoryuse: '8G:log', maxproc: '5:log', nthr: '5:deny' })).toEqual([
      ['maxproc', expect.stringContaining('action log')],
    ]);
    expect(told({ maxproc: '5:deny', nthr: 'off', memoryuse: '8G:log' })).toEqual([
      ['maxproc', expect.stringContaining('rlimits is off')],
    ]);
  });
  it('tells of addresses that wait behind ip4=inherit', () => {
    const addresses = { ip4_addr: '192.0.2.7', nat: '1' };
    expect(told({ ip4: 'inherit', ...addresses })).toEqual([
      ['ip4_addr', expect.stringContaining('ip4=inherit')],
      ['nat', expect.stringContaining('ip4=inherit')],
    ]);
    expect(told(addresses)).toEqual([]);
  });
});

describe('files of the control group', () => {
  const lines = (...args: Parameters<typeof toCgroupFiles>) =>
    toCgroupFiles(...args).map(({ file, text, lifts }) => `${lifts ? '-' : '+'} ${file} ${text}`);
  const all = { memoryBytes: 100, swapBytes: 20, tasks: 5, cpuPercent: 150, cpus: '1' };

  it('more tasks than any kernel has are as many as it likes', () => {
    for (const version of [1, 2] as const) {
      expect(lines({ tasks: 4_194_304 }, version, 'none', '0')).toContain('+ pids.max max');
      expect(lines({ tasks: 4_194_303 }, version, 'none', '0')).toContain('+ pids.max 4194303');
    }
  });

  it('version 1', () => {
    expect(lines(all, 1, 'joint', '0-3')).toEqual([
      '- memory.memsw.limit_in_bytes -1',
      '+ memory.limit_in_bytes 100',
      '+ memory.memsw.limit_in_bytes 120',
      '+ pids.max 5',
      '+ cpu.cfs_quota_us 150000',
      '+ cpuset.cpus 1',
    ]);
    expect(lines({}, 1, 'none', '0-3')).toEqual([
      '- memory.limit_in_bytes -1',
      '- pids.max max',
      '- cpu.cfs_quota_us -1',
      '- cpuset.cpus 0-3',
    ]);
  });

  it('version 2', () => {
    expect(lines(all, 2, 'separate', '')).toEqual([
      '+ memory.max 100',
      '+ memory.swap.max 20',
      '+ pids.max 5',
      '+ cpu.max 150000 100000',
      '+ cpuset.cpus 1',
    ]);
    expect(lines({}, 2, 'separate', '')).toEqual([
      '- memory.max max',
      '- memory.swap.max max',
      '- pids.max max',
      '- cpu.max max 100000',
      '- cpuset.cpus \n',
    ]);
    // The kernel takes no quota below a millisecond.
    expect(lines({ cpuPercent: 0.5 }, 2, 'separate', '')).toContain('+ cpu.max 1000 100000');
  });
});

describe('what the host tells', () => {
  it.each([
    [
      'version 1',
      'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0',
      'hugetlb',
      1,
      {
        cpu: '/sys/fs/cgroup/cpu,cpuacct',
        cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
        pids: '/sys/fs/cgroup/pids',
      },
    ],
    [
      'version 2',
      'cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0',
      'cpuset cpu memory pids\n',
      2,
      { cpuset: '/sys/fs/cgroup', cpu: '/sys/fs/cgroup', memory: '/sys/fs/cgroup', pids: '/sys/fs/cgroup' },
    ],
    ['nothing', 'tmpfs / tmpfs rw 0 0', '', 1, {}],
    [
      'systemd beside version 2',
      'cgroup /x cgroup rw,name=systemd 0 0\ncgroup2 /y cgroup2 rw 0 0',
      'pids',
      2,
      { pids: '/y' },
    ],
  ] as const)('controllers: %s', (_, mounts, available, version, trees) => {
    const found = parseControllers(mounts, available);
    expect([found.version, Object.fromEntries(found.trees)]).toEqual([version, trees]);
  });

  it.each([
    ['0-3\n', 3],
    ['0', 0],
    ['0-1,4-7', 7],
    ['', undefined],
  ])('CPUs %j', (text, last) => expect(lastCpu(text)).toBe(last));

  it('hard limits, and never more than those', () => {
    const text = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max stack size            8388608              unlimited            bytes
Max open files            1024                 20000                files
Max locked memory         65536                65536                bytes`;
    const hard = parseHardLimits(text);
    expect(Object.fromEntries(hard)).toEqual({ RLIMIT_NOFILE: 20000, RLIMIT_MEMLOCK: 65536 });
    const rlimit = (type: string, amount: number) => ({ type, soft: amount, hard: amount });
    expect(within([rlimit('RLIMIT_NOFILE', 1e6), rlimit('RLIMIT_STACK', 1e9)], hard)).toEqual([
      rlimit('RLIMIT_NOFILE', 20000),
      rlimit('RLIMIT_STACK', 1e9),
    ]);
  });

  it('counters and sizes', () => {
    expect(Object.fromEntries(parseFlat('oom_kill 3\nmax 12\nodd line here\nneg -1\n'))).toEqual({
      oom_kill: 3,
      max: 12,
    });
    const status =
      'Name:\tVmSize: 9 kB\nVmSize:\t    2048 kB\nVmLck:\t 4 kB\nVmData:\t 8 kB\nVmStk:\t 132 kB\n';
    expect(Object.fromEntries(parseStatus(status))).toEqual({
      vmemoryuse: 2 * M,
      memorylocked: 4096,
      datasize: 8192,
      stacksize: 135168,
    });
  });

  it('parsers take any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        parseControllers(one, other);
        parseHardLimits(one);
        for (const [, amount] of [...parseFlat(one), ...parseStatus(other)])
          expect(Number.isFinite(amount)).toBe(true);
      }),
    );
  });
});

/**
 * Resource limits on real jails: each is proven by a program that runs into it, in the terms of the
 * control group's own counters where time would tell a different thing on a busy machine.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readControllers } from '../../src/driver/linux/limits-cgroup.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import { commandIn, comparable, type Command, type Ran } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

interface Used {
  readonly jails: readonly {
    readonly used: Record<string, number | null>;
    readonly hits: Record<string, number>;
    readonly limits: Record<string, string>;
  }[];
}

/** Version 1 refuses what it cannot reclaim; version 2 takes the limit and ends programs. */
const refusesLess =
  readFileSync('/proc/swaps', 'utf8').trim().split('\n').length === 1 &&
  / cgroup \S*\bmemory\b/.test(readFileSync('/proc/self/mounts', 'utf8'));

describe.skipIf(!hostTests)(`resource limits${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let uuid: string;
  let quiet: readonly string[];

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    const { jails } = await lab.run<{ jails: { uuid: string }[] }>('jail.create', {
      kind: 'clone',
      release: 'busybox',
      properties: [
        ['tag', 'web'],
        ['ip4', 'disable'],
        ['stop_timeout', '1'],
      ],
    });
    uuid = jails[0]!.uuid;
    quiet = comparable(lab.state());
  });
  afterAll(() => lab.close());
  /** Every test leaves a jail without limits that is down, and with it no control group. */
  afterEach(async () => {
    const off = ['memoryuse', 'swapuse', 'maxproc', 'nthr', 'pcpu', 'openfiles', 'coredumpsize', 'cputime'];
    const more = ['stacksize', 'datasize', 'vmemoryuse', 'memorylocked', 'pseudoterminals', 'readbps'];
    if (iocage('get', 'state', 'web').stdout.trim() === 'up') done('stop', 'web');
    done('set', 'rlimits=off', 'cpuset=off', ...[...off, ...more].map((key) => `${key}=off`), 'web');
    const groups = (await readControllers(new NodeFiles())).trees;
    for (const tree of new Set(groups.values())) {
      const path = join(tree, 'iocage', lab.pool.name);
      const left = existsSync(path) ? readdirSync(path).filter((name) => name.startsWith('ioc-')) : [];
      expect(left).toEqual([]);
    }
  });

  const done: Command['done'] = (...words) => iocage.done(...words);
  const start = (...properties: readonly string[]): Ran => {
    done('set', 'rlimits=on', ...properties, 'web');
    return done('start', 'web');
  };
  /** A shell script in the jail. */
  const inside = (script: string): Ran => iocage('exec', 'web', 'sh', '-c', script);
  const inuse = (): Used['jails'][number] =>
    (JSON.parse(done('inuse', 'web', '--json').stdout) as Used).jails[0]!;
  async function cgroup(controller: string, file: string): Promise<string> {
    const { trees } = await readControllers(new NodeFiles());
    return readFileSync(
      `${trees.get(controller)}/iocage/${lab.pool.name}/ioc-${uuid}/${file}`,
      'utf8',
    ).trim();
  }
  /** A buffer of that many megabytes, written to its end. */
  const take = (megabytes: number): Ran =>
    inside(`dd if=/dev/zero of=/dev/null bs=${megabytes}M count=1 2>&1`);
  /** Starts sleepers, each in the background, and says how many it got. */
  const forks = `n=0; while [ $n -lt 40 ]; do sleep 3 & n=$((n+1)); echo $n; done 2>&1`;

  describe('each limit', () => {
    it('memoryuse: a program that takes more is killed, and counted', () => {
      const said = start('memoryuse=64M:deny');
      expect(said.stdout).toMatch(/^ {2}\+ Applying resource limits +OK$/m);
      expect(take(16).status).toBe(0);
      expect(take(200).status).toBe(137);
      expect(inuse().hits['memoryuse']).toBeGreaterThan(0);
      expect(inuse().used['memoryuse']!).toBeLessThanOrEqual(64 << 20);
      expect(iocage('exec', 'web', 'true').status).toBe(0);
    });

    it('swapuse: together with memoryuse', async () => {
      start('memoryuse=64M:deny', 'swapuse=16M:deny');
      const { version } = await readControllers(new NodeFiles());
      if (version === 1) {
        // Counted as a sum, where the kernel counts swap at all.
        const kept = done('limits', 'web').stdout.includes('swapuse   | 16M:deny | in force');
        if (kept) expect(await cgroup('memory', 'memory.memsw.limit_in_bytes')).toBe(`${80 << 20}`);
        else expect(done('limits', 'web').stdout).toContain('do not count swap');
      } else expect(await cgroup('memory', 'memory.swap.max')).toBe(`${16 << 20}`);
      expect(take(200).status).toBe(137);
    });

    it.each(['maxproc', 'nthr'])('%s: a fork bomb of 40 ends at the limit', (key) => {
      start(`${key}=20:deny`);
      const { stdout, stderr } = inside(forks);
      expect(stdout + stderr).toMatch(/can't fork|Resource temporarily unavailable/);
      expect(stdout).not.toMatch(/^40$/m);
      expect(inuse().hits['maxproc']).toBeGreaterThan(0);
    });

    it('pcpu: a spinning program gets its share and waits for the rest', async () => {
      start('pcpu=20:deny');
      const counters = async () => {
        const stat = Object.fromEntries(
          (await cgroup('cpu', 'cpu.stat')).split('\n').map((line) => line.split(' ') as [string, string]),
        );
        return { periods: Number(stat['nr_periods']), throttled: Number(stat['nr_throttled']) };
      };
      const before = await counters();
      const cpuBefore = Number(await cgroup('cpuacct', 'cpuacct.usage'));
      inside('timeout 2 sh -c "while :; do :; done"');
      const after = await counters();
      const seconds = (Number(await cgroup('cpuacct', 'cpuacct.usage')) - cpuBefore) / 1e9;
      const periods = after.periods - before.periods;
      expect(after.throttled - before.throttled).toBeGreaterThan(3);
      // 20 ms in each period of 100 ms, and a slice more for the last one.
      expect(seconds / periods).toBeLessThan(0.02 * 1.5);
      expect(inuse().hits['pcpu']).toBeGreaterThan(3);
    });

    it('openfiles: no program holds more', () => {
      start('openfiles=16:deny');
      const holding = (files: number): Ran =>
        inside(
          `cd /tmp; n=0; while [ $n -lt ${files} ]; do echo >f$n; n=$((n+1)); done; timeout 1 tail -f f* 2>&1; rm f*`,
        );
      expect(holding(4).stdout).not.toContain('Too many open files');
      expect(holding(40).stdout).toContain('Too many open files');
      expect(inside('ulimit -n 17').status).not.toBe(0);
    });

    it.skipIf(readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('|'))(
      'coredumpsize: 0 writes no core, where there was one without',
      () => {
        const crash = `cd /tmp; rm -f core*; ulimit -c unlimited 2>/dev/null; sh -c 'kill -SEGV $$'; ls | grep -c ^core`;
        start('coredumpsize=off');
        expect(inside(crash).stdout.trim().split('\n').at(-1)).toBe('1');
        done('set', 'coredumpsize=0:deny', 'web');
        expect(inside(crash).stdout.trim().split('\n').at(-1)).toBe('0');
      },
    );

    it('cputime: a program that computes for longer is ended', () => {
      start('cputime=1:sigkill');
      expect(inside('while :; do :; done').status).toBe(137);
      done('set', 'cputime=1:sigxcpu', 'web');
      expect(inside('trap "echo asked; exit 3" XCPU; while :; do :; done').stdout).toBe('asked\n');
    });

    it('stacksize: a deep recursion ends', () => {
      const dive = `f() { [ $1 -gt 0 ] && f $(($1-1)); return 0; }; f 4000`;
      start('stacksize=off');
      expect(inside(dive).status).toBe(0);
      done('set', 'stacksize=256K:deny', 'web');
      expect(inside(dive).status).toBe(139);
    });

    it.each(['vmemoryuse', 'datasize'])('%s: no program gets more', (key) => {
      start(`${key}=64M:deny`);
      expect(take(8).status).toBe(0);
      const refused = take(200);
      expect(refused.status).not.toBe(0);
      expect(refused.stdout).toMatch(/out of memory|[Cc]annot allocate/);
    });

    it('memorylocked: what may be locked cannot be raised', () => {
      start('memorylocked=16K:deny');
      expect(inside('grep "locked memory" /proc/self/limits').stdout).toMatch(/ 16384 +16384 /);
      expect(inside('ulimit -l 17').status).not.toBe(0);
    });

    it.skipIf(cpus().length < 2)('cpuset: the jail sees and uses its CPUs only, without rlimits', () => {
      done('set', 'cpuset=1', 'web');
      done('start', 'web');
      expect(inside('nproc; grep Cpus_allowed_list /proc/self/status').stdout).toMatch(/^1\n.*\t1\n$/s);
      done('set', 'cpuset=0-1', 'web');
      expect(inside('nproc').stdout).toBe('2\n');
      done('set', 'cpuset=0', 'web');
      expect(inside('nproc').stdout).toBe('1\n');
      done('uncap', 'web');
      expect(inside('nproc').stdout).toBe('1\n');
      done('set', 'cpuset=off', 'web');
      expect(inside('nproc').stdout).not.toBe('1\n');
    });

    it('holds for what exec_start starts', () => {
      writeFileSync(
        join(lab.pool.directory, 'pool/iocage/jails', uuid, 'root/etc/rc'),
        'ulimit -n >/tmp/seen; cat /proc/self/cgroup >>/tmp/seen\n',
      );
      done('set', 'exec_start=/bin/sh /etc/rc', 'web');
      start('openfiles=33:deny', 'maxproc=30:deny');
      expect(inside('head -n 1 /tmp/seen').stdout).toBe('33\n');
      expect(inuse().limits).toEqual({ maxproc: '30:deny', openfiles: '33:deny' });
    });
  });

  describe('live', () => {
    it('set, uncap and cap take effect in a running jail', () => {
      start('memoryuse=64M:deny', 'maxproc=20:deny', 'openfiles=16:deny');
      expect(take(100).status).toBe(137);
      done('set', 'memoryuse=200M:deny', 'web');
      expect(take(100).status).toBe(0);
      expect(inside('ulimit -n').stdout).toBe('16\n');

      const lifted = done('uncap', 'web');
      expect(lifted.stdout).toBe('  Releasing resource limits..\n  Listing active rules for jail:\n');
      expect(take(300).status).toBe(0);
      expect(inside(forks).stdout).toMatch(/^40$/m);
      expect(inside('ulimit -n').stdout).not.toBe('16\n');
      expect(done('limits', 'web').stdout).toContain(`not in force; 'iocage cap'`);

      expect(done('cap', 'web').stdout).toBe('  + Applying resource limits OK\n');
      expect(take(300).status).toBe(137);
      expect(inside('ulimit -n').stdout).toBe('16\n');

      done('set', 'rlimits=off', 'web');
      expect(take(300).status).toBe(0);
      expect(done('cap', 'web').stderr).toContain('rlimits is off');
    });

    it('a dry run names the files and changes nothing', () => {
      start('memoryuse=64M:deny');
      const before = lab.state();
      const dry = done('set', 'memoryuse=32M:deny', 'web', '--dry-run').stdout;
      expect(dry).toMatch(new RegExp(`ioc-${uuid}/memory\\S+.*33554432`));
      expect(lab.state()).toBe(before);
      expect(inuse().limits).toEqual({ memoryuse: '64M:deny' });
    });

    it('a value with which nothing could run is refused before anything is changed', () => {
      start('maxproc=20:deny');
      const before = lab.state();
      const refused = iocage('set', 'maxproc=0:deny', 'web');
      expect(refused.status).toBe(2);
      expect(refused.stderr).toContain('maxproc: with 0 nothing of the jail could run');
      expect(lab.state()).toBe(before);
    });

    it.skipIf(!refusesLess)('a limit below what is in use is refused, and all is as before', () => {
      start('memoryuse=64M:deny', 'pcpu=50:deny');
      // In memory, and nowhere else to go while there is no swap.
      expect(inside('dd if=/dev/zero of=/dev/shm/held bs=1M count=32 2>&1').status).toBe(0);
      const before = lab.state();
      const refused = iocage('set', 'pcpu=60:deny', 'memoryuse=8M:deny', 'web');
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/kernel refuses the memory limits of jail .*uses more than that now/);
      expect(comparable(lab.state())).toEqual(comparable(before));
      expect(inuse().limits).toEqual({ memoryuse: '64M:deny', pcpu: '50:deny' });
    });

    it('a jail that is full is refused more, can be let go, and can be stopped', () => {
      start('maxproc=20:deny');
      inside('n=0; while [ $n -lt 40 ]; do sleep 600 >/dev/null 2>&1 & n=$((n+1)); done');
      expect(inuse().used['nthr']).toBe(19); // the shell that made them is gone
      done('set', 'maxproc=10:deny', 'web');
      const fork = 'sleep 0 & wait $!';
      expect(inside(fork).stderr).toContain(`can't fork`);
      done('uncap', 'web');
      expect(inside(fork).status).toBe(0);
      done('cap', 'web');
      expect(inside(fork).status).not.toBe(0);
      expect(done('stop', 'web').stdout).toMatch(/Removing jail process +OK/);
    });

    it('wants a running jail', () => {
      for (const command of ['cap', 'uncap', 'inuse'])
        expect(iocage(command, 'web'), command).toMatchObject({ status: 1, stdout: '' });
      expect(done('limits', '--json').stdout).toBe('{\n  "one": false,\n  "jails": []\n}\n');
    });

    it('values with which nothing could run keep the jail down', () => {
      done('set', 'rlimits=on', 'memoryuse=0:deny', 'cpuset=4000', 'web');
      const refused = iocage('start', 'web');
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain('there is no CPU 4000');
      expect(refused.stderr).toContain('memoryuse: with 0');
      expect(comparable(lab.state()).filter((line) => /cgroups|ioc-/.test(line))).toEqual(
        quiet.filter((line) => /cgroups|ioc-/.test(line)),
      );
    });
  });

  it('docs/limits.md: every line of it works as written', () => {
    const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, text = '']) =>
      text.trim().split('\n'),
    );
    expect(blocks.length).toBeGreaterThan(10);
    for (const line of blocks) {
      const [command, ...words] = line.split(' ');
      expect(command).toBe('iocage');
      done(...words);
    }
    expect(inuse().limits).toMatchObject({ memoryuse: '128M:deny', pcpu: '50:deny', openfiles: '512:deny' });
  });

  describe('what is told', () => {
    it('what Linux cannot keep, by name and with the reason', () => {
      const said = start(
        'memoryuse=64M:log',
        'pseudoterminals=5:deny',
        'readbps=1M:throttle',
        'maxproc=30:deny',
      );
      expect(said.stderr).toContain(
        'memoryuse=64M:log has no effect here: Linux has no equal of the action log',
      );
      expect(said.stderr).toContain('pseudoterminals=5:deny has no effect here');
      expect(said.stderr).toContain(
        'readbps=1M:throttle has no effect here: ZFS reads and writes in threads',
      );
      expect(take(200).status).toBe(0);
      const { jails } = JSON.parse(done('limits', 'web', '--json').stdout) as {
        jails: { limits: { key: string; value: string; inForce: boolean; why?: string }[] }[];
      };
      expect(jails[0]!.limits.map(({ key, inForce }) => [key, inForce])).toEqual([
        ['memoryuse', false],
        ['maxproc', true],
        ['pseudoterminals', false],
        ['readbps', false],
      ]);
      for (const { inForce, why } of jails[0]!.limits) expect(inForce || (why ?? '') !== '').toBe(true);
    });

    it('that limits are set and rlimits is not', () => {
      done('set', 'maxproc=20:deny', 'web');
      expect(done('start', 'web').stderr).toContain('maxproc=20:deny has no effect here: rlimits is off');
      expect(inside(forks).stdout).toMatch(/^40$/m);
    });

    it('limits and inuse in the forms of the original', () => {
      start('memoryuse=64M:deny', 'maxproc=20:deny', ...(cpus().length > 1 ? ['cpuset=0-1'] : []));
      const legacy = (...words: readonly string[]): string => done('--format', 'legacy', ...words).stdout;
      expect(legacy('limits', 'web').split('\n').slice(0, 3)).toEqual([
        `* Active limits for jail: ${uuid}`,
        '  - memoryuse:deny=64M',
        '  - maxproc:deny=20',
      ]);
      expect(legacy('limits')).toBe(
        `* All active limits:\njail:ioc-${uuid}:memoryuse:deny=67108864\njail:ioc-${uuid}:maxproc:deny=20\n`,
      );
      expect(legacy('inuse', 'web')).toMatch(/^Consumed resources:\n-+\ncputime=\d+\n/);
      const [header, row, ...rest] = legacy('inuse').split('\n');
      expect(header).toBe(
        'UUID,TAG,cputime,datasize,stacksize,coredumpsize,memoryuse,memorylocked,maxproc,openfiles,vmemoryuse,pseudoterminals,swapuse,nthr,msgqqueued,msgqsize,nmsgq,nsem,nsemop,nshm,shmsize,wallclock,pcpu',
      );
      expect(rest).toEqual(['']);
      expect(row!.split(',')).toHaveLength(header!.split(',').length);
      expect(row).toMatch(new RegExp(`^${uuid},web,`));
      const { used } = inuse();
      expect(used).toMatchObject({ maxproc: 1, nthr: 1, shmsize: null, readbps: null });
      expect(used['memoryuse']).toBeGreaterThan(0);
      expect(used['vmemoryuse']).toBeGreaterThan(0);
      expect(done('inuse').stdout).toContain('| web ');
      expect(done('limits').stdout).toContain('| in force |');
    });
  });
});

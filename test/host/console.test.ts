/**
 * The console log has a bound that neither a jail nor a hook gets past, whoever is killed; and what waits for
 * a text in it finds it however much goes by. Real ZFS, real containers, the real command.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { consoleBytes } from '../../src/driver/both/console.ts';

const MiB = 1024 ** 2;

describe.skipIf(!hostTests)(`console${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let top: string;
  let before: readonly string[];

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    top = join(lab.pool.directory, 'pool/iocage');
    // A test sets it, and what is set once stays set.
    sh('zfs', 'set', 'refquota=none', `${lab.pool.name}/iocage`);
    before = comparable(lab.state());
  });
  afterAll(() => lab.close());
  // Whatever a test did: nothing of a jail is left, no process of its console either.
  afterEach(async () => {
    iocage('doctor');
    iocage('rcshutdown');
    for (const { tag } of jails()) expect(iocage('destroy', '-f', tag)).toMatchObject({ status: 0 });
    await vi.waitFor(() => expect(copiers('')).toEqual([]), 20_000);
    expect(comparable(lab.state())).toEqual(before);
    expect(readdirSync(join(top, 'log'))).toEqual([]);
  });

  const ok = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    return ran.stdout;
  };
  const jails = (): { tag: string; state: string; jid: number }[] =>
    (JSON.parse(ok('list', '--json')) as { jails: { tag: string; state: string; jid: number }[] }).jails;
  const up = (name: string): boolean => jails().some(({ tag, state }) => tag === name && state === 'up');
  /** @param rc what its /etc/rc does besides saying that it ran */
  const create = (name: string, rc: string, ...words: readonly string[]): void => {
    ok('create', '-c', '-n', name, 'release=busybox', 'ip4=disable', 'stop_timeout=1', ...words);
    writeFileSync(join(top, 'jails', name, 'root/etc/rc'), `echo rc of ${name}\n${rc}\n`);
  };
  const log = (name: string): string => join(top, 'log', `${name}-console.log`);
  const text = (path: string): string => (existsSync(path) ? readFileSync(path, 'latin1') : '');
  const sizes = (name: string): readonly number[] =>
    [log(name), `${log(name)}.1`].map((path) => (existsSync(path) ? statSync(path).size : 0));
  /** What was printed is in the log soon; on a host with much to do, a while after the command returned. */
  const expectLog = (name: string, wanted: RegExp): Promise<void> =>
    vi.waitFor(() => expect(text(log(name))).toMatch(wanted), 20_000);
  const expectBounded = (name: string): void => {
    for (const size of sizes(name)) expect(size).toBeLessThanOrEqual(consoleBytes);
  };
  /** Processes of this lab's copiers: the shells, with what each runs. */
  function copiers(name: string): readonly { pid: number; children: readonly number[] }[] {
    return readdirSync('/proc').flatMap((pid) => {
      try {
        if (!/^\d+$/.test(pid) || !readlinkSync(`/proc/${pid}/fd/0`).startsWith(`${lab.paths.run}/`))
          return [];
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (!words.includes('iocage-console') || !words.some((word) => word.endsWith(`${name}-console.log`)))
          return [];
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
        return [{ pid: Number(pid), children: children.split(' ').filter(Boolean).map(Number) }];
      } catch {
        return [];
      }
    });
  }
  const flood = (mib: number): string => `dd if=/dev/zero bs=1048576 count=${mib} 2>/dev/null | tr '\\0' x`;

  it('a jail that writes 220 MB: two files of 2 MiB, it stays up and answers, its neighbour and the pool are as before', async () => {
    create('quiet', 'echo neighbour');
    create('noisy', `(${flood(220)}; echo; echo the very end; touch /tmp/done) &`);
    ok('start', 'quiet');
    await expectLog('quiet', /^rc of quiet\nneighbour\n$/);
    const quiet = text(log('quiet'));
    const used = (): number => Number(sh('zfs', 'get', '-Hp', '-o', 'value', 'used', lab.pool.name).trim());
    const usedBefore = used();
    ok('start', 'noisy');
    const end = Date.now() + 150_000;
    let looks = 0;
    while (iocage('exec', 'noisy', 'test', '-e', '/tmp/done').status !== 0) {
      expect(Date.now()).toBeLessThan(end);
      expectBounded('noisy');
      looks += 1;
    }
    expect(looks).toBeGreaterThan(0);
    expect(up('noisy')).toBe(true);
    expect(ok('exec', 'noisy', 'echo', 'still here')).toBe('still here\n');
    expectBounded('noisy');
    await expectLog('noisy', /x\nthe very end\n$/);
    // Both generations, and what a pool writes besides.
    expect(used() - usedBefore).toBeLessThan(32 * MiB);
    expect(text(log('quiet'))).toBe(quiet);
    expect(ok('exec', 'quiet', 'echo', 'me too')).toBe('me too\n');
  }, 240_000);

  it('root in the jail gets a pipe, and nothing of what was logged', async () => {
    create('web', '');
    ok('start', 'web');
    await expectLog('web', /^rc of web\n$/);
    ok('exec', 'web', 'sh', '-c', 'test -p /proc/1/fd/1; : >/proc/1/fd/1; echo more >/proc/1/fd/1');
    ok('stop', 'web');
    // The release's own /etc/rc.shutdown says the last line.
    await expectLog('web', /^rc of web\nmore\nrc.shutdown ran\n$/);
  });

  it('a copier that is killed takes nobody along: the jail goes on, and the next exec starts another', async () => {
    const writer =
      'i=0; while :; do i=$((i+1)); echo line $i of the writer; echo $i >/tmp/at; sleep 0.02; done';
    create('web', `(${writer}) &`);
    ok('start', 'web');
    // The head alone: the shell has another at once.
    const [first] = copiers('web');
    process.kill(first!.children[0]!, 'SIGKILL');
    const size = statSync(log('web')).size;
    await vi.waitFor(() => expect(statSync(log('web')).size).toBeGreaterThan(size + 100), 20_000);
    expect(copiers('web').map(({ pid }) => pid)).toEqual([first!.pid]);

    const [{ pid, children }] = copiers('web') as [{ pid: number; children: readonly number[] }];
    for (const one of [pid, ...children]) process.kill(one, 'SIGKILL');
    await vi.waitFor(() => expect(copiers('web')).toEqual([]), 20_000);
    expect(up('web')).toBe(true);
    const at = join(top, 'jails/web/root/tmp/at');
    const reached = Number(readFileSync(at, 'utf8'));
    await vi.waitFor(() => expect(Number(readFileSync(at, 'utf8'))).toBeGreaterThan(reached + 5), 20_000);
    expect(ok('exec', 'web', 'echo', 'yes')).toBe('yes\n');
    const missed = Number(readFileSync(at, 'utf8'));
    expect(copiers('web')).toHaveLength(1);
    await vi.waitFor(() => expect(text(log('web'))).toContain(`line ${missed} of the writer`), 20_000);
    // At most what was being copied at that moment is lost, twice.
    const numbers = [...text(log('web')).matchAll(/^line (\d+) /gm)].map(([, n]) => Number(n));
    expect(numbers.length).toBeGreaterThanOrEqual(numbers.at(-1)! - 2);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  it('a pool without room loses the console and no jail', async () => {
    create('web', `(${flood(12)}; touch /tmp/done; while :; do echo tick; sleep 0.1; done) &`);
    // The jail has its own room; only the dataset of the log is full.
    sh('zfs', 'set', `refquota=${256 * 1024}`, `${lab.pool.name}/iocage`);
    try {
      ok('start', 'web');
      await vi.waitFor(() => expect(iocage('exec', 'web', 'test', '-e', '/tmp/done').status).toBe(0), {
        timeout: 50_000,
        interval: 200,
      });
      expect(up('web')).toBe(true);
      const [now, then] = sizes('web');
      expect(now! + then!).toBeLessThan(MiB);
    } finally {
      sh('zfs', 'set', 'refquota=none', `${lab.pool.name}/iocage`);
    }
  }, 90_000);

  it('a log of former times that has outgrown the bound is cut at the next start', async () => {
    create('web', 'echo new line');
    writeFileSync(log('web'), `${'o'.repeat(9 * MiB)}\nlast of the old\n`);
    ok('start', 'web');
    expectBounded('web');
    expect(text(`${log('web')}.1`)).toMatch(/o\nlast of the old\n$/);
    await expectLog('web', /^rc of web\nnew line\n$/);
  });

  it('rename takes both files along, destroy removes both, debug tells from both', () => {
    create('web', `${flood(3)}; echo`);
    ok('start', 'web');
    ok('stop', 'web');
    expect(sizes('web').every((size) => size > 0)).toBe(true);
    ok('rename', 'web', 'shop');
    expect(readdirSync(join(top, 'log'))).toEqual(['shop-console.log', 'shop-console.log.1']);
    ok('destroy', '-f', 'shop');
    expect(readdirSync(join(top, 'log'))).toEqual([]);
  });

  describe('wait_for=log', () => {
    const waiting = ['wait_for=log:ready for work', 'wait_timeout=40'];

    it('finds a text that a flood washes away, and lets the flood go on', () => {
      create('web', `(${flood(9)}; echo; echo we are ready for work; ${flood(60)}; sleep 600) &`, ...waiting);
      ok('start', 'web');
      expect(text(`${log('web')}.1`) + text(log('web'))).toMatch(/x/);
      expect(up('web')).toBe(true);
      expectBounded('web');
    }, 90_000);

    it.each([
      ['and silence behind it', 'sleep 600'],
      ['and a flood behind it', `dd if=/dev/zero bs=1048576 count=9 2>/dev/null | tr '\\0' y; sleep 600`],
    ])(
      'finds a text that the border of the two files cuts, %s',
      (_, then) => {
        // "rc of web\n" and then exactly as much that "ready" is the last that the first file holds.
        const fill = consoleBytes - 'rc of web\n'.length - 'ready'.length;
        create('web', `head -c ${fill} /dev/zero | tr '\\0' x; (echo ready for work; ${then}) &`, ...waiting);
        ok('start', 'web');
        expect(up('web')).toBe(true);
      },
      90_000,
    );

    it('a flood without the text: not ready in time, and nothing is left of the jail', () => {
      create('web', `(while :; do ${flood(50)}; done) &`, waiting[0]!, 'wait_timeout=3');
      const started = iocage('start', 'web');
      expect(started.status).toBe(1);
      expect(started.stderr).toContain(
        'not ready after 3 s: the console log says nothing of "ready for work"',
      );
      expect(up('web')).toBe(false);
      expectBounded('web');
    }, 60_000);

    it('what an earlier run said does not count, whichever file it is in', () => {
      create('web', `echo ready for work; ${flood(3)}; echo ready for work`, waiting[0]!, 'wait_timeout=2');
      ok('start', 'web');
      ok('stop', 'web');
      for (const path of [log('web'), `${log('web')}.1`]) expect(text(path)).toContain('ready for work');
      writeFileSync(join(top, 'jails/web/root/etc/rc'), `(${flood(3)}; sleep 600) &\n`);
      expect(iocage('start', 'web').stderr).toContain('not ready after 2 s');
    }, 60_000);

    it('a start that is killed while it waits leaves a jail whose log stays bounded, and doctor takes it back', async () => {
      create('web', `(while :; do ${flood(50)}; done) &`, 'wait_for=log:never said', 'wait_timeout=600');
      const { child, ended } = iocage.start('start', 'web');
      await vi.waitFor(() => expect(sizes('web')[1]).toBe(consoleBytes), 20_000);
      child.kill('SIGKILL');
      await ended;
      expect(up('web')).toBe(true);
      const former = statSync(`${log('web')}.1`).ino;
      await vi.waitFor(() => expect(statSync(`${log('web')}.1`).ino).not.toBe(former), 20_000);
      expectBounded('web');
      ok('doctor');
      expect(up('web')).toBe(false);
    }, 90_000);
  });

  describe('hooks', () => {
    const hostFlood = (mib: number): string => `head -c ${mib * MiB} /dev/zero | tr '\\0' h`;

    it('that flood are bounded, and it is told how much went by', () => {
      create('web', '', `exec_prestart=${hostFlood(12)}; echo`, `exec_poststart=${hostFlood(12)}`);
      const told = iocage('start', 'web');
      expect(told, told.stderr).toMatchObject({ status: 0 });
      const all = told.stdout + told.stderr;
      expect(all).toMatch(
        /more than \d+ MiB were printed while the prestart hook ran; .*web-console\.log and/,
      );
      expect(all).toMatch(/more than \d+ MiB were printed while the poststart hook ran/);
      expectBounded('web');
    }, 60_000);

    it('that fail after a flood say their last words in the message', () => {
      create('web', '', `exec_prestart=${hostFlood(8)}; echo; echo no such disk; exit 3`);
      const started = iocage('start', 'web');
      expect(started.status).toBe(1);
      expect(started.stderr).toMatch(/exit status 3\): .*no such disk/);
      expect(started.stderr.length).toBeLessThan(2000);
      expectBounded('web');
    }, 60_000);

    it('what one leaves in the background writes on, after the command and without a jail', async () => {
      const says = 'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo from behind $i; sleep 0.05; done';
      create('web', '', `exec_poststop=(${says}) & echo $! >"$IOCAGE_ROOT/tmp/pid"`);
      ok('start', 'web');
      ok('stop', 'web');
      await vi.waitFor(() => expect(text(log('web'))).toContain('from behind 30\n'), 20_000);
      process.kill(Number(readFileSync(join(top, 'jails/web/root/tmp/pid'), 'utf8')));
    }, 60_000);

    it('that hang are ended with what made a session of its own', async () => {
      const word = `471${process.pid}.5`;
      create(
        'web',
        '',
        'exec_timeout=1',
        `exec_prestart=setsid sh -c "(setsid sleep ${word} &); sleep ${word}" & sleep ${word}`,
      );
      const started = iocage('start', 'web');
      expect(started.status).toBe(1);
      expect(started.stderr).toContain('took too long and was ended');
      const alive = (): readonly string[] =>
        readdirSync('/proc').filter((pid) => {
          try {
            return (
              /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`sleep\0${word}`)
            );
          } catch {
            return false;
          }
        });
      await vi.waitFor(() => expect(alive()).toEqual([]), 10_000);
    }, 60_000);
  });
});

/**
 * The command as a process among processes: how many children it starts, how two of them keep out of
 * each other's way, and what is left when one is interrupted or killed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { makePool, sh } from '../support/pool.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

const reading: readonly (readonly [name: string, operation: string, input: unknown])[] = [
  ['list', 'jail.list', {}],
  ['list -t', 'jail.list', { templates: true }],
  ['list -r', 'release.list', {}],
  ['df', 'jail.df', {}],
  ['get -r', 'property.get', { key: 'boot', recursive: true }],
  ['get all', 'property.get', { key: 'all', jail: 'alpha' }],
  ['get state', 'property.get', { key: 'state', jail: 'alpha' }],
  ['snaplist', 'snapshot.list', { jail: 'alpha' }],
  ['defaults', 'property.defaults', {}],
];

describe.skipIf(!hostTests)(`processes${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  const state = (): readonly string[] => comparable(lab.state());
  /** Records with a whole head: one that ends before it has begun nothing. */
  const open = (): readonly string[] => {
    const directory = join(lab.paths.state, 'journal/open');
    return readdirSync(directory).filter((name) =>
      readFileSync(join(directory, name), 'utf8').includes('\n'),
    );
  };

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    for (const [name, start] of [
      ['alpha', 'none'],
      ['twin', '/bin/sleep 1'],
      ['slow', '/bin/sleep 30'],
    ] as const) {
      await lab.run('jail.create', {
        kind: 'clone',
        release: 'busybox',
        name,
        properties: [
          ['ip4', 'disable'],
          ['exec_start', start],
          ['exec_stop', 'none'],
        ],
      });
    }
  });
  afterAll(() => lab.close());

  async function children(operation: string, input: unknown): Promise<number> {
    const context = lab.context();
    await runOperation(context, getOperation(operation), input);
    return context.exec.spawned;
  }
  const counted = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const [name, operation, input] of reading) counts[name] = await children(operation, input);
    return counts;
  };

  it('reading starts at most three children, with 3 jails as with 30, down or up', async () => {
    const with3 = await counted();
    for (const [name, count] of Object.entries(with3)) expect(count, name).toBeLessThanOrEqual(3);
    expect(with3['list']).toBeGreaterThan(0);
    await lab.run('jail.create', { kind: 'empty', count: 27, properties: [['tag', 'many']] });
    const { jails } = await lab.run<{ jails: unknown[] }>('jail.list', {});
    expect(jails).toHaveLength(30);
    expect(await counted()).toEqual(with3);
    await lab.run('jail.start', { jail: 'alpha' });
    expect(await counted()).toEqual(with3);
    // The command itself says the same.
    const said = iocage('list', '--debug');
    expect(said.stderr).toBe(`iocage: ${with3['list']} child processes\n`);
    await lab.run('jail.stop', { jail: 'alpha' });
  });

  it('two starts of one jail at the same time: one succeeds, the other one says why not', async () => {
    const runs = [iocage.start('start', 'twin'), iocage.start('start', 'twin')];
    const ends = await Promise.all(runs.map((run) => run.ended));
    expect(ends.map(({ status }) => status).sort()).toEqual([0, 1]);
    const loser = ends.find(({ status }) => status === 1)!;
    expect(loser.stderr).toMatch(
      /^iocage: (?:twin is already up|jail:.* is in use by jail\.start \(process \d+)/m,
    );
    expect(loser.stdout).toBe('');
    expect(iocage('get', 'state', 'twin').stdout).toBe('up\n');
    expect(iocage('stop', 'twin').status).toBe(0);
  });

  it('while one works on a jail the others wait, then name it; readers do not wait', async () => {
    const before = state();
    const slow = iocage.start('start', 'slow');
    await slow.says(/\+ Started/);
    const waiting = [
      iocage.start('stop', 'slow'),
      iocage.start('set', 'notes=x', 'slow'),
      iocage.start('destroy', '-f', 'slow'),
    ];
    expect(iocage('list', '-H').stdout).toMatch(/\tslow\tup\t/);
    expect(iocage('get', 'boot', 'slow').status).toBe(0);
    expect(iocage('set', 'notes=other', 'alpha').status).toBe(0); // another jail is not concerned
    expect(iocage('set', 'notes=none', 'alpha').status).toBe(0);
    for (const { ended } of waiting) {
      const { status, stderr } = await ended;
      expect(status).toBe(1);
      expect(stderr).toMatch(
        new RegExp(
          `^iocage: jail:${lab.pool.name}:slow is in use by jail\\.start \\(process ${slow.child.pid}, since `,
          'm',
        ),
      );
      expect(stderr).toMatch(/^ {2}hint: wait for it to end/m);
    }
    slow.child.kill('SIGINT');
    expect((await slow.ended).status).toBe(130);
    const notes = (lines: readonly string[]) => lines.filter((line) => !line.includes('iocage:notes'));
    expect(notes(state())).toEqual(notes(before));
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s during a start: everything is undone, and the exit status is %i',
    async (signal, expected) => {
      const before = state();
      const slow = iocage.start('start', 'slow');
      await slow.says(/\+ Started/);
      slow.child.kill(signal);
      const { status, stderr } = await slow.ended;
      expect(status).toBe(expected);
      expect(stderr).toMatch(/stopping; what was done is being undone/);
      expect(stderr).toMatch(/was cancelled; what it had done was undone/);
      expect(state()).toEqual(before);
      expect(open()).toEqual([]);
    },
  );

  it('SIGTERM and SIGHUP while it undoes, again and again, do not break that off', async () => {
    const before = state();
    const slow = iocage.start('start', 'slow');
    await slow.says(/\+ Started/);
    slow.child.kill('SIGINT');
    let sent = 0;
    const storm = setInterval(() => {
      if (slow.child.kill(sent % 2 === 0 ? 'SIGTERM' : 'SIGHUP')) sent += 1;
    }, 1);
    const { status, stderr } = await slow.ended.finally(() => clearInterval(storm));
    expect(sent).toBeGreaterThan(5);
    expect(status).toBe(130);
    expect(stderr).toMatch(/was cancelled; what it had done was undone/);
    expect(state()).toEqual(before);
    expect(open()).toEqual([]);
  });

  it('Ctrl-C on a terminal does the same', async () => {
    const before = state();
    const slow = iocage.onTerminal('start', 'slow');
    await slow.says(/\+ Started/);
    slow.child.stdin!.write('\u0003');
    const { status, stdout } = await slow.ended;
    expect(status).toBe(130);
    expect(stdout).toMatch(/was cancelled; what it had done was undone/);
    expect(state()).toEqual(before);
  });

  /** Kills the command and expects that the next ones tell, refuse, and mend. */
  async function expectMended(before: readonly string[]): Promise<void> {
    const told = iocage('list', '-H');
    expect(told.status).toBe(0);
    expect(told.stderr).toMatch(
      /^iocage: warning: interrupted earlier: jail\.start of slow; 'iocage doctor' mends it\n$/,
    );
    const refused = iocage('stop', 'slow');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(
      /1 interrupted operation left: jail\.start of slow\n {2}hint: iocage doctor\n/,
    );
    expect(iocage('doctor', '--dry-run').stdout).toMatch(/^pending +jail\.start of slow.*would be undone$/m);
    const doctor = iocage('doctor');
    expect(doctor).toMatchObject({ status: 0 });
    expect(doctor.stdout).toMatch(/^mended +jail\.start of slow, interrupted at /m);
    expect(state()).toEqual(before);
    expect(iocage('list', '-H').stderr).toBe('');
    expect(iocage('doctor')).toMatchObject({ status: 0, stdout: 'Nothing to mend.\n', stderr: '' });
  }

  it('SIGKILL in the middle of a start: every command tells, doctor undoes it', async () => {
    const before = state();
    const slow = iocage.start('start', 'slow');
    await slow.says(/\+ Started/);
    slow.child.kill('SIGKILL');
    expect((await slow.ended).signal).toBe('SIGKILL');
    await expectMended(before);
  });

  it('SIGKILL at a random moment of a start', async () => {
    for (let round = 0; round < 4; round += 1) {
      const before = state();
      const slow = iocage.start('start', 'slow');
      const afterMs = 50 + Math.floor(Math.random() * 700);
      await sleep(afterMs);
      slow.child.kill('SIGKILL');
      await slow.ended;
      // Killed before it wrote its intent, it has done nothing and nothing is to be told.
      if (open().length > 0) await expectMended(before);
      else expect(state(), `killed after ${afterMs} ms`).toEqual(before);
    }
  });

  describe('SIGKILL at a random moment, then doctor: as it was, or as it should be, and nothing between', () => {
    const setTo = (...words: readonly string[]) => iocage('set', ...words, 'alpha');
    const archive = (): string => `file=${join(lab.pool.directory, 'busybox.tar')}`;
    const cases: readonly (readonly [name: string, prepare: () => void, words: () => readonly string[]])[] = [
      ['fetch', () => iocage('destroy', '-r', '-f', 'two'), () => ['fetch', 'release=two', archive()]],
      ['destroy -r', () => iocage('fetch', 'release=two', archive()), () => ['destroy', '-r', '-f', 'two']],
      [
        'set',
        () => setTo('tag=alpha', 'notes=old', 'quota=none'),
        () => ['set', 'tag=beta', 'notes=new', 'quota=1G', 'alpha'],
      ],
      [
        'rollback',
        () => ['one', 'newer'].forEach((name) => iocage('snapshot', `alpha@${name}`)),
        () => ['rollback', '-f', 'alpha@one'],
      ],
      [
        'snapremove',
        () => ['one', 'newer'].forEach((name) => iocage('snapshot', `alpha@${name}`)),
        () => ['snapremove', '-f', 'alpha@ALL'],
      ],
    ];
    const timeless = (): string => lab.state().replaceAll(/(op|fetched_at)\\t[^"]*/g, '$1');

    it.each(cases)('%s', async (_, prepare, words) => {
      prepare();
      const began = Date.now();
      expect(iocage(...words())).toMatchObject({ status: 0 });
      const tookMs = Date.now() - began;
      const after = timeless();
      for (let round = 0; round < 2; round += 1) {
        prepare();
        const before = timeless();
        const run = iocage.start(...words());
        const afterMs = 40 + Math.floor(Math.random() * tookMs);
        await sleep(afterMs);
        run.child.kill('SIGKILL');
        await run.ended;
        expect(iocage('doctor').status).toBe(0);
        expect([before, after], `killed after ${afterMs} ms`).toContain(timeless());
        expect(iocage('doctor')).toMatchObject({ status: 0, stdout: 'Nothing to mend.\n', stderr: '' });
      }
      setTo('tag=alpha', 'notes=none', 'quota=none');
    });
  });

  it('an interrupted activate is undone, and told although no pool is left to look at', async () => {
    const pool = makePool(128);
    try {
      const other = commandIn({ ...lab.environment, IOCAGE_POOL: pool.name });
      for (let tries = 0; open().length === 0; tries += 1) {
        expect(tries).toBeLessThan(20);
        other('deactivate', pool.name);
        const run = other.start('activate', pool.name);
        await sleep(60 + tries * 20);
        run.child.kill('SIGKILL');
        await run.ended;
      }
      const doctor = other('doctor');
      expect(doctor.stdout).toMatch(/^mended +pool\.activate of \S+, interrupted at \S+: undone$/m);
      expect(doctor.stdout).toMatch(/^report +jails were not looked at: pool "\S+" is not activated/m);
      expect(doctor).toMatchObject({ status: 0, stderr: '' });
      expect(sh('zfs', 'get', '-H', '-o', 'value', 'org.freebsd.ioc:active', pool.name)).not.toBe('yes\n');
    } finally {
      pool.destroy();
    }
  });

  it('a reader that goes away does not end a start half-way', async () => {
    const run = iocage.start('start', 'twin');
    run.child.stdout!.destroy();
    expect((await run.ended).status).toBe(0);
    expect(iocage('get', 'state', 'twin').stdout).toBe('up\n');
    expect(iocage('stop', 'twin').status).toBe(0);
    expect(open()).toEqual([]);
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fresh } from '../../../src/server/fresh.ts';
import { JobQueue, QueueClosed, QueueFull, type Keys } from '../../../src/server/job-queue.ts';
import { Jobs, type JobEvent } from '../../../src/server/jobs.ts';
import { localTime } from '../../../src/domain/local-time.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A promise with its ends in the hands of the test. */
function door<T = void>(): {
  readonly opened: Promise<T>;
  open: (value: T) => void;
  shut: (e: Error) => void;
} {
  let open!: (value: T) => void;
  let shut!: (error: Error) => void;
  const opened = new Promise<T>((resolve, reject) => {
    open = resolve;
    shut = reject;
  });
  return { opened, open, shut };
}

describe('the queue', () => {
  it('jobs of one jail run one after the other in the order of asking, others beside them', async () => {
    const queue = new JobQueue({ running: 8, waiting: 8 });
    const order: string[] = [];
    const first = door();
    const job = (name: string, keys: Keys, until?: Promise<void>) =>
      queue.run(keys, async () => {
        order.push(`${name} begins`);
        await until;
        order.push(`${name} ends`);
      });
    const all = [
      job('a1', ['a'], first.opened),
      job('a2', ['a']),
      job('b', ['b']),
      job('all', 'all'),
      job('c', ['c']),
    ];
    await turn();
    expect(order).toEqual(['a1 begins', 'b begins', 'b ends']);
    first.open();
    await Promise.all(all);
    expect(order.slice(3)).toEqual([
      'a1 ends',
      'a2 begins',
      'a2 ends',
      'all begins',
      'all ends',
      'c begins',
      'c ends',
    ]);
  });

  it('a job that fails does not hold the next one', async () => {
    const queue = new JobQueue({ running: 1, waiting: 8 });
    const failed = queue.run(['a'], () => Promise.reject(new Error('no')));
    const next = queue.run(['a'], () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  it('refuses what is too much, and everything once it is closed', async () => {
    const queue = new JobQueue({ running: 1, waiting: 1 });
    const first = door();
    const running = queue.run([], () => first.opened);
    const waiting = queue.run([], () => Promise.resolve());
    await expect(queue.run([], () => Promise.resolve())).rejects.toThrow(QueueFull);
    const closed = queue.close();
    await expect(waiting).rejects.toThrow(QueueClosed);
    await expect(queue.run([], () => Promise.resolve())).rejects.toThrow(QueueClosed);
    first.open();
    await Promise.all([running, closed]);
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  it('never runs two jobs of one key, nor more than allowed, and loses none', async () => {
    const keys = fc.oneof(fc.constant('all' as const), fc.array(fc.constantFrom('a', 'b', 'c')));
    await fc.assert(
      fc.asyncProperty(
        fc.array(keys, { maxLength: 20 }),
        fc.integer({ min: 1, max: 4 }),
        async (jobs, most) => {
          const queue = new JobQueue({ running: most, waiting: 100 });
          const running: Keys[] = [];
          let done = 0;
          await Promise.all(
            jobs.map((own) =>
              queue.run(own, async () => {
                const clash = running.some(
                  (other) => own === 'all' || other === 'all' || own.some((key) => other.includes(key)),
                );
                expect(clash).toBe(false);
                running.push(own);
                expect(running.length).toBeLessThanOrEqual(most);
                await turn();
                running.splice(running.indexOf(own), 1);
                done += 1;
              }),
            ),
          );
          expect(done).toBe(jobs.length);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('a shared reading', () => {
  function held(): { fresh: Fresh<number>; reads: () => number; at: (ms: number) => void; next: () => void } {
    let now = 0;
    let count = 0;
    const waiting: (() => void)[] = [];
    const fresh = new Fresh<number>(
      () => {
        count += 1;
        const mine = count;
        return new Promise((resolve) => waiting.push(() => resolve(mine)));
      },
      { maxAgeMs: 900, renewAfterMs: 400, now: () => now },
    );
    return { fresh, reads: () => count, at: (ms) => (now = ms), next: () => waiting.shift()?.() };
  }

  it('where a reading takes long the next begins before it ends, and nobody waits; never three at once', async () => {
    const { fresh, reads, at, next } = held();
    const first = fresh.get();
    at(600);
    next();
    expect(await first).toBe(1);
    // Too old in 300 ms, and the next takes 600.
    expect([await fresh.get(), reads()]).toEqual([1, 2]);
    at(700);
    expect([await fresh.get(), reads()]).toEqual([1, 2]);
    at(899);
    expect([await fresh.get(), reads()]).toEqual([1, 2]);
    at(901);
    const late = fresh.get();
    expect(reads()).toBe(2);
    at(950);
    void fresh.get();
    expect(reads()).toBe(2);
    next();
    expect(await late).toBe(2);
    // It took 350 ms: time enough for one after the other.
    at(1100);
    expect([await fresh.get(), reads()]).toEqual([2, 3]);
    at(1499);
    for (let count = 0; count < 5; count += 1) await fresh.get();
    expect(reads()).toBe(3);
    next();
    await Promise.resolve();
    expect(await fresh.get()).toBe(3);
  });

  it('who needs what was read after a moment gets it, and others need not wait for it', async () => {
    const { fresh, reads, at, next } = held();
    const first = fresh.get();
    next();
    await first;
    at(100);
    const exact = fresh.get(50);
    expect([await fresh.get(), reads()]).toEqual([1, 2]);
    next();
    expect(await exact).toBe(2);
    expect([await fresh.get(50), reads()]).toEqual([2, 2]);
  });

  it('many who ask at once share one', async () => {
    const { fresh, reads, next } = held();
    const asked = [fresh.get(), fresh.get(), fresh.get()];
    next();
    expect(await Promise.all(asked)).toEqual([1, 1, 1]);
    expect(reads()).toBe(1);
  });

  it('is read again before it is too old, and nobody waits for that', async () => {
    const { fresh, reads, at, next } = held();
    const first = fresh.get();
    next();
    await first;
    at(399);
    expect([await fresh.get(), reads()]).toEqual([1, 1]);
    at(500);
    expect([await fresh.get(), reads()]).toEqual([1, 2]);
    next();
    await turn();
    expect([await fresh.get(), reads()]).toEqual([2, 2]);
  });

  it('is never handed out when it is too old, counted from the beginning of the reading', async () => {
    const { fresh, at, next } = held();
    const first = fresh.get();
    at(300);
    next();
    expect(await first).toBe(1);
    at(900);
    const second = fresh.get();
    next();
    expect(await second).toBe(2);
  });

  it('after a change, what was read before it is gone; until then the old value serves', async () => {
    const { fresh, reads, next } = held();
    const first = fresh.get();
    next();
    await first;
    const renewed = fresh.renew();
    expect(await fresh.get()).toBe(1);
    next();
    await renewed;
    expect([await fresh.get(), reads()]).toEqual([2, 2]);
  });

  it('a reading that began before the change does not take the place of the later one', async () => {
    const { fresh, at, next } = held();
    const first = fresh.get();
    next();
    await first;
    at(500);
    await fresh.get(); // begins the second reading, which is slow
    at(510);
    const renewed = fresh.renew(); // the third
    next();
    next();
    await renewed;
    await turn();
    expect(await fresh.get()).toBe(3);
  });

  it('a failure is told to who asks, and is not kept', async () => {
    let fails = true;
    const fresh = new Fresh(() => (fails ? Promise.reject(new Error('no pool')) : Promise.resolve(1)), {
      maxAgeMs: 900,
      renewAfterMs: 400,
    });
    await expect(fresh.get()).rejects.toThrow('no pool');
    fails = false;
    expect(await fresh.get()).toBe(1);
    fails = true;
    await fresh.renew();
    await expect(fresh.get()).rejects.toThrow('no pool');
  });

  it('what was dropped while it was read is not kept', async () => {
    const { fresh, reads, next } = held();
    const first = fresh.get();
    fresh.drop();
    next();
    await first;
    const second = fresh.get();
    next();
    expect([await second, reads()]).toEqual([2, 2]);
  });
});

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('jobs', () => {
  it('tell their beginning and their end; the same one does not run twice at once', async () => {
    const jobs = new Jobs();
    const told: JobEvent[] = [];
    jobs.onEvent((event) => told.push(event));
    const until = door();
    const command = 'iocage fetch --verify -r x';
    expect(jobs.start('one', command, async (tell) => (tell('line'), until.opened))).toBe(true);
    expect(jobs.start('one', command, () => Promise.resolve())).toBe(false);
    await nextTurn();
    expect(jobs.list()).toEqual([{ id: 'one', queue: 'no_queue', commands: [command], state: 'running' }]);
    until.open();
    await jobs.idle();
    expect(told[0]).toEqual({ process_id: 'one', state: 'running' });
    const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
    expect(told[1]).toEqual({
      cmd_list: [command],
      [command]: 'line\n',
      process_id: 'one',
      [`return_codes/${command}`]: '0',
      state: 'finished',
      time_finished: expect.stringMatching(time) as string,
      time_started: expect.stringMatching(time) as string,
    });
    expect(jobs.list()[0]!.state).toBe('finished');
    expect(jobs.start('one', command, () => Promise.resolve())).toBe(true);
    await jobs.idle();
  });

  it('a failure is exit status 1 and its words; one that is killed is asked to end', async () => {
    const jobs = new Jobs();
    const told: JobEvent[] = [];
    const unhear = jobs.onEvent((event) => told.push(event));
    jobs.start('one', 'c', (_, signal) => {
      const ended = door();
      signal.addEventListener('abort', () => ended.shut(new Error('was cancelled')));
      return ended.opened;
    });
    await nextTurn();
    expect(jobs.kill(['other', 'one'])).toEqual(['one']);
    await jobs.idle();
    expect(told.at(-1)).toMatchObject({ 'return_codes/c': '1', c: 'was cancelled\n' });
    unhear();
    jobs.start('two', 'c', () => Promise.resolve());
    await jobs.idle();
    expect(told.length).toBe(2);
  });
});

describe('a job that says much', () => {
  it('is remembered by its last lines, each of a bounded length', async () => {
    const jobs = new Jobs();
    const told: JobEvent[] = [];
    jobs.onEvent((event) => told.push(event));
    jobs.start('one', 'c', async (tell) => {
      for (let line = 1; line <= 100_000; line += 1) tell(`${line} ${'x'.repeat(5000)}`);
    });
    await jobs.idle();
    const lines = String(told.at(-1)!['c']).split('\n');
    expect(lines[0]).toBe('(99500 lines before these are left out)');
    expect(lines[1]).toMatch(/^99501 x{1994}$/);
    expect(lines.slice(-2)).toEqual([expect.stringMatching(/^100000 x+$/), '']);
    expect(lines.length).toBe(502);
  });
});

describe('many jobs', () => {
  it('run a few at once, the others wait; too many are refused', async () => {
    const jobs = new Jobs();
    const until = door();
    let running = 0;
    let mostRunning = 0;
    for (let count = 0; count < 64; count += 1)
      jobs.start(`job ${count}`, 'c', async () => {
        running += 1;
        mostRunning = Math.max(mostRunning, running);
        await until.opened;
        running -= 1;
      });
    expect(() => jobs.start('one more', 'c', () => Promise.resolve())).toThrow(QueueFull);
    expect(() => jobs.assertRoomFor(0)).not.toThrow();
    await nextTurn();
    const states = jobs.list().map(({ state }) => state);
    expect(states.filter((state) => state === 'running')).toHaveLength(4);
    expect(states.filter((state) => state === 'pending')).toHaveLength(60);
    // One that is ended while it waits never begins.
    expect(jobs.kill(['job 63'])).toEqual(['job 63']);
    until.open();
    await jobs.idle();
    expect(mostRunning).toBe(4);
    expect(jobs.list().every(({ state }) => state === 'finished')).toBe(true);
  });

  it('that wait at the end do not begin', async () => {
    const jobs = new Jobs();
    const begun: string[] = [];
    const until = door();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
      jobs.start(id, 'c', async () => {
        begun.push(id);
        await until.opened;
      });
    await nextTurn();
    const closed = jobs.close();
    until.open();
    await closed;
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });
});

it('times are local, to the second', () => {
  expect(localTime(new Date(2016, 1, 10, 20, 12, 33), 'T')).toBe('2016-02-10T20:12:33');
});

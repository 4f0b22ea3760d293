/** The two ends of the runner's thread, with a channel between them as there is between threads. */
import { MessageChannel, type Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { failure, IocageError } from '../../../src/domain/errors.ts';
import type { IocageEvent } from '../../../src/domain/events.ts';
import { answerWith, ThreadRunner } from '../../../src/server/runner-thread.ts';
import type { Live, Runner } from '../../../src/server/runner.ts';

let channel: MessageChannel;
let thread: ThreadRunner;
/** What the thread does with what is asked. */
let work: (asked: any, live: Live) => Promise<unknown>;

beforeEach(() => {
  channel = new MessageChannel();
  const runner: Runner = {
    ask: (_question, asked, live = {}) => work(asked, live) as Promise<never>,
    close: () => Promise.resolve(),
  };
  answerWith(runner, channel.port2);
  const worker = Object.assign(channel.port1, { terminate: async () => channel.port1.close() });
  thread = new ThreadRunner(worker as unknown as Worker);
});
afterEach(() => thread.close());

const ask = (input: unknown, live?: Live) => thread.ask('run', { operation: 'x.y', input }, live);
const step = { index: 0, count: 1, kind: 'k', title: 't' };

it('answers each question with its own answer, maps and all', async () => {
  work = async ({ input }) => {
    await new Promise((resolve) => setTimeout(resolve, 20 - input));
    return { id: String(input), result: new Map([['n', input]]) };
  };
  const inputs = [0, 5, 10, 15];
  expect(await Promise.all(inputs.map((input) => ask(input)))).toEqual(
    inputs.map((input) => ({ id: String(input), result: new Map([['n', input]]) })),
  );
});

it('tells the events of a question to those who asked it, in order, before the answer; errors are errors', async () => {
  const error = failure('JAIL_NOT_FOUND', { name: 'web' });
  const events: IocageEvent[] = [
    { type: 'step.begin', id: '1', step },
    { type: 'step.failed', id: '1', step, error, tolerated: false },
    { type: 'operation.failed', id: '1', durationMs: 3, error },
  ];
  work = async ({ input }, { emit }) => {
    if (input === 'loud') for (const event of events) emit?.(event);
    return { id: undefined, result: 0 };
  };
  const heard: IocageEvent[][] = [[], []];
  await Promise.all(['loud', 'mute'].map((input, at) => ask(input, { emit: (one) => heard[at]!.push(one) })));
  expect(heard[0]).toEqual(events);
  expect((heard[0]![1] as { error: unknown }).error).toBeInstanceOf(IocageError);
  expect(heard[1]).toEqual([]);
});

it('an error of the table comes back as it was thrown, with what could not be undone', async () => {
  const thrown = failure('RELEASE_NEEDED', { fetched: ['a', 'b'] });
  thrown.undoFailures = [{ step: 's', message: 'm' }];
  work = () => Promise.reject(thrown);
  const back = await ask(1).catch((error: unknown) => error);
  expect(back).toBeInstanceOf(IocageError);
  expect((back as IocageError).toJSON()).toEqual(thrown.toJSON());
  work = () => Promise.reject(Object.assign(new Error('no room'), { syscall: 'write', code: 'ENOSPC' }));
  await expect(ask(1)).rejects.toMatchObject({ code: 'FILE_FAILED' });
});

it('a bug comes back as one, with the place where it is; also an answer that is no data', async () => {
  work = () => Promise.reject(new TypeError('of undefined'));
  const back = await ask(1).catch((error: unknown) => error);
  expect(back).not.toBeInstanceOf(IocageError);
  expect((back as Error).message).toBe('TypeError: of undefined');
  expect((back as Error).stack).toMatch(/runner-thread\.test\.ts/);
  work = async () => ({ result: () => 0 });
  await expect(ask(1)).rejects.toThrow(/could not be cloned/);
  work = async () => ({ id: undefined, result: 'goes on' });
  expect(await ask(1)).toMatchObject({ result: 'goes on' });
});

it('an abort reaches the question that it is for, also when it came first', async () => {
  work = ({ input }, { signal }) =>
    new Promise((resolve, reject) => {
      if (input === 'quick') resolve({ result: 'done' });
      signal!.addEventListener('abort', () => reject(failure('JAIL_NOT_FOUND', { name: 'ended' })));
    });
  const stop = new AbortController();
  const [ended, other] = [ask('slow', { signal: stop.signal }), new AbortController()];
  const left = ask('slow', { signal: other.signal });
  expect(await ask('quick', { signal: other.signal })).toEqual({ result: 'done' });
  stop.abort();
  await expect(ended).rejects.toMatchObject({ details: { name: 'ended' } });
  await expect(ask('slow', { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'JAIL_NOT_FOUND',
  });
  other.abort();
  await expect(left).rejects.toMatchObject({ code: 'JAIL_NOT_FOUND' });
});

/** Two hosts of fakes: what one of them starts over ssh runs in the other. */
import { frameHeadBytes } from '../../src/domain/transfer.ts';
import { asIocageError } from '../../src/domain/errors.ts';
import type { Exec, RunResult } from '../../src/driver/system.ts';
import type { Capabilities } from '../../src/driver/storage.ts';
import type { Context } from '../../src/ops/context.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import type { FakeStream } from './fake-model.ts';
import { openFakeWorld, type FakeWorld } from './fake-world.ts';

export interface TwoHosts {
  readonly here: FakeWorld;
  readonly there: FakeWorld;
  /** Of `here`, with an ssh that leads to `there`. */
  context(): Context;
  run<T = any>(operation: string, input: unknown): Promise<T>;
  /** What ssh was started with, each command as one line. */
  readonly said: string[];
  /** What came to `there` by the last send: the operation's input and the streams. */
  last(): { readonly input: unknown; readonly streams: readonly FakeStream[] };
  /** Changes what comes out of ssh on the other side; for one send. */
  breakNext(change: (streams: readonly FakeStream[]) => readonly FakeStream[]): void;
  close(): void;
}

export async function openTwoHosts(capabilities: Partial<Capabilities> = {}): Promise<TwoHosts> {
  const here = await openFakeWorld({ capabilities });
  const there = await openFakeWorld({ capabilities });
  const said: string[] = [];
  let last: ReturnType<TwoHosts['last']> = { input: undefined, streams: [] };
  let broken: ((streams: readonly FakeStream[]) => readonly FakeStream[]) | undefined;

  /** Input comes as ssh would bring it: framed. */
  const parse = (text: string): unknown => JSON.parse(text.slice(frameHeadBytes));
  const on = async (operation: string, input: unknown, wrap: boolean): Promise<Partial<RunResult>> => {
    try {
      const result = await there.run(operation, input);
      return { status: 0, stdout: JSON.stringify(wrap ? { operation, result } : result) };
    } catch (thrown) {
      return { status: 1, stderr: `${JSON.stringify({ error: asIocageError(thrown) })}\n` };
    }
  };
  here.storage.other = (head, streams) => {
    last = { input: parse(head), streams };
    there.storage.incoming.splice(0, Infinity, ...(broken ?? ((all) => all))(streams));
    broken = undefined;
    return on('transfer.receive', last.input, true);
  };
  const ssh: Exec['read'] = async (argv, options) => {
    const empty = { argv, status: 0, stdout: '{}', stderr: '', durationMs: 0 };
    said.push(argv.join(' '));
    if (argv.at(-1) === '--ask')
      return { ...empty, ...(await on('transfer.ask', parse(options?.input ?? ''), false)) };
    if (argv.at(-2) === 'activate')
      return { ...empty, ...(await on('pool.activate', { pool: argv.at(-1) }, true)) };
    return empty;
  };
  const exec: Exec = {
    read: ssh,
    change: ssh,
    pipe: () => Promise.reject(new Error('no pipes here')),
    relay: () => Promise.reject(new Error('the storage is a fake')),
    session: () => Promise.reject(new Error('no terminal')),
    input: () => undefined,
    spawned: 0,
  };
  const context = (): Context => ({ ...here.context(), exec });
  return {
    here,
    there,
    context,
    said,
    async run(operation, input) {
      const { result } = await runOperation(context(), getOperation(operation), input);
      return result as any;
    },
    last: () => last,
    breakNext: (change) => (broken = change),
    close() {
      here.close();
      there.close();
    },
  };
}

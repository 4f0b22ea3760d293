/** The thread that runs the server's operations: how the program starts it of itself, and what it then does. */
import { resolve } from 'node:path';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Paths } from '../driver/system.ts';
import type { ContextOptions } from '../iocage.ts';
import type { Context } from '../ops/context.ts';
import { HereRunner } from './runner.ts';
import { answerWith } from './runner-thread.ts';

/** The program's first word where it is started as that thread. */
export const threadWord = 'operations-of-the-server';

/** The same program again: the launcher names the bundle also where a start-up snapshot is used. */
export function startThread(paths: Paths): Worker {
  return new Worker(resolve(process.argv[1]!), { argv: [threadWord], execArgv: [], workerData: { paths } });
}

export function beThread(makeContext: (options: ContextOptions) => Context): void {
  const { paths } = workerData as { readonly paths: Paths };
  answerWith(new HereRunner((options) => makeContext({ ...options, paths })), parentPort!);
}

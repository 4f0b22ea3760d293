/**
 * The program. Started from the bundle it runs at once; while a V8 start-up snapshot is being built
 * it only registers what is to run when the snapshot is started. Nothing here or in what it imports
 * may read the environment, the time or random numbers while it loads: a snapshot would freeze them.
 */
import { parse } from 'node:path';
import { startupSnapshot } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { beThread, commands, threadWord } from '../commands.ts';
import { makeContext } from '../iocage.ts';
import { runOperation } from '../ops/run/run.ts';
import { forgiving, written } from './output.ts';
import { iocMain } from './ioc/main.ts';
import { main } from './main.ts';
import type { Terminal } from './terminal.ts';

function processTerminal(): Terminal {
  return {
    // A getter: asking for standard input opens it, and most commands never read it.
    get stdin() {
      return process.stdin;
    },
    stdout: forgiving(process.stdout),
    stderr: forgiving(process.stderr),
    env: process.env,
    onSignal(signal, listener) {
      process.on(signal, listener);
      return () => process.off(signal, listener);
    },
    exit: (status) => process.exit(status),
  };
}

/** Two commands are one program: the name that it was started by says which. */
const run = (): typeof main => (parse(process.argv[1] ?? '').name === 'ioc' ? iocMain : main);

async function start(): Promise<void> {
  const status = await run()(process.argv.slice(2), processTerminal(), {
    operations: commands,
    makeContext,
    runOperation,
  });
  await Promise.all([process.stdout, process.stderr].map(written));
  process.exit(status);
}

// Asked last: most programs are not the server, and load no threads.
const isThread = (): boolean => process.argv[2] === threadWord && !isMainThread;

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(() => void start());
else if (isThread()) beThread(makeContext);
else void start();

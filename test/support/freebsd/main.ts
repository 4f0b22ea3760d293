/**
 * The stand-in as a program: which tool it is says the name it is called by. Bundled into one file that
 * every name in `bin/` is a link to; its machine lies beside it, unless FREEBSD_STANDIN names another.
 */
import { readFileSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Store } from './machine.ts';
import { runTool } from './program.ts';

const bin = dirname(resolve(process.argv[1]!));
const folder = process.env['FREEBSD_STANDIN'] ?? join(bin, '..', 'machine');

/** All of it, also when the reader is slow: a pipe may be full. */
function writeAll(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
    }
  }
}

async function main(): Promise<number> {
  return runTool(basename(process.argv[1]!), process.argv.slice(2), {
    store: new Store(folder),
    jid: Number(process.env['FREEBSD_STANDIN_JAIL'] ?? 0),
    bin,
    env: process.env,
    out: (text) => writeAll(1, text),
    err: (text) => writeAll(2, text),
    input: () => readFileSync(0, 'utf8'),
  });
}

void main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`stand-in: ${(error as Error).stack}\n`);
    process.exit(70);
  },
);

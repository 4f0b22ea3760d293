/** What cannot be written to standard output: a full disk is told and exits 1, a reader that went away is not. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operations } from '../../src/ops/index.ts';
import { main } from '../../src/cli/main.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { failure } from '../../src/domain/errors.ts';

let place: string;
let program: string;
const room = fileURLToPath(new URL('../../src/cli/', import.meta.url));

/** The command line over the process's real streams; any operation answers a list of jails, or fails. */
const source = `
import { forgiving } from './output.ts';
import { main } from './main.ts';
import { findOperation } from './commands.ts';
const list = {
  id: 'release.list', effect: 'read', title: 'List', input: undefined,
  command: { names: ['list'], group: 'jails', usage: '', examples: [], toInputs: () => [{}] },
};
const releases = Array.from({ length: 3000 }, (_, i) => ({ name: 'release-' + i, used: '1', snapshots: 0 }));
main(process.argv.slice(2), {
  stdin: process.stdin, stdout: forgiving(process.stdout), stderr: forgiving(process.stderr),
  env: {}, onSignal: () => () => undefined, exit: () => undefined,
}, {
  operations: [list],
  makeContext: () => ({ actions: [], exec: { spawned: 0 } }),
  runOperation: async () => ({ id: undefined, result: { releases } }),
}).then((status) => process.exit(status));
`;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'iocage-output-'));
  program = join(place, 'program.mjs');
  await build({
    stdin: { contents: source, resolveDir: room, loader: 'ts' },
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/');` },
  });
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

function toFull(...words: readonly string[]) {
  const full = openSync('/dev/full', 'w');
  try {
    return spawnSync(process.execPath, [program, ...words], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
  } finally {
    closeSync(full);
  }
}

test.each(['list', 'list -H', 'help', 'version', 'completion bash'])(
  '%s onto a full disk: one line, exit 1',
  (line) => {
    expect(toFull(...line.split(' '))).toMatchObject({
      status: 1,
      stderr: 'iocage: standard output cannot be written: no space left on device\n',
    });
  },
);

test('with --json the error is an object', () => {
  const { status, stderr } = toFull('list', '--json');
  expect(status).toBe(1);
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'OUTPUT_LOST' } });
});

test('a reader that goes away is no error', () => {
  // The first word names the program to the shell, so nothing of a path is a part of its text.
  const line = '("$0" "$1" list; echo "exit $?" >&2) | head -1';
  const ran = spawnSync('/bin/sh', ['-c', line, process.execPath, program], { encoding: 'utf8' });
  expect(ran.stderr).toBe('exit 0\n');
  expect(ran.stdout.split('\n')).toHaveLength(2);
});

test('a command that failed keeps its own error and status', async () => {
  const errors: string[] = [];
  const terminal = {
    stdout: { write: () => true, lost: () => Promise.resolve('no space left on device') },
    stderr: { write: (text: string) => errors.push(text) },
    env: {},
    onSignal: () => () => undefined,
  } as unknown as Terminal;
  const status = await main(['list'], terminal, {
    operations,
    makeContext: () => {
      throw failure('POOL_NOT_FOUND' as never, { name: 'tank', pool: 'tank', pools: [] } as never);
    },
    runOperation: () => Promise.reject(new Error('not reached')),
  });
  expect(status).toBe(1);
  expect(errors.join('')).not.toContain('standard output');
});

test('a reader that takes its time gets all of it: a pipe holds 64 KiB at most', () => {
  const slow = '"$0" "$1" list --json | { sleep 1; cat; }';
  const { stdout } = spawnSync('sh', ['-c', slow, process.execPath, program], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect(stdout.length).toBeGreaterThan(1 << 16);
  expect((JSON.parse(stdout) as { releases: unknown[] }).releases).toHaveLength(3000);
});

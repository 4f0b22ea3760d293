import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { describe, expect, it, vi } from 'vitest';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeExec } from '../../../../src/driver/node/exec.ts';

const exec = new NodeExec();

describe('running a command', () => {
  it('hands arguments over untouched: no shell reads them', async () => {
    const odd = ['$(touch /tmp/never)', 'a b', '*', `'"`, '', 'ä\n;'];
    const { stdout } = await exec.read(['printf', '%s|', ...odd]);
    expect(stdout).toBe(odd.map((word) => `${word}|`).join(''));
  });

  it('does not pass the environment of the caller on', async () => {
    process.env['IOCAGE_TEST_SECRET'] = 'x';
    process.env['NODE_OPTIONS_TEST'] = 'y';
    const { stdout } = await exec.read(['env'], { env: { EXTRA: '1' } });
    delete process.env['IOCAGE_TEST_SECRET'];
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    expect(names).toContain('EXTRA');
    expect(names).not.toContain('IOCAGE_TEST_SECRET');
    expect(stdout).toContain('LC_ALL=C');
    expect(stdout).toMatch(/^PATH=\/usr\/local\/sbin:/m);
  });

  it('does not look for programs in the current folder', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'iocage-exec-'));
    writeFileSync(join(directory, 'true'), '#!/bin/sh\necho planted\n');
    chmodSync(join(directory, 'true'), 0o755);
    expect((await exec.read(['true'], { cwd: directory })).stdout).toBe('');
    rmSync(directory, { recursive: true });
  });

  it('runs nothing where the caller happens to be', async () => {
    const before = process.cwd();
    const directory = mkdtempSync(join(tmpdir(), 'iocage-exec-'));
    try {
      process.chdir(directory);
      expect((await exec.read(['pwd'])).stdout).toBe('/\n');
      await exec.pipe([['pwd'], ['dd', `of=${directory}/where`, 'status=none']]);
      expect(readFileSync(join(directory, 'where'), 'utf8')).toBe('/\n');
      const reader = ['dd', `of=${directory}/where`, 'status=none'];
      await exec.relay({ head: '', writers: [['pwd']], reader });
      expect(readFileSync(join(directory, 'where'), 'utf8')).toBe('/\n');
    } finally {
      process.chdir(before);
      rmSync(directory, { recursive: true });
    }
  });

  it('tells what failed, how, and the end of standard error', async () => {
    await expect(exec.read(['ls', '/does/not/exist'])).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
      message: expect.stringMatching(/^ls \/does\/not\/exist failed \(exit status 2\): .*No such file/),
    });
  });

  it('says which package brings a missing program', async () => {
    await expect(exec.read(['iocage-no-such-program'])).rejects.toMatchObject({ code: 'MISSING_TOOL' });
  });

  it('accepts the exit statuses it is told to', async () => {
    expect((await exec.read(['false'], { accept: [1] })).status).toBe(1);
    expect((await exec.read(['sh', '-c', 'exit 9'], { accept: 'any' })).status).toBe(9);
  });

  it('ends what takes too long', async () => {
    const started = Date.now();
    await expect(exec.read(['sleep', '30'], { timeoutMs: 100 })).rejects.toThrow('took too long');
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    await expect(exec.read(['sleep', '30'], { signal: controller.signal })).rejects.toThrow('SIGTERM');
  });

  it('gives lines as they come, whole ones', async () => {
    const lines: string[] = [];
    await exec.read(['printf', 'one\\ntwo\\r\\nthree'], { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('puts words before a command that no message tells', async () => {
    const via = ['sh', '-c', 'echo via; exec "$@"', 'sh'];
    expect((await exec.change(['echo', 'command'], { via })).stdout).toBe('via\ncommand\n');
    await expect(exec.change(['sh', '-c', 'exit 3'], { via })).rejects.toThrow(
      /^sh -c exit 3 failed \(exit status 3\)$/,
    );
  });

  it('ends what carries the mark in another session too, and nothing else', async () => {
    const mark = `IOCAGE_TEST=${process.pid}-${Date.now()}`;
    const other = spawn('sleep', ['60'], { env: { ...process.env, IOCAGE_TEST: 'another' } });
    const script = 'setsid sh -c "(setsid sleep 4714.5 &) ; sleep 4714.5" & sleep 60';
    await expect(exec.change(['sh', '-c', script], { mark, timeoutMs: 500 })).rejects.toThrow(/too long/);
    const alive = (): readonly string[] =>
      readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark);
        } catch {
          return false;
        }
      });
    await vi.waitFor(() => expect(alive()).toEqual([]), 5000);
    expect(other.exitCode).toBe(null);
    expect(other.signalCode).toBe(null);
    other.kill();
  });

  it('gives text to standard input, also when nobody reads it', async () => {
    expect((await exec.read(['cat'], { input: 'hello' })).stdout).toBe('hello');
    expect((await exec.read(['true'], { input: 'x'.repeat(1 << 20) })).status).toBe(0);
  });

  it('refuses a NUL byte', async () => {
    await expect(exec.read(['echo', 'a\0b'])).rejects.toThrow('NUL');
  });
});

describe('a pipe', () => {
  it('moves a large stream without taking it into memory', async () => {
    const before = process.memoryUsage().rss;
    await exec.pipe([
      ['head', '-c', '300000000', '/dev/zero'],
      ['cat'],
      ['sh', '-c', 'test "$(wc -c)" = 300000000'],
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
  });

  it('names the command that failed, not the one that lost its reader', async () => {
    await expect(exec.pipe([['cat', '/dev/zero'], ['false']])).rejects.toThrow(/^false failed/);
    await expect(exec.pipe([['false'], ['cat']])).rejects.toThrow(/^false failed/);
  });

  it('ends the other side when a program is missing', async () => {
    await expect(exec.pipe([['cat', '/dev/zero'], ['iocage-no-such-program']])).rejects.toMatchObject({
      code: 'MISSING_TOOL',
    });
  });
});

it.each([
  ['a pipe', `pipe([line('600'), line('601')], { onLine: (pid) => console.log(pid) })`],
  [
    'xargs with what it started',
    `change(['xargs', '-0', ...line('602', 'echo $PPID >&2')], { input: 'a\\0', onLine: (pid) => console.log(pid) })`,
  ],
])('%s ends with a process that is killed: half of it would go on beside the doctor', async (_, call) => {
  const directory = mkdtempSync(join(tmpdir(), 'iocage-exec-'));
  const [entry, script] = ['piping.ts', 'piping.mjs'].map((name) => join(directory, name));
  const source = new URL('../../../../src/driver/node/exec.ts', import.meta.url).pathname;
  writeFileSync(
    entry!,
    `import { NodeExec } from ${JSON.stringify(source)};
     const line = (word: string, more = 'true') => ['sh', '-c', more + '; echo $$ >&2; exec sleep ' + word];
     await new NodeExec().${call};`,
  );
  await build({ entryPoints: [entry!], outfile: script!, bundle: true, platform: 'node', format: 'esm' });
  const piping = spawn(process.execPath, [script!], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pids: number[] = [];
  for await (const line of createInterface(piping.stdout)) if (pids.push(Number(line)) === 2) break;
  const gone = new Promise((resolve) => piping.once('exit', resolve));
  piping.kill('SIGKILL');
  await gone;
  try {
    await vi.waitFor(() => expect(pids.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([]), 2000);
  } finally {
    for (const pid of pids) if (existsSync(`/proc/${pid}/exe`)) process.kill(pid, 'SIGKILL');
    rmSync(directory, { recursive: true });
  }
});

describe('a relay', () => {
  const relay = (writers: readonly (readonly string[])[], reader: readonly string[], more: object = {}) =>
    exec.relay({ head: 'head\n', writers, reader, ...more });

  it('is (a; b) | c: the head, one writer after the other, and then the end', async () => {
    const { reader, failed } = await relay(
      [
        ['echo', 'one'],
        ['sleep', '0.1'],
        ['echo', 'two'],
      ],
      ['cat'],
    );
    expect(reader).toMatchObject({ status: 0, stdout: 'head\none\ntwo\n' });
    expect(failed).toBeUndefined();
  });

  it('moves a large stream without taking it into memory', async () => {
    const before = process.memoryUsage().rss;
    const zeros = ['head', '-c', '100000000', '/dev/zero'];
    const { reader } = await relay([zeros, zeros, zeros], ['wc', '-c']);
    expect(reader.stdout.trim()).toBe('300000005');
    expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
  });

  it('answers how the reader ended, and starts no writer after that', async () => {
    const { reader } = await relay(
      [
        ['cat', '/dev/zero'],
        ['touch', '/nowhere/at/all'],
      ],
      ['sh', '-c', 'echo why >&2; exit 7'],
    );
    expect(reader).toMatchObject({ status: 7, stderr: 'why\n' });
  });

  it('stops at a writer that fails, so that the reader sees an early end', async () => {
    const { reader, failed } = await relay(
      [
        ['echo', 'one'],
        ['ls', '/nowhere'],
        ['echo', 'two'],
      ],
      ['cat'],
    );
    expect(failed).toMatchObject({ argv: ['ls', '/nowhere'], status: 'exit status 2' });
    expect(reader.stdout).toBe('head\none\n');
  });

  it('ends both sides when it is aborted', async () => {
    const signal = AbortSignal.timeout(200);
    const { reader } = await relay([['cat', '/dev/zero']], ['sh', '-c', 'exec cat >/dev/null'], { signal });
    expect(reader.status).not.toBe(0);
  });
});

describe('our own input', () => {
  it('is read to the byte, and a child goes on from there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'iocage-exec-'));
    const file = join(directory, 'input');
    writeFileSync(file, 'ähead, and the rest');
    const ours = new NodeExec(openSync(file, 'r'));
    expect(ours.input(6)).toBe('ähead');
    expect((await ours.change(['head', '-c', '5'], { ownInput: true })).stdout).toBe(', and');
    expect((await ours.change(['cat'], { ownInput: true })).stdout).toBe(' the rest');
    expect(ours.input(1)).toBeUndefined();
    rmSync(directory, { recursive: true });
  });
});

import { describe, expect, it } from 'vitest';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, chmodSync } from 'node:fs';
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

  it('writes to a log that only its owner may read', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'iocage-exec-'));
    const log = join(directory, 'log');
    await exec.change(['sh', '-c', 'echo out; echo err >&2'], { logTo: log });
    expect(readFileSync(log, 'utf8').split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(statSync(log).mode & 0o777).toBe(0o600);
    rmSync(directory, { recursive: true });
  });

  it('says so when the log cannot be written', async () => {
    await expect(exec.change(['true'], { logTo: '/does/not/exist/log' })).rejects.toMatchObject({
      code: 'FILE_FAILED',
    });
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

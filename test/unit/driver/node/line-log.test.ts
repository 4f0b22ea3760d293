/** Lines at the end of files. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeLineLog } from '../../../../src/driver/node/line-log.ts';

describe('a log of lines', () => {
  let place: string;
  let failures: Error[];
  let log: NodeLineLog;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'iocage-lines-'));
    failures = [];
    log = new NodeLineLog((error) => failures.push(error));
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));

  it('keeps the order, one line a call, in files for root alone', async () => {
    const file = join(place, 'new/a.log');
    for (let count = 0; count < 1000; count += 1) log.append(file, `${count}\nx`);
    log.append(join(place, 'new/b.log'), 'b');
    await log.flush();
    expect(readFileSync(file, 'utf8')).toBe(
      Array.from({ length: 1000 }, (_, count) => `${count} x\n`).join(''),
    );
    expect(readFileSync(join(place, 'new/b.log'), 'utf8')).toBe('b\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    log.append(file, 'more');
    await log.flush();
    expect(readFileSync(file, 'utf8').endsWith('999 x\nmore\n')).toBe(true);
  });

  it('follows no link, says so, and goes on', async () => {
    writeFileSync(join(place, 'passwd'), 'root\n');
    symlinkSync(join(place, 'passwd'), join(place, 'a.log'));
    log.append(join(place, 'a.log'), 'x');
    await expect(log.flush()).rejects.toMatchObject({ code: 'FILE_FAILED' });
    expect(failures).toHaveLength(1);
    expect(readFileSync(join(place, 'passwd'), 'utf8')).toBe('root\n');
    log.append(join(place, 'b.log'), 'y');
    await log.flush();
    expect(readFileSync(join(place, 'b.log'), 'utf8')).toBe('y\n');
  });

  it('waits for no pipe, and tells of a full disk once, not with every line', async () => {
    const pipe = join(place, 'a.log');
    execFileSync('mkfifo', [pipe]);
    log.append(pipe, 'x');
    await expect(log.flush()).rejects.toMatchObject({ code: 'FILE_FAILED' });
    for (let count = 0; count < 20; count += 1) {
      log.append('/dev/full', 'x');
      await expect(log.flush()).rejects.toMatchObject({ code: 'FILE_FAILED' });
    }
    expect(failures).toHaveLength(1);
  });

  it('writes what comes within a moment together, and the last of it by itself', async () => {
    const file = join(place, 'a.log');
    for (let count = 0; count < 10; count += 1) {
      log.append(file, String(count));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await expect.poll(() => readFileSync(file, 'utf8')).toBe('0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n');
  });
});

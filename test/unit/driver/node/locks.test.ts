import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { KernelLocks, lockFileName } from '../../../../src/driver/node/locks.ts';

let directory: string;
let locks: KernelLocks;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iocage-locks-'));
  locks = new KernelLocks(join(directory, 'locks'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('locks', () => {
  it('keep a second taker out, name the holder, and let go', async () => {
    const held = await locks.take(['jail:tank:web', 'tag:tank:web'], 'jail.create', 0);
    await expect(locks.take(['tag:tank:web'], 'property.set', 50)).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(/^tag:tank:web is in use by jail\.create \(process \d+/),
    });
    await held.release();
    await (await locks.take(['tag:tank:web'], 'property.set', 0)).release();
  });

  it('that cannot be had say so, and do not name another holder', async () => {
    mkdirSync(join(directory, 'locks'));
    symlinkSync('/nowhere/at/all', join(directory, 'locks/a.lock'));
    await expect(locks.take(['a'], 'first', 0)).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining(`${directory}/locks: no lock can be had`),
    });
    writeFileSync(join(directory, 'file'), '');
    await expect(new KernelLocks(join(directory, 'file/locks')).take(['a'], 'x', 0)).rejects.toMatchObject({
      code: 'FILE_FAILED',
    });
  });

  it('are held and let go also where nobody can write down who has them', async () => {
    mkdirSync(join(directory, 'locks/a.lock'), { recursive: true });
    await (await locks.take(['a'], 'first', 0)).release();
    await (await locks.take(['a'], 'second', 0)).release();
  });

  it('whose keeper somebody killed are let go without waiting for it', async () => {
    const held = await locks.take(['a'], 'first', 0);
    const own = execFileSync('ps', ['-axo', 'pid=,ppid=,comm='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, parent, name]) => parent === String(process.pid) && name === 'cat');
    expect(own.length).toBe(1);
    process.kill(Number(own[0]![0]), 'SIGKILL');
    await (await locks.take(['a'], 'second', 5000)).release();
    await held.release();
  });

  it('wait for a while', async () => {
    const held = await locks.take(['a'], 'first', 0);
    setTimeout(() => void held.release(), 150);
    const second = await locks.take(['a'], 'second', 5000);
    await second.release();
  });

  it('taken together in any order never wait for each other for ever', async () => {
    const orders = [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'a', 'c'],
    ];
    const work = orders
      .flatMap((names) => [names, names])
      .map(async (names) => {
        const held = await locks.take(names, 'x', 20_000);
        await new Promise((resolve) => setTimeout(resolve, 5));
        await held.release();
        return true;
      });
    expect(await Promise.all(work)).toEqual(work.map(() => true));
  });

  it('go with a process that is killed', async () => {
    const script = join(directory, 'holder.mjs');
    const entry = join(directory, 'holder.ts');
    const source = new URL('../../../../src/driver/node/locks.ts', import.meta.url).pathname;
    writeFileSync(
      entry,
      `import { KernelLocks } from ${JSON.stringify(source)};
       await new KernelLocks(process.argv[2]).take(['jail'], 'jail.start', 0);
       console.log('held');
       setInterval(() => {}, 1000);`,
    );
    await build({ entryPoints: [entry], outfile: script, bundle: true, platform: 'node', format: 'esm' });
    const holder = spawn(process.execPath, [script, join(directory, 'locks')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(locks.take(['jail'], 'x', 50)).rejects.toMatchObject({ code: 'LOCKED' });
    const gone = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await gone;
    await (await locks.take(['jail'], 'x', 2000)).release();
  });

  it('write down who holds them', async () => {
    const held = await locks.take(['jail'], 'jail.start', 0);
    const text = readFileSync(join(directory, 'locks', lockFileName('jail')), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ pid: process.pid, operation: 'jail.start' });
    await held.release();
  });

  it('have names short enough for a file, however long the name is', () => {
    const [a, b] = ['x'.repeat(3000), `${'x'.repeat(2999)}y`];
    expect(lockFileName(a).length).toBeLessThan(256);
    expect(lockFileName(a)).not.toBe(lockFileName(b));
  });

  it('have file names that no name can lead out of the folder', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(lockFileName(a)).not.toMatch(/[/\0]/);
        if (a !== b && !/%/.test(a + b)) expect(lockFileName(a)).not.toBe(lockFileName(b));
      }),
    );
  });
});

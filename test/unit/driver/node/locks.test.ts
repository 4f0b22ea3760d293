import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/**
 * Locks held by the kernel: flock(1) on Linux, lockf(1) on FreeBSD keep the lock for as long as a
 * small child lives, and the child lives for as long as our end of its standard input is open. A
 * process that is killed, with SIGKILL too, leaves no lock behind. See docs/decisions/0004.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile, mkdir } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { HeldLocks, LockHolder, Locks } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import { explain } from './below.ts';

/** Lock names hold tags and release names; anything else in a file name is spelled out. */
export function lockFileName(name: string): string {
  const spelled = name.replace(/[^A-Za-z0-9._@+-]/g, (c) => `%${c.codePointAt(0)!.toString(16)}`);
  // File names end at 255 bytes.
  return `${spelled.length > 200 ? createHash('sha256').update(name).digest('hex') : spelled}.lock`;
}

function lockCommand(files: readonly string[], waitMs: number): readonly string[] {
  const seconds = Math.max(0, waitMs / 1000);
  // `cat` gives back the byte that we send: that is how we learn that the lock is ours.
  return files.reduceRight<readonly string[]>(
    (inner, file) =>
      process.platform === 'freebsd'
        ? ['lockf', '-k', '-s', '-t', String(Math.ceil(seconds)), file, ...inner]
        : ['flock', '--no-fork', '--wait', String(seconds), '--conflict-exit-code', '75', file, ...inner],
    ['cat'],
  );
}

export class KernelLocks implements Locks {
  private readonly directory: string;
  constructor(directory: string) {
    this.directory = directory;
  }

  async take(names: readonly string[], operation: string, waitMs: number): Promise<HeldLocks> {
    const sorted = [...new Set(names)].sort();
    if (sorted.length === 0) return { release: () => Promise.resolve() };
    await mkdir(this.directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw explain(this.directory, error);
    });
    const files = sorted.map((name) => join(this.directory, lockFileName(name)));
    const child = await this.hold(files, waitMs);
    if (child === undefined) {
      const holders = await Promise.all(sorted.map((name, i) => this.describe(name, files[i]!)));
      const known = holders.find((holder) => holder !== undefined);
      throw failure('LOCKED', known ?? { lock: sorted.join(', '), holder: 'another iocage' });
    }
    const holder: LockHolder = { pid: process.pid, operation, since: new Date().toISOString() };
    // It is for people: a full disk takes nobody the lock, which somebody would have to give back then.
    await Promise.all(files.map((file) => writeFile(file, JSON.stringify(holder)).catch(() => undefined)));
    return {
      release: () =>
        new Promise((resolve) => {
          // Somebody killed it.
          if (child.exitCode !== null || child.signalCode !== null) return resolve();
          child.ref();
          child.once('close', () => resolve());
          child.stdin!.end();
        }),
    };
  }

  private hold(files: readonly string[], waitMs: number): Promise<ChildProcess | undefined> {
    const argv = lockCommand(files, waitMs);
    return new Promise((resolve, reject) => {
      const child = spawn(argv[0]!, argv.slice(1), {
        stdio: ['pipe', 'pipe', 'ignore'],
        detached: true,
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      });
      child.stdin!.on('error', () => undefined);
      child.once('error', () =>
        reject(failure('MISSING_TOOL', { tool: argv[0]!, why: 'keep two operations apart' })),
      );
      child.once('close', (status) =>
        status === 75
          ? resolve(undefined)
          : reject(failure('FILE_FAILED', { path: this.directory, why: 'no lock can be had in it' })),
      );
      child.stdout!.once('data', () => {
        // The lock must not keep a finished program from ending.
        child.unref();
        resolve(child);
      });
      child.stdin!.write('x');
    });
  }

  private async describe(name: string, file: string): Promise<{ lock: string; holder: string } | undefined> {
    try {
      const holder = JSON.parse(await readFile(file, 'utf8')) as LockHolder;
      process.kill(holder.pid, 0);
      return { lock: name, holder: `${holder.operation} (process ${holder.pid}, since ${holder.since})` };
    } catch {
      return undefined;
    }
  }
}

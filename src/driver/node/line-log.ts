/**
 * Appends lines to files, one after the other, those of a moment in one write, so that lines of several
 * processes do not mix. A file is made readable for root alone; a link in its place is not followed, and a
 * pipe not waited for.
 */
import { constants } from 'node:fs';
import { open, mkdir, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LineLog } from '../system.ts';
import { failure } from '../../domain/errors.ts';

const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
const appending = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
/** Between two writes: who writes much writes many lines at once. */
const pauseMs = 25;
/** Between two reports of a failure: a disk that is full fails every write. */
const reportMs = 60_000;
/** Lines that wait for a disk that is too slow; what comes beyond them is not written, and told. */
const maxWaitingCharacters = 16_777_216;

export class NodeLineLog implements LineLog {
  private readonly waiting = new Map<string, string[]>();
  private waitingCharacters = 0;
  private work: Promise<void> | undefined;
  private failed: Error | undefined;
  private reportedMs = -Infinity;
  private flushing = 0;
  private hurry: () => void = () => undefined;
  /** Files whose last write failed: it may have left half a line. */
  private readonly torn = new Set<string>();
  private readonly onFailure: (error: Error) => void;
  constructor(onFailure: (error: Error) => void) {
    this.onFailure = onFailure;
  }

  append(path: string, line: string): void {
    if (this.waitingCharacters > maxWaitingCharacters) {
      this.fail(path, new Error('the disk is too slow, a line was lost'));
      return;
    }
    const text = `${line.replaceAll('\n', ' ')}\n`;
    this.waitingCharacters += text.length;
    const lines = this.waiting.get(path);
    if (lines === undefined) this.waiting.set(path, [text]);
    else lines.push(text);
    this.work ??= this.write();
  }

  async flush(): Promise<void> {
    this.flushing += 1;
    this.hurry();
    while (this.work !== undefined) await this.work;
    this.flushing -= 1;
    const { failed } = this;
    this.failed = undefined;
    if (failed !== undefined) throw failed;
  }

  private async write(): Promise<void> {
    // Lines of the same turn of the event loop are written together.
    await Promise.resolve();
    while (this.waiting.size > 0) {
      const [path, lines] = this.waiting.entries().next().value!;
      this.waiting.delete(path);
      const text = lines.join('');
      try {
        await this.appendText(path, this.torn.has(path) ? `\n${text}` : text);
        this.torn.delete(path);
      } catch (error) {
        this.torn.add(path);
        this.fail(path, error as Error);
      }
      this.waitingCharacters -= text.length;
      if (this.waiting.size === 0 && this.flushing === 0) await this.pause();
    }
    this.work = undefined;
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async appendText(path: string, text: string): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await open(path, appending, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      handle = await open(path, appending, 0o600);
    }
    try {
      await handle.appendFile(text);
    } finally {
      await handle.close();
    }
  }

  private fail(path: string, cause: Error): void {
    this.failed = failure('FILE_FAILED', { path, why: cause.message }, { cause });
    const now = performance.now();
    if (now - this.reportedMs < reportMs) return;
    this.reportedMs = now;
    this.onFailure(this.failed);
  }
}

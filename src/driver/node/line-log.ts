/**
 * Appends lines to files, one after the other, each in one write, so that lines of several processes
 * do not mix. A file is made readable for root alone; a link in its place is not followed.
 */
import { constants } from 'node:fs';
import { open, mkdir, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LineLog } from '../system.ts';
import { failure } from '../../domain/errors.ts';

const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
/** Lines that wait for a disk that is too slow; what comes beyond them is not written, and told. */
const maxWaitingCharacters = 16_777_216;

export class NodeLineLog implements LineLog {
  private readonly waiting = new Map<string, string[]>();
  private waitingCharacters = 0;
  private work: Promise<void> | undefined;
  private failed: Error | undefined;
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
    while (this.work !== undefined) await this.work;
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
        await this.appendText(path, text);
      } catch (error) {
        this.fail(path, error as Error);
      }
      this.waitingCharacters -= text.length;
    }
    this.work = undefined;
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
      await handle.write(text);
    } finally {
      await handle.close();
    }
  }

  private fail(path: string, cause: Error): void {
    this.failed = failure('FILE_FAILED', { path, why: cause.message }, { cause });
    this.onFailure(this.failed);
  }
}

/**
 * The journal: one file of JSON lines per operation, the head first, then marks. An operation that is
 * running, or was killed, lies in `open/`; an ended one in `done/`. A half-written last line counts as
 * not written.
 */
import { mkdir, open, readdir, readFile, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Journal, JournalEntry, JournalHead, JournalMark, OpenJournal } from '../system.ts';
import { explain } from './below.ts';
import { processStart } from './process.ts';

/** Ended operations that are kept. */
const keep = 500;

/** A record without a head that is older than this has no writer any more. */
const headlessMs = 60_000;

/** Reads what a journal file says; undefined when not even the head is whole. */
export function parseJournal(text: string): JournalEntry | undefined {
  const lines = text.split('\n').filter((line) => line !== '');
  const values: unknown[] = [];
  for (const line of lines) {
    try {
      values.push(JSON.parse(line));
    } catch {
      continue; // a torn line: the power went while it was written
    }
  }
  const [head, ...marks] = values;
  if (typeof head !== 'object' || head === null || !('id' in head) || !('steps' in head)) return undefined;
  return { head: head as JournalHead, marks: marks as JournalMark[] };
}

/** A disk that is full, or cannot be written to, in the words of the other files. */
async function inWords<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(path, error);
  }
}

class FileJournal implements OpenJournal {
  private readonly path: string;
  private readonly handle: FileHandle;
  private readonly onEnd: () => Promise<void>;
  private waiting = '';

  constructor(path: string, handle: FileHandle, onEnd: () => Promise<void>) {
    this.path = path;
    this.handle = handle;
    this.onEnd = onEnd;
  }

  async mark(mark: JournalMark): Promise<void> {
    const ends = mark.mark === 'end' || mark.mark === 'left';
    const line = `${JSON.stringify(ends ? { ...mark, at: new Date().toISOString() } : mark)}\n`;
    if (mark.mark === 'done') {
      // Losing a `done` costs nothing (the step is looked at again), so it rides with the next mark.
      this.waiting += line;
      return;
    }
    const text = this.waiting + line;
    this.waiting = '';
    await inWords(this.path, async () => {
      await this.handle.appendFile(text);
      await this.handle.datasync();
      if (ends) await this.handle.close();
    });
    if (mark.mark === 'end') await this.onEnd();
  }
}

export class NodeJournal implements Journal {
  private readonly open: string;
  private readonly done: string;

  constructor(directory: string) {
    this.open = join(directory, 'open');
    this.done = join(directory, 'done');
  }

  async begin(head: JournalHead): Promise<OpenJournal> {
    await inWords(this.open, () => mkdir(this.open, { recursive: true, mode: 0o700 }));
    const path = join(this.open, `${head.id}.jsonl`);
    const handle = await inWords(path, () => open(path, 'wx', 0o600));
    try {
      await handle.appendFile(`${JSON.stringify(head)}\n`);
    } catch (error) {
      await handle.close();
      await unlink(path);
      throw explain(path, error);
    }
    // The first intent's datasync carries the head with it.
    return new FileJournal(path, handle, () => this.close(head.id));
  }

  async reopen(id: string): Promise<OpenJournal> {
    const path = join(this.open, `${id}.jsonl`);
    const text = await readFile(path, 'utf8');
    const handle = await open(path, 'a', 0o600);
    if (!text.endsWith('\n')) await handle.write('\n');
    return new FileJournal(path, handle, () => this.close(id));
  }

  unfinished(): Promise<readonly JournalEntry[]> {
    return this.opened((alive) => !alive);
  }

  working(): Promise<readonly JournalEntry[]> {
    return this.opened((alive) => alive);
  }

  private async opened(wanted: (alive: boolean) => boolean): Promise<readonly JournalEntry[]> {
    const entries: JournalEntry[] = [];
    for (const file of await names(this.open)) {
      const entry = parseJournal(await readFile(join(this.open, file), 'utf8').catch(() => ''));
      if (entry === undefined) continue;
      const { pid, processStart: start } = entry.head;
      if (wanted((await processStart(pid)) === start && !isAbandoned(entry))) entries.push(entry);
    }
    return entries;
  }

  async history(limit: number): Promise<readonly JournalEntry[]> {
    const newest = [...(await names(this.done))].reverse().slice(0, limit);
    const entries = await Promise.all(
      newest.map(async (file) => parseJournal(await readFile(join(this.done, file), 'utf8').catch(() => ''))),
    );
    return entries.filter((entry) => entry !== undefined);
  }

  private async close(id: string): Promise<void> {
    await mkdir(this.done, { recursive: true, mode: 0o700 });
    await rename(join(this.open, `${id}.jsonl`), join(this.done, `${id}.jsonl`));
    await this.sweepHeadless();
    const ended = await names(this.done);
    for (const file of ended.slice(0, Math.max(0, ended.length - keep))) {
      await unlink(join(this.done, file)).catch(() => undefined);
    }
  }

  /** Records whose process was killed before it had written the head: no step of them began. */
  private async sweepHeadless(): Promise<void> {
    for (const file of await names(this.open)) {
      const path = join(this.open, file);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs < headlessMs) continue;
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text !== undefined && parseJournal(text) === undefined) await unlink(path).catch(() => undefined);
    }
  }
}

/** The process lives, but has said that it leaves this operation to `doctor`. */
function isAbandoned(entry: JournalEntry): boolean {
  return entry.marks.some((mark) => mark.mark === 'left');
}

async function names(directory: string): Promise<readonly string[]> {
  const files = await readdir(directory).catch(() => []);
  return files.filter((file) => file.endsWith('.jsonl')).sort();
}

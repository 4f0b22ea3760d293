/**
 * Reads a console log that grows and is turned over (`LOG` becomes `LOG.1`) while it is read: only what is new
 * since the last look, in pieces, never the whole. Changes nothing.
 */
import type { Files } from '../system.ts';

/**
 * A place in the log: which file it was, and where in it. A number of a file that went is not soon given to
 * another: ZFS counts on.
 */
export interface LogMark {
  /** Undefined: there was no log. */
  readonly inode?: number;
  readonly offset: number;
  /** The former file, where there was one without a log: what it says is older than the mark. */
  readonly former?: number;
}

const pieceBytes = 256 * 1024;
export const former = (log: string): string => `${log}.1`;

/** Where the log ends now. */
export async function endOf(files: Files, log: string): Promise<LogMark> {
  const facts = await files.stat(log);
  if (facts !== undefined) return { inode: facts.inode, offset: facts.sizeBytes };
  const before = await files.stat(former(log));
  return before === undefined ? { offset: 0 } : { offset: 0, former: before.inode };
}

/** What follows the mark in one file, piece after piece; a file that was cut meanwhile begins anew. */
async function* rest(
  files: Files,
  path: string,
  mark: LogMark,
): AsyncGenerator<{ bytes: Uint8Array; at: LogMark }> {
  let { offset } = mark;
  for (;;) {
    const part = await files.readPart(path, offset, pieceBytes);
    if (part === undefined || part.inode !== mark.inode) return;
    if (part.sizeBytes < offset) {
      offset = 0;
      continue;
    }
    if (part.bytes.length === 0) return;
    offset += part.bytes.length;
    yield { bytes: part.bytes, at: { inode: part.inode, offset } };
  }
}

/**
 * Everything since the mark, and where the next look begins. Of what was written between two looks, at least
 * the former and the current file are seen.
 */
export async function* since(
  files: Files,
  log: string,
  mark: LogMark,
): AsyncGenerator<{ bytes: Uint8Array; at: LogMark; gap?: true }> {
  const current = await files.stat(log);
  if (current === undefined) return;
  if (current.inode === mark.inode) return yield* rest(files, log, mark);
  const before = await files.stat(former(log));
  let gap = mark.inode !== undefined;
  if (before !== undefined && before.inode === mark.inode) {
    gap = false;
    yield* rest(files, former(log), mark);
  } else if (before !== undefined && before.inode !== mark.former) {
    for await (const part of rest(files, former(log), { inode: before.inode, offset: 0 })) {
      yield gap ? { ...part, gap } : part;
      gap = false;
    }
  }
  for await (const part of rest(files, log, { inode: current.inode, offset: 0 })) {
    yield gap ? { ...part, gap: true } : part;
    gap = false;
  }
}

/** Looks for a text in what comes piece by piece, also where a border cuts it. */
export class TextSearch {
  private readonly wanted: Buffer;
  private carry: Buffer = Buffer.alloc(0);

  constructor(text: string) {
    this.wanted = Buffer.from(text);
  }

  /** @param gap something before these bytes was not seen */
  sees(bytes: Uint8Array, gap = false): boolean {
    const seen = gap ? Buffer.from(bytes) : Buffer.concat([this.carry, bytes]);
    this.carry = seen.subarray(Math.max(0, seen.length - this.wanted.length + 1));
    return seen.includes(this.wanted);
  }
}

/** The end of what was written since the mark, at most `mostBytes` of it. */
export async function tailSince(
  files: Files,
  log: string,
  mark: LogMark,
  mostBytes: number,
): Promise<string> {
  const current = await files.stat(log);
  if (current === undefined) return '';
  const same = current.inode === mark.inode && current.sizeBytes >= mark.offset;
  const from = Math.max(same ? mark.offset : 0, current.sizeBytes - mostBytes);
  const end = await files.readPart(log, from, mostBytes);
  const bytes = Buffer.from(end?.bytes ?? []);
  const room = mostBytes - bytes.length;
  if (same || room <= 0) return bytes.toString('utf8');
  // Turned over meanwhile: the rest stands at the end of the former file.
  const before = await files.stat(former(log));
  if (before === undefined || before.inode === mark.former) return bytes.toString('utf8');
  const least = before.inode === mark.inode ? mark.offset : 0;
  const part = await files.readPart(former(log), Math.max(least, before.sizeBytes - room), room);
  return Buffer.concat([Buffer.from(part?.bytes ?? []), bytes]).toString('utf8');
}

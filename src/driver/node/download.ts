/**
 * Files from other machines: streamed to `PATH.part`, hashed on the way, resumed where an earlier
 * try stopped, and given their name only when complete and right. Bounded in time, size and tries.
 * How a request is made is in `http.ts`.
 */
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname } from 'node:path';
import type { AskOptions, Downloads, DownloadRequest, FileDigest } from '../system.ts';
import { failure, IocageError } from '../../domain/errors.ts';
import {
  consume,
  contentLength,
  failed,
  get,
  isAbsence,
  Passing,
  refusal,
  shownUrl,
  Silent,
} from './http.ts';

export interface DownloadLimits {
  /** Of the silence of a server that sends a file. */
  readonly idleMs: number;
  /** The same where it is asked for little, and somebody waits for the answer. */
  readonly silenceMs: number;
  readonly redirects: number;
  readonly tries: number;
  /** Before the second try; doubled for each further one. */
  readonly pauseMs: number;
  readonly maxBytes: number;
}

const usual: DownloadLimits = {
  idleMs: 30_000,
  silenceMs: 15_000,
  redirects: 5,
  tries: 4,
  pauseMs: 1000,
  maxBytes: 64 * 2 ** 30,
};
const progressEveryMs = 250;

interface Patience extends AskOptions {
  /** After that no other try begins. */
  readonly patienceMs?: number;
}

/** What one download keeps between its tries. */
interface Attempt {
  readonly request: DownloadRequest;
  readonly part: string;
  /** The server's mark of the file's content (RFC 9110, 8.8.3), to go on with the same one only. */
  etag: string | undefined;
}

export class NodeDownloads implements Downloads {
  private readonly limits: DownloadLimits;

  constructor(limits: Partial<DownloadLimits> = {}) {
    this.limits = { ...usual, ...limits };
  }

  get silenceMs(): number {
    return this.limits.silenceMs;
  }

  async reach(url: string, options: AskOptions = {}): Promise<void> {
    const how = { ...this.limits, idleMs: this.limits.silenceMs, signal: options.signal };
    await this.persist(url, this.soon(options), async () => {
      try {
        (await get(url, how)).destroy();
      } catch (error) {
        if (options.signal?.aborted || isAbsence(error)) throw error;
      }
    });
  }

  async text(
    url: string,
    options: AskOptions & { maxBytes?: number } = {},
  ): Promise<FileDigest & { text: string }> {
    const maxBytes = options.maxBytes ?? 2 ** 20;
    const how = { ...this.limits, idleMs: this.limits.silenceMs, signal: options.signal };
    return this.persist(url, this.soon(options), async () => {
      const response = await get(url, how);
      if (response.statusCode !== 200) throw refusal(url, response);
      const parts: Buffer[] = [];
      let sizeBytes = 0;
      await consume(response, how, async (bytes) => {
        sizeBytes += bytes.length;
        if (sizeBytes > maxBytes) throw failed(url, `it is larger than ${maxBytes} bytes`);
        parts.push(bytes);
      });
      const length = contentLength(response);
      if (length !== undefined && length !== sizeBytes) throw new Passing('the connection broke off');
      const content = Buffer.concat(parts);
      const sha256 = createHash('sha256').update(content).digest('hex');
      return { text: content.toString('utf8'), sha256, sizeBytes };
    });
  }

  async file(request: DownloadRequest): Promise<FileDigest> {
    const { url, path, sha256, signal } = request;
    if ((await sizeOf(path)) !== undefined) {
      const present = await this.digest(path, signal ? { signal } : {});
      if (sha256 !== undefined && present.sha256 === sha256) return present;
      await fs.unlink(path);
    }
    const attempt: Attempt = { request, part: `${path}.part`, etag: undefined };
    // Bytes of an earlier run may be of another file; only a digest could tell.
    if (sha256 === undefined) await fs.rm(attempt.part, { force: true });
    let resumed = ((await sizeOf(attempt.part)) ?? 0) > 0;
    for (;;) {
      const digest = await this.persist(url, request, () => this.fetchPart(attempt)).catch(
        async (error: unknown) => {
          if (sha256 === undefined) await fs.rm(attempt.part, { force: true });
          throw error;
        },
      );
      if (sha256 === undefined || digest.sha256 === sha256) {
        await fs.rename(attempt.part, path);
        await syncDirectory(dirname(path));
        return digest;
      }
      await fs.rm(attempt.part, { force: true });
      if (!resumed) {
        throw failure('CHECKSUM_MISMATCH', { file: shownUrl(url), expected: sha256, actual: digest.sha256 });
      }
      resumed = false;
    }
  }

  async digest(path: string, options: { signal?: AbortSignal } = {}): Promise<FileDigest> {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    try {
      // Without NONBLOCK, opening a fifo that nobody writes to would wait for ever.
      const handle = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      if (!(await handle.stat()).isFile()) {
        await handle.close();
        throw failure('FILE_FAILED', { path, why: 'it is not a plain file' });
      }
      // Made where it is read: an aborted signal fails it at once, and somebody must be listening.
      for await (const bytes of handle.createReadStream({ highWaterMark: 2 ** 20, ...options })) {
        hash.update(bytes as Buffer);
        sizeBytes += (bytes as Buffer).length;
      }
    } catch (error) {
      if (options.signal?.aborted) throw cancelled(`reading ${path}`);
      throw fileFailure(path, error);
    }
    return { sha256: hash.digest('hex'), sizeBytes };
  }

  /** No other try once it took as long as a silence: looking up a name alone may take ten seconds. */
  private soon(options: AskOptions): Patience {
    return { ...options, patienceMs: this.limits.silenceMs };
  }

  /** Repeats what another try may mend, a bounded number of times. */
  private async persist<T>(
    url: string,
    { signal, onTrouble, patienceMs = Infinity }: Patience,
    attempt: () => Promise<T>,
  ): Promise<T> {
    const started = performance.now();
    for (let tried = 1; ; tried += 1) {
      try {
        const answer = await attempt();
        if (signal?.aborted) throw cancelled(`downloading ${shownUrl(url)}`);
        return answer;
      } catch (error) {
        if (signal?.aborted) throw cancelled(`downloading ${shownUrl(url)}`);
        if (!(error instanceof Passing)) throw error;
        const late = performance.now() - started >= patienceMs;
        if (error instanceof Silent || late || tried >= this.limits.tries)
          throw failed(url, tried === 1 ? error.message : `${error.message} (tried ${tried} times)`, error);
        onTrouble?.(error.message);
        await pause(this.limits.pauseMs * 2 ** (tried - 1), signal);
      }
    }
  }

  /** Appends to the part file what is still missing of it, and answers the digest of the whole. */
  private async fetchPart(attempt: Attempt): Promise<FileDigest> {
    const { request, part } = attempt;
    const handle = await openPart(part);
    try {
      const hash = createHash('sha256');
      const present = await this.presentBytes(attempt, handle, hash);
      const headers = rangeHeaders(present, attempt);
      const response = await get(request.url, { ...this.limits, headers, signal: request.signal });
      if (present > 0 && response.statusCode === 206 && startsAt(response, present)) {
        return await this.append(attempt, handle, response, present, hash);
      }
      if (response.statusCode === 200) {
        await handle.truncate(0);
        return await this.append(attempt, handle, response, 0, createHash('sha256'));
      }
      if (present === 0) throw refusal(request.url, response);
      // 416, or another part than the one asked for: what is here is of no use.
      const again = [206, 416].includes(response.statusCode ?? 0);
      const refused = again
        ? new Passing('the server does not go on where it stopped')
        : refusal(request.url, response);
      response.destroy();
      if (again) await handle.truncate(0);
      throw refused;
    } finally {
      await handle.close();
      // Nothing came: no trace stays.
      if ((await sizeOf(part)) === 0) await fs.rm(part, { force: true });
    }
  }

  /** How much of the part file can be kept, hashed. Without a digest or a mark to tell, nothing. */
  private async presentBytes(attempt: Attempt, handle: fs.FileHandle, hash: Hash): Promise<number> {
    if (attempt.request.sha256 === undefined && attempt.etag === undefined) {
      await handle.truncate(0);
      return 0;
    }
    const buffer = Buffer.alloc(2 ** 20);
    let at = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return at;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  private async append(
    attempt: Attempt,
    handle: fs.FileHandle,
    response: IncomingMessage,
    from: number,
    hash: Hash,
  ): Promise<FileDigest> {
    const { url, signal, onProgress } = attempt.request;
    const maxBytes = attempt.request.maxBytes ?? this.limits.maxBytes;
    const etag = response.headers.etag;
    attempt.etag = etag?.startsWith('"') ? etag : undefined;
    const length = contentLength(response);
    const total = length === undefined ? undefined : from + length;
    const tooLarge = (): IocageError => failed(url, `it is larger than ${maxBytes} bytes`);
    if (total !== undefined && total > maxBytes) {
      response.destroy();
      throw tooLarge();
    }
    let at = from;
    let toldAt = 0;
    await consume(response, { ...this.limits, signal }, async (bytes) => {
      if (at + bytes.length > maxBytes) throw tooLarge();
      await writeAll(handle, bytes, at, attempt.part);
      hash.update(bytes);
      at += bytes.length;
      const now = Date.now();
      if (now - toldAt < progressEveryMs) return;
      toldAt = now;
      onProgress?.(at, total);
    }).catch((error: unknown) => {
      // It sent something, and can be asked for the rest.
      throw error instanceof Silent && at > from ? new Passing(error.message, { cause: error }) : error;
    });
    if (total !== undefined && at !== total) throw new Passing(`it broke off after ${at} of ${total} bytes`);
    await handle.datasync();
    onProgress?.(at, total);
    return { sha256: hash.digest('hex'), sizeBytes: at };
  }
}

function rangeHeaders(present: number, attempt: Attempt): Record<string, string> {
  if (present === 0) return {};
  return { range: `bytes=${present}-`, ...(attempt.etag === undefined ? {} : { 'if-range': attempt.etag }) };
}

function startsAt(response: IncomingMessage, position: number): boolean {
  return response.headers['content-range']?.startsWith(`bytes ${position}-`) === true;
}

function cancelled(operation: string): IocageError {
  return failure('CANCELLED', { operation });
}

const fileWords: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'is a directory',
  EACCES: 'permission denied',
  ELOOP: 'is a symbolic link',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the quota is used up',
};

function fileFailure(path: string, error: unknown): IocageError {
  if (error instanceof IocageError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return failure('FILE_FAILED', { path, why: (code && fileWords[code]) ?? message }, { cause: error });
}

async function openPart(part: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(part, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
  } catch (error) {
    throw fileFailure(part, error);
  }
}

async function writeAll(handle: fs.FileHandle, bytes: Buffer, position: number, part: string): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  } catch (error) {
    throw fileFailure(part, error);
  }
}

/** Undefined when nothing is there. */
async function sizeOf(path: string): Promise<number | undefined> {
  return (await fs.lstat(path).catch(() => undefined))?.size;
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY);
  await handle.sync().finally(() => handle.close());
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Downloads against servers on 127.0.0.1 that fail in every way that servers do. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IocageError } from '../../../src/domain/errors.ts';
import { NodeDownloads } from '../../../src/driver/node/download.ts';
import { shownUrl } from '../../../src/driver/node/http.ts';
import { sendBytes, serve, type SmallServer } from '../../support/sets-server.ts';

const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const downloads = new NodeDownloads({ idleMs: 300, silenceMs: 200, pauseMs: 5, tries: 3, redirects: 3 });

let directory: string;
let server: SmallServer | undefined;
const target = (): string => join(directory, 'file');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iocdl-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function start(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = await serve(answer);
  return `${server.url}/file`;
}

async function failureOf(promise: Promise<unknown>): Promise<IocageError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(IocageError);
  return error as IocageError;
}

describe('file', () => {
  it('brings the bytes, tells how far it is, and leaves no part file', async () => {
    const url = await start((request, response) => sendBytes(request, response, bytes));
    const told: [number, number | undefined][] = [];
    const digest = await downloads.file({
      url,
      path: target(),
      sha256,
      onProgress: (...now) => told.push(now),
    });
    expect(digest).toEqual({ sha256, sizeBytes: bytes.length });
    expect(readFileSync(target()).equals(bytes)).toBe(true);
    expect(existsSync(`${target()}.part`)).toBe(false);
    expect(told.at(-1)).toEqual([bytes.length, bytes.length]);
  });

  it('keeps a complete file with the right digest, and replaces another one', async () => {
    const url = await start((request, response) => sendBytes(request, response, bytes));
    writeFileSync(target(), bytes);
    await downloads.file({ url, path: target(), sha256 });
    expect(server!.requests).toEqual([]);
    writeFileSync(target(), 'something else');
    await downloads.file({ url, path: target(), sha256 });
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('goes on where an earlier run stopped', async () => {
    const url = await start((request, response) => sendBytes(request, response, bytes));
    writeFileSync(`${target()}.part`, bytes.subarray(0, 1000));
    await downloads.file({ url, path: target(), sha256 });
    expect(server!.requests).toEqual(['GET /file bytes=1000-']);
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('begins again when what an earlier run left belongs to another file', async () => {
    const url = await start((request, response) => sendBytes(request, response, bytes));
    writeFileSync(`${target()}.part`, randomBytes(1000));
    await downloads.file({ url, path: target(), sha256 });
    expect(server!.requests).toEqual(['GET /file bytes=1000-', 'GET /file']);
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('begins again when there is already more than the server has, or the server knows no ranges', async () => {
    const url = await start((request, response) => sendBytes(request, response, bytes));
    writeFileSync(`${target()}.part`, randomBytes(bytes.length + 1));
    await downloads.file({ url, path: target(), sha256 });
    expect(server!.requests).toEqual([`GET /file bytes=${bytes.length + 1}-`, 'GET /file']);
    await server!.close();

    rmSync(target());
    const plain = await start((_request, response) => void response.end(bytes));
    writeFileSync(`${target()}.part`, bytes.subarray(0, 1000));
    await downloads.file({ url: plain, path: target(), sha256 });
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('goes on after a connection that broke off', async () => {
    let tries = 0;
    const url = await start((request, response) => {
      tries += 1;
      if (tries > 1) return sendBytes(request, response, bytes);
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 50));
    });
    await downloads.file({ url, path: target(), sha256 });
    expect(server!.requests[1]).toMatch(/^GET \/file bytes=\d+-$/);
    expect(readFileSync(target()).equals(bytes)).toBe(true);
  });

  it('without a digest mixes no two files: it goes on only with the same ETag', async () => {
    let tries = 0;
    const url = await start((_request, response) => {
      tries += 1;
      if (tries > 1) return void response.end('new');
      response.writeHead(200, { 'content-length': 10, etag: '"one"' });
      response.write('old', () => response.destroy());
    });
    await downloads.file({ url, path: target() });
    expect(readFileSync(target(), 'utf8')).toBe('new');
  });

  it('refuses another digest and keeps nothing', async () => {
    const url = await start((_request, response) => void response.end('evil'));
    const error = await failureOf(downloads.file({ url, path: target(), sha256 }));
    expect(error.code).toBe('CHECKSUM_MISMATCH');
    expect(existsSync(target()) || existsSync(`${target()}.part`)).toBe(false);
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, string, number]>([
    ['404', (_q, response) => void response.writeHead(404).end(), '404 Not Found', 1],
    [
      '503, after some tries',
      (_q, response) => void response.writeHead(503).end(),
      '503 Service Unavailable (tried 3 times)',
      3,
    ],
    ['silence, which another try would not mend', () => undefined, 'no answer within 0.3 s', 1],
    [
      'silence in the middle',
      (_q, response) => void response.writeHead(200, { 'content-length': 10 }).write('x'),
      'nothing came for 0.3 s (tried 3 times)',
      3,
    ],
    [
      'a redirect for ever',
      (_q, response) => void response.writeHead(302, { location: '/file' }).end(),
      'redirects more than 3 times',
      4,
    ],
    [
      'a redirect to a file',
      (_q, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      'file: is not http',
      1,
    ],
    [
      'more than allowed',
      (_q, response) => void response.end(Buffer.alloc(2000)),
      'larger than 1000 bytes',
      1,
    ],
    [
      'more than allowed, without a length',
      (_q, response) => {
        response.write(Buffer.alloc(900));
        response.end(Buffer.alloc(900));
      },
      'larger than 1000 bytes',
      1,
    ],
  ])('gives up on %s, with the reason', async (_what, answer, why, requests) => {
    const url = await start(answer);
    const error = await failureOf(downloads.file({ url, path: target(), maxBytes: 1000 }));
    expect(error.code).toBe('DOWNLOAD_FAILED');
    expect(error.message).toContain(why);
    expect(server!.requests).toHaveLength(requests);
    expect(existsSync(target()) || existsSync(`${target()}.part`)).toBe(false);
  });

  it('names an unreachable server and shows no secret of the address', async () => {
    const url = await start(() => undefined);
    await server!.close();
    const error = await failureOf(downloads.file({ url: `${url}?token=secret`, path: target() }));
    expect(error.message).toBe(`failed fetching ${url}: the server refuses the connection (tried 3 times)`);
    const refused = await failureOf(
      downloads.file({ url: 'https://user:hunter2@127.0.0.1/x', path: target() }),
    );
    expect(refused.message).not.toContain('hunter2');
    expect(shownUrl('http://u:p@h/x?y#z')).toBe('http://h/x');
  });

  it('follows no link that stands in the place of the part file', async () => {
    const url = await start((request, response) => sendBytes(request, response, bytes));
    symlinkSync(join(directory, 'elsewhere'), `${target()}.part`);
    const error = await failureOf(downloads.file({ url, path: target(), sha256 }));
    expect(error.message).toContain('symbolic link');
    expect(existsSync(join(directory, 'elsewhere'))).toBe(false);
  });

  it('leaves a compressed file compressed, whatever the server calls it', async () => {
    const packed = gzipSync('text');
    const url = await start(
      (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
    );
    await downloads.file({ url, path: target() });
    expect(readFileSync(target()).equals(packed)).toBe(true);
  });

  it('stops when it is cancelled, and keeps what came for the next try', async () => {
    const stop = new AbortController();
    const url = await start((_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000), () => setTimeout(() => stop.abort(), 50));
    });
    const error = await failureOf(downloads.file({ url, path: target(), sha256, signal: stop.signal }));
    expect(error.code).toBe('CANCELLED');
    expect(server!.requests).toHaveLength(1);
    expect(readFileSync(`${target()}.part`).equals(bytes.subarray(0, 1000))).toBe(true);
  });
});

describe('a server that falls silent', () => {
  const half = (_request: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 1000));

  it('is given up after one time, when it is asked for little', async () => {
    for (const answer of [() => undefined, half]) {
      const url = await start(answer);
      const error = await failureOf(downloads.text(url));
      expect(error.message).toMatch(/: (no answer within|nothing came for) 0\.2 s$/);
      expect(server!.requests).toHaveLength(1);
      await server!.close();
    }
  });

  it('is asked for the rest of a file as long as some of it comes, and that is told', async () => {
    let tries = 0;
    const url = await start((request, response) => {
      tries += 1;
      if (tries === 1) return half(request, response);
    });
    const told: string[] = [];
    const asked = downloads.file({ url, path: target(), sha256, onTrouble: (why) => told.push(why) });
    expect((await failureOf(asked)).message).toContain('no answer within 0.3 s (tried 2 times)');
    expect(server!.requests).toEqual(['GET /file', 'GET /file bytes=1000-']);
    expect(told).toEqual(['nothing came for 0.3 s']);
    expect(readFileSync(`${target()}.part`)).toHaveLength(1000);
  });

  it('that is slow and not silent may take its time', async () => {
    const url = await start((_request, response) => {
      let sent = 0;
      const timer = setInterval(() => {
        response.write('x');
        sent += 1;
        if (sent < 12) return;
        clearInterval(timer);
        response.end();
      }, 100);
    });
    expect((await downloads.text(url)).text).toBe('x'.repeat(12));
  });
});

describe('whether somebody answers', () => {
  it.each([200, 404, 401, 500])('%i is an answer', async (status) => {
    const url = await start((_request, response) => void response.writeHead(status).end());
    await expect(downloads.reach(url)).resolves.toBeUndefined();
    expect(server!.requests).toHaveLength(1);
  });

  it('so is what is no HTTP of ours: programs that know more may get on with it', async () => {
    const url = await start((_request, response) => void response.socket!.end('220 ftp\r\n'));
    await expect(downloads.reach(url)).resolves.toBeUndefined();
    await expect(downloads.reach(url.replace('http:', 'https:'))).resolves.toBeUndefined();
  });

  it('nobody does', async () => {
    const silent = await start(() => undefined);
    expect((await failureOf(downloads.reach(silent))).message).toContain('no answer within 0.2 s');
    await server!.close();
    const told: string[] = [];
    const error = await failureOf(downloads.reach(silent, { onTrouble: (why) => told.push(why) }));
    expect(error.message).toContain('the server refuses the connection (tried 3 times)');
    expect(told).toHaveLength(2);
    const hasty = new NodeDownloads({ silenceMs: 20, pauseMs: 30, tries: 9 });
    expect((await failureOf(hasty.reach(silent))).message).toContain('(tried 2 times)');
  });
});

describe('text and digest', () => {
  it('reads a small text', async () => {
    const url = await start((_request, response) => void response.end('a\tb\n'));
    const digest = createHash('sha256').update('a\tb\n').digest('hex');
    expect(await downloads.text(url)).toEqual({ text: 'a\tb\n', sha256: digest, sizeBytes: 4 });
  });

  it('refuses a text that is too large', async () => {
    const url = await start((_request, response) => void response.end(Buffer.alloc(3000)));
    expect((await failureOf(downloads.text(url, { maxBytes: 1000 }))).message).toContain(
      'larger than 1000 bytes',
    );
  });

  it('hashes a file, and says when there is none', async () => {
    writeFileSync(target(), bytes);
    expect(await downloads.digest(target())).toEqual({ sha256, sizeBytes: bytes.length });
    expect((await failureOf(downloads.digest(join(directory, 'none')))).message).toContain('no such file');
    expect((await failureOf(downloads.digest(directory))).message).toContain('is not a plain file');
  });
});

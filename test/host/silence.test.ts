/**
 * Servers on the loopback that accept and say nothing, or stop in the middle: each way of fetching gives up after its
 * limit of silence, says on which server and why, and leaves nothing. The limits are short ones of the test's own.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { IocageError } from '../../src/domain/errors.ts';
import { NodeDownloads } from '../../src/driver/node/download.ts';
import { NodeExec } from '../../src/driver/node/exec.ts';
import type { Exec, RunOptions } from '../../src/driver/system.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { git } from '../../src/ops/steps/checkout.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { makeArchive, sendBytes, serve, sha256Of, type SmallServer } from '../support/sets-server.ts';

const limitMs = 1000;
const missing = !existsSync('/usr/bin/mmdebstrap') || !existsSync('/usr/share/keyrings');
const without = missing ? ' (skipped: no mmdebstrap)' : '';

describe.skipIf(!hostTests)(`servers that say nothing${reason}`, { timeout: 60_000 }, () => {
  let lab: Lab;
  let server: SmallServer | undefined;

  beforeAll(async () => {
    lab = await openLab({ release: false });
  });
  afterEach(async () => {
    await server?.close();
  });
  afterAll(async () => {
    await lab?.close();
  });

  type Answer = (request: IncomingMessage, response: ServerResponse) => void;
  const start = async (answer: Answer): Promise<string> => (server = await serve(answer)).url;
  const silent: Answer = () => undefined;

  /** What has arrived is kept for the next try. */
  const state = (): string =>
    lab
      .state()
      .split('\n')
      .filter((line) => !line.includes('/iocage/download/'))
      .join('\n');

  /** Fails, soon, with everything as before; the error and the seconds that it took. */
  async function fails(
    input: Record<string, unknown>,
    exec: Exec = lab.context().exec,
  ): Promise<{ error: IocageError; seconds: number }> {
    const before = state();
    const downloads = new NodeDownloads({ silenceMs: limitMs, idleMs: limitMs, pauseMs: 10 });
    const started = performance.now();
    const error: unknown = await runOperation(
      { ...lab.context(), exec, downloads },
      getOperation('release.fetch'),
      input,
    ).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const seconds = (performance.now() - started) / 1000;
    expect(error).toBeInstanceOf(IocageError);
    const failed = error as IocageError;
    expect(failed.undoFailures).toEqual([]);
    expect(failed.message).not.toContain('\n');
    expect(state()).toBe(before);
    // By its own names: another test may be fetching a suite beside this one.
    const scratches = lab.events.flatMap(({ id }) => (id === '' ? [] : [`/var/tmp/iocage-${id}`]));
    expect(scratches.filter((path) => existsSync(path))).toEqual([]);
    return { error: failed, seconds };
  }

  const told = (): readonly string[] =>
    lab.events.filter((event) => event.type === 'progress').map(({ text }) => text);

  describe(`a suite${without}`, () => {
    const suite = (mirror: string) => ({ release: 'quiet', suite: 'bookworm', mirror });

    it.skipIf(missing)(`from a mirror that never answers: nothing is begun${without}`, async () => {
      const url = await start(silent);
      const from = lab.events.length;
      const { error, seconds } = await fails(suite(`${url}/debian`));
      expect(error.code).toBe('BOOTSTRAP_FAILED');
      expect(error.message).toBe(
        `suite "bookworm" could not be installed from ${url}/debian: no answer within ${limitMs / 1000} s`,
      );
      expect(error.hint).toContain('mirror=URL');
      expect(seconds).toBeLessThan(5);
      expect(server!.requests).toEqual(['GET /debian/dists/bookworm/InRelease']);
      expect(told()).toContain(`asking ${url}/debian`);
      expect(lab.events.slice(from).some(({ type }) => type === 'operation.begin')).toBe(false);
    });

    it.skipIf(missing)(`from a mirror that is not there${without}`, async () => {
      const url = `${await start(silent)}/debian`;
      await server!.close();
      const { error, seconds } = await fails(suite(url));
      expect(error.message).toContain(`from ${url}: the server refuses the connection`);
      expect(seconds).toBeLessThan(5);
    });

    it.skipIf(missing)(`from a mirror that only apt's proxy reaches${without}`, async () => {
      const proxy = await start((_request, response) => void response.writeHead(404).end());
      /** As with `Acquire::http::Proxy` in the configuration of this machine. */
      class Proxied extends NodeExec {
        override read(argv: readonly string[], options?: RunOptions) {
          const asked = argv[0] === 'apt-config' && ['printf', `Acquire::http::Proxy ${proxy}/\n`];
          return super.read(asked || argv, options);
        }
      }
      const { error } = await fails(suite('http://mirror.invalid/debian'), new Proxied());
      expect(error.message).toMatch(/from http:.*: 404 +Not Found/);
      expect(server!.requests).toContain('GET http://mirror.invalid/debian/dists/bookworm/Release');
    });

    it.skipIf(missing)(`from a mirror that answers once and then no more${without}`, async () => {
      let asked = 0;
      const answer: Answer = (_request, response) => {
        asked += 1;
        if (asked === 1) response.end('hello');
      };
      const url = `${await start(answer)}/debian`;
      const { error, seconds } = await fails(suite(url));
      expect(error.message).toContain(
        `from ${url}: it has gone silent: nothing came of ${url} bookworm InRelease`,
      );
      expect(seconds).toBeLessThan(15);
      expect(told().some((text) => text.includes(`no answer for ${url} bookworm InRelease`))).toBe(true);
    });
  });

  describe('sets of FreeBSD', () => {
    const release = '14.3-RELEASE';

    it('from a server that never answers', async () => {
      const url = await start(silent);
      const { error, seconds } = await fails({ release, server: url, sha256: '0'.repeat(64) });
      expect(error.message).toMatch(new RegExp(`^failed fetching ${url}/.*MANIFEST: no answer within 1 s$`));
      expect(seconds).toBeLessThan(5);
    });

    it('from one that goes silent in the middle of a set', async () => {
      const set = makeArchive(join(lab.pool.directory, 'base.txz'), { 'bin/sh': 'x'.repeat(1000) });
      const manifest = join(lab.pool.directory, 'MANIFEST');
      writeFileSync(manifest, `base.txz\t${sha256Of(set)}\t1\tbase\t"Base"\ton\n`);
      const url = await start((request, response) => {
        if (request.url?.endsWith('/MANIFEST')) sendBytes(request, response, readFileSync(manifest));
        else if (request.headers.range === undefined)
          response.writeHead(200, { 'content-length': 10_000 }).write('x'.repeat(100));
      });
      const { error, seconds } = await fails({ release, server: url, sha256: sha256Of(manifest) });
      expect(error.message).toMatch(/base\.txz: no answer within 1 s \(tried 2 times\)$/);
      expect(told()).toContain('downloading base.txz: nothing came for 1 s; trying again');
      expect(seconds).toBeLessThan(10);
    });
  });

  it.each(['git', 'https'])('a repository by %s', async (scheme) => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    const url = `${scheme}://127.0.0.1:${(mute.address() as AddressInfo).port}/plugin.git`;
    const exec = new NodeExec();
    const asked = git((argv, options) => exec.read(argv, options), url, ['ls-remote', '--', url, 'HEAD'], {
      signal: new AbortController().signal,
      silenceMs: limitMs,
    });
    await expect(asked).rejects.toThrow(`repository ${url}: nothing came for 1 s`);
  });
});

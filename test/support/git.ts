/** Git repositories of a test's own, and a daemon on the loopback that offers them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sh } from './pool.ts';

export interface Repository {
  readonly path: string;
  /** Adds files (text, `->TARGET` for a link), commits, and answers the commit. Those ending in `.sh` may be executed. */
  commit(files: Readonly<Record<string, string>>): string;
  git(...words: readonly string[]): string;
}

export function makeRepository(path: string, branch = 'main'): Repository {
  const git = (...words: readonly string[]): string =>
    sh('git', '-c', 'user.name=Nobody', '-c', 'user.email=nobody@example.org', '-C', path, ...words).trim();
  mkdirSync(path, { recursive: true });
  git('init', '--quiet', `--initial-branch=${branch}`);
  return {
    path,
    git,
    commit(files) {
      for (const [name, text] of Object.entries(files)) {
        const file = join(path, name);
        mkdirSync(dirname(file), { recursive: true });
        if (text.startsWith('->')) symlinkSync(text.slice(2), file);
        else writeFileSync(file, text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
      }
      git('add', '--all');
      git('commit', '--quiet', '-m', 'more');
      return git('rev-parse', 'HEAD');
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const there = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      }).on('error', () => done(false));
    });
    if (there) return;
    await sleep(50);
  }
  throw new Error(`nothing answers on port ${port}`);
}

export interface Served {
  readonly url: string;
  close(): void;
}

async function serve(start: (port: number) => ChildProcess, scheme: string): Promise<Served> {
  const port = await freePort();
  const child = start(port);
  await answers(port);
  return { url: `${scheme}://127.0.0.1:${port}`, close: () => void child.kill() };
}

/** git-daemon(1): everything below the directory. */
export const serveGit = (directory: string): Promise<Served> =>
  serve(
    (port) =>
      spawn(
        join(sh('git', '--exec-path').trim(), 'git-daemon'),
        ['--reuseaddr', '--listen=127.0.0.1', `--port=${port}`, `--base-path=${directory}`, '--export-all'],
        { stdio: 'ignore' },
      ),
    'git',
  );

/** The files of a directory by HTTP, from a process of its own: what a test calls may wait for it. */
export const serveFiles = (directory: string): Promise<Served> =>
  serve(
    (port) =>
      spawn('busybox', ['httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', directory], { stdio: 'ignore' }),
    'http',
  );

/** In front of another one: what is asked first is answered, later answers stop in the middle. */
export async function serveStalled(behind: string): Promise<Served & { waiting(): boolean }> {
  const open = new Set<Socket>();
  let asked = 0;
  let waiting = false;
  const server = createServer((client) => {
    asked += 1;
    const isFirst = asked === 1;
    const far = connect(Number(new URL(behind).port), '127.0.0.1');
    for (const socket of [client, far]) open.add(socket.on('error', () => undefined));
    client.pipe(far);
    let bytes = 0;
    far.on('data', (data: Buffer) => {
      bytes += data.length;
      if (isFirst || bytes < 20_000) client.write(data);
      else waiting = true;
    });
    far.on('end', () => void (waiting || client.end()));
  }).listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return {
    url: `git://127.0.0.1:${(server.address() as AddressInfo).port}`,
    waiting: () => waiting,
    close() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

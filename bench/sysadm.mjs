/**
 * How long the API takes, next to the command's own `list` and to starting a process for each request, as
 * the original server did: `listjails` and `getjailsettings` over REST with keep-alive and over WebSocket,
 * one client and many at once, as fast as they can and at a pace, and while jails start and stop. Prints
 * Markdown tables in milliseconds. Clients are a process of their own and wait for each answer before they ask
 * again (closed loop), so with N of them that ask as fast as they can a request takes N times what the server
 * works on one. Clients and server share the machine: the last two columns are the processor's time that the
 * server's main thread spent on one request, and the share of the time that it was busy, which other programs
 * change little.
 *
 *   node bench/sysadm.mjs                        on a private, disposable, file-backed pool; needs root
 *   node bench/sysadm.mjs --jails 200 --clients 64 --seconds 10 --busy 8 --soak 100000
 *
 * `--busy N` lets N more jails start and stop meanwhile; `--soak N` sends N requests and tells the memory
 * before and after. `--against PROGRAM` measures that part only, in turns with another build of the command on
 * the same pool; `--first 1` has the thread that answers, and the clients, go before all else on the machine
 * (chrt(1)), for one that is busy. Not a test: a busy machine would decide.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

const here = fileURLToPath(new URL('..', import.meta.url));
const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};

if (process.env.IOCAGE_BENCH !== 'inside') {
  const argv = [join(here, 'test/support/with-zfs'), process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync(argv[0], argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, IOCAGE_BENCH: 'inside' },
  });
  process.exit(status ?? 1);
}

const jails = option('jails', 200);
const clients = option('clients', 64);
const seconds = option('seconds', 10);
const busy = option('busy', 4);
const soak = option('soak', 0);
const password = 'bench-password';
const directory = mkdtempSync(join(tmpdir(), 'iocage-bench-'));
const pool = `iocbench${process.pid}`;
const env = {
  ...process.env,
  IOCAGE_POOL: pool,
  IOCAGE_STATE_DIR: join(directory, 'state'),
  IOCAGE_RUN_DIR: join(directory, 'run'),
};
const program = join(here, 'bin/iocage');
const iocage = (...words) => [program, ...words];
const at = process.argv.indexOf('--against');
const against = at < 0 ? undefined : process.argv[at + 1];
/** What such a process starts, threads included, goes as everything else. */
const first = option('first', 0) === 0 ? [] : ['chrt', '--reset-on-fork', '--fifo', '1'];

function must(argv, input) {
  const done = spawnSync(argv[0], argv.slice(1), { env, encoding: 'utf8', input, maxBuffer: 1 << 26 });
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr || done.stdout || done.error}`);
  return done.stdout;
}

const ms = (value) => (value === undefined ? '' : value.toFixed(value < 10 ? 1 : 0));

function row(name, times, tookMs, server) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => ms(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
  const perSecond = tookMs === undefined ? '' : Math.round((times.length * 1000) / tookMs);
  console.log(
    `| ${name} | ${times.length} | ${at(0.5)} | ${at(0.95)} | ${at(0.99)} | ${ms(sorted.at(-1))} | ${perSecond} ` +
      (server === undefined
        ? '| | |'
        : `| ${(server.cpuMs / times.length).toFixed(2)} | ${Math.round((server.cpuMs / tookMs) * 100)} % |`),
  );
}

function head(title) {
  console.log(
    `\n### ${title}\n\n| | requests | p50 | p95 | p99 | most | a second | server's ms each | busy |`,
  );
  console.log('| --- | --: | --: | --: | --: | --: | --: | --: | --: |');
}

/** Clients that each wait for an answer before they ask again. */
async function load(name, makeClient, count, pauseMs = 0) {
  const howLongMs = seconds * 1000;
  const all = await Promise.all(Array.from({ length: count }, makeClient));
  for (const client of all) await client.ask(); // connections, logins and the first reading are not measured
  const times = [];
  const begun = performance.now();
  await Promise.all(
    all.map(async (client, index) => {
      await sleep((pauseMs * index) / count);
      while (performance.now() - begun < howLongMs) {
        const sent = performance.now();
        await client.ask();
        const took = performance.now() - sent;
        times.push(took);
        if (pauseMs > took) await sleep(pauseMs - took);
      }
    }),
  );
  const took = performance.now() - begun;
  for (const client of all) client.close();
  if (name !== undefined) row(name, times, took);
  return times;
}

/** Processor's time of the server's main thread, in ms; Linux counts it in hundredths of a second. */
function mainThreadMs(pid) {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Clients in a process of their own. */
async function apiLoad(name, transport, args, count, pauseMs = 0) {
  const words = [...first, process.execPath, join(here, 'bench/sysadm-clients.mjs')];
  const child = spawn(words[0], words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = transport === 'REST' ? ports.rest : ports.websocket;
  child.stdin.end(
    JSON.stringify({ transport, port, user: 'bench', password, args, clients: count, seconds, pauseMs }),
  );
  let said = '';
  let before;
  let after;
  child.stdout.setEncoding('utf8').on('data', (part) => {
    said += part;
    if (before === undefined && said.startsWith('ready\n')) before = mainThreadMs(serverPid);
    if (after === undefined && said.includes('\n{')) after = mainThreadMs(serverPid);
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`the clients ended with ${status}`);
  const { times, tookMs } = JSON.parse(said.split('\n')[1]);
  row(name, times, tookMs, { cpuMs: after - before });
}

let serverPid;
let ports;
const authorization = `Basic ${Buffer.from(`bench:${password}`).toString('base64')}`;

const rest = (args) => () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  const body = JSON.stringify(args);
  const ask = () =>
    new Promise((resolve, reject) => {
      const headers = { Authorization: authorization, 'Content-Length': Buffer.byteLength(body) };
      const options = {
        host: '127.0.0.1',
        port: ports.rest,
        method: 'PUT',
        path: '/sysadm/iocage',
        agent,
        headers,
      };
      const sent = request(options, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.on('end', () =>
          answer.statusCode === 200
            ? resolve(Buffer.concat(parts))
            : reject(new Error(`status ${answer.statusCode}`)),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return { ask, close: () => agent.destroy() };
};

const webSocket = (args) => async () => {
  const socket = new WebSocket(`wss://127.0.0.1:${ports.websocket}/`, { rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const exchange = (message) =>
    new Promise((resolve) => {
      socket.once('message', resolve);
      socket.send(JSON.stringify(message));
    });
  await exchange({ namespace: 'rpc', name: 'auth', id: '1', args: { username: 'bench', password } });
  const message = { namespace: 'sysadm', name: 'iocage', id: '2', args };
  return { ask: () => exchange(message), close: () => socket.terminate() };
};

/** A process for each request, as many at once as there are clients. */
const command = (words) => () => ({
  ask: () =>
    new Promise((resolve, reject) => {
      const child = spawn(iocage()[0], words, { env, stdio: 'ignore' });
      child.once('error', reject);
      child.once('close', (status) => (status === 0 ? resolve() : reject(new Error(`status ${status}`))));
    }),
  close: () => undefined,
});

const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

async function startServer(path = program) {
  const config = join(directory, 'serve.conf');
  const lines = [
    'restPort = 0',
    'websocketPort = 0',
    'systemAccounts = off',
    `maxConnectionsPerAddress = ${clients * 4}`,
    `logDirectory = ${join(directory, 'log')}`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const [runs, ...words] = [...first, path, 'serve', '--config', config];
  const child = spawn(runs, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  for await (const part of child.stdout.setEncoding('utf8')) {
    said += part;
    const found = /REST on https:\/\/[^ ]*:(\d+), WebSocket on wss:\/\/[^ ]*:(\d+)/.exec(said);
    if (found === null) continue;
    ports = { rest: Number(found[1]), websocket: Number(found[2]) };
    break;
  }
  return child;
}

async function main() {
  console.log(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0].model.trim()}, ${jails} jails, ${clients} clients, ms`,
  );
  must(iocage('activate', pool));
  must([process.execPath, join(here, 'bench/busybox-tar.mjs'), join(directory, 'busybox.tar')]);
  must(iocage('fetch', 'release=busybox', `file=${join(directory, 'busybox.tar')}`));
  if (jails > 0) must(iocage('create', '-e', `count=${jails}`, 'tag=j'));
  const busyOnes = Array.from({ length: busy }, (_, index) => `busy${index}`);
  for (const tag of busyOnes) must(iocage('create', '-c', 'release=busybox', `tag=${tag}`, 'ip4=disable'));
  must(iocage('user', 'add', 'bench'), `${password}\n`);
  if (against !== undefined) {
    for (const path of [against, program, against, program])
      await withServer(path, () => whileBusy(busyOnes, path));
    return;
  }
  await withServer(program, (server) => questionsAndSoak(server, busyOnes));
}

async function withServer(path, work) {
  const server = await startServer(path);
  serverPid = server.pid;
  const ended = new Promise((resolve) => server.once('close', resolve));
  try {
    await work(server);
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

/** Listings while jails start and stop. */
async function whileBusy(busyOnes, path) {
  head(`listjails while ${busyOnes.length} jails start and stop${path === program ? '' : `, ${path}`}`);
  let going = true;
  let changes = 0;
  const changing = busyOnes.map(async (jail) => {
    while (going) {
      for (const action of ['startjail', 'stopjail']) {
        const client = rest({ action, jail })();
        const answer = String(await client.ask());
        client.close();
        if (/"error"/.test(answer)) throw new Error(answer);
        changes += 1;
      }
    }
  });
  const args = { action: 'listjails' };
  if (first.length === 0) {
    await apiLoad(`REST, ${clients} clients`, 'REST', args, clients);
    await apiLoad(`WebSocket, ${clients} clients`, 'WebSocket', args, clients);
  }
  await apiLoad(`REST, ${clients} clients, ten a second each`, 'REST', args, clients, 100);
  await apiLoad(`WebSocket, ${clients} clients, ten a second each`, 'WebSocket', args, clients, 100);
  going = false;
  await Promise.all(changing);
  console.log(`\n${changes} starts and stops meanwhile, none failed.`);
}

async function questionsAndSoak(server, busyOnes) {
  const oneJail = jails > 1 ? 'j_1' : 'j';
  const questions = [
    ['listjails', { action: 'listjails' }, ['list', '-H']],
    ['getjailsettings', { action: 'getjailsettings', jail: oneJail }, ['get', 'all', oneJail]],
  ];
  for (const [name, args, words] of questions) {
    head(name);
    await apiLoad('REST, one client', 'REST', args, 1);
    await apiLoad('WebSocket, one client', 'WebSocket', args, 1);
    await apiLoad(`REST, ${clients} clients`, 'REST', args, clients);
    await apiLoad(`WebSocket, ${clients} clients`, 'WebSocket', args, clients);
    await apiLoad(`REST, ${clients} clients, ten a second each`, 'REST', args, clients, 100);
    await apiLoad(`WebSocket, ${clients} clients, ten a second each`, 'WebSocket', args, clients, 100);
    await load('a process for each request, one client', command(words), 1);
    await load(`a process for each request, ${clients} clients`, command(words), clients);
  }
  if (busy > 0) await whileBusy(busyOnes, program);
  if (soak > 0) {
    const before = memory(server.pid);
    const client = webSocket({ action: 'listjails' });
    const all = await Promise.all(Array.from({ length: clients }, client));
    let left = soak;
    let half;
    await Promise.all(
      all.map(async (each) => {
        while (left > 0) {
          left -= 1;
          await each.ask();
          if (left === Math.floor(soak / 2)) half = memory(server.pid);
        }
      }),
    );
    for (const each of all) each.close();
    const after = memory(server.pid);
    console.log(
      `\n${soak} requests: ${Math.round(before)} MB before, ${Math.round(half)} MB half-way, ${Math.round(after)} MB after.`,
    );
  }
}

mkdirSync(env.IOCAGE_STATE_DIR, { recursive: true });
writeFileSync(join(directory, 'pool.img'), '');
truncateSync(join(directory, 'pool.img'), 4 * 2 ** 30);
must(['zpool', 'create', '-m', join(directory, 'pool'), pool, join(directory, 'pool.img')]);
must(['zfs', 'set', 'org.freebsd.iocage:disposable=yes', pool]);
try {
  await main();
} finally {
  spawnSync('zpool', ['destroy', '-f', pool]);
  rmSync(directory, { recursive: true, force: true });
}

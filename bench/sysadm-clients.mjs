/**
 * Clients of the API in a process of their own, so that what they cost is not the server's: sockets that
 * read no more of an answer than where it ends. Closed loop: each waits for its answer before it asks again,
 * at once or at a pace. Takes the settings as JSON on standard input, answers the times as JSON.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';

const { transport, port, user, password, args, clients, seconds, pauseMs } = JSON.parse(
  readFileSync(0, 'utf8'),
);

function frame(text) {
  const data = Buffer.from(text);
  if (data.length > 65_535) throw new Error('too long');
  const head =
    data.length < 126 ? [0x81, 0x80 | data.length] : [0x81, 0xfe, data.length >> 8, data.length & 255];
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), data]);
}

/** Length of the WebSocket frame that begins here; undefined while that cannot be told. */
function frameLength(bytes) {
  if (bytes.length < 2) return undefined;
  const short = bytes[1] & 127;
  if (short < 126) return 2 + short;
  if (short === 126) return bytes.length < 4 ? undefined : 4 + bytes.readUInt16BE(2);
  return bytes.length < 10 ? undefined : 10 + Number(bytes.readBigUInt64BE(2));
}

function answerLength(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.subarray(0, end).toString('latin1');
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(head);
  if (status !== '200' && status !== '101') throw new Error(`status ${status}`);
  return end + 4 + Number(/Content-Length: (\d+)/i.exec(head)?.[1] ?? 0);
}

async function open() {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  let held = [];
  let heldBytes = 0;
  let length;
  let waiting;
  let lengthOf = answerLength;
  socket.on('data', (part) => {
    held.push(part);
    heldBytes += part.length;
    if (length === undefined) {
      held = [Buffer.concat(held)];
      length = lengthOf(held[0]);
    }
    if (length === undefined || heldBytes < length) return;
    const answer = Buffer.concat(held).subarray(0, length);
    if (heldBytes > length) throw new Error('more than one answer');
    [held, heldBytes, length] = [[], 0, undefined];
    waiting(answer);
  });
  const exchange = (bytes) =>
    new Promise((resolve) => {
      waiting = resolve;
      socket.write(bytes);
    });
  const body = JSON.stringify(args);
  if (transport === 'REST') {
    const login = Buffer.from(`${user}:${password}`).toString('base64');
    const head = `PUT /sysadm/iocage HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic ${login}\r\nContent-Length: ${body.length}\r\n\r\n`;
    return { ask: () => exchange(head + body), close: () => socket.destroy() };
  }
  const key = randomBytes(16).toString('base64');
  await exchange(
    `GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  lengthOf = frameLength;
  const login = { namespace: 'rpc', name: 'auth', id: '1', args: { username: user, password } };
  await exchange(frame(JSON.stringify(login)));
  const asking = frame(JSON.stringify({ namespace: 'sysadm', name: 'iocage', id: '2', args }));
  return { ask: () => exchange(asking), close: () => socket.destroy() };
}

const all = await Promise.all(Array.from({ length: clients }, open));
let bytes = 0;
for (const client of all) bytes = (await client.ask()).length; // logins and the first reading are not measured
process.stdout.write('ready\n');
const times = [];
const begun = performance.now();
const before = process.cpuUsage();
await Promise.all(
  all.map(async (client, index) => {
    await sleep((pauseMs * index) / clients);
    while (performance.now() - begun < seconds * 1000) {
      const sent = performance.now();
      await client.ask();
      const took = performance.now() - sent;
      times.push(took);
      if (pauseMs > took) await sleep(pauseMs - took);
    }
  }),
);
const tookMs = performance.now() - begun;
const cpu = process.cpuUsage(before);
for (const client of all) client.close();
process.stdout.write(`${JSON.stringify({ times, tookMs, bytes, cpuMs: (cpu.user + cpu.system) / 1000 })}\n`);

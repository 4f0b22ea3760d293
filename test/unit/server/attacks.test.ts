/**
 * What the original let happen, and what a peer of ill will may send: nothing is served that was not
 * logged in for, nothing brings the server down, and nothing piles up.
 */
import { connect as connectTls } from 'node:tls';
import { connect as connectTcp } from 'node:net';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  basic,
  laboratory,
  listjails,
  unauthorized,
  type Laboratory,
  type RestOptions,
} from '../../support/api-server.ts';
import type { SettingTexts } from '../../../src/server/settings.ts';

const ann = ['ann', 'ann:pass word'] as const;
const body = '{"action":"listjails"}';
const rpc = (name: string, args: unknown = '', id = 'sampleID') => ({ namespace: 'rpc', name, id, args });

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});
afterAll(() => lab.end());

const others: Laboratory[] = [];
async function own(texts: SettingTexts): Promise<Laboratory> {
  const made = await laboratory(texts);
  others.push(made);
  return made;
}
afterEach(async () => {
  for (const other of others.splice(0)) await other.end();
});

/** Still up, and still careful. */
async function isWell(where: Laboratory = lab): Promise<void> {
  expect((await where.rest({ user: ann, body })).status).toBe(200);
  expect((await where.rest({ body })).status).toBe(401);
}

describe('the holes of the original', () => {
  it('1: while somebody is logged in, an empty token, a part of one, or none, is nobody', async () => {
    const owner = await lab.client();
    const token = await owner.login();
    const thief = await lab.client();
    const parts = [
      '',
      ' ',
      token.slice(1),
      token.slice(0, -1),
      token.slice(-4),
      `${token}x`,
      token.toLowerCase(),
      '%',
      '.*',
    ];
    expect(await thief.ask(listjails)).toEqual(unauthorized());
    for (const part of parts.filter((text) => text !== token)) {
      expect(await thief.ask(rpc('auth_token', { token: part }))).toEqual(unauthorized('sampleID'));
      expect(await thief.ask(listjails)).toEqual(unauthorized());
    }
    for (const odd of [null, [token], { token }, true, 0]) {
      expect(await thief.ask(rpc('auth_token', { token: odd }))).toEqual(unauthorized('sampleID'));
    }
    expect(await thief.ask({ ...listjails, token })).toEqual(unauthorized());
    expect(await owner.ask(listjails)).toMatchObject({ name: 'response' });
  });

  it('2: REST takes each login for itself, also after a good one on the same connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const tries: [RestOptions, number][] = [
      [{ user: ann }, 200],
      [{}, 401],
      [{ user: ['ann', ''] }, 401],
      [{ user: ['ann', 'ann:pass wor'] }, 401],
      [{ user: ['', 'ann:pass word'] }, 401],
      [{ headers: { Authorization: 'Basic' } }, 401],
      [{ headers: { Authorization: 'Basic ====' } }, 401],
      [{ headers: { Authorization: 'Bearer' } }, 401],
      [{ headers: { Authorization: 'Bearer ' } }, 401],
      [{ headers: { Authorization: `${basic(...ann)}, x` } }, 401],
      [{ user: ann }, 200],
    ];
    for (const [options, status] of tries)
      expect((await lab.rest({ ...options, agent, body })).status).toBe(status);
    agent.destroy();
  });

  it('3: failures of one address are not those of another', async () => {
    const where = await own({ lockoutFailures: '3' });
    // Loopback is never locked out by address, so nobody is locked out of the own host.
    for (let count = 0; count < 6; count += 1)
      expect((await where.rest({ user: [`eve${count}`, 'x'], body })).status).toBe(401);
    await isWell(where);
  });

  it('4: tokens and questions do not repeat', async () => {
    const client = await lab.client();
    const questions = new Set<string>();
    for (let count = 0; count < 20; count += 1)
      questions.add(
        ((await client.ask(rpc('auth_ssl'))) as { args: { test_string: string } }).args.test_string,
      );
    expect(questions.size).toBe(20);
  });

  it('5: 403 is an answer, and the connection stays', async () => {
    const client = await lab.client();
    await client.login('bob', 'bob-password');
    const kill = rpc('dispatcher', { action: 'kill', job_id: 'x' });
    for (let count = 0; count < 3; count += 1)
      expect(await client.ask(kill)).toMatchObject({
        name: 'error',
        args: { code: '403', message: 'Forbidden' },
      });
    expect(await client.ask(listjails)).toMatchObject({ name: 'response' });
  });

  it('6: on this host too the password counts', async () => {
    const client = await lab.client();
    for (const [username, password] of [
      ['ann', ''],
      ['root', ''],
      ['root', 'x'],
      ['toor', ''],
    ])
      expect(await client.ask(rpc('auth', { username, password }))).toEqual(unauthorized('sampleID'));
    expect(await client.ask(listjails)).toEqual(unauthorized());
  });

  it('a session that ended serves nobody', async () => {
    const where = await own({ sessionSeconds: '900' });
    const [one, two] = [await where.client(), await where.client()];
    const token = await one.login();
    where.later(899_000);
    expect(await one.ask(listjails)).toMatchObject({ name: 'response' });
    where.later(899_000);
    expect(await one.ask(listjails)).toMatchObject({ name: 'response' });
    where.later(901_000);
    expect(await one.ask(listjails)).toEqual(unauthorized());
    expect(await two.ask(rpc('auth_token', { token }))).toEqual(unauthorized('sampleID'));
  });
});

describe('guessing', () => {
  it('locks the account out, wherever the guesses come from, and for a time', async () => {
    const where = await own({ lockoutAccountFailures: '4', lockoutMinutes: '60' });
    await isWell(where);
    for (let count = 0; count < 4; count += 1) await where.rest({ user: ['ann', `guess ${count}`], body });
    expect((await where.rest({ user: ann, body })).status).toBe(401);
    expect((await where.rest({ user: ['bob', 'bob-password'], body })).status).toBe(200);
    where.later(3_601_000);
    await isWell(where);
  });

  it('locks the address out: told, and closed with the words of the original', async () => {
    // An address that is not loopback: the one of a network interface of this machine.
    const { networkInterfaces } = await import('node:os');
    const address = Object.values(networkInterfaces())
      .flat()
      .find((face) => face !== undefined && !face.internal && face.family === 'IPv4')?.address;
    const { Lockout } = await import('../../../src/server/lockout.ts');
    if (address === undefined) {
      // Without a network there is only loopback, which is never locked out; the counting is the same.
      const lockout = new Lockout({ failures: 1, resetMs: 1000, lockMs: 1000 }, () => 0);
      expect(lockout.failed('192.0.2.1')).toBe(true);
      return;
    }
    const where = await own({ listen: '0.0.0.0', lockoutFailures: '3' });
    const socket = (): WebSocket =>
      new WebSocket(`wss://${address}:${where.server.websocketPort}/`, {
        rejectUnauthorized: false,
        localAddress: address,
      });
    const first = socket();
    const heard: string[] = [];
    first.on('message', (data) => heard.push(String(data)));
    const closed = new Promise((resolve) =>
      first.once('close', (code, reason) => resolve([code, String(reason)])),
    );
    await new Promise((resolve) => first.once('open', resolve));
    for (let count = 0; count < 3; count += 1)
      first.send(JSON.stringify(rpc('auth', { username: `eve${count}`, password: 'x' })));
    expect(await closed).toEqual([1000, 'Too Many Authorization Failures - Try again later']);
    expect(heard).toHaveLength(3);
    expect(heard.map((text) => JSON.parse(text) as unknown)).toEqual(
      heard.map(() => unauthorized('sampleID')),
    );
    const again = socket();
    expect(await new Promise((resolve) => again.once('close', (code) => resolve(code)))).toBe(1000);
    const status = await new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: address,
          port: where.server.restPort,
          localAddress: address,
          rejectUnauthorized: false,
          agent: false,
          method: 'PUT',
          path: '/sysadm/iocage',
          headers: { Authorization: basic(...ann) },
        },
        (response) => resolve(response.resume().statusCode),
      );
      request.on('error', reject).end(body);
    });
    expect(status).toBe(403);
    // This host itself still gets in.
    await isWell(where);
  });
});

describe('pages of others', () => {
  it('a WebSocket of another origin is refused at the handshake', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://127.0.0.1',
      'https://127.0.0.1.evil.example:12150',
    ])
      await expect(lab.client({ origin })).rejects.toThrow('403');
    const own = await lab.client({ origin: `https://localhost:${lab.server.websocketPort}` });
    expect(await own.ask(rpc('identify', '', 'i'))).toMatchObject({ id: 'i' });
  });

  it('REST for a page of another site is refused, with the right password too', async () => {
    const before = lab.stub.asked.length;
    const headers: Record<string, string>[] = [
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'text/plain' },
    ];
    for (const page of headers) {
      const reply = await lab.rest({ method: 'POST', user: ann, body, headers: page });
      expect(reply.status).toBe(403);
      expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    }
    expect(lab.stub.asked.length).toBe(before);
    const own = { Origin: `https://localhost:${lab.server.restPort}`, 'Sec-Fetch-Site': 'same-origin' };
    expect((await lab.rest({ user: ann, body, headers: own })).status).toBe(200);
  });

  it('no preflight is answered with a permission', async () => {
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'PUT' };
    const reply = await lab.rest({ method: 'OPTIONS', headers });
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('TLS', () => {
  const version = (options: object): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectTls(
        { port: lab.server.restPort, host: '127.0.0.1', rejectUnauthorized: false, ...options },
        () => {
          resolve(`${socket.getProtocol()} ${String(socket.alpnProtocol)}`);
          socket.destroy();
        },
      );
      socket.once('error', reject);
    });

  it.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (old) => {
    await expect(
      version({ minVersion: old, maxVersion: old, ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  it('1.2 and 1.3 are spoken; HTTP/2 is not', async () => {
    expect(await version({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2 false');
    expect(await version({})).toBe('TLSv1.3 false');
    expect(await version({ ALPNProtocols: ['h2', 'http/1.1'] })).toBe('TLSv1.3 http/1.1');
    await expect(version({ ALPNProtocols: ['h2'] })).rejects.toThrow();
  });

  it('without TLS nothing is answered', async () => {
    for (const port of [lab.server.restPort, lab.server.websocketPort]) {
      const answer = await new Promise<string>((resolve) => {
        let text = '';
        const socket = connectTcp(port, '127.0.0.1', () =>
          socket.write('GET /rpc/identify HTTP/1.1\r\nHost: x\r\n\r\n'),
        );
        socket.on('data', (data) => (text += data.toString('latin1')));
        socket.on('close', () => resolve(text));
        socket.on('error', () => undefined);
      });
      expect(answer).not.toContain('hostname');
      expect(answer).not.toContain('200');
    }
    await isWell();
  });

  it('a certificate made at the first start is kept, and is a leaf of its own', async () => {
    const certificate = new X509Certificate(readFileSync(join(lab.directory, 'serve/tls.crt')));
    expect(certificate.issuer).toBe(certificate.subject);
    expect(certificate.subjectAltName).toContain('IP Address:127.0.0.1');
    expect(certificate.checkPrivateKey).toBeDefined();
    expect(lab.server.certificate.fingerprint).toBe(certificate.fingerprint256);
  });

  it('a client certificate logs in the account that it was given to, by fingerprint or by authority', async () => {
    const place = mkdtempSync(join(tmpdir(), 'iocage-client-'));
    try {
      const openssl = (...words: string[]): void =>
        void execFileSync('openssl', words, { cwd: place, stdio: 'pipe' });
      const self = (name: string): void =>
        openssl(
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          '-subj',
          `/CN=${name}`,
          '-keyout',
          `${name}.key`,
          '-out',
          `${name}.crt`,
        );
      for (const name of ['ca', 'pinned', 'stranger']) self(name);
      for (const name of ['bob', 'nobody']) {
        openssl(
          'req',
          '-new',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-subj',
          `/CN=${name}`,
          '-keyout',
          `${name}.key`,
          '-out',
          `${name}.csr`,
        );
        openssl(
          'x509',
          '-req',
          '-in',
          `${name}.csr`,
          '-CA',
          'ca.crt',
          '-CAkey',
          'ca.key',
          '-CAcreateserial',
          '-days',
          '2',
          '-out',
          `${name}.crt`,
        );
      }
      const pair = (name: string) => ({
        cert: readFileSync(join(place, `${name}.crt`)),
        key: readFileSync(join(place, `${name}.key`)),
      });
      const where = await own({ clientCertificates: 'on', clientCa: join(place, 'ca.crt') });
      const print = new X509Certificate(pair('pinned').cert).fingerprint256.replaceAll(':', '').toLowerCase();
      await where.account('carol', { certificates: [print] });
      const status = async (name: string, more: RestOptions = {}): Promise<number> => {
        const agent = new Agent({ ...pair(name), rejectUnauthorized: false });
        const reply = await where.rest({ agent, body, ...more });
        agent.destroy();
        return reply.status;
      };
      expect(await status('pinned')).toBe(200);
      expect(where.stub.asked.at(-1)!.caller).toMatchObject({ user: 'carol', level: 'full' });
      expect(await status('bob')).toBe(200);
      expect(where.stub.asked.at(-1)!.caller).toMatchObject({ user: 'bob', level: 'limited' });
      expect(await status('nobody')).toBe(401);
      expect(await status('stranger')).toBe(401);
      // A login that is said counts, not the certificate beside it.
      expect(await status('pinned', { user: ['ann', 'wrong'] })).toBe(401);
      const socket = await where.client(pair('pinned'));
      expect(await socket.ask(listjails)).toMatchObject({ name: 'response' });
      await where.removeAccount('carol');
      expect(await socket.ask(listjails)).toEqual(unauthorized());
      expect(await status('pinned')).toBe(401);
      // And where it is off nobody is asked for one.
      const agent = new Agent({ ...pair('bob'), rejectUnauthorized: false });
      expect((await lab.rest({ agent, body })).status).toBe(401);
      agent.destroy();
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
});

describe('frames and bodies', () => {
  it('a frame that is too long ends the connection, and only that one', async () => {
    const where = await own({ maxMessageBytes: '4096' });
    const client = await where.client();
    client.send('x'.repeat(5000));
    expect((await client.closed).code).toBe(1009);
    await isWell(where);
  });

  it('many small fragments of a long message count together', async () => {
    const where = await own({ maxMessageBytes: '4096' });
    const client = await where.client();
    for (let count = 0; count < 100; count += 1) client.socket.send('y'.repeat(100), { fin: false });
    expect((await client.closed).code).toBe(1009);
  });

  it('a message in fragments is one message', async () => {
    const client = await lab.client();
    const text = JSON.stringify(rpc('identify', '', 'fragments'));
    for (const [index, character] of [...text].entries())
      client.socket.send(character, { fin: index === text.length - 1 });
    expect(await client.next()).toContain('"id":"fragments"');
  });

  it('text that is not UTF-8 ends the connection', async () => {
    const client = await lab.client();
    client.socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false });
    expect((await client.closed).code).toBe(1007);
  });

  it('deep and odd JSON is answered', async () => {
    const client = await lab.client();
    await client.login();
    const deep = `{"namespace":"sysadm","name":"iocage","id":"d","args":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(await client.ask(deep)).toMatchObject({ id: '', args: { code: '400' } });
    const proto =
      '{"namespace":"sysadm","name":"iocage","id":"p","args":{"__proto__":{"action":"listjails"}}}';
    expect(await client.ask(proto)).toMatchObject({ id: 'p', args: { code: '400' } });
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(await client.ask({ ...listjails, name })).toMatchObject({ args: { code: '404' } });
    expect((await lab.rest({ user: ann, body: deep })).status).toBe(400);
  });

  it('a body that is too long is refused before it is read', async () => {
    const where = await own({ maxMessageBytes: '4096' });
    expect((await where.rest({ user: ann, body: `{"a":"${'x'.repeat(4096)}"}` })).status).toBe(413);
    const chunked = await new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: where.server.restPort,
          rejectUnauthorized: false,
          agent: false,
          method: 'PUT',
          path: '/sysadm/iocage',
        },
        (response) => resolve(response.resume().statusCode),
      );
      request.on('error', reject);
      for (let count = 0; count < 10; count += 1) request.write('z'.repeat(1000));
      request.end();
    });
    expect(chunked).toBe(413);
    await isWell(where);
  });

  it('who says twice who it is, or for which host, is refused', async () => {
    const answered = (more: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({
          host: '127.0.0.1',
          port: lab.server.restPort,
          rejectUnauthorized: false,
        });
        const head = `PUT /rpc/query HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(...ann)}\r\n${more}`;
        socket.write(`${head}Content-Length: 2\r\n\r\n{}`);
        socket.once('error', reject).once('data', (data) => {
          socket.destroy();
          resolve(String(data).slice(9, 12));
        });
      });
    expect(await answered('')).toBe('200');
    for (const more of ['Authorization: Basic eDp5', 'host: y', 'Origin: https://a\r\nOrigin: sysadm-client'])
      expect(await answered(`${more}\r\n`), more).toMatch(/^40[03]$/);
  });

  it('what is no HTTP is answered with 400 and closed', async () => {
    const garbage = [
      'hello\r\n\r\n',
      '{"namespace":"rpc","name":"identify","id":"x","args":""}',
      'GET / HTTP/9.9\r\n\r\n',
      'PUT /rpc/identify HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    ];
    for (const text of garbage) {
      const answer = await new Promise<string>((resolve) => {
        let said = '';
        const socket = connectTls(
          { port: lab.server.restPort, host: '127.0.0.1', rejectUnauthorized: false },
          () => socket.write(text),
        );
        socket.on('data', (data) => (said += data.toString('latin1')));
        socket.on('close', () => resolve(said));
        socket.on('error', () => undefined);
        // Half a request is ended by the reader's own deadline; here by us.
        setTimeout(() => socket.end(), 500);
      });
      expect(answer.slice(0, 12)).toMatch(/^(HTTP\/1\.1 4|)/);
      expect(answer).not.toContain('"hostname"');
    }
    await isWell();
  });
});

describe('time', () => {
  it('who does not log in is closed, who did stays', async () => {
    const where = await own({});
    const [guest, user] = [await where.client(), await where.client()];
    await user.login();
    // Talking is no login.
    await guest.ask(rpc('identify', '', 'i'));
    where.later(31_000);
    expect(await guest.closed).toEqual({ code: 1000, reason: '' });
    expect(await user.ask(listjails)).toMatchObject({ name: 'response' });
  });

  it('a connection of REST without a login ends too, whatever is asked on it', async () => {
    const where = await own({});
    const asked = async (options: RestOptions): Promise<string> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
      await where.rest({ agent, ...options });
      where.later(31_000);
      const { headers } = await where.rest({ agent, ...options });
      agent.destroy();
      return String(headers['connection']);
    };
    for (const options of [{ method: 'OPTIONS' }, { path: '/rpc/identify' }, { body }])
      expect(await asked(options), JSON.stringify(options)).toBe('close');
    expect(await asked({ user: ann, body })).toBe('keep-alive');
  });

  it('who says nothing for long is closed; pings do not count', async () => {
    const where = await own({ sessionSeconds: '100000' });
    const [quiet, user] = [await where.client(), await where.client()];
    await quiet.login();
    await user.login();
    where.later(1_700_000);
    await user.ask(listjails);
    await new Promise((resolve) => {
      quiet.socket.once('pong', resolve);
      quiet.socket.ping();
    });
    where.later(101_000);
    expect((await quiet.closed).code).toBe(1000);
    expect(await user.ask(listjails)).toMatchObject({ name: 'response' });
  });

  it('a request that drips is cut off: headers, body, handshake of TLS', async () => {
    const where = await own({ requestSeconds: '3' });
    const drip = (text: string, port: number): Promise<string> =>
      new Promise((resolve) => {
        let said = '';
        let at = 0;
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          const timer = setInterval(() => socket.write(text[at++ % text.length]!), 50);
          socket.on('close', () => clearInterval(timer));
        });
        socket.on('data', (data) => (said += data.toString('latin1')));
        socket.on('close', () => resolve(said));
        socket.on('error', () => undefined);
      });
    const plain = new Promise<void>((resolve) => {
      const socket = connectTcp(where.server.restPort, '127.0.0.1');
      socket.on('close', () => resolve()).on('error', () => undefined);
    });
    const long = `PUT /rpc/identify HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(1000)}`;
    const [headers, upgrade] = await Promise.all([
      drip(long, where.server.restPort),
      drip(long, where.server.websocketPort),
      plain,
    ]);
    for (const said of [headers, upgrade]) expect(said).not.toContain('200 OK');
    await isWell(where);
  });

  it('who asks and does not read is cut off, and nothing piles up', async () => {
    const where = await own({ maxBufferedBytes: '4194304', slowReaderSeconds: '1' });
    const client = await where.client();
    await client.login();
    client.socket.pause();
    for (let count = 0; count < 200; count += 1)
      client.send({ ...listjails, id: String(count), args: { action: 'big' } });
    await expect.poll(() => where.server.counts().sockets, { timeout: 15_000 }).toBe(0);
    client.socket.resume();
    await isWell(where);
  });
});

describe('numbers', () => {
  it('connections beyond the most are refused', async () => {
    const where = await own({ maxConnections: '4' });
    for (const name of ['ann', 'ann', 'bob', 'bob'])
      await (await where.client()).login(name, name === 'ann' ? 'ann:pass word' : 'bob-password');
    expect(where.server.counts().sockets).toBe(4);
    await expect(where.client()).rejects.toThrow();
    await isWell(where);
  });

  it('nobody holds them all: who does not log in makes room, and an account has half of them', async () => {
    const where = await own({ maxConnections: '8' });
    const first = await where.client();
    await first.login();
    const idle = [];
    for (let count = 0; count < 20; count += 1) idle.push(await where.client());
    for (const { closed } of idle.slice(0, 16)) await closed;
    await expect.poll(() => where.server.counts().sockets).toBe(5);
    expect(await first.ask(listjails)).toMatchObject({ name: 'response' });
    // Three more of the same account, and then no more of it; but others.
    const more = [first];
    for (let count = 0; count < 3; count += 1) {
      more.push(await where.client());
      await more.at(-1)!.login();
    }
    const refused = await where.client();
    const login = rpc('auth', { username: 'ann', password: 'ann:pass word' });
    expect(await refused.ask(login)).toMatchObject({ args: { code: '503' } });
    expect(await refused.ask(listjails)).toMatchObject({ args: { code: '401' } });
    await (await where.client()).login('bob', 'bob-password');
    for (const client of more) expect(await client.ask(listjails)).toMatchObject({ name: 'response' });
    await where.later(61_000);
    await isWell(where);
    expect((await where.log('audit')).join('\n')).toContain('too many connections without a login');
  });

  it('what is no HTTP or no frame is in the audit log, as is what a door answers by itself', async () => {
    const where = await own({});
    const { restPort, websocketPort } = where.server;
    const say = (text: string, port: number): Promise<string> =>
      new Promise((resolve) => {
        let said = '';
        const options = { port, host: '127.0.0.1', rejectUnauthorized: false };
        const socket = connectTls(options, () => socket.write(text));
        socket.on('data', (data) => (said += data.toString('latin1')));
        socket.on('error', () => undefined).on('close', () => resolve(said));
      });
    const head = 'GET / HTTP/1.1\r\nHost: x\r\n';
    const upgrade = `${head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n`;
    expect(await say('hello\r\n\r\n', restPort)).toMatch(/^HTTP\/1\.1 400/);
    expect(await say('hello\r\n\r\n', websocketPort)).toMatch(/^HTTP\/1\.1 400/);
    expect(await say(`${head}\r\n`, websocketPort)).toMatch(/^HTTP\/1\.1 426/);
    expect(await say(`${upgrade}Sec-WebSocket-Key: short\r\n\r\n`, websocketPort)).toMatch(/^HTTP\/1\.1 400/);
    const key = `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`;
    // A frame without a mask.
    expect(await say(`${upgrade}${key}\u0081\u0002{}`, websocketPort)).toMatch(/^HTTP\/1\.1 101/);
    expect((await where.rest({ method: 'OPTIONS' })).status).toBe(200);
    const lines = (await where.log('audit')).map((line) => JSON.parse(line) as Record<string, string>);
    expect(lines.map(({ by, what, result }) => `${by} ${what} ${result}`)).toEqual([
      expect.stringMatching(/^rest HTTP: HPE_\w+ 400$/),
      expect.stringMatching(/^websocket HTTP: HPE_\w+ 400$/),
      'websocket GET / 426',
      expect.stringMatching(/^websocket .*Sec-WebSocket-Key.* 400$/),
      expect.stringMatching(/^websocket frame: WS_ERR_\w+ 400$/),
      'rest OPTIONS /sysadm/iocage 200',
    ]);
    await isWell(where);
  });

  it('who goes before the answer is known to be gone, and who waits is not', async () => {
    let release = (): void => undefined;
    lab.stub.hold = new Promise((resolve) => {
      release = resolve;
    });
    const asked = lab.stub.asked.length;
    const gone = (index: number): boolean => lab.stub.asked[asked + index]!.caller.gone!.aborted;
    const client = await lab.client();
    await client.login();
    client.send(listjails);
    await expect.poll(() => lab.stub.asked.length).toBe(asked + 1);
    const stays = lab.rest({ user: ann, body });
    await expect.poll(() => lab.stub.asked.length).toBe(asked + 2);
    const options = { host: '127.0.0.1', port: lab.server.restPort, rejectUnauthorized: false };
    const headers = { Authorization: basic(...ann) };
    const leaves = httpsRequest({ ...options, method: 'PUT', path: '/sysadm/iocage', headers });
    leaves.on('error', () => undefined).end(body);
    await expect.poll(() => lab.stub.asked.length).toBe(asked + 3);
    expect([0, 1, 2].map(gone)).toEqual([false, false, false]);
    client.socket.terminate();
    leaves.destroy();
    await expect.poll(() => [0, 1, 2].map(gone)).toEqual([true, false, true]);
    lab.stub.hold = undefined;
    release();
    expect((await stays).status).toBe(200);
    await isWell();
  });

  it('a connection that asks much is read no faster than it is answered', async () => {
    const where = await own({ maxPendingPerConnection: '4' });
    let release = (): void => undefined;
    where.stub.hold = new Promise((resolve) => {
      release = resolve;
    });
    const client = await where.client();
    await client.login();
    for (let count = 0; count < 200; count += 1) client.send({ ...listjails, id: String(count) });
    await expect.poll(() => where.server.counts().pending, { timeout: 15_000 }).toBe(4);
    expect(await client.isSilent()).toBe(true);
    release();
    for (let count = 0; count < 200; count += 1) await client.next();
    expect(new Set(client.heard).size).toBe(201);
  });

  it('what is long waits with the sender while a login takes its time', async () => {
    // Each of these takes a tenth of a second, two at a time.
    const slow = await Promise.all(Array.from({ length: 4 }, () => lab.client()));
    for (const [index, { send }] of slow.entries())
      send(rpc('auth', { username: `nobody${index}`, password: 'x' }));
    const client = await lab.client();
    client.send(rpc('auth', { username: 'nobody', password: 'x' }, 'slow'));
    const long = JSON.stringify(rpc('authx', 'x'.repeat(1_000_000)));
    for (let count = 0; count < 20; count += 1) client.send(long);
    expect(JSON.parse(await client.next())).toEqual(unauthorized('slow'));
    // Of 20 MB only what the buffers of the two kernels' ends hold, and one message, was taken.
    expect(client.socket.bufferedAmount).toBeGreaterThan(8_000_000);
    client.socket.terminate();
    await isWell();
  });

  it('requests beyond the most are refused with 503', async () => {
    const where = await own({ maxPending: '2' });
    let release = (): void => undefined;
    where.stub.hold = new Promise((resolve) => {
      release = resolve;
    });
    const client = await where.client();
    await client.login();
    for (const id of ['a', 'b', 'c']) client.send({ ...listjails, id });
    expect(JSON.parse(await client.next())).toMatchObject({
      id: 'c',
      args: { code: '503', message: 'Service Unavailable' },
    });
    expect((await where.rest({ user: ann, body })).status).toBe(503);
    release();
    await client.next();
    await client.next();
    await isWell(where);
  });
});

describe('a bounded fuzz', () => {
  const before = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };

  it('frames: each is answered or ends its own connection', async () => {
    const client = await lab.client();
    await client.login();
    const heap = before();
    const word = fc.oneof(
      fc.constantFrom(
        'sysadm',
        'iocage',
        'rpc',
        'events',
        'query',
        'settings',
        'dispatcher',
        'logs',
        'subscribe',
        'identify',
        '',
      ),
      fc.string(),
    );
    const message = fc.record(
      { namespace: word, name: word, id: fc.jsonValue(), args: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const frame = fc.oneof(
      { weight: 3, arbitrary: message.map((value) => JSON.stringify(value)) },
      fc.string(),
      fc.json().map((text) => text.slice(0, -1)),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    );
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(frame, async (data) => {
        sent += 1;
        // auth_clear has no answer, and other logins would log this connection out.
        if (/auth/.test(String(data))) return;
        const answer = JSON.parse(JSON.stringify(await client.ask(data))) as Record<string, unknown>;
        expect(Object.keys(answer)).toEqual(['args', 'id', 'name', 'namespace']);
      }),
      { numRuns: 1500 },
    );
    expect(sent).toBeGreaterThanOrEqual(1500);
    expect(lab.server.counts().pending).toBe(0);
    expect(before() - heap).toBeLessThan(64 << 20);
  });

  it('bodies and paths: each has a status', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const segment = fc.stringMatching(/^[!-~]{0,12}$/).map((text) => text.replace(/[#\s]/g, ''));
    const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    const content = fc.oneof(
      fc.json(),
      fc.string(),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(path, fc.constant('/sysadm/iocage')),
        content,
        fc.boolean(),
        async (where, data, known) => {
          const reply = await lab.rest({ path: where, body: data, agent, ...(known ? { user: ann } : {}) });
          expect([200, 400, 401, 403, 404]).toContain(reply.status);
          if (!known && /^\/sysadm/.test(where)) expect([400, 401]).toContain(reply.status);
        },
      ),
      { numRuns: 500 },
    );
    agent.destroy();
    await isWell();
    const bugs = lab.said.filter((line) => line.startsWith('error:'));
    expect(bugs).toEqual([]);
  });
});

it('a key that is too short, or of another kind, is not taken', async () => {
  const client = await lab.client();
  await client.login();
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const curve = generateKeyPairSync('ed25519').publicKey;
  for (const key of [short, curve]) {
    const pub_key = Buffer.from(key.export({ type: 'spki', format: 'pem' })).toString('base64');
    const register = rpc('settings', { action: 'register_ssl_cert', pub_key });
    expect(await client.ask(register)).toMatchObject({ args: { code: '400' } });
  }
});

/** The real server over real TLS: what the documented clients see. */
import { createPrivateKey, generateKeyPairSync, privateEncrypt, constants } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic, laboratory, listjails, unauthorized, type Laboratory } from '../../support/api-server.ts';

const ann = ['ann', 'ann:pass word'] as const;
const bob = ['bob', 'bob-password'] as const;
const token = expect.stringMatching(/^[A-Za-z0-9]{20}$/);
const rpc = (name: string, args: unknown = '', id = 'sampleID') => ({ namespace: 'rpc', name, id, args });
const events = (name: string, args: unknown) => ({ namespace: 'events', name, id: 'sampleID', args });
const response = (args: unknown, namespace = 'rpc', id = 'sampleID') => ({
  args,
  id,
  name: 'response',
  namespace,
});
const error = (code: string, message: string, id = 'sampleID') => ({
  args: { code, message },
  id,
  name: 'error',
  namespace: 'error',
});

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});
afterAll(() => lab.end());

describe('REST', () => {
  it('answers to the byte, with the headers of the original', async () => {
    const { status, rawHeaders, headers, body } = await lab.rest({
      user: ann,
      body: '{"action":"listjails"}',
    });
    expect(status).toBe(200);
    expect(body).toBe('{\n    "args": {\n        "listjails": {\n        }\n    }\n}\n');
    expect(rawHeaders.filter((_, index) => index % 2 === 0).slice(0, 4)).toEqual([
      'Server',
      'Date',
      'Content-Type',
      'Content-Length',
    ]);
    expect(headers).toMatchObject({ server: 'SysAdm/1.0', 'content-type': 'text/json; charset=utf-8' });
    expect(new Date(headers['date'] as string).toUTCString()).toBe(headers['date']);
  });

  it.each([
    ['no login', {}, 401, ''],
    ['a wrong password', { user: ['ann', 'x'] as const }, 401, ''],
    ['nobody of that name', { user: ['eve', 'ann:pass word'] as const }, 401, ''],
    ['half a password', { user: ['ann', 'ann'] as const }, 401, ''],
    ['another scheme', { headers: { Authorization: 'Digest x' } }, 401, ''],
    [
      'an action that is not known',
      { user: ann, body: '{"action":"nope"}' },
      400,
      '{\n    "args": {\n    }\n}\n',
    ],
    ['no body', { user: ann }, 400, '{\n    "args": {\n    }\n}\n'],
    ['a body that is no JSON', { user: ann, body: '{bad' }, 400, '{\n    "args": {\n    }\n}\n'],
    ['a body that is no object', { user: ann, body: '["x"]' }, 400, '{\n    "args": {\n    }\n}\n'],
    ['another class', { user: ann, path: '/sysadm/zzz', body: '{}' }, 404, '{\n    "args": {\n    }\n}\n'],
    ['a query', { user: ann, path: '/sysadm/iocage?a', body: '{}' }, 404, '{\n    "args": {\n    }\n}\n'],
    [
      'events',
      { user: ann, path: '/events/subscribe', body: '{"args":["dispatcher"]}' },
      404,
      '{\n    "args": {\n    }\n}\n',
    ],
    ['a trailing slash', { user: ann, path: '/sysadm/iocage/' }, 400, ''],
    ['DELETE', { user: ann, method: 'DELETE' }, 400, ''],
    ['PATCH', { user: ann, method: 'PATCH' }, 400, ''],
  ])('%s', async (_what, options, status, body) => {
    const reply = await lab.rest(options);
    expect([reply.status, reply.body]).toEqual([status, body]);
    expect(reply.headers['content-length']).toBe(String(body.length));
    expect(reply.headers['content-type']).toBeUndefined();
    expect(reply.headers['www-authenticate']).toBeUndefined();
  });

  it('GET and POST are PUT; the header may be spelt in any case; an envelope is taken apart', async () => {
    const listed = '{\n    "args": {\n        "listjails": {\n        }\n    }\n}\n';
    for (const method of ['GET', 'POST', 'PUT']) {
      expect((await lab.rest({ method, user: ann, body: '{"action":"listjails"}' })).body).toBe(listed);
    }
    const headers = { authorization: basic(...ann) };
    const body = '{"id":"z","namespace":"x","name":"y","args":{"action":"listjails"}}';
    expect((await lab.rest({ headers, body, path: '/SYSADM/deep/IOCAGE' })).body).toBe(listed);
  });

  it('OPTIONS and HEAD need no login', async () => {
    const options = await lab.rest({ method: 'OPTIONS' });
    expect(options).toMatchObject({ status: 200, body: '' });
    expect(options.headers).toMatchObject({ allow: 'HEAD, GET', hosts: '/syscache', accept: 'text/json' });
    const head = await lab.rest({ method: 'HEAD' });
    expect(head.headers).toMatchObject({ accept: 'text/json', 'content-type': 'text/json; charset=utf-8' });
    expect(head.headers['allow']).toBeUndefined();
  });

  it('rpc/identify needs no login; rpc/query says what there is', async () => {
    const identified = await lab.rest({ path: '/rpc/identify', body: '{}' });
    expect(JSON.parse(identified.body)).toEqual({ args: { hostname: hostname(), type: 'server' } });
    const query = await lab.rest({ path: '/rpc/query', user: bob, body: '{"junk":"junk"}' });
    expect(JSON.parse(query.body)).toEqual({
      args: {
        'rpc/dispatcher': 'read',
        'rpc/logs': 'read',
        'rpc/settings': 'read/write',
        'sysadm/iocage': 'read',
      },
    });
  });

  it('keeps a connection for many requests, each with its own login', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const statuses: number[] = [];
    for (const user of [ann, undefined, ['ann', 'wrong'] as const, ann]) {
      const options = { agent, body: '{"action":"listjails"}', ...(user === undefined ? {} : { user }) };
      statuses.push((await lab.rest(options)).status);
    }
    agent.destroy();
    expect(statuses).toEqual([200, 401, 401, 200]);
  });

  it('a token of rpc/auth is taken as a bearer', async () => {
    const body = JSON.stringify({ username: 'ann', password: 'ann:pass word' });
    const { args } = JSON.parse((await lab.rest({ path: '/rpc/auth', body })).body) as {
      args: [string, number];
    };
    expect(args).toEqual([token, 900]);
    const headers = { Authorization: `Bearer ${args[0]}` };
    expect((await lab.rest({ headers, body: '{"action":"listjails"}' })).status).toBe(200);
    await lab.rest({ path: '/rpc/auth_clear', headers });
    expect((await lab.rest({ headers, body: '{"action":"listjails"}' })).status).toBe(401);
  });

  it('a bug is status 500, told to the administrator and not to the client', async () => {
    const reply = await lab.rest({ user: ann, body: '{"action":"fail"}' });
    expect([reply.status, reply.body]).toEqual([500, '{\n    "args": {\n    }\n}\n']);
    expect(lab.said.some((line) => line.includes('a bug'))).toBe(true);
  });
});

describe('WebSocket', () => {
  it('the handshake has the headers of the original, at any path', async () => {
    const client = await lab.client({ path: '/any/path', origin: 'sysadm-client' });
    let headers: NodeJS.Dict<string | string[]> = {};
    const again = await lab.client();
    again.socket.terminate();
    const { WebSocket } = await import('ws');
    const socket = new WebSocket(`wss://127.0.0.1:${lab.server.websocketPort}/`, {
      rejectUnauthorized: false,
    });
    await new Promise<void>((resolve) => {
      socket.once('upgrade', (request) => {
        headers = request.headers;
      });
      socket.once('open', resolve);
    });
    expect(headers).toMatchObject({
      server: 'sysadm-server',
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'content-type',
      'access-control-allow-credentials': 'false',
    });
    expect(headers['sec-websocket-extensions']).toBeUndefined();
    socket.terminate();
    expect(await client.isSilent()).toBe(true);
  });

  it('a login and a command back to back: the login is answered first and holds', async () => {
    const client = await lab.client();
    client.send(rpc('auth', { username: 'ann', password: 'ann:pass word' }, 'authrequest'));
    client.send(listjails);
    expect(JSON.parse(await client.next())).toEqual(response([token, 900], 'rpc', 'authrequest'));
    expect(await client.next()).toBe(
      '{"args":{"listjails":{}},"id":"fooid","name":"response","namespace":"sysadm"}',
    );
  });

  it('answers may overtake each other; logins keep their order', async () => {
    let release = (): void => undefined;
    lab.stub.hold = new Promise((resolve) => {
      release = resolve;
    });
    const client = await lab.client();
    await client.login();
    client.send({ ...listjails, id: 'slow' });
    client.send({ ...listjails, id: 'quick', args: { action: 'echo' } });
    client.send(rpc('identify', '', 'i1'));
    const ids = [await client.next(), await client.next()].map(
      (text) => (JSON.parse(text) as { id: string }).id,
    );
    release();
    lab.stub.hold = undefined;
    expect(ids.sort()).toEqual(['i1', 'quick']);
    expect((JSON.parse(await client.next()) as { id: string }).id).toBe('slow');
  });

  it.each([
    ['no login', listjails, unauthorized()],
    ['Identify with a capital', rpc('Identify', '', 'i2'), unauthorized('i2')],
    ['an unknown kind of login', rpc('authfoo', {}), unauthorized('sampleID')],
    ['a login without names', rpc('auth', 'x'), unauthorized('sampleID')],
    ['a token that is none', rpc('auth_token', { token: 'MySavedAuthToken' }), unauthorized('sampleID')],
    ['an empty token', rpc('auth_token', { token: '' }), unauthorized('sampleID')],
    ['no token', rpc('auth_token', {}), unauthorized('sampleID')],
    ['no name', { namespace: 'sysadm', id: 'fooid', args: {} }, error('400', 'Bad Request', 'fooid')],
    ['no namespace', { name: 'iocage', id: 'fooid', args: {} }, error('400', 'Bad Request', 'fooid')],
    ['an empty object', {}, error('400', 'Bad Request', '')],
    ['no JSON', '{bad', error('400', 'Bad Request', '')],
    ['an empty frame', '', error('400', 'Bad Request', '')],
    ['other text', 'hello', error('400', 'Bad Request', '')],
    ['bytes that are no text', Buffer.from([0xff, 0xfe]), error('400', 'Bad Request', '')],
    ['identify', rpc('identify', '', 'i1'), response({ hostname: hostname(), type: 'server' }, 'rpc', 'i1')],
    [
      'identify as bytes',
      Buffer.from(JSON.stringify(rpc('identify', '', 'i1'))),
      response({ hostname: hostname(), type: 'server' }, 'rpc', 'i1'),
    ],
  ])('without a login: %s', async (_what, message, expected) => {
    const client = await lab.client();
    expect(await client.ask(message)).toEqual(expected);
  });

  it.each([
    ['no such action', { ...listjails, args: { action: 'nope' } }, error('400', 'Bad Request', 'fooid')],
    ['args that are an array', { ...listjails, args: ['x'] }, error('400', 'Bad Request', 'fooid')],
    ['args that are a text', { ...listjails, args: 'x' }, error('400', 'Bad Request', 'fooid')],
    ['no such class', { ...listjails, name: 'zzz' }, error('404', 'Not Found', 'fooid')],
    [
      'no such namespace',
      { namespace: 'foo', name: 'bar', id: 'fooid', args: {} },
      error('404', 'Not Found', 'fooid'),
    ],
    ['Identify', rpc('Identify'), error('404', 'Not Found')],
    [
      'no args',
      { namespace: 'sysadm', name: 'iocage', id: 'a', action: 'listjails' },
      response({ listjails: {} }, 'sysadm', 'a'),
    ],
    [
      'capitals',
      { ...listjails, namespace: 'SYSADM', name: 'IOCAGE' },
      response({ listjails: {} }, 'SYSADM', 'fooid'),
    ],
    [
      'no id',
      { namespace: 'sysadm', name: 'iocage', args: { action: 'listjails' } },
      { args: { listjails: {} }, id: '', name: 'iocage', namespace: 'sysadm' },
    ],
    [
      'a number as id',
      { ...listjails, id: 12 },
      { args: { listjails: {} }, id: '', name: 'iocage', namespace: 'sysadm' },
    ],
  ])('logged in: %s', async (_what, message, expected) => {
    const client = await lab.client();
    await client.login();
    expect(await client.ask(message)).toEqual(expected);
  });

  it('an action is told who asks', async () => {
    const client = await lab.client();
    await client.login('bob', 'bob-password');
    await client.ask({ ...listjails, args: { action: 'echo', a: 1 } });
    expect(lab.stub.asked.at(-1)).toMatchObject({
      caller: { user: 'bob', level: 'limited', address: '127.0.0.1' },
      args: { action: 'echo', a: 1 },
    });
  });
});

describe('logins', () => {
  it('a token is taken by another connection, and the same again is no change', async () => {
    const [one, two] = [await lab.client(), await lab.client()];
    const mine = await one.login();
    const join = rpc('auth_token', { token: mine });
    expect(await two.ask(join)).toEqual(response([mine, 900]));
    expect(await one.ask(join)).toEqual(response([mine, 900]));
    expect(await one.ask(listjails)).toMatchObject({ name: 'response' });
    expect(await two.ask(listjails)).toMatchObject({ name: 'response' });
  });

  it('auth_clear has no answer and ends the session for all who share it', async () => {
    const [one, two] = [await lab.client(), await lab.client()];
    const mine = await one.login();
    await two.ask(rpc('auth_token', { token: mine }));
    one.send(rpc('auth_clear', 'junk argument'));
    expect(await one.isSilent()).toBe(true);
    expect(await one.ask(listjails)).toEqual(unauthorized());
    expect(await two.ask(listjails)).toEqual(unauthorized());
  });

  it('one that fails leaves the connection logged out', async () => {
    const client = await lab.client();
    await client.login();
    expect(await client.ask(rpc('auth', { username: 'ann', password: 'wrong' }))).toEqual(
      unauthorized('sampleID'),
    );
    expect(await client.ask(listjails)).toEqual(unauthorized());
  });

  it('a session ends with its account, with a new password, with another role', async () => {
    await lab.account('carl', { plain: 'carl-password' });
    const client = await lab.client();
    const rest = () => lab.rest({ user: ['carl', 'carl-password'], body: '{"action":"listjails"}' });
    await client.login('carl', 'carl-password');
    expect((await rest()).status).toBe(200);
    await lab.account('carl', { plain: 'another-password' });
    expect(await client.ask(listjails)).toEqual(unauthorized());
    expect((await rest()).status).toBe(401);
    await client.login('carl', 'another-password');
    await lab.removeAccount('carl');
    expect(await client.ask(listjails)).toEqual(unauthorized());
  });

  it('a key logs in: registered, used once for each question, revoked', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const pubKey = Buffer.from(pem).toString('base64');
    const owner = await lab.client();
    await owner.login('bob', 'bob-password');
    const act = (action: string, more: object = {}) => rpc('settings', { action, ...more });
    expect(await owner.ask(act('register_ssl_cert', { pub_key: pubKey, nickname: 'n', email: 'e' }))).toEqual(
      response({}),
    );
    const listed = (await owner.ask(act('list_ssl_certs'))) as {
      args: Record<string, Record<string, string>>;
    };
    expect(listed.args['bob']![pubKey]).toMatch(
      /^Nickname: n\nEmail: e\nDate Registered: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/,
    );
    expect(await owner.ask(act('list_ssl_checksums'))).toMatchObject({
      args: { md5_keys: [expect.stringMatching(/==$/)] },
    });

    const client = await lab.client();
    const question = async (from = client): Promise<string> => {
      const answer = (await from.ask(rpc('auth_ssl'))) as { args: { test_string: string } };
      expect(answer.args.test_string).toMatch(/^[A-Za-z0-9]{20}$/);
      return answer.args.test_string;
    };
    const sign = (text: string) =>
      rpc('auth_ssl', {
        encrypted_string: privateEncrypt(
          {
            key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
            padding: constants.RSA_PKCS1_PADDING,
          },
          Buffer.from(text),
        ).toString('base64'),
      });
    const signed = sign(await question());
    expect(await client.ask(signed)).toEqual(response([token, 900]));
    expect(await client.ask(listjails)).toMatchObject({ name: 'response' });
    expect(lab.stub.asked.at(-1)!.caller).toMatchObject({ user: 'bob', level: 'limited' });
    // Once only; not on another connection; not too late; not without a question.
    expect(await client.ask(signed)).toEqual(unauthorized('sampleID'));
    const other = await lab.client();
    expect(await other.ask(sign(await question()))).toEqual(unauthorized('sampleID'));
    const late = await question();
    lab.later(31_000);
    expect(await client.ask(sign(late))).toEqual(unauthorized('sampleID'));
    expect(await client.ask(sign('x'))).toEqual(unauthorized('sampleID'));
    expect(await client.ask(sign(await question()))).toEqual(response([token, 900]));
    // The next account that is called so has none of its keys.
    await lab.account('bob', { plain: 'bob-password', role: 'admin', made: 'later' });
    expect(await client.ask(sign(await question()))).toEqual(unauthorized('sampleID'));
    await lab.account('bob', { plain: 'bob-password', role: 'operator' });
    expect(await client.ask(sign(await question()))).toEqual(response([token, 900]));
    await owner.login('bob', 'bob-password');

    expect(await owner.ask(act('revoke_ssl_cert', { pub_key: pubKey, user: 'ann' }))).toEqual(
      error('400', 'Bad Request'),
    );
    expect(await owner.ask(act('revoke_ssl_cert', { pub_key: pubKey }))).toEqual(response({}));
    // Who logged in by it is out at once.
    expect(await client.ask(listjails)).toEqual(unauthorized());
    expect(await client.ask(sign(await question()))).toEqual(unauthorized('sampleID'));
    expect(await owner.ask(act('revoke_ssl_cert', { pub_key: pubKey }))).toEqual(error('400', 'Bad Request'));
    for (const bad of ['', 'x', Buffer.from('no key').toString('base64')])
      expect(await owner.ask(act('register_ssl_cert', { pub_key: bad }))).toEqual(
        error('400', 'Bad Request'),
      );
  });

  it('keys and accounts are files for root alone', () => {
    for (const file of ['keys.json', 'accounts.json', 'tls.key'])
      expect(statSync(join(lab.directory, 'serve', file)).mode & 0o777).toBe(0o600);
    expect(statSync(join(lab.directory, 'serve')).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(lab.directory, 'serve/accounts.json'), 'utf8')).not.toContain('bob-password');
  });
});

describe('events, dispatcher, logs', () => {
  it.each([
    [events('subscribe', ['dispatcher']), response({ subscribe: 'dispatcher' }, 'events')],
    [events('subscribe', 'system-state'), response({ subscribe: 'system-state' }, 'events')],
    [
      events('subscribe', ['dispatcher', 'life-preserver', 'system-state']),
      response({ subscribe: 'system-state' }, 'events'),
    ],
    [events('unsubscribe', ['dispatcher']), response({ unsubscribe: 'dispatcher' }, 'events')],
    [events('subscribe', ['bogus']), response({}, 'events')],
    [events('subscribe', {}), error('400', 'Bad Request')],
    [events('subscribe', ''), error('400', 'Bad Request')],
    [events('subscribe', []), error('400', 'Bad Request')],
    [events('foo', ['dispatcher']), error('400', 'Bad Request')],
  ])('%j', async (message, expected) => {
    const client = await lab.client();
    expect(await client.ask(message)).toEqual(unauthorized('sampleID'));
    await client.login();
    expect(await client.ask(message)).toEqual(expected);
  });

  it('dispatcher events reach those who subscribed and are logged in, and no others', async () => {
    const [one, two, three] = [await lab.client(), await lab.client(), await lab.client()];
    await one.login();
    await two.login();
    await three.login();
    await one.ask(events('subscribe', ['dispatcher']));
    await three.ask(events('subscribe', ['dispatcher']));
    three.send(rpc('auth_clear'));
    expect(await three.ask(rpc('identify', '', 'i'))).toMatchObject({ id: 'i' });
    lab.stub.tell({ process_id: 'p1', state: 'running' });
    expect(await one.next()).toBe(
      '{"args":{"process_id":"p1","state":"running"},"id":"","name":"dispatcher","namespace":"events"}',
    );
    expect(await two.isSilent()).toBe(true);
    expect(await three.isSilent(0)).toBe(true);
    await one.ask(events('unsubscribe', ['dispatcher']));
    lab.stub.tell({ process_id: 'p1', state: 'finished' });
    expect(await one.isSilent()).toBe(true);
  });

  it('rpc/dispatcher lists and ends jobs; it runs nothing', async () => {
    lab.stub.jobList = [
      { id: 'j2', queue: 'no_queue', commands: ['iocage fetch'], state: 'running' },
      { id: 'j1', queue: 'iocage_queue', commands: ['x'], position: 0, state: 'pending' },
    ];
    const [full, limited] = [await lab.client(), await lab.client()];
    await full.login();
    await limited.login('bob', 'bob-password');
    const act = (args: object) => rpc('dispatcher', args);
    expect(await limited.ask(act({ action: 'list' }))).toEqual(
      response({
        jobs: {
          iocage_queue: { j1: { commands: ['x'], queue_position: '0', state: 'pending' } },
          no_queue: { j2: { commands: ['iocage fetch'], state: 'running' } },
        },
      }),
    );
    expect(await limited.ask(act({ action: 'kill', job_id: 'j2' }))).toEqual(error('403', 'Forbidden'));
    expect(lab.stub.killed).toEqual([]);
    expect(await full.ask(act({ action: 'kill', job_id: ['j2', 'zz'] }))).toEqual(
      response({ killed: { jobs: ['j2'] } }),
    );
    for (const client of [full, limited]) {
      expect(await client.ask(act({ action: 'run', p1: 'touch /tmp/x' }))).toEqual(error('403', 'Forbidden'));
      expect(await client.ask(act({ action: 'nope' }))).toEqual(error('400', 'Bad Request'));
      // The connection stays open.
      expect(await client.ask(listjails)).toMatchObject({ name: 'response' });
    }
  });

  it('rpc/logs reads what was written, in a time span', async () => {
    const client = await lab.client();
    await client.login();
    const ask = async (more: object) =>
      (await client.ask(rpc('logs', { action: 'read_logs', ...more }))) as {
        args: Record<string, Record<string, unknown>>;
      };
    const all = await ask({});
    expect(Object.values(all.args['hostinfo']!)[0]).toMatch(/^server started/);
    expect(Object.values(all.args['events-dispatcher']!)).toContainEqual({
      process_id: 'p1',
      state: 'running',
    });
    expect(Object.keys(all.args)).not.toContain('audit');
    const one = await ask({ logs: 'hostinfo', time_format: 'relative_second', start_time: '-36000' });
    expect(Object.keys(one.args)).toEqual(['hostinfo']);
    expect(await ask({ logs: 'hostinfo', time_format: 'time_t_seconds', end_time: '1000' })).toEqual(
      response({}),
    );
    expect(await ask({ logs: ['audit', '../audit', 'bogus'] })).toEqual(response({}));
  });

  it('every request is in the audit log: who, from where, what, how it ended; no password', async () => {
    lab.later(61_000);
    const client = await lab.client();
    await client.login();
    await client.ask({ ...listjails, args: { action: 'echo', jail: 'a"b\nc', command: 'x'.repeat(1000) } });
    await lab.rest({ body: '{"action":"listjails"}' });
    const lines = (await lab.log('audit')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({
        who: 'ann',
        from: '127.0.0.1',
        by: 'websocket',
        what: 'rpc/auth',
        result: 'ok',
      }),
    );
    const echo = lines.findLast((line) => line['action'] === 'echo');
    expect(echo).toMatchObject({ who: 'ann', what: 'sysadm/iocage', with: { jail: 'a"b\nc' }, result: 'ok' });
    expect((echo!['with'] as { command: string }).command).toHaveLength(300);
    expect(lines.at(-1)).toMatchObject({
      who: '',
      by: 'rest',
      what: 'sysadm/iocage',
      action: 'listjails',
      result: '401',
    });
    await lab.rest({ user: ['eve', 'guess'], body: '{}' });
    await client.ask(rpc('auth', { username: 'mallory', password: 'guess' }));
    const failed = (await lab.log('audit')).slice(-2).map((line) => JSON.parse(line) as unknown);
    expect(failed).toEqual([
      expect.objectContaining({ who: '', tried: 'eve', result: '401' }),
      expect.objectContaining({ who: '', tried: 'mallory', what: 'rpc/auth', result: '401' }),
    ]);
    for (const wanted of [
      { headers: { Origin: 'https://evil.example' } },
      { method: 'DELETE' },
      { path: '/sysadm/' },
    ])
      await lab.rest({ user: ann, body: '{}', ...wanted });
    await expect(lab.client({ headers: { Origin: 'https://evil.example' } })).rejects.toThrow();
    const refused = (await lab.log('audit')).slice(-4).map((line) => JSON.parse(line) as unknown);
    const rest = { who: '', from: '127.0.0.1', by: 'rest' };
    expect(refused).toEqual([
      { ...rest, what: 'PUT /sysadm/iocage', result: '403' },
      { ...rest, what: 'DELETE /sysadm/iocage', result: '400' },
      { ...rest, what: 'PUT /sysadm/', result: '400' },
      { ...rest, by: 'websocket', what: 'handshake of https://evil.example', result: '403' },
    ]);
    const text = (await lab.log('audit')).join('\n');
    expect(text).not.toContain('guess');
    expect(text).not.toContain('pass word');
    expect(text).not.toContain('bob-password');
  });
});

it('who knocks and never logs in fills no disk: so many lines a minute, and then a number', async () => {
  const own = await laboratory();
  try {
    const client = await own.client();
    for (let count = 0; count < 500; count += 1) client.send({ ...listjails, id: String(count) });
    for (let count = 0; count < 500; count += 1) await client.next();
    expect(await own.log('audit')).toHaveLength(60);
    await client.ask(rpc('auth', { username: 'eve', password: 'x' }));
    expect((await own.log('audit')).at(-1)).toContain('"tried":"eve"');
    own.later(61_000);
    await client.ask(listjails);
    const lines = (await own.log('audit')).slice(-2).map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([
      { who: '', from: '127.0.0.1', result: '440 more requests' },
      expect.objectContaining({ who: '', what: 'sysadm/iocage', result: '401' }),
    ]);
  } finally {
    await own.end();
  }
});

it('the first start: one login by a token that is printed, and no other', async () => {
  const first = await laboratory({}, { first: true });
  try {
    const { firstToken } = first.server;
    expect(firstToken).toMatch(/^[A-Za-z0-9]{20}$/);
    for (const [name, password] of [
      ['root', ''],
      ['admin', 'admin'],
      ['one-time', firstToken!],
    ] as const)
      expect((await first.rest({ user: [name, password] })).status).toBe(401);
    const client = await first.client();
    const enter = rpc('auth_token', { token: firstToken });
    const answer = (await client.ask(enter)) as { args: [string] };
    expect(answer).toEqual(response([token, 900]));
    expect(answer.args[0]).not.toBe(firstToken);
    expect(await client.ask(listjails)).toMatchObject({ name: 'response' });
    // A key would outlive the token.
    expect(await client.ask(rpc('settings', { action: 'register_ssl_cert', pub_key: 'x' }))).toEqual(
      error('403', 'Forbidden'),
    );
    const other = await first.client();
    expect(await other.ask(enter)).toEqual(unauthorized('sampleID'));
  } finally {
    await first.end();
  }
  // An account was there before: no token.
  expect(lab.server.firstToken).toBeUndefined();
});

it('an end waits for what runs, answers it, and takes nothing new', async () => {
  const own = await laboratory();
  let release = (): void => undefined;
  own.stub.hold = new Promise((resolve) => {
    release = resolve;
  });
  const client = await own.client();
  await client.login();
  client.send(listjails);
  const resting = own.rest({ user: ann, body: '{"action":"listjails"}' });
  await expect.poll(() => own.server.counts().pending, { timeout: 15_000 }).toBe(2);
  const ended = own.server.stop();
  client.send({ ...listjails, id: 'late' });
  await expect(own.client()).rejects.toThrow();
  release();
  expect(await client.next()).toContain('"id":"fooid"');
  expect((await resting).status).toBe(200);
  expect(await client.closed).toEqual({ code: 1001, reason: 'the server stops' });
  expect(client.heard.some((text) => text.includes('late'))).toBe(false);
  await ended;
  await own.end();
});

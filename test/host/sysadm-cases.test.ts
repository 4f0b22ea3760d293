/**
 * Every case of the documented API, sent to the real server before a real pool and real jails: what a client
 * reads is what the documents print, to the byte, and with `legacyTruncation` what the original answered. What is
 * not equal stands in the table of `docs/sysadm.md`, and nothing else does. In a network namespace of its own:
 * outside of one, the file runs itself again inside.
 */
import { generateKeyPairSync, privateEncrypt, constants } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiHost } from '../../src/server/api-host.ts';
import { hostBackend } from '../../src/server/sysadm/host-backend.ts';
import { basic, laboratory, stubBackend, type Client, type Laboratory } from '../support/api-server.ts';
import { inside, runsInside } from '../support/inside.ts';
import { openLab, whyNot, type Lab } from '../support/lab.ts';
import { isPrinted, restLayout, socketLayout } from '../support/sysadm-answers.ts';
import { openRealCase, type RealCase } from '../support/sysadm-stage.ts';
import { cases, differences, given, topic, type Case } from '../support/sysadm-worlds.ts';

runsInside('the documented cases of the SysAdm API', import.meta.filename, {
  why: whyNot,
  zfs: true,
  limitMs: 1_800_000,
});

const [user, password] = ['ann', 'ann:pass word'] as const;
const differ = differences();
const met = new Set<string>();
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicText = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');

/** Cases about somebody who may only look. */
const isLimited = ({ id }: Case): boolean => id.endsWith('-limited');
const rpc = (name: string, args: unknown) => ({ namespace: 'rpc', name, id: 'x', args });
const fetching = (release: string) => ({
  namespace: 'sysadm',
  name: 'iocage',
  id: 'x',
  args: { action: 'fetchreleases', releases: release },
});

describe.skipIf(!inside)('every documented case, inside (the test above runs these)', () => {
  let lab: Lab;
  let api: Laboratory;
  let real: RealCase;
  let host: ApiHost;

  beforeAll(async () => {
    lab = await openLab();
    // One server; the host behind it is that of the case.
    const now = () => hostBackend(host);
    const stub = {
      ...stubBackend(),
      runAction: (...words: Parameters<ReturnType<typeof now>['runAction']>) => now().runAction(...words),
      jobs: () => now().jobs(),
      kill: (ids: readonly string[]) => now().kill(ids),
    };
    const { tell } = stub;
    onJob = tell;
    api = await laboratory({}, { stub });
    await api.account('myuser', { plain: 'mypassword' });
  });
  afterAll(async () => {
    await api?.end();
    expect(api?.said.filter((line) => line.startsWith('error'))).toEqual([]);
    await lab?.close();
  });
  let onJob: (args: any) => void;

  async function through(each: Case, settings: Parameters<RealCase['host']>[0]): Promise<string> {
    host = real.host(settings);
    const unhear = host.jobs.onEvent((event) => onJob(event));
    try {
      return plain(each.transport === 'rest' ? await viaRest(each) : await viaWebSocket(each));
    } finally {
      unhear();
      await real.letGo();
      await host.close(10_000);
    }
  }

  /** What is this pool's and this machine's. */
  const plain = (text: string): string =>
    text.replaceAll(lab.pool.name, 'tank').replace(/("jid":( ?)")\d+"/, '$13"');

  /** The pool of the case is ours, `{{…}}` of a request is what is meant by it. */
  const meant = (request: unknown, values: Readonly<Record<string, string>> = {}): string =>
    JSON.stringify(request)
      .replace(/"(tank1?|my_zpool)"/g, JSON.stringify(lab.pool.name))
      .replace(/\{\{[^}]*\}\}/g, (word) => values[word] ?? word);

  async function viaRest({ request }: Case): Promise<string> {
    const { auth, headers = {} } = request;
    const wrong = typeof auth === 'string' && auth.includes('wrong');
    const named = Object.keys(headers).find((name) => name.toLowerCase() === 'authorization');
    const login = basic(user, wrong ? 'other' : password);
    const {
      status,
      headers: got,
      body,
    } = await api.rest({
      method: request.method,
      path: request.path,
      body: meant(request.body),
      headers: auth === null ? {} : { [named ?? 'Authorization']: login },
    });
    answered = { status, headers: got };
    return body;
  }
  let answered: { status: number; headers: Readonly<Record<string, unknown>> };

  async function viaWebSocket(each: Case): Promise<string> {
    const client = await api.client();
    try {
      const token =
        each.authenticated === false
          ? ''
          : await client.login(...(isLimited(each) ? (['bob', 'bob-password'] as const) : []));
      const special = Object.hasOwn(life, each.id) ? life[each.id]! : simple;
      return await special(client, each, token);
    } finally {
      client.socket.terminate();
    }
  }

  type Life = (client: Client, each: Case, token: string) => Promise<string>;

  const simple: Life = async (client, { request }) => {
    client.send(typeof request === 'string' ? request : meant(request));
    return client.next();
  };
  const registered = async (client: Client): Promise<void> => {
    const facts = { pub_key: publicText, nickname: 'n', email: 'e' };
    await client.ask(rpc('settings', { action: 'register_ssl_cert', ...facts }));
  };
  const challenge = async (client: Client): Promise<string> => {
    const { args } = (await client.ask(rpc('auth_ssl', ''))) as { args: { test_string: string } };
    const bytes = Buffer.from(args.test_string);
    return privateEncrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, bytes).toString(
      'base64',
    );
  };
  const withKey =
    (values: (client: Client) => Promise<Record<string, string>>): Life =>
    async (client, { request }) => {
      const other = await api.client();
      await other.login();
      await registered(other);
      client.send(meant(request, await values(client)));
      return client.next();
    };
  const heardOf =
    (count: number): Life =>
    async (client) => {
      await client.ask({ namespace: 'events', name: 'subscribe', id: 'x', args: ['dispatcher'] });
      client.send(fetching('10.3-RELEASE'));
      const texts = [await client.next(), await client.next(), await client.next()];
      return texts.filter((text) => text.includes('"namespace":"events"'))[count]!;
    };
  /** Two fetches of one release, of which the other one's end is waited for. */
  const whileFetching: Life = async (client, { request }) => {
    const lock = await lab.context().locks.take(['release:10.3-RELEASE'], 'test', 0);
    try {
      await client.ask(fetching('10.3-RELEASE'));
      const [job] = host.jobs.list();
      client.send(meant(request, { '{{job id}}': job!.id }));
      return await client.next();
    } finally {
      await lock.release();
      await host.jobs.idle();
    }
  };

  /** What cases need besides the pool, or tell by more than one answer. */
  const life: Readonly<Record<string, Life>> = {
    'auth-token': async (client, { request }) => {
      const other = await api.client();
      client.send(meant(request, { '{{token of a live session}}': await other.login() }));
      return client.next();
    },
    'auth-token-same-again': async (client, { request }, token) => {
      client.send(meant(request, { '{{token already active on this socket}}': token }));
      return client.next();
    },
    'auth-clear': async (client, { request }, token) => {
      client.send(meant(request));
      expect(await client.isSilent(300)).toBe(true);
      expect(await client.ask(rpc('auth_token', { token }))).toMatchObject({ args: { code: '401' } });
      return 'null';
    },
    'auth-ssl-stage2': withKey(async (client) => ({
      '{{base64 of the RSA private-key PKCS#1 v1.5 operation over test_string}}': await challenge(client),
    })),
    'auth-ssl-replay': withKey(async (client) => {
      const answer = await challenge(client);
      await client.ask(rpc('auth_ssl', { encrypted_string: answer }));
      return { '{{one already used}}': answer };
    }),
    'settings-register': withKey(async () => ({ '{{base64 of PEM}}': publicText })),
    'settings-list': withKey(async () => ({})),
    'settings-list-checksums': withKey(async () => ({})),
    'settings-revoke': withKey(async () => ({ '{{base64 key}}': publicText })),
    'pipelined-auth': async (client, { request }) => {
      for (const one of request as readonly unknown[])
        client.send(meant(one, { '{{good}}': password }).replace('"root"', JSON.stringify(user)));
      return `[${await client.next()},${await client.next()}]`;
    },
    'events-dispatcher-start': heardOf(0),
    'events-dispatcher-end': heardOf(1),
    'dispatcher-list': whileFetching,
    'dispatcher-kill': whileFetching,
  };

  it('are all there', () => expect(cases.length).toBe(199));

  it.each(cases.map((each) => [each.id, each] as const))('%s', async (id, each) => {
    const name = topic(id);
    const how = given[name] ?? {};
    real = await openRealCase(lab, {
      ...how,
      ...(/^(events-dispatcher|dispatcher-)/.test(name) ? { releases: ['10.3-RELEASE'] } : {}),
    });
    const answer = await through(each, {});
    const should = each.recommended_response ?? each.response;
    if (differ.has(name)) {
      met.add(name);
      expect(isPrinted(answer, printed(each, should)), 'docs/sysadm.md says that this one differs').toBe(
        false,
      );
      return;
    }
    compare(each, answer, should);
    // The first document knew no `ip4`: one key more is no harm.
    if (each.recommended_response === undefined || id.startsWith('seed000')) return;
    real = await openRealCase(lab, how);
    compare(each, await through(each, { legacyTruncation: true }), each.response);
  });

  it('docs/sysadm.md lists no others as different', () =>
    expect([...differ.keys()].filter((name) => !met.has(name))).toEqual([]));

  function printed({ transport }: Case, should: any): string {
    // Of the same pool, whatever it was called when the case was written down.
    const named = (text: string): string => text.replace(/\b(tank1|my_zpool)\b/g, 'tank');
    if (transport === 'websocket') return named(socketLayout(should));
    return should.body === null ? '' : named(restLayout(should.body));
  }

  function compare(each: Case, answer: string, should: any): void {
    const text = printed(each, should);
    if (!isPrinted(answer, text)) expect(answer).toBe(text);
    if (each.transport !== 'rest') return;
    expect(answered.status).toBe(should.status);
    for (const [name, value] of Object.entries(should.headers ?? {}))
      expect(answered.headers[name.toLowerCase()]).toBe(value);
  }
});

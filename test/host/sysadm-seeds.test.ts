/**
 * Every example that the three documents of the API print, REST and WebSocket, sent by plain clients to the
 * built server and real jails: what is answered is what stands there, but for names that only a host can give.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandIn, commandPath, type Started } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { cases, topic, type Case } from '../support/sysadm-worlds.ts';

const seeds = cases.filter(({ id }) => id.startsWith('seed'));
const release = 'busybox';
const [user, password] = ['ann', 'correct horse'];

/** The jail that an example is about, and whether it runs; the others meet an empty pool. */
const given: Readonly<Record<string, { readonly tag: string; readonly up?: boolean }>> = {
  listjails: { tag: 'testjail' },
  getjailsettings: { tag: 'testjail' },
  'getjailsettings-prop': { tag: 'test' },
  'getjailsettings-all': { tag: 'test' },
  'getjailsettings-r': { tag: 'test' },
  df: { tag: 'test' },
  'startjail-ok': { tag: 'test' },
  'startjail-already': { tag: 'test', up: true },
  'stopjail-ok': { tag: 'test', up: true },
  'stopjail-already': { tag: 'test' },
  capjail: { tag: 'test', up: true },
  'clonejail-props': { tag: 'test' },
  'clonejail-noprops': { tag: 'test' },
  destroyjail: { tag: 'test' },
  execjail: { tag: 'test', up: true },
};

/** What differs from host to host; of the jails that a document lists ours is the first. */
function plain(text: string, pool: string): string {
  return text
    .replaceAll(pool, 'tank')
    .replaceAll(release, '10.2-RELEASE')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\d{4}-\d\d-\d\d@\d\d(:\d\d:\d\d)?/g, 'TIME');
}

/** Keys, of values that are the host's. */
const keysOf = (value: any): unknown =>
  typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, keysOf(v)])) : '';

describe.skipIf(!hostTests)(`the examples of the documents${reason}`, () => {
  let lab: Lab;
  let server: Started;
  let rest: string;
  let socket: WebSocket;
  const next = (): Promise<string> =>
    new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
  const say = (message: unknown): Promise<string> => {
    socket.send(JSON.stringify(message));
    return next();
  };

  beforeAll(async () => {
    lab = await openLab();
    const config = join(lab.pool.directory, 'serve.conf');
    const lines = ['restPort = 0', 'websocketPort = 0', 'systemAccounts = off', `pool = ${lab.pool.name}`];
    writeFileSync(config, [...lines, `logDirectory = ${join(lab.pool.directory, 'log')}`, ''].join('\n'));
    const env = { PATH: process.env['PATH'], ...lab.environment };
    const made = spawnSync(commandPath, ['user', 'add', user], { env, input: `${password}\n` });
    expect(made.status).toBe(0);
    server = commandIn(lab.environment).start('serve', '--config', config);
    await server.says(/SHA-256 is/);
    const [, toRest, toSocket] = /REST on (\S+), WebSocket on (\S+)/.exec(server.output())!;
    rest = toRest!;
    socket = new WebSocket(toSocket!, { rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    await say({ namespace: 'rpc', name: 'auth', id: '', args: { username: user, password } });
  });
  afterAll(async () => {
    socket?.terminate();
    server?.child.kill('SIGTERM');
    await server?.ended;
    await lab?.run('pool.activate', { pool: lab.pool.name });
    await lab?.close();
  });
  beforeEach(async () => {
    await lab.run('pool.activate', { pool: lab.pool.name });
    await lab.run('pool.clean', { what: ['jails'], force: true });
  });

  async function setUp(name: string): Promise<void> {
    const wanted = given[name];
    if (/createjail|jail/.test(name) && !(await lab.run('release.list', {})).releases.length)
      await lab.run('release.fetch', { release, file: join(lab.pool.directory, 'busybox.tar') });
    if (wanted === undefined) return;
    const properties = [
      ['tag', wanted.tag],
      ['ip4', 'inherit'],
    ];
    await lab.run('jail.create', { kind: 'base', release, properties });
    if (wanted.up) await lab.run('jail.start', { jail: wanted.tag });
    // The server sees what others did within a second.
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }

  async function send({ transport, request }: Case): Promise<string> {
    const named = (value: unknown): string =>
      JSON.stringify(value).replaceAll('"tank"', `"${lab.pool.name}"`).replaceAll('10.2-RELEASE', release);
    if (transport === 'websocket') {
      socket.send(named(request));
      return next();
    }
    const words = ['-sk', '-u', `${user}:${password}`, '-X', request.method, '-d', named(request.body)];
    return spawnSync('curl', [...words, rest + request.path], { encoding: 'utf8' }).stdout;
  }

  it.each(seeds.map((each) => [each.id, each] as const))('%s', async (id, each) => {
    const name = topic(id);
    await setUp(name);
    const answer = plain(await send(each), lab.pool.name);
    const documented = each.recommended_response ?? each.response;
    const body = each.transport === 'rest' ? documented.body : documented;
    const wanted = plain(JSON.stringify(body), 'tank');
    const [got, should] = [JSON.parse(answer), JSON.parse(wanted)];
    // The layout is that of the documents, to the byte.
    const layout = (value: unknown): string =>
      each.transport === 'rest' ? `${JSON.stringify(value, null, 4)}\n` : JSON.stringify(value);
    expect(answer).toBe(layout(got));
    if (/settings(-all|-r)?$/.test(name) || name === 'df')
      expect(keysOf(got)).toMatchObject(keysOf(should) as object);
    else expect(got).toEqual(id.startsWith('seed000') ? withAddress(should) : should);
  });
});

/** The first document knew no `ip4`. */
function withAddress(answer: any): unknown {
  for (const row of Object.values<any>(answer.args.listjails)) row.ip4 = '-';
  return answer;
}

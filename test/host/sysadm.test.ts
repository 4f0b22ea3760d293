/**
 * The examples of `docs/sysadm.md`, one after the other, against real jails: by curl over REST, and once more
 * over WebSocket. Replies are what stands there to the byte, but for UUIDs, sizes, times and process ids.
 * Then what the original's holes let through, and what many clients at once see.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeContext } from '../../src/iocage.ts';
import { ApiHost } from '../../src/server/api-host.ts';
import { HereRunner } from '../../src/server/runner.ts';
import { actions } from '../../src/server/sysadm/actions.ts';
import { hostBackend } from '../../src/server/sysadm/host-backend.ts';
import {
  laboratory as openLaboratory,
  stubBackend,
  type Client,
  type Laboratory,
} from '../support/api-server.ts';
import { makeRepository } from '../support/git.ts';
import { comparable } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { busyboxTar } from '../support/release.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/sysadm.md'), 'utf8');
const section = text.slice(text.indexOf('## Actions'), text.indexOf('## Where answers differ'));
const blocks = [...section.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
/** A block in one line is a request; the one after it is its reply. */
const examples = blocks.flatMap((block, index) =>
  /^\{"action".*\n$/.test(block) ? [[block.trim(), blocks[index + 1]!] as const] : [],
);

/** What differs from run to run. Two UUIDs may come in either order, so their objects are compared as a set. */
function plain(reply: string, pool: string): string {
  return reply
    .replaceAll(pool, 'tank')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d/g, 'TIME')
    .replace(/"jid": "\d+"/g, '"jid": "N"')
    .replace(/"(ava|use)": "[\d.]+[BKMGT]"/g, '"$1": "SIZE"')
    .replace(/"crt": "[\d.]+x"/g, '"crt": "RATIO"');
}

/** Entries keyed by UUID in the order of what they hold. */
function sorted(reply: string): string {
  const entry = /^( +)"UUID": \{\n(?:\1 +.*\n)*\1\},?\n/gm;
  const found = [...reply.matchAll(entry)].map(([whole]) => whole.replace(/,\n$/, '\n'));
  let next = 0;
  found.sort();
  return reply.replace(entry, (whole) =>
    whole.endsWith(',\n') ? found[next++]!.replace(/\n$/, ',\n') : found[next++]!,
  );
}

function curl(port: number, body: string): Promise<string> {
  const words = ['-sk', '-u', 'ann:ann:pass word', '-X', 'PUT', '-d', body];
  const child = spawn('curl', [...words, `https://127.0.0.1:${port}/sysadm/iocage`]);
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(out));
  });
}

describe.skipIf(!hostTests)(`the SysAdm API${reason}`, () => {
  let lab: Lab;
  let api: Laboratory;
  let host: ApiHost;

  beforeAll(async () => {
    lab = await openLab({ release: false });
    const tar = join(lab.pool.directory, 'busybox.tar');
    busyboxTar(tar);
    await lab.run('release.fetch', { release: 'bookworm', file: tar });
    host = new ApiHost({
      pool: lab.pool.name,
      kernel: lab.context().host,
      runner: new HereRunner((options) => makeContext({ ...options, paths: lab.paths })),
    });
    const backend = hostBackend(host);
    api = await openLaboratory({}, { stub: { ...stubBackend(), ...backend } });
  });
  afterAll(async () => {
    await api?.end();
    await lab?.close();
  });

  const ask = async (args: object): Promise<any> => {
    const { body } = await api.rest({ user: ['ann', 'ann:pass word'], body: JSON.stringify(args) });
    return Object.values(JSON.parse(body).args)[0];
  };

  describe('answers the examples of the documentation', () => {
    it('there are some of every action', () => {
      const names = examples.map(([request]) => (JSON.parse(request) as { action: string }).action);
      // The answer of the one that is left out is long, and looked at below.
      expect(new Set([...names, 'getdefaultsettings'])).toEqual(new Set(Object.keys(actions)));
    });

    it('all settings: the documented names, with values of this host', async () => {
      const { defaults } = await ask({ action: 'getdefaultsettings' });
      expect(Object.keys(defaults)).toHaveLength(109);
      expect(defaults).toMatchObject({ boot: 'off', count: '1', mountpoint: expect.stringMatching(/^\//) });
      expect(Object.values(defaults).filter((value) => typeof value !== 'string')).toEqual([]);
      await ask({ action: 'createjail', switches: '-e', props: 'tag=web memoryuse=1G:log' });
      const all = await ask({ action: 'getjailsettings', jail: 'web', prop: 'all' });
      expect(Object.keys(all.web)).toHaveLength(115);
      expect(all.web).toMatchObject({ memoryuse: '1G:log', tag: 'web', template: 'no', type: 'emptyjail' });
      expect(await ask({ action: 'getjailsettings', jail: 'web' })).toEqual(all);
      await ask({ action: 'destroyjail', jail: 'web' });
    });

    it('createplugin: a job that makes a jail with the plugin, which listplugins shows; one that fails leaves none', async () => {
      const plugins = join(lab.pool.directory, 'pool/iocage/plugins');
      mkdirSync(plugins);
      const repository = makeRepository(join(lab.pool.directory, 'hello'));
      repository.commit({ 'post_install.sh': 'echo installed >/root/hello\n' });
      const definition = { name: 'Hello', description: 'It says so', artifact: repository.path };
      writeFileSync(join(plugins, 'hello.json'), JSON.stringify(definition), { mode: 0o600 });
      const request = { action: 'createplugin', plugin: 'hello', net_device: 'lo', ip4: '198.51.100.9/32' };
      const id = 'sysadm_iocage_fetch_plugin_hello';
      try {
        expect(await ask(request)).toEqual({ started_dispatcher_id: id });
        // Under way already.
        expect(
          await api.rest({ user: ['ann', 'ann:pass word'], body: JSON.stringify(request) }),
        ).toMatchObject({
          status: 400,
        });
        await host.jobs.idle();
        const made = await ask({ action: 'listplugins' });
        expect(made.remote).toEqual({ hello: { description: 'It says so', id: 'hello', name: 'Hello' } });
        expect(made.local).toMatchObject({
          'hello_-': { tag: 'hello', ip4: 'lo|198.51.100.9/32', state: 'down' },
        });
        expect(
          readFileSync(join(lab.pool.directory, 'pool/iocage/jails/hello/root/root/hello'), 'utf8'),
        ).toBe('installed\n');
        await ask({ action: 'destroyjail', jail: 'hello' });
        repository.commit({ 'post_install.sh': 'exit 1\n' });
        expect(await ask(request)).toEqual({ started_dispatcher_id: id });
        await host.jobs.idle();
        expect((await ask({ action: 'listplugins' })).local).toEqual({});
        expect(await ask({ action: 'listjails' })).toEqual({});
      } finally {
        rmSync(plugins, { recursive: true });
      }
    });
  });

  describe.each(['REST', 'WebSocket'])('answers them over %s', (transport) => {
    let socket: Client;
    beforeAll(async () => {
      await lab.run('pool.activate', { pool: lab.pool.name });
      await host.usePool(lab.pool.name);
      await lab.run('release.fetch', { release: 'bookworm', file: join(lab.pool.directory, 'busybox.tar') });
      socket = await api.client();
      await socket.login();
    });

    it.each(examples)('%s', async (request, reply) => {
      const sent = request.replace('"tank"', JSON.stringify(lab.pool.name));
      if (transport === 'REST') {
        const answer = await curl(api.server.restPort, sent);
        expect(sorted(plain(answer, lab.pool.name))).toBe(sorted(plain(reply, 'tank')));
      } else {
        socket.send(`{"namespace":"sysadm","name":"iocage","id":"fooid","args":${sent}}`);
        const frame = await socket.next();
        const { args } = JSON.parse(frame) as { args: unknown };
        expect(frame).toBe(JSON.stringify({ args, id: 'fooid', name: 'response', namespace: 'sysadm' }));
        const layout = (value: unknown): string => JSON.stringify(value, null, 4);
        const wanted = (JSON.parse(reply) as { args: unknown }).args;
        expect(sorted(plain(layout(args), lab.pool.name))).toBe(sorted(plain(layout(wanted), 'tank')));
      }
      await host.jobs.idle();
    });
  });

  describe('with what nobody should send', () => {
    beforeAll(async () => {
      await ask({ action: 'activatepool', pool: lab.pool.name });
      await lab.run('release.fetch', { release: 'bookworm', file: join(lab.pool.directory, 'busybox.tar') });
      expect(await ask({ action: 'createjail', props: 'tag=web release=bookworm' })).toHaveProperty(
        'success',
      );
      expect(await ask({ action: 'startjail', jail: 'web' })).not.toHaveProperty('error');
    });

    it('changes nothing and runs nothing', async () => {
      const marker = join(lab.pool.directory, 'touched');
      const evil = [
        `$(touch ${marker})`,
        `\`touch ${marker}\``,
        `;touch ${marker}`,
        `web' 'x`,
        'web"',
        '../..',
        '*',
      ];
      const wrong = [
        '',
        ' ',
        '-f',
        '--force',
        'ALL',
        'a b',
        'web\n',
        'web\u0000',
        '__proto__',
        7,
        null,
        [],
        {},
        true,
      ];
      const before = comparable(lab.state());
      for (const jail of [...evil, ...wrong, 'x'.repeat(10_000)]) {
        for (const action of [
          'startjail',
          'stopjail',
          'capjail',
          'clonejail',
          'destroyjail',
          'getjailsettings',
        ]) {
          const answer = await ask({ action, jail });
          expect(answer.error, `${action} ${JSON.stringify(jail)}`).toEqual(expect.stringMatching(/./));
        }
        expect(await ask({ action: 'execjail', jail, user: 'root', command: 'true' })).toHaveProperty(
          'error',
        );
        expect(await ask({ action: 'execjail', jail: 'web', user: jail, command: 'true' })).toHaveProperty(
          'error',
        );
        expect(await ask({ action: 'deactivatepool', pool: jail })).toHaveProperty('error');
      }
      const props = [
        'tag=-f',
        'tag=a/b',
        'tag=../../x',
        'tag=web',
        `tag=$(touch ${marker})`,
        'tag=x -e',
        'tag=x noSuchProperty=1',
        'tag="a b"',
        'tag=x exec_start=a\nb',
        'tag=x count=0',
        'tag=x count=1e9',
        'tag=x release=../../../etc',
        'tag=x mountpoint=/etc',
        'tag=x org.freebsd.iocage:tag=y',
      ];
      for (const each of props) {
        expect(await ask({ action: 'createjail', props: each }), each).toHaveProperty('error');
        expect(await ask({ action: 'clonejail', jail: 'web', props: each }), each).toHaveProperty('error');
      }
      for (const switches of ['-f', '-b', '--empty', '-e -f', '$(x)'])
        expect(await ask({ action: 'createjail', switches, props: 'tag=x' })).toHaveProperty('error');
      for (const releases of ['-f', '../x', ['a b', '-x']])
        expect(await ask({ action: 'fetchreleases', releases }), String(releases)).toHaveProperty('error');
      expect(comparable(lab.state())).toEqual(before);
      expect(existsSync(marker)).toBe(false);
      expect(api.said.filter((line) => line.startsWith('error'))).toEqual([]);
    });

    it('a value of a property is text: quotes, dollars and newlines stay what they are', async () => {
      const value = `it's $(reboot) \`x\` ; | > *`;
      const made = await ask({ action: 'createjail', props: `tag=odd release=bookworm notes="${value}"` });
      expect(made).toHaveProperty('success');
      expect(await ask({ action: 'getjailsettings', jail: 'odd', prop: 'notes' })).toEqual({
        odd: { notes: value },
      });
      expect(await ask({ action: 'destroyjail', jail: 'odd' })).toHaveProperty('success');
    });

    it('a command is words, and no shell', async () => {
      const command = 'echo $(id) `id` ; id | id > /x *';
      const answer = await ask({ action: 'execjail', jail: 'web', user: 'root', command });
      expect(answer).toEqual({ success: { '$(id) `id` ; id | id > /x *': '' } });
    });

    it('what writes without an end is ended, and the server goes on', async () => {
      const answer = await ask({ action: 'execjail', jail: 'web', user: 'root', command: 'yes' });
      expect(answer.error).toMatch(/wrote more than 4 MB/);
      const left = await ask({
        action: 'execjail',
        jail: 'web',
        user: 'root',
        command: 'sh -c "pidof yes; true"',
      });
      expect(left).toEqual({ success: {} });
    });

    it('operators look, and change nothing', async () => {
      const as = async (args: object): Promise<number> =>
        (await api.rest({ user: ['bob', 'bob-password'], body: JSON.stringify(args) })).status;
      const before = comparable(lab.state());
      for (const action of ['listjails', 'df', 'getdefaultsettings', 'activatestatus', 'listreleases'])
        expect(await as({ action }), action).toBe(200);
      for (const action of ['cleanall', 'createjail', 'activatepool', 'fetchreleases'])
        expect(await as({ action, jail: 'web' }), action).toBe(403);
      for (const action of ['startjail', 'stopjail', 'destroyjail', 'execjail', 'clonejail', 'capjail'])
        expect(await as({ action, jail: 'web', user: 'root', command: 'id' }), action).toBe(403);
      expect(comparable(lab.state())).toEqual(before);
    });
  });

  describe('many at once', () => {
    it('starts and stops of one jail follow each other, and every listing after one shows it', async () => {
      const socket: Client = await api.client();
      await socket.login();
      const { jails } = await lab.run<{ jails: { uuid: string; tag: string }[] }>('jail.list', {});
      const uuid = jails.find(({ tag }) => tag === 'web')!.uuid;
      let reading = true;
      let seen = 0;
      const readers = Array.from({ length: 8 }, async () => {
        while (reading) {
          expect(Object.keys(await ask({ action: 'listjails' }))).toContain(uuid);
          seen += 1;
        }
      });
      for (const [action, state] of Array.from({ length: 3 }).flatMap(() => [
        ['stopjail', 'down'] as const,
        ['startjail', 'up'] as const,
      ])) {
        const answer = (await socket.ask({
          namespace: 'sysadm',
          name: 'iocage',
          id: action,
          args: { action, jail: 'web' },
        })) as any;
        expect(answer.id).toBe(action);
        expect(answer.args[action]).not.toHaveProperty('error');
        expect((await ask({ action: 'listjails' }))[uuid].state).toBe(state);
      }
      reading = false;
      await Promise.all(readers);
      expect(seen).toBeGreaterThan(20);
      const both = await Promise.all([
        ask({ action: 'stopjail', jail: 'web' }),
        ask({ action: 'startjail', jail: uuid }),
        ask({ action: 'stopjail', jail: 'web' }),
      ]);
      expect(JSON.stringify(both)).not.toMatch(/error|in use/);
      const now = await lab.run<{ jails: { uuid: string; state: string }[] }>('jail.list', {});
      const state = now.jails.find((jail) => jail.uuid === uuid)!.state;
      expect((await ask({ action: 'listjails' }))[uuid].state).toBe(state);
    });
  });
});

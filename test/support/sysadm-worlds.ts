/**
 * The cases of the documented API, and for each the state that its answer supposes: the UUIDs, tags, times and
 * pools that the documents print. A stage sets it up: the fakes below, or a real pool (`sysadm-stage.ts`).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../src/domain/errors.ts';
import { getOperation } from '../../src/ops/index.ts';
import type { Context } from '../../src/ops/context.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { ApiHost, type ApiSettings } from '../../src/server/api-host.ts';
import { HereRunner } from '../../src/server/runner.ts';
import type { Json } from '../../src/server/sysadm/json.ts';
import { openFakeWorld, type FakeWorld } from './fake-world.ts';

export interface Case {
  readonly id: string;
  readonly transport: 'rest' | 'websocket';
  readonly kind: string;
  readonly request: any;
  readonly response: any;
  readonly recommended_response?: any;
  readonly original_response?: any;
  readonly authenticated?: boolean;
  readonly setup?: readonly string[];
}

const root = join(import.meta.dirname, '..', '..');
export const cases = JSON.parse(
  readFileSync(join(root, 'test/fixtures/sysadm-cases.json'), 'utf8'),
) as readonly Case[];

/** What a case is about: its id without the document's and the transport's name. */
export const topic = (id: string): string => id.replace(/^seed\d+-/, '').replace(/-(ws|rest)$/, '');

/** Topics whose answers are not equal, with the reason, from the table of `docs/sysadm.md`. */
export function differences(): ReadonlyMap<string, string> {
  const text = readFileSync(join(root, 'docs/sysadm.md'), 'utf8');
  const table = text.slice(text.indexOf('## Where answers differ'));
  return new Map(
    [...table.matchAll(/^\| ((?:`[^`]+`(?:, )?)+) +\| (.+?) +\|$/gm)].flatMap(([, names, why]) =>
      [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => [name!, why!] as const),
    ),
  );
}

/** Cases about sockets, logins and verbs: only a server can answer them. */
export function needsServer({ request, transport, authenticated }: Case): boolean {
  if (authenticated === false) return true;
  if (transport === 'websocket') return false;
  return request.method !== 'PUT' || request.auth !== undefined || request.headers !== undefined;
}

/** The fields of an action, however the case writes them down; undefined when it is about no action. */
export function argsOf({ request, transport }: Case): Record<string, Json> | undefined {
  if (request === null || typeof request !== 'object' || Array.isArray(request)) return undefined;
  if (transport === 'rest') {
    const isAction = request.path === '/sysadm/iocage' && request.body?.action !== undefined;
    return isAction ? request.body : undefined;
  }
  const here = request.namespace === 'sysadm' && request.name === 'iocage';
  const isObject = typeof request.args === 'object' && !Array.isArray(request.args);
  return here && isObject ? request.args : undefined;
}

/** The value of `args` that is to be answered; an error envelope as its code. */
export function expected({ response, transport }: Case, of: any = response): Json {
  return transport === 'rest' ? of.body?.args : of.args;
}

export interface ApiWorld {
  readonly world: FakeWorld;
  readonly host: ApiHost;
  close(): Promise<void>;
}

/** What the state of a case is made with. */
export interface Stage {
  run(operation: string, input: unknown): Promise<unknown>;
  /** What is run from now on happens at this local time, `YYYY-MM-DDTHH:MM:SS`. */
  at(time: string): void;
  /** The interface is there, for jails to have addresses on; of the jails that are started next the first is the third. */
  nic(name: string): void;
  /** What `cat /x` prints in the jail. */
  prints(uuid: string, text: string): void;
  /** The jail has no such program. */
  lacks(program: string): void;
  /** The definition of a plugin is there, which says no more than who it is; what it does in a jail is nothing of the answer's. */
  plugin(id: string, name: string, description: string): void;
  /** The jail cannot be taken away. */
  stays(uuid: string): void;
}

export interface Given {
  readonly pool?: string;
  /** The server works on whatever pool is in use. */
  readonly anyPool?: true;
  /** Fetched releases. */
  readonly releases?: readonly string[];
  readonly settings?: Partial<ApiSettings>;
  /** UUIDs that the next jails get. */
  readonly uuids?: readonly string[];
  /** `YYYY-MM-DDTHH:MM:SS`, local. */
  readonly now?: string;
  readonly before?: (stage: Stage) => Promise<unknown>;
}

const start = '0bf985de-ca0f-11e5-8d45-d05099728dbf';
const jail9 = '9b8e1033-d065-11e5-8209-d05099728dbf';
const jail3 = '3030c554-d05e-11e5-8209-d05099728dbf';
const seedJail = '611c89ae-c43c-11e5-9602-54ee75595566';
const newtest = '5e1fe97e-cfba-11e5-8209-d05099728dbf';

const jail =
  (name: string, tag: string, properties: readonly (readonly [string, string])[] = [], kind = 'base') =>
  (stage: Stage): Promise<unknown> =>
    stage.run('jail.create', { kind, name, properties: [['tag', tag], ...properties] });

const up =
  (name: string, tag: string, properties: readonly (readonly [string, string])[] = [['ip4', 'inherit']]) =>
  async (stage: Stage): Promise<void> => {
    await jail(name, tag, properties)(stage);
    await stage.run('jail.start', { jail: name });
  };

const testUp: Given = { before: up(jail9, 'test') };
const at1020: Given = { releases: ['10.2-RELEASE'] };

/** By topic; a case that is not named here meets an empty pool. */
export const given: Readonly<Record<string, Given>> = {
  listjails: { before: jail(seedJail, 'testjail') },
  'getjailsettings-prop': { before: jail(jail9, 'test') },
  'getjailsettings-r': {
    before: async (stage) => {
      await jail(jail9, 'test')(stage);
      await jail('b67065a9-cfb9-11e5-8209-d05099728dbf', '2016-02-09@23:47:04')(stage);
    },
  },
  'getjailsettings-all': { before: jail(jail9, 'test') },
  getjailsettings: { before: jail(jail9, 'testjail') },
  df: {
    before: async (stage) => {
      await jail('f250ab25-d062-11e5-8209-d05099728dbf', 'test')(stage);
      await jail('f39318ae-d064-11e5-8209-d05099728dbf', 'test2')(stage);
    },
  },
  'startjail-ok': { before: jail(start, 'test', [['ip4', 'inherit']]) },
  'startjail-already': { before: up(start, 'test') },
  'stopjail-ok': { before: up(start, 'test') },
  'stopjail-already': { before: jail(start, 'test') },
  capjail: { before: up(start, 'test') },
  'clonejail-props': { before: jail(jail9, 'test'), uuids: [newtest] },
  'clonejail-noprops': {
    before: jail(jail9, 'test'),
    uuids: ['89e78032-cfba-11e5-8209-d05099728dbf'],
    now: '2016-02-09T23:48:12',
  },
  'createjail-props': { ...at1020, uuids: [jail3] },
  'createjail-e': { uuids: ['1325b8bc-d05e-11e5-8209-d05099728dbf'] },
  destroyjail: { before: jail(jail3, 'test') },
  execjail: testUp,
  'ok-startjail-vnet': {
    before: async (stage) => {
      stage.nic('vnet0');
      await jail(start, 'test', [
        ['vnet', 'on'],
        ['ip4_addr', 'vnet0|10.0.0.5/24'],
      ])(stage);
    },
  },
  'ok-destroyjail-clone': {
    before: async (stage) => {
      await jail(jail3, 'test', [], 'thick')(stage);
      await stage.run('jail.clone', { jail: jail3, name: newtest, properties: [['tag', 'newtest']] });
    },
  },
  'ok-destroyjail-running': { before: up(jail3, 'test') },
  'ok-getjailsettings-jail-only': { before: jail(jail9, 'test') },
  'err-getjailsettings-unknown-prop': { before: jail(jail9, 'test') },
  'ok-getjailsettings-prop-colon': {
    before: async (stage) => {
      stage.at('2016-02-10T20:12:33');
      await up(jail9, 'test')(stage);
    },
  },
  'odd-getjailsettings-all-three': { before: jail(jail9, 'test') },
  'err-createjail-release-not-fetched': at1020,
  'err-createjail-no-releases': { releases: [] },
  'ok-createjail-nothing': { uuids: [jail3], now: '2016-02-10T20:01:02' },
  'ok-createjail-count': {
    ...at1020,
    uuids: ['aaaaaaaa-d05e-11e5-8209-d05099728dbf', 'bbbbbbbb-d05e-11e5-8209-d05099728dbf'],
  },
  'err-execjail-no-such-command': {
    before: async (stage) => {
      await up(jail9, 'test')(stage);
      stage.lacks('nosuch');
    },
  },
  'err-execjail-not-running': { before: jail(jail9, 'test') },
  'ok-execjail-lossy': {
    before: async (stage) => {
      await up(jail9, 'test')(stage);
      stage.prints(jail9, 'b: 1:2\na\na\n10\n9\n\nafter blank\n');
    },
  },
  'odd-capjail-with-output': {
    before: up(jail9, 'test', [
      ['ip4', 'inherit'],
      ['rlimits', 'on'],
      ['memoryuse', '1G:deny'],
    ]),
  },
  'odd-activatepool-query-none': {
    anyPool: true,
    before: (stage) => stage.run('pool.deactivate', { pool: 'tank' }),
  },
  'err-cleanjails': {
    before: async (stage) => {
      await up(jail9, 'test')(stage);
      stage.stays(jail9);
    },
  },
  'err-cleanall-partial': {
    before: async (stage) => {
      await up(jail9, 'test')(stage);
      stage.stays(jail9);
    },
  },
  'odd-listjails-foreign-jails': {
    before: async (stage) => {
      stage.nic('eth0');
      await up(seedJail, 'test', [
        ['boot', 'on'],
        ['ip4_addr', 'eth0|10.0.0.5/24'],
      ])(stage);
    },
  },
  'ws-inline-args': { before: jail(seedJail, 'testjail') },
  'ws-namespace-case': { before: jail(seedJail, 'testjail') },
  'ws-no-id': { before: jail(seedJail, 'testjail') },
  'ws-number-id': { before: jail(seedJail, 'testjail') },
  'y2017-activatepool': { pool: 'tank1' },
  'y2017-activatestatus': { pool: 'my_zpool' },
  'y2017-activatestatus-none': {
    before: (stage) => stage.run('pool.deactivate', { pool: 'tank' }),
  },
  'y2017-deactivatepool': { pool: 'tank1' },
  'y2017-listjails': {
    settings: { listFormat: '2017' },
    before: jail('9f1b6b2e-0000-0000-0000-000000000002', 'db'),
  },
  'y2017-listjails-collision': {
    settings: { listFormat: '2017' },
    before: async (stage) => {
      await jail('9f1b6b2e-0000-0000-0000-000000000001', 'web')(stage);
      await jail('9f1b6b2e-0000-0000-0000-000000000002', 'db')(stage);
    },
  },
  'y2017-listtemplates': {
    before: async (stage) => {
      await jail('9f1b6b2e-0000-0000-0000-000000000003', 'tpl', [], 'thick')(stage);
      await stage.run('property.set', { jails: ['tpl'], properties: [['template', 'yes']] });
    },
  },
  'y2017-listreleases': { releases: [] },
  'y2017-listplugins': {
    before: async (stage) => {
      const sync = 'Resilient, fast and scalable file sync software for enterprises and individuals.';
      stage.plugin('btsync', 'BitTorrent Sync', sync);
      stage.plugin('gitlab', 'GitLab', 'Powerful features for modern software development');
      stage.plugin('jenkins', 'Jenkins', 'Jenkins CI');
    },
  },
  'y2017-createplugin': { before: async (stage) => stage.plugin('gitlab', 'GitLab', '') },
};

export function writePlugin(top: string, id: string, name: string, description: string): void {
  mkdirSync(join(top, 'plugins'), { recursive: true });
  const text = JSON.stringify({ name, description, pkgs: [id] });
  writeFileSync(join(top, 'plugins', `${id}.json`), text, { mode: 0o600 });
}

function fakeStage({ context, host, directory }: FakeWorld): Stage {
  let at: string | undefined;
  return {
    at: (time) => void (at = time),
    async run(operation, input) {
      const own = context();
      const clock = { ...own.clock, now: () => (at === undefined ? new Date() : new Date(at)) };
      return (await runOperation({ ...own, clock }, getOperation(operation), input)).result;
    },
    nic(name) {
      if (!host.nics.has(name)) host.nics.set(name, []);
      host.lastJid = 2;
    },
    prints: (_uuid, text) => void (host.nextOutput = text),
    lacks: () => void (host.nextStatus = 127),
    plugin: (id, name, description) => writePlugin(join(directory, 'tank/iocage'), id, name, description),
    stays: () => host.failStep('fake.remove'),
  };
}

/** The fakes as the case supposes them, and a host of the API over them. */
export async function openApiWorld(id: string, settings: Partial<ApiSettings> = {}): Promise<ApiWorld> {
  const how = given[topic(id)] ?? {};
  const world = await openFakeWorld(how);
  const uuids = [...(how.uuids ?? [])];
  let now = how.now;
  const unreachable = (): never => {
    throw failure('DOWNLOAD_FAILED', { url: 'https://…', why: 'tests do not download' });
  };
  const adapt = (context: Context): Context => ({
    ...context,
    ids: { uuid: () => uuids.shift() ?? context.ids.uuid() },
    clock: { ...context.clock, now: () => (now === undefined ? new Date() : new Date(now)) },
    downloads: {
      silenceMs: 0,
      reach: unreachable,
      text: unreachable,
      file: unreachable,
      digest: unreachable,
    },
  });
  await how.before?.(fakeStage(world));
  const host = new ApiHost({
    kernel: world.host,
    runner: new HereRunner(({ pool, emit, signal }) => {
      const context = adapt(world.context());
      return {
        ...context,
        pool,
        emit: emit ?? context.emit,
        signal: signal ?? context.signal,
      };
    }),
    settings: { ...how.settings, ...settings },
  });
  return {
    world,
    host,
    close: async () => {
      await host.close(1000);
      world.close();
    },
  };
}

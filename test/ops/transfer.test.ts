/** Jails between two hosts, on the fakes: what is sent, what is refused, and every step failing once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FakeStream } from '../support/fake-model.ts';
import type { FakeWorld } from '../support/fake-world.ts';
import { openTwoHosts, type TwoHosts } from '../support/two-hosts.ts';
import { failEveryStep } from './every-step.ts';

const web = { kind: 'thick', release: 'busybox', name: 'web' };
const toBackup = { jail: 'web', host: 'backup' };

/** What a send leaves on purpose, and what differs from run to run. */
const comparable = (world: FakeWorld): string =>
  world
    .state()
    .replaceAll(/^ {2}@ioc-send-.*\n(?: {4}.*\n)*/gm, '')
    .replaceAll(/^ {2}org\.freebsd\.iocage:sync_stat=.*\n/gm, '');

const snapshotsOf = async ({ storage }: FakeWorld, dataset: string): Promise<readonly string[]> =>
  (await storage.snapshots(`tank/iocage/${dataset}`, undefined, ['guid']))
    .map(({ name, values }) => `${name} ${values.get('guid')}`)
    .sort();
const write = (world: FakeWorld, path: string, text: string): void =>
  writeFileSync(join(world.directory, 'tank/iocage/jails', path), text);
const read = (world: FakeWorld, jail: string, path: string): string | undefined =>
  world.storage.read(`tank/iocage/jails/${jail}/root`, path);

describe('send and receive', () => {
  let hosts: TwoHosts;
  let here: FakeWorld;
  let there: FakeWorld;
  const send = (more: object = {}) => hosts.run('jail.send', { ...toBackup, ...more });

  beforeEach(async () => {
    hosts = await openTwoHosts();
    ({ here, there } = hosts);
    await here.run('jail.create', { ...web, properties: [['notes', 'hello']] });
    await here.run('snapshot.take', { jail: 'web', snapshot: 'kept' });
  });
  afterEach(() => hosts.close());

  it('brings datasets, snapshots and properties, then only what is new', async () => {
    write(here, 'web/root/etc/a', 'one');
    expect(await send()).toMatchObject({ incremental: false, pool: 'tank', streams: 4 });
    expect(read(there, 'web', 'etc/a')).toBe('one');
    expect(await snapshotsOf(there, 'jails/web')).toEqual(await snapshotsOf(here, 'jails/web'));
    write(here, 'web/root/etc/a', 'two');
    expect(await send()).toMatchObject({ incremental: true, streams: 2 });
    expect(read(there, 'web', 'etc/a')).toBe('two');
    // Only the newest of those that were taken to be sent stays, on both sides.
    const taken = (await snapshotsOf(there, 'jails/web')).filter((name) => name.includes('@ioc-send-'));
    expect(taken).toHaveLength(2);
    expect(await snapshotsOf(there, 'jails/web')).toEqual(await snapshotsOf(here, 'jails/web'));
    expect(await there.run('property.get', { key: 'notes', jail: 'web' })).toMatchObject({ value: 'hello' });
  });

  it('compares snapshots by guid: another one of the same name is refused', async () => {
    await send();
    const before = there.state();
    await here.storage.destroySnapshot('tank/iocage/jails/web@kept', { recursive: true });
    await here.run('snapshot.take', { jail: 'web', snapshot: 'kept' });
    await expect(send()).rejects.toMatchObject({
      message: expect.stringContaining('@kept is another snapshot') as string,
      details: { code: 'DIVERGED' },
    });
    expect(there.state()).toBe(before);
  });

  it('takes properties over, but for what is of one host: boot stays as it is there', async () => {
    await here.run('property.set', { jails: ['web'], properties: [['boot', 'on']] });
    await send();
    expect(here.events.map((event) => ('text' in event ? event.text : ''))).toContainEqual(
      expect.stringContaining('boot is off'),
    );
    const boot = () => there.run('property.get', { key: 'boot', jail: 'web' });
    expect(await boot()).toMatchObject({ value: 'off' });
    await there.run('property.set', { jails: ['web'], properties: [['boot', 'on']] });
    await here.run('property.set', { jails: ['web'], properties: [['boot', 'off']] });
    await here.run('property.set', { jails: ['web'], properties: [['notes', 'none']] });
    await send();
    expect(await boot()).toMatchObject({ value: 'on' });
    expect(await there.run('property.get', { key: 'notes', jail: 'web' })).toMatchObject({ value: 'none' });
  });

  it('refuses by name what is in the way, and changes nothing', async () => {
    const refused = async (code: string, message: string): Promise<void> => {
      const before = [comparable(here), there.state()];
      await expect(send()).rejects.toMatchObject({
        code: 'OTHER_HOST',
        details: { code },
        message: expect.stringContaining(message) as string,
      });
      expect([comparable(here), there.state()]).toEqual(before);
    };
    await there.run('jail.create', { ...web, name: 'other', properties: [['tag', 'web']] });
    await refused('NAME_TAKEN', 'tag "web" is already used by jail other');
    await there.run('jail.destroy', { jail: 'other' });
    await there.run('jail.create', web);
    await refused('DIVERGED', 'has no snapshot in common');
    await there.run('jail.destroy', { jail: 'web' });
    await send();
    await there.run('snapshot.take', { jail: 'web', snapshot: 'theirs' });
    await refused('DIVERGED', '@theirs');
    await there.run('snapshot.remove', { jail: 'web', snapshot: 'theirs' });
    await there.run('jail.start', { jail: 'web' });
    await refused('JAIL_RUNNING', 'is up and running');
    write(there, 'web/root/etc/own', 'theirs');
    await there.run('jail.stop', { jail: 'web' });
    await refused('DIVERGED', 'what is on it was changed since @ioc-send-');
    expect(read(there, 'web', 'etc/own')).toBe('theirs');
  });

  it('a start makes a standby a jail of its own; sending a standby on is refused', async () => {
    await send();
    const local = () => there.storage.local('tank/iocage/jails/web');
    expect(Object.fromEntries((await local())!)).toMatchObject({ readonly: 'on' });
    await expect(there.run('jail.send', toBackup)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    // Nor does a schedule take snapshots of it, which would be in the way of the next send.
    await here.run('property.set', { jails: ['web'], properties: [['snapshot_schedule', 'hourly=2']] });
    await send();
    const taken = await snapshotsOf(there, 'jails/web');
    await there.run('snapshot.scheduled', {});
    expect(await snapshotsOf(there, 'jails/web')).toEqual(taken);
    await there.run('jail.start', { jail: 'web' });
    expect((await local())!.has('readonly')).toBe(false);
    expect((await local())!.has('org.freebsd.iocage:standby')).toBe(false);
    await there.run('jail.stop', { jail: 'web' });
  });

  it('a clone of a standby is a jail of its own, which can be written', async () => {
    await send();
    await there.run('jail.clone', { jail: 'web', snapshot: 'kept', name: 'trial' });
    const local = (await there.storage.local('tank/iocage/jails/trial'))!;
    expect(local.has('org.freebsd.iocage:standby')).toBe(false);
    expect(local.has('readonly')).toBe(false);
  });

  it('a clone is sent whole, or as a clone where its origin is there by guid', async () => {
    await here.run('jail.clone', { jail: 'web', snapshot: 'kept', name: 'copy' });
    const origin = async () =>
      (await there.storage.filesystems('tank/iocage/jails/copy/root', 0, ['origin']))![0]!.values.get(
        'origin',
      );
    await hosts.run('jail.send', { ...toBackup, jail: 'copy' });
    expect(await origin()).toBeUndefined();
    await there.run('jail.destroy', { jail: 'copy' });
    await send();
    await hosts.run('jail.send', { ...toBackup, jail: 'copy' });
    expect(await origin()).toMatch(/^tank\/iocage\/jails\/web\/root@/);
  });

  it('a basejail wants its release there', async () => {
    await here.run('jail.create', { kind: 'base', release: 'busybox', name: 'shared' });
    await there.storage.destroy('tank/iocage/releases/busybox', { recursive: true });
    await expect(hosts.run('jail.send', { ...toBackup, jail: 'shared' })).rejects.toMatchObject({
      details: { code: 'RELEASE_NOT_FOUND' },
    });
  });

  it('a template stays one', async () => {
    await here.run('property.set', { jails: ['web'], properties: [['template', 'yes']] });
    await send();
    const { jails } = await there.run('jail.list', { templates: true });
    expect(jails).toMatchObject([{ uuid: 'web' }]);
    await here.run('property.set', { jails: ['web'], properties: [['template', 'no']] });
    await expect(send()).rejects.toMatchObject({ details: { code: 'DIVERGED' } });
  });

  it('goes to sync_target when no host is named, and says in sync_stat that it did', async () => {
    await expect(hosts.run('jail.send', { jail: 'web' })).rejects.toMatchObject({ code: 'USAGE' });
    const properties = [
      ['sync_target', 'root@backup'],
      ['sync_tgt_zpool', 'tank'],
    ];
    await here.run('property.set', { jails: ['web'], properties });
    expect(await hosts.run('jail.send', { jail: 'web' })).toMatchObject({
      host: 'root@backup',
      pool: 'tank',
    });
    expect(hosts.said.at(-1)).toMatch(/ -- root@backup iocage --json --quiet receive --pool tank --ask$/);
    const stat = await here.run('property.get', { key: 'sync_stat', jail: 'web' });
    expect(stat.value).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z root@backup:tank ioc-send-\d{8}T\d{9}$/);
    const local = await there.storage.local('tank/iocage/jails/web');
    expect([...local!.keys()].filter((key) => key.includes('sync_'))).toEqual([]);
  });

  it('what breaks off leaves nothing there and nothing here, when ZFS cannot go on with it', async () => {
    const before = [
      comparable(here),
      there.state().replaceAll(/^tank\/iocage\/receiving.*\n(  .*\n)*/gm, ''),
    ];
    for (const kept of [0, 1, 2, 3]) {
      hosts.breakNext((streams) => [
        ...streams.slice(0, kept),
        { ...streams[kept]!, cut: true } satisfies FakeStream,
      ]);
      await expect(send()).rejects.toMatchObject({ code: 'OTHER_HOST' });
      expect([comparable(here), there.state()], `after ${kept} streams`).toEqual(before);
    }
    expect((await snapshotsOf(here, 'jails/web')).filter((name) => name.includes('ioc-send'))).toEqual([]);
  });

  it('doctor removes parts of a jail, and leaves what is a whole one to a person', async () => {
    await send();
    await there.storage.create('tank/iocage/receiving/part', {});
    await there.storage.create('tank/iocage/receiving/aside', {
      'org.freebsd.iocage:host_hostuuid': 'aside',
    });
    const { findings } = await there.run('host.doctor', {});
    expect(findings).toMatchObject([
      { id: 'tank/iocage/receiving/aside', state: 'report' },
      { id: 'tank/iocage/receiving/part', state: 'mended' },
    ]);
    const rows = await there.storage.filesystems('tank/iocage/receiving', 1, []);
    expect(rows!.map(({ name }) => name)).toEqual(['tank/iocage/receiving', 'tank/iocage/receiving/aside']);
  });

  describe('every step fails once', () => {
    const world = { context: () => hosts.context(), state: () => comparable(here) };
    const receiver = { context: () => there.context(), state: () => there.state() };
    const refill = (streams: readonly FakeStream[]) => () =>
      Promise.resolve(there.storage.incoming.splice(0, Infinity, ...streams));
    /** Everything of the jail goes there again. */
    const forget = async (): Promise<void> => {
      await there.run('jail.destroy', { jail: 'web' });
      const made = (await there.storage.local('tank/iocage/receiving'))!.get('org.freebsd.iocage:op')!;
      await there.storage.destroy('tank/iocage/receiving', { recursive: false, madeBy: made });
    };

    it('jail.send', async () => {
      const count = await failEveryStep(world, {
        operation: 'jail.send',
        input: () => toBackup,
        prepare: () => there.run('jail.destroy', { jail: 'web' }).catch(() => undefined),
        reset: async () => undefined,
      });
      expect(count).toBe(2);
    });

    it('transfer.receive, the first time', async () => {
      await send();
      await forget();
      const { input, streams } = hosts.last();
      const count = await failEveryStep(receiver, {
        operation: 'transfer.receive',
        input: () => input,
        prepare: refill(streams),
        reset: forget,
      });
      expect(count).toBeGreaterThan(8);
    });

    it('transfer.receive, in place of an earlier state', async () => {
      await send();
      const first = hosts.last();
      await here.run('property.set', {
        jails: ['web'],
        properties: [
          ['notes', 'none'],
          ['tag', 'www'],
          ['owner', 'alice'],
        ],
      });
      await here.storage.create('tank/iocage/jails/web/data', {});
      await send();
      const second = hosts.last();
      const back = async (): Promise<void> => {
        await there.run('jail.destroy', { jail: 'web' });
        await refill(first.streams)();
        await there.run('transfer.receive', first.input);
      };
      await back();
      const count = await failEveryStep(receiver, {
        operation: 'transfer.receive',
        input: () => second.input,
        prepare: refill(second.streams),
        reset: back,
      });
      expect(count).toBeGreaterThan(10);
    });

    it('host.init', async () => {
      const count = await failEveryStep(world, {
        operation: 'host.init',
        input: () => ({ host: 'backup', pool: 'tank' }),
        reset: async () => undefined,
      });
      expect(count).toBe(1);
      expect(hosts.said.at(-1)).toMatch(/ -- backup iocage --json --quiet activate tank$/);
    });
  });
});

describe('send and receive, where ZFS can go on with what broke off', () => {
  let hosts: TwoHosts;
  let here: FakeWorld;
  let there: FakeWorld;
  const send = () => hosts.run('jail.send', toBackup);
  const cutAt = (kept: number): void =>
    hosts.breakNext((streams) => [...streams.slice(0, kept), { ...streams[kept]!, cut: true }]);
  const jails = async (): Promise<readonly unknown[]> => (await there.run('jail.list', {})).jails;

  beforeEach(async () => {
    hosts = await openTwoHosts({ resumableReceive: true });
    ({ here, there } = hosts);
    await here.run('jail.create', web);
    await here.run('snapshot.take', { jail: 'web', snapshot: 'kept' });
  });
  afterEach(() => hosts.close());

  for (const kept of [0, 1, 2, 3]) {
    it(`the first time, broken in stream ${kept + 1} of 4: the next send goes on there`, async () => {
      cutAt(kept);
      await expect(send()).rejects.toMatchObject({ code: 'OTHER_HOST' });
      expect(await jails()).toEqual([]);
      write(here, 'web/root/etc/a', 'later');
      expect(await send()).toMatchObject({ incremental: true });
      const { streams } = hosts.last();
      expect(streams.filter(({ token }) => token !== undefined)).toHaveLength(1);
      expect(await jails()).toMatchObject([{ uuid: 'web' }]);
      expect(read(there, 'web', 'etc/a')).toBe('later');
      expect(await snapshotsOf(there, 'jails/web')).toEqual(await snapshotsOf(here, 'jails/web'));
    });
  }

  it('later, broken in the first stream: the standby is in its place meanwhile', async () => {
    await send();
    write(here, 'web/root/etc/a', 'later');
    cutAt(0);
    await expect(send()).rejects.toMatchObject({ code: 'OTHER_HOST' });
    expect(await jails()).toMatchObject([{ uuid: 'web', state: 'down' }]);
    await send();
    expect(hosts.last().streams[0]!.token).toBeDefined();
    expect(read(there, 'web', 'etc/a')).toBe('later');
    expect(await snapshotsOf(there, 'jails/web')).toEqual(await snapshotsOf(here, 'jails/web'));
  });

  it('later, broken in the second stream: all of it is as before, and sent again', async () => {
    await send();
    write(here, 'web/root/etc/a', 'later');
    cutAt(1);
    const before = await snapshotsOf(there, 'jails/web');
    await expect(send()).rejects.toMatchObject({ code: 'OTHER_HOST' });
    expect(await snapshotsOf(there, 'jails/web')).toEqual(before);
    await send();
    expect(read(there, 'web', 'etc/a')).toBe('later');
    expect(await snapshotsOf(there, 'jails/web')).toEqual(await snapshotsOf(here, 'jails/web'));
  });

  it('a snapshot that is gone cannot be gone on with: the part is forgotten', async () => {
    cutAt(0);
    await expect(send()).rejects.toMatchObject({ code: 'OTHER_HOST' });
    await here.run('snapshot.remove', { jail: 'web', snapshot: 'kept' });
    await send();
    expect(hosts.last().streams.filter(({ token }) => token !== undefined)).toEqual([]);
    expect(await jails()).toMatchObject([{ uuid: 'web' }]);
  });

  it('doctor there takes the parts away; the next send begins anew', async () => {
    cutAt(2);
    await expect(send()).rejects.toMatchObject({ code: 'OTHER_HOST' });
    expect((await there.run('host.doctor', {})).findings).toMatchObject([{ state: 'mended' }]);
    expect(await send()).toMatchObject({ incremental: false });
    expect(await jails()).toMatchObject([{ uuid: 'web' }]);
  });
});

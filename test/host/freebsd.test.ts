/**
 * The FreeBSD driver below real operations and a real pool, with the stand-in for FreeBSD's own tools: every
 * step of every changing operation fails once, and of the starts and stops that FreeBSD does in its own way.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, stepCases, type StepCase } from '../ops/every-step.ts';
import { openFreebsdLab, type FreebsdLab } from '../support/freebsd-lab.ts';
import { hostTests, reason } from '../support/lab.ts';

/** What the jail is for a start and a stop; `none` and `off` take it back. */
const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'shared address': { ip4_addr: 'em0|192.0.2.77/24' },
  vnet: {
    vnet: 'on',
    interfaces: 'vnet0:bridge0',
    ip4_addr: 'vnet0|192.0.2.78/24',
    defaultrouter: '192.0.2.1',
    hosts: 'on',
  },
  'vnet by DHCP': { vnet: 'on', interfaces: 'vnet0:bridge0', ip4_addr: 'vnet0|DHCP' },
  'NAT by pf': { nat: '1', nat_forwards: 'tcp(80:8080)' },
  'NAT and vnet': { nat: '1', vnet: 'on', interfaces: 'vnet0:bridge0' },
  'limits and processors': { rlimits: 'on', maxproc: '50:deny', memoryuse: '64M:deny', cpuset: '0' },
  'dataset of its own': { jail_zfs: 'on' },
  'devices, file systems, hooks': {
    allow_tun: '1',
    mount_procfs: '1',
    mount_linprocfs: '1',
    volumes: 'SRV:/media/srv:ro',
    exec_prestart: 'true one',
    exec_poststop: 'true two',
  },
};

const plain: Readonly<Record<string, string>> = {
  ip4_addr: 'none',
  interfaces: 'vnet0:bridge0,vnet1:bridge1',
  vnet: 'off',
  defaultrouter: 'none',
  hosts: 'off',
  nat: '0',
  nat_forwards: 'none',
  rlimits: 'off',
  maxproc: 'off',
  memoryuse: 'off',
  cpuset: 'off',
  jail_zfs: 'off',
  allow_tun: '0',
  mount_procfs: '0',
  mount_linprocfs: '0',
  volumes: 'none',
  exec_prestart: '/usr/bin/true',
  exec_poststop: '/usr/bin/true',
};

describe.skipIf(!hostTests)(`FreeBSD driver on a real pool${reason}`, { timeout: 300_000 }, () => {
  let lab: FreebsdLab;
  beforeAll(async () => {
    lab = await openFreebsdLab();
    lab.standIn.change((machine) => {
      machine.klds.push('pf');
      machine.pf = {
        enabled: true,
        anchors: { '': { rules: [], nat: ['nat-anchor "iocage/*"', 'rdr-anchor "iocage/*"'] } },
      };
    });
    await lab.standIn.exec.change(['ifconfig', 'bridge0', 'create', 'up']);
    await lab.run('property.set', { jails: ['default'], properties: [['nat_backend', 'pf']] });
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'source' });
    // A first start writes the jail's resolv.conf, and the next ones find it.
    await lab.run('jail.start', { jail: 'source' });
    await lab.run('jail.stop', { jail: 'source' });
    await lab.run('snapshot.take', { jail: 'source', snapshot: 'kept' });
  });
  afterAll(() => lab.close());

  const run = (operation: string, input: unknown) => lab.run(operation, input);
  const set = (jail: string, values: Readonly<Record<string, string>>) =>
    run('property.set', {
      jails: [jail],
      properties: Object.entries(values).map(([key, value]) => [
        key,
        value.replace('SRV', join(lab.pool.directory, 'srv')),
      ]),
    });
  const world = {
    context: () => lab.context(),
    state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
  };

  for (const [kind, values] of Object.entries(kinds)) {
    it(`starts and stops, every step failing once: ${kind}`, async () => {
      const jail = `kind${Object.keys(kinds).indexOf(kind)}`;
      const config = { ...values };
      await run('jail.create', { kind: 'clone', release: 'busybox', name: jail });
      await set(jail, config);
      // What a first start decides is stored, so that each later one is like the other.
      await run('jail.start', { jail });
      const words = await lab.context().host.runtime(await specOf(jail));
      expect(words).toContain(`name=ioc-${jail}`);
      await run('jail.stop', { jail });
      const starting: StepCase = {
        operation: 'jail.start',
        input: () => ({ jail }),
        reset: () => run('jail.stop', { jail }),
      };
      const stopping: StepCase = {
        operation: 'jail.stop',
        input: () => ({ jail }),
        prepare: () => run('jail.start', { jail }).catch(() => undefined),
        reset: () => Promise.resolve(),
      };
      expect(await failEveryStep(world, starting)).toBeGreaterThan(5);
      expect(await failEveryStep(world, stopping)).toBeGreaterThan(3);
      await set(jail, plain);
      await run('jail.destroy', { jail });
    });
  }

  it('takes a dataset back from a jail whose root means ill, and the jail starts again with what it made', async () => {
    const zfs = (...words: readonly string[]): string =>
      execFileSync('zfs', words, { encoding: 'utf8' }).trim();
    const value = (property: string, dataset: string): string =>
      zfs('get', '-H', '-o', 'value', property, dataset);
    await run('jail.create', { kind: 'clone', release: 'busybox', name: 'lent' });
    await set('lent', { jail_zfs: 'on' });
    const { dataset, root } = await specOf('lent');
    const data = `${dataset}/data`;
    const home = join(lab.pool.directory, 'home');
    const evil = join(lab.pool.directory, 'etc');
    for (const place of [home, evil]) mkdirSync(place, { recursive: true });
    const host = { type: 'zfs', from: 'host/home', on: home, options: [] };
    lab.standIn.change(({ mounts }) => void mounts.push(host));
    await run('jail.start', { jail: 'lent' });
    const place = value('mountpoint', data);
    expect(lab.standIn.machine().mounts).toContainEqual(
      expect.objectContaining({ from: data, on: `${root}${place}` }),
    );
    // Root of the jail: a dataset that the host would mount over its own /etc, and one like any other.
    zfs('set', 'zoned=off', data);
    zfs('create', '-o', 'canmount=noauto', '-o', `mountpoint=${evil}`, `${data}/evil`);
    zfs('create', '-o', 'canmount=noauto', `${data}/good`);
    // With words of a table in its name, for whoever reads one line by line.
    const forged = `${evil}/x\n${lab.pool.name}\tmountpoint\t/etc\tlocal\n${lab.pool.name}\tlocal\n`;
    zfs('create', '-o', 'canmount=noauto', '-o', `mountpoint=${forged}`, `${data}/forged`);
    zfs('set', 'zoned=on', data);
    const strange = { type: 'zfs', from: `${data}/evil`, on: `${root}${evil}`, options: [] };
    mkdirSync(strange.on, { recursive: true });
    // And in the place of its own dataset, which it unmounts, a way to the host's home.
    lab.standIn.change((machine) => {
      machine.mounts = [...machine.mounts.filter(({ from }) => from !== data), strange];
    });
    rmSync(`${root}${place}`, { recursive: true });
    symlinkSync(home, `${root}${place}`);
    await run('jail.stop', { jail: 'lent' });
    const { mounts } = lab.standIn.machine();
    expect(mounts).toContainEqual(host);
    expect(mounts.filter(({ from }) => from.startsWith(dataset))).toEqual([]);
    // The host neither mounts it now nor at its next boot.
    expect([value('zoned', `${data}/evil`), value('zoned', `${data}/good`), value('zoned', data)]).toEqual([
      'on',
      'off',
      'off',
    ]);
    expect(value('mountpoint', data)).toMatch(/\/jails\/lent\/data$/);
    expect([value('zoned', `${data}/forged`), value('zoned', lab.pool.name)]).toEqual(['on', 'off']);
    rmSync(`${root}${place}`);
    await run('jail.start', { jail: 'lent' });
    await run('jail.stop', { jail: 'lent' });
    expect([value('zoned', `${data}/evil`), value('zoned', data)]).toEqual(['on', 'off']);
    lab.standIn.change((machine) => {
      machine.mounts = machine.mounts.filter(({ from }) => from !== 'host/home');
    });
    // The host loses its power: nothing runs, nothing is mounted, /var/run is empty, and the dataset is still jailed.
    for (const mend of ['jail.start', 'jail.stop']) {
      await run('jail.start', { jail: 'lent' });
      lab.standIn.change((machine) => {
        machine.jails = [];
        machine.mounts = [];
        machine.datasets = {};
        machine.rulesets = {};
      });
      rmSync(lab.paths.run, { recursive: true });
      expect(value('zoned', data)).toBe('on');
      await run(mend, { jail: 'lent' });
      if (mend === 'jail.start') await run('jail.stop', { jail: 'lent' });
      expect([value('zoned', data), value('mounted', data)]).toEqual(['off', 'yes']);
      expect(value('mountpoint', data)).toMatch(/\/jails\/lent\/data$/);
    }
    await run('jail.destroy', { jail: 'lent' });
  });

  describe('the jails of a host as one', () => {
    type Report = { jails: { tag: string; state: string; why: string }[] };
    const states = ({ jails }: Report) => Object.fromEntries(jails.map(({ tag, state }) => [tag, state]));
    const jid = async (name: string) => (await lab.context().host.running(lab.pool.name)).get(name)?.jid;
    /** The jails that the kernel was told to make (`-c`) or to remove (`-R`), in order. */
    async function told(flag: '-c' | '-R', work: () => Promise<unknown>): Promise<readonly string[]> {
      const { length } = lab.standIn.calls();
      await work();
      return lab.standIn
        .calls()
        .slice(length)
        .filter(({ tool, words }) => tool === 'jail' && words.includes(flag))
        .map(({ words }) => /(?:^|name=)ioc-(\S+)$/.exec(words.find((word) => word.includes('ioc-'))!)![1]!);
    }
    const make = (name: string, values: Readonly<Record<string, string>>) =>
      run('jail.create', { kind: 'clone', release: 'busybox', name, properties: Object.entries(values) });

    it('boot in order with what they depend on, past one that fails, and shut down in reverse; nothing is left', async () => {
      await make('web', { boot: 'on', priority: '5', depends: 'db', ip4_addr: 'em0|192.0.2.81/24' });
      await make('db', { vnet: 'on', interfaces: 'vnet0:bridge0' });
      await make('dns', { boot: 'on', priority: '1' });
      await make('bad', { boot: 'on', priority: '2', exec_prestart: 'false' });
      await make('app', { boot: 'on', depends: 'bad' });
      await make('idle', {});
      // What first starts decide is stored.
      await run('host.boot', {});
      await run('host.shutdown', {});
      const before = world.state();
      let booted: Report = { jails: [] };
      const made = await told('-c', async () => (booted = await run('host.boot', { parallel: 1 })));
      expect(made).toEqual(['dns', 'db', 'web']);
      expect(states(booted)).toEqual({
        ...{ dns: 'started', db: 'started', web: 'started' },
        ...{ bad: 'failed', app: 'skipped' },
      });
      expect(booted.jails.find(({ tag }) => tag === 'app')?.why).toBe('it depends on bad');
      await run('jail.start', { jail: 'idle' });
      const again: Report = await run('host.boot', { parallel: 2 });
      expect(states(again)).toMatchObject({ dns: 'unchanged', web: 'unchanged', bad: 'failed' });
      // One of them does not want to go: the others go all the same.
      lab.standIn.fail({ tool: 'jail', match: '-R ioc-web' });
      let stopped: Report = { jails: [] };
      const removed = await told('-R', async () => (stopped = await run('host.shutdown', { parallel: 1 })));
      lab.standIn.mend();
      expect(removed).toEqual(['idle', 'web', 'db', 'dns']);
      expect(states(stopped)).toEqual({ idle: 'stopped', web: 'failed', db: 'stopped', dns: 'stopped' });
      await run('host.doctor', {});
      expect(world.state()).toBe(before);
      for (const name of ['web', 'db', 'dns', 'bad', 'app', 'idle'])
        await run('jail.destroy', { jail: name });
    });

    it('a restart makes a new jail, a soft one keeps it; what fails is told, and doctor brings it up', async () => {
      await make('shop', { ip4_addr: 'em0|192.0.2.82/24' });
      await run('jail.start', { jail: 'shop' });
      const first = await jid('shop');
      await run('jail.restart', { jail: 'shop', soft: true });
      expect(await jid('shop')).toBe(first);
      await run('jail.restart', { jail: 'shop' });
      const second = await jid('shop');
      expect(second).toBeGreaterThan(first!);
      const up = world.state();
      // The stop breaks off: doctor ends it and starts the jail again.
      lab.standIn.fail({ tool: 'jail', match: '-R ioc-shop', when: 'after' });
      await expect(run('jail.restart', { jail: 'shop' })).rejects.toThrow('made to fail');
      lab.standIn.mend();
      await run('host.doctor', {});
      expect(await jid('shop')).toBeGreaterThan(second!);
      expect(world.state()).toBe(up);
      // The start fails: the jail is down, and nothing of it is left.
      await run('jail.stop', { jail: 'shop' });
      const down = world.state();
      await run('jail.start', { jail: 'shop' });
      lab.standIn.fail({ tool: 'jail', match: '-c name=ioc-shop' });
      await expect(run('jail.restart', { jail: 'shop' })).rejects.toThrow('made to fail');
      lab.standIn.mend();
      expect(world.state()).toBe(down);
      await run('jail.destroy', { jail: 'shop' });
    });
  });

  async function specOf(name: string) {
    const { readWorld } = await import('../../src/ops/world/read.ts');
    const { toSpec } = await import('../../src/ops/world/spec.ts');
    const everything = await readWorld(lab.context());
    return toSpec(
      everything,
      everything.jails.find(({ tag }) => tag === name)!,
    );
  }

  for (const scenario of stepCases(run, () => lab.pool.name)) {
    it(`${scenario.operation} ${scenario.variant ?? ''}`.trim(), async () => {
      expect(await failEveryStep(world, scenario)).toBeGreaterThan(0);
    });
  }
});

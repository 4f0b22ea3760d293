/**
 * What FreeBSD's sources say and its manual pages do not: what would take the host down, would never work, or would be
 * answered too early. docs/freebsd.md names what remains in doubt.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pfRules } from '../../../../src/driver/freebsd/nat-plan.ts';
import { parseDetection, parseInterfaces } from '../../../../src/driver/freebsd/net-facts.ts';
import { insideCommands } from '../../../../src/driver/freebsd/net-steps.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';
import { runSteps, start, stop } from '../../../contract/host.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';

let it_: FreebsdUnderTest;
beforeEach(async () => {
  it_ = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-kernel-')));
  await it_.standIn.exec.change(['ifconfig', 'bridge0', 'create', 'up']);
});
afterEach(() => it_.dispose());

const vnet = { vnet: 'on', interfaces: 'vnet0:bridge0' };
const said = (): readonly string[] =>
  it_.standIn.calls().map(({ tool, words }) => [tool, ...words].join(' '));
const problems = async (jail: JailSpec): Promise<readonly string[]> =>
  (await it_.host.check(jail)).map(({ key, problem }) => `${key}: ${problem}`);
const why = async (jail: JailSpec): Promise<readonly string[]> =>
  it_.host.notApplied(jail).map(({ key, why: reason }) => `${key}: ${reason}`);

describe('routing tables', () => {
  it('a process enters a network stack of its own with the first table, whatever exec_fib says', async () => {
    it_.standIn.change((machine) => void (machine.fibs = 4));
    const jail = await it_.jail('web', {
      ...vnet,
      ip4_addr: 'vnet0|10.0.0.2/24',
      exec_fib: '1',
      exec_start: '/bin/true',
    });
    expect(await problems(jail)).toEqual([]);
    expect(await why(jail)).toEqual(['exec_fib: the jail has a network stack of its own (vnet=on)']);
    await start(it_, jail);
    await it_.host.exec(jail, ['/bin/true'], { onOutput: () => undefined });
    await stop(it_, jail);
    const entered = it_.standIn.calls().filter(({ tool }) => tool === 'jexec');
    const first = it_.standIn.calls().filter(({ tool, words }) => tool === 'setfib' && words[0] === '0');
    expect(entered.length).toBeGreaterThan(5);
    expect(first).toHaveLength(entered.length);
  });

  it('the stand-in goes down as the kernel would', async () => {
    it_.standIn.change((machine) => void (machine.fibs = 4));
    await it_.standIn.exec.change(['jail', '-c', 'name=x', 'path=/', 'vnet', 'persist']);
    await expect(it_.standIn.exec.change(['setfib', '1', 'jexec', 'x', '/bin/true'])).rejects.toThrow(
      /panic/,
    );
    await it_.standIn.exec.change(['jail', '-R', 'x']);
  });

  it('a table that the host has not is told before anything is done', async () => {
    const jail = await it_.jail('web', { exec_fib: '3' });
    expect(await problems(jail)).toEqual([
      expect.stringMatching(/^exec_fib: the host has .*'sysctl net\.fibs=4' makes more/),
    ]);
    const again = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-kernel-')), { fibs: 4 });
    expect(await again.host.check(await again.jail('web', { exec_fib: '3' }))).toEqual([]);
    await again.dispose();
  });
});

const nicOfHost = (): string =>
  it_.standIn.machine().nics.find(({ kind }) => kind !== 'lo' && kind !== 'bridge')!.name;

describe('IPv6', () => {
  it('an interface on which it is switched off takes no address of a jail', async () => {
    const nic = nicOfHost();
    await it_.standIn.exec.change(['ifconfig', nic, 'inet6', 'ifdisabled']);
    const jail = await it_.jail('web', { ip6_addr: `${nic}|2001:db8::10/64` });
    expect(await problems(jail)).toEqual([
      expect.stringContaining(`IPv6 is switched off on ${nic}; 'ifconfig ${nic} inet6 -ifdisabled'`),
    ]);
    await it_.standIn.exec.change(['ifconfig', nic, 'inet6', '-ifdisabled']);
    expect(await problems(jail)).toEqual([]);
  });

  it('a member of a bridge takes none on FreeBSD 15, and every one before', async () => {
    const config = { ip4_addr: `${nicOfHost()}|198.51.100.10/32` };
    for (const [release, found] of [
      ['14.2-RELEASE', []],
      ['15.0-RELEASE', [expect.stringContaining('is a member of bridge0, and may have no address')]],
    ] as const) {
      const other = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-kernel-')), { release });
      other.standIn.change(({ nics }) => {
        for (const nic of nics) if (nic.kind !== 'lo') Object.assign(nic, { inet: [], inet6: [] });
      });
      await other.standIn.exec.change(['ifconfig', 'bridge0', 'create', 'addm', nicOfHost(), 'up']);
      const told = await other.host.check(await other.jail('web', config));
      expect(told.map(({ problem }) => problem)).toEqual(found);
      await other.dispose();
    }
  });

  it('is read of what ifconfig prints', () => {
    const nic = (flags: string): string => `em0: flags=8863<UP> metric 0 mtu 1500\n\tnd6 options=${flags}\n`;
    const off = (flags: string): boolean | undefined => parseInterfaces(nic(flags))[0]?.ip6Off;
    expect(off('29<PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL>')).toBe(true);
    expect(off('9<PERFORMNUD,IFDISABLED>')).toBe(true);
    expect(off('21<PERFORMNUD,AUTO_LINKLOCAL>')).toBe(false);
    expect(
      parseDetection(
        'vnet0: flags=8863<UP> metric 0 mtu 1500\n\tinet6 fe80::1%vnet0 prefixlen 64 scopeid 0x2\n' +
          '\tinet6 2001:DB8::20 prefixlen 64 tentative\n\tinet6 2001:db8::21 prefixlen 64 duplicated\n',
      ),
    ).toEqual([
      { address: '2001:db8::20', state: 'tentative' },
      { address: '2001:db8::21', state: 'duplicated' },
    ]);
  });

  it('a program of a vnet jail starts when its address can be used', async () => {
    const jail = await it_.jail('web', {
      ...vnet,
      ip6_addr: 'vnet0|2001:db8::20/64',
      exec_start: '/bin/true',
    });
    await start(it_, jail);
    const calls = said();
    const look = calls.findIndex((line) => line.endsWith('ifconfig vnet0 inet6'));
    expect(look).toBeGreaterThan(calls.findIndex((line) => line.endsWith('ifconfig vnet0 up')));
    expect(look).toBeLessThan(
      calls.findIndex((line) => line.startsWith('jexec') && line.endsWith('/bin/true')),
    );
    expect(it_.notes.join()).not.toContain('does not work');
    await stop(it_, jail);
  });

  it('an address that another machine has is told, since the kernel says so to its log alone', async () => {
    const jail = await it_.jail('web', { ip6_addr: `${nicOfHost()}|2001:db8::10/64` });
    it_.standIn.change(({ nics }) =>
      nics.find(({ name }) => name === nicOfHost())!.options.push('duplicated=2001:db8::10'),
    );
    await start(it_, jail);
    expect(it_.notes).toContain(
      '2001:db8::10 does not work: another machine of the network has it (duplicated)',
    );
    await stop(it_, jail);
  });

  it('the route that the configuration names comes before a router is asked for one', () => {
    const nic = { nic: 'vnet0', ends: { host: 'a', jail: 'b' }, bridge: 'bridge0', mtu: 1500 };
    const mac = { host: '02:00:00:00:00:01', jail: '02:00:00:00:00:02' };
    const commands = insideCommands(
      { uuid: 'web', config: new Map([['vnet', 'on']]) },
      {
        addresses: [{ family: 6, address: '2001:db8::20', prefix: 64, nic: 'vnet0' }],
        sysctls: [],
        nics: [{ ...nic, mac, rtadv: true }],
        routers: [{ family: 6, address: '2001:db8::1' }],
      },
    ).map((argv) => argv.join(' '));
    const at = (word: string): number => commands.findIndex((line) => line.includes(word));
    expect(at(' route ')).toBeGreaterThan(at('vnet0 up'));
    expect(at(' rtsol ')).toBeGreaterThan(at(' route '));
  });
});

describe('translation', () => {
  it("pf leaves by the interface's first address, and forwards what comes to it alone", () => {
    const rules = pfRules({
      nic: 'em0',
      addresses: ['172.16.0.2'],
      forwards: [{ protocol: 'tcp', from: 80, until: 80, to: 8080 }],
      by: { kind: 'pf', anchor: 'iocage/x' },
    });
    expect(rules).toContain('-> (em0:0)\n');
    expect(rules).toContain('to (em0:0) port 80 ->');
  });

  it("ipfw translates to an address of the host's by its number: one of an interface becomes another jail's", async () => {
    const other = await it_.jail('other', { ip4_addr: `${nicOfHost()}|192.0.2.99/32` });
    await start(it_, other);
    it_.standIn.change((machine) => {
      machine.klds.push('ipfw', 'ipfw_nat');
      machine.ipfw.enabled = true;
      machine.sysctl['net.inet.ip.fw.one_pass'] = '0';
      machine.nics.find(({ name }) => name === nicOfHost())!.inet.reverse();
    });
    const jail = await it_.jail('web', { nat: '1', nat_backend: 'ipfw', nat_interface: nicOfHost() });
    await start(it_, jail);
    const { nat, rules } = it_.standIn.machine().ipfw;
    expect(Object.values(nat)).toEqual(['ip 192.0.2.10 same_ports']);
    expect(rules.map(({ rule }) => rule).join('\n')).toContain(
      `from any to 192.0.2.10 in via ${nicOfHost()}`,
    );
    await stop(it_, jail);
    await stop(it_, other);
  });

  it('ipfw without its module for translation is told before anything is done', async () => {
    it_.standIn.change((machine) => {
      machine.klds.push('ipfw');
      machine.ipfw.enabled = true;
      machine.sysctl['net.inet.ip.fw.one_pass'] = '0';
    });
    const jail = await it_.jail('web', { nat: '1', nat_backend: 'ipfw' });
    expect(await problems(jail)).toEqual([expect.stringContaining("'kldload ipfw_nat' loads it")]);
    it_.standIn.change((machine) => void machine.klds.push('ipfw_nat'));
    expect(await problems(jail)).toEqual([]);
  });
});

describe('the end', () => {
  const stubborn = async (): Promise<JailSpec> => {
    const jail = await it_.jail('web', { stop_timeout: '1' });
    await start(it_, jail);
    it_.standIn.change(({ jails }) => Object.assign(jails[0]!, { stubborn: true, processes: true }));
    return jail;
  };
  it('waits for what it killed before the jail is removed, for jail_remove(2) does not', async () => {
    await stop(it_, await stubborn());
    const calls = said();
    const killed = calls.indexOf('pkill -KILL -j ioc-web');
    expect(killed).toBeGreaterThan(calls.indexOf('pkill -TERM -j ioc-web'));
    expect(calls.slice(killed)).toContain('pgrep -j ioc-web');
    expect(calls.indexOf('jail -q -R ioc-web')).toBeGreaterThan(calls.lastIndexOf('pgrep -j ioc-web'));
    expect(it_.notes.join()).toContain('did not end in time');
  });
  it('of a soft restart too, before anything is started anew', async () => {
    const jail = await stubborn();
    await runSteps(it_.host, await it_.host.softRestartSteps(jail), it_.run);
    const calls = said();
    expect(calls.lastIndexOf('pgrep -j ioc-web')).toBeGreaterThan(calls.indexOf('pkill -KILL -j ioc-web'));
    await stop(it_, jail);
  });
});

describe('limits of a jail that runs', () => {
  const rules = (): readonly string[] => it_.standIn.machine().rctl.toSorted();
  it('an amount that is denied takes the place of the one before, and comes back; others are taken away', async () => {
    const limits = { rlimits: 'on', maxproc: '50:deny', memoryuse: '1G:log', stop_timeout: '1' };
    const jail = await it_.jail('web', limits);
    await start(it_, jail);
    const before = rules();
    const more = { maxproc: '60:deny', memoryuse: '2G:log', openfiles: '100:deny' };
    const wanted = { ...jail, config: new Map([...jail.config, ...Object.entries(more)]) };
    const steps = await it_.host.limitSteps(wanted, 'apply');
    await runSteps(it_.host, steps, it_.run);
    expect(rules()).toEqual([
      'jail:ioc-web:maxproc:deny=60',
      'jail:ioc-web:memoryuse:log=2147483648',
      'jail:ioc-web:openfiles:deny=100',
    ]);
    for (const step of steps)
      await it_.host.kinds.find(({ kind }) => kind === step.kind)!.undo?.(step.args as never, it_.run);
    expect(rules()).toEqual(before);
    await stop(it_, jail);
    expect(rules()).toEqual([]);
  });
});

describe('mounting in a jail', () => {
  const told = async (config: Readonly<Record<string, string>>): Promise<readonly string[]> =>
    why({ ...(await it_.jail('web')), config: new Map(Object.entries(config)) });
  it('needs allow_mount, and a jail that sees its mounts', async () => {
    const levels = { allow_mount: '1', allow_mount_tmpfs: '1' };
    expect(await told({ ...levels, enforce_statfs: '1' })).toEqual([]);
    expect(await told({ ...levels, enforce_statfs: '2' })).toEqual([
      'allow_mount: a jail with enforce_statfs=2 may mount nothing; enforce_statfs=1 lets it',
      'allow_mount_tmpfs: a jail with enforce_statfs=2 may mount nothing; enforce_statfs=1 lets it',
    ]);
    expect(await told({ allow_mount_tmpfs: '1', enforce_statfs: '1' })).toEqual([
      'allow_mount_tmpfs: it needs allow_mount=1',
    ]);
    expect(await told({ ...levels, jail_zfs: '1' })).toEqual([]);
  });
});

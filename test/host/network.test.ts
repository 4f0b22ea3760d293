/**
 * Fixed addresses, in a network namespace made to look like a small host (`test/support/with-net`), so
 * that the machine's own network is left alone. Outside of one, the file runs itself again inside.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asData, kindFor, runSteps, start, stop } from '../contract/host.ts';
import { whyNoHostTests } from '../support/host-tests.ts';
import { inside, neighbour, runsInside } from '../support/inside.ts';
import { linuxUnderTest, type LinuxUnderTest } from '../support/linux-jails.ts';
import { sh } from '../support/pool.ts';
import { planJailNetwork } from '../../src/driver/linux/network.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import type { JailSpec } from '../../src/driver/host.ts';

/** Control groups are seen by all of the machine: two runs at once must not meet. */
const netPool = `net${process.pid}`;

runsInside('fixed addresses', import.meta.filename, { why: whyNoHostTests() });

/** What an HTTP client answers in another network namespace. */
function fetchFrom(netns: string | undefined, url: string): string {
  const words = ['timeout', '3', 'busybox', 'wget', '-q', '-O', '-', url];
  return sh(...(netns === undefined ? [] : ['ip', 'netns', 'exec', netns]), ...words).trim();
}

/** Packets as a datagram socket sends them that may name any source, which IPV6_FREEBIND lets it without privilege. */
const sender = `const [from, to] = process.argv.slice(1), socket = require('dgram').createSocket('udp6');
socket.bind({ address: from, exclusive: true }, () => socket.send('x', 9009, to, (error) => {
  if (error) throw error;
  socket.close();
}));`;
const listener = `require('dgram').createSocket('udp6').on('message', (_, { address }) => console.log(address))
  .bind(9009, '::', () => console.log('ready'));`;

const linksHere = (): readonly { ifname: string; address: string }[] =>
  JSON.parse(sh('ip', '-j', 'link')) as { ifname: string; address: string }[];

/** Sends one packet from each source in turn. */
const sendFrom = (netns: string, target: string, ...sources: readonly string[]): void =>
  sources.forEach((from) => sh('ip', 'netns', 'exec', netns, process.execPath, '-e', sender, from, target));

/** Sources of what arrives in a namespace (default: here) by the time that the packet from `last` is there. */
async function heard(netns: string | undefined, last: string, work: () => void): Promise<readonly string[]> {
  const words = [
    ...(netns === undefined ? [] : ['ip', 'netns', 'exec', netns]),
    process.execPath,
    '-e',
    listener,
  ];
  const child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  const until = async (done: () => boolean, ms: number): Promise<void> => {
    for (const end = Date.now() + ms; Date.now() < end && !done();)
      await new Promise((go) => setTimeout(go, 20));
  };
  try {
    await until(() => output.includes('ready'), 20_000);
    expect(output).toBe('ready\n');
    work();
    await until(() => output.includes(`${last}\n`), 10_000);
    return output.split('\n').slice(1, -1);
  } finally {
    child.kill();
  }
}

const server = {
  exec_start: '/bin/sh /etc/rc',
};

describe.skipIf(!inside)('fixed addresses, inside (the test above runs these)', () => {
  let it_: LinuxUnderTest;
  beforeEach(() => {
    it_ = linuxUnderTest(netPool, mkdtempSync(join(tmpdir(), 'iocnet-')));
  });
  afterEach(() => it_.dispose());

  async function webJail(name: string, config: Record<string, string>): Promise<JailSpec> {
    const jail = await it_.jail(name, { ...server, ...config });
    writeFileSync(
      join(jail.root, 'etc/rc'),
      'mkdir -p /tmp/www\necho $(hostname) >/tmp/www/index.html\nhttpd -h /tmp/www\n',
    );
    return jail;
  }

  it('answer from the host, from a neighbour and from another jail, and are gone after the stop', async () => {
    const web = await webJail('web', {
      ip4_addr: 'up0|192.0.2.10/24',
      ip6_addr: 'DEFAULT|2001:db8:1::10/64',
    });
    const other = await webJail('other', { ip4_addr: '192.0.2.11' });
    const before = await it_.snapshot();
    expect(await it_.host.check(web)).toEqual([]);
    await start(it_, web);
    await start(it_, other);
    expect((await it_.host.running(netPool)).get('web')).toMatchObject({
      ip4: ['up0|192.0.2.10/24'],
      ip6: ['up0|2001:db8:1::10/64'],
    });
    for (const from of [undefined, neighbour]) {
      expect(fetchFrom(from, 'http://192.0.2.10/')).toBe('web');
      expect(fetchFrom(from, 'http://[2001:db8:1::10]/')).toBe('web');
      expect(fetchFrom(from, 'http://192.0.2.11/')).toBe('other');
    }
    expect((await it_.inside(other, 'wget -q -O - http://192.0.2.10/')).output.trim()).toBe('web');
    expect(await it_.host.runtime(web)).toContain('ip4.addr=192.0.2.10');

    await stop(it_, web);
    expect(fetchFrom(neighbour, 'http://192.0.2.11/')).toBe('other');
    expect(() => fetchFrom(undefined, 'http://192.0.2.10/')).toThrow();
    await stop(it_, other);
    expect(await it_.snapshot()).toEqual(before);
  });

  it('keep what another jail still needs, whichever stops first', async () => {
    const before = await it_.snapshot();
    const one = await it_.jail('one', { ip6_addr: '2001:db8:1::21' });
    const two = await it_.jail('two', { ip6_addr: '2001:db8:1::22' });
    const forwarding = (): string => readFileSync('/proc/sys/net/ipv6/conf/all/forwarding', 'utf8').trim();
    await start(it_, one);
    await start(it_, two);
    await stop(it_, one);
    expect(forwarding()).toBe('1');
    expect(sh('ip', 'neigh', 'show', 'proxy')).toContain('2001:db8:1::22');
    await stop(it_, two);
    expect(forwarding()).toBe('0');
    expect(await it_.snapshot()).toEqual(before);
  });

  it('are refused before anything is touched when the host or a jail has them', async () => {
    const one = await it_.jail('one', { ip4_addr: '192.0.2.30' });
    await start(it_, one);
    const before = await it_.snapshot();
    const problem = async (name: string, config: Record<string, string>): Promise<string | undefined> =>
      (await it_.host.check(await it_.jail(name, config)))[0]?.problem;
    expect(await problem('two', { ip4_addr: '192.0.2.30/24' })).toBe('192.0.2.30 is in use by jail one');
    expect(await problem('three', { ip4_addr: '192.0.2.2' })).toBe(
      "192.0.2.2 is the host's own address on up0",
    );
    expect(await problem('four', { ip4_addr: 'em7|192.0.2.40' })).toBe(
      "192.0.2.40: the host has no interface em7; '192.0.2.40' alone takes up0",
    );
    expect(await problem('five', { ip4_addr: 'AUTOIP4' })).toContain('ip4_autostart is not set');
    expect(await problem('six', { ip4_addr: '192.0.2.300' })).toContain('no IPv4 address');
    expect(await it_.snapshot()).toEqual(before);
  });

  it('stay with the first of two jails that were planned at the same moment', async () => {
    const one = await it_.jail('one', { ip4_addr: '192.0.2.30' });
    const two = await it_.jail('two', { ip4_addr: '192.0.2.30' });
    const [plan1, plan2] = [await it_.host.startSteps(one), await it_.host.startSteps(two)];
    await runSteps(it_.host, plan1, it_.run);
    const before = await it_.snapshot();
    await expect(runSteps(it_.host, plan2, it_.run)).rejects.toThrow(/File exists/);
    expect(await it_.snapshot()).toEqual(before);
    expect(sh('ip', 'neigh', 'show', 'proxy')).toContain('192.0.2.30');
  });

  it('leave nothing when any step of the start fails', async () => {
    const jail = await it_.jail('one', { ip4_addr: '192.0.2.30', ip6_addr: '2001:db8:1::30' });
    const before = await it_.snapshot();
    const count = (await it_.host.startSteps(jail)).length;
    for (let failAt = 0; failAt < count; failAt += 1) {
      for (const after of [false, true]) {
        const steps = await it_.host.startSteps(jail);
        await expect(runSteps(it_.host, steps, it_.run, { failAt, after })).rejects.toThrow('made to fail');
        expect(await it_.snapshot(), `${steps[failAt]!.kind}, after: ${after}`).toEqual(before);
      }
    }
  });

  it('are taken back whatever the stop was interrupted by, and by the next start after a kill', async () => {
    const jail = await webJail('one', { ip4_addr: '192.0.2.30', ip6_addr: '2001:db8:1::30' });
    const before = await it_.snapshot();
    await start(it_, jail);
    await it_.kill(jail);
    await start(it_, jail);
    expect(fetchFrom(neighbour, 'http://192.0.2.30/')).toBe('one');
    const steps = asData(await it_.host.stopSteps(jail));
    for (const step of [...steps, ...steps]) await kindFor(it_.host, step).do(step.args as never, it_.run);
    expect(await it_.snapshot()).toEqual(before);
  });

  it('are the only ones that a jail can send from', async () => {
    const jail = await it_.jail('one', { ip4_addr: '192.0.2.30', allow_raw_sockets: '1' });
    await start(it_, jail);
    const { status, output } = await it_.inside(
      jail,
      'ip addr add 192.0.2.99/32 dev eth0; ip link set eth0 address 02:00:00:00:00:09',
    );
    expect(status).not.toBe(0);
    expect(output).toContain('not permitted');
    const own = execFileSync(
      'ip',
      [
        '-n',
        sh('ip', 'netns')
          .split(/\s/)
          .find((name) => name.startsWith('ioc-'))!,
        '-o',
        'addr',
      ],
      { encoding: 'utf8' },
    );
    expect(own).not.toContain('192.0.2.99');
    // Even with an address that it should not have, its packets go nowhere.
    expect(
      readFileSync(
        `/proc/sys/net/ipv4/conf/${/ioc[0-9a-f]{8}/.exec(sh('ip', '-o', 'link'))![0]}/rp_filter`,
        'utf8',
      ).trim(),
    ).toBe('1');
  });

  it('are the only ones that IPv6 packets of a jail come from, at the host and beyond', async () => {
    const [own, foreign] = ['2001:db8:1::30', '2001:db8:1::99'];
    const jail = await it_.jail('one', { ip6_addr: own });
    const before = await it_.snapshot();
    await start(it_, jail);
    const netns = readdirSync('/run/netns').find((name) => name.startsWith('ioc-'))!;
    sh('ip', 'netns', 'exec', netns, 'sysctl', '-q', '-w', 'net.ipv6.ip_nonlocal_bind=1');
    for (const [place, target, others] of [
      [neighbour, '2001:db8:1::1', [foreign, '2001:db8:1::2']],
      [undefined, '2001:db8:1::2', [foreign, '2001:db8:1::1']],
    ] as const)
      expect(await heard(place, own, () => sendFrom(netns, target, ...others, own))).toEqual([own]);
    // The rule, and nothing else, is what holds them.
    const table = /table ip6 (iocage-\w+)/.exec(sh('nft', 'list', 'tables'))![1]!;
    const rules = sh('nft', 'list', 'table', 'ip6', table);
    sh('nft', 'flush', 'table', 'ip6', table);
    const open = await heard(neighbour, own, () => sendFrom(netns, '2001:db8:1::1', foreign, own));
    expect(open).toEqual([foreign, own]);
    expect(rules).toContain('drop');
    await stop(it_, jail);
    expect(await it_.snapshot()).toEqual(before);
  });

  it('leave a jail that has none of IPv6 without a way for IPv6, though the host forwards it for another', async () => {
    const [own, foreign] = ['2001:db8:1::30', '2001:db8:1::99'];
    const six = await it_.jail('six', { ip6_addr: own });
    await start(it_, six);
    const [netns6] = readdirSync('/run/netns').filter((name) => name.startsWith('ioc-'));
    for (const config of [
      { ip4_addr: '192.0.2.31' },
      { nat: '1' },
      { nat: '1', vnet: 'on', interfaces: 'eth0:none' },
    ]) {
      const known = new Set(readdirSync('/run/netns'));
      const links = new Set(linksHere().map(({ ifname }) => ifname));
      const four = await it_.jail('four', config);
      await start(it_, four);
      const netns = readdirSync('/run/netns').find((name) => !known.has(name))!;
      const { ifname, address } = linksHere().find((link) => !links.has(link.ifname))!;
      // What a raw socket would do by itself: the link address of the host's end is no secret.
      const inside = (...words: string[]): string => sh('ip', '-n', netns, ...words);
      inside('addr', 'add', `${foreign}/128`, 'dev', 'eth0', 'nodad');
      inside('neigh', 'add', 'fe80::1', 'lladdr', address, 'dev', 'eth0');
      inside('route', 'add', '2001:db8:1::/64', 'via', 'fe80::1', 'dev', 'eth0', 'onlink');
      const arriving = (): Promise<readonly string[]> =>
        heard(neighbour, own, () => {
          sendFrom(netns, '2001:db8:1::1', foreign);
          sendFrom(netns6!, '2001:db8:1::1', own);
        });
      expect(await arriving(), JSON.stringify(config)).toEqual([own]);
      sh('sysctl', '-q', '-w', `net.ipv6.conf.${ifname}.disable_ipv6=0`);
      expect(await arriving(), JSON.stringify(config)).toEqual([foreign, own]);
      await stop(it_, four);
    }
    expect(sh('nft', 'list', 'tables').match(/table/g)).toHaveLength(1);
  });

  it('take the table of a lost record away too, and never rules of the user', async () => {
    sh('nft', 'add table ip6 mine; add chain ip6 mine in { type filter hook input priority 0; }');
    try {
      const rules = sh('nft', 'list', 'ruleset');
      const jail = await it_.jail('one', { ip6_addr: '2001:db8:1::30', nat: '1' });
      await start(it_, jail);
      expect(
        sh('nft', 'list', 'tables')
          .match(/ip6? iocage-/g)
          ?.sort(),
      ).toEqual(['ip iocage-', 'ip6 iocage-']);
      rmSync(join(it_.runDirectory, netPool, 'jail/one.json'));
      await stop(it_, jail);
      expect(sh('nft', 'list', 'ruleset')).toBe(rules);
    } finally {
      sh('nft', 'delete', 'table', 'ip6', 'mine');
      // What nobody remembers any more.
      for (const key of ['ipv6/conf/all/forwarding', 'ipv6/conf/up0/proxy_ndp', 'ipv4/conf/up0/forwarding'])
        sh('sysctl', '-q', '-w', `net/${key}=0`);
      sh('ip', 'neigh', 'del', 'proxy', '2001:db8:1::30', 'dev', 'up0');
    }
  });

  it('need nftables for IPv6, for NAT and on bridges, and for nothing else', async () => {
    class WithoutNft extends NodeFiles {
      override async stat(path: string) {
        return path.endsWith('/nft') ? undefined : super.stat(path);
      }
    }
    const paths = { run: it_.runDirectory, state: it_.stateDirectory };
    const problems = async (name: string, config: Record<string, string>) =>
      (await planJailNetwork(it_.exec, new WithoutNft(), paths, await it_.jail(name, config))).problems;
    const problem = 'nft(8) is not installed; apt-get install nftables';
    const ip6_addr = '2001:db8:1::30';
    expect(await problems('six', { ip6_addr })).toEqual([{ key: 'ip6_addr', problem }]);
    expect(await problems('both', { ip6_addr, nat: '1' })).toEqual([
      { key: 'nat', problem },
      { key: 'ip6_addr', problem },
    ]);
    expect(await problems('four', { ip4_addr: '192.0.2.30' })).toEqual([]);
    const bridged = { vnet: 'on', interfaces: 'vnet0:up0' };
    const without = { key: 'bridge_filter', problem: `${problem}, or set bridge_filter=off` };
    expect(await problems('bridged', bridged)).toContainEqual(without);
    expect(await problems('off', { ...bridged, bridge_filter: 'off' })).not.toContainEqual(without);
  });
});

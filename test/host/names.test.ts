/**
 * Names between jails, interfaces of the host that are handed over, and tunnels, in a network namespace made
 * to look like a small host (`test/support/with-net`). Outside of one, the file runs itself again inside.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { asData, kindFor, runSteps, start, stop } from '../contract/host.ts';
import { whyNoHostTests } from '../support/host-tests.ts';
import { inside, neighbour, runsInside } from '../support/inside.ts';
import { linuxUnderTest, type LinuxUnderTest } from '../support/linux-jails.ts';
import { sh } from '../support/pool.ts';
import { RecordingExec, RecordingFiles } from '../../src/driver/node/recorder.ts';
import type { JailSpec } from '../../src/driver/host.ts';
import type { StepRun } from '../../src/driver/step.ts';
import type { Action } from '../../src/driver/system.ts';

/** Control groups are seen by all of the machine: two runs at once must not meet. */
const pool = `names${process.pid}`;

runsInside('names and devices', import.meta.filename, { why: whyNoHostTests() });

describe.skipIf(!inside)('names and devices, inside (the test above runs these)', () => {
  let it_: LinuxUnderTest;

  beforeAll(() => {
    for (const [bridge, address] of [
      ['bridge0', '10.9.0.1/24'],
      ['bridge1', '10.8.0.1/24'],
    ] as const) {
      sh('ip', 'link', 'add', bridge, 'type', 'bridge');
      // What the kernel does by itself, and with a delay, is not to be compared.
      sh('sysctl', '-q', '-w', `net/ipv6/conf/${bridge}/disable_ipv6=1`);
      // A member of its own, so that its state does not follow the jails.
      const port = `p${bridge}`;
      sh('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', `q${bridge}`);
      for (const nic of [port, `q${bridge}`]) {
        sh('sysctl', '-q', '-w', `net/ipv6/conf/${nic}/disable_ipv6=1`);
        sh('ip', 'link', 'set', nic, 'up');
      }
      sh('ip', 'link', 'set', port, 'master', bridge);
      sh('ip', 'addr', 'add', address, 'dev', bridge);
      sh('ip', 'link', 'set', bridge, 'up');
      // The kernel opens the port some milliseconds later.
      while (sh('ip', '-o', 'link', 'show', bridge).includes('NO-CARRIER')) sh('sleep', '0.05');
    }
  });
  beforeEach(() => {
    it_ = linuxUnderTest(pool, mkdtempSync(join(tmpdir(), 'iocnames-')));
  });
  afterEach(() => it_.dispose());

  async function named(name: string, config: Record<string, string> = {}): Promise<JailSpec> {
    const jail = await it_.jail(name, { vnet: 'on', interfaces: 'vnet0:bridge0', hosts: 'on', ...config });
    writeFileSync(
      join(jail.root, 'etc/rc'),
      'mkdir -p /tmp/www\necho $(hostname) >/tmp/www/index.html\nhttpd -h /tmp/www\n',
    );
    writeFileSync(join(jail.root, 'etc/hosts'), `127.0.0.1\tlocalhost\n127.0.1.1\t${name}-itself`);
    return jail;
  }
  const got = async (jail: JailSpec, script: string): Promise<string> =>
    (await it_.inside(jail, script)).output.trim();
  /** Without the comment and what the jail itself says. */
  const seen = async (jail: JailSpec): Promise<readonly string[]> =>
    (await got(jail, 'cat /etc/hosts')).split('\n').filter((line) => !/^(#|127\.)/.test(line));
  const problems = async (jail: JailSpec): Promise<readonly string[]> =>
    (await it_.host.check(jail)).map(({ key, problem }) => `${key}: ${problem}`);

  describe('the jails of one bridge', () => {
    it('find each other by tag and host name while they run, and are forgotten with their stop', async () => {
      const before = await it_.snapshot();
      const front = await named('front', {
        ip4_addr: 'vnet0|10.9.0.2/24',
        ip6_addr: 'vnet0|fd00:9::2/64',
        host_hostname: 'www.example.org',
      });
      const back = await named('back', { ip4_addr: 'vnet0|10.9.0.3/24' });
      const silent = await named('silent', { ip4_addr: 'vnet0|10.9.0.4/24', hosts: 'off' });
      const apart = await named('apart', { interfaces: 'vnet0:bridge1', ip4_addr: 'vnet0|10.8.0.2/24' });
      expect(await problems(front)).toEqual([]);
      for (const jail of [front, silent, apart, back]) await start(it_, jail);

      expect(await got(front, 'cat /etc/hosts')).toBe(
        [
          '127.0.0.1\tlocalhost',
          '127.0.1.1\tfront-itself',
          '# Jails of the same network. iocage keeps these lines: hosts(5), property hosts.',
          '10.9.0.3\tback',
          '10.9.0.2\tfront www.example.org',
          'fd00:9::2\tfront www.example.org',
        ].join('\n'),
      );
      expect(await got(front, 'wget -q -O - http://back/')).toBe('back');
      expect(await got(back, 'wget -q -O - http://www.example.org/')).toBe('www.example.org');
      expect(await seen(apart)).toEqual(['10.8.0.2\tapart']);
      expect(await got(silent, 'cat /etc/hosts')).toBe('127.0.0.1\tlocalhost\n127.0.1.1\tsilent-itself');

      await stop(it_, back);
      expect(await seen(front)).toEqual([
        '10.9.0.2\tfront www.example.org',
        'fd00:9::2\tfront www.example.org',
      ]);
      await start(it_, back);
      expect(await seen(front)).toHaveLength(3);
      for (const jail of [back, silent, apart, front]) await stop(it_, jail);
      // Nothing was written in the jails' own files.
      for (const jail of [front, back, silent, apart])
        expect(readFileSync(join(jail.root, 'etc/hosts'), 'utf8')).toBe(
          `127.0.0.1\tlocalhost\n127.0.1.1\t${jail.uuid}-itself`,
        );
      expect(await it_.snapshot()).toEqual(before);
    });

    it('reach a file that is mounted already, and root in a jail changes none of it', async () => {
      const front = await named('front', { ip4_addr: 'vnet0|10.9.0.2/24' });
      const back = await named('back', { ip4_addr: 'vnet0|10.9.0.3/24' });
      await start(it_, front);
      const script = `echo '6.6.6.6 back' >>/etc/hosts; rm -f /etc/hosts; mv /etc/hosts /tmp/h; umount /etc/hosts
        echo evil >/tmp/evil; mv /tmp/evil /etc/hosts; chmod 777 /etc/hosts; mount -o remount,rw /etc/hosts
        mv /etc /etc.old; mkdir -p /etc; echo '6.6.6.6 back' >/etc/hosts; cat /etc.old/hosts`;
      const { output } = await it_.inside(front, `(${script}) 2>/dev/null`);
      expect(output).not.toContain('6.6.6.6');
      expect(output).not.toContain('evil');
      await start(it_, back);
      // The file it was given goes on being told; what it made of its own /etc is its own affair.
      expect(await got(front, 'cat /etc.old/hosts')).toContain('10.9.0.3\tback');
      expect(await seen(back)).toEqual(['10.9.0.3\tback', '10.9.0.2\tfront']);
      await stop(it_, front);
      expect(await seen(back)).toEqual(['10.9.0.3\tback']);
    });

    it('of the same name leave it to nobody, but a tag is stronger than a host name', async () => {
      const one = await named('one', { ip4_addr: 'vnet0|10.9.0.2/24', host_hostname: 'db' });
      const two = await named('two', { ip4_addr: 'vnet0|10.9.0.3/24', host_hostname: 'db' });
      const three = await named('three', { ip4_addr: 'vnet0|10.9.0.4/24', host_hostname: 'one' });
      for (const jail of [one, two, three]) await start(it_, jail);
      expect(await seen(one)).toEqual(['10.9.0.2\tone', '10.9.0.4\tthree', '10.9.0.3\ttwo']);
    });

    it('lose the names of one that was killed, at the latest when the next one comes or goes', async () => {
      const before = await it_.snapshot();
      const front = await named('front', { ip4_addr: 'vnet0|10.9.0.2/24' });
      const back = await named('back', { ip4_addr: 'vnet0|10.9.0.3/24' });
      await start(it_, front);
      await start(it_, back);
      await it_.kill(back);
      for (const step of await it_.host.leftoverSteps!(back))
        await kindFor(it_.host, step).do(step.args as never, it_.run);
      expect(await seen(front)).toEqual(['10.9.0.2\tfront']);
      await start(it_, back);
      expect(await seen(front)).toHaveLength(2);
      await it_.kill(back);
      const third = await named('third', { ip4_addr: 'vnet0|10.9.0.5/24' });
      await start(it_, third);
      expect(await seen(front)).toEqual(['10.9.0.2\tfront', '10.9.0.5\tthird']);
      await start(it_, back);
      for (const jail of [front, back, third]) await stop(it_, jail);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('see nothing of a start that fails, at whichever step', async () => {
      const front = await named('front', { ip4_addr: 'vnet0|10.9.0.2/24' });
      const back = await named('back', { ip4_addr: 'vnet0|10.9.0.3/24' });
      await start(it_, front);
      const before = await it_.snapshot();
      const count = (await it_.host.startSteps(back)).length;
      for (let failAt = 0; failAt < count; failAt += 1) {
        for (const after of [false, true]) {
          const steps = await it_.host.startSteps(back);
          await expect(runSteps(it_.host, steps, it_.run, { failAt, after })).rejects.toThrow();
          expect(await seen(front), `step ${failAt}`).toEqual(['10.9.0.2\tfront']);
          expect(await it_.snapshot()).toEqual(before);
        }
      }
    });

    it('that start and stop at the same moment are all known to each other in the end', async () => {
      const names = ['a', 'b', 'c', 'd'];
      const jails = await Promise.all(
        names.map((name, index) => named(name, { ip4_addr: `vnet0|10.9.0.${index + 2}/24` })),
      );
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(jails.map((jail) => start(it_, jail)));
        for (const jail of jails)
          expect(await seen(jail)).toEqual(names.map((n, i) => `10.9.0.${i + 2}\t${n}`));
        await Promise.all(jails.slice(1).map((jail) => stop(it_, jail)));
        expect(await seen(jails[0]!)).toEqual(['10.9.0.2\ta']);
        await stop(it_, jails[0]!);
      }
    });
  });

  it('a dry run says all of it and does nothing', async () => {
    sh('ip', 'link', 'add', 'card9', 'type', 'veth', 'peer', 'name', 'far9');
    const jail = await named('dry', {
      ip4_addr: 'vnet0|10.9.0.2/24',
      vnet_interfaces: 'card9',
      allow_tun: '1',
      exec_system_user: 'nobody',
      exec_created: 'date',
    });
    const actions: Action[] = [];
    const dry: StepRun = {
      ...it_.run,
      exec: new RecordingExec(it_.exec, actions),
      files: new RecordingFiles(it_.run.files, actions),
      dry: true,
    };
    const before = await it_.snapshot();
    await runSteps(it_.host, await it_.host.startSteps(jail), dry);
    expect(await it_.snapshot()).toEqual(before);
    await start(it_, jail);
    const running = await it_.snapshot();
    await runSteps(it_.host, await it_.host.stopSteps(jail), dry);
    expect(await it_.snapshot()).toEqual(running);
    const said = actions.map((action) => JSON.stringify(action)).join('\n');
    for (const part of [
      'link set dev card9 netns ioc-dry-',
      'tuntap add dev tun0 mode tun',
      '"--reuid=65534"',
      '/bundle/dry/hosts"',
      `link set dev card9 netns ${process.pid}`,
    ])
      expect(said).toContain(part);
    await stop(it_, jail);
    expect(await it_.snapshot()).toEqual(before);
    sh('ip', 'link', 'del', 'card9');
  });

  it('jails with addresses of the host find each other, those behind NAT too', async () => {
    const own = { vnet: 'off', interfaces: 'none' };
    const web = await named('web', {
      ...own,
      ip4_addr: 'up0|192.0.2.10/24',
      ip6_addr: 'up0|2001:db8:1::10/64',
    });
    const shop = await named('shop', { ...own, nat: '1' });
    await start(it_, web);
    await start(it_, shop);
    const lines = await seen(shop);
    expect(lines).toEqual([
      expect.stringMatching(/^172\.16\.\d+\.\d+\tshop$/),
      '192.0.2.10\tweb',
      '2001:db8:1::10\tweb',
    ]);
    expect(await got(shop, 'wget -q -O - http://web/')).toBe('web');
    expect(await got(web, 'wget -q -O - http://shop/')).toBe('shop');
  });

  it('a jail without a network of its own keeps its file, and the start says so', async () => {
    const jail = await named('alone', { vnet: 'off', interfaces: 'none' });
    expect(it_.host.notApplied(jail)).toContainEqual(expect.objectContaining({ key: 'hosts' }));
    await start(it_, jail);
    expect(await got(jail, 'cat /etc/hosts')).toBe('127.0.0.1\tlocalhost\n127.0.1.1\talone-itself');
    expect((await it_.inside(jail, 'echo more >>/etc/hosts')).status).toBe(0);
  });

  it('a planted /etc/hosts is refused and followed nowhere; a missing one is no hindrance', async () => {
    const jail = await named('bad', { ip4_addr: 'vnet0|10.9.0.2/24' });
    const file = join(jail.root, 'etc/hosts');
    const plant = async (make: () => void): Promise<readonly string[]> => {
      rmSync(file, { force: true, recursive: true });
      make();
      return problems(jail);
    };
    expect(await plant(() => symlinkSync('/etc/shadow', file))).toEqual([
      'hosts: /etc/hosts of the jail is no plain file',
    ]);
    expect(await plant(() => void sh('mkfifo', file))).toEqual([
      'hosts: /etc/hosts of the jail is no plain file',
    ]);
    expect(await plant(() => mkdirSync(file))).toEqual(['hosts: /etc/hosts of the jail is no plain file']);
    expect(await plant(() => writeFileSync(file, 'x'.repeat(70_000)))).toEqual([
      'hosts: /etc/hosts of the jail is larger than 64 KiB',
    ]);
    expect(await plant(() => undefined)).toEqual([]);
    await start(it_, jail);
    expect(await seen(jail)).toEqual(['10.9.0.2\tbad']);
  });

  describe('an interface of the host', () => {
    /** A card whose other end is in the neighbour's network, where a server listens. */
    function card(): void {
      sh('ip', 'link', 'add', 'card0', 'type', 'veth', 'peer', 'name', 'far0', 'netns', neighbour!);
      sh('ip', 'link', 'set', 'card0', 'up');
      sh('ip', '-n', neighbour!, 'addr', 'add', '10.77.0.1/24', 'dev', 'far0');
      sh('ip', '-n', neighbour!, 'link', 'set', 'far0', 'up');
    }
    beforeEach(card);
    afterEach(async () => {
      await it_.dispose();
      sh('ip', '-n', neighbour!, 'link', 'del', 'far0');
    });
    const config = {
      interfaces: 'none',
      hosts: 'off',
      vnet_interfaces: 'card0',
      ip4_addr: 'card0|10.77.0.2/24',
    };
    const mac = (): string => /ether (\S+)/.exec(sh('ip', '-o', 'link', 'show', 'card0'))![0];
    const home = (): boolean => sh('ip', '-o', 'link').includes(' card0@');
    /** The kernel gives an interface a new number, and its IPv6 settings anew, each time it moves. */
    const snapshot = async (): Promise<string> =>
      JSON.stringify(await it_.snapshot()).replace(/\d+: |link\/ether [0-9a-f:]+|fe80::[0-9a-f:]+/g, '');

    it('is the jail’s while it runs, with the address it is given, and comes back up', async () => {
      const jail = await named('router', config);
      expect(await problems(jail)).toEqual([]);
      const before = mac();
      await start(it_, jail);
      expect(home()).toBe(false);
      expect(await got(jail, 'ls /sys/class/net')).toContain('card0');
      const answer = sh(
        'ip',
        'netns',
        'exec',
        neighbour!,
        'busybox',
        'wget',
        '-q',
        '-O',
        '-',
        'http://10.77.0.2/',
      );
      expect(answer.trim()).toBe('router');
      expect((await it_.host.running(pool)).get('router')?.ip4).toEqual(['card0|10.77.0.2/24']);
      const other = await named('other', { ...config, ip4_addr: 'none' });
      expect(await problems(other)).toEqual(['vnet_interfaces: card0 is with jail router']);
      await stop(it_, jail);
      expect(home()).toBe(true);
      expect(sh('ip', '-o', 'link', 'show', 'card0')).toMatch(/<[^>]*\bUP\b/);
      expect(mac()).toBe(before);
      expect(sh('ip', '-o', '-4', 'addr', 'show', 'dev', 'card0')).toBe('');
    });

    it('comes back from a jail that was killed, and from one whose record is lost', async () => {
      const jail = await named('router', config);
      await start(it_, jail);
      await it_.kill(jail);
      expect(home()).toBe(false);
      // The next start takes it back and hands it over again.
      expect(await problems(jail)).toEqual([]);
      await start(it_, jail);
      expect(await got(jail, 'ls /sys/class/net')).toContain('card0');
      await it_.kill(jail);
      for (const step of await it_.host.leftoverSteps!(jail))
        await kindFor(it_.host, step).do(step.args as never, it_.run);
      expect(home()).toBe(true);
      expect(sh('ip', '-o', 'link', 'show', 'card0')).toMatch(/<[^>]*\bUP\b/);

      await start(it_, jail);
      await it_.kill(jail);
      rmSync(join(it_.runDirectory, pool, 'jail', 'router.json'));
      for (const step of await it_.host.stopSteps(jail)) {
        const done = Promise.resolve(kindFor(it_.host, step).do(step.args as never, it_.run));
        if (step.onError === 'warn') await done.catch(() => undefined);
        else await done;
      }
      expect(home()).toBe(true);
      expect(existsSync('/run/netns') ? sh('ls', '/run/netns').trim() : '').toBe(neighbour);
    });

    it('is the host’s again after a start that fails, at whichever step', async () => {
      const jail = await named('router', { ...config, interfaces: 'vnet0:bridge0' });
      const before = await snapshot();
      const count = (await it_.host.startSteps(jail)).length;
      for (let failAt = 0; failAt < count; failAt += 1) {
        for (const after of [false, true]) {
          const steps = asData(await it_.host.startSteps(jail));
          await expect(runSteps(it_.host, steps, it_.run, { failAt, after })).rejects.toThrow();
          expect(await snapshot(), `step ${failAt}`).toBe(before);
        }
      }
    });

    it('that the host needs itself is refused, with the reason', async () => {
      sh('ip', 'link', 'add', 'link', 'card0', 'name', 'upper0', 'type', 'macvlan');
      const refused = async (vnet_interfaces: string, more = {}): Promise<readonly string[]> =>
        problems(await named('bad', { ...config, ip4_addr: 'none', vnet_interfaces, ...more }));
      expect(await refused('up0')).toEqual(["vnet_interfaces: up0 carries the host's default route"]);
      expect(await refused('card0')).toEqual(['vnet_interfaces: card0 is below upper0, which would be lost']);
      sh('ip', 'link', 'del', 'upper0');
      expect(await refused('pbridge0')).toEqual([
        'vnet_interfaces: pbridge0 is a member of bridge0; take it out first',
      ]);
      expect(await refused('bridge0 lo nic9')).toEqual([
        'vnet_interfaces: bridge0 belongs to its network and cannot be moved',
        'vnet_interfaces: lo belongs to its network and cannot be moved',
        'vnet_interfaces: the host has no interface nic9',
      ]);
      sh('ip', 'addr', 'add', '10.78.0.1/24', 'dev', 'card0');
      expect(await refused('card0')).toEqual([
        "vnet_interfaces: card0 has the host's address 10.78.0.1; take it away first",
      ]);
      sh('ip', 'addr', 'del', '10.78.0.1/24', 'dev', 'card0');
      sh('ip', 'route', 'add', '10.79.0.0/24', 'dev', 'card0');
      expect(await refused('card0')).toEqual([
        "vnet_interfaces: card0 is in the host's routing table; take the routes away first",
      ]);
      sh('ip', 'route', 'del', '10.79.0.0/24', 'dev', 'card0');
      expect(await refused('card0', { interfaces: 'card0:bridge0' })).toEqual([
        'vnet_interfaces: the jail has another interface of the name card0',
      ]);
      expect(await refused('card0', { vnet: 'off' })).toEqual([
        'vnet_interfaces: handing interfaces over needs vnet=on',
      ]);
      expect(await refused('card0')).toEqual([]);
    });

    it('stays inside, and the stop says so, when its name is taken meanwhile; then it can be repeated', async () => {
      const jail = await named('router', config);
      await start(it_, jail);
      sh('ip', 'link', 'add', 'card0', 'type', 'veth', 'peer', 'name', 'spare0');
      await expect(stop(it_, jail)).rejects.toThrow(/card0 stays in/);
      sh('ip', 'link', 'del', 'card0');
      for (const step of await it_.host.leftoverSteps!(jail))
        await kindFor(it_.host, step).do(step.args as never, it_.run);
      expect(home()).toBe(true);
    });
  });

  describe('a tunnel', () => {
    const open = `open(F, "+<", "/dev/net/tun") or die "open: $!\\n"; `;
    const attach = `ioctl(F, 0x400454ca, pack("a16 s x22", $ARGV[0], 0x1001)) or die "attach: $!\\n"; `;
    // The kernel lets packets through some time after the first program has opened it.
    const carry =
      `use Socket; use IO::Select; alarm 10; socket(S, PF_INET, SOCK_DGRAM, 0); ` +
      `while (1) { send(S, "through the tunnel", 0, pack_sockaddr_in(9, inet_aton("10.66.0.2"))) or die "send: $!\\n"; ` +
      `while (IO::Select->new(\\*F)->can_read(0.1)) { sysread(F, $p, 2000); ` +
      `if ($p =~ /through the tunnel/) { print "carried"; exit } } }`;

    /** The host's perl, with its libraries shown in the jail. */
    async function withPerl(name: string, config: Record<string, string>): Promise<JailSpec> {
      const jail = await named(name, { hosts: 'off', ip4_addr: 'vnet0|10.9.0.2/24', ...config });
      for (const folder of ['usr']) mkdirSync(join(jail.root, folder));
      for (const folder of ['lib', 'lib64']) symlinkSync(`usr/${folder}`, join(jail.root, folder));
      writeFileSync(join(jail.mountpoint, 'fstab'), `/usr ${jail.root}/usr nullfs ro 0 0\n`);
      return jail;
    }
    const perl = async (jail: JailSpec, script: string): Promise<string> => {
      await it_.host.exec(jail, ['/usr/bin/perl', '-e', script, 'tun0'], {});
      return it_.exec.output.trim();
    };

    it('is opened by root in a jail with allow_tun, carries packets, and is nobody else’s', async () => {
      const before = await it_.snapshot();
      const jail = await withPerl('vpn', { allow_tun: '1', ip4_addr: '10.9.0.2/24,tun0|10.66.0.1/24' });
      expect(await problems(jail)).toEqual([]);
      expect(it_.host.notApplied(jail)).toEqual([]);
      await start(it_, jail);
      expect(await perl(jail, open + attach + carry)).toBe('carried');
      // What comes out of it goes no further than the jail.
      const conf = '/proc/sys/net/ipv4/conf/tun0';
      expect(await got(jail, `cat ${conf}/forwarding ${conf}/rp_filter`)).toBe('0\n1');
      // Only the one that was made for it: root in the jail makes no interface.
      const other = await it_.host.exec(jail, ['/usr/bin/perl', '-e', open + attach, 'tun9'], {});
      expect([other, it_.exec.output.trim()]).toEqual([1, 'attach: Operation not permitted']);
      await stop(it_, jail);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('cannot be opened without it, nor without an own network', async () => {
      const jail = await withPerl('plain', {});
      await start(it_, jail);
      expect(await perl(jail, open)).toBe('open: No such file or directory');
      expect((await it_.inside(jail, 'mknod /tmp/tun c 10 200')).status).not.toBe(0);
      const shared = await it_.jail('shared', { ip4: 'inherit', allow_tun: '1' });
      expect(it_.host.notApplied(shared)).toContainEqual(
        expect.objectContaining({ key: 'allow_tun', why: expect.stringContaining('vnet=on') }),
      );
      await start(it_, shared);
      expect((await it_.inside(shared, 'ls /dev/net')).status).not.toBe(0);
    });
  });
});

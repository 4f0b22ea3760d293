/**
 * The pretended FreeBSD host refuses what FreeBSD refuses: unknown words, and known ones in the wrong
 * order. The words and statuses are those of the manual pages and of the programs' own texts; where the
 * stand-in is stricter than FreeBSD, its answer says `stand-in`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { standIn, type StandIn } from '../support/freebsd/standin.ts';
import { humanized } from '../support/freebsd/tools/rctl.ts';
import { parseConf } from '../support/freebsd/tools/jail-params.ts';

let host: StandIn;
let root: string;

/** A host of that kind, with the root of a jail on it. */
function open(given: Parameters<typeof standIn>[0] = {}): void {
  host = standIn(given);
  root = join(host.folder, 'root');
  for (const name of ['dev', 'etc', 'proc', 'bin', 'tmp', 'mnt'])
    mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root:*:0:0::/root:/bin/sh\nwww:*:80:80::/:/bin/sh\n');
}

beforeEach(() => open());
afterEach(() => host.close());

interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `ROOT` in a line is the jail's root directory. */
async function run(line: string, input?: string): Promise<Answer> {
  const argv = (line.match(/"[^"]*"|\S+/g) ?? []).map((word) =>
    word.replaceAll('"', '').replaceAll('ROOT', root),
  );
  const options = { accept: 'any' as const, ...(input === undefined ? {} : { input }) };
  const { status, stdout, stderr } = await host.exec.change(argv, options);
  return { status, stdout: stdout.replaceAll(root, 'ROOT'), stderr: stderr.replaceAll(root, 'ROOT') };
}

async function all(...lines: readonly string[]): Promise<string> {
  let last = '';
  for (const line of lines) {
    const answer = await run(line);
    expect(`${line}: ${answer.status} ${answer.stderr}`).toBe(`${line}: 0 ${answer.stderr}`);
    last = answer.stdout;
  }
  return last;
}

const jail = 'jail -c name=j path=ROOT persist';
const vnetJail = `${jail} vnet`;

/** What must be done before, the command, its status, and a text of its answer. */
type Case = readonly [readonly string[], string, number, string];

const refused: Readonly<Record<string, readonly Case[]>> = {
  jail: [
    [[], 'jail -c name=j path=ROOT persist allow.everything', 1, 'jail: unknown parameter: allow.everything'],
    [[], 'jail -c name=j path=ROOT persist allow.routing', 1, 'unknown parameter: allow.routing'],
    [[], 'jail -c name=j path=ROOT persist allow.vmm', 1, 'unknown parameter: allow.vmm'],
    [[], 'jail -Z name=j', 1, 'illegal option -- Z'],
    [[], 'jail -c name=j path=ROOT', 1, 'new jail must persist or attach'],
    [[], 'jail -c name=j path=/nowhere/at/all persist', 1, 'path /nowhere/at/all: No such file or directory'],
    [[], 'jail -c name=j path=ROOT/etc/passwd persist', 1, 'Not a directory'],
    [[], 'jail -c name=j path=tmp persist', 1, 'not an absolute pathname'],
    [[], 'jail -c name=j name=k path=ROOT persist', 1, 'cannot redefine parameter "name"'],
    [[], 'jail -c name=7 path=ROOT persist', 1, 'name cannot be numeric'],
    [[], 'jail -c name=j path=ROOT persist allow.mount=maybe', 1, 'unknown boolean value "maybe"'],
    [[], 'jail -c name=j path=ROOT persist ip4=shared', 1, 'unknown jailsys value "shared"'],
    [[], 'jail -c name=j path=ROOT persist enforce_statfs=all', 1, 'non-integer value "all"'],
    [[], 'jail -c name=j path=ROOT persist enforce_statfs=3', 1, 'jail_set: Invalid argument'],
    [[], 'jail -c name=j path=ROOT persist stop.timeout=soon', 1, 'non-integer value "soon"'],
    [[], 'jail -c name=j path=ROOT persist ip4.addr=10.0.0.300', 1, 'not an IPv4 address: 10.0.0.300'],
    [[], 'jail -c name=j path=ROOT persist ip4=inherit ip4.addr=10.0.0.3', 1, 'jail_set: Invalid argument'],
    [
      [],
      'jail -c name=j path=ROOT persist vnet ip4.addr=10.0.0.3',
      1,
      'vnet jails cannot have IP address restrictions',
    ],
    [[], 'jail -c name=j path=ROOT persist devfs_ruleset=77', 1, 'ruleset 77: no rules in it'],
    [[], 'jail -c name=j path=ROOT persist ip4.addr=em9|10.0.0.3/24', 1, 'interface em9 does not exist'],
    [
      [],
      'jail -c name=j path=ROOT persist vnet vnet.interface=epair7b',
      1,
      'interface epair7b does not exist',
    ],
    [[], 'jail -c name=j path=ROOT persist mount.fstab=/no/fstab', 1, '/no/fstab: No such file or directory'],
    [[], 'jail -c name=j path=ROOT persist exec.fib=9 exec.start=true', 1, 'setfib: Invalid argument'],
    [[], 'jail -c name=a.b path=ROOT persist', 1, 'jail "a" not found'],
    [[jail], jail, 1, 'jail: "j" already exists'],
    [[jail], 'jail -c jid=1 path=ROOT persist', 1, '"1" already exists'],
    [[jail], 'jail -c name=j.child path=ROOT persist', 1, 'Operation not permitted'],
    [[jail], 'jail -m name=j path=/tmp', 1, 'path cannot be changed after creation'],
    [[`${jail} securelevel=2`], 'jail -m name=j securelevel=1', 1, 'Operation not permitted'],
    [[], 'jail -m name=j allow.mount', 1, '"j" not found'],
    [[], 'jail -r j', 1, 'jail: "j" not found'],
    [[], 'jail -r', 1, 'usage: jail'],
    [
      ['ifconfig em0 10.0.0.3/24 alias', `${jail} ip4.addr=10.0.0.3,10.0.0.4`],
      'jail -c name=k path=ROOT persist ip4.addr=10.0.0.3',
      1,
      'Address already in use',
    ],
  ],
  'jls and jexec': [
    [[], 'jls -j none', 1, 'jls: jail "none" not found'],
    [[], 'jls -j 9', 1, 'jail 9 not found'],
    [[jail], 'jls -j j nothing', 1, 'unknown parameter: nothing'],
    [[], 'jls -x', 1, 'illegal option -- x'],
    [[], 'jls -c -j none', 1, 'illegal option -- c'],
    [[], 'jexec none true', 1, 'jexec: jail "none" not found'],
    [[jail], 'jexec -U nobody j true', 1, 'nobody: no such user'],
    [[jail], 'jexec -u ghost j true', 1, 'ghost: no such user'],
    [[jail], 'jexec -u root -U root j true', 1, 'usage: jexec'],
    [[jail], 'jexec -d /tmp j true', 1, 'illegal option -- d'],
    [[jail], 'jexec j /no/such/program', 1, 'execvp: /no/such/program: No such file or directory'],
    [[], 'jexec', 1, 'usage: jexec'],
    [[], 'setfib -F 7 true', 1, 'invalid FIB 7'],
  ],
  'mount and umount': [
    [[], 'mount -t nullfs /etc ROOT/nothing', 64, 'mount_nullfs: ROOT/nothing: No such file or directory'],
    [[], 'mount -t nullfs /no/source ROOT/mnt', 64, '/no/source: No such file or directory'],
    [[], 'mount -t nullfs ROOT ROOT/mnt', 64, 'are not distinct paths'],
    [[], 'mount -t nullfs /etc/passwd ROOT/mnt', 1, 'Not a directory'],
    [[], 'mount -t nullfs -o bind /etc ROOT/mnt', 1, 'mount option <bind> is unknown: Invalid argument'],
    [[], 'mount -t devfs -o ruleset=99 devfs ROOT/dev', 1, 'ruleset 99: no rules in it'],
    [[], 'mount -t devfs -o size=1m devfs ROOT/dev', 1, 'mount option <size> is unknown'],
    [[], 'mount -t overlay none ROOT/mnt', 1, 'Operation not supported by device'],
    [[], 'mount -t tmpfs tmpfs mnt', 64, 'not an absolute pathname'],
    [[], 'mount -t fdescfs fdescfs ROOT/dev/fd', 1, 'No such file or directory'],
    [[], 'mount -R /a /b', 1, 'illegal option -- R'],
    [[], 'mount_nullfs -t /a /b', 1, 'illegal option -- t'],
    [[], 'umount ROOT/mnt', 1, 'not a file system root directory'],
    [[], 'umount ROOT/nothing', 1, 'ROOT/nothing: unknown file system'],
    [[], 'umount -l ROOT/mnt', 1, 'illegal option -- l'],
    [[], 'umount -fn ROOT/mnt', 1, 'mutually exclusive'],
    [[], 'umount', 1, 'usage: umount'],
    [
      ['mount -t devfs devfs ROOT/dev', 'mount -t fdescfs fdescfs ROOT/dev/fd'],
      'umount ROOT/dev',
      1,
      'umount: unmount of ROOT/dev failed: Device busy',
    ],
    [['mount -t tmpfs tmpfs ROOT', jail], 'umount ROOT', 1, 'Device busy'],
    [[`${jail} mount.devfs`, 'jexec j /bin/sh /etc/rc'], 'umount ROOT/dev', 1, 'Device busy'],
    [['mount -t tmpfs tmpfs ROOT/mnt'], 'umount -t nullfs ROOT/mnt', 1, ''],
  ],
  devfs: [
    [[], 'devfs rule -s 10 add path', 1, 'devfs: unknown argument: path'],
    [[], 'devfs rule -s 10 add path bpf* show', 1, 'unknown argument: show'],
    [[], 'devfs rule -s 10 add path bpf*', 1, 'rule has no action'],
    [[], 'devfs rule -s 10 add unhide path bpf*', 1, 'may not be intermixed'],
    [[], 'devfs rule -s 10 add path x mode 999', 1, 'not octal'],
    [[], 'devfs rule -s 10 add include 88', 1, 'Invalid argument'],
    [[], 'devfs rule -s 0 add hide', 1, 'Invalid argument'],
    [[], 'devfs rule -s many add hide', 1, 'invalid ruleset number: many'],
    [['devfs rule -s 10 add 100 hide'], 'devfs rule -s 10 add 100 unhide', 1, 'File exists'],
    [[], 'devfs rule -s 10 del 100', 1, 'No such file or directory'],
    [[], 'devfs -m ROOT/dev rule -s 4 applyset', 1, 'not a devfs mount'],
    [['mount -t devfs devfs ROOT/dev'], 'devfs -m ROOT/dev rule -s 44 applyset', 1, 'No such process'],
    [[], 'devfs rule -x show', 1, 'illegal option -- x'],
    [[], 'devfs rules', 1, 'usage: devfs'],
  ],
  sysctl: [
    [[], 'sysctl kern.nothing', 1, "sysctl: unknown oid 'kern.nothing'"],
    [[], 'sysctl kern.racct.enable=1', 1, 'read only tunable'],
    [[], 'sysctl net.inet.ip.forwarding=yes', 1, "invalid integer 'yes'"],
    [[], 'sysctl -w net.inet.ip.forwarding=1', 1, 'illegal option -- w'],
    [[], 'sysctl -j 1 kern.hostname', 1, 'illegal option -- j'],
    [[], 'sysctl -n security.jail.param.allow.routing', 1, 'unknown oid'],
    [[], 'sysctl', 1, 'usage: sysctl'],
  ],
  ifconfig: [
    [[], 'ifconfig em9', 1, 'ifconfig: interface em9 does not exist'],
    [[], 'ifconfig em0 destroy', 1, 'SIOCIFDESTROY: Invalid argument'],
    [[], 'ifconfig veth create', 1, 'SIOCIFCREATE2 (veth): Invalid argument'],
    [['ifconfig bridge0 create'], 'ifconfig bridge0 create', 1, 'SIOCIFCREATE2 (bridge0): File exists'],
    [[], 'ifconfig em0 master bridge0', 1, 'master: bad value'],
    [[], 'ifconfig em0 inet 10.0.0.1/33', 1, '10.0.0.1/33: bad value'],
    [[], 'ifconfig em0 inet fd00::1/64', 1, 'fd00::1/64: bad value'],
    [[], 'ifconfig em0 fd00::1/64', 1, 'fd00::1/64: bad value'],
    [[], 'ifconfig em0 inet 10.0.0.1 netmask 255.0.255.0', 1, '255.0.255.0: bad value'],
    [[], 'ifconfig em0 inet 10.9.9.9 -alias', 1, "ioctl (SIOCDIFADDR): Can't assign requested address"],
    [[], 'ifconfig em0 inet6 fd00::9 -alias', 1, "ioctl (SIOCDIFADDR_IN6): Can't assign requested address"],
    [['ifconfig lo1 create'], 'ifconfig lo1 inet 192.0.2.10/32 alias', 1, 'ioctl (SIOCAIFADDR): File exists'],
    [[], 'ifconfig em0 mtu huge', 1, 'ioctl SIOCSIFMTU (set mtu): Invalid argument'],
    [[], 'ifconfig em0 mtu', 1, "'mtu' requires argument"],
    [['ifconfig epair create'], 'ifconfig epair0a name em0', 1, 'SIOCSIFNAME (set name): File exists'],
    [
      ['ifconfig epair create'],
      'ifconfig epair0a name averyverylongname',
      1,
      'SIOCSIFNAME (set name): Invalid argument',
    ],
    [['ifconfig epair create'], 'ifconfig epair0a ether 01:00:00:00:00:01', 1, 'set lladdr'],
    [['ifconfig epair create'], 'ifconfig epair0a ether nonsense', 1, 'nonsense: bad value'],
    [['ifconfig epair create'], 'ifconfig epair0b vnet none', 1, 'jail "none" not found'],
    [['ifconfig epair create', jail], 'ifconfig epair0b vnet j', 1, 'SIOCSIFVNET(1, epair0b): File exists'],
    [
      ['ifconfig epair create', vnetJail, 'ifconfig epair0b vnet j'],
      'ifconfig epair0b vnet j',
      1,
      'interface epair0b does not exist',
    ],
    [[vnetJail], 'ifconfig lo0 vnet j', 1, 'File exists'],
    [[vnetJail], 'jexec j ifconfig em0', 1, 'interface em0 does not exist'],
    [
      ['ifconfig bridge create', 'ifconfig bridge0 addm em0'],
      'ifconfig bridge0 addm em0',
      1,
      'BRDGADD em0: File exists',
    ],
    [
      ['ifconfig bridge create', 'ifconfig bridge create', 'ifconfig bridge0 addm em0'],
      'ifconfig bridge1 addm em0',
      1,
      'BRDGADD em0: Device busy',
    ],
    [['ifconfig bridge create'], 'ifconfig bridge0 addm em9', 1, 'BRDGADD em9: No such file or directory'],
    [['ifconfig bridge create'], 'ifconfig bridge0 addm lo0', 1, 'BRDGADD lo0: Invalid argument'],
    [['ifconfig bridge create'], 'ifconfig bridge0 deletem em0', 1, 'BRDGDEL em0: No such file or directory'],
    [['ifconfig bridge create'], 'ifconfig bridge0 private em0', 1, 'unable to get bridge flags'],
    [[], 'ifconfig em0 addm epair0a', 1, 'BRDGADD epair0a: Invalid argument'],
    [['ifconfig em0 group trusted'], 'ifconfig em0 group trusted', 1, 'File exists'],
    [[], 'ifconfig em0 group dmz1', 1, 'may not end in a digit'],
    [[], 'ifconfig em0 fib 9', 1, 'SIOCSIFFIB'],
    [[], 'ifconfig -j none', 1, 'illegal option -- j'],
    [[], 'ifconfig -x', 1, 'illegal option -- x'],
  ],
  'rctl and cpuset': [
    [
      [],
      'rctl -a jail:j:memory:deny=1g',
      1,
      "rctl: failed to add rule 'jail:j:memory:deny=1g': Invalid argument",
    ],
    [[], 'rctl -a jail:j:memoryuse:refuse=1g', 1, 'Invalid argument'],
    [[], 'rctl -a jail:j:memoryuse:deny=much', 1, 'Invalid argument'],
    [[], 'rctl -a jail:j:memoryuse:deny', 1, 'Invalid argument'],
    [[], 'rctl -a group:j:memoryuse:deny=1g', 1, 'Invalid argument'],
    [[], 'rctl -a jail:j:cputime:deny=10', 1, 'Operation not supported'],
    [[], 'rctl -a jail:j:memoryuse:throttle=10', 1, 'Operation not supported'],
    [[], 'rctl -r jail:j', 1, "rctl: failed to remove rule 'jail:j': No such process"],
    [[], 'rctl -r', 1, 'usage: rctl'],
    [[], 'rctl -a -r jail:j', 1, 'at most one of -a, -l, -r, or -u'],
    [[], 'rctl -x', 1, 'illegal option -- x'],
    [[], 'cpuset -l 0 -j none', 1, 'cpuset: jail "none" not found'],
    [[jail], 'cpuset -l 0-9 -j j', 1, 'setaffinity: Resource deadlock avoided'],
    [[jail], 'cpuset -l a,b -j j', 1, 'Malformed cpu-list a,b'],
    [[jail], 'cpuset -j j', 1, 'usage: cpuset'],
  ],
  'route and netstat': [
    [[], 'route add default 192.0.2.1', 1, 'route already in table'],
    [[], 'route delete default -fib 1', 1, 'not in table'],
    [[], 'route add -net 10.0.0.0/8 172.16.0.1', 1, 'Network is unreachable'],
    [[], 'route add -net 10.0.0.0/8', 64, 'usage: route'],
    [[], 'route add default gateway', 68, 'bad address: gateway'],
    [[], 'route -6 get default', 1, 'route has not been found'],
    [[], 'route append default 192.0.2.1', 64, 'bad keyword: append'],
    [[], 'route add -dev em0', 64, 'bad keyword: dev'],
    [[vnetJail], 'jexec j route add default 192.0.2.1', 1, 'Network is unreachable'],
    [[], 'netstat --json -rn', 1, 'unrecognized option'],
  ],
  'pfctl and ipfw': [
    [[], 'pfctl -s info', 1, '/dev/pf: No such file or directory'],
    [['kldload pf', 'pfctl -e'], 'pfctl -e', 1, 'pf already enabled'],
    [['kldload pf'], 'pfctl -d', 1, 'pf not enabled'],
    [['kldload pf'], 'pfctl -F everything', 1, 'usage: pfctl'],
    [['kldload pf'], 'pfctl -L', 1, 'illegal option -- L'],
    [[], 'ipfw list', 71, 'Protocol not available'],
    [['kldload ipfw'], 'ipfw append 100 allow ip from any to any', 64, 'bad command'],
    [['kldload ipfw'], 'ipfw add 100 masquerade ip from any to any', 64, 'Invalid action masquerade'],
    [['kldload ipfw'], 'ipfw add 100 allow ip to any', 64, 'missing'],
    [['kldload ipfw'], 'ipfw add 100 allow ip from 10.0.0.0/99999 to any', 68, 'unknown'],
    [['kldload ipfw'], 'ipfw add 100 nat 1 ip from any to any', 71, 'Invalid argument'],
    [['kldload ipfw'], 'ipfw delete 4711', 69, 'rule 4711'],
    [['kldload ipfw'], 'ipfw add 70000 allow ip from any to any', 71, 'Invalid argument'],
  ],
  host: [
    [[], 'kldload nonsense', 1, "can't load nonsense: No such file or directory"],
    [[], 'kldload zfs', 1, 'module already loaded or in kernel'],
    [[], 'kldstat -m pf', 1, "can't find module pf"],
    [['kldload tmpfs', 'mount -t tmpfs tmpfs ROOT/mnt'], 'kldunload tmpfs', 1, 'Device busy'],
    [[], 'service nonsense start', 1, 'nonsense does not exist in /etc/rc.d'],
    [[], 'service cron begin', 1, "unknown directive 'begin'"],
    [['service cron start'], 'service cron start', 1, 'already running'],
    [[], 'service sshd stop', 1, 'not running'],
    [[], 'service -j none cron start', 1, 'jail "none" not found'],
    [[], 'uname -z', 1, 'illegal option -- z'],
    [[], 'freebsd-version -x', 1, 'illegal option -- x'],
    [[`${jail} allow.noset_hostname`], 'jexec j hostname evil', 1, 'Operation not permitted'],
    [[vnetJail], 'jexec j dhclient vnet0', 1, 'interface vnet0 does not exist'],
    [
      ['ifconfig epair create', `${vnetJail} mount.devfs devfs_ruleset=4`, 'ifconfig epair0b vnet j'],
      'jexec j dhclient epair0b',
      1,
      'no bpf',
    ],
  ],
  software: [
    [[], 'pkg frobnicate', 64, 'unknown command: frobnicate'],
    [[], 'pkg -j none install -y vim', 1, 'unable to attach to jail: none'],
    [[], 'pkg -c /no/root install -y vim', 1, 'No such file or directory'],
    [[], 'pkg install -y nosuchthing', 1, "No packages available to install matching 'nosuchthing'"],
    [[], 'pkg install vim', 1, ''],
    [[], 'pkg install -z vim', 1, 'illegal option -- z'],
    [[], 'pkg delete -y vim', 1, "No packages matched for pattern 'vim'"],
    [[], 'freebsd-update -b ROOT fetch', 1, 'should not be run non-interactively'],
    [[], 'freebsd-update -b /no/root --not-running-from-cron fetch', 1, 'Directory does not exist: /no/root'],
    [[], 'freebsd-update -b ROOT -d /no/work --not-running-from-cron fetch', 1, 'not writable: /no/work'],
    [[], 'freebsd-update -b ROOT install', 2, 'No updates are available to install.'],
    [[], 'freebsd-update -b ROOT --not-running-from-cron upgrade', 1, 'must be specified via -r'],
    [
      [],
      'freebsd-update -r 14.2-RELEASE --currently-running 14.2-RELEASE --not-running-from-cron upgrade',
      1,
      'Cannot upgrade from 14.2-RELEASE to itself',
    ],
    [[], 'freebsd-update --quiet fetch', 1, 'unrecognized option'],
    [[], 'freebsd-update update', 1, 'usage: freebsd-update'],
    [[], 'etcupdate -D ROOT -s /no/src', 1, 'Directory /no/src does not exist'],
    [[], 'etcupdate -D ROOT', 1, 'No previous tree'],
    [[], 'etcupdate merge', 1, 'usage: etcupdate'],
    [[], 'fetch -o ROOT/x https://example.org/no.txz', 1, 'Not Found'],
    [[], 'fetch --insecure https://example.org/no.txz', 1, 'unrecognized option'],
  ],
};

for (const [tool, cases] of Object.entries(refused)) {
  describe(`${tool} refuses`, () => {
    it.each(cases)('after %j: %s', async (before, line, status, text) => {
      await all(...before);
      const answer = await run(line);
      expect({ status: answer.status, said: answer.stdout + answer.stderr }).toEqual({
        status,
        said: expect.stringContaining(text),
      });
    });
  });
}

describe('releases', () => {
  it.each([
    ['13.2-RELEASE', 'jail -c name=j path=ROOT persist allow.nfsd', 'unknown parameter: allow.nfsd'],
    ['12.4-RELEASE', 'jail -c name=j path=ROOT persist exec.prepare=true', 'unknown parameter: exec.prepare'],
    ['12.4-RELEASE', 'jail -c name=j path=ROOT persist allow.suser', 'unknown parameter: allow.suser'],
    ['14.2-RELEASE', 'jail -c name=j path=ROOT persist zfs.dataset=tank/x', 'unknown parameter: zfs.dataset'],
    ['13.2-RELEASE', 'mount -t fdescfs -o nodup fdescfs ROOT/mnt', 'mount option <nodup> is unknown'],
    ['13.2-RELEASE', 'freebsd-update -j j fetch', 'illegal option -- j'],
  ])('%s does not have: %s', async (release, line, text) => {
    host.close();
    open({ release });
    const answer = await run(line);
    expect(answer.status).not.toBe(0);
    expect(answer.stderr).toContain(text);
  });

  it('a bridge of 13 refuses another MTU, one of 14 changes it', async () => {
    await all(
      'ifconfig bridge create',
      'ifconfig bridge0 addm em0',
      'ifconfig epair create',
      'ifconfig epair0a mtu 9000',
    );
    await all('ifconfig bridge0 addm epair0a');
    expect(host.machine().nics.find((nic) => nic.name === 'epair0a')?.mtu).toBe(1500);
    host.close();
    open({ release: '13.2-RELEASE' });
    await all(
      'ifconfig bridge create',
      'ifconfig bridge0 addm em0',
      'ifconfig epair create',
      'ifconfig epair0a mtu 9000',
    );
    expect(await run('ifconfig bridge0 addm epair0a')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('Invalid argument'),
    });
  });

  it('a bridge of 15 takes no member with an address, and no address for a member, unless it is told to', async () => {
    host.close();
    open({ release: '15.0-RELEASE' });
    await all('ifconfig bridge create', 'ifconfig epair create', 'ifconfig bridge0 addm epair0a');
    expect((await run('ifconfig bridge0 addm em0')).stderr).toContain('BRDGADD em0: Invalid argument');
    expect((await run('ifconfig epair0a inet 10.0.0.1/24')).stderr).toContain(
      '(SIOCAIFADDR): Invalid argument',
    );
    await all('sysctl net.link.bridge.member_ifaddrs=1', 'ifconfig bridge0 addm em0');
  });

  it('a kernel without VIMAGE or with RACCT off', async () => {
    host.close();
    open({ vimage: false, racct: false });
    expect((await run(vnetJail)).stderr).toContain('unknown parameter: vnet');
    expect((await run('rctl')).stderr).toContain(
      'RACCT/RCTL present, but disabled; enable using kern.racct.enable=1 tunable',
    );
    expect(await all('sysctl -n kern.racct.enable')).toBe('0\n');
    expect((await run('sysctl -n kern.features.vimage')).status).toBe(1);
  });
});

describe('a jail', () => {
  it('is created with all around it, seen, and removed without a trace', async () => {
    const before = host.machine();
    writeFileSync(join(host.folder, 'fstab'), `/etc ${root}/mnt nullfs ro 0 0\n`);
    await all(
      'ifconfig epair create',
      `${vnetJail} host.hostname=j.example mount.devfs devfs_ruleset=4 vnet.interface=epair0b mount.fstab=${host.folder}/fstab`,
      'jexec j ifconfig epair0b name vnet0',
      'jexec j ifconfig vnet0 inet 10.1.0.2/24 up',
      'jexec j route add default 10.1.0.1',
    );
    expect(JSON.parse(await all('jls --libxo json'))).toEqual({
      __version: '2',
      'jail-information': { jail: [{ jid: 1, ipv4: '', hostname: 'j.example', path: 'ROOT' }] },
    });
    expect(JSON.parse(await all('jls -v --libxo json'))['jail-information'].jail[0]).toMatchObject({
      name: 'j',
      state: 'ACTIVE',
      ipv4_addrs: [],
    });
    expect(await all('jls -n -j j persist vnet allow.mount')).toBe('persist vnet=new allow.nomount\n');
    expect(await all('mount')).toContain('on ROOT/dev (devfs, local, ruleset=4)');
    expect(
      JSON.parse(await all('jexec j netstat -rn --libxo json')).statistics['route-information'][
        'route-table'
      ]['rt-family'][0]['rt-entry'][0],
    ).toEqual({
      destination: 'default',
      gateway: '10.1.0.1',
      flags: 'UGS',
      'interface-name': 'vnet0',
    });
    await all('jail -r j');
    // The interface comes back under the name that it got; mounts were not jail(8)'s to remember.
    expect(await all('ifconfig -l')).toBe('lo0 em0 epair0a vnet0\n');
    await all('umount ROOT/dev', 'umount ROOT/mnt', 'ifconfig epair0a destroy');
    const after = host.machine();
    expect(after.nics.map((nic) => nic.name)).toEqual(before.nics.map((nic) => nic.name));
    expect({ ...after, nextJid: 0, nextNic: 0, klds: [] }).toEqual({
      ...before,
      nextJid: 0,
      nextNic: 0,
      klds: [],
    });
  });

  it('takes its epair with it when the other end is destroyed', async () => {
    await all('ifconfig epair create', `${vnetJail} vnet.interface=epair0b`, 'ifconfig epair0a destroy');
    expect(await all('jexec j ifconfig -l')).toBe('lo0\n');
  });

  it('loses what was made in it, and keeps its limits', async () => {
    await all(vnetJail, 'jexec j ifconfig bridge0 create', 'rctl -a jail:j:maxproc:deny=100', 'jail -r j');
    expect(await all('ifconfig -l')).toBe('lo0 em0\n');
    expect(await all('rctl')).toBe('jail:j:maxproc:deny=100\n');
  });

  it('is undone when its start fails, the newest thing first', async () => {
    host.fail({ tool: 'ifconfig', match: 'vnet 1', stderr: 'ifconfig: SIOCSIFVNET: No memory' });
    await all('ifconfig epair create');
    const answer = await run(`${vnetJail} mount.devfs ip4=inherit vnet.interface=epair0b`);
    expect(answer).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('jail: ifconfig epair0b vnet 1: failed'),
    });
    expect(host.machine()).toMatchObject({ jails: [], mounts: [] });
  });

  it('runs its commands, and says which one failed', async () => {
    host.change((machine) =>
      machine.programs.push({ match: '/etc/rc.bad', status: 3, stdout: 'no such luck\n' }),
    );
    const failed = await run(`${jail} "exec.start=/bin/sh /etc/rc.bad" exec.consolelog=${host.folder}/log`);
    expect(failed).toMatchObject({ status: 1, stderr: 'jail: /bin/sh /etc/rc.bad: failed\n' });
    expect(readFileSync(join(host.folder, 'log'), 'utf8')).toBe('no such luck\n');
    expect(host.machine().jails).toEqual([]);
    await all(`${jail} "exec.start=/bin/sh /etc/rc" "exec.prestart=touch ${host.folder}/before"`);
    expect(host.machine().jails[0]?.processes).toBe(true);
    expect(readFileSync(join(host.folder, 'before'), 'utf8')).toBe('');
  });

  it('gives up on a command that takes too long', async () => {
    host.change((machine) => machine.programs.push({ match: '/etc/rc', hang: true }));
    const answer = await run(`${jail} exec.timeout=1 "exec.start=/bin/sh /etc/rc"`);
    expect(answer).toMatchObject({ status: 1, stderr: 'jail: /bin/sh /etc/rc: timed out\n' });
  });

  it('from a jail.conf is removed with all that stands there', async () => {
    const conf = join(host.folder, 'jail.conf');
    writeFileSync(
      conf,
      `# one jail\nexec.clean;\nj {\n  path = "${root}";\n  persist;\n  mount.devfs;\n  ip4.addr = "em0|10.2.0.1/24", "10.2.0.2";\n}\n`,
    );
    expect(await all(`jail -f ${conf} -c j`)).toBe('j: created\n');
    expect(host.machine().mounts).toHaveLength(1);
    expect(host.machine().jails[0]?.params['ip4.addr']).toBe('10.2.0.1,10.2.0.2');
    expect(await all(`jail -f ${conf} -r j`)).toBe('j: removed\n');
    expect(host.machine()).toMatchObject({ jails: [], mounts: [] });
    expect(host.machine().nics[1]?.inet).toEqual([{ address: '192.0.2.10', prefix: 24 }]);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'really runs what its root has (needs root, as chroot(8) does)',
    async () => {
      const busybox = '/bin/busybox';
      for (const applet of ['sh', 'sleep']) copyFileSync(busybox, join(root, 'bin', applet));
      await all(jail);
      expect(await all('jexec j /bin/sh -c "echo $USER in $PWD > /etc/seen"')).toBe('');
      expect(readFileSync(join(root, 'etc/seen'), 'utf8')).toBe('root in /\n');
      const sleeper = host.exec.change(['jexec', 'j', '/bin/sh', '-c', 'sleep 60; true'], { accept: 'any' });
      while (host.machine().jails[0]?.pids.length === 0)
        await new Promise((resolve) => setTimeout(resolve, 20));
      await all('jail -r j');
      expect((await sleeper).status).not.toBe(0);
    },
  );
});

describe('limits', () => {
  it('are listed as the kernel keeps them', async () => {
    await all(jail, 'rctl -a jail:j:memoryuse:deny=1g', 'rctl -a jail:j:pcpu:log=50', 'cpuset -l 0-2 -j j');
    expect(await all('rctl')).toBe('jail:j:memoryuse:deny=1073741824\njail:j:pcpu:log=50\n');
    expect(await all('rctl -h jail:j:memoryuse')).toBe('jail:j:memoryuse:deny=1024M\n');
    expect(await all('cpuset -g -j j')).toContain('jail 1 mask: 0, 1, 2\n');
    host.change((machine) => (machine.usage['j'] = { memoryuse: 5_000_000, maxproc: 3 }));
    expect(await all('rctl -u jail:j')).toMatch(/^memoryuse=5000000$/m);
    await all('rctl -r jail:j');
    expect(await all('rctl')).toBe('');
  });

  it.each([
    [0, '0'],
    [9999, '9999'],
    [10_000, '9.8K'],
    [1_073_741_824, '1024M'],
    [8 * 1024 ** 3, '8192M'],
    [12_345_678, '11.8M'],
    [5e12, '4657G'],
  ])('%d is shown as %s', (number, text) => expect(humanized(number)).toBe(text));
});

describe('firewalls', () => {
  const rules =
    'nat on em0 inet from 10.1.0.0/24 to any -> (em0)\nrdr pass on em0 proto tcp from any to 192.0.2.10 port 8080 -> 10.1.0.2 port 80\n';

  it('pf keeps rules by anchor and forgets an empty one', async () => {
    await all('kldload pf', 'pfctl -e');
    const answer = await run('pfctl -a iocage/j -f -', rules);
    expect(answer).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await all('pfctl -a iocage/j -s nat')).toBe(rules);
    expect(await all('pfctl -s Anchors')).toBe('  iocage\n');
    await all('pfctl -a iocage/j -F all');
    expect(await all('pfctl -s Anchors')).toBe('');
  });

  it.each([
    'nat on em0 from 10.1.0.0/24 to any',
    'nat on em0 from 10.1.0.999/24 to any -> (em0)',
    'masquerade on em0',
    'rdr on em0 proto tcp from any to any port 80 -> 10.0.0.1 port',
    'pass in quick on em0 -> em1',
    'pass all\nnat on em0 from any to any -> (em0)',
  ])('pf refuses: %s', async (text) => {
    await all('kldload pf');
    const answer = await run('pfctl -a iocage/j -f -', `${text}\n`);
    expect(answer.status).toBe(1);
    expect(answer.stderr).toMatch(
      /^stdin:\d: .*\npfctl: Syntax error in config file: pf rules not loaded\n$/s,
    );
    expect(host.machine().pf.anchors).toEqual({});
  });

  it('ipfw numbers its rules and deletes them by set', async () => {
    await all(
      'kldload ipfw ipfw_nat',
      'ipfw -q nat 7 config if em0',
      'ipfw -q add 5000 set 3 nat 7 ip from 10.1.0.0/24 to any',
      'ipfw add allow ip from any to any',
    );
    expect(await all('ipfw list')).toBe(
      '05000 nat 7 ip from 10.1.0.0/24 to any\n05100 allow ip from any to any\n65535 deny ip from any to any\n',
    );
    await all('ipfw delete set 3');
    expect(await all('ipfw list')).not.toContain('05000');
  });
});

describe('zfs jail', () => {
  /** A zfs(8) that has `tank/data` with `jailed=on` and `tank/plain` without. */
  beforeEach(() => {
    const program = join(host.folder, 'zfs');
    const script =
      '#!/bin/sh\nfor last; do :; done\ncase "$1 $last" in\n  "get tank/data") echo on ;;\n  "get tank/plain") echo off ;;\n  "list tank/"*) echo "$last" ;;\n  set*) echo "$@" ;;\n  *) exit 1 ;;\nesac\n';
    writeFileSync(program, script);
    chmodSync(program, 0o755);
    process.env['FREEBSD_STANDIN_ZFS'] = program;
  });
  afterEach(() => delete process.env['FREEBSD_STANDIN_ZFS']);

  const able = `${jail} allow.mount allow.mount.zfs enforce_statfs=1`;

  it.each<Case>([
    [[], 'zfs jail none tank/data', 1, 'invalid jail id or name'],
    [[able], 'zfs jail j tank/plain', 1, "property 'jailed' is off"],
    [[able], 'zfs jail j other/data', 1, 'dataset does not exist'],
    [[jail], 'zfs jail j tank/data', 1, 'allow.mount is off'],
    [[`${jail} allow.mount allow.mount.zfs`], 'zfs jail j tank/data', 1, 'enforce_statfs'],
    [[able, 'zfs jail j tank/data'], 'zfs jail j tank/data', 1, 'cannot jail'],
    [[able], 'zfs unjail j tank/data', 1, 'not jailed'],
    [[able], 'zfs jail j', 1, 'usage: zfs'],
    [[able], 'jexec j zfs list tank/data', 1, 'dataset does not exist'],
  ])('refuses after %j: %s', async (before, line, status, text) => {
    await all(...before);
    expect(await run(line)).toMatchObject({ status, stderr: expect.stringContaining(text) });
  });

  it('gives a dataset away until the jail ends', async () => {
    await all(able, 'zfs jail j tank/data', 'jexec j zfs list tank/data');
    expect(host.machine().datasets).toEqual({ 'tank/data': 1 });
    await all('jail -r j');
    expect(host.machine().datasets).toEqual({});
    expect(await all('zfs set jailed=on tank/data')).toBe('set zoned=on tank/data\n');
  });
});

describe('software', () => {
  it('updates a root to the next patch level, once', async () => {
    mkdirSync(join(root, 'bin'), { recursive: true });
    writeFileSync(join(root, 'bin/freebsd-version'), '#!/bin/sh\nUSERLAND_VERSION="14.1-RELEASE-p2"\n');
    host.change((machine) => (machine.updates.latest['14.1-RELEASE'] = '14.1-RELEASE-p7'));
    expect(await all('freebsd-update -b ROOT --not-running-from-cron fetch')).toContain('14.1-RELEASE-p7');
    await all('freebsd-update -b ROOT install', `${jail} mount.devfs`);
    expect(await all('freebsd-version -j j')).toBe('14.1-RELEASE-p7\n');
    expect(await all('freebsd-update -b ROOT --not-running-from-cron fetch')).toContain('No updates needed');
    await all('freebsd-update -b ROOT rollback');
    expect(await all('jexec j freebsd-version -u')).toBe('14.1-RELEASE-p2\n');
  });

  it('installs packages into the jail that was named, and fetches what is there', async () => {
    await all(jail, 'pkg -j j install -y vim bash', 'pkg -j j info -e vim');
    expect((await run('pkg info -e vim')).status).toBe(1);
    // The host's pkg(8) did that; of its own the jail has pkg(7) alone, which has no network.
    expect((await run('jexec j pkg query %n-%v')).stderr).toContain('Latest/pkg.pkg');
    await all('pkg -j j install -y pkg');
    expect(await all('jexec j pkg query %n-%v')).toBe('vim-1.0\nbash-1.0\npkg-1.0\n');
    const source = join(host.folder, 'base.txz');
    writeFileSync(source, 'tar');
    host.change((machine) => (machine.remote['https://example.org/base.txz'] = source));
    await all('fetch -q -o ROOT/got https://example.org/base.txz');
    expect(readFileSync(join(root, 'got'), 'utf8')).toBe('tar');
  });
});

describe('as programs', () => {
  const program = (name: string, ...words: readonly string[]) =>
    spawnSync(join(host.bin, name), words, { encoding: 'utf8' });

  it('answer as inside the test process', () => {
    expect(program('ifconfig', 'epair', 'create')).toMatchObject({ status: 0, stdout: 'epair0a\n' });
    expect(program('ifconfig', 'em9')).toMatchObject({
      status: 1,
      stderr: 'ifconfig: interface em9 does not exist\n',
    });
    expect(program('jail', '-c', 'name=j', `path=${root}`, 'persist', 'vnet')).toMatchObject({ status: 0 });
    expect(program('jexec', 'j', 'ifconfig', '-l')).toMatchObject({ status: 0, stdout: 'lo0\n' });
  });

  it('find each other in the hooks of a jail', async () => {
    expect(
      program('jail', '-c', 'name=j', `path=${root}`, 'persist', 'exec.created=/bin/sh -c "jls -j j jid"'),
    ).toMatchObject({ status: 0, stdout: '1\n' });
  });

  it('do not tread on each other', async () => {
    const ends = Array.from({ length: 6 }, () => spawn(join(host.bin, 'ifconfig'), ['epair', 'create'])).map(
      (child) => new Promise((resolve) => child.once('close', resolve)),
    );
    expect(await Promise.all(ends)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(host.machine().nics.filter((nic) => nic.kind === 'epair')).toHaveLength(12);
  });
});

describe('faults', () => {
  it('let the N-th fitting call fail, before or after its work', async () => {
    host.fail({ tool: 'ifconfig', match: 'create', nth: 2, status: 7, stderr: 'ifconfig: out of luck' });
    await all('ifconfig epair create');
    expect(await run('ifconfig epair create')).toEqual({
      status: 7,
      stdout: '',
      stderr: 'ifconfig: out of luck\n',
    });
    await all('ifconfig epair create');
    host.fail({ tool: 'jail', when: 'after' });
    expect((await run(jail)).status).toBe(1);
    expect(host.machine().jails).toHaveLength(1);
    host.mend();
    await all('jail -r j');
  });

  it('let a call hang until it is ended', async () => {
    host.fail({ tool: 'sysctl', what: 'hang' });
    await expect(host.exec.read(['sysctl', '-n', 'hw.ncpu'], { timeoutMs: 100 })).rejects.toThrow(
      /took too long/,
    );
    host.fail({ tool: 'sysctl', what: 'hang' });
    const child = spawn(join(host.bin, 'sysctl'), ['hw.ncpu']);
    const end = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    setTimeout(() => child.kill('SIGTERM'), 500);
    expect(await end).toBe('SIGTERM');
  });

  it('are told in the list of calls', async () => {
    await all(`${jail} mount.devfs`);
    expect(
      host.calls().map(({ tool, words }) => [tool, ...words].join(' ').replaceAll(root, 'ROOT')),
    ).toEqual([`${jail} mount.devfs`, 'mount -t devfs -o ruleset=4 . ROOT/dev']);
  });
});

describe('jail.conf(5)', () => {
  it('is read with comments, quotes and lists', () => {
    const text =
      '/* all */ exec.clean; // yes\na { path = "/x y"; ip4.addr = 10.0.0.1, 10.0.0.2; ip4.addr += \'10.0.0.3\'; persist; }';
    expect([...parseConf(text)]).toEqual([
      [
        'a',
        [
          ['exec.clean', undefined],
          ['path', '/x y'],
          ['ip4.addr', '10.0.0.1'],
          ['ip4.addr', '10.0.0.2'],
          ['ip4.addr', '10.0.0.3'],
          ['persist', undefined],
        ],
      ],
    ]);
    expect(() => parseConf('a { path /x; }')).toThrow(/syntax error near path/);
  });
});

it('leaves nothing behind', () => {
  rmSync(join(root, 'etc'), { recursive: true });
  host.close();
  expect(spawnSync('ls', [host.folder]).status).not.toBe(0);
  open();
});

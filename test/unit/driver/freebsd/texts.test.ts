/** Parsers of what FreeBSD's tools print, with texts in the form of their manual pages; and the pure plans. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRulesets, rulesetFor, rulesetProblem } from '../../../../src/driver/freebsd/devfs.ts';
import { majorOf, parseSysctls, releaseFrom } from '../../../../src/driver/freebsd/facts.ts';
import { through } from '../../../../src/driver/freebsd/inside.ts';
import { parseJails, splitWords, uuidOf } from '../../../../src/driver/freebsd/jls.ts';
import {
  parseCpus,
  parseRules,
  parseUsage,
  printRule,
  toLimits,
} from '../../../../src/driver/freebsd/limits.ts';
import { parseMountTable } from '../../../../src/driver/freebsd/mounts.ts';
import { areOurs, parseIpfwNumbers } from '../../../../src/driver/freebsd/nat-plan.ts';
import { jailName, pairEnds } from '../../../../src/driver/freebsd/names.ts';
import { parseDefaultRoutes, parseInterfaces } from '../../../../src/driver/freebsd/net-facts.ts';

describe('jls', () => {
  const json = JSON.stringify({
    __version: '2',
    'jail-information': {
      jail: [
        {
          jid: 3,
          hostname: 'www',
          path: '/iocage/jails/www.example.org/root',
          name: 'ioc-www_example_org',
          state: 'ACTIVE',
          cpusetid: 4,
          ipv4_addrs: ['192.0.2.10', '192.0.2.11'],
          ipv6_addrs: [],
        },
        { jid: '4', hostname: 'other', path: '/jails/other', name: 'other', state: 'ACTIVE' },
      ],
    },
  });
  it('tells of every jail, numbers as texts too', () => {
    const rows = parseJails(json);
    expect(rows.map(({ jid }) => jid)).toEqual([3, 4]);
    expect(rows[0]).toMatchObject({ ip4: ['192.0.2.10', '192.0.2.11'], ip6: [], hostname: 'www' });
    expect(rows.map(uuidOf)).toEqual(['www.example.org', undefined]);
  });
  it('has nothing to say of nothing, and refuses what is no JSON', () => {
    expect(parseJails('')).toEqual([]);
    expect(() => parseJails('jls: usage')).toThrow('jls');
  });
  it('splits words where no quote holds them together', () => {
    expect(splitWords('jid=1 nopersist host.hostname="a b" path=/x\n')).toEqual([
      'jid=1',
      'nopersist',
      'host.hostname="a b"',
      'path=/x',
    ]);
  });
});

describe('ifconfig and netstat', () => {
  const text = `em0: flags=1008843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST,LOWER_UP> metric 0 mtu 1500
\toptions=4e504bb<RXCSUM,TXCSUM>
\tether 08:00:27:8a:7b:f4
\tinet 192.0.2.2 netmask 0xffffff00 broadcast 192.0.2.255
\tinet6 fe80::a00:27ff:fe8a:7bf4%em0 prefixlen 64 scopeid 0x1
\tinet6 2001:db8::2 prefixlen 64
\tstatus: active
lo0: flags=1008049<UP,LOOPBACK,RUNNING,MULTICAST,LOWER_UP> metric 0 mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
\tgroups: lo
bridge0: flags=8802<BROADCAST,SIMPLEX,MULTICAST> metric 0 mtu 9000
\tether 58:9c:fc:10:ff:b4
\tmember: em1 flags=143<LEARNING,DISCOVER,AUTOEDGE,AUTOPTP>
\t        ifmaxaddr 0 port 2 priority 128 path cost 20000
\tgroups: bridge
`;
  it('reads addresses with their lengths, members, groups and whether a link is up', () => {
    const [em0, lo0, bridge0] = parseInterfaces(text);
    expect(em0).toMatchObject({ name: 'em0', mtu: 1500, up: true, mac: '08:00:27:8a:7b:f4' });
    expect(em0!.addresses).toEqual([
      { family: 4, address: '192.0.2.2', prefix: 24 },
      { family: 6, address: 'fe80::a00:27ff:fe8a:7bf4', prefix: 64 },
      { family: 6, address: '2001:db8::2', prefix: 64 },
    ]);
    expect(lo0!.addresses).toEqual([{ family: 4, address: '127.0.0.1', prefix: 8 }]);
    expect(bridge0).toMatchObject({ members: ['em1'], groups: ['bridge'], up: false, mtu: 9000 });
  });
  it('finds the default routes of both families', () => {
    const family = (name: string, gateway: string) => ({
      'address-family': name,
      'rt-entry': [
        { destination: '192.0.2.0/24', gateway: 'link#1', 'interface-name': 'em1' },
        { destination: 'default', gateway, flags: 'UGS', 'interface-name': 'em0' },
      ],
    });
    const table = { 'rt-family': [family('Internet', '192.0.2.1'), family('Internet6', 'fe80::1%em0')] };
    const json = JSON.stringify({ statistics: { 'route-information': { 'route-table': table } } });
    expect(parseDefaultRoutes(json)).toEqual({
      4: { nic: 'em0', gateway: '192.0.2.1' },
      6: { nic: 'em0', gateway: 'fe80::1' },
    });
    expect(parseDefaultRoutes('')[4]).toEqual({ nic: undefined, gateway: undefined });
  });
});

describe('rctl and cpuset', () => {
  it('prints a rule and reads it back', () => {
    const rule = { key: 'memoryuse', value: '512M:deny' };
    expect(printRule('ioc-web', rule)).toBe('jail:ioc-web:memoryuse:deny=536870912');
    expect(parseRules('jail:ioc-web:memoryuse:deny=536870912\njail:other:nthr:log=2\n', 'ioc-web')).toEqual([
      rule,
    ]);
  });
  it('reads usage, with null for what is not counted', () => {
    const usage = parseUsage('cputime=12\nmemoryuse=4096\npcpu=3\n');
    expect([usage.get('cputime'), usage.get('memoryuse'), usage.get('nshm')]).toEqual([12, 4096, null]);
  });
  it('reads CPUs as ranges, and none where it is every one', () => {
    expect(parseCpus('jail 3 mask: 0, 2, 3\njail 3 domain policy: first-touch mask: 0\n', 3)).toBe('0,2-3');
    expect(parseCpus('jail 3 mask: 0, 1\n', 1)).toBeUndefined();
  });
  it('refuses limits where the kernel counts nothing', () => {
    const config = new Map([
      ['rlimits', 'on'],
      ['maxproc', '50:deny'],
    ]);
    expect(toLimits(config, { racct: false, lastCpu: 3 }).problems.map(({ key }) => key)).toEqual([
      'rlimits',
    ]);
    expect(toLimits(config, { racct: true, lastCpu: 3 }).problems).toEqual([]);
  });
});

describe('devfs', () => {
  it('never takes a number that is in use, wherever it begins', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9a-f]{8}$/),
        fc.integer({ min: 65_500, max: 65_530 }),
        (hash, from) => {
          const taken = new Set([from, from + 1, from + 3]);
          const { number } = rulesetFor(new Map([['min_dyn_devfs_ruleset', `${from}`]]), hash, taken);
          expect(taken.has(number)).toBe(false);
          expect(number).toBeGreaterThanOrEqual(from);
          expect(number).toBeLessThanOrEqual(65_535);
        },
      ),
    );
  });
  it('hides everything first, and says where a set is not there', () => {
    expect(rulesetFor(new Map(), '00000000', new Set()).rules[0]).toEqual(['hide']);
    expect(rulesetProblem(new Map([['devfs_ruleset', '7']]), parseRulesets('1\n2\n'))).toContain(
      'no devfs rule set 7',
    );
    expect(rulesetProblem(new Map(), new Set())).toBeUndefined();
  });
});

describe('names and releases', () => {
  it('fit the kernel', () => {
    expect(jailName('www.example.org')).toBe('ioc-www_example_org');
    expect(pairEnds('1e68af45', 3)).toEqual({ host: 'ioc1e68af45v3a', jail: 'ioc1e68af45v3b' });
    expect(pairEnds('1e68af45', 3).host.length).toBeLessThanOrEqual(15);
    expect([releaseFrom('14.2-RELEASE-p3\n'), releaseFrom('15.0-CURRENT'), releaseFrom('x')]).toEqual([
      '14.2-RELEASE',
      '15.0-CURRENT',
      undefined,
    ]);
    expect([majorOf('14.2-RELEASE'), majorOf('CURRENT')]).toEqual([14, undefined]);
    expect(parseSysctls('a.b=1\nc=x=y\nnoise\n')).toEqual(
      new Map([
        ['a.b', '1'],
        ['c', 'x=y'],
      ]),
    );
    expect(parseMountTable('/srv\t\t\t/a\\040b\tnullfs\tro\t\t0 0\n')).toEqual([
      { from: '/srv', at: '/a b', type: 'nullfs' },
    ]);
    // As putfsent() of mount.c prints them: blanks stay, and one blank follows a long name.
    const table = [
      'zroot/ROOT/default\t/\t\t\tzfs\trw,noatime,nfsv4acls \t0 0',
      'devfs\t\t\t/dev\t\t\tdevfs\trw\t\t0 0',
      '/srv/my photos\t\t/tank/iocage/jails/web/root/mnt/my photos nullfs\tro,nosuid \t0 0',
      'tank/a dataset with blanks /srv/x y\t\tzfs\trw\t\t1 2',
      'no line of it',
    ];
    expect(parseMountTable(`${table.join('\n')}\n`)).toEqual([
      { from: 'zroot/ROOT/default', at: '/', type: 'zfs' },
      { from: 'devfs', at: '/dev', type: 'devfs' },
      { from: '/srv/my photos', at: '/tank/iocage/jails/web/root/mnt/my photos', type: 'nullfs' },
      { from: 'tank/a dataset with blanks', at: '/srv/x y', type: 'zfs' },
    ]);
  });
  it('numbers of ipfw, and whose they are', () => {
    const list = '00050 nat 123 ip4 from any to any via em0\n00100 allow ip from any to any via lo0\n';
    expect([...parseIpfwNumbers(`${list}65535 deny ip from any to any\n`)]).toEqual([50, 100, 65535]);
    expect([
      ...parseIpfwNumbers('ipfw nat 123 config if em0 log\nipfw nat 47 config if em0 same_ports\n'),
    ]).toEqual([123, 47]);
    expect(
      areOurs('00047 nat 47 ip4 from 10.0.0.2 to any out via em0\n00047 nat 47 ip4 from any to me in\n', 47),
    ).toBe(true);
    for (const other of [
      '00047 allow ip from any to any\n',
      '00047 nat 123 ip4 from any to any via em0\n',
      '',
    ])
      expect(areOurs(other, 47), other).toBe(false);
    expect(areOurs('00047 nat 47 ip4 from any to me in\n00047 deny ip from any to any\n', 47)).toBe(false);
  });
  it('a shell is only asked where it has to be, and user text is never its script', () => {
    expect(through(['/bin/ls'], undefined)).toEqual(['/bin/ls']);
    expect(through(['ls', '$(x)'], undefined)).toEqual(['/bin/sh', '-c', 'exec "$@"', 'sh', 'ls', '$(x)']);
    expect(through(['/bin/ls'], '/tmp; x').slice(3)).toEqual(['sh', '/tmp; x', '/bin/ls']);
  });
});

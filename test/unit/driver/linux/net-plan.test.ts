import { describe, expect, it } from 'vitest';
import { planNetwork } from '../../../../src/driver/linux/net-plan.ts';
import { networkKind } from '../../../../src/driver/both/planning.ts';
import { insideLines, linkLines, removalLines, routeLines } from '../../../../src/driver/linux/net-batch.ts';
import { filterRemoval, filterTables } from '../../../../src/driver/linux/net-filter.ts';
import { placesOf } from '../../../../src/driver/linux/names.ts';
import type { NetFacts } from '../../../../src/driver/linux/net-facts.ts';

const uuid = '6f1b9a52-0000-4000-8000-000000000001';
const places = placesOf({ run: '/run/iocage', state: '/var/lib/iocage' }, 'tank', uuid);
const ethernet = { mac: '52:54:00:00:00:01', mtu: 1500, kind: '', up: true };
const facts: NetFacts = {
  interfaces: [
    { ...ethernet, name: 'lo', addresses: [{ family: 4, address: '127.0.0.1', prefix: 8, scope: 'host' }] },
    {
      ...ethernet,
      name: 'eth0',
      addresses: [
        { family: 4, address: '192.0.2.2', prefix: 24, scope: 'global' },
        { family: 6, address: '2001:db8::2', prefix: 64, scope: 'global' },
        { family: 6, address: 'fe80::1234', prefix: 64, scope: 'link' },
      ],
    },
    { ...ethernet, name: 'eth1', addresses: [] },
  ],
  defaultNic: { 4: 'eth0', 6: undefined },
  routed: new Set(),
  gateway: { 4: '192.0.2.1', 6: undefined },
  hostId: 'host',
  sysctl: new Map([
    ['net/ipv4/conf/eth0/forwarding', '0'],
    ['net/ipv6/conf/all/forwarding', '0'],
    ['net/ipv6/conf/eth0/proxy_ndp', '0'],
    ['net/ipv6/conf/eth0/accept_ra', '1'],
  ]),
  jails: [],
};
const plan = (config: Record<string, string>, known: NetFacts = facts) =>
  planNetwork({ pool: 'tank', uuid, config: new Map(Object.entries(config)) }, places, known);

describe('networkKind', () => {
  it.each([
    [{}, 'own'],
    [{ ip4: 'inherit', ip4_addr: 'eth0|192.0.2.9' }, 'host'],
    [{ ip4: 'disable' }, 'own'],
    [{ ip4: 'disable', ip4_addr: 'eth0|192.0.2.9' }, 'own'],
    [{ ip4_addr: 'none', ip6_addr: 'none' }, 'own'],
    [{ ip4: 'new', ip4_addr: '192.0.2.9' }, 'addresses'],
    [{ ip4: 'disable', ip6_addr: 'eth0|2001:db8::9' }, 'addresses'],
    [{ nat: '1' }, 'addresses'],
    [{ nat: '1', ip4: 'disable' }, 'own'],
    [{ vnet: 'on' }, 'vnet'],
  ])('%j is %s', (config, kind) => {
    expect(networkKind(new Map(Object.entries(config)))).toBe(kind);
  });
});

describe('planNetwork', () => {
  it('names the interface, the source and the settings that must change', () => {
    const { plan: made, problems } = plan({
      ip4_addr: 'DEFAULT|192.0.2.10/24',
      ip6_addr: 'eth0|2001:DB8::10/64',
    });
    expect(problems).toEqual([]);
    expect(made.addresses).toEqual([
      { family: 4, address: '192.0.2.10', prefix: 24, nic: 'eth0', source: '192.0.2.2' },
      { family: 6, address: '2001:db8::10', prefix: 64, nic: 'eth0', source: '2001:db8::2' },
    ]);
    expect(made.sysctls).toEqual([
      { key: 'net/ipv4/conf/eth0/forwarding', value: '1', was: '0' },
      { key: 'net/ipv6/conf/all/forwarding', value: '1', was: '0' },
      { key: 'net/ipv6/conf/eth0/proxy_ndp', value: '1', was: '0' },
      { key: 'net/ipv6/conf/eth0/accept_ra', value: '2', was: '1' },
    ]);
    expect(made.link.length).toBeLessThanOrEqual(15);
  });

  it('takes the value of before the first jail from that jail’s record', () => {
    const first = plan({ ip4_addr: '192.0.2.10' }).plan;
    const known: NetFacts = {
      ...facts,
      sysctl: new Map([['net/ipv4/conf/eth0/forwarding', '1']]),
      jails: [{ pool: 'tank', uuid: 'first', network: first }],
    };
    expect(plan({ ip4_addr: '192.0.2.11' }, known).plan.sysctls).toEqual(first.sysctls);
  });

  it('collects every problem', () => {
    const known: NetFacts = {
      ...facts,
      jails: [
        { pool: 'tank', uuid: 'other', network: plan({ ip4_addr: '192.0.2.20' }).plan },
        { pool: 'tank', uuid, network: plan({ ip4_addr: '192.0.2.21' }).plan },
      ],
    };
    const { problems } = plan(
      {
        ip4_addr: 'em0|192.0.2.9,192.0.2.2,192.0.2.20,192.0.2.21,127.0.0.9,AUTOIP4',
        ip6_addr: '2001:db8::5',
      },
      known,
    );
    expect(problems).toEqual([
      { key: 'ip4_addr', problem: "192.0.2.9: the host has no interface em0; '192.0.2.9' alone takes eth0" },
      { key: 'ip4_addr', problem: "192.0.2.2 is the host's own address on eth0" },
      { key: 'ip4_addr', problem: '192.0.2.20 is in use by jail other' },
      { key: 'ip4_addr', problem: '127.0.0.9 is a loopback address' },
      { key: 'ip4_addr', problem: 'AUTOIP4 is specified, but ip4_autostart is not set!' },
      { key: 'ip6_addr', problem: '2001:db8::5: the host has no default route; name an interface' },
    ]);
    expect(plan({ ip4_addr: 'eth0|1.2.3' }).problems).toMatchObject([{ key: 'ip4_addr' }]);
  });

  it.each([
    ['192.0.2.1/24', "192.0.2.1 is the host's default gateway"],
    ['192.0.2.0', '192.0.2.0 is the network address of 192.0.2.2/24'],
    ['192.0.2.255/24', '192.0.2.255 is the broadcast address of 192.0.2.2/24'],
    ['169.254.1.1', '169.254.1.1 is a link-local address, to which nothing can be routed'],
  ])('refuses %s, with which others would be lost', (address, problem) => {
    expect(plan({ ip4_addr: `eth0|${address}` }).problems).toEqual([{ key: 'ip4_addr', problem }]);
  });

  it('refuses the gateway and link-local addresses of IPv6 too', () => {
    const known: NetFacts = {
      ...facts,
      defaultNic: { 4: 'eth0', 6: 'eth0' },
      gateway: { 4: '192.0.2.1', 6: '2001:db8::1' },
    };
    const problems = (text: string) => plan({ ip6_addr: text }, known).problems.map(({ problem }) => problem);
    expect(problems('2001:db8::1/64')).toEqual(["2001:db8::1 is the host's default gateway"]);
    expect(problems('fe80::1')).toEqual(['fe80::1 is a link-local address, to which nothing can be routed']);
    expect(problems('2001:db8::')).toEqual([]);
  });
});

describe('filter tables', () => {
  it('let through the IPv6 addresses of the jail, and what neighbour discovery needs', () => {
    const { plan: made } = plan({ ip6_addr: 'eth0|2001:db8::10,eth0|2001:db8::11', ip4_addr: '192.0.2.10' });
    expect(made.table).toBe(places.table);
    expect(filterTables(made)).toBe(
      [
        `table ip6 ${places.table} {`,
        ' chain prerouting {',
        '  type filter hook prerouting priority -300; policy accept;',
        `  iifname "${made.link}" ip6 saddr != { ::, fe80::/10, 2001:db8::10, 2001:db8::11 } drop`,
        ' }',
        '}',
        '',
      ].join('\n'),
    );
    expect(filterRemoval(made)).toBe(`table ip6 ${places.table} {}\ndelete table ip6 ${places.table}\n`);
  });

  it('are one for each family with nat=1, and none without nat and IPv6', () => {
    const both = plan({ nat: '1', ip6_addr: 'eth0|2001:db8::10' }).plan;
    const first = (text: string) => text.match(/^table .*/gm);
    expect(first(filterTables(both))).toEqual([`table ip ${places.table} {`, `table ip6 ${places.table} {`]);
    expect(filterRemoval(both).match(/^delete table .*/gm)).toHaveLength(2);
    const four = plan({ ip4_addr: 'eth0|192.0.2.10' }).plan;
    expect([four.table, filterTables(four), filterRemoval(four)]).toEqual([undefined, '', '']);
  });
});

describe('batch lines', () => {
  it('make the link, the routes before the proxies, and the inside', () => {
    const { plan: made } = plan({ ip4_addr: 'eth0|192.0.2.10/24' });
    expect(linkLines(made)).toEqual([
      `netns add ${made.netns}`,
      `link add name ${made.link} type veth peer name eth0 netns ${made.netns}`,
      `addr add 169.254.1.1/32 dev ${made.link} scope link`,
      `link set dev ${made.link} addrgenmode none`,
      `link set dev ${made.link} up`,
    ]);
    expect(routeLines(made)).toEqual([
      `route add 192.0.2.10/32 dev ${made.link} src 192.0.2.2`,
      'neigh add proxy 192.0.2.10 dev eth0',
    ]);
    expect(insideLines(made)).toEqual([
      'link set dev lo up',
      'addr add 192.0.2.10/32 dev eth0',
      'link set dev eth0 addrgenmode none',
      'link set dev eth0 up',
      'route add 169.254.1.1/32 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0',
    ]);
    expect(removalLines(made, made.addresses)).toEqual([
      'neigh del proxy 192.0.2.10 dev eth0',
      `link del ${made.link}`,
      `netns del ${made.netns}`,
    ]);
    expect(removalLines(made, [])).toHaveLength(2);
  });
});

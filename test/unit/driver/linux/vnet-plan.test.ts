import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { autoAddress, autoProblem } from '../../../../src/driver/both/auto-address.ts';
import { macsFor } from '../../../../src/driver/both/mac.ts';
import { placesOf } from '../../../../src/driver/linux/names.ts';
import type { NetFacts } from '../../../../src/driver/linux/net-facts.ts';
import { filterRemoval, filterTables } from '../../../../src/driver/linux/net-filter.ts';
import { dhcpNics } from '../../../../src/driver/linux/planned.ts';
import { settled } from '../../../../src/driver/both/settle.ts';
import { planVnet } from '../../../../src/driver/linux/vnet-plan.ts';
import {
  announceLines,
  giveBackLines,
  vnetInsideLines,
  vnetInsideSysctls,
  vnetLinkLines,
  vnetRemovalLines,
  type VnetPlan,
} from '../../../../src/driver/linux/vnet-batch.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';

const uuid = '6f1b9a52-0000-4000-8000-000000000001';
const places = placesOf({ run: '/run/iocage', state: '/var/lib/iocage' }, 'tank', uuid);
const nic = { mac: '52:54:00:00:00:01', mtu: 1500, kind: '', up: true, addresses: [] };
const facts: NetFacts = {
  interfaces: [
    {
      ...nic,
      name: 'eth0',
      addresses: [{ family: 4, address: '192.0.2.2', prefix: 24, scope: 'global' }],
    },
    {
      ...{ ...nic, name: 'bridge0', mac: '52:54:00:00:00:02', kind: 'bridge', mtu: 9000 },
      addresses: [{ family: 4, address: '10.9.0.1', prefix: 24, scope: 'global' }],
    },
    { ...nic, name: 'bridge9', mac: '52:54:00:00:00:03', kind: 'bridge', up: false },
  ],
  defaultNic: { 4: 'eth0', 6: 'eth0' },
  routed: new Set(),
  gateway: { 4: '192.0.2.1', 6: 'fe80::1' },
  hostId: 'host',
  sysctl: new Map([
    ['net/ipv4/conf/eth0/forwarding', '0'],
    ['net/ipv4/conf/bridge0/forwarding', '0'],
  ]),
  jails: [],
};
const plan = (config: Record<string, string>, known: NetFacts = facts) =>
  planVnet(
    {
      pool: 'tank',
      uuid,
      config: new Map(Object.entries({ vnet: 'on', interfaces: 'vnet0:bridge0', ...config })),
    },
    places,
    known,
  );
const problems = (config: Record<string, string>, known?: NetFacts): readonly string[] =>
  plan(config, known).problems.map(({ key, problem }) => `${key}: ${problem}`);

describe('planVnet', () => {
  it('gives each interface its pair, and the bridge’s packet size to the host’s end', () => {
    const made = plan({
      interfaces: 'vnet0:bridge0,lan:none',
      ip4_addr: 'vnet0|10.9.0.2/24,lan|10.8.0.2/24',
      ip6_addr: 'fd00::2',
      defaultrouter: '10.8.0.1',
      defaultrouter6: 'fe80::9%lan',
      vnet0_mtu: '1400',
      vnet_default_mtu: '1450',
      vnet0_mac: '02:ff:60:00:00:01,02:ff:60:00:00:02',
    });
    expect(made.problems).toEqual([]);
    expect(made.plan.nics).toMatchObject([
      {
        ...{ nic: 'vnet0', link: `${places.link}v0`, bridge: 'bridge0', mtu: 1400, hostMtu: 9000 },
        mac: { host: '02:ff:60:00:00:01', jail: '02:ff:60:00:00:02' },
      },
      { nic: 'lan', link: `${places.link}v1`, bridge: null, mtu: 1450, hostMtu: 1450 },
    ]);
    expect(made.plan.addresses).toEqual([
      { family: 4, address: '10.9.0.2', prefix: 24, nic: 'vnet0' },
      { family: 4, address: '10.8.0.2', prefix: 24, nic: 'lan' },
      { family: 6, address: 'fd00::2', prefix: 64, nic: 'vnet0' },
    ]);
    expect(made.plan.routers).toEqual([
      { address: '10.8.0.1', nic: 'lan' },
      { address: 'fe80::9', nic: 'lan' },
    ]);
    expect(made.plan.sysctls).toEqual([]);
    for (const { link } of made.plan.nics!) expect(link.length).toBeLessThanOrEqual(15);
  });

  it('refuses addresses with which others would be lost', () => {
    expect(problems({ ip4_addr: '10.9.0.0/24' })).toEqual([
      'ip4_addr: 10.9.0.0 is the network address of 10.9.0.0/24',
    ]);
    expect(problems({ ip4_addr: '10.9.0.255/16' })).toEqual([
      'ip4_addr: 10.9.0.255 is the broadcast address of 10.9.0.1/24',
    ]);
    const uplink: NetFacts = { ...facts, defaultNic: { 4: 'bridge0', 6: undefined } };
    const gateway = { ...uplink, gateway: { 4: '10.9.0.9', 6: undefined } };
    expect(problems({ ip4_addr: '10.9.0.9/24' }, gateway)).toEqual([
      "ip4_addr: 10.9.0.9 is the host's default gateway",
    ]);
    // On a bridge that leads elsewhere it is an address like others.
    expect(problems({ ip4_addr: '192.0.2.1/24' })).toEqual([]);
  });

  it('leads a translated jail over the bridge’s address, or over a link to the host alone', () => {
    const bridged = plan({ nat: '1', ip4_addr: 'vnet0|10.9.0.2/24', nat_forwards: 'tcp(80:8080)' });
    expect(bridged.problems).toEqual([]);
    expect(bridged.plan.routers).toEqual([{ address: '10.9.0.1', nic: 'vnet0' }]);
    expect(bridged.plan.nat).toMatchObject({ nic: 'eth0', addresses: ['10.9.0.2'], table: places.table });
    expect(bridged.plan.sysctls.map(({ key }) => key)).toEqual([
      'net/ipv4/conf/eth0/forwarding',
      'net/ipv4/conf/bridge0/forwarding',
    ]);
    const alone = plan({ nat: '1' });
    expect(alone.problems).toEqual([]);
    const [link] = alone.plan.nics!;
    expect(link!.bridge).toBeNull();
    expect(alone.plan.routers).toEqual([{ address: link!.gateway!.replace('/30', ''), nic: 'vnet0' }]);
    // COMPAT: an address that the Python line chose and wrote down.
    const kept = plan({ nat: '1', ip4_addr: 'vnet0|172.16.0.2/30' });
    expect(kept.plan.nics![0]).toMatchObject({ bridge: null, gateway: '172.16.0.1/30' });
  });

  it.each([
    [{ interfaces: 'vnet0:nobridge' }, /^interfaces: the host has no bridge nobridge; 'ip link add nobridge/],
    [{ interfaces: 'vnet0:eth0' }, /^interfaces: eth0 of the host is not a bridge$/],
    [{ interfaces: 'vnet0:bridge9' }, /^interfaces: bridge bridge9 is down/],
    [{ interfaces: 'none' }, /^interfaces: vnet=on needs at least one$/],
    [{ interfaces: 'lo:bridge0' }, /^interfaces: every jail has its own lo/],
    [{ ip4: 'inherit' }, /^ip4: inherit/],
    [{ ip4_addr: '10.9.0.2' }, /^ip4_addr: 10.9.0.2 needs the length/],
    [{ ip4_addr: 'em0|10.9.0.2/24' }, /^ip4_addr: the jail has no interface em0; interfaces gives it vnet0$/],
    [{ ip4_addr: '10.9.0.1/24' }, /^ip4_addr: 10.9.0.1 is the host's own address on bridge0$/],
    [{ ip4_addr: '127.0.0.2/8' }, /^ip4_addr: 127.0.0.2 is a loopback address$/],
    [{ ip4_addr: '10.9.0.2/24 alias' }, /^ip4_addr: words of ifconfig/],
    [{ ip4_addr: 'AUTOIP4' }, /^ip4_addr: AUTOIP4 is specified, but ip4_autostart is not set!$/],
    [{ ip4_addr: '1.2.3' }, /^ip4_addr: /],
    [{ ip4_addr: '10.9.0.2/24', defaultrouter: '10.8.0.1' }, /^defaultrouter: 10.8.0.1 is in no network/],
    [{ ip4_addr: '10.9.0.2/24', defaultrouter: 'auto' }, /^defaultrouter: 192.0.2.1 is in no network/],
    [{ ip6_addr: 'fd00::2', defaultrouter6: 'fd01::1' }, /^defaultrouter6: fd01::1 is in no network/],
    [
      { ip6_addr: 'fd00::2', defaultrouter6: 'fe80::1%em0' },
      /^defaultrouter6: the jail has no interface em0$/,
    ],
    [{ vnet0_mtu: '9001' }, /^vnet0_mtu: 9001 is more than bridge0 carries \(9000\)$/],
    [
      { vnet0_mac: '52:54:00:00:00:02,02:00:00:00:00:01' },
      /^vnet0_mac: .* of interface bridge0 of the host$/,
    ],
    [{ vnet0_mac: 'nonsense' }, /^vnet0_mac: /],
    [{ nat: '1', dhcp: 'on' }, /^nat: nat=1 and DHCP exclude each other$/],
    [{ nat: '1', ip4_addr: '10.7.0.2/24' }, /^defaultrouter: nat=1 needs a way to the host/],
    [{ nat: '1', nat_interface: 'em7' }, /^nat_interface: the host has no interface em7$/],
    [{ nat: '1', nat_forwards: 'tcp(0)' }, /^nat_forwards: /],
  ])('refuses %j', (config, problem) => {
    expect(problems(config)).toEqual([expect.stringMatching(problem)]);
  });

  it('refuses what another jail of the bridge has, and leaves other bridges alone', () => {
    const other = plan({ ip4_addr: '10.9.0.2/24', vnet0_mac: '02:00:00:00:00:01,02:00:00:00:00:02' }).plan;
    const known: NetFacts = { ...facts, jails: [{ pool: 'tank', uuid: 'other', network: other }] };
    expect(problems({ ip4_addr: '10.9.0.2/24' }, known)).toEqual([
      'ip4_addr: 10.9.0.2 is in use by jail other',
    ]);
    expect(problems({ interfaces: 'vnet0:none', ip4_addr: '10.9.0.2/24' }, known)).toEqual([]);
    expect(problems({ vnet0_mac: '02:00:00:00:00:09,02:00:00:00:00:02' }, known)).toEqual([
      'vnet0_mac: 02:00:00:00:00:02 is the link address of jail other',
    ]);
  });

  it('leaves the second bridge of the built-in list out when it is missing and nobody needs it', () => {
    const interfaces = 'vnet0:bridge0,vnet1:bridge1';
    expect(plan({ interfaces }).plan.nics).toHaveLength(1);
    expect(problems({ interfaces, ip4_addr: 'vnet1|10.9.0.2/24' })).toHaveLength(1);
    expect(problems({ interfaces: `${interfaces},vnet2:bridge0` })).toHaveLength(1);
  });
});

describe('what a vnet jail may send into its bridges', () => {
  const pair = '02:ff:60:00:00:01,02:ff:60:00:00:02';
  const rules = (config: Record<string, string>): readonly string[] =>
    filterTables(plan({ vnet0_mac: pair, ...config }).plan)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.endsWith('drop'));
  const port = `iifname "${places.link}v0"`;
  const all = `iifname { "${places.link}v0" }`;
  const link = [
    `${port} ether saddr != 02:ff:60:00:00:02 drop`,
    `${port} arp saddr ether != 02:ff:60:00:00:02 drop`,
  ];
  const kinds = [
    `${all} ether type != { arp, ip, ip6 } drop`,
    `${all} icmpv6 type { nd-router-advert, nd-redirect } drop`,
  ];

  it('comes from its own addresses, where they are known beforehand', () => {
    expect(rules({ ip4_addr: '10.9.0.2/24', ip6_addr: 'fd00::2' })).toEqual([
      ...link,
      ...kinds,
      `${all} arp saddr ip != { 0.0.0.0, 10.9.0.2 } drop`,
      `${all} ip saddr != { 10.9.0.2 } drop`,
      `${all} ip6 saddr != { ::, fd00::2, fe80::ff:60ff:fe00:2 } drop`,
      `${all} icmpv6 type nd-neighbor-advert @th,64,128 != 0xfd000000000000000000000000000002 @th,64,128 != 0xfe8000000000000000ff60fffe000002 drop`,
    ]);
  });

  it('comes from its own link address at least, whatever it is given or asks for', () => {
    for (const config of [{}, { dhcp: 'on' }, { ip6_addr: 'accept_rtadv' }])
      expect(rules(config), JSON.stringify(config)).toEqual([...link, ...kinds]);
    expect(rules({ dhcp: 'on', ip6_addr: 'fd00::2' })).toHaveLength(6);
    expect(rules({ bridge_filter: 'mac', ip4_addr: '10.9.0.2/24' })).toEqual(link);
  });

  it('is not looked at when that is wanted, or where nothing joins a bridge', () => {
    expect(plan({ bridge_filter: 'off', ip4_addr: '10.9.0.2/24' }).plan.guard).toBeUndefined();
    expect(plan({ interfaces: 'vnet0:none', ip4_addr: '10.9.0.2/24' }).plan.guard).toBeUndefined();
    expect(filterTables(plan({ nat: '1' }).plan)).not.toContain('bridge');
  });

  it('is taken back with the rest', () => {
    const made = plan({ ip4_addr: '10.9.0.2/24' }).plan;
    expect(filterTables(made)).toContain(`table bridge ${places.table} {`);
    expect(filterRemoval(made)).toBe(
      `table bridge ${places.table} {}\ndelete table bridge ${places.table}\n`,
    );
  });
});

describe('batch lines of a vnet jail', () => {
  it('make the pair, then the inside, and take exactly the pair away', () => {
    const made = plan({
      ip4_addr: 'vnet0|10.9.0.2/24',
      defaultrouter: '10.9.0.1',
      vnet0_mac: '02:ff:60:00:00:01,02:ff:60:00:00:02',
    }).plan as VnetPlan;
    const link = `${places.link}v0`;
    expect(vnetLinkLines(made)).toEqual([
      `netns add ${places.netns}`,
      `link add name ${link} mtu 9000 address 02:ff:60:00:00:01 type veth peer name vnet0 mtu 9000 address 02:ff:60:00:00:02 netns ${places.netns}`,
      `link set dev ${link} addrgenmode none`,
      `link set dev ${link} master bridge0`,
      `link set dev ${link} up`,
    ]);
    expect(vnetInsideSysctls(made)).toContain('net/ipv6/conf/vnet0/accept_ra=0');
    expect(vnetInsideLines(made)).toEqual([
      'link set dev lo up',
      'addr add 10.9.0.2/24 dev vnet0',
      'link set dev vnet0 addrgenmode none',
      'link set dev vnet0 up',
      'route add default via 10.9.0.1 dev vnet0',
    ]);
    expect(announceLines(made)).toEqual(['link set dev vnet0 address 02:ff:60:00:00:02']);
    expect(vnetRemovalLines(made)).toEqual([`link del ${link}`, `netns del ${places.netns}`]);
    const asking = plan({ ip6_addr: 'accept_rtadv' }).plan as VnetPlan;
    expect(vnetInsideSysctls(asking)).toContain('net/ipv6/conf/vnet0/accept_ra=1');
    expect(vnetInsideLines(asking)).toContain('link set dev vnet0 addrgenmode eui64');
  });
});

describe('link addresses', () => {
  const owner = { hostId: 'host', pool: 'tank', uuid, nic: 'vnet0' };

  it('are stable, differ by host, jail and interface, and are locally administered', () => {
    const one = macsFor(owner, '02ff60', new Set());
    expect(macsFor(owner, undefined, new Set())).toEqual(one);
    expect(one.jail).toMatch(/^02:ff:60:/);
    const others = [{ hostId: 'b' }, { uuid: 'b' }, { nic: 'vnet1' }, { pool: 'b' }].map((change) =>
      macsFor({ ...owner, ...change }, '02ff60', new Set()),
    );
    expect(new Set([one, ...others].map(({ jail }) => jail)).size).toBe(5);
    expect(macsFor(owner, '02ff60', new Set([one.jail])).jail).not.toBe(one.jail);
  });

  it('are pairs of unicast addresses of which the host’s end is never a bridge’s lowest', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), (hostId, name) => {
        const { host, jail } = macsFor({ ...owner, hostId, uuid: name }, 'aabbcc', new Set());
        expect(host).toMatch(/^fe:bb:cc(:[0-9a-f]{2}){3}$/);
        expect(jail).toMatch(/^aa:bb:cc(:[0-9a-f]{2}){3}$/);
      }),
    );
  });
});

describe('AUTOIP4', () => {
  const range = new Map([
    ['ip4_autostart', '1'],
    ['ip4_autoend', '5'],
  ]);

  it('is the lowest that neither host, jail nor property has', () => {
    const jails = [{ pool: 'tank', uuid: 'b', network: plan({ ip4_addr: '192.0.2.3/24' }).plan }];
    expect(autoAddress(range, { ...facts, jails }, ['em0|192.0.2.4/24'])).toEqual({
      address: '192.0.2.5',
      prefix: 24,
    });
    expect(autoAddress(range, { ...facts, jails }, ['192.0.2.4,192.0.2.5']).problem).toContain('exhaustion');
    expect(autoProblem(range, facts)).toContain('kept by jails that do not run');
  });

  it.each([
    [{}, 'AUTOIP4 is specified, but ip4_autostart is not set!'],
    [{ ip4_autostart: '10' }, 'AUTOIP4 is specified, but ip4_autoend is not set!'],
  ])('%j: %s', (config, problem) => {
    expect(autoAddress(new Map(Object.entries(config)), facts, [])).toEqual({ problem });
  });

  it('is decided together with the link addresses, once', () => {
    const config = {
      vnet: 'on',
      interfaces: 'vnet0:bridge0,lan:bridge0',
      ip4_addr: 'AUTOIP4,lan|AUTOIP4',
      ...Object.fromEntries(range),
    };
    const spec = { pool: 'tank', uuid, config: new Map(Object.entries(config)) } as unknown as JailSpec;
    const nics = planVnet(spec, places, facts).plan.nics ?? [];
    const texts = settled(spec.config, nics, facts, ['192.0.2.3']);
    expect(texts.get('ip4_addr')).toBe('192.0.2.4/24,lan|192.0.2.5/24');
    expect([...texts.keys()]).toEqual(['vnet0_mac', 'ip4_addr']);
    const known = { ...spec, config: new Map([...spec.config, ...texts]) };
    expect(settled(known.config, nics, facts, [])).toEqual(new Map());
  });
});

describe('interfaces of the host and tunnels', () => {
  const card = { ...nic, name: 'card0', mac: '52:54:00:00:00:09' };
  const known: NetFacts = { ...facts, interfaces: [...facts.interfaces, card] };
  const asked = {
    interfaces: 'none',
    vnet_interfaces: 'card0',
    ip4_addr: '10.3.0.2/24',
    defaultrouter: '10.3.0.1',
  };

  it('are moved in, get addresses and the way out, and are moved back before the namespace goes', () => {
    const { plan: made, problems: none } = plan(asked, known);
    expect(none).toEqual([]);
    expect(made).toMatchObject({
      nics: [],
      moved: [{ nic: 'card0', up: true }],
      addresses: [{ nic: 'card0', address: '10.3.0.2', prefix: 24 }],
      routers: [{ nic: 'card0', address: '10.3.0.1' }],
    });
    const vnet = made as VnetPlan;
    expect(vnetLinkLines(vnet)).toEqual([
      `netns add ${places.netns}`,
      `link set dev card0 netns ${places.netns}`,
    ]);
    expect(vnetInsideLines(vnet)).toEqual([
      'link set dev lo up',
      'addr add 10.3.0.2/24 dev card0',
      'link set dev card0 addrgenmode none',
      'link set dev card0 up',
      'route add default via 10.3.0.1 dev card0',
    ]);
    expect(giveBackLines(['card0'], 77)).toEqual(['link set dev card0 down', 'link set dev card0 netns 77']);
    expect(vnetRemovalLines(vnet)).toEqual([`netns del ${places.netns}`]);
  });

  it('ask for addresses by DHCP and advertisements as others do', () => {
    const { plan: made, problems: none } = plan(
      { ...asked, ip4_addr: 'card0|DHCP', ip6_addr: 'card0|accept_rtadv', defaultrouter: 'none' },
      known,
    );
    expect([none, made.moved]).toEqual([[], [{ nic: 'card0', up: true, dhcp: true, rtadv: true }]]);
    expect(dhcpNics(made)).toEqual(['card0']);
    expect(vnetInsideSysctls(made as VnetPlan)).toContain('net/ipv6/conf/card0/accept_ra=1');
  });

  it('are refused while another jail has them, and known again after a killed run of the same jail', () => {
    const network = {
      netns: 'n',
      link: 'l',
      addresses: [],
      sysctls: [],
      nics: [],
      moved: [{ nic: 'card0', up: true }],
    };
    const held = (by: string): NetFacts => ({ ...facts, jails: [{ pool: 'tank', uuid: by, network }] });
    expect(problems(asked, held('other'))).toEqual(['vnet_interfaces: card0 is with jail other']);
    expect(plan(asked, held(uuid))).toMatchObject({
      problems: [],
      plan: { moved: [{ nic: 'card0', up: true }] },
    });
  });

  it('of a name that is none are refused, and so is one that a jail’s link has', () => {
    expect(problems({ ...asked, vnet_interfaces: '../x', ip4_addr: 'none' }, known).join()).toMatch(
      /interface name/,
    );
    const links: NetFacts = {
      ...known,
      jails: [
        { pool: 'tank', uuid: 'b', network: { netns: 'n', link: 'card0', addresses: [], sysctls: [] } },
      ],
    };
    expect(problems({ ...asked, ip4_addr: 'none', defaultrouter: 'none' }, links)).toEqual([
      'vnet_interfaces: card0 is with jail b',
    ]);
  });

  it('a tunnel is made inside, with its addresses, only with allow_tun', () => {
    const config = { ip4_addr: '10.9.0.2/24,tun0|10.66.0.1/24' };
    expect(problems(config)).toEqual(['ip4_addr: the jail has no interface tun0; interfaces gives it vnet0']);
    const { plan: made, problems: none } = plan({ ...config, allow_tun: '1' });
    expect([none, made.tunnel]).toEqual([[], 'tun0']);
    expect(vnetInsideLines(made as VnetPlan)).toEqual(
      expect.arrayContaining([
        'tuntap add dev tun0 mode tun',
        'addr add 10.66.0.1/24 dev tun0',
        'link set dev tun0 up',
      ]),
    );
  });
});

import { describe, expect, it } from 'vitest';
import {
  defaultRoute4,
  defaultRoute6,
  parseInterfaces,
  routedNics,
} from '../../../../src/driver/linux/net-facts.ts';

const route = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
`;
const zero = '0'.repeat(32);
const route6 = `20010db8000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     eth0
${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo
`;

describe('network facts', () => {
  it('finds the default route, lowest metric first', () => {
    expect(defaultRoute4(route)).toEqual({ nic: 'eth0', gateway: '192.0.2.1' });
    expect(defaultRoute4(route.split('\n')[0]!)).toEqual({ nic: undefined, gateway: undefined });
    expect(
      defaultRoute4(`${route.split('\n')[0]}\nppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000`),
    ).toEqual({
      nic: 'ppp0',
      gateway: undefined,
    });
    expect(defaultRoute6(route6)).toEqual({ nic: 'eth0', gateway: 'fe80::1' });
    expect(defaultRoute6(route6.split('\n')[2]!)).toEqual({ nic: undefined, gateway: undefined });
  });

  it('names the interfaces that routes lead over, but for what the kernel keeps by itself', () => {
    expect([...routedNics(route, route6)]).toEqual(['wlan0', 'eth0']);
    const link = `fe800000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     nic0`;
    const group = `ff000000000000000000000000000000 08 ${zero} 00 ${zero} 00000100 00000003 00000000 00000001     nic1`;
    const own = `20010db8000000000000000000000002 80 ${zero} 00 ${zero} 00000000 00000003 00000000 80200001     nic2`;
    const far = `20010db8000000010000000000000000 40 ${zero} 00 ${zero} 00000400 00000001 00000000 00000001     nic3`;
    expect([...routedNics('', [link, group, own, far].join('\n'))]).toEqual(['nic3']);
    expect([...routedNics('', '')]).toEqual([]);
  });

  it('reads the output of ip -j addr', () => {
    const json = `[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","scope":"host"}]},
      {"ifname":"eth0","flags":["UP"],"mtu":9000,"address":"52:54:00:00:00:01","linkinfo":{"info_kind":"bridge"},
       "addr_info":[{"family":"inet6","local":"2001:db8:0:0::2","prefixlen":64,"scope":"global"}]},{}]`;
    expect(parseInterfaces(json)).toEqual([
      {
        ...{ name: 'lo', mac: '', mtu: 1500, kind: '', up: false },
        addresses: [{ family: 4, address: '127.0.0.1', prefix: 32, scope: 'host' }],
      },
      {
        ...{ name: 'eth0', mac: '52:54:00:00:00:01', mtu: 9000, kind: 'bridge', up: true },
        addresses: [{ family: 6, address: '2001:db8::2', prefix: 64, scope: 'global' }],
      },
    ]);
    expect(parseInterfaces('[{"ifname":"a.7","link":"a","master":"br0"}]')[0]).toMatchObject({
      lower: 'a',
      master: 'br0',
    });
    expect(parseInterfaces('')).toEqual([]);
  });
});

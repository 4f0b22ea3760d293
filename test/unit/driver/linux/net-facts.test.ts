import { describe, expect, it } from 'vitest';
import { defaultNic4, defaultNic6, parseInterfaces } from '../../../../src/driver/linux/net-facts.ts';

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
  it('finds the interface of the default route, lowest metric first', () => {
    expect(defaultNic4(route)).toBe('eth0');
    expect(defaultNic4(route.split('\n')[0]!)).toBeUndefined();
    expect(defaultNic6(route6)).toBe('eth0');
    expect(defaultNic6(route6.split('\n')[2]!)).toBeUndefined();
  });

  it('reads the output of ip -j addr', () => {
    const json = `[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","scope":"host"}]},
      {"ifname":"eth0","addr_info":[{"family":"inet6","local":"2001:db8:0:0::2","scope":"global"}]},{}]`;
    expect(parseInterfaces(json)).toEqual([
      { name: 'lo', addresses: [{ family: 4, address: '127.0.0.1', scope: 'host' }] },
      { name: 'eth0', addresses: [{ family: 6, address: '2001:db8::2', scope: 'global' }] },
    ]);
    expect(parseInterfaces('')).toEqual([]);
  });
});

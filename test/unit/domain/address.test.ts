/** Address lists: both families, every kind of item, and what must not pass. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalAddress, ip4AddressList, ip6AddressList } from '../../../src/domain/address.ts';
import { ValueProblem } from '../../../src/domain/property.ts';

test('an item with everything', () => {
  expect(ip4AddressList.parse('em0|10.0.0.2/24 vhid 3,DEFAULT|AUTOIP4,vnet0|DHCP,10.0.0.9')).toEqual([
    { iface: 'em0', kind: 'fixed', address: '10.0.0.2', prefix: 24, extra: ['vhid', '3'] },
    { iface: 'DEFAULT', kind: 'auto' },
    { iface: 'vnet0', kind: 'dhcp' },
    { kind: 'fixed', address: '10.0.0.9' },
  ]);
  expect(ip6AddressList.parse('em0|2001:DB8:0:0::5/64,vnet0|ACCEPT_RTADV')).toEqual([
    { iface: 'em0', kind: 'fixed', address: '2001:db8::5', prefix: 64 },
    { iface: 'vnet0', kind: 'rtadv' },
  ]);
  expect(ip4AddressList.parse('none')).toEqual([]);
});

test.each([
  ['em0 | 10.0.0.2 , em1|10.0.0.3/255.255.255.0', 'em0|10.0.0.2,em1|10.0.0.3/24'],
  ['autoip4', 'AUTOIP4'],
  ['NONE', 'none'],
])('%j is stored as %j', (text, stored) => {
  expect(ip4AddressList.print(ip4AddressList.parse(text))).toBe(stored);
});

describe.each([
  ['ip4_addr', ip4AddressList],
  ['ip6_addr', ip6AddressList],
])('%s refuses', (_key, codec) => {
  test.each([
    '',
    ',',
    '10.0.0.1,',
    '10.0.0.256',
    '10.1',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.1/33',
    '10.0.0.1/255.0.255.0',
    '10.0.0.1/',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '10.0.0.1,10.0.0.1',
    '-em0|10.0.0.1',
    'em0em0em0em0em0em0|10.0.0.1',
    'em 0|10.0.0.1',
    '|10.0.0.1',
    'a|b|10.0.0.1',
    '10.0.0.1 -alias',
    '10.0.0.1 x|y',
    '10.0.0.1 \u0000',
    '::1%lo0',
    '::',
    'ff02::1',
    ':::',
    '1::2::3',
    '2001:db8::1/129',
    '2001:db8::1,2001:DB8:0::1',
    'example.org',
    'none,10.0.0.1',
    '$(reboot)',
  ])('%j', (text) => {
    expect(() => codec.parse(text)).toThrow(ValueProblem);
  });
});

test('the families do not mix', () => {
  expect(() => ip4AddressList.parse('::1')).toThrow(/no IPv4/);
  expect(() => ip6AddressList.parse('10.0.0.1')).toThrow(/no IPv6/);
  expect(() => ip4AddressList.parse('accept_rtadv')).toThrow(/IPv6 only/);
  expect(() => ip6AddressList.parse('DHCP')).toThrow(/IPv4 only/);
});

test('every IPv4 and IPv6 address has one canonical text', () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      expect(canonicalAddress(text, 4)).toBe(text);
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const once = canonicalAddress(text, 6);
      expect(once).toBeDefined();
      expect(canonicalAddress(once!, 6)).toBe(once);
      expect(canonicalAddress(text.toUpperCase(), 6)).toBe(once);
    }),
  );
});

/** What a first start makes of a value is no difference; anything else is one. */
import { describe, expect, it } from 'vitest';
import { isSettled } from '../../../src/domain/description/settled.ts';

describe('isSettled', () => {
  it.each([
    ['ip4_addr', 'eth0|AUTOIP4', 'eth0|192.0.2.10/24', true],
    ['ip4_addr', 'AUTOIP4', '192.0.2.10/24', true],
    ['ip4_addr', 'eth0|192.0.2.1/24,AUTOIP4', 'eth0|192.0.2.1/24,192.0.2.10/24', true],
    ['ip4_addr', 'eth0|AUTOIP4', 'eth1|192.0.2.10/24', false],
    ['ip4_addr', 'eth0|AUTOIP4', 'eth0|192.0.2.10/24,eth0|192.0.2.11/24', false],
    ['ip4_addr', 'eth0|192.0.2.1/24,AUTOIP4', 'eth0|192.0.2.2/24,192.0.2.10/24', false],
    ['ip4_addr', 'AUTOIP4', 'none', false],
    ['ip4_addr', 'AUTOIP4', 'not readable at all', false],
    ['ip4_addr', '192.0.2.1/24', '192.0.2.2/24', false],
    ['vnet0_mac', 'none', 'fe:ff:60:00:00:01,02:ff:60:00:00:02', true],
    ['vnet0_mac', 'fe:ff:60:00:00:01,02:ff:60:00:00:02', 'none', false],
    ['notes', 'none', 'x', false],
  ])('%s %s, now %s: %s', (key, wanted, now, expected) => {
    expect(isSettled(key, wanted, now)).toBe(expected);
  });
});

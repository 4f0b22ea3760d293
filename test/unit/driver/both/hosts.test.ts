import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesFor, namesOf, wantsHosts } from '../../../../src/driver/both/hosts.ts';
import { networkKind } from '../../../../src/driver/both/planning.ts';
import { zoneOf } from '../../../../src/driver/both/local-time.ts';
import type { NetworkPlan, PlannedNic } from '../../../../src/driver/linux/planned.ts';
import type { JailState } from '../../../../src/driver/linux/state.ts';

const nic = (name: string, bridge: string | null, gateway?: string): PlannedNic => ({
  ...{ nic: name, link: 'l', bridge, mac: { host: 'a', jail: 'b' }, mtu: 1500, hostMtu: 1500 },
  ...(gateway === undefined ? {} : { gateway }),
});
const on = (pairs: readonly (readonly [string, string])[], nics?: readonly PlannedNic[]): NetworkPlan => ({
  ...{ netns: 'n', link: 'l', sysctls: [] },
  addresses: pairs.map(([name, address]) => ({
    family: address.includes(':') ? 6 : 4,
    address,
    prefix: 24,
    nic: name,
  })),
  ...(nics === undefined ? {} : { nics }),
});
const jail = (uuid: string, names: readonly string[], network: NetworkPlan): JailState => ({
  pool: 'tank',
  uuid,
  names,
  network,
});
const lines = (self: JailState, all: readonly JailState[]): readonly string[] =>
  linesFor(self, all)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('the lines of a jail', () => {
  const two = [nic('vnet0', 'bridge0'), nic('vnet1', 'bridge1')];
  const a = jail(
    'a',
    ['a', 'a.example'],
    on(
      [
        ['vnet0', '10.0.0.2'],
        ['vnet1', '10.1.0.2'],
      ],
      two,
    ),
  );
  const b = jail(
    'b',
    ['b'],
    on(
      [
        ['vnet0', '10.0.0.3'],
        ['vnet0', 'fe80::3'],
        ['vnet0', 'fd00::3'],
      ],
      [nic('vnet0', 'bridge0')],
    ),
  );
  const c = jail('c', ['c'], on([['vnet0', '10.1.0.4']], [nic('vnet0', 'bridge1')]));
  const routed = jail('d', ['d'], on([['eth0', '192.0.2.10']]));
  const behind = jail('e', ['e'], on([['vnet0', '172.16.0.2']], [nic('vnet0', null, '172.16.0.1/30')]));
  const card = jail('f', ['f'], on([['card0', '10.0.0.9']], []));
  const all = [card, behind, routed, c, b, a];

  it('are those of the networks that it is in, with its own, in one order for everybody', () => {
    expect(lines(a, all)).toEqual([
      '10.0.0.2\ta a.example',
      '10.1.0.2\ta a.example',
      '10.0.0.3\tb',
      'fd00::3\tb',
      '10.1.0.4\tc',
    ]);
    expect(lines(b, all)).toEqual(['10.0.0.2\ta a.example', '10.0.0.3\tb', 'fd00::3\tb']);
    expect(lines(routed, all)).toEqual(['192.0.2.10\td', '172.16.0.2\te']);
    expect(lines(behind, all)).toEqual(lines(routed, all));
    expect(lines(card, all)).toEqual([]);
  });

  it('leave out who does not want to be known', () => {
    const { names: _, ...silent } = b;
    expect(lines(a, [a, silent])).toEqual(['10.0.0.2\ta a.example', '10.1.0.2\ta a.example']);
    expect(linesFor(silent, [a, silent])).toBe('');
  });

  it('give a name to one jail at most, whatever the names are', () => {
    const word = fc.constantFrom('x', 'y', 'z', 'web', 'db');
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(word, { minLength: 1, maxLength: 2 }), { maxLength: 6 }),
        (given) => {
          const jails = given.map((names, index) =>
            jail(`j${index}`, names, on([['eth0', `192.0.2.${index + 10}`]])),
          );
          for (const self of jails) {
            const names = lines(self, jails).flatMap((line) => line.split('\t')[1]!.split(' '));
            expect(new Set(names).size).toBe(names.length);
            expect(lines(self, jails)).toEqual(lines(self, [...jails].reverse()));
          }
        },
      ),
    );
  });
});

describe('names', () => {
  const names = (tag: string, config: Record<string, string> = {}): readonly string[] =>
    namesOf({ tag, uuid: 'u1', config: new Map(Object.entries(config)) });
  it.each([
    ['web', { host_hostname: 'www.Example.org' }, ['web', 'www.example.org']],
    ['u1', {}, ['u1']],
    ['2016-02-10@20:14:05', {}, ['u1']],
    ['localhost', { host_hostname: '10.0.0.1' }, []],
    ['a+b', { host_hostname: 'x..y' }, []],
  ] as const)('of tag %s with %j are %j', (tag, config, expected) => {
    expect(names(tag, config)).toEqual(expected);
  });

  it('need a network', () => {
    const wants = (config: Record<string, string>): boolean => {
      const map = new Map(Object.entries(config));
      return wantsHosts(map, networkKind(map));
    };
    expect(wants({ hosts: 'on' })).toBe(false);
    expect(wants({ hosts: 'on', ip4: 'inherit', ip4_addr: '192.0.2.1' })).toBe(false);
    expect(wants({ hosts: 'on', ip4_addr: '192.0.2.1' })).toBe(true);
    expect(wants({ hosts: 'on', vnet: 'on' })).toBe(true);
    expect(wants({ hosts: 'off', vnet: 'on' })).toBe(false);
  });
});

it.each([
  ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
  ['../usr/share/zoneinfo/America/Argentina/Ushuaia', 'America/Argentina/Ushuaia'],
  ['/usr/share/zoneinfo/Etc/GMT+3', 'Etc/GMT+3'],
  ['/usr/share/zoneinfo/../../../etc/shadow', undefined],
  ['/etc/zone', undefined],
  [undefined, undefined],
])('the zone of the link %s is %s', (link, zone) => {
  expect(zoneOf(link)).toBe(zone);
});

/**
 * Python iocage's configuration versions 2 to 34 and 14.1, made from the table of what each of them added, in the words
 * that its time wrote: whatever is set, every other key keeps its value, its kind and its place.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical } from '../../../../src/domain/config.ts';
import { changeConfig, readConfig } from '../../../../src/domain/format/config-file.ts';
import { getProperty } from '../../../../src/domain/properties/index.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** What the step to a version adds, with the value that it gives. */
const added: readonly (readonly [version: number, values: Readonly<Record<string, Json>>])[] = [
  [2, { sysvmsg: 'new', sysvsem: 'new', sysvshm: 'new' }],
  [3, { cloned_release: '11.0-RELEASE' }],
  [4, { basejail: 0 }],
  [5, { comment: 'none' }],
  [6, { host_time: 1 }],
  [7, { depends: 'none' }],
  [9, { dhcp: 0, bpf: 0 }],
  [10, { vnet_interfaces: 'none' }],
  [11, { hostid_strict_check: 0 }],
  [12, { allow_mlock: 0 }],
  [13, { vnet_default_interface: 'auto' }],
  [14, { allow_tun: 0 }],
  [15, { allow_mount_fusefs: 0 }],
  [16, { rtsold: 0 }],
  [17, { allow_vmm: 0 }],
  [18, { ip_hostname: 0 }],
  [19, { memoryuse: 'off', maxproc: 'off', pcpu: 'off', openfiles: 'off' }],
  [20, { exec_created: '/usr/bin/true' }],
  [21, { assign_localhost: 0 }],
  [22, { localhost_ip: 'none' }],
  [23, { nat: 0, nat_prefix: '172.16', nat_interface: 'none', nat_backend: 'ipfw', nat_forwards: 'none' }],
  [24, { plugin_name: 'none' }],
  [25, { plugin_repository: 'none' }],
  [26, { defaultrouter: 'auto', defaultrouter6: 'auto' }],
  [27, { min_dyn_devfs_ruleset: '1000' }],
  [28, { vnet0_mtu: 'auto', vnet_default_mtu: '1500' }],
  [29, { allow_mount_fdescfs: 0 }],
  [30, { allow_mount_linprocfs: 0 }],
  [31, { allow_nfsd: 0 }],
  [32, { allow_mount_linsysfs: 0 }],
  [34, { host_domainname: '' }],
];
const first = {
  host_hostuuid: 'a',
  host_hostname: 'a',
  release: '11.0-RELEASE',
  boot: 'off',
  vnet: 'off',
  notes: 'none',
  priority: '99',
  ip4_addr: 'none',
  template: 'no',
  type: 'jail',
};
const versions = [...Array.from({ length: 33 }, (_, index) => String(index + 2)), '14.1'];

function configuration(version: string, words: 'numbers' | 'on' | 'yes'): Record<string, Json> {
  const all: Record<string, Json> = { CONFIG_VERSION: version, ...first };
  for (const [since, values] of added) if (since <= Number(version)) Object.assign(all, values);
  const spell = (value: Json): Json =>
    words === 'numbers' || typeof value !== 'number'
      ? value
      : { on: ['off', 'on'], yes: ['no', 'yes'] }[words][value]!;
  return Object.fromEntries(
    Object.entries(all)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [key, spell(value)]),
  );
}

const print = (value: unknown): string => JSON.stringify(value, null, 4);
const read = (text: string) => readConfig({ name: 'config.json', text }, 'a').values;

const change = fc.oneof(
  ...(
    [
      ['boot', ['on', 'off']],
      ['notes', ['x', 'foo "bar"', 'Büro']],
      ['priority', ['1', '50']],
      ['dhcp', ['on', 'off']],
      ['nat', ['on', 'off']],
      ['host_time', ['on', 'off']],
      ['memoryuse', ['8G:log', 'off', '512M:deny']],
      ['defaultrouter', ['none', '192.0.2.1', 'auto']],
      ['depends', ['none', 'b c']],
      ['allow_tun', ['1', '0']],
      ['exec_created', ['/bin/true', 'logger "x y"']],
    ] as const
  ).map(([key, values]) =>
    fc.constantFrom(...values).map((value): readonly [string, string] => [key, value]),
  ),
);
const unknown = fc.dictionary(
  fc.stringMatching(/^x_[a-z]{1,8}$/),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  { maxKeys: 4 },
);

describe.each(versions)('CONFIG_VERSION %s', (version) => {
  it('thick: read in any words; what is set changes that key alone', () => {
    fc.assert(
      fc.property(fc.constantFrom('numbers', 'on', 'yes'), change, unknown, (words, [key, value], more) => {
        // JSON has no negative zero.
        const plain = JSON.parse(JSON.stringify(more)) as typeof more;
        const before = { ...configuration(version, words), ...plain };
        const text = print(before);
        const row = getProperty(key);
        const now = changeConfig({ name: 'config.json', text }, 'a', [[key, canonical(row, value)]]);
        const after = JSON.parse(now) as Record<string, Json>;
        const own = ({ [key]: _, ...rest }: Record<string, Json>) => rest;
        expect(own(after)).toEqual(own(before));
        expect(Object.keys(after).filter((name) => name !== key)).toEqual(
          Object.keys(before).filter((name) => name !== key),
        );
        expect(canonical(row, read(now).get(key) ?? 'none')).toBe(canonical(row, value));
        if (key in before) expect(typeof after[key]).toBe(typeof before[key]);
        // And back: not a byte is another.
        const was = read(text).get(key);
        if (was !== undefined && key in before && canonical(row, was) !== canonical(row, value)) {
          const back = changeConfig({ name: 'config.json', text: now }, 'a', [[key, canonical(row, was)]]);
          expect(canonical(row, read(back).get(key)!)).toBe(canonical(row, was));
          expect(own(JSON.parse(back))).toEqual(own(before));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('what a later version brought has the value that it gave, not that of the pool', () => {
    const have = Number(version);
    const values = read(print({ CONFIG_VERSION: version, ...first }));
    for (const [since, keys] of added) {
      if (since === 3 || since === 26 || since === 34) continue;
      for (const [key, value] of Object.entries(keys))
        expect(values.get(key), `${since}: ${key}`).toBe(have < since ? String(value) : undefined);
    }
    expect(values.get('boot')).toBe('off');
    // Emptied is lacking, and what was switched off stays off.
    const odd = read(print({ CONFIG_VERSION: version, ...first, exec_created: '', host_time: 0 }));
    if (have < 20) expect(odd.get('exec_created')).toBe('/usr/bin/true');
    expect(odd.get('host_time')).toBe('0');
  });

  it('none as the interface of the bridge means auto in versions 12 and 13 alone', () => {
    const text = print({ CONFIG_VERSION: version, ...first, vnet_default_interface: 'none' });
    const auto = version === '12' || version === '13';
    expect(read(text).get('vnet_default_interface')).toBe(auto ? 'auto' : 'none');
    const other = text.replace('"vnet_default_interface": "none"', '"vnet_default_interface": "em0"');
    const set = () =>
      changeConfig({ name: 'config.json', text: other }, 'a', [['vnet_default_interface', 'none']]);
    if (auto) expect(set).toThrow('none means auto');
    else expect(set()).toBe(text);
    expect(
      read(print({ CONFIG_VERSION: version, ...first, defaultrouter: 'none' })).get('defaultrouter'),
    ).toBe('none');
  });

  it('thin: without a version and with what differs only', () => {
    const text = print({ host_hostuuid: 'a', release: '11.0-RELEASE', vnet: 0 });
    const now = changeConfig({ name: 'config.json', text }, 'a', [['dhcp', 'on']]);
    expect(JSON.parse(now)).toEqual({ ...JSON.parse(text), dhcp: 1 });
    expect(
      readConfig({ name: 'config.json', text: print(configuration(version, 'yes')) }, 'a').dialect.title,
    ).toBe('Python iocage');
  });
});

it('thin files take the defaults of the pool; thick ones without a version are older than all', () => {
  expect(read(print({ host_hostuuid: 'a' })).has('nat')).toBe(false);
  expect(read(print({ host_hostuuid: 'a', CONFIG_TYPE: 'THICK' })).get('nat')).toBe('0');
});

it.each([
  ['yes', 'on'],
  ['TRUE', 'on'],
  ['none', 'off'],
  ['auto', 'off'],
  [2, 'off'],
  [null, 'off'],
])('a switch that says %j is %s, as check_truthy of Python iocage has it', (dhcp, expected) => {
  expect(
    canonical(getProperty('dhcp'), read(print({ host_hostuuid: 'a', vnet: 1, dhcp })).get('dhcp')!),
  ).toBe(expected);
});

it('addresses none are no family, of whatever version; a plugin is a basejail that keeps its keys', () => {
  expect(
    canonical(getProperty('ip4'), read(print({ host_hostuuid: 'a', ip4: 'none', ip6: 'none' })).get('ip4')!),
  ).toBe('disable');
  const plugin = print({
    host_hostuuid: 'a',
    type: 'pluginv2',
    basejail: 1,
    plugin_name: 'syncthing',
    plugin_repository: 'https://example.org/x.git',
    vnet: 1,
  });
  expect(Object.fromEntries(read(plugin))).toMatchObject({
    type: 'basejail',
    plugin_name: 'syncthing',
    plugin_repository: 'https://example.org/x.git',
  });
  expect(changeConfig({ name: 'config.json', text: plugin }, 'a', [['notes', 'x']])).toContain(
    '"type": "pluginv2"',
  );
});

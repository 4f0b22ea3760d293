/**
 * Vectors of the field that concern formats: libiocage's own unit tests (specification, sections 5, 6, 20 and 24)
 * and the keys of Python iocage's class-L tests, against our readers and writers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { effective, problems } from '../../../../src/domain/config.ts';
import { ip4AddressList } from '../../../../src/domain/address.ts';
import { changeConfig, readConfig } from '../../../../src/domain/format/config-file.ts';
import {
  entryOf,
  isBaseLine,
  parseFstab,
  printFstab,
  showsBase,
} from '../../../../src/domain/format/fstab.ts';

const libiocage = (members: Record<string, unknown>) => {
  const text = JSON.stringify({ id: 'foo', ...members });
  return readConfig({ name: 'config.json', text }, 'foo').values;
};
const inForce = (members: Record<string, unknown>, key: string) =>
  effective(libiocage(members), new Map(), { uuid: 'foo' }).get(key);
const written = (members: Record<string, unknown>, key: string, value: string): unknown => {
  const text = JSON.stringify({ id: 'foo', ...members });
  return JSON.parse(changeConfig({ name: 'config.json', text }, 'foo', [[key, value]]))[key];
};

describe('libiocage: coercion', () => {
  it.each([
    ['YES', 'on'],
    ['Off', 'off'],
    ['true', 'on'],
    ['1', 'on'],
    ['0', 'off'],
    [true, 'on'],
    [false, 'off'],
    [1, 'on'],
  ])('boot %j', (stored, value) => expect(inForce({ boot: stored }, 'boot')).toBe(value));

  it.each(['-', 'none', '', null, 'NONE'])('%j is nothing', (stored) => {
    expect(libiocage({ tag: 'x', priority: stored }).has('priority')).toBe(false);
    expect(libiocage({ ip4_addr: stored }).get('ip4_addr')).toBe('none');
  });

  it('what only resembles a switch stays a text', () => {
    expect(libiocage({ notes: 'notfalse' }).get('notes')).toBe('notfalse');
    expect(libiocage({ notes: 'yes' }).get('notes')).toBe('yes');
  });

  it('texts of what is written: yes, no, none, numbers as texts', () => {
    expect(written({ boot: 'no' }, 'boot', 'on')).toBe('yes');
    expect(written({ boot: 'yes' }, 'boot', 'off')).toBe('no');
    expect(written({}, 'ip4_addr', 'none')).toBe('none');
    expect(written({}, 'priority', '1')).toBe('1');
    expect(written({ maxproc: '5' }, 'maxproc', 'off')).toBe('none');
  });

  it('`1` that the tool stored as yes is a number where a number belongs', () => {
    expect(inForce({ securelevel: 'yes' }, 'securelevel')).toBe('1');
    expect(inForce({ children_max: 'no' }, 'children_max')).toBe('0');
    expect(inForce({ allow_chflags: 'yes' }, 'allow_chflags')).toBe('1');
  });
});

describe('libiocage: structured values', () => {
  it.each([
    ['128M', '128M:deny'],
    ['1024M:deny', '1G:deny'],
    ['deny=512M', '512M:deny'],
    ['deny=512M/jail', '512M:deny'],
  ])('limit %s', (stored, value) => expect(inForce({ memoryuse: stored }, 'memoryuse')).toBe(value));

  it.each([':deny', 'deny=', 'log=1024M/process'])('limit %s is kept and cannot be applied', (stored) => {
    const values = libiocage({ memoryuse: stored });
    expect(values.get('memoryuse')).toBe(stored);
    expect(problems(values).map(({ path }) => path)).toEqual(['memoryuse']);
  });

  it('addresses with their interfaces, DHCP in any case', () => {
    const text = 'em0|192.0.2.2/24,em0|192.0.2.3/24,vnet0|dhcp';
    expect(ip4AddressList.parse(libiocage({ ip4_addr: text }).get('ip4_addr')!)).toMatchObject([
      { iface: 'em0', address: '192.0.2.2', prefix: 24 },
      { iface: 'em0', address: '192.0.2.3' },
      { iface: 'vnet0', kind: 'dhcp' },
    ]);
    expect(() => written({}, 'ip4_addr', '192.168.2.1/24')).toThrow('NIC|192.168.2.1/24');
  });

  it('a router of a link has its interface behind %', () => {
    expect(inForce({ defaultrouter6: 'fe80::1@vnet0' }, 'defaultrouter6')).toBe('fe80::1%vnet0');
    expect(written({ defaultrouter6: 'fe80::1@vnet0' }, 'defaultrouter6', 'fe80::1%vnet0')).toBe(
      'fe80::1@vnet0',
    );
    // A host route through an interface is nothing that we have: it is told at the start, and kept.
    expect(problems(libiocage({ defaultrouter: '192.0.2.1@vnet0' })).map(({ path }) => path)).toEqual([
      'defaultrouter',
    ]);
  });

  it('Secure VNET is kept unchanged, and no start makes plain VNET of it', () => {
    const stored = 'vnet0:bridge0,vnet1::bridge1';
    const values = libiocage({ interfaces: stored });
    expect(values.get('interfaces')).toBe(stored);
    expect(problems(values).map(({ path }) => path)).toEqual(['interfaces']);
    expect(written({ interfaces: stored }, 'boot', 'on')).toBe('yes');
  });

  it.each([
    [{ basejail: 'yes', basejail_type: 'nullfs' }, 'basejail'],
    [{ basejail: 'yes' }, 'basejail'],
    [{ basejail: 'yes', basejail_type: 'zfs' }, 'jail'],
    [{ clonejail: 'yes' }, 'clonejail'],
    [{ template: 'yes' }, 'template'],
    [{}, 'jail'],
  ])('kind: %j', (members, type) => expect(libiocage(members).get('type')).toBe(type));

  it('nested and flat names of the free name space are both kept', () => {
    for (const members of [{ user: { x: 'a\\,b' }, provision: { rev: 'master' } }, { 'user.x': 'a' }]) {
      const text = JSON.stringify({ ...members, id: 'foo', boot: 'no' }, null, 4);
      const now = changeConfig({ name: 'config.json', text }, 'foo', [['boot', 'on']]);
      expect(now).toBe(text.replace('"boot": "no"', '"boot": "yes"'));
    }
  });
});

describe('fstab of each tool', () => {
  const text = (name: string) =>
    readFileSync(join(import.meta.dirname, '../../../fixtures/formats', `${name}.fstab`), 'utf8');
  const entries = (name: string) => parseFstab(text(name)).flatMap((line) => entryOf(line) ?? []);

  it.each(['python', 'libiocage', 'legacy'])('%s: every byte comes back', (name) => {
    expect(printFstab(parseFstab(text(name)))).toBe(text(name));
  });

  it('blanks in names, in both spellings', () => {
    expect(entries('python')[0]).toMatchObject({
      source: '/srv/my files',
      comment: 'Added by iocage on 2026-06-20 08:15:00',
    });
    expect(entries('libiocage').map(({ source }) => source)).toContain('/srv/my files');
    expect(entries('libiocage')).toContainEqual(
      expect.objectContaining({
        source: 'fdescfs',
        target: '/dev/fd',
        type: 'fdescfs',
        dump: '0',
        pass: '0',
      }),
    );
  });

  it('the lines that show a basejail its base are those of the tool; what a person added is none', () => {
    const places = (name: string) => ({ iocage: '/tank/iocage', root: `/tank/iocage/jails/${name}/root` });
    const own = (name: string, jail: string) =>
      entries(name)
        .filter((entry) => !isBaseLine(entry, places(jail)))
        .map(({ source }) => source);
    expect(own('python', 'web_1')).toEqual(['/srv/my files']);
    expect(own('libiocage', 'foo')).toEqual(['/srv/my files', 'fdescfs']);
    const line = (source: string, target: string, options = 'ro') =>
      entryOf(parseFstab(`${source}\t/tank/iocage/jails/foo/root${target}\tnullfs\t${options}\t0\t0\n`)[0]!)!;
    const release = '/tank/iocage/releases/13.2-RELEASE/root';
    expect(isBaseLine(line(`${release}/usr/lib`, '/usr/lib'), places('foo'))).toBe(true);
    expect(isBaseLine(line(`${release}/usr/lib`, '/mnt'), places('foo'))).toBe(false);
    expect(isBaseLine(line(`${release}/usr/lib`, '/usr/lib', 'rw'), places('foo'))).toBe(false);
    expect(isBaseLine(line('/srv/bin', '/bin'), places('foo'))).toBe(false);
    const said = { ...line('/etc', '/mnt', 'rw'), comment: 'iocage-auto' };
    expect([isBaseLine(said, places('foo')), showsBase(said, places('foo'))]).toEqual([true, false]);
  });
});

describe('Python iocage: what its tests store', () => {
  const text = '{\n    "host_hostuuid": "a",\n    "vnet": 0\n}';
  it.each([
    ['notes', 'foo "bar"', 'foo "bar"'],
    ['cpuset', '0-2', '0-2'],
    ['boot', 'on', 1],
    ['depends', 'b c', 'b c'],
    ['vnet0_mac', '02:ff:60:00:00:01,02:ff:60:00:00:02', '02:ff:60:00:00:01,02:ff:60:00:00:02'],
    ['memoryuse', '8G:log', 'log=8G'],
    ['nat', '1', 1],
    ['exec_fib', '3', '3'],
  ] as const)('%s=%s', (key, value, theirs) => {
    const now = changeConfig({ name: 'config.json', text }, 'a', [[key, value]]);
    expect(JSON.parse(now)[key]).toBe(theirs);
    expect(now.endsWith('}')).toBe(true);
  });
});

/** Checks of what is set, and the order of the layers. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ip4AddressList } from '../../../src/domain/address.ts';
import {
  builtInBut,
  checkAssignments,
  effective,
  fromBuiltIn,
  isOn,
  problems,
  valueOf,
} from '../../../src/domain/config.ts';
import { IocageError } from '../../../src/domain/errors.ts';
import { properties } from '../../../src/domain/properties/index.ts';

const uuid = 'adae47cb-01a8-11e4-aa78-3c970ea3222f';
const merge = (local: Record<string, string>, defaults: Record<string, string> = {}) =>
  effective(new Map(Object.entries(local)), new Map(Object.entries(defaults)), { uuid });

function thrown(action: () => unknown): IocageError {
  try {
    action();
  } catch (error) {
    if (error instanceof IocageError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('as a record keeps them', () => {
  const key = fc.oneof(fc.constantFrom(...properties.map((row) => row.key)), fc.string());
  test('values come back as they were, those that are unset too', () => {
    fc.assert(
      fc.property(fc.dictionary(key, fc.string()), fc.array(key), (local, unset) => {
        const values = new Map([...merge({}), ...Object.entries(local)]);
        for (const each of unset) values.delete(each);
        const kept = JSON.parse(JSON.stringify(builtInBut(values))) as ReturnType<typeof builtInBut>;
        expect(new Map([...fromBuiltIn(kept)].sort())).toEqual(new Map([...values].sort()));
      }),
    );
    expect(JSON.stringify(builtInBut(merge({ boot: 'on' }))).length).toBeLessThan(500);
  });
});

describe('what is set', () => {
  test('comes out canonical and in order', () => {
    expect(
      checkAssignments(
        [
          ['tag', 'web'],
          ['boot', 'YES'],
          ['ip4_addr', 'em0| 10.0.0.2/24'],
          ['memoryuse', 'deny=1024m'],
          ['boot', 'on'],
        ],
        'jail-create',
      ),
    ).toEqual([
      ['tag', 'web'],
      ['boot', 'on'],
      ['ip4_addr', 'em0|10.0.0.2/24'],
      ['memoryuse', '1G:deny'],
    ]);
  });

  test('all problems are told at once', () => {
    const error = thrown(() =>
      checkAssignments(
        [
          ['boot', 'maybe'],
          ['bot', 'on'],
          ['used', '1'],
          ['ip4_addr', '10.0.0.999'],
          ['notes', ''],
          ['owner', 'a\nb'],
        ],
        'jail-set',
      ),
    );
    expect(error.code).toBe('INVALID_INPUT');
    expect((error.details['issues'] as { path: string }[]).map(({ path }) => path)).toEqual([
      'boot',
      'bot',
      'used',
      'ip4_addr',
      'notes',
      'owner',
    ]);
    expect(error.message).not.toMatch(/\n/);
    expect(error.exit).toBe(2);
  });

  test('a lone unknown or read-only property has its own error', () => {
    const unknown = thrown(() => checkAssignments([['bot', 'on']], 'jail-set'));
    expect([unknown.code, unknown.hint]).toEqual(['UNKNOWN_PROPERTY', expect.stringContaining('boot')]);
    const readOnly = thrown(() => checkAssignments([['used', '1']], 'jail-create'));
    expect([readOnly.code, readOnly.message]).toEqual([
      'READ_ONLY_PROPERTY',
      'property used cannot be set: ZFS computes it',
    ]);
  });

  test.each([
    ['release', 'jail-create', true],
    ['release', 'jail-set', false],
    ['release', 'default', true],
    ['count', 'jail-create', false],
    ['type', 'jail-create', false],
    ['type', 'jail-set', false],
    ['type', 'default', true],
    ['pkglist', 'jail-create', true],
    ['tag', 'jail-set', true],
    ['tag', 'default', false],
    ['nat_prefix', 'jail-set', false],
    ['nat_prefix', 'default', true],
    ['host_hostuuid', 'jail-create', false],
    ['last_started', 'jail-set', false],
    ['quota', 'default', false],
    ['quota', 'jail-create', true],
    ['state', 'default', false],
  ] as const)('%s in the scope %s: %j', (key, scope, allowed) => {
    const value = properties.find((row) => row.key === key)!.example;
    if (allowed) expect(checkAssignments([[key, value]], scope)).toEqual([[key, value]]);
    else expect(thrown(() => checkAssignments([[key, value]], scope)).code).toBe('READ_ONLY_PROPERTY');
  });

  test('one key with two values is a problem, not a race', () => {
    const error = thrown(() =>
      checkAssignments(
        [
          ['boot', 'on'],
          ['boot', 'off'],
        ],
        'jail-set',
      ),
    );
    expect(error.message).toBe('boot: it is given twice, as on and as off');
  });

  test('keys that live in every object are unknown properties', () => {
    for (const key of ['__proto__', 'constructor', 'toString', ''])
      expect(thrown(() => checkAssignments([[key, 'x']], 'jail-set')).code).toBe('UNKNOWN_PROPERTY');
  });

  test('whatever comes, it is canonical or an error of input', () => {
    const keys = fc.oneof(fc.constantFrom(...properties.map(({ key }) => key)), fc.string());
    const pairs = fc.array(fc.tuple(keys, fc.oneof(fc.string(), fc.constantFrom('on', 'none', '1', 'web'))), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(pairs, fc.constantFrom('jail-create', 'jail-set', 'default'), (list, scope) => {
        try {
          const once = checkAssignments(list, scope);
          expect(checkAssignments(once, scope)).toEqual(once);
        } catch (error) {
          expect(error).toBeInstanceOf(IocageError);
          expect((error as IocageError).exit).toBe(2);
        }
      }),
      { numRuns: 300 },
    );
  }, 30_000);
});

describe('layers', () => {
  test('own value, then stored default, then built-in value', () => {
    expect(merge({}).get('boot')).toBe('off');
    expect(merge({}, { boot: 'on' }).get('boot')).toBe('on');
    expect(merge({ boot: 'off' }, { boot: 'on' }).get('boot')).toBe('off');
  });

  test('built-in values that follow the jail', () => {
    const config = merge({});
    expect(config.get('host_hostname')).toBe(uuid);
    expect(config.get('hostname')).toBe(uuid);
    expect(config.get('host_hostuuid')).toBe(uuid);
    expect(config.get('jail_zfs_dataset')).toBe(`iocage/jails/${uuid}/data`);
    expect(config.get('type')).toBe('jail');
    expect(config.get('vnet')).toBe('off');
    expect(config.get('memoryuse')).toBe('8G:log');
    expect(config.has('branch')).toBe(false);
    const named = effective(new Map(), new Map(), {
      uuid: 'my_web',
      release: 'bookworm',
      hostid: 'abcdef01',
    });
    expect(named.get('host_hostname')).toBe('my-web');
    expect(named.get('release')).toBe('bookworm');
    expect(named.get('hostid')).toBe('abcdef01');
  });

  test('stored spellings of every line come out canonical', () => {
    const config = merge({ boot: '1', vnet: 'yes', allow_raw_sockets: 'on', memoryuse: 'deny=8G' });
    expect(['boot', 'vnet', 'allow_raw_sockets', 'memoryuse'].map((key) => config.get(key))).toEqual([
      'on',
      'on',
      '1',
      '8G:deny',
    ]);
    expect(isOn(config, 'boot')).toBe(true);
    expect(isOn(config, 'dhcp')).toBe(false);
    expect(isOn(config, 'no such key')).toBe(false);
  });

  test('a host name from either line', () => {
    expect(merge({ hostname: 'old.example.org' }).get('host_hostname')).toBe('old.example.org');
    expect(merge({ hostname: 'old', host_hostname: uuid }).get('host_hostname')).toBe('old');
    expect(merge({ hostname: uuid, host_hostname: 'new' }).get('host_hostname')).toBe('new');
    expect(merge({ hostname: 'old', host_hostname: 'new' }).get('host_hostname')).toBe('new');
    expect(merge({ hostname: 'old', host_hostname: 'new' }).get('hostname')).toBe('old');
    expect(merge({ host_hostname: 'new' }).get('hostname')).toBe('new');
    expect(merge({ domainname: 'nis.example' }).get('host_domainname')).toBe('nis.example');
  });

  test('defaults of iocage 1.7, which hold a tag and a UUID, do not leak into jails', () => {
    const config = merge({}, { tag: 'x', host_hostuuid: 'y', hostname: 'z', host_hostname: 'z', boot: '-' });
    expect(config.has('tag')).toBe(false);
    expect(config.get('host_hostuuid')).toBe(uuid);
    expect(config.get('host_hostname')).toBe(uuid);
    expect(config.get('boot')).toBe('off');
  });

  test('an unreadable value is kept and named, an unknown key is kept', () => {
    const stored = { vnet0_mac: '2ff6012345,x', ip4_addr: '10.0.0.2', fancy: 'x' };
    expect(merge(stored).get('vnet0_mac')).toBe('2ff6012345,x');
    expect(merge(stored).get('fancy')).toBe('x');
    expect(problems(new Map(Object.entries(stored))).map(({ path }) => path)).toEqual(['vnet0_mac']);
  });

  test('unset is unset: the dash of ZFS counts for native properties only', () => {
    expect(merge({ boot: '-', origin: '-' }).get('boot')).toBe('off');
    expect(merge({ boot: '-', origin: '-' }).get('origin')).toBe('-');
  });

  test('what concerns the host comes from the defaults only', () => {
    expect(merge({ nat_prefix: '10.9' }, { nat_prefix: '10.8' }).get('nat_prefix')).toBe('10.8');
  });

  test('values are read with their type, or named when they cannot be', () => {
    expect(valueOf(merge({ ip4_addr: '10.0.0.2/24' }), 'ip4_addr', ip4AddressList)).toEqual([
      { kind: 'fixed', address: '10.0.0.2', prefix: 24 },
    ]);
    expect(valueOf(merge({}), 'branch', ip4AddressList)).toBeUndefined();
    expect(thrown(() => valueOf(merge({ ip4_addr: 'x' }), 'ip4_addr', ip4AddressList)).message).toContain(
      'ip4_addr: ',
    );
  });

  test('merging never fails, whatever is stored', () => {
    const stored = fc.dictionary(
      fc.constantFrom(...properties.map(({ key }) => key)),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(stored, stored, (local, defaults) => {
        const config = merge(local, defaults);
        expect(config.get('host_hostuuid')).toBeDefined();
        expect(problems(new Map(Object.entries(local)))).toBeInstanceOf(Array);
      }),
      { numRuns: 50 },
    );
  }, 30_000);
});

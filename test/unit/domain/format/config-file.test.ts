/**
 * Configuration files of the other tools: read as our properties, written back byte for byte but for what
 * was changed, and refused with one reason. The fixtures are written by hand after the formats' descriptions.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, effective, problems } from '../../../../src/domain/config.ts';
import {
  changeConfig,
  readConfig,
  readDefaults,
  type ConfigFileName,
} from '../../../../src/domain/format/config-file.ts';
import { FormatProblem } from '../../../../src/domain/format/members.ts';
import { python } from '../../../../src/domain/format/python.ts';
import { ValueProblem } from '../../../../src/domain/property.ts';
import { getProperty } from '../../../../src/domain/properties/index.ts';

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../../fixtures/formats', name), 'utf8');

interface Sample {
  readonly file: string;
  readonly name: ConfigFileName;
  readonly jail: string;
  readonly title: string;
}

const legacyUuid = 'adae47cb-01a8-11e4-aa78-3c970ea3222f';
const oldUuid = '9c1bf8e2-3a5e-11e7-8f5c-002590c0ffee';
const samples: readonly Sample[] = [
  { file: 'python-thin.json', name: 'config.json', jail: 'web_1', title: 'Python iocage' },
  { file: 'python-thick.json', name: 'config.json', jail: 'thick', title: 'Python iocage' },
  { file: 'python-old.json', name: 'config.json', jail: oldUuid, title: 'Python iocage' },
  { file: 'libiocage.json', name: 'config.json', jail: 'foo', title: 'libiocage' },
  { file: 'libiocage-flat.json', name: 'config.json', jail: 'flat', title: 'libiocage' },
  { file: 'libiocage.ucl', name: 'config', jail: 'bar', title: 'libiocage' },
  { file: 'legacy.ucl', name: 'config', jail: legacyUuid, title: 'iocage develop (2016 to 2018)' },
];

const read = ({ file, name, jail }: Sample) => readConfig({ name, text: fixture(file) }, jail);
const valuesOf = (file: string) => Object.fromEntries(read(samples.find((one) => one.file === file)!).values);

/** One value's line, before and after. */
function changed(sample: Sample, ...pairs: readonly (readonly [string, string])[]): readonly string[] {
  const text = fixture(sample.file);
  const now = changeConfig({ name: sample.name, text }, sample.jail, pairs);
  const lines = text.split('\n');
  return now.split('\n').filter((line) => !lines.includes(line));
}
const sampleOf = (file: string): Sample => samples.find((one) => one.file === file)!;

describe('read', () => {
  it.each(samples)('$file: who wrote it, and only values that our codecs take', (sample) => {
    const { dialect, values } = read(sample);
    expect(dialect.title).toBe(sample.title);
    expect(values.get('host_hostuuid')).toBe(sample.jail);
    expect(problems(values)).toEqual([]);
  });

  it('Python, thin: what differs, over defaults.json', () => {
    const values = valuesOf('python-thin.json');
    expect(values).toMatchObject({
      host_hostname: 'web-1',
      vnet: '1',
      ip4_addr: 'vnet0|192.0.2.10/24',
      comment: 'Büro – größer',
      notes: 'foo "bar"',
      release: 'busybox-p3',
      cloned_release: 'busybox',
    });
    const defaults = readDefaults('defaults.json', fixture('defaults.json'), python);
    const config = effective(new Map(Object.entries(values)), defaults, { uuid: 'web_1' });
    expect(config.get('vnet')).toBe('on');
    expect(config.get('priority')).toBe('42');
    expect(config.get('interfaces')).toBe('vnet0:bridge0');
    expect(config.get('last_started')).toMatch(/^2026-06-\d\d_\d\d:\d\d:00$/);
  });

  it('Python, thick: numbers are switches, none of the resolver keeps the file, placeholders do not count', () => {
    const values = valuesOf('python-thick.json');
    expect(values).toMatchObject({ boot: '1', memoryuse: 'deny=2G', resolver: '/dev/null', priority: '10' });
    for (const key of ['mountpoint', 'quota', 'compression', 'CONFIG_VERSION', 'count'])
      expect(values).not.toHaveProperty(key);
    const config = effective(new Map(Object.entries(values)), new Map(), { uuid: 'thick' });
    expect(config.get('boot')).toBe('on');
    expect(config.get('memoryuse')).toBe('2G:deny');
    expect(config.get('ip4_addr')).toBe('em0|192.0.2.20/24,192.0.2.21');
  });

  it.each(['2', '3', '9', '14.1', '16', '17', '26', '28', '29', '30', '33', '34'])(
    'Python configuration version %s is read and written',
    (version) => {
      const text = `{"CONFIG_VERSION": "${version}", "host_hostuuid": "a", "boot": "off", "tag": "t"}`;
      const { dialect, values } = readConfig({ name: 'config.json', text }, 'a');
      expect(dialect).toBe(python);
      expect(values.get('boot')).toBe('off');
      expect(changeConfig({ name: 'config.json', text }, 'a', [['boot', 'on']])).toBe(
        text.replace('"off"', '"on"'),
      );
    },
  );

  it('a version that nobody knows is read and not written', () => {
    const text = `{"CONFIG_VERSION": "35", "host_hostuuid": "a", "boot": 0}`;
    expect(readConfig({ name: 'config.json', text }, 'a').values.get('boot')).toBe('0');
    expect(() => changeConfig({ name: 'config.json', text }, 'a', [['boot', 'on']])).toThrow(
      'CONFIG_VERSION "35" is none that this iocage knows',
    );
  });

  it('a Python basejail is one of ours, its template stays one', () => {
    const one = (more: string) =>
      readConfig({ name: 'config.json', text: `{"CONFIG_VERSION":"29","host_hostuuid":"a",${more}}` }, 'a')
        .values;
    expect(one('"basejail":1,"type":"jail"').get('type')).toBe('basejail');
    expect(one('"basejail":"yes","type":"jail"').get('type')).toBe('basejail');
    expect(one('"template":1,"type":"template"').get('type')).toBe('template');
  });

  it('libiocage: what it took for a switch is a number again, limits are denied', () => {
    const values = valuesOf('libiocage.json');
    expect(values).toMatchObject({
      boot: 'yes',
      enforce_statfs: '1',
      priority: '0',
      memoryuse: 'deny=512M',
      mount_devfs: '1',
      type: 'jail',
      vnet: 'on',
    });
    expect(values).not.toHaveProperty('tags');
    expect(valuesOf('libiocage-flat.json')).toMatchObject({ exec_created: '/usr/bin/logger started' });
    expect(valuesOf('libiocage.ucl')).toMatchObject({
      type: 'basejail',
      mount_fdescfs: '0',
      release: 'busybox',
    });
  });

  it('a ZFS basejail has its base in its root already', () => {
    const text = 'basejail = "on";\nbasejail_type = "zfs";\nrelease = "busybox";\n';
    expect(readConfig({ name: 'config', text }, 'a').values.get('type')).toBe('jail');
  });

  it('the original after March 2016: its own words', () => {
    const values = valuesOf('legacy.ucl');
    expect(values).toMatchObject({
      tag: 'mail',
      hostname: 'mail.example.org',
      boot: 'on',
      memoryuse: '8G:log',
    });
    expect(
      effective(new Map(Object.entries(values)), new Map(), { uuid: legacyUuid }).get('host_hostname'),
    ).toBe('mail.example.org');
  });

  it('control characters of a value are never shown', () => {
    const text = '{"CONFIG_VERSION": "29", "host_hostuuid": "a", "notes": "a\\u001b[31mb\\nc"}';
    expect(readConfig({ name: 'config.json', text }, 'a').values.get('notes')).toBe('a [31mb c');
  });
});

describe('write', () => {
  it.each(samples)('$file: the value that is there already changes no byte', (sample) => {
    const { values } = read(sample);
    const pairs = [...values].flatMap(([key, value]): (readonly [string, string])[] => {
      const row = getProperty(key);
      return row.access === 'set' && value !== '-' ? [[key, canonical(row, value)]] : [];
    });
    expect(pairs.length).toBeGreaterThan(1);
    const text = fixture(sample.file);
    expect(changeConfig({ name: sample.name, text }, sample.jail, pairs)).toBe(text);
    expect(changeConfig({ name: sample.name, text }, sample.jail, [])).toBe(text);
  });

  it('Python: numbers for switches, its own spelling of limits and times', () => {
    const thick = sampleOf('python-thick.json');
    expect(changed(thick, ['boot', 'off'])).toEqual(['    "boot": 0,']);
    expect(changed(thick, ['memoryuse', '1G:log'])).toEqual(['    "memoryuse": "log=1G",']);
    expect(changed(thick, ['resolver', 'none'])).toEqual(['    "resolver": "/etc/resolv.conf",']);
    expect(changed(thick, ['priority', '7'])).toEqual(['    "priority": "7",']);
    expect(changed(thick, ['last_started', '2026-06-21_10:00:00'])[0]).toMatch(
      /^ {4}"last_started": "2026-06-2\d \d\d:00:00",$/,
    );
    // Words stay words where an older version had written them.
    expect(changed(sampleOf('python-old.json'), ['bpf', 'on'], ['boot', 'on'])).toEqual([
      '    "boot": "on",',
      '    "bpf": "yes",',
    ]);
  });

  it('a new key goes where it belongs, and no newline comes to the end of the file', () => {
    const thin = sampleOf('python-thin.json');
    expect(changed(thin, ['boot', 'on'])).toEqual(['    "boot": 1,']);
    const text = changeConfig({ name: 'config.json', text: fixture(thin.file) }, 'web_1', [
      ['wallclock', '60:log'],
    ]);
    expect(text.endsWith('"vnet0_mac": "02ff60a1b2c3 02ff60a1b2c4",\n    "wallclock": "log=60"\n}')).toBe(
      true,
    );
    expect(JSON.parse(text)).toEqual({ ...JSON.parse(fixture(thin.file)), wallclock: 'log=60' });
  });

  it('libiocage: texts only, its own words; no address without its interface', () => {
    const json = sampleOf('libiocage.json');
    expect(changed(json, ['boot', 'off'], ['vnet', 'off'])).toEqual([
      '    "boot": "no",',
      '    "vnet": "off"',
    ]);
    expect(changed(json, ['allow_chflags', '1'])).toEqual(['    "allow_chflags": "yes",']);
    expect(changed(json, ['memoryuse', 'off'])).toEqual(['    "memoryuse": "none",']);
    expect(changed(json, ['enforce_statfs', '2'])).toEqual(['    "enforce_statfs": "2",']);
    expect(changed(json, ['defaultrouter6', 'fe80::1%vnet0'])).toEqual([
      '    "defaultrouter6": "fe80::1@vnet0",',
    ]);
    expect(() => changed(json, ['ip4_addr', '192.0.2.9/24'])).toThrow(ValueProblem);
    expect(changed(sampleOf('libiocage.ucl'), ['boot', 'on'], ['vnet', 'on'])).toEqual([
      'boot = "on";',
      'vnet = "on";',
    ]);
    expect(changed(sampleOf('libiocage-flat.json'), ['exec_created', '/bin/true'])).toEqual([
      '  "exec_started": "/bin/true"',
    ]);
  });

  it('UCL: comments and unknown keys stay, a new key has a line of its own', () => {
    const legacy = sampleOf('legacy.ucl');
    expect(changed(legacy, ['boot', 'off'])).toEqual(['boot="off";']);
    expect(changed(legacy, ['priority', '5'])).toEqual(['priority="5";']);
    expect(
      changeConfig({ name: 'config', text: 'id = a;\nboot = off /* c */;\n' }, 'a', [['notes', 'x']]),
    ).toBe('id = a;\nboot = off /* c */;\nnotes = "x";\n');
    expect(changed(sampleOf('libiocage.ucl'), ['mount_fdescfs', '1'])).toEqual([
      'mount_fdescfs = "1"; /* as it',
    ]);
  });

  it('any key of the file but those that were changed keeps every byte', () => {
    const row = fc.constantFrom(
      ['notes', fc.stringMatching(/^[a-zäöü"\\/ ]{0,30}x$/)] as const,
      ['boot', fc.constantFrom('on', 'off')] as const,
      ['priority', fc.integer({ min: 0, max: 99 }).map(String)] as const,
      ['ip4_addr', fc.constantFrom('none', 'em0|192.0.2.9/24')] as const,
      ['maxproc', fc.constantFrom('off', '100:deny', '7:log')] as const,
      ['resolver', fc.constantFrom('none', '/dev/null', 'nameserver 192.0.2.53')] as const,
      ['vnet', fc.constantFrom('on', 'off')] as const,
      ['allow_chflags', fc.constantFrom('0', '1')] as const,
    );
    const changes = fc.array(
      row.chain(([key, value]) => value.map((text): readonly [string, string] => [key, text])),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...samples), changes, (sample, pairs) => {
        const text = fixture(sample.file);
        const file = { name: sample.name, text };
        const now = changeConfig(file, sample.jail, pairs);
        const after = readConfig({ ...file, text: now }, sample.jail).values;
        for (const [key, value] of new Map(pairs)) {
          const property = getProperty(key);
          expect(canonical(property, after.get(key) ?? 'none')).toBe(canonical(property, value.trim()));
        }
        // What is left when the changed keys' lines are taken away is what there was.
        const rest = (whole: string) =>
          whole
            .split('\n')
            .filter((line) => !pairs.some(([key]) => line.trimStart().replace(/^"/, '').startsWith(key)))
            .map((line) => line.replace(/,$/, ''));
        expect(rest(now)).toEqual(rest(text));
        // And back again.
        expect(changeConfig({ ...file, text: now }, sample.jail, pairs.slice(-1))).toBe(now);
      }),
    );
  });

  it('any configuration of texts and numbers keeps its order, its spaces and what nobody knows', () => {
    const key = fc
      .stringMatching(/^[a-z_]{1,12}$/)
      .filter((word) => !['id', 'user', 'provision'].includes(word));
    const unknown = fc.uniqueArray(
      fc.tuple(
        fc.constant('x_').chain((x) => key.map((k) => x + k)),
        fc.jsonValue(),
      ),
      {
        selector: ([name]) => name,
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(unknown, fc.constantFrom(0, 1, 2, 4, '\t'), fc.boolean(), (pairs, indent, newline) => {
        const object = Object.fromEntries([
          ...pairs,
          ['host_hostuuid', 'a'],
          ['vnet', 0],
          ...pairs.slice(0, 1),
        ]);
        const text = JSON.stringify(object, null, indent) + (newline ? '\n' : '');
        const now = changeConfig({ name: 'config.json', text }, 'a', [['vnet', 'on']]);
        expect(now).toBe(JSON.stringify({ ...object, vnet: 1 }, null, indent) + (newline ? '\n' : ''));
        const more = changeConfig({ name: 'config.json', text: now }, 'a', [['boot', 'on']]);
        expect(JSON.parse(more)).toEqual({ ...JSON.parse(now), boot: 1 });
        expect(more.endsWith(newline ? '}\n' : '}')).toBe(true);
      }),
    );
  });
});

describe('refused with one reason', () => {
  const jsonCases: readonly [string, string, RegExp][] = [
    ['empty', '', /^it is empty$/],
    ['blanks', ' \n', /^it is empty$/],
    ['half written', fixture('python-thin.json').slice(0, 300), /only half of it had been written/],
    ['corrupt', '{"a": 1,, "b": 2}', /^it is no JSON at line 1, column \d+$/],
    ['a list', '[1]', /no object/],
    ['a key twice', '{"host_hostuuid": "a", "boot": 0, "boot": 1}', /^it names "boot" twice$/],
    ['a byte order mark', '\ufeff{"host_hostuuid": "a"}', /byte order mark/],
    ['a NUL', '{"host_hostuuid": "a"}\0', /NUL byte/],
    ['not UTF-8', '{"host_hostuuid": "\ufffd"}', /not UTF-8/],
    ['deep', `{"a": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`, /nested deeper than 32 levels|no JSON/],
    ['100 kB', `{"CONFIG_VERSION": "29", "notes": "${'x'.repeat(100_000)}"}`, /value of "notes" is longer/],
    ['2 MB', `{"a": ["${'x'.repeat(2_000_000)}"]}`, /larger than/],
    ['no identity', '{"CONFIG_VERSION": "29"}', /^it has no host_hostuuid$/],
    ['another identity', '{"CONFIG_VERSION": "29", "host_hostuuid": "b"}', /do not agree/],
  ];
  it.each(jsonCases)('JSON, %s', (_, text, reason) => {
    expect(() => readConfig({ name: 'config.json', text }, 'a')).toThrow(FormatProblem);
    expect(() => readConfig({ name: 'config.json', text }, 'a')).toThrow(reason);
  });

  const uclCases: readonly [string, string, RegExp][] = [
    ['an include', '.include "/etc/passwd"\nboot = "on";\n', /^it has the macro ".include"/],
    ['an include in an object', 'user { .includes "x" }\n', /macro ".includes"/],
    ['any macro', 'a = 1;\n.priority 5\n', /macro ".priority"/],
    ['half a text', 'boot = "o', /^it is no UCL at line 1, column 8: a text in quotes has no end$/],
    ['half an object', 'boot = "on";\nuser {\n  a = 1;\n', /ends in the middle/],
    ['half a comment', 'boot = "on"; /* a', /a comment has no end/],
    ['too many braces', 'boot = "on"; }', /nothing that this closes/],
    ['a key twice', 'host_hostuuid="a";\nboot="on";\nboot="off";\n', /^it names "boot" twice$/],
    ['deep', `a ${'{ a '.repeat(5000)}`, /nested deeper/],
    ['a NUL', 'boot="on";\0', /NUL byte/],
    ['no value', 'boot\n', /a value is expected/],
    ['binary', '\u0001\u0002', /a key is expected/],
    ['100 kB', `id = "a"; notes = "${'x'.repeat(100_000)}";`, /value of "notes" is longer/],
  ];
  it.each(uclCases)('UCL, %s', (_, text, reason) => {
    expect(() => readConfig({ name: 'config', text }, 'a')).toThrow(FormatProblem);
    expect(() => readConfig({ name: 'config', text }, 'a')).toThrow(reason);
  });

  it('keys of every object are keys of a file like any other', () => {
    const text =
      '{"host_hostuuid": "a", "__proto__": {"boot": 1}, "constructor": "x", "toString": "y", "vnet": 0}';
    const { values } = readConfig({ name: 'config.json', text }, 'a');
    expect([...values.keys()].sort()).toEqual(['host_hostuuid', 'vnet']);
    expect(changeConfig({ name: 'config.json', text }, 'a', [['vnet', 'on']])).toBe(
      text.replace('"vnet": 0', '"vnet": 1'),
    );
    expect(
      readConfig({ name: 'config', text: '__proto__ = "x";\nconstructor { a = 1 }\n' }, 'a').values.size,
    ).toBe(2);
  });

  it('line ends of another system stay', () => {
    const json = '{\r\n  "CONFIG_VERSION": "29",\r\n  "host_hostuuid": "a",\r\n  "vnet": 0\r\n}\r\n';
    expect(changeConfig({ name: 'config.json', text: json }, 'a', [['wallclock', '5:log']])).toBe(
      json.replace('"vnet": 0', '"vnet": 0,\r\n  "wallclock": "log=5"'),
    );
    const ucl = 'host_hostuuid="a";\r\nboot="on";\r\n';
    expect(changeConfig({ name: 'config', text: ucl }, 'a', [['vnet', 'on']])).toBe(
      `${ucl.trimEnd()}\r\nvnet="on";\r\n`,
    );
  });

  it('any text either is read or has one reason', () => {
    const pieces = fc.constantFrom(
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '=',
      ';',
      '\n',
      ' ',
      'a',
      '1',
      '#',
      '/*',
      '*/',
      '<<E\n',
      'E\n',
      '\\',
      "'",
      '.i',
      'boot',
      'host_hostuuid',
      '"a"',
      '\r',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, fc.constantFrom<ConfigFileName>('config', 'config.json'), (any, name) => {
        try {
          readConfig({ name, text: any }, 'a');
          expect(changeConfig({ name, text: any }, 'a', [])).toBe(any);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatProblem);
          expect((error as Error).message).not.toMatch(/[\u0000-\u001f]/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('UCL as libucl reads it', () => {
  const one = (text: string) => Object.fromEntries(readConfig({ name: 'config', text }, 'a').values);
  it.each([
    ['boot = on', 'on'],
    ['boot: on,', 'on'],
    ['boot on;', 'on'],
    ['"boot" = "on"', 'on'],
    ["boot = 'on'", 'on'],
    ['boot="on"; # note', 'on'],
    ['{ boot = on }', 'on'],
    ['boot = <<EOD\non\nEOD\n', 'on'],
    ['/* a /* b */ c */ boot = on', 'on'],
    ['x { boot = off }\nboot = on', 'on'],
    ['x [ 1, 2, { a = b } ]\nboot = on', 'on'],
  ])('%s', (text, value) => {
    expect(one(text)['boot']).toBe(value);
    const now = changeConfig({ name: 'config', text }, 'a', [['boot', 'off']]);
    expect(one(now)['boot']).toBe('off');
    expect(changeConfig({ name: 'config', text: now }, 'a', [['vnet', 'on']])).toContain('vnet');
    expect(one(changeConfig({ name: 'config', text: now }, 'a', [['vnet', 'on']]))).toMatchObject({
      boot: 'off',
      vnet: 'on',
    });
  });
});

/**
 * Configurations of every file format at random: keys that are known and keys that nobody knows, in any order, quoting,
 * indentation and with comments between. Reading changes nothing; one value that is set changes that value alone.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical } from '../../../../src/domain/config.ts';
import {
  change,
  changeConfig,
  defaultsDialect,
  readConfig,
  readDefaults,
  type ConfigFileName,
} from '../../../../src/domain/format/config-file.ts';
import { getProperty } from '../../../../src/domain/properties/index.ts';

/** Values as each tool writes them. */
const words: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  numbers: {
    boot: ['1', '0'],
    vnet: ['1', '0'],
    allow_raw_sockets: ['1', '0'],
    dhcp: ['0'],
  },
  yes: {
    boot: ['"yes"', '"no"'],
    vnet: ['"yes"', '"no"'],
    allow_raw_sockets: ['"yes"', '"no"', '"1"'],
  },
  on: {
    boot: ['"on"', '"off"'],
    vnet: ['"on"', '"off"'],
    allow_raw_sockets: ['"1"', '"0"'],
  },
};
const texts: Readonly<Record<string, readonly string[]>> = {
  notes: ['"none"', '"a \\"b\\" c"', '"x"'],
  priority: ['"99"', '"5"'],
  ip4_addr: ['"none"', '"em0|192.0.2.5/24"'],
  defaultrouter: ['"none"', '"192.0.2.1"'],
  exec_prestart: ['"/usr/bin/true"', '"logger {a}; b"'],
  comment: ['"-"', '"größer"'],
  maxproc: ['"off"', '"100:deny"'],
};
const newValues: Readonly<Record<string, readonly string[]>> = {
  boot: ['on', 'off'],
  vnet: ['on', 'off'],
  allow_raw_sockets: ['1', '0'],
  notes: ['none', 'y', 'with "quotes" and \\ and ä'],
  priority: ['1', '77'],
  ip4_addr: ['none', 'em1|192.0.2.9/24'],
  exec_prestart: ['/bin/true', 'sh -c "a; b"'],
  comment: ['new'],
  maxproc: ['off', '7:log'],
};

const known = (switches: string) =>
  fc
    .subarray(Object.keys({ ...texts, ...words[switches] }))
    .chain((keys) =>
      fc.tuple(
        ...keys.map((key) =>
          fc.constantFrom(...(words[switches]![key] ?? texts[key]!)).map((value) => [key, value] as const),
        ),
      ),
    );
const unknownKeys = fc.uniqueArray(fc.stringMatching(/^x_[a-z0-9_]{1,10}$/), { maxLength: 5 });
const changed = fc
  .constantFrom(...Object.keys(newValues))
  .chain((key) => fc.constantFrom(...newValues[key]!).map((value) => [key, value] as const));

interface Sample {
  readonly text: string;
  /** Each member's own bytes. */
  readonly parts: readonly string[];
}

/** JSON with one member a line, as the tools print it, at any indentation. */
function jsonOf(switches: string, identity: readonly (readonly [string, string])[]): fc.Arbitrary<Sample> {
  const unknown = unknownKeys.chain((keys) =>
    fc.tuple(
      ...keys.map((key) =>
        fc.jsonValue({ maxDepth: 2 }).map((value) => [key, JSON.stringify(value)] as const),
      ),
    ),
  );
  return fc
    .tuple(
      known(switches),
      unknown,
      fc.constantFrom('    ', '  ', '\t', ''),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
    )
    .chain(([some, more, indent, end, last]) =>
      fc
        .shuffledSubarray([...identity, ...some, ...more], {
          minLength: identity.length + some.length + more.length,
        })
        .map((members) => {
          const parts = members.map(([key, value]) => `${JSON.stringify(key)}: ${value}`);
          return {
            parts,
            text: `{${end}${parts.map((part) => indent + part).join(`,${end}`)}${end}}${last ? end : ''}`,
          };
        }),
    );
}

/** UCL in the ways that people and uclcmd(1) write it. */
function uclOf(identity: readonly (readonly [string, string])[]): fc.Arbitrary<Sample> {
  const odd = fc.constantFrom('a;b # c', 'x', '1 2', 'größer', '');
  const unknown = unknownKeys.chain((keys) =>
    fc.tuple(
      ...keys.map((key) =>
        fc.oneof(
          odd.map((value) => [key, JSON.stringify(value)] as const),
          fc.constant([key, '{\n    deep = [1, 2.50, "c"];\n}'] as const),
          fc.constant([key, '[1, 2]'] as const),
        ),
      ),
    ),
  );
  const between = fc.constantFrom('', '# by hand\n', '/* a\n   /* nested */ */\n', '\n');
  return fc
    .tuple(known('on'), unknown, fc.constantFrom('=', ' = ', ': '))
    .chain(([some, more, mark]) =>
      fc.tuple(
        fc.shuffledSubarray([...identity, ...some, ...more], {
          minLength: identity.length + some.length + more.length,
        }),
        fc.array(between, { minLength: 20, maxLength: 20 }),
        fc.constant(mark),
      ),
    )
    .map(([members, gaps, mark]) => {
      const parts = members.map(([key, value]) => `${key}${mark}${value};`);
      return { parts, text: parts.map((part, at) => `${gaps[at]!}${part}\n`).join('') };
    });
}

const keyOf = (part: string): string => /^"?([A-Za-z0-9_]+)/.exec(part)![1]!;

/** Every other member has the bytes that it had, in the same order, with the same between them. */
function expectOthersKept(before: Sample, now: string, key: string): void {
  let at = 0;
  for (const part of before.parts) {
    if (keyOf(part) === key) continue;
    const found = now.indexOf(part, at);
    expect(found, `${part} in ${now}`).toBeGreaterThanOrEqual(0);
    at = found + part.length;
  }
  const own = before.parts.find((part) => keyOf(part) === key);
  if (own === undefined) return;
  const [head, ...rest] = before.text.split(own);
  expect(now.startsWith(head!)).toBe(true);
  expect(now.endsWith(rest.join(own))).toBe(true);
}

const formats: readonly (readonly [
  title: string,
  name: ConfigFileName,
  jail: string,
  arbitrary: fc.Arbitrary<Sample>,
])[] = [
  ['Python iocage', 'config.json', 'a', jsonOf('numbers', [['host_hostuuid', '"a"']])],
  [
    'Python iocage',
    'config.json',
    'a',
    jsonOf('numbers', [
      ['host_hostuuid', '"a"'],
      ['CONFIG_VERSION', '"29"'],
      ['CONFIG_TYPE', '"THICK"'],
    ]),
  ],
  [
    'libiocage',
    'config.json',
    'a',
    jsonOf('yes', [
      ['id', '"a"'],
      ['host_hostuuid', '"962123ed-5117-2a6e-726e-de22067d7a8f"'],
    ]),
  ],
  ['libiocage', 'config', 'a', uclOf([['id', '"a"']])],
  [
    'iocage develop (2016 to 2018)',
    'config',
    'a',
    uclOf([
      ['host_hostuuid', '"a"'],
      ['tag', '"t"'],
    ]),
  ],
];

describe.each(formats)('%s in %s', (title, name, jail, arbitrary) => {
  it('is read as it is, and set one value at a time', () => {
    fc.assert(
      fc.property(arbitrary, changed, (sample, [key, value]) => {
        const { text } = sample;
        const before = readConfig({ name, text }, jail);
        expect(before.dialect.title).toBe(title);
        expect(changeConfig({ name, text }, jail, [])).toBe(text);
        const row = getProperty(key);
        const now = changeConfig({ name, text }, jail, [[key, canonical(row, value)]]);
        expectOthersKept(sample, now, key);
        const after = readConfig({ name, text: now }, jail);
        expect(after.dialect.title).toBe(title);
        const others = (values: ReadonlyMap<string, string>) =>
          [...values].filter(([other]) => other !== key).sort();
        expect(others(after.values)).toEqual(others(before.values));
        const said = (values: ReadonlyMap<string, string>) =>
          canonical(row, values.get(key) ?? row.default ?? 'none');
        expect(said(after.values)).toBe(canonical(row, value));
        // Again it is no change, and back it means what it meant.
        expect(changeConfig({ name, text: now }, jail, [[key, canonical(row, value)]])).toBe(now);
        if (before.values.has(key)) {
          const back = changeConfig({ name, text: now }, jail, [[key, said(before.values)]]);
          expect(said(readConfig({ name, text: back }, jail).values)).toBe(said(before.values));
          expectOthersKept(sample, back, key);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe.each([
  ['Python iocage', 'defaults.json', jsonOf('numbers', [['CONFIG_VERSION', '"34"']])],
  ['libiocage', 'defaults.json', jsonOf('yes', [])],
  ['libiocage', 'defaults', uclOf([['id', '"x"']])],
] as const)('defaults of %s in %s', (title, name, arbitrary) => {
  it('are read as they are, and set one value at a time', () => {
    fc.assert(
      fc.property(arbitrary, changed, (sample, [key, value]) => {
        fc.pre(sample.parts.length > 0);
        const { text } = sample;
        const dialect = defaultsDialect(name, text);
        // Numbers among keys that nobody knows are those of Python iocage too.
        fc.pre(dialect.title === title);
        const row = getProperty(key);
        expect(change({ name, text }, dialect, [])).toBe(text);
        const now = change({ name, text }, dialect, [[key, canonical(row, value)]]);
        expectOthersKept(sample, now, key);
        const said = readDefaults(name, now, dialect).get(key) ?? row.default ?? 'none';
        expect(canonical(row, said)).toBe(canonical(row, value));
      }),
      { numRuns: 200 },
    );
  });
});

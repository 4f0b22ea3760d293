/**
 * What holds for the codec of every property, whatever text comes: it answers a value that comes back
 * from its own text, or throws ValueProblem and nothing else.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical } from '../../../../src/domain/config.ts';
import { maxValueBytes } from '../../../../src/domain/codec/text.ts';
import { properties } from '../../../../src/domain/properties/index.ts';
import type { Codec, Property } from '../../../../src/domain/property.ts';
import { ValueProblem } from '../../../../src/domain/property.ts';

/** Pieces of every grammar, so that random joins of them are often nearly right. */
const vocabulary = (
  '0 1 2 9 10 64 80 255 1024 8080 65535 on off yes no true false none auto ALL default . .. / | , : ; - = _ @ ( ) % + ' +
  '10.0.0.1 192.168.1.20 ::1 fe80::1 2001:db8::a /24 /64 /255.255.255.0 em0 vnet0 bridge0 DEFAULT AUTOIP4 DHCP accept_rtadv ' +
  'tcp( udp( tcp/udp( K m G T 1.5 deny log sigterm throttle nameserver search example.org /srv /dev/null ro rw ' +
  '02ff60aabbcc 02:ff:60:aa:bb:cc web iocage/jails'
).split(' ');

function texts(row: Property): fc.Arbitrary<string> {
  const own = [row.example, row.default ?? row.example, ...(row.codec.choices ?? [])];
  const pieces = [...vocabulary, ' ', ...own, ...own.flatMap((text) => text.split(/([^A-Za-z0-9.]+)/))];
  return fc.oneof(
    { arbitrary: fc.string({ unit: 'binary' }), weight: 1 },
    { arbitrary: fc.string(), weight: 1 },
    {
      arbitrary: fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((list) => list.join('')),
      weight: 4,
    },
    {
      arbitrary: fc
        .tuple(fc.constantFrom(...own), fc.nat(), fc.constantFrom(...pieces), fc.nat(2))
        .map(([text, at, piece, cut]) => {
          const index = at % (text.length + 1);
          return text.slice(0, index) + piece + text.slice(index + cut);
        }),
      weight: 4,
    },
  );
}

function parseOrProblem(codec: Codec<unknown>, text: string): { value: unknown } | undefined {
  try {
    return { value: codec.parse(text) };
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    expect(error.message).not.toBe('');
    return undefined;
  }
}

describe.each(properties.map((row) => [row.key, row] as const))('%s', (_key, row) => {
  test('parse(print(v)) is v, print after parse changes nothing twice, garbage is a ValueProblem', () => {
    let understood = 0;
    fc.assert(
      fc.property(texts(row), (text) => {
        const parsed = parseOrProblem(row.codec, text);
        if (!parsed) return;
        understood += 1;
        const printed = row.codec.print(parsed.value);
        expect(row.codec.parse(printed)).toStrictEqual(parsed.value);
        expect(row.codec.print(row.codec.parse(printed))).toBe(printed);
      }),
      { numRuns: 150, examples: [[row.example], ['none'], [''], ['-x'], ['\u0000'], ['a\nb']] },
    );
    expect(understood).toBeGreaterThan(0);
  }, 30_000);

  test('what is stored is one line that ZFS can hold', () => {
    fc.assert(
      fc.property(texts(row), (text) => {
        let value: string;
        try {
          value = canonical(row, text);
        } catch (error) {
          if (!(error instanceof ValueProblem)) throw error;
          return;
        }
        expect(value).toMatch(/^[^\p{Cc}]+$/u);
        expect(Buffer.byteLength(value)).toBeLessThanOrEqual(maxValueBytes);
      }),
      { numRuns: 50, examples: [['x'.repeat(1001)], ['a\tb'], ['\u2028']] },
    );
  });
});

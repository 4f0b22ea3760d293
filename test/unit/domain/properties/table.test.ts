/** The property table against the facts: nothing missing, every row complete and true to itself. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { propertyGroups } from '../../../../src/domain/property.ts';
import { canonical } from '../../../../src/domain/config.ts';
import {
  findProperty,
  getProperty,
  nearestProperty,
  properties,
} from '../../../../src/domain/properties/index.ts';

interface Facts {
  readonly original: readonly string[];
  readonly python: readonly string[];
  readonly jailParameters: Readonly<Record<string, string>>;
}
const facts = JSON.parse(
  readFileSync(new URL('../../../fixtures/property-keys.json', import.meta.url), 'utf8'),
) as Facts;
const keys = new Set(properties.map(({ key }) => key));

test('the facts are all there', () => {
  expect(facts.original).toHaveLength(123);
  expect(facts.python).toHaveLength(147);
});

test('every property of the original and develop lines is in the table', () => {
  expect(facts.original.filter((key) => !keys.has(key))).toEqual([]);
});

test('every property of the Python line is in the table', () => {
  expect(facts.python.filter((key) => !keys.has(key))).toEqual([]);
});

test('no key stands twice', () => {
  expect(properties).toHaveLength(keys.size);
});

test('groups come in the order of the original', () => {
  const order = properties.map(({ group }) => propertyGroups.indexOf(group));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(order).size).toBe(propertyGroups.length);
});

test('a property that is a parameter of jail(8) or a resource of rctl(8) names it', () => {
  const wrong = Object.entries(facts.jailParameters).filter(
    ([key, parameter]) =>
      !getProperty(key)
        .freebsd.split(/[\s;,]+/)
        .includes(parameter),
  );
  expect(wrong).toEqual([]);
});

describe.each(properties.map((row) => [row.key, row] as const))('%s', (key, row) => {
  test('says what it is', () => {
    expect(row.doc).toMatch(/^\S.{4,}\.$|^Free text\.$/);
    expect(row.linux.note.length).toBeGreaterThan(4);
    expect(row.freebsd).not.toBe('');
    expect(row.source).not.toBe('');
    expect(row.access === 'set' || row.why !== undefined).toBe(true);
  });

  test('can be stored in ZFS under its key', () => {
    // zfs(8) refuses upper case in user properties.
    if (row.store === 'user') expect(key).toMatch(/^[a-z][a-z0-9_.]*$/);
    if (row.store === 'none') expect(row.access).not.toBe('set');
  });

  test('example and default are canonical', () => {
    expect(canonical(row, row.example)).toBe(row.example);
    if (row.default !== null) expect(canonical(row, row.default)).toBe(row.default);
    for (const choice of row.codec.choices ?? []) expect(canonical(row, choice)).toBeTypeOf('string');
  });
});

test('an unknown key names the nearest one', () => {
  expect(nearestProperty('hostnam')).toBe('hostname');
  expect(nearestProperty('ip4addr')).toBe('ip4_addr');
  expect(nearestProperty('allow-raw-sockets')).toBe('allow_raw_sockets');
  expect(nearestProperty('xyzzy')).toBeUndefined();
  expect(findProperty('__proto__')).toBeUndefined();
  expect(() => getProperty('ip4addr')).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_PROPERTY', hint: expect.stringContaining('ip4_addr') }),
  );
});

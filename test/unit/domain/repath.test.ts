import fc from 'fast-check';
import { expect, test } from 'vitest';
import { repath } from '../../../src/domain/repath.ts';

test.each([
  ['/a /j/x/root/a nullfs ro 0 0', '/a /j/y/root/a nullfs ro 0 0'],
  ['/j/x /j/x\tnullfs', '/j/y /j/y\tnullfs'],
  // A longer name is another jail.
  ['/a /j/xx/root/a', '/a /j/xx/root/a'],
  ['# /j/x/root stays', '# /j/x/root stays'],
  ['/srv/j/x/root /j/x/root', '/srv/j/x/root /j/y/root'],
  ['', ''],
])('%j becomes %j', (before, after) => {
  expect(repath(before, '/j/x', '/j/y')).toBe(after);
});

test('blanks in a path are octal escapes, before and after', () => {
  expect(repath('/a /j/x\\040y/root z', '/j/x y', '/j/a b')).toBe('/a /j/a\\040b/root z');
});

test('what goes there comes back, and other texts are left alone', () => {
  const field = fc.constantFrom('/j/x', '/j/x/a', '/j/xy', '/k', 'ro', '0', '#', '/j/x\\040b');
  const text = fc
    .array(fc.array(field, { maxLength: 6 }).map((fields) => fields.join(' ')))
    .map((l) => l.join('\n'));
  fc.assert(
    fc.property(text, (before) => {
      const moved = repath(before, '/j/x', '/new/place');
      expect(repath(moved, '/new/place', '/j/x')).toBe(before);
      expect(moved.split('\n')).toHaveLength(before.split('\n').length);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (any) => {
      expect(repath(any, '/no/such/path', '/x')).toBe(any);
    }),
  );
});

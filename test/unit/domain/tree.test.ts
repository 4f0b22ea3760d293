/** Trees as find(1) lists them, and what differs between two. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { assertDeletable, compareTrees, TreeReader, type TreeEntry } from '../../../src/domain/tree.ts';

const entry = (type: string, facts: Partial<TreeEntry> = {}): TreeEntry => ({
  type,
  mode: '644',
  owner: '0:0',
  size: '1',
  mtime: '1.0',
  ctime: '1.0',
  target: '',
  ...facts,
});
const tree = (entries: Record<string, TreeEntry>) => new Map(Object.entries(entries));

describe('compareTrees', () => {
  const before = tree({
    d: entry('d'),
    'd/f': entry('f'),
    'd/g': entry('f'),
    l: entry('l', { target: 'd' }),
  });
  it.each([
    ['the same', {}, [], [], []],
    ['a new file', { 'd/new': entry('f') }, [], ['d/new'], []],
    ['another size', { 'd/f': entry('f', { size: '2' }) }, [], ['d/f'], []],
    ['a faked mtime: ctime tells', { 'd/f': entry('f', { ctime: '2.0' }) }, [], ['d/f'], []],
    ['another mode', { 'd/f': entry('f', { mode: '4755' }) }, [], ['d/f'], []],
    ['another target', { l: entry('l', { target: 'x' }) }, [], ['l'], []],
    [
      'times of a directory say nothing',
      { d: entry('d', { mtime: '2', ctime: '2', size: '9' }) },
      [],
      [],
      [],
    ],
    ['an owner of a directory', { d: entry('d', { owner: '1:1' }) }, [], ['d'], []],
    ['a file that is gone', {}, ['d/f'], [], ['d/f']],
    ['a directory that is gone: only its top', {}, ['d', 'd/f', 'd/g'], [], ['d']],
    ['a link that became a directory', { l: entry('d'), 'l/x': entry('f') }, [], ['l', 'l/x'], ['l']],
    ['a socket is nothing', { s: entry('s') }, [], [], []],
  ] as const)('%s', (_, more, gone, changed, deleted) => {
    const now = new Map([...before, ...Object.entries(more)]);
    for (const path of gone) now.delete(path);
    expect(compareTrees(before, now)).toEqual({ changed, deleted });
  });

  it('changes and deletions, applied to the one, give the other', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd');
    const path = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const made = fc.dictionary(path, fc.constantFrom('f', 'l', '1', '2')).map((map) => {
      // Every parent is a directory, as on a disk.
      const entries = new Map<string, TreeEntry>();
      for (const [name, kind] of Object.entries(map)) {
        const parts = name.split('/');
        const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
        if (parents.some((parent) => (entries.get(parent)?.type ?? 'd') !== 'd') || entries.has(name))
          continue;
        for (const parent of parents) entries.set(parent, entry('d'));
        entries.set(name, kind === 'l' ? entry('l') : entry('f', { ctime: kind }));
      }
      return entries;
    });
    fc.assert(
      fc.property(made, made, (before, now) => {
        const { changed, deleted } = compareTrees(before, now);
        const result = new Map(before);
        for (const gone of deleted) {
          assertDeletable(before, gone, 'x');
          for (const name of result.keys())
            if (name === gone || name.startsWith(`${gone}/`)) result.delete(name);
        }
        for (const name of changed) result.set(name, now.get(name)!);
        expect([...result].sort()).toEqual([...now].sort());
      }),
    );
  });
});

describe('TreeReader', () => {
  const record = (path: string): Buffer =>
    Buffer.from([path, 'f', '644', '0:0', '1', '1.5', '1.5', ''].map((value) => `${value}\0`).join(''));
  it('takes pieces of any size', () => {
    const bytes = Buffer.concat(['a', 'a b', 'ü\u{1f600}', '-x'].map(record));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length }), (size) => {
        const reader = new TreeReader();
        for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
        expect([...reader.entries.keys()]).toEqual(['a', 'a b', 'ü\u{1f600}', '-x']);
      }),
    );
  });
  it('refuses names that could not be written down, and too many', () => {
    expect(() => new TreeReader().push(record('a\nb'))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    );
    const bytes = record('a');
    bytes[0] = 0xff;
    expect(() => new TreeReader().push(bytes)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    const small = new TreeReader(1);
    small.push(record('a'));
    expect(() => small.push(record('b'))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });
});

describe('assertDeletable', () => {
  const base = tree({ d: entry('d'), 'd/f': entry('f'), l: entry('l') });
  it.each(['d', 'd/f', 'l'])('%s may go', (path) =>
    expect(() => assertDeletable(base, path, 'x')).not.toThrow(),
  );
  it.each(['', '.', '..', 'd/../f', '/etc', 'l/f', 'none', 'd//f', 'd/'])('%j may not', (path) =>
    expect(() => assertDeletable(base, path, 'x')).toThrow(
      expect.objectContaining({ code: 'UNSAFE_ARCHIVE' }),
    ),
  );
});

/** Three trees make a fourth: cases by hand, and laws over random trees, applied in both directions. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { changesOf, mergeActions } from '../../../src/domain/merge-actions.ts';
import {
  mergeTrees,
  refuseText,
  toCompare,
  type Digest,
  type Trees,
} from '../../../src/domain/merge-tree.ts';
import type { TreeEntry } from '../../../src/domain/tree.ts';

/** Kinds by one word: `d`, `l:TARGET`, `c:TIME`, anything else a file with that text; `WORD!600` gives a mode. */
type Sketch = Readonly<Record<string, string>>;

function entry(word: string): TreeEntry {
  const [kind = '', mode] = word.split('!');
  const base = { owner: '0:0', mtime: '1', ctime: '1', target: '', size: '0', mode: mode ?? '644' };
  if (kind === 'd') return { ...base, type: 'd', mode: mode ?? '755' };
  if (kind.startsWith('l:')) return { ...base, type: 'l', mode: '777', target: kind.slice(2) };
  if (kind.startsWith('c:')) return { ...base, type: 'c', mtime: kind.slice(2) };
  // Digests stand in `target`, which regular files do not use.
  return { ...base, type: 'f', size: String(kind.length), target: kind };
}
function treeOf(sketch: Sketch): Map<string, TreeEntry> {
  const tree = new Map<string, TreeEntry>();
  for (const [path, word] of Object.entries(sketch).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const parts = path.split('/');
    const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    if (parents.some((parent) => (tree.get(parent)?.type ?? 'd') !== 'd')) continue;
    for (const parent of parents) if (!tree.has(parent)) tree.set(parent, entry('d'));
    tree.set(path, entry(word));
  }
  return tree;
}
const trees = (old: Sketch, mine: Sketch, now: Sketch): Trees => ({
  old: treeOf(old),
  mine: treeOf(mine),
  new: treeOf(now),
});
function run(old: Sketch, mine: Sketch, now: Sketch) {
  const three = trees(old, mine, now);
  const digest: Digest = (side, path) => three[side].get(path)?.target;
  const merge = mergeTrees(three, digest, 'next', (path) => path.startsWith('etc/'));
  return { three, digest, merge };
}

/** What the steps do, and what they cannot do: remove a directory that holds something, copy below what is none. */
function applied(old: Sketch, mine: Sketch, now: Sketch, onto: 'mine' | 'new'): Map<string, string> {
  const { three, digest, merge } = run(old, mine, now);
  const other = three[onto === 'mine' ? 'new' : 'mine'];
  const tree = new Map(three[onto]);
  const actions = mergeActions(three, merge, onto, digest);
  for (const path of actions.remove) {
    expect(
      [...tree.keys()].filter((known) => known.startsWith(`${path}/`)),
      path,
    ).toEqual([]);
    tree.delete(path);
  }
  const assertParent = (path: string): void => {
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    if (parent !== '') expect(tree.get(parent)?.type, `parent of ${path}`).toBe('d');
  };
  for (const path of actions.copy) {
    assertParent(path);
    const there = tree.get(path);
    if (there !== undefined) expect(there.type === 'd', path).toBe(other.get(path)!.type === 'd');
    tree.set(path, other.get(path)!);
  }
  for (const text of actions.texts) tree.set(text.path, { ...entry('merged'), ...text });
  for (const { path, mode, owner } of actions.attributes) {
    expect(tree.has(path)).toBe(true);
    tree.set(path, { ...tree.get(path)!, mode, owner });
  }
  for (const { beside } of merge.conflicts) {
    if (beside === undefined) continue;
    assertParent(beside);
    expect(tree.has(beside), beside).toBe(false);
    expect(three.mine.has(beside)).toBe(false);
  }
  const shown = ({ type, target, mode, mtime }: TreeEntry): string =>
    `${type} ${target} ${type === 'l' ? '' : mode} ${type === 'c' ? mtime : ''}`;
  return new Map([...tree].map(([path, facts]) => [path, shown(facts)]).sort() as [string, string][]);
}

describe('mergeTrees', () => {
  const both = 'changed by both';
  it.each([
    ['a release change', { f: 'a' }, { f: 'a' }, { f: 'b' }, { f: 'f b 644 ' }, []],
    ['a jail change', { f: 'a' }, { f: 'm' }, { f: 'a' }, { f: 'f m 644 ' }, []],
    ['both the same', { f: 'a' }, { f: 'b' }, { f: 'b' }, { f: 'f b 644 ' }, []],
    ['both, not text', { f: 'a' }, { f: 'm' }, { f: 'b' }, { f: 'f m 644 ' }, [['f', both, 'f.new-next']]],
    ['a text', { 'etc/f': 'a' }, { 'etc/f': 'm' }, { 'etc/f': 'b' }, { 'etc/f': 'f merged 644 ' }, []],
    ['own data', {}, { 'srv/x': 'm' }, {}, { 'srv/x': 'f m 644 ' }, []],
    [
      'a mode of the jail on a file of the release',
      { f: 'a' },
      { f: 'a!600' },
      { f: 'b' },
      { f: 'f b 600 ' },
      [],
    ],
    [
      'a mode of the release on a file of the jail',
      { f: 'a' },
      { f: 'm' },
      { f: 'a!700' },
      { f: 'f m 700 ' },
      [],
    ],
    ['deleted in the jail stays deleted', { f: 'a' }, {}, { f: 'a' }, {}, []],
    [
      'deleted in the jail, changed in the release',
      { f: 'a' },
      {},
      { f: 'b' },
      {},
      [['f', 'deleted in the jail, changed in the new release']],
    ],
    ['gone in the release', { 'd/f': 'a' }, { 'd/f': 'a' }, {}, {}, []],
    [
      'gone in the release, changed in the jail',
      { f: 'a' },
      { f: 'm' },
      {},
      { f: 'f m 644 ' },
      [['f', 'changed in the jail, gone in the new release']],
    ],
    ['an empty directory is a place for something', { srv: 'd' }, { srv: 'd' }, {}, { srv: 'd  755 ' }, []],
    [
      'a directory that the jail uses stays',
      { 'd/f': 'a' },
      { 'd/f': 'a', 'd/own': 'm' },
      {},
      { 'd/own': 'f m 644 ' },
      [],
    ],
    [
      'a directory becomes a link',
      { 'bin/f': 'a' },
      { 'bin/f': 'a' },
      { bin: 'l:usr/bin', 'usr/bin/f': 'b' },
      { bin: 'l usr/bin  ', 'usr/bin/f': 'f b 644 ' },
      [],
    ],
    [
      'a link in the jail where the release has a directory',
      { 'etc/f': 'a' },
      { etc: 'l:/host/etc' },
      { 'etc/f': 'b' },
      { etc: 'l /host/etc  ' },
      [['etc', 'of another type in the new release', 'etc.new-next']],
    ],
    [
      'a directory with something of the jail becomes a link',
      { 'bin/f': 'a' },
      { 'bin/f': 'a', 'bin/own': 'm' },
      { bin: 'l:usr/bin' },
      { 'bin/f': 'f a 644 ', 'bin/own': 'f m 644 ' },
      [['bin', 'of another type in the new release', 'bin.new-next']],
    ],
    ['a device', { 'dev/x': 'c:1' }, { 'dev/x': 'c:1' }, { 'dev/x': 'c:2' }, { 'dev/x': 'c  644 2' }, []],
    [
      'a name that is taken',
      { f: 'a' },
      { f: 'm', 'f.new-next': 'x' },
      { f: 'b' },
      { f: 'f m 644 ', 'f.new-next': 'f x 644 ' },
      [['f', both, 'f.new-next.2']],
    ],
    [
      'a log is the jail’s own',
      { 'var/log/x': 'a' },
      { 'var/log/x': 'm' },
      { 'var/log/x': 'b' },
      { 'var/log/x': 'f m 644 ' },
      [],
    ],
  ] as [string, Sketch, Sketch, Sketch, Sketch, string[][]][])(
    '%s',
    (_, old, mine, now, wanted, conflicts) => {
      const { merge } = run(old, mine, now);
      const files = [...applied(old, mine, now, 'mine')].filter(
        ([path]) => path in wanted || !treeOf(mine).get(path)?.type.startsWith('d'),
      );
      const leaves = files.filter(([path, shown]) => path in wanted || !shown.startsWith('d'));
      expect(Object.fromEntries(leaves)).toEqual(wanted);
      expect(
        merge.conflicts.map(({ path, why, beside }) => [path, why, ...(beside ? [beside] : [])]),
      ).toEqual(conflicts);
      expect([...applied(old, mine, now, 'new')]).toEqual([...applied(old, mine, now, 'mine')]);
    },
  );

  it('what only updates change in a FreeBSD comes from its new release, whatever patches the jail has', () => {
    const old = {
      'bin/freebsd-version': '14.1',
      'lib/libc.so.7': 'zero',
      'lib/gone.so': 'zero',
      'usr/bin/same': 'zero',
      'etc/rc.d/sshd': 'zero',
      'etc/ssl/certs/0b1b94ef.0': 'l:../../../usr/share/certs/trusted/a.pem',
      'etc/pwd.db': 'zero',
      'etc/motd': 'zero',
      'usr/local/bin/x': 'zero',
    };
    const patched = Object.fromEntries(Object.keys(old).map((path) => [path, 'patched']));
    const now = {
      ...old,
      ...Object.fromEntries(Object.keys(old).map((path) => [path, 'newer'])),
      'usr/bin/same': 'zero',
    };
    delete (now as Partial<typeof now>)['lib/gone.so'];
    const own = { 'bin/mine': 'own', 'etc/ssl/certs/own.0': 'own' };
    const { merge } = run(old, { ...patched, ...own }, now);
    const from = Object.fromEntries([...merge.result].map(([path, each]) => [path, each.from]));
    expect(from).toMatchObject({
      'bin/freebsd-version': 'new',
      'lib/libc.so.7': 'new',
      'usr/bin/same': 'mine',
      'etc/rc.d/sshd': 'new',
      'etc/ssl/certs/0b1b94ef.0': 'new',
      'etc/ssl/certs/own.0': 'mine',
      'bin/mine': 'mine',
      'usr/local/bin/x': 'mine',
    });
    expect(from).not.toHaveProperty('lib/gone.so');
    expect(merge.conflicts.map(({ path }) => path)).toEqual(['usr/local/bin/x']);
  });

  it('a text that cannot be merged stays as the jail has it', () => {
    const { three, merge, digest } = run({ 'etc/f': 'a' }, { 'etc/f': 'm!600' }, { 'etc/f': 'b' });
    const refused = refuseText(merge, three, 'etc/f', 'next');
    expect(refused.conflicts).toEqual([{ path: 'etc/f', why: both, beside: 'etc/f.new-next' }]);
    expect(mergeActions(three, refused, 'mine', digest)).toEqual({
      remove: [],
      copy: [],
      texts: [],
      attributes: [],
    });
    expect(changesOf(three, merge, digest)).toEqual([{ path: 'etc/f', what: 'merged' }]);
  });

  const names = fc.constantFrom('a', 'b', 'etc', 'a.new-next');
  const path = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const word = fc.constantFrom('d', 'd!700', 'l:x', 'l:y', '1', '2', '2!600', 'c:1', 'c:2');
  const sketch = fc.dictionary(path, word, { maxKeys: 8 });

  it('law: nothing changed by the release, nothing is done; nothing changed in the jail, it becomes the release', () => {
    fc.assert(
      fc.property(sketch, sketch, (old, other) => {
        const still = run(old, other, old);
        expect(mergeActions(still.three, still.merge, 'mine', still.digest)).toEqual({
          remove: [],
          copy: [],
          texts: [],
          attributes: [],
        });
        expect(still.merge.conflicts).toEqual([]);
        const fresh = applied(old, old, other, 'mine');
        const release = applied(other, other, other, 'mine');
        for (const [name, facts] of release) expect(fresh.get(name), name).toBe(facts);
        // Beyond the release only places that were empty before, and what leads there.
        for (const name of fresh.keys()) if (!release.has(name)) expect(fresh.get(name)).toMatch(/^d/);
      }),
    );
  });

  it('law: both directions make the same tree, whole, and nothing of the jail is lost', () => {
    fc.assert(
      fc.property(sketch, sketch, sketch, (old, mine, now) => {
        const made = applied(old, mine, now, 'mine');
        expect([...applied(old, mine, now, 'new')]).toEqual([...made]);
        for (const name of made.keys()) {
          const parent = name.slice(0, Math.max(name.lastIndexOf('/'), 0));
          if (parent !== '') expect(made.get(parent), name).toMatch(/^d/);
        }
        const { three, merge } = run(old, mine, now);
        for (const [name, facts] of three.mine) {
          const before = three.old.get(name);
          const untouched =
            before?.type === facts.type &&
            before.target === facts.target &&
            (facts.type !== 'c' || before.mtime === facts.mtime);
          if (facts.type === 'd' || untouched) continue;
          const kept = merge.result.get(name);
          const alike =
            three.new.get(name)?.type === facts.type && three.new.get(name)?.target === facts.target;
          expect(kept?.from === 'mine' || kept?.from === 'text' || alike, name).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('only files that could be the same are read', () => {
    expect(toCompare(trees({ f: 'a', g: 'aa' }, { f: 'b', own: 'x', g: 'a' }, { f: 'bb' }), 'mine')).toEqual([
      'f',
    ]);
  });
});

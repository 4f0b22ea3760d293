/** Texts that both sides changed: merged where that is certain, and nowhere else. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { mergeText } from '../../../src/domain/merge-text.ts';

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

describe('mergeText', () => {
  it('takes both changes in different places', () => {
    const old = lines('a', 'b', 'c', 'd', 'e');
    expect(
      mergeText('etc/x', old, lines('mine', 'b', 'c', 'd', 'e'), lines('a', 'b', 'c', 'd', 'release')),
    ).toBe(lines('mine', 'b', 'c', 'd', 'release'));
  });
  it('refuses different changes of one place, and what is no text', () => {
    expect(mergeText('etc/x', 'a\n', 'm\n', 'r\n')).toBeUndefined();
    expect(mergeText('etc/x', lines('a', 'b'), lines('a', 'b', 'm'), lines('a', 'b', 'r'))).toBeUndefined();
    expect(mergeText('etc/x', 'a\0', 'b\0', 'a\0c')).toBeUndefined();
    expect(mergeText('etc/x', 'a', 'b'.repeat(300_000), 'c')).toBeUndefined();
  });
  it('keeps a missing newline at the end', () => {
    expect(mergeText('etc/x', 'a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nD')).toBe('A\nb\nc\nD');
  });

  const root = 'root:x:0:0:root:/root:/bin/sh';
  const own = 'www:x:100:100::/srv:/bin/sh';
  const added = 'daemon:x:101:101::/:/bin/false';
  it.each([
    ['accounts that both added', lines(root), lines(root, own), lines(root, added), lines(root, own, added)],
    ['an account that is gone', lines(root, own), lines(root, added, own), lines(root), lines(root, added)],
    [
      'another shell for root',
      lines(root),
      lines(root.replace('sh', 'ash'), own),
      lines(root, added),
      lines(root.replace('sh', 'ash'), own, added),
    ],
    [
      'a number that is taken',
      lines(root),
      lines(root, own),
      lines(root, added.replace('101', '100')),
      undefined,
    ],
    ['one account with two changes', lines(own), lines(`${own}a`), lines(`${own}b`), undefined],
    ['a name twice', lines(root), lines(root, own, own), lines(root, added), undefined],
  ])('etc/passwd: %s', (_, old, mine, now, merged) => {
    expect(mergeText('etc/passwd', old, mine, now)).toBe(merged);
  });
  it('etc/shadow: days are no numbers of accounts', () => {
    expect(mergeText('etc/shadow', 'a:*:1\n', 'a:*:1\nb:*:2\n', 'a:*:1\nc:*:2\n')).toBe(
      'a:*:1\nb:*:2\nc:*:2\n',
    );
  });

  it('installed packages: each as the side has it that changed it', () => {
    const status = (...all: readonly string[]): string =>
      all.map((each) => `Package: ${each.split('=')[0]}\nVersion: ${each.split('=')[1]}\n\n`).join('');
    const merge = (mine: string, now: string) =>
      mergeText('var/lib/dpkg/status', status('libc=1', 'sed=1'), mine, now);
    expect(merge(status('libc=1', 'nginx=5', 'sed=1'), status('libc=2', 'sed=1'))).toBe(
      status('libc=2', 'nginx=5', 'sed=1'),
    );
    expect(merge(status('libc=2', 'nginx=5', 'sed=1'), status('libc=2', 'sed=1'))).toBe(
      status('libc=2', 'nginx=5', 'sed=1'),
    );
    expect(merge(status('libc=3', 'sed=1'), status('libc=2', 'sed=1'))).toBeUndefined();
    expect(merge(status('sed=1'), status('libc=2', 'sed=1'))).toBeUndefined();
    const apk = mergeText(
      'lib/apk/db/installed',
      'P:musl\nV:1\n\n',
      'P:musl\nV:1\n\nP:vim\nV:1\n\n',
      'P:musl\nV:2\n\n',
    );
    expect(apk).toBe('P:musl\nV:2\n\nP:vim\nV:1\n\n');
  });

  it('law: one side alone, or both alike, is taken as it is', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 6 }).map((all) => all.join('\n'));
    fc.assert(
      fc.property(text, text, (old, changed) => {
        expect(mergeText('etc/x', old, changed, old)).toBe(changed);
        expect(mergeText('etc/x', old, old, changed)).toBe(changed);
        expect(mergeText('etc/x', old, changed, changed)).toBe(changed);
      }),
    );
  });
});

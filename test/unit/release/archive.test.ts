import { describe, expect, it } from 'vitest';
import { ArchiveCheck, compressionOf, decompressor } from '../../../src/domain/archive.ts';
import { IocageError } from '../../../src/domain/errors.ts';
import { TarReader } from '../../../src/domain/tar.ts';
import { tarOf, type Entry } from '../../support/tar-bytes.ts';

const limits = { maxBytes: 1_000_000, maxMembers: 100 };

function check(...archives: readonly (readonly Entry[])[]): string | undefined {
  const judge = new ArchiveCheck(limits);
  try {
    for (const entries of archives) {
      const reader = new TarReader((member) => judge.take(member, 'x.tar'));
      reader.push(tarOf(...entries));
      reader.end();
    }
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(IocageError);
    expect((error as IocageError).code).toBe('UNSAFE_ARCHIVE');
    return (error as IocageError).message;
  }
}

const directory = (name: string): Entry => ({ name, type: '5' });
const file = (name: string): Entry => ({ name, content: 'x' });
const link = (name: string, to: string): Entry => ({ name, type: '2', link: to });
const hard = (name: string, to: string): Entry => ({ name, type: '1', link: to });

describe('ArchiveCheck', () => {
  it('lets an ordinary root file system pass', () => {
    const entries = [
      directory('./'),
      directory('./usr/'),
      directory('./usr/bin/'),
      file('./usr/bin/sh'),
      hard('./usr/bin/dash', './usr/bin/sh'),
      link('./bin', 'usr/bin'),
      link('./etc/mtab', '/proc/mounts'),
      link('./escape', '../../../etc'),
      { name: './dev/null', type: '3' },
      { name: './run/fifo', type: '6' },
    ];
    expect(check(entries)).toBeUndefined();
  });

  it.each<[string, readonly Entry[], string]>([
    ['a path upwards', [file('../x')], `by '..'`],
    ['a path upwards in the middle', [file('a/../../x')], `by '..'`],
    ['an absolute path', [file('/abs')], 'is absolute'],
    ['a write through a link', [link('a', '/etc'), file('a/passwd')], 'goes through the symbolic link a'],
    [
      'a write through a link, spelled otherwise',
      [link('./a', '/etc'), file('.//a/./passwd')],
      'goes through',
    ],
    [
      'a write through a deeper link',
      [directory('a'), link('a/b', '..'), file('a/b/c/d')],
      'through the symbolic link a/b',
    ],
    ['a directory below a link', [link('a', '/etc'), directory('a/cron.d')], 'goes through'],
    ['a link below a link', [link('a', '/etc'), link('a/x', 'y')], 'goes through'],
    ['a file in place of a link', [link('a', '/etc/passwd'), file('a')], 'comes twice'],
    ['a directory in place of a link', [link('a', '/etc'), directory('a/')], 'comes twice'],
    ['a hard link out by an absolute name', [hard('a', '/etc/passwd')], 'is a hard link to /etc/passwd'],
    ['a hard link upwards', [hard('a', '../etc/passwd')], 'is a hard link'],
    ['a hard link through a link', [link('l', '/etc'), hard('a', 'l/passwd')], 'through the symbolic link'],
    ['a write through a second name of a link', [link('l', '/etc'), hard('a', 'l'), file('a/x')], 'link a'],
    ['a file over a second name of a link', [link('l', '/etc/x'), hard('a', 'l'), file('a')], 'comes twice'],
    ['a hard link to nothing', [hard('a', 'b')], 'no file of the archive'],
    ['a device', [{ name: 'sda', type: '4' }], 'device outside /dev'],
    [
      'a device in a directory that only looks like /dev',
      [{ name: 'devil/sda', type: '4' }],
      'device outside /dev',
    ],
    ['a file below a file', [file('a'), file('a/b')], 'no directory'],
    ['a root that is a link', [link('.', '/etc')], 'replace the root'],
    ['a control character', [file('a\nb')], 'control characters'],
    ['a device in /dev by another spelling', [{ name: './././dev/sda', type: '4' }], 'unusual spelling'],
    ['a file in /dev by another spelling', [file('.//dev/sda')], 'unusual spelling'],
    [
      'more bytes than there is room for',
      [file('a'), { name: 'b', size: 2_000_000, content: '' }],
      'larger than the 1000000 bytes',
    ],
    [
      'more members than allowed',
      Array.from({ length: 101 }, (_, i) => file(`f${i}`)),
      'more than 100 members',
    ],
  ])('refuses %s', (_what, entries, problem) => {
    expect(check(entries)).toContain(problem);
  });

  it('refuses names that nothing can open', () => {
    for (const name of [`${'a/'.repeat(2047)}b`, `a/${'b'.repeat(256)}`]) {
      const member = { name, type: 'file', linkName: '', sizeBytes: 0 } as const;
      const taking = new ArchiveCheck({ maxBytes: 2 ** 20, maxMembers: 9 });
      expect(() => taking.take(member, 'x.tar')).toThrow('has a name that is too long');
    }
  });

  it('takes a second name of a symbolic link, which link(2) does not follow', () => {
    expect(check([link('l', '/etc/passwd'), hard('a', 'l'), hard('b', 'a')])).toBeUndefined();
  });

  it('remembers the links of an archive for the next one into the same root', () => {
    expect(check([link('sys', 'usr/src/sys')], [file('sys/conf')])).toContain(
      'through the symbolic link sys',
    );
    expect(check([file('etc/rc')], [file('etc/rc')])).toBeUndefined();
  });
});

describe('archives by name', () => {
  it.each([
    ['root.tar', 'none'],
    ['ROOT.TAR.GZ', 'gzip'],
    ['base.txz', 'xz'],
    ['a.tar.xz', 'xz'],
    ['a.tgz', 'gzip'],
    ['a.tar.zst', 'zstd'],
    ['a.zip', undefined],
    ['tar', undefined],
    ['.tar', undefined],
  ])('%s is %s', (name, compression) => {
    expect(compressionOf(name)).toBe(compression);
  });

  it('hands names to programs where they cannot be flags', () => {
    for (const compression of ['none', 'gzip', 'xz', 'zstd'] as const) {
      expect(decompressor(compression, '/a b/c').slice(-2)).toEqual(['--', '/a b/c']);
    }
  });
});

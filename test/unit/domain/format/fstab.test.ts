/** fstab(5), read and written without loss, and what is refused in it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  baseLines,
  entryOf,
  entryProblem,
  maxLineLength,
  sizeProblem,
  parseEntry,
  parseFstab,
  printEntry,
  printFstab,
  targetInJail,
  withBaseLines,
} from '../../../../src/domain/format/fstab.ts';

const places = { iocage: '/tank/iocage', root: '/tank/iocage/jails/web/root' };
const target = `${places.root}/mnt`;

describe('fstab', () => {
  it('any text comes back as it was, but for a missing last line break', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
        expect(printFstab(parseFstab(text))).toBe(whole);
      }),
    );
  });

  it('any entry comes back as it was', () => {
    const path = fc.string({ minLength: 1, maxLength: 20 }).map((text) => `/${text}`);
    fc.assert(
      fc.property(path, path, fc.constantFrom('ro', 'rw'), (source, place, option) => {
        const entry = { source, target: place, type: 'nullfs', options: [option], dump: '0', pass: '0' };
        expect(parseEntry(printEntry(entry))).toEqual(entry);
      }),
    );
  });

  it('escapes are bytes of UTF-8, and letters that look like blanks belong to a name', () => {
    const source = (field: string) => parseEntry(`${field} ${target} nullfs ro 0 0`)?.source;
    expect(source(String.raw`/data/b\303\274cher\040x`)).toBe('/data/bücher x');
    expect(source('/data/a\u00a0b\u3000c')).toBe('/data/a\u00a0b\u3000c');
    expect(source(String.raw`/data/a\000b`)).toBeUndefined();
    // As an earlier iocage wrote it.
    expect(source(String.raw`/data/a\240b`)).toBe('/data/a\u00a0b');
    const entry = { target, type: 'nullfs', options: ['ro'], dump: '0', pass: '0' };
    for (const name of ['/ü', '/a\u00a0', '/\u3000b', '/\u2028', '/\ufeff', '/a\tb\r'])
      expect(source(printEntry({ ...entry, source: name }).split('\t')[0]!)).toBe(name);
    expect(printEntry({ ...entry, source: '/a\u3000b' })).toContain('/a\u3000b\t');
  });

  it('comments, blank lines and odd lines are kept; entries in any spelling are found', () => {
    const text = '# mine\n\n/a   /b nullfs ro\n/c\t/d\ttmpfs\trw\t0\t0 # note\nnonsense\n';
    const lines = parseFstab(text);
    expect(printFstab(lines)).toBe(text);
    expect(lines.flatMap((line) => entryOf(line)?.source ?? [])).toEqual(['/a', '/c']);
  });
});

describe('targetInJail', () => {
  it.each([
    [target, '/mnt'],
    [places.root, '/'],
    ['/tank/iocage/jails/old/root/mnt', '/mnt'],
    ['/tank/iocage/templates/old/root/mnt', '/mnt'],
    ['/tank/iocage/jails/web/root/../../db/root/x', undefined],
    ['/other/pool/iocage/jails/web/root/mnt', '/mnt'],
    ['/other/templates/web/root', '/'],
    ['/other/pool/iocage/jails/db/root/mnt', undefined],
    ['/tank/iocage/jails/web/rootkit', undefined],
    ['/tank/iocage/releases/x/root/etc', undefined],
    ['/etc', undefined],
  ])('%s', (path, inner) => {
    expect(targetInJail(path, places)).toBe(inner);
  });
});

describe('entryProblem', () => {
  const line = (text: string, source?: string) => {
    const entry = parseEntry(text)!;
    return entryProblem(entry, places, source ?? entry.source);
  };
  it.each([
    `/srv ${target} nullfs ro 0 0`,
    `/srv ${target} bind rw,nosuid 0 0`,
    `tmpfs ${target} tmpfs rw,size=64m,mode=1777 0 0`,
    `proc ${places.root}/proc procfs rw 0 0`,
  ])('%s is taken', (text) => {
    expect(line(text)).toBeUndefined();
  });

  it.each([
    [`/srv /etc nullfs ro 0 0`, 'not below'],
    [`/srv ${places.root}/../x nullfs ro 0 0`, 'not below'],
    [`/srv ${places.root} nullfs ro 0 0`, 'not the root itself'],
    [`/srv ${places.root}/dev nullfs ro 0 0`, '/dev of a jail'],
    [`/srv ${places.root}/proc/1 tmpfs rw 0 0`, '/proc of a jail'],
    [`/srv ${target} ext4 rw 0 0`, 'type "ext4"'],
    [`/srv ${target} nullfs suid 0 0`, 'option "suid"'],
    [`/srv ${target} tmpfs rw,size=9x 0 0`, 'option "size=9x"'],
    [`srv ${target} nullfs ro 0 0`, 'no absolute path'],
    [`/ ${target} nullfs ro 0 0`, 'holds all jails'],
    [`/tank ${target} nullfs ro 0 0`, 'holds all jails'],
    [`/tank/iocage ${target} nullfs ro 0 0`, 'belongs to iocage'],
    [`/tank/iocage/jails/db/root ${target} nullfs ro 0 0`, 'belongs to iocage'],
    [`/tank/iocage/releases/x/pkg ${target} nullfs rw 0 0`, 'belongs to iocage'],
    [`/tank/iocage/releases/x/root ${target} nullfs ro 0 0`, 'belongs to iocage'],
    [`/tank/iocage/releases/x/pkg/lists ${target} nullfs ro 0 0`, 'belongs to iocage'],
  ])('%s is refused', (text, problem) => {
    expect(line(text)).toContain(problem);
  });

  it('has lines and a size that everybody can read', () => {
    const longest = `# ${'x'.repeat(maxLineLength - 2)}\n`;
    expect(sizeProblem(longest + longest)).toBeUndefined();
    expect(sizeProblem(`a\n${longest.trimEnd()}y\n`)).toBe('line 2: it is longer than 4096 characters');
    expect(sizeProblem('# ä\n'.repeat(60_000))).toBe('the file is larger than 256 KiB');
  });

  it('a source is judged by where its links lead', () => {
    expect(line(`/srv ${target} nullfs ro 0 0`, '/tank/iocage/jails/db/root')).toContain('belongs to iocage');
    expect(line(`/srv ${target} nullfs ro 0 0`, '/etc')).toContain('name "/etc" itself');
    expect(line(`/srv//www/ ${target} nullfs ro 0 0`, '/srv/www')).toBeUndefined();
    expect(entryProblem(parseEntry(`/srv ${target} nullfs ro`)!, places, undefined)).toContain(
      'does not exist',
    );
  });
});

describe('the lines of a base', () => {
  const shown = (folder: string, release = '13.1') =>
    `/tank/iocage/releases/${release}/root/${folder}\t${places.root}/${folder}\tnullfs\tro\t0\t0`;
  const own = `/srv\t${places.root}/mnt\tnullfs\trw\t0\t0`;

  it('are told from the jail’s own, from comments and from what cannot be read', () => {
    const text = [shown('bin'), own, `# ${shown('lib')}`, 'nonsense', '', shown('usr/lib'), ''].join('\n');
    expect(baseLines(text, places)).toEqual([shown('bin'), shown('usr/lib')]);
    expect(baseLines('', places)).toEqual([]);
  });

  it('come at the end where they lack, take the place of another release’s, and leave all else as it is', () => {
    const lines = [shown('bin', '14.0'), shown('lib', '14.0')];
    const both = `${lines.join('\n')}\n`;
    expect(withBaseLines('', lines, places)).toBe(both);
    expect(withBaseLines(`# mine\n${own}`, lines, places)).toBe(`# mine\n${own}\n${both}`);
    expect(withBaseLines(`${shown('bin')}\n${own}\n${shown('usr/ports')}\n`, lines, places)).toBe(
      `${own}\n${shown('usr/ports')}\n${both}`,
    );
    expect(withBaseLines(`${own}\n${shown('bin', '14.0')}\n`, lines, places)).toBe(
      `${own}\n${shown('bin', '14.0')}\n${shown('lib', '14.0')}\n`,
    );
    expect(withBaseLines(`${own}\nx`, [], places)).toBe(`${own}\nx`);
  });

  it('twice is as once, and a text that has them stays', () => {
    const line = fc.constantFrom(
      own,
      '',
      '# x',
      ...['13.1', '14.0'].flatMap((one) => ['bin', 'lib'].map((folder) => shown(folder, one))),
    );
    fc.assert(
      fc.property(fc.array(line), fc.uniqueArray(line), (text, some) => {
        const lines = baseLines(some.join('\n'), places);
        const once = withBaseLines(text.join('\n'), lines, places);
        expect(withBaseLines(once, lines, places)).toBe(once);
        expect(baseLines(once, places)).toEqual(expect.arrayContaining([...lines]));
        expect(once.split('\n').filter((each) => each === own)).toEqual(text.filter((each) => each === own));
      }),
    );
  });
});

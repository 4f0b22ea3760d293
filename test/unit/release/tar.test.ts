import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePax, TarProblem, TarReader, type TarMember } from '../../../src/domain/tar.ts';
import { paxRecord, tarEnd, tarEntry, tarHeader, tarOf, type Entry } from '../../support/tar-bytes.ts';

function read(bytes: Buffer, pieces: readonly number[] = []): TarMember[] {
  const members: TarMember[] = [];
  const reader = new TarReader((member) => void members.push(member));
  let at = 0;
  for (const length of pieces) {
    reader.push(bytes.subarray(at, at + length));
    at += length;
  }
  reader.push(bytes.subarray(at));
  reader.end();
  return members;
}

const name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,40}(\/[a-z0-9]{1,30}){0,1}$/);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ name, content: fc.string({ maxLength: 2000, unit: 'binary-ascii' }) }),
  fc.record({ name, type: fc.constant('5') }),
  fc.record({ name, type: fc.constant('2'), link: name }),
  fc.record({ name, type: fc.constant('1'), link: name }),
);

describe('TarReader', () => {
  it('reads what was written, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 8 }),
        fc.array(fc.nat(1500), { maxLength: 30 }),
        (entries, pieces) => {
          const members = read(tarOf(...entries), pieces);
          expect(members.map((member) => [member.name, member.linkName, member.sizeBytes])).toEqual(
            entries.map((each) => [each.name, each.link ?? '', each.content?.length ?? 0]),
          );
        },
      ),
    );
  });

  it('never throws anything but TarProblem, whatever the bytes', () => {
    const damaged = fc.tuple(
      fc.array(entry, { minLength: 1, maxLength: 4 }),
      fc.nat(),
      fc.nat(255),
      fc.nat(),
    );
    fc.assert(
      fc.property(damaged, ([entries, position, byte, cut]) => {
        const bytes = tarOf(...entries);
        bytes[position % bytes.length] = byte;
        try {
          read(bytes.subarray(0, cut % (bytes.length + 1)));
        } catch (error) {
          expect(error).toBeInstanceOf(TarProblem);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds a damaged header by its checksum', () => {
    const bytes = tarOf({ name: 'file', content: 'x' });
    bytes[0] = 'g'.charCodeAt(0);
    expect(() => read(bytes)).toThrow('not a tar archive');
  });

  it.each([
    ['in a header', 100],
    ['in the content', 700],
    ['after the last member', 1024],
  ])('sees that an archive ends early: %s', (_where, length) => {
    expect(() => read(tarOf({ name: 'file', content: 'x'.repeat(500) }).subarray(0, length))).toThrow(
      'truncated',
    );
  });

  it('joins the prefix of ustar, and long names of GNU and pax', () => {
    const long = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`;
    const gnu = [
      tarEntry({ name: '././@LongLink', type: 'L', content: `${long}\0` }),
      tarEntry({ name: 'short' }),
    ];
    const gnuLink = [
      tarEntry({ name: '././@LongLink', type: 'K', content: `${long}\0` }),
      tarEntry({ name: 'l', type: '2', link: 'cut' }),
    ];
    const pax = [
      tarEntry({ name: 'pax', type: 'x', content: paxRecord('path', long) }),
      tarEntry({ name: 'short' }),
    ];
    const members = read(
      Buffer.concat([
        tarEntry({ name: 'b', prefix: 'a' }),
        ...gnu,
        ...gnuLink,
        ...pax,
        tarEntry({ name: 'last' }),
        tarEnd,
      ]),
    );
    expect(members.map((member) => member.name)).toEqual(['a/b', long, 'l', long, 'last']);
    expect(members[2]!.linkName).toBe(long);
  });

  it('takes the size from pax, and from numbers beyond octal', () => {
    const big = 9 * 2 ** 30;
    const members: TarMember[] = [];
    const reader = new TarReader((member) => void members.push(member));
    reader.push(tarHeader({ name: 'big', size: big }));
    expect(members[0]!.sizeBytes).toBe(big);

    const content = 'y'.repeat(600);
    const pax = [
      tarEntry({ name: 'p', type: 'x', content: paxRecord('size', '600') }),
      tarEntry({ name: 'f', content, size: 0 }),
    ];
    expect(read(Buffer.concat([...pax, tarEntry({ name: 'g' }), tarEnd]))).toMatchObject([
      { name: 'f', sizeBytes: 600 },
      { name: 'g', sizeBytes: 0 },
    ]);
  });

  const sparse = (more: Record<string, string>, entry: Parameters<typeof tarEntry>[0]): Buffer =>
    tarOf(
      {
        name: 'p',
        type: 'x',
        content: Object.entries({
          major: '1',
          minor: '0',
          name: 'var/log/lastlog',
          realsize: '9999',
          ...more,
        })
          .map(([key, value]) => paxRecord(`GNU.sparse.${key}`, value))
          .join(''),
      },
      entry,
      { name: 'next' },
    );

  it('takes the newest form of sparse files, under their own name and with the size that is stored', () => {
    const members = read(sparse({}, { name: 'GNUSparseFile.1/x', content: '0\n'.padEnd(512, '\0') }));
    expect(members).toMatchObject([
      { name: 'var/log/lastlog', type: 'file', sizeBytes: 512 },
      { name: 'next' },
    ]);
  });

  it.each<[string, Buffer, string]>([
    ['a sparse file of an older form', sparse({ minor: '1' }, { name: 's' }), 'of a form'],
    ['a sparse file with its map beside', sparse({ map: '0,1' }, { name: 's' }), 'of a form'],
    ['a sparse file without a size', sparse({ realsize: '-1' }, { name: 's' }), 'of a form'],
    ['a sparse link', sparse({}, { name: 's', type: '2', link: 'x' }), 'of a form'],
    [
      'sparse files all',
      tarOf({ name: 'g', type: 'g', content: paxRecord('GNU.sparse.name', 'x') }, { name: 's' }),
      'of a form',
    ],
    ['a sparse file', tarOf({ name: 's', type: 'S' }), 'kind "S"'],
    [
      'a sparse file by pax',
      tarOf({ name: 'p', type: 'x', content: paxRecord('GNU.sparse.major', '1') }, { name: 's' }),
      'sparse',
    ],
    ['a volume', tarOf({ name: 'v', type: 'V' }), 'kind "V"'],
    [
      'one path for all',
      tarOf({ name: 'g', type: 'g', content: paxRecord('path', 'x') }, { name: 'a' }),
      'the same path',
    ],
    [
      'two names',
      tarOf(
        { name: 'p', type: 'x', content: paxRecord('path', 'x') },
        { name: 'L', type: 'L', content: 'y\0' },
        { name: 'a' },
      ),
      'two names',
    ],
    ['a directory with content', tarOf({ name: 'd/', type: '5', content: 'x' }), 'no content'],
    ['a giant name', tarOf({ name: 'L', type: 'L', size: 2 ** 30 }), 'more than 1 MiB'],
    [
      'more after the end',
      Buffer.concat([tarEntry({ name: 'a' }), Buffer.alloc(512), tarEntry({ name: 'b' }), tarEnd]),
      'after its end',
    ],
  ])('refuses %s', (_what, bytes, problem) => {
    expect(() => read(bytes)).toThrow(problem);
  });

  it('reads what GNU tar writes, in each of its formats', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ioctar-'));
    try {
      const deep = join(directory, 'root', 'x'.repeat(60), 'y'.repeat(60), 'Főtanúsítvány');
      mkdirSync(deep, { recursive: true });
      writeFileSync(join(deep, 'file'), 'content');
      symlinkSync('file', join(deep, 'link'));
      for (const format of ['gnu', 'pax', 'posix', 'ustar', 'oldgnu']) {
        const path = join(directory, `${format}.tar`);
        execFileSync('tar', [`--format=${format}`, '-cf', path, '-C', join(directory, 'root'), '.']);
        const listed = execFileSync('tar', ['--quoting-style=literal', '-tf', path], { encoding: 'latin1' });
        const members = read(execFileSync('cat', [path]));
        expect(members.map((member) => member.name)).toEqual(listed.split('\n').slice(0, -1));
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe('parsePax', () => {
  it('reads what paxRecord writes', () => {
    const text = fc.string({ unit: 'binary-ascii', maxLength: 200 });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-zA-Z.]{1,20}$/), text), (record) => {
        const content = Object.entries(record)
          .map(([key, value]) => paxRecord(key, value))
          .join('');
        expect(Object.fromEntries(parsePax(content))).toEqual({ ...record });
      }),
    );
  });

  it('throws only TarProblem', () => {
    fc.assert(
      fc.property(fc.string(), (content) => {
        try {
          parsePax(content);
        } catch (error) {
          expect(error).toBeInstanceOf(TarProblem);
        }
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { archivedStreams } from '../../../src/domain/adopt/archive.ts';
import { StreamFiles } from '../../../src/domain/stream-files.ts';
import { StreamProblem, StreamReader, type StreamSnapshot } from '../../../src/domain/stream-records.ts';
import {
  begin,
  end,
  file,
  folder,
  free,
  object,
  record,
  table,
  text,
  write,
} from '../../support/stream-bytes.ts';

interface Read {
  readonly files: StreamFiles;
  readonly snapshots: readonly StreamSnapshot[];
}

function read(bytes: Uint8Array, pieces: number = bytes.byteLength || 1): Read {
  const files = new StreamFiles();
  let top: string | undefined;
  const reader = new StreamReader((dataset) => ((top ??= dataset) === dataset ? files : undefined));
  for (let at = 0; at < bytes.byteLength; at += pieces) reader.push(bytes.subarray(at, at + pieces));
  return { files, snapshots: reader.end() };
}

const [web, root] = ['tank/bastille/jails/web', 'tank/bastille/jails/web/root'];
const conf = 'web { path = "/x"; }\n';

/** A jail's dataset with two files, and a snapshot that changes both. */
const first = Buffer.concat([
  begin(`${web}@a`, { guid: 11n }),
  object(1n, 21),
  write(1n, table({ VERSION: 5n, ROOT: 4n })),
  object(4n, 20),
  write(4n, table({ 'jail.conf': file | 7n, fstab: file | 8n, conf: folder | 9n, out: (10n << 60n) | 7n })),
  object(7n),
  write(7n, text(conf)),
  object(8n),
  write(8n, text('one')),
  write(8n, text('two'), 512n),
  object(9n, 20),
  write(9n, table({ 'pot.conf': file | 8n })),
  end,
]);
const second = Buffer.concat([
  begin(`${web}@b`, { guid: 12n, from: 11n }),
  object(7n, 19, 1024),
  write(7n, text(`${conf}# more\n`)),
  free(8n, 512n, 2n ** 64n - 1n),
  record(2, { 8: 9n, 16: 1n }),
  write(4n, table({ 'jail.conf': file | 7n, fstab: file | 8n })),
  end,
]);
const ofRoot = Buffer.concat([
  begin(`${root}@b`, { guid: 21n }),
  // Packed blocks, a block like another one, and attributes that did not fit: nobody looks into them here.
  record(3, { 8: 5n, 32: 4096n, 48: 0x20000n, 96: 16n }, {}, Buffer.alloc(16)),
  record(6, { 8: 5n }),
  record(7, { 8: 5n, 16: 20n }, {}, Buffer.alloc(24)),
  record(8, { 8: 5n }, { 52: 9 }, Buffer.alloc(16)),
  end,
]);
const packed = (...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([
    begin(`${web}@b`, { kind: 2n, payload: Buffer.alloc(100, 'mountpoint') }),
    end,
    ...parts,
    end,
  ]);
const whole = packed(first, second, ofRoot);

describe('a stream of zfs send', () => {
  it('is taken apart, in pieces of any size, and its texts are as the last snapshot has them', () => {
    for (const pieces of [whole.byteLength, 1, 7, 312, 1000]) {
      const { files, snapshots } = read(whole, pieces);
      expect(snapshots.map(({ dataset, snapshot }) => `${dataset}@${snapshot}`)).toEqual([
        `${web}@a`,
        `${web}@b`,
        `${root}@b`,
      ]);
      const cut = snapshots.map(({ at, bytes }) => whole.subarray(at, at + bytes));
      expect(cut).toEqual([first, second, ofRoot]);
      expect(files.read('jail.conf')).toBe(`${conf}# more\n`);
      expect(files.read('fstab')).toBe('one');
      expect(files.read('none')).toBeUndefined();
      expect(files.list('')).toEqual(['jail.conf', 'fstab']);
      expect(files.list('conf')).toEqual([]);
    }
    const alone = read(first);
    expect(alone.snapshots).toHaveLength(1);
    expect(alone.files.list('conf')).toEqual(['pot.conf']);
    expect(() => alone.files.read('out')).toThrow('no plain file');
    expect(() => alone.files.read('conf')).toThrow('no plain file');
    // What stands between two blocks that were written is no text.
    expect(() => alone.files.read('fstab')).toThrow('is no text');
  });

  it('that is damaged, cut off or of another kind is refused in words', () => {
    const refused = (bytes: Uint8Array, why: string): void => {
      expect(() => read(bytes)).toThrow(StreamProblem);
      expect(() => read(bytes)).toThrow(why);
    };
    for (const cut of [0, 100, 312, 700, whole.byteLength - 312, whole.byteLength - 1])
      refused(whole.subarray(0, cut), 'it ends early');
    refused(Buffer.concat([whole, end]), 'goes on behind its end');
    refused(Buffer.alloc(400), 'no stream of zfs send');
    refused(packed(begin(`${web}@b`, { kind: 2n })), 'no stream of zfs send');
    refused(begin(`${web}@a`, { objset: 3 }), 'no file system');
    refused(begin(`${web}@a`, { payload: Buffer.alloc(8) }), 'encrypted, or not whole');
    refused(begin(web), 'of no snapshot');
    refused(Buffer.concat([begin(`${web}@a`), record(99, {})]), 'damaged');
    refused(Buffer.concat([begin(`${web}@a`), record(9, {})]), 'encrypted');
    refused(Buffer.concat([begin(`${web}@a`), record(3, { 8: 7n, 32: 2n ** 60n })]), 'damaged');
  });

  it('whatever else it holds ends in words too, and in no other way', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at % bytes.byteLength] = byte;
        try {
          const { files } = read(bytes);
          files.read('jail.conf');
          files.list('conf');
        } catch (error) {
          expect(error).toBeInstanceOf(StreamProblem);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('whose blocks cannot be read says so when a text is asked for', () => {
    const embedded = Buffer.concat([
      begin(`${web}@a`),
      record(8, { 8: 5n }, { 52: 9 }, Buffer.alloc(16)),
      end,
    ]);
    expect(() => read(embedded).files.read('jail.conf')).toThrow('packed blocks');
    const compressed = Buffer.concat([
      begin(`${web}@a`),
      record(3, { 8: 5n, 32: 4096n, 48: 0x20000n, 96: 16n }, {}, Buffer.alloc(16)),
      end,
    ]);
    expect(() => read(compressed).files.read('jail.conf')).toThrow('packed blocks');
    const large = Buffer.concat([begin(`${web}@a`), object(1n, 21), write(1n, Buffer.alloc(512)), end]);
    expect(() => read(large).files.read('jail.conf')).toThrow('too large');
    const much = write(9n, Buffer.alloc(2 ** 23));
    expect(() =>
      read(Buffer.concat([begin(`${web}@a`), object(9n), much, much, much, much, much, end])).files.read('x'),
    ).toThrow('too much');
  });
});

describe('a jail in such a stream', () => {
  const jail = (bytes: Uint8Array) => {
    const { snapshots, files } = read(bytes);
    return archivedStreams('/web.xz', snapshots, files);
  };

  it('is known by its configuration; other datasets of it are told', () => {
    const other = Buffer.concat([begin(`${web}/data@b`, { guid: 31n }), end]);
    const found = jail(packed(first, second, ofRoot, other));
    expect(found).toMatchObject({ tool: 'bastille', left: [{ what: `${web}/data` }] });
    expect('snapshots' in found.root && found.root.snapshots.map(({ snapshot }) => snapshot)).toEqual(['b']);
    expect(found.read('none')).toBe('');
  });

  it('is refused where it is not whole', () => {
    const elsewhere = Buffer.concat([begin('tank/other@b', { guid: 31n }), end]);
    const clone = Buffer.concat([begin(`${root}@b`, { guid: 21n, from: 5n }), end]);
    const odd = Buffer.concat([begin(`${root}@-F`, { guid: 21n }), end]);
    for (const [bytes, why] of [
      [packed(first, second, ofRoot, elsewhere), 'several jails'],
      [packed(first, second), 'is not in it'],
      [packed(first, ofRoot), 'not of the same moment'],
      [packed(second, ofRoot), 'is a clone of something'],
      [packed(first, second, clone), 'is a clone of something'],
      [packed(first, first, ofRoot), 'do not build on each other'],
      [packed(first, second, odd), 'begins with'],
      [
        packed(
          begin(`${web}@b`),
          object(1n, 21),
          write(1n, table({ ROOT: 4n })),
          object(4n, 20),
          write(4n, table({})),
          end,
        ),
        'neither',
      ],
    ] as const)
      expect(() => jail(bytes), why).toThrow(why);
  });
});

/** The list of a zip archive, and the head of a stream of ZFS: what is there is read, what is damaged is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStreamHead } from '../../../src/domain/stream-head.ts';
import { findList, parseList, ZipProblem } from '../../../src/domain/zip.ts';
import { zipBytes, type ZipFile } from '../../support/zip-bytes.ts';

function list(bytes: Buffer) {
  const tail = bytes.subarray(Math.max(0, bytes.length - 66_000));
  const place = findList(tail, bytes.length);
  return parseList(bytes.subarray(place.at, place.at + place.bytes));
}

const files: readonly ZipFile[] = [
  { name: 'tank/iocage/images/web_2026-06-20', bytes: Buffer.from('one') },
  { name: 'tank/iocage/images/web_2026-06-20_root', bytes: Buffer.alloc(100_000, 7), method: 0 },
];
const expected = files.map(({ name, bytes }) => ({ name, sizeBytes: bytes.length }));

describe('zip', () => {
  it('names and sizes, also in the long form, and with a comment behind', () => {
    expect(list(zipBytes(files))).toEqual(expected);
    expect(list(zipBytes(files, { zip64: true }))).toEqual(expected);
    expect(list(zipBytes(files, { comment: 'by hand' }))).toEqual(expected);
    expect(list(zipBytes([]))).toEqual([]);
  });

  it.each<[string, () => Buffer, RegExp]>([
    ['no archive', () => Buffer.from('x'.repeat(100)), /no zip archive/],
    ['half of one', () => zipBytes(files).subarray(0, 90_000), /no zip archive/],
    ['encrypted', () => zipBytes([{ ...files[0]!, flags: 1 }]), /encrypted/],
    ['packed in another way', () => zipBytes([{ ...files[0]!, method: 99 }]), /unknown way/],
    ['twice the same', () => zipBytes([files[0]!, files[0]!]), /twice/],
  ])('%s', (_, bytes, why) => expect(() => list(bytes())).toThrow(why));

  it('damaged anywhere, it is refused or read, and nothing else', () => {
    const whole = zipBytes(files.slice(0, 1), { zip64: true });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        if (at < length) bytes[at] = byte;
        try {
          list(bytes);
        } catch (error) {
          if (!(error instanceof RangeError)) expect(error).toBeInstanceOf(ZipProblem);
        }
      }),
    );
  });
});

describe('head of a stream', () => {
  function head({
    type = 0,
    version = 1n,
    from = 0n,
    name = 'tank/iocage/jails/web@a',
    big = false,
  } = {}): Uint8Array {
    const bytes = Buffer.alloc(312);
    const view = new DataView(bytes.buffer, bytes.byteOffset, 312);
    view.setUint32(0, type, !big);
    view.setBigUint64(8, 0x2f5bacbacn, !big);
    view.setBigUint64(16, version, !big);
    view.setBigUint64(48, from, !big);
    bytes.write(name, 56, 'latin1');
    return bytes;
  }

  it.each([
    ['full', head(), { snapshot: 'tank/iocage/jails/web@a', full: true }],
    ['of the other byte order', head({ big: true }), { snapshot: 'tank/iocage/jails/web@a', full: true }],
    ['that builds on another', head({ from: 5n }), { snapshot: 'tank/iocage/jails/web@a', full: false }],
    ['with features', head({ version: 0x0040_0005n }), { snapshot: 'tank/iocage/jails/web@a', full: true }],
    ['a package of several', head({ version: 2n }), undefined],
    ['another record', head({ type: 1 }), undefined],
    ['too short', head().subarray(0, 311), undefined],
    ['nothing of it', Buffer.alloc(312), undefined],
  ])('%s', (_, bytes, read) => expect(parseStreamHead(bytes)).toEqual(read));
});

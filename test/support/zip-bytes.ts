/** A zip archive byte by byte, as zipfile(3) of Python writes it, so that a test can also damage it. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: 0 | 8 | 99;
  readonly flags?: number;
}

/** `zip64`: the list's place and every size in the long form, as for archives over 4 GiB. */
export function zipBytes(
  files: readonly ZipFile[],
  options: { zip64?: boolean; comment?: string } = {},
): Buffer {
  const bodies: Buffer[] = [];
  const list: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, method = 8, flags = 0 } of files) {
    const packed = method === 8 ? deflateRawSync(bytes) : Buffer.from(bytes);
    const facts = Buffer.alloc(16);
    facts.writeUInt16LE(flags, 0);
    facts.writeUInt16LE(method, 2);
    facts.writeUInt32LE(0x5a210000, 4);
    facts.writeUInt32LE(crc32(bytes), 8);
    facts.writeUInt32LE(packed.length, 12);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length);
    const long = Buffer.alloc(options.zip64 ? 12 : 0);
    if (options.zip64) {
      long.writeUInt16LE(1, 0);
      long.writeUInt16LE(8, 2);
      long.writeBigUInt64LE(BigInt(bytes.length), 4);
    }
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(Buffer.byteLength(name), 0);
    const local = Buffer.concat([
      Buffer.from('504b03041400', 'hex'),
      facts,
      size,
      lengths,
      Buffer.from(name),
      packed,
    ]);
    const entryLengths = Buffer.from(lengths);
    entryLengths.writeUInt16LE(long.length, 2);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    list.push(
      Buffer.concat([
        Buffer.from('504b010214031400', 'hex'),
        facts,
        options.zip64 ? Buffer.from('ffffffff', 'hex') : size,
        entryLengths,
        rest,
        Buffer.from(name),
        long,
      ]),
    );
    bodies.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(list);
  const end = Buffer.alloc(22);
  end.write('504b0506', 'hex');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(options.zip64 ? 0xffffffff : at, 16);
  end.writeUInt16LE((options.comment ?? '').length, 20);
  const long = Buffer.alloc(options.zip64 ? 76 : 0);
  if (options.zip64) {
    long.write('504b0606', 'hex');
    long.writeBigUInt64LE(44n, 4);
    long.writeUInt16LE(45, 12);
    long.writeUInt16LE(45, 14);
    long.writeBigUInt64LE(BigInt(files.length), 24);
    long.writeBigUInt64LE(BigInt(files.length), 32);
    long.writeBigUInt64LE(BigInt(directory.length), 40);
    long.writeBigUInt64LE(BigInt(at), 48);
    long.write('504b0607', 56, 'hex');
    long.writeBigUInt64LE(BigInt(at + directory.length), 64);
    long.writeUInt32LE(1, 72);
  }
  return Buffer.concat([...bodies, directory, long, end, Buffer.from(options.comment ?? '')]);
}

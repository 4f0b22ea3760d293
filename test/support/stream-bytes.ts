/** Streams of zfs-send(8) byte by byte, so that tests can make what no zfs would send. */

const recordBytes = 312;

/** A record with words (4 bytes) and longs (8 bytes) at their places, and what follows it. */
export function record(
  type: number,
  longs: Readonly<Record<number, bigint>>,
  words: Readonly<Record<number, number>> = {},
  payload: Uint8Array = new Uint8Array(),
): Buffer {
  const bytes = Buffer.alloc(recordBytes);
  bytes.writeUInt32LE(type, 0);
  for (const [at, value] of Object.entries(longs)) bytes.writeBigUInt64LE(value, Number(at));
  for (const [at, value] of Object.entries(words)) bytes.writeUInt32LE(value, Number(at));
  return Buffer.concat([bytes, payload]);
}

export const end = record(5, {});

/** @param kind 1 a stream of one snapshot, 2 a package */
export function begin(
  name: string,
  { kind = 1n, guid = 1n, from = 0n, objset = 2, payload = new Uint8Array() } = {},
): Buffer {
  const bytes = record(
    0,
    { 8: 0x2f5bacbacn, 16: kind, 40: guid, 48: from },
    { 4: payload.byteLength, 32: objset },
    payload,
  );
  bytes.write(name, 56, 'latin1');
  return bytes;
}

export const object = (id: bigint, type = 19, blockBytes = 512): Buffer =>
  record(1, { 8: id }, { 16: type, 24: blockBytes, 28: 12 }, Buffer.alloc(16));

export const write = (id: bigint, bytes: Uint8Array, offset = 0n): Buffer =>
  record(3, { 8: id, 24: offset, 32: BigInt(bytes.byteLength) }, {}, bytes);

export const free = (id: bigint, offset: bigint, length: bigint): Buffer =>
  record(4, { 8: id, 16: offset, 24: length });

export const [folder, file] = [4n << 60n, 8n << 60n];

/** A small table of names, as a directory is. */
export function table(entries: Readonly<Record<string, bigint>>): Buffer {
  const bytes = Buffer.alloc(64 * (1 + Object.keys(entries).length));
  bytes.writeBigUInt64LE(0x8000000000000003n, 0);
  for (const [at, [name, value]] of Object.entries(entries).entries()) {
    bytes.writeBigUInt64LE(value, 64 * (at + 1));
    bytes.write(name, 64 * (at + 1) + 14, 'utf8');
  }
  return bytes;
}

export const text = (words: string): Buffer =>
  Buffer.concat([Buffer.from(words), Buffer.alloc(512 - (words.length % 512))]);

/** Tar archives made byte by byte, so that tests can make the ones that no tar(1) would. */

export interface Entry {
  readonly name: string;
  /** Type flag; default a plain file. */
  readonly type?: string;
  readonly link?: string;
  readonly content?: string;
  /** Overrides what the header says. */
  readonly size?: number;
  readonly prefix?: string;
}

export function tarHeader(entry: Entry): Buffer {
  const block = Buffer.alloc(512);
  const put = (text: string, at: number, length: number): void => {
    block.write(text.slice(0, length), at, 'latin1');
  };
  const octal = (value: number, at: number, length: number): void =>
    put(value.toString(8).padStart(length - 1, '0'), at, length - 1);
  put(entry.name, 0, 100);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  const size = entry.size ?? Buffer.byteLength(entry.content ?? '', 'latin1');
  if (size >= 8 ** 11) {
    block[124] = 0x80;
    block.writeUInt32BE(Math.floor(size / 2 ** 32), 128);
    block.writeUInt32BE(size % 2 ** 32, 132);
  } else octal(size, 124, 12);
  octal(0, 136, 12);
  put(entry.type ?? '0', 156, 1);
  put(entry.link ?? '', 157, 100);
  block.write('ustar\0' + '00', 257, 'latin1');
  put(entry.prefix ?? '', 345, 155);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(sum.toString(8).padStart(6, '0') + '\0 ', 148, 'latin1');
  return block;
}

/** Header and content, filled up to whole blocks. */
export function tarEntry(entry: Entry): Buffer {
  const content = Buffer.from(entry.content ?? '', 'latin1');
  return Buffer.concat([tarHeader(entry), content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export const tarEnd = Buffer.alloc(1024);

export function tarOf(...entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.map(tarEntry), tarEnd]);
}

/** A pax record, whose length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return `${length}${rest}`;
}

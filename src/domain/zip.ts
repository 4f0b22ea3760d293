/**
 * The list of a zip archive, read from its end: names, sizes, how each is packed. Only the list; unzip(1) unpacks. Pure.
 * Source: APPNOTE.TXT of PKWARE, 4.3 (with zip64).
 */

/** A file that is no archive, or one that nobody here unpacks, with the reason. */
export class ZipProblem extends Error {
  override readonly name = 'ZipProblem';
}

export interface ZipMember {
  readonly name: string;
  readonly sizeBytes: number;
}

/** The end of the file that the list is found from: a comment of at most 64 KiB may follow it. */
export const tailBytes = 66_000;
const maxListBytes = 4 * 1024 * 1024;

/** Where the list is, from the last bytes of the file. @throws ZipProblem */
export function findList(
  tail: Uint8Array,
  fileBytes: number,
): { readonly at: number; readonly bytes: number } {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let at = tail.byteLength - 22; at >= 0; at -= 1) {
    if (
      view.getUint32(at, true) !== 0x06054b50 ||
      at + 22 + view.getUint16(at + 20, true) !== tail.byteLength
    )
      continue;
    const found = place(view, at) ?? place64(view, at, fileBytes - tail.byteLength);
    if (found.bytes > maxListBytes) throw new ZipProblem('its list of members is too long');
    if (found.at + found.bytes > fileBytes) throw new ZipProblem('its list of members lies behind its end');
    return found;
  }
  throw new ZipProblem('it is no zip archive, or only the beginning of one');
}

function place(view: DataView, at: number): { at: number; bytes: number } | undefined {
  const [bytes, begin] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
  return begin === 0xffffffff || bytes === 0xffffffff ? undefined : { at: begin, bytes };
}

function place64(view: DataView, at: number, offset: number): { at: number; bytes: number } {
  const locator = at - 20;
  if (locator < 0 || view.getUint32(locator, true) !== 0x07064b50)
    throw new ZipProblem('its zip64 record is missing');
  const record = Number(view.getBigUint64(locator + 8, true)) - offset;
  if (record < 0 || record + 56 > locator || view.getUint32(record, true) !== 0x06064b50)
    throw new ZipProblem('its zip64 record is damaged');
  return {
    bytes: Number(view.getBigUint64(record + 40, true)),
    at: Number(view.getBigUint64(record + 48, true)),
  };
}

/** @throws ZipProblem for what is encrypted, packed in an unknown way, or named twice */
export function parseList(list: Uint8Array): readonly ZipMember[] {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const members: ZipMember[] = [];
  const seen = new Set<string>();
  for (let at = 0; at < list.byteLength;) {
    if (at + 46 > list.byteLength || view.getUint32(at, true) !== 0x02014b50)
      throw new ZipProblem('its list of members is damaged');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((where) =>
      view.getUint16(at + where, true),
    ) as [number, number, number];
    const end = at + 46 + nameBytes + extraBytes + commentBytes;
    if (end > list.byteLength) throw new ZipProblem('its list of members is damaged');
    const name = new TextDecoder().decode(list.subarray(at + 46, at + 46 + nameBytes));
    const extra = new DataView(list.buffer, list.byteOffset + at + 46 + nameBytes, extraBytes);
    if ((view.getUint16(at + 8, true) & 1) !== 0) throw new ZipProblem('it is encrypted');
    if (![0, 8].includes(view.getUint16(at + 10, true)))
      throw new ZipProblem('it is packed in an unknown way');
    if (seen.has(name)) throw new ZipProblem('it names a member twice');
    seen.add(name);
    members.push({ name, sizeBytes: sizeOf(view.getUint32(at + 24, true), extra) });
    at = end;
  }
  return members;
}

function sizeOf(size: number, extra: DataView): number {
  if (size !== 0xffffffff) return size;
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true))
    if (extra.getUint16(at, true) === 1 && at + 12 <= extra.byteLength)
      return Number(extra.getBigUint64(at + 4, true));
  throw new ZipProblem('the size of a member is missing');
}

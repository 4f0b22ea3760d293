/**
 * The first record of a stream of zfs-send(8): of which snapshot it is, and whether it stands alone. Pure.
 * Source: dmu_replay_record of OpenZFS, sys/zfs_ioctl.h.
 */
export interface StreamHead {
  /** `pool/dataset@snapshot` on the host that sent it. */
  readonly snapshot: string;
  /** Needs no snapshot that is there already. */
  readonly full: boolean;
}

/** Bytes that tell it. */
export const headBytes = 312;
const magic = 0x2f5bacbacn;

/** Whether anything of zfs-send(8) begins here, a package of several snapshots too. */
export function isStream(bytes: Uint8Array): boolean {
  if (bytes.byteLength < 16) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getBigUint64(8, true) === magic || view.getBigUint64(8, false) === magic;
}

/** What a stream of one snapshot or of several is of: the last part of the dataset's name. */
export function jailOf(head: Uint8Array): string {
  const [name = ''] = new TextDecoder('latin1').decode(head.subarray(56, headBytes)).split(/[\0@]/);
  return name.slice(name.lastIndexOf('/') + 1);
}

/** Undefined for what is no stream, or a package of several with their properties. */
export function parseStreamHead(bytes: Uint8Array): StreamHead | undefined {
  if (bytes.byteLength < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = view.getBigUint64(8, true) === magic;
  if (!little && view.getBigUint64(8, false) !== magic) return undefined;
  const [type, version] = [view.getUint32(0, little), view.getBigUint64(16, little)];
  // The low two bits: 1 a stream, 2 a package.
  if (type !== 0 || (version & 3n) !== 1n) return undefined;
  const name = bytes.subarray(56, 312);
  const end = name.indexOf(0);
  const snapshot = new TextDecoder('latin1').decode(name.subarray(0, end < 0 ? undefined : end));
  return { snapshot, full: view.getBigUint64(48, little) === 0n };
}

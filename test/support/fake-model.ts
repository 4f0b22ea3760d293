/** Properties of the fake filesystems: what is native, what is inherited, how values are read and printed. */
import type { Content } from './fake-content.ts';

export interface FakeSnapshot {
  readonly guid: string;
  readonly local: Map<string, string>;
  readonly txg: number;
  readonly createdAt: number;
  readonly content: Content;
}

export interface FakeFilesystem {
  local: Map<string, string>;
  readonly txg: number;
  readonly createdAt: number;
  content: Content;
  origin: string | undefined;
  mounted: boolean;
  /** A transfer into it broke off. */
  token?: string;
  readonly snapshots: Map<string, FakeSnapshot>;
}

/** What `zfs send` writes: one snapshot. */
export interface FakeStream {
  readonly snapshot: string;
  readonly guid: string;
  readonly from: string | undefined;
  readonly content: Content;
  /** It goes on with this. */
  readonly token?: string;
  /** The rest of it does not come. */
  readonly cut?: true;
}

/** Native properties that can be set, with their default; `size`: a number of bytes or `none`. */
export const settable: Readonly<
  Record<string, { readonly default: string; readonly inherited: boolean; readonly size?: true }>
> = {
  aclinherit: { default: 'restricted', inherited: true },
  atime: { default: 'on', inherited: true },
  canmount: { default: 'on', inherited: false },
  checksum: { default: 'on', inherited: true },
  compression: { default: 'off', inherited: true },
  copies: { default: '1', inherited: true },
  dedup: { default: 'off', inherited: true },
  devices: { default: 'on', inherited: true },
  exec: { default: 'on', inherited: true },
  jailed: { default: 'off', inherited: true },
  logbias: { default: 'latency', inherited: true },
  mountpoint: { default: '', inherited: true },
  primarycache: { default: 'all', inherited: true },
  quota: { default: 'none', inherited: false, size: true },
  readonly: { default: 'off', inherited: true },
  recordsize: { default: '128K', inherited: true },
  refquota: { default: 'none', inherited: false, size: true },
  refreservation: { default: 'none', inherited: false, size: true },
  reservation: { default: 'none', inherited: false, size: true },
  secondarycache: { default: 'all', inherited: true },
  setuid: { default: 'on', inherited: true },
  snapdir: { default: 'hidden', inherited: true },
  zoned: { default: 'off', inherited: true },
};

const units = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** `10m`, `1.5G`, `4096` to bytes; undefined when it is no size. */
export function toBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGTPE]?)(?:i?B)?$/i.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * 1024 ** units.indexOf(match[2]!.toUpperCase()));
}

/** As ZFS prints sizes for people: three or four signs. */
export function toHuman(bytes: number): string {
  let power = 0;
  while (bytes / 1024 ** power >= 1024 && power < units.length - 1) power += 1;
  const value = bytes / 1024 ** power;
  if (power === 0 || Number.isInteger(value)) return `${value}${units[power]}`;
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)}${units[power]}`;
}

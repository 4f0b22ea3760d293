/**
 * Amounts of bytes: text to number and back, and the short form that `zfs list` shows. Follows
 * zfs(8) (suffixes K M G T P E are powers of 1024) and zfs_nicenum() for the short form.
 */
import type { Codec } from './property.ts';
import { ValueProblem } from './property.ts';

const suffixes = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/**
 * Bytes of a size text: digits, perhaps a fraction, perhaps one of B K M G T P E in either case (a
 * following B is allowed, `10GB`). What is left over below one byte is dropped, as zfs(8) does.
 * Throws ValueProblem.
 *
 * @example parseSize('1.5G') === 1610612736
 */
export function parseSize(text: string): number {
  const match = /^(\d{1,20})(?:\.(\d{1,20}))?\s*(?:([KMGTPE])B?|B)?$/i.exec(text.trim());
  if (!match) throw new ValueProblem('a size is a number with B, K, M, G, T or P behind it, for example 10G');
  const [, whole = '', fraction = '', suffix = ''] = match;
  const power = suffixes.indexOf(suffix.toUpperCase() as (typeof suffixes)[number]);
  const bytes = (BigInt(whole + fraction) * (1n << BigInt(10 * power))) / 10n ** BigInt(fraction.length);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER))
    throw new ValueProblem('the size is too large; it must be below 8P');
  return Number(bytes);
}

/**
 * Exact text of an amount of bytes: the largest suffix that divides it.
 *
 * @example printSize(1610612736) === '1536M'
 */
export function printSize(bytes: number): string {
  let rest = bytes;
  let power = 0;
  while (rest !== 0 && rest % 1024 === 0 && power < 5) {
    rest /= 1024;
    power += 1;
  }
  return `${rest}${suffixes[power]}`;
}

/** `number / 2**shift` with `decimals` digits, halves to even as printf(3) rounds. */
function divided(number: bigint, shift: bigint, decimals: number): string {
  const scaled = number * 10n ** BigInt(decimals);
  let digits = scaled >> shift;
  const twiceRest = (scaled - (digits << shift)) << 1n;
  const unit = 1n << shift;
  if (twiceRest > unit || (twiceRest === unit && digits % 2n === 1n)) digits += 1n;
  if (decimals === 0) return digits.toString();
  const text = digits.toString().padStart(decimals + 1, '0');
  return `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}

/**
 * The short form of `zfs list`: exact when the unit divides it (`2G`), otherwise as many decimals as
 * fit into five characters (`1.53K`, `12.4M`, `124M`). Below 1024 as OpenZFS prints it, with `B`
 * (zfs-fuse prints the bare number).
 */
export function humanSize(bytes: number): string {
  let power = 0;
  for (let rest = Math.floor(bytes); rest >= 1024 && power < 6; rest = Math.floor(rest / 1024)) power += 1;
  if (power === 0) return `${Math.floor(bytes)}B`;
  const number = BigInt(Math.floor(bytes));
  const shift = BigInt(10 * power);
  const suffix = suffixes[power]!;
  if ((number & ((1n << shift) - 1n)) === 0n) return `${number >> shift}${suffix}`;
  for (const decimals of [2, 1]) {
    const text = divided(number, shift, decimals) + suffix;
    if (text.length <= 5) return text;
  }
  return divided(number, shift, 0) + suffix;
}

/** A size in bytes, or null for `none`. `0` means none too, as for zfs(8) quotas. */
export const sizeOrNone: Codec<number | null> = {
  kind: 'size',
  parse(text) {
    if (text.trim().toLowerCase() === 'none') return null;
    return parseSize(text) || null;
  },
  print: (bytes) => (bytes === null ? 'none' : printSize(bytes)),
};

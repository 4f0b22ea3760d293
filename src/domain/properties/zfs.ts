/** Rows of the group `zfs`: native properties of the jail's dataset. Facts: zfs(8), zfsprops(7). */
import { choice } from '../codec/choice.ts';
import { freeText } from '../codec/text.ts';
import type { Codec, Property } from '../property.ts';
import { sizeOrNone } from '../size.ts';
import { applied, property } from './row.ts';

const source = 'zfs(8)';

function native<T>(key: string, codec: Codec<T>, doc: string, example: string): Property {
  return property('zfs', {
    key,
    codec,
    default: null,
    store: 'native',
    freebsd: 'property of the dataset',
    linux: applied('property of the dataset'),
    // A default would be a value of the dataset that holds the defaults, and bind that one only.
    defaultable: false,
    live: true,
    doc,
    example,
    source,
  });
}

function readOnly(key: string, doc: string, example: string): Property {
  return {
    ...native(key, freeText, doc, example),
    access: 'tool',
    why: key === 'mountpoint' ? 'iocage keeps it' : 'ZFS computes it',
  };
}

const levels = Array.from({ length: 9 }, (_, index) => `gzip-${index + 1}`);
const zstdLevels = Array.from({ length: 19 }, (_, index) => `zstd-${index + 1}`);

export const zfs: readonly Property[] = [
  native(
    'compression',
    choice('on', 'off', 'lz4', 'zstd', 'gzip', 'lzjb', 'zle', ...levels, ...zstdLevels),
    "Compression of the jail's data; lz4 where ZFS has it, otherwise what ZFS takes for on. zstd needs OpenZFS 2.",
    'zstd',
  ),
  readOnly('origin', 'Snapshot that the dataset was cloned from.', 'tank/iocage/releases/bookworm/root@web'),
  native('quota', sizeOrNone, 'Most space that the jail may use, or none.', '20G'),
  readOnly('mountpoint', "Where the jail's dataset is mounted.", '/iocage/jails/web'),
  readOnly('compressratio', 'Compression that was reached.', '1.53x'),
  readOnly('available', 'Space that the jail may still use.', '18.2G'),
  readOnly('used', 'Space that the jail uses.', '1.8G'),
  native(
    'dedup',
    choice(
      'on',
      'off',
      'verify',
      'sha256',
      'sha256,verify',
      'sha512',
      'sha512,verify',
      'skein',
      'skein,verify',
    ),
    'Deduplication of what the jail writes; needs much memory.',
    'off',
  ),
  native(
    'recordsize',
    choice(
      '512',
      '1K',
      '2K',
      '4K',
      '8K',
      '16K',
      '32K',
      '64K',
      '128K',
      '256K',
      '512K',
      '1M',
      '2M',
      '4M',
      '8M',
      '16M',
    ),
    'Largest block of the files that the jail writes from now on. More than 128K needs OpenZFS.',
    '16K',
  ),
  native('reservation', sizeOrNone, 'Space set aside for the jail, or none.', '5G'),
];

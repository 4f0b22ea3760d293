/**
 * Every file below a directory with what find(1) of GNU would print of it, on any system: path, kind,
 * mode, owners, links, size, time of change, target of a link.
 */
import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

export interface FileOf {
  /** Below the directory; empty for itself. */
  readonly path: string;
  readonly kind: 'd' | 'f' | 'l' | 'other';
  /** Octal, without leading zeros. */
  readonly mode: string;
  /** `uid:gid` */
  readonly owner: string;
  readonly links: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly target: string;
}

const kindOf = (stats: BigIntStats): FileOf['kind'] =>
  stats.isDirectory() ? 'd' : stats.isFile() ? 'f' : stats.isSymbolicLink() ? 'l' : 'other';

/** Links are not followed. */
export function filesOf(directory: string): readonly FileOf[] {
  const paths = ['', ...readdirSync(directory, { recursive: true }).map(String)];
  return paths.map((path) => {
    const place = join(directory, path);
    const stats = lstatSync(place, { bigint: true });
    const kind = kindOf(stats);
    return {
      path,
      kind,
      mode: (stats.mode & 0o7777n).toString(8),
      owner: `${stats.uid}:${stats.gid}`,
      links: stats.nlink,
      size: stats.size,
      mtimeNs: stats.mtimeNs,
      target: kind === 'l' ? readlinkSync(place) : '',
    };
  });
}

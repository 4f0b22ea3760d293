/**
 * Whether something is there, as the pretended host sees it: real directories, and on top of them the
 * mounts that exist only in the machine's file.
 */
import { statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import type { Machine, Mount } from './machine.ts';

export const clean = (path: string): string => {
  const plain = normalize(path);
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
};

export const isBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);

/** The mount that shows a path: the newest of those nearest to it. */
export function mountOf(machine: Machine, path: string): Mount | undefined {
  return machine.mounts
    .filter((mount) => isBelow(path, mount.on))
    .reduce<Mount | undefined>(
      (best, mount) => (best === undefined || mount.on.length >= best.on.length ? mount : best),
      undefined,
    );
}

const devices = new Set(['fd', 'null', 'zero', 'random', 'urandom', 'pts', 'shm', 'zfs']);

/** What is at a path; links are followed, as by the tools that ask. */
export function lookAt(machine: Machine, path: string, depth = 0): 'directory' | 'file' | undefined {
  const mount = mountOf(machine, path);
  if (mount !== undefined && mount.on !== path) {
    const inside = path.slice(mount.on.length + 1);
    if (mount.type === 'nullfs' && depth < 10) return lookAt(machine, join(mount.from, inside), depth + 1);
    if (mount.type === 'devfs') return devices.has(inside) ? 'directory' : undefined;
    if (mount.type === 'procfs' || mount.type === 'linprocfs') return undefined;
  }
  try {
    return statSync(path).isDirectory() ? 'directory' : 'file';
  } catch {
    return mount?.on === path ? 'directory' : undefined;
  }
}

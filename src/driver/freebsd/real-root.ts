/**
 * A jail's paths without links on the way to them: jail(8) and mount(8) resolve what they are given, and tell
 * of the resolved path only. Older hosts have /home as a link, and a pool may be mounted below it.
 */
import { join } from 'node:path';
import type { Exec, Files } from '../system.ts';
import type { JailSpec } from '../host.ts';

async function hasLink(files: Files, path: string): Promise<boolean> {
  const parts = path.split('/').filter((part) => part !== '');
  const above = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
  const found = await Promise.all(above.map((each) => files.stat(each).catch(() => undefined)));
  return found.some((facts) => facts?.type === 'symlink');
}

/** The path itself where no link is on the way, or where it cannot be resolved. */
export async function realPath(exec: Exec, files: Files, path: string): Promise<string> {
  if (!(await hasLink(files, path))) return path;
  const { status, stdout } = await exec.read(['realpath', path], { accept: 'any' });
  const found = stdout.replace(/\n$/, '');
  return status === 0 && found.startsWith('/') ? found : path;
}

/** A root that is a link itself stays one, for the check to refuse. */
export async function withRealRoot(exec: Exec, files: Files, jail: JailSpec): Promise<JailSpec> {
  const mountpoint = await realPath(exec, files, jail.mountpoint);
  return mountpoint === jail.mountpoint ? jail : { ...jail, mountpoint, root: join(mountpoint, 'root') };
}

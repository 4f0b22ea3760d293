/**
 * Takes a mount below a jail's root away. umount(8) looks for the name among what is mounted; what it does not find there,
 * or finds twice, it asks the kernel for by that path, and follows links: a jail's root user who put one in the way
 * would choose which file system of the host is unmounted. So no name goes to it that could lead anywhere.
 */
import type { StepRun } from '../step.ts';
import type { Exec } from '../system.ts';
import { parseMountTable, type Mounted } from './mounts.ts';

export async function mountTable(exec: Pick<Exec, 'read'>): Promise<readonly Mounted[]> {
  return parseMountTable((await exec.read(['mount', '-p'])).stdout);
}

/** @param ours mounted by the host, so that root of the jail could not take it away and leave a link in its place */
export async function unmountAt(
  root: string,
  at: string,
  table: readonly Mounted[],
  run: StepRun,
  ours = false,
): Promise<void> {
  const found = await run.files.statBelow(root, at.slice(root.length)).catch(() => undefined);
  const plain = found !== undefined && found.type !== 'symlink';
  const once = ours && table.filter((mounted) => mounted.at === at).length === 1;
  if (plain || once) await run.exec.change(['umount', '-f', at]);
  else run.note(`${at} stays mounted: the way to it leads over a link now`);
}

/** A rename that replaces nothing. rename(2) does, and node has no way to renameat2(2); so link(2), which does not. */
import * as fs from 'node:fs/promises';
import { codeOf } from './below.ts';

/** What link(2) says where a file has one name only: exFAT, some of FUSE and SMB. */
const oneNameOnly = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** @param link that of a file system without links, for tests */
export async function renameNew(from: string, to: string, link: typeof fs.link = fs.link): Promise<void> {
  if ((await fs.lstat(from)).isDirectory()) return renameDirectory(from, to);
  try {
    await link(from, to);
  } catch (error) {
    if (oneNameOnly.includes(codeOf(error) ?? '')) return renameOver(from, to);
    // Killed right here, an earlier try left it with both names.
    if (codeOf(error) !== 'EEXIST' || !(await isSame(from, to))) throw error;
  }
  await fs.unlink(from);
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => fs.lstat(path, { bigint: true })));
  return a!.ino === b!.ino && a!.dev === b!.dev;
}

/** Takes the name first with an empty file, which is then replaced. */
async function renameOver(from: string, to: string): Promise<void> {
  await (await fs.open(to, 'wx', 0o600)).close();
  try {
    await fs.rename(from, to);
  } catch (error) {
    await fs.rm(to, { force: true });
    throw error;
  }
}

/** What appears after the look is not replaced either, unless it is an empty directory. */
async function renameDirectory(from: string, to: string): Promise<void> {
  const there = await fs.lstat(to).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  if (there !== undefined) throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST' });
  await fs.rename(from, to);
}

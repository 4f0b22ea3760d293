/**
 * Files of the host that say what root of a jail does: only root may be able to change them, and every directory
 * that leads to them. Who could write there would be root in the jail.
 */
import { basename, dirname } from 'node:path';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { jailProblem } from '../jail/reach.ts';
import { pathProblem } from '../jail/trusted-config.ts';

export const refuse = (path: string, why: string): Error => failure('UNSAFE_PATH', { path, why });

/** @param whole the file, or the directory that counts with all that is in it */
async function assertOnlyRoots(context: Context, root: string, name: string, whole: string): Promise<void> {
  const inJail = await jailProblem(context, whole);
  if (inJail !== undefined) throw failure('UNSAFE_PATH', inJail);
  const problem = await pathProblem(context, root, name);
  if (problem !== undefined)
    throw refuse(
      `${root}/${name}`,
      `only root may be able to change it, and ${problem.path} is not so: ${problem.why}`,
    );
}

/** @throws UNSAFE_PATH */
export async function readTrusted(context: Context, path: string, mostBytes: number): Promise<string> {
  const facts = await context.files.stat(path);
  if (facts?.type !== 'file')
    throw refuse(path, facts === undefined ? 'it does not exist' : 'it is no plain file');
  await assertOnlyRoots(context, dirname(path), basename(path), path);
  if (facts.sizeBytes > mostBytes) throw refuse(path, `it is longer than ${mostBytes} bytes`);
  const text = await context.files.read(path);
  if (text === undefined || text.trim() === '') throw refuse(path, 'it is empty');
  if (text.includes('\0')) throw refuse(path, 'it is no text');
  return text;
}

/**
 * A directory with everything in it.
 *
 * @param members one of these must be there
 * @returns the one that is
 * @throws UNSAFE_PATH
 */
export async function assertTrustedTree(
  context: Context,
  path: string,
  members: readonly string[],
): Promise<string> {
  const { files, exec } = context;
  const facts = await files.stat(path);
  if (facts?.type !== 'directory')
    throw refuse(path, facts === undefined ? 'it does not exist' : 'it is no directory, or a link');
  let member: string | undefined;
  for (const each of members)
    if (member === undefined && (await files.statBelow(path, each))?.type === 'file') member = each;
  if (member === undefined) throw refuse(path, `there is no file ${members.join(' or ')} in it`);
  await assertOnlyRoots(context, path, member, path);
  const open = '( ! -uid 0 -o -perm -0020 -o -perm -0002 ) ! -type l'.split(' ');
  const { stdout } = await exec.read(['find', path, '-xdev', ...open, '-print', '-quit']);
  const [found] = stdout.split('\n');
  if (found !== undefined && found !== '')
    throw refuse(path, `only root may be able to change it, and ${JSON.stringify(found)} is not so`);
  return member;
}

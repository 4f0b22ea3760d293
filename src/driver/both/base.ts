/** Whether a basejail's release fits its root. Looks, and changes nothing. */
import { join } from 'node:path';
import type { Files } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { baseEntries } from '../../domain/basejail.ts';

/** Why the base cannot be shown; above all after `set release=` chose a release of another layout. */
export async function baseProblems(files: Files, jail: JailSpec): Promise<readonly Problem[]> {
  if (jail.base === undefined || (await files.stat(jail.root))?.type !== 'directory') return [];
  const { release, root } = jail.base;
  if (root === undefined || (await files.stat(root))?.type !== 'directory')
    return [{ key: 'release', problem: `${release} is not fetched, or not mounted` }];
  const problems: Problem[] = [];
  const usr = await files.statBelow(jail.root, 'usr');
  if (usr !== undefined && usr.type !== 'directory')
    return [{ key: 'root', problem: `${join(jail.root, 'usr')} must be a directory, not a link or a file` }];
  for (const { path, type } of await baseEntries(files, root)) {
    const here = (await files.statBelow(jail.root, path))?.type;
    // A missing place is made; a link in the place of a folder, or the reverse, is another layout.
    if (here === undefined || here === type) continue;
    problems.push({
      key: 'release',
      problem: `/${path} is a ${type} in ${release} and a ${here} in the jail`,
    });
  }
  return problems;
}

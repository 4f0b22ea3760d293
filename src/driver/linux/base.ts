/**
 * What a basejail shows of its release: the release's system folders, bound read-only over the empty
 * places in the jail's root. Not recursive, and private: nothing that is mounted in the release, before
 * or after, gets into the jail. The sources lie outside the jail's root: the runtime looks for them when
 * it has mounted what comes before, and would find the release's files in the place of the jail's own.
 */
import { join } from 'node:path';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import type { Problem } from './check.ts';
import type { OciMount } from './mounts.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';

/** None for a jail that is no basejail. */
export async function baseMounts(files: Files, jail: JailSpec): Promise<readonly OciMount[]> {
  const release = jail.base?.root;
  if (release === undefined) return [];
  return baseFolders(await baseEntries(files, release)).map((path) => ({
    destination: `/${path}`,
    type: 'bind',
    source: join(release, path),
    // With its set-user-ID programs: su and sudo of the jail are among them.
    options: ['bind', 'private', 'ro', 'nodev'],
  }));
}

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

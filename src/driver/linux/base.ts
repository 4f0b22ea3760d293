/**
 * What a basejail shows of its release: the release's system folders, bound read-only over the empty
 * places in the jail's root, and the jail's own usr/local bound over the release's. Not recursive, and
 * private: nothing that is mounted in the release before or after gets into the jail.
 */
import { join } from 'node:path';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import type { Problem } from './check.ts';
import type { OciMount } from './mounts.ts';
import { baseFolders, isBaseName, privateInBase, type Entry } from '../../domain/basejail.ts';

async function entriesOf(files: Files, root: string): Promise<readonly Entry[]> {
  const names = (await files.list(root)).filter(isBaseName);
  return Promise.all(
    names.map(async (name) => ({ name, type: (await files.statBelow(root, name))?.type ?? 'other' })),
  );
}

const isDirectory = async (files: Files, root: string, path: string): Promise<boolean> => {
  const facts = await files.statBelow(root, path).catch(() => undefined);
  return facts?.type === 'directory';
};

/** None for a jail that is no basejail. Outer folders come before what lies in them. */
export async function baseMounts(files: Files, jail: JailSpec): Promise<readonly OciMount[]> {
  const release = jail.base?.root;
  if (release === undefined) return [];
  const folders = baseFolders(await entriesOf(files, release));
  const shared = folders.map((name): OciMount => ({
    destination: `/${name}`,
    type: 'bind',
    source: join(release, name),
    // With its set-user-ID programs: su and sudo of the jail are among them.
    options: ['bind', 'private', 'ro', 'nodev'],
  }));
  const own =
    folders.includes('usr') &&
    (await isDirectory(files, release, privateInBase)) &&
    (await isDirectory(files, jail.root, privateInBase));
  if (!own) return shared;
  const source = join(jail.root, privateInBase);
  return [
    ...shared,
    { destination: `/${privateInBase}`, type: 'bind', source, options: ['bind', 'private', 'rw', 'nodev'] },
  ];
}

/** Why the base cannot be shown; above all after `set release=` chose a release of another layout. */
export async function baseProblems(files: Files, jail: JailSpec): Promise<readonly Problem[]> {
  if (jail.base === undefined || (await files.stat(jail.root))?.type !== 'directory') return [];
  const { release, root } = jail.base;
  if (root === undefined || (await files.stat(root))?.type !== 'directory')
    return [{ key: 'release', problem: `${release} is not fetched, or not mounted` }];
  const problems: Problem[] = [];
  for (const { name, type } of await entriesOf(files, root)) {
    const here = (await files.statBelow(jail.root, name))?.type;
    // A missing place is made; a link in the place of a folder, or the reverse, is another layout.
    if (here === undefined || here === type) continue;
    problems.push({
      key: 'release',
      problem: `/${name} is a ${type} in ${release} and a ${here} in the jail`,
    });
  }
  const local = await files.statBelow(jail.root, privateInBase).catch(() => ({ type: 'link' }));
  if (local !== undefined && local.type !== 'directory')
    problems.push({ key: 'root', problem: `${join(jail.root, privateInBase)} must be a directory` });
  return problems;
}

/**
 * What a basejail shows of its release: the release's system folders, bound read-only over the empty
 * places in the jail's root. Not recursive, and private: nothing that is mounted in the release, before
 * or after, gets into the jail. The sources lie outside the jail's root: the runtime looks for them when
 * it has mounted what comes before, and would find the release's files in the place of the jail's own.
 */
import { join } from 'node:path';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
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

/**
 * `ioc fetch -r NAME -b`: a release that somebody filled by hand, such as by `make installworld`, is made ready
 * for jails and written down as one of ours. After the files have changed it is called again. Jails that are made
 * from now on have the new files; a basejail shows them from its next start. Jails that are clones keep theirs.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { assertReleaseName } from '../../domain/name.ts';
import { releaseRoot } from '../mounted.ts';
import { namespace, realmNow, readWorld } from '../world.ts';
import { setProperties } from '../steps/dataset.ts';
import { completeRelease } from '../steps/release.ts';
import { getRelease, releaseLock } from './destroy.ts';

const adoptInput = z.object({ release: z.string().min(1) });

export interface Adopted {
  readonly release: string;
  /** False for one that was written down already. */
  readonly adopted: boolean;
}

export const releaseAdopt = defineChange<typeof adoptInput, Adopted>({
  id: 'release.adopt',
  title: 'Make a release that was filled by hand ready for jails',
  effect: 'change',
  recover: 'undo',
  input: adoptInput,
  async locks(context, { release }) {
    assertReleaseName(release);
    return [releaseLock(await realmNow(context), release)];
  },
  async plan(context, { release: name }) {
    const world = await readWorld(context);
    const release = getRelease(world, name);
    const root = await releaseRoot(context, release);
    if ((await context.files.stat(join(root, 'etc')))?.type !== 'directory')
      throw failure('UNSAFE_PATH', {
        path: root,
        why: 'it holds no root file system: there is no directory etc',
      });
    const known = release.local.get('release_kind');
    const own = {
      ...(known === undefined ? { release_kind: 'folder', release_source: root } : {}),
      fetched_at: context.clock.now().toISOString(),
    };
    const keys = Object.keys(own);
    return {
      subject: name,
      title: `Making release ${name} ready for jails`,
      steps: [
        setProperties({
          dataset: release.dataset,
          properties: Object.fromEntries(Object.entries(own).map(([key, value]) => [namespace + key, value])),
          previous: Object.fromEntries(keys.map((key) => [namespace + key, release.local.get(key) ?? null])),
        }),
        completeRelease({ root }),
      ],
      result: () => ({ release: name, adopted: known === undefined }),
    };
  },
  command: {
    names: ['fetch'],
    group: 'releases',
    usage: 'release=NAME',
    examples: [],
    toInputs: ({ properties }) => [{ release: new Map(properties).get('release') ?? '' }],
  },
});

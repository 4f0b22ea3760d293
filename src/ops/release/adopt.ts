/**
 * `ioc fetch -r NAME -b`: a release that somebody filled by hand, such as by `make installworld`, is made ready
 * for jails and written down as one of ours. After the files have changed it is called again. Jails that are made
 * from now on have the new files; a basejail shows them from its next start. Jails that are clones keep theirs.
 * Each state is kept as a snapshot, `root@p0`, `root@p1`, …: libiocage makes its jails of the newest one.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { assertReleaseName } from '../../domain/name.ts';
import { releaseRoot } from '../mounted.ts';
import { setValues } from '../jail/values.ts';
import { note } from '../snapshot/rows.ts';
import { realmNow } from '../world/pool.ts';
import { readWorld } from '../world/read.ts';
import { completeRelease, writeDefaults } from '../steps/release.ts';
import { stateOf, stateProperty, takeState } from '../steps/release-state.ts';
import { getRelease, releaseLock } from './destroy.ts';

const adoptInput = z.object({ release: z.string().min(1) });

export interface Adopted {
  readonly release: string;
  /** False for one that was written down already. */
  readonly adopted: boolean;
  /** The snapshot that was taken, `pN`; null when the files are those of the newest one. */
  readonly patch: string | null;
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
    const dataset = `${world.root}/releases/${name}/root`;
    const release = getRelease(world, name, { dataset });
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
    const newest = await newestPatch(context, `${release.dataset}/root`);
    const same = known !== undefined && newest?.state === (await stateOf(root, context));
    if (same) {
      return {
        subject: name,
        title: `Release ${name} is as it was`,
        steps: [],
        result: () => ({ release: name, adopted: false, patch: null }),
      };
    }
    const copies = `${world.root}/base/${name}`;
    if ((await context.storage.filesystems(copies, 0, [])) !== undefined)
      note(context, `${copies} keeps the files that it has: only ZFS basejails of libiocage show those`);
    const patch = `p${(newest?.level ?? -1) + 1}`;
    const userland = (await context.files.statBelow(root, 'bin/freebsd-version'))?.type === 'file';
    return {
      subject: name,
      title: `Making release ${name} ready for jails`,
      steps: [
        setValues(release, own),
        completeRelease({ root }),
        // Once: what the release's owner says later stays.
        ...(known === undefined && userland ? [writeDefaults({ root })] : []),
        takeState({ root, snapshot: `${release.dataset}/root@${patch}` }),
      ],
      result: () => ({ release: name, adopted: known === undefined, patch }),
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

/** The snapshot `pN` with the greatest N, and what its files were when we took it. */
async function newestPatch(
  { storage }: Context,
  dataset: string,
): Promise<{ readonly level: number; readonly state: string | undefined } | undefined> {
  const rows = await storage.snapshots(dataset, 0, [stateProperty]);
  const patches = rows.flatMap(({ snapshot, values }) => {
    const level = /^p(0|[1-9]\d{0,5})$/.exec(snapshot)?.[1];
    return level === undefined ? [] : [{ level: Number(level), state: values.get(stateProperty) }];
  });
  return patches.toSorted((a, b) => b.level - a.level)[0];
}

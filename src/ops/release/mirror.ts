/**
 * `mirror`: fetches packages once for a release, so that jails of it without a network can install them. They are
 * fetched by the release's own package manager, in a container of a throw-away clone of its files: the release
 * itself, and the basejails that show it, stay as they are. Source: libiocage, "Pkg (offline package mirror)".
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import { printFstab } from '../../domain/format/fstab.ts';
import { assertReleaseName } from '../../domain/name.ts';
import { mirrorPlace, parsePackageList, type PackageManager } from '../../domain/packages.ts';
import { guardName } from '../jail/guarded-change.ts';
import { getPackageManager, mirrorSteps } from '../jail/packages.ts';
import { cloneDataset, createDataset, dropDataset, dropSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { rewriteFstab } from '../steps/fstab.ts';
import { ensureJail, guardSnapshot, toJailData } from '../steps/guard.ts';
import { readWorld } from '../world/read.ts';
import { realmNow } from '../world/pool.ts';
import { getRelease, releaseLock } from './destroy.ts';
import { findMirror, mirrorMark, mirrorOf } from './mirrored.ts';
import { releaseSpec } from './update.ts';

const mirrorInput = z.object({
  release: z.string().min(1),
  names: z.array(z.string()).min(1, 'no package is named'),
});

/** What a mirror holds now. */
export interface Mirrored {
  readonly release: string;
  readonly dataset: string;
  readonly manager: PackageManager['name'];
  readonly packages: readonly string[];
  /** Files of packages, those that were there before among them. */
  readonly archives: readonly string[];
}

export const releaseMirror = defineChange<typeof mirrorInput, Mirrored>({
  id: 'release.mirror',
  title: 'Fetch packages for jails without a network',
  effect: 'change',
  recover: 'undo',
  input: mirrorInput,
  async locks(context, { release }) {
    assertReleaseName(release);
    return [releaseLock(await realmNow(context), release)];
  },
  async plan(context, { release: name, names: given }) {
    const list = parsePackageList(given.join('\n'));
    if ('problem' in list)
      throw failure('INVALID_INPUT', { issues: [{ path: 'packages', problem: list.problem }] });
    const { names } = list;
    const world = await readWorld(context);
    const release = getRelease(world, name);
    const own = releaseSpec(world, release);
    const manager = await getPackageManager(context, own.root, `release ${name}`);
    const { mirror } = manager;
    if (mirror === undefined)
      throw failure('UNSUPPORTED', {
        what: `a package mirror for release ${name}`,
        why: `iocage knows how with apt-get and pkg only, and the release has ${manager.name}`,
      });
    const dataset = mirrorOf(release);
    const there = await findMirror(context, release);
    const source = there ?? join(release.mountpoint!, 'pkg');
    const snapshot = guardName(context, 'mirror');
    const from = `${release.dataset}/root@${snapshot}`;
    const spec = throwAway(own);
    const jail = toJailData(spec);
    return {
      subject: name,
      title: `Fetching ${names.join(', ')} for release ${name}`,
      steps: [
        ...(there === undefined
          ? [createDataset({ dataset, properties: { [mirrorMark]: manager.name } })]
          : []),
        guardSnapshot({ dataset, snapshot, jail }),
        takeSnapshot({ name: from, recursive: false, properties: {} }),
        createDataset({ dataset: spec.dataset, properties: {} }),
        cloneDataset({ snapshot: from, dataset: `${spec.dataset}/root`, properties: {} }),
        rewriteFstab({ path: join(spec.mountpoint, 'fstab'), before: null, after: writable(source, spec) }),
        ensureJail({ jail, back: 'down' }),
        ensureJail({ jail, wanted: 'up' }),
        ...mirrorSteps(context.host, spec, manager, mirror, names),
        ensureJail({ jail, wanted: 'down' }),
        dropDataset({ dataset: `${spec.dataset}/root` }),
        dropDataset({ dataset: spec.dataset }),
        dropSnapshot({ name: from }),
        dropSnapshot({ name: `${dataset}@${snapshot}` }),
      ],
      result: async () => {
        const { folder, ending } = mirror.archives;
        const archives = (await filesBelow(context, source, folder))
          .filter((file) => file.endsWith(ending))
          .sort();
        return { release: name, dataset, manager: manager.name, packages: names, archives };
      },
    };
  },
  command: {
    names: ['mirror'],
    group: 'releases',
    usage: 'RELEASE PACKAGE ...',
    about:
      'They are fetched with what they need by apt-get(8) or pkg(8) of the release, in a container of a clone of it that uses the network of the host; the release stays as it is. ' +
      'Jails of the release that have no network install them by `iocage pkg --mirror`. The mirror goes with the release.',
    examples: [
      { line: 'iocage mirror bookworm nginx curl', says: 'nginx and curl, with what they depend on' },
      { line: 'iocage pkg --mirror web install nginx', says: 'installs one of them in a jail' },
    ],
    toInputs({ positionals: [release, ...names], properties }) {
      if (release === undefined) throw failure('USAGE', { problem: 'missing RELEASE', command: 'mirror' });
      // A package with a version is a word with an equals sign.
      const all = [...names, ...properties.map((pair) => pair.join('='))];
      if (all.length === 0) throw failure('USAGE', { problem: 'missing PACKAGE', command: 'mirror' });
      return [{ release, names: all }];
    },
  },
});

/** Names of the files in a folder of the mirror and in the folders in it, no link followed. */
async function filesBelow(context: Context, mirror: string, folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of await context.files.list(join(mirror, folder)).catch(() => [])) {
    const path = join(folder, name);
    const facts = await context.files.statBelow(mirror, path).catch(() => undefined);
    if (facts?.type === 'file') names.push(name);
    if (facts?.type === 'directory') names.push(...(await filesBelow(context, mirror, path)));
  }
  return names;
}

/** The container of a clone, beside the release's own root. */
function throwAway(own: JailSpec): JailSpec {
  const mountpoint = join(own.mountpoint, 'mirroring');
  return { ...own, dataset: `${own.dataset}/mirroring`, mountpoint, root: join(mountpoint, 'root') };
}

function writable(source: string, { root }: JailSpec): string {
  const target = root + mirrorPlace;
  const options = ['rw', 'nosuid'];
  return printFstab([{ entry: { source, target, type: 'nullfs', options, dump: '0', pass: '0' } }]);
}

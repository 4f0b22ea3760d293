/**
 * `fetch`: makes POOL/iocage/releases/RELEASE from a Debian or Ubuntu suite, from an archive of a
 * root file system, or from FreeBSD's distribution sets. What differs between the three is in
 * `fetch-suite.ts`, `fetch-archive.ts` and `fetch-sets.ts`; here is what they share: the name, the
 * datasets, their properties in the call that makes them, and a release that is there already.
 */
import { dirname, join } from 'node:path';
import { defineChange, type Plan } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { assertReleaseName } from '../../domain/name.ts';
import { isFreebsdRelease, isHardenedBsdRelease } from '../../domain/release.ts';
import { namespace } from '../../domain/property.ts';
import { realmNow } from '../world/pool.ts';
import { readWorld } from '../world/read.ts';
import type { Release, World } from '../world/world.ts';
import { createDataset, destroyDataset } from '../steps/dataset.ts';
import { releaseLock, releasePaths, usersOf } from './destroy.ts';
import { planArchive } from './fetch-archive.ts';
import { customLocks, planCustom } from './fetch-custom.ts';
import { planPkgbase } from './fetch-pkgbase.ts';
import { planSets } from './fetch-sets.ts';
import { planSuite } from './fetch-suite.ts';
import { findUpdater, getUpdater, hasBinaryUpdates } from '../jail/base-system.ts';
import type { Filling, Place } from './filling.ts';
import { planReleaseUpdate, updateLocks, type Updated } from './update.ts';
import { pluginFetch } from '../plugin/fetch.ts';
import { fetchFlags, fetchInput, toFetchInput, type FetchInput } from './fetch-words.ts';

interface Fetched {
  readonly release: string;
  readonly dataset: string;
  readonly kind: string;
  /** False when the release was there and nothing was done. */
  readonly fetched: boolean;
  readonly message: string;
  /** Of a release that was there, when it was updated. */
  readonly updated?: Updated;
}

export const releaseFetch = defineChange<typeof fetchInput, Fetched>({
  id: 'release.fetch',
  title: 'Fetch a release that jails can be made from',
  effect: 'change',
  recover: 'undo',
  input: fetchInput,
  async locks(context, input) {
    const name = await chooseName(context, input);
    const realm = await realmNow(context);
    const locks = input.update === false ? [] : updateLocks(await readWorld(context), name);
    return [...new Set([releaseLock(realm, name), ...locks, ...(await customLocks(context, input))])];
  },
  async plan(context, input) {
    const name = await chooseName(context, input);
    const world = await readWorld(context);
    const dataset = `${world.root}/releases/${name}`;
    const present = world.releases.find((release) => release.name === name);
    const stale = present && (await isIncomplete(context, world, present));
    if (present && !stale) return planPresent(context, world, present, input);
    const paths = releasePaths(world, name);
    const place: Place = {
      world,
      name,
      dataset,
      root: paths.root,
      download: { dataset: `${world.root}/download/${name}`, mountpoint: paths.download },
    };
    const filling = await planFilling(context, input, place);
    return {
      subject: name,
      title: `Fetching release ${name}`,
      steps: [
        ...missingParents(world),
        ...(stale ? [destroyDataset({ dataset, recursive: true })] : []),
        ...filling.before,
        createDataset({ dataset, properties: releaseProperties(context, input, filling) }),
        ...(filling.makesRoot ? [] : [createDataset({ dataset: `${dataset}/root`, properties: {} })]),
        ...filling.fill,
        ...patches(context, input, place, filling),
      ],
      result: () => ({
        release: name,
        dataset,
        kind: filling.kind,
        fetched: true,
        message: `Release ${name} is fetched.`,
      }),
    };
  },
  command: {
    names: ['fetch'],
    group: 'releases',
    usage:
      '[release=NAME] [file=PATH | url=URL [sha256=DIGEST] | folder=DIRECTORY | jail=JAIL] [mirror=URL] [PROPERTY=VALUE ...]',
    flags: fetchFlags,
    about:
      'A name such as bookworm or noble is installed from the mirror that this machine uses, verified by the keyring of the archive. ' +
      'A name such as 14.1-RELEASE is fetched from the FreeBSD server, every set verified against the MANIFEST. ' +
      'With file= or url= an archive of a root file system becomes the release; its members are checked before anything is unpacked. ' +
      'What comes by plain http needs its SHA-256. Without a name, the release of this machine. ' +
      'A release that is there already is updated by its own package manager, in a container; jails that exist keep what they have.',
    examples: [
      { line: 'iocage fetch', says: 'the release that this machine runs' },
      { line: 'iocage fetch release=bookworm', says: 'Debian 12 from the configured mirror' },
      {
        line: 'iocage fetch release=web suite=bookworm include=nginx,cron',
        says: 'with more packages, under a name of its own',
      },
      { line: 'iocage fetch release=alpine file=/root/alpine.tar.gz', says: 'from a local archive' },
      { line: 'iocage fetch release=own folder=/srv/rootfs', says: 'from a folder of this machine' },
      { line: 'iocage fetch release=web-1 jail=web', says: 'from a jail that is stopped' },
      {
        line: 'iocage fetch release=14.1-RELEASE ftpfiles="base.txz lib32.txz"',
        says: 'FreeBSD distribution sets',
      },
      {
        line: 'iocage fetch -P nextcloud ip4_addr=192.0.2.10/24',
        says: 'a jail with a plugin whose definition is here',
      },
    ],
    instead: ({ flags }) => (flags['plugin'] === undefined ? undefined : pluginFetch),
    toInputs: (words) => [toFetchInput(words)],
  },
});

/** The release's name: given, or the suite's, or this machine's. */
async function chooseName(context: Context, input: FetchInput): Promise<string> {
  const name =
    input.release ?? input.suite ?? (isArchive(input) ? undefined : await context.host.defaultRelease());
  if (name === undefined) {
    throw failure('USAGE', { problem: 'which release? add release=NAME', command: 'fetch' });
  }
  assertReleaseName(name);
  return name;
}

function isArchive(input: FetchInput): boolean {
  return [input.file, input.url, input.folder, input.jail].some((way) => way !== undefined);
}

function planFilling(context: Context, input: FetchInput, place: Place): Promise<Filling> {
  if (input.folder !== undefined || input.jail !== undefined) return planCustom(context, input, place);
  if (isArchive(input)) return planArchive(context, input, place);
  if (input.pkgbase) return planPkgbase(context, input, place);
  const sets = isFreebsdRelease(place.name) || isHardenedBsdRelease(place.name);
  if (sets && input.suite === undefined) return planSets(context, input, place);
  return planSuite(context, input, place);
}

/** Sets are as they were on the day of the release; what was corrected since comes at once, where the host can. */
function patches(
  context: Context,
  { update }: FetchInput,
  { name, root }: Place,
  { kind }: Filling,
): readonly Step[] {
  const { patchStep } = context.host;
  if (patchStep === undefined || kind !== 'freebsd' || update === false || !hasBinaryUpdates(name)) return [];
  return [
    patchStep({
      of: `release ${name}`,
      root,
      work: join(dirname(root), 'updates'),
      by: 'freebsd-update',
      userland: name,
    }),
  ];
}

/** What is there is updated, where it can be and nobody says otherwise. */
async function planPresent(
  context: Context,
  world: World,
  release: Release,
  { update }: FetchInput,
): Promise<Plan<Fetched>> {
  const there = alreadyThere(release);
  if (update === false) return there;
  const { root } = releasePaths(world, release.name);
  const kind = release.local.get('release_kind');
  const updater =
    update === true
      ? await getUpdater(context, root, kind, `release ${release.name}`)
      : await findUpdater(context, root, kind);
  if (updater === undefined) return there;
  const { result, ...plan } = await planReleaseUpdate(context, world, release, updater);
  return {
    ...plan,
    result: async () => {
      const updated = await result();
      const message = `Release ${release.name} was fetched already; ${whatChanged(updated)}.`;
      return { ...(await there.result()), updated, message };
    },
  };
}

function whatChanged({ changes, manager }: Updated): string {
  if (changes === null) return 'it is updated';
  if (changes.length === 0) return 'it is up to date';
  if (manager === 'freebsd-update' || manager === 'hbsd-update') return `it is ${changes[0]!.to} now`;
  return changes.length === 1 ? '1 package is updated' : `${changes.length} packages are updated`;
}

function alreadyThere(release: Release): Plan<Fetched> {
  return {
    subject: release.name,
    title: `Release ${release.name} is already fetched`,
    steps: [],
    result: () => ({
      release: release.name,
      dataset: release.dataset,
      kind: release.local.get('release_kind') ?? 'unknown',
      fetched: false,
      message: `Release ${release.name} is already fetched.`,
    }),
  };
}

/**
 * True for a release that we began and that has no files; it is made anew. What somebody else left
 * there is not touched.
 */
async function isIncomplete(context: Context, world: World, release: Release): Promise<boolean> {
  const rows = (await context.storage.filesystems(release.dataset, 1, ['mounted', 'mountpoint'])) ?? [];
  const root = rows.find((row) => row.name === `${release.dataset}/root`);
  if (root) {
    if (root.values.get('mounted') !== 'yes') throw failure('NOT_MOUNTED', { dataset: root.name });
    if ((await context.files.list(root.values.get('mountpoint') ?? '')).length > 0) return false;
  }
  if (release.local.get('release_kind') === undefined)
    throw failure('DATASET_EXISTS', { dataset: release.dataset });
  const users = await usersOf(context, world, release);
  if (users.length > 0) throw failure('RELEASE_IN_USE', { release: release.name, by: users });
  return true;
}

function missingParents(world: World): readonly Step[] {
  return ['download', 'releases']
    .map((name) => `${world.root}/${name}`)
    .filter((dataset) => world.missing.includes(dataset))
    .map((dataset) => createDataset({ dataset, properties: {} }));
}

function releaseProperties(context: Context, input: FetchInput, filling: Filling): Record<string, string> {
  return {
    [`${namespace}release_kind`]: filling.kind,
    [`${namespace}release_source`]: filling.source,
    ...(filling.sha256 === undefined ? {} : { [`${namespace}release_sha256`]: filling.sha256 }),
    [`${namespace}fetched_at`]: context.clock.now().toISOString(),
    // Half the space and less to read; `on` is what this ZFS does best (lz4, on old ones lzjb).
    compression: input.compression ?? 'on',
  };
}

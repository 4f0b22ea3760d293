/**
 * How a jail comes to another release, as steps for the frame (`guarded-change.ts`). A jail with files of its
 * own, and the private part of a basejail, is changed in place: only what the release changed is written,
 * and what people keep there is not even read. A clone gets a fresh root, cloned from the new release, with
 * what the jail has other than its old one; the old root stays beside it as `root.old`.
 */
import { join } from 'node:path';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';
import { assertReleaseName } from '../../domain/name.ts';
import type { Context } from '../context.ts';
import { toSpec } from '../world/spec.ts';
import { type Release, type World } from '../world/world.ts';
import { cloneDataset, renameDataset, takeSnapshot } from '../steps/dataset.ts';
import { ensureJail, toJailData } from '../steps/guard.ts';
import { applyMerge, compareTrees, type MergeArgs } from '../steps/merge.ts';
import { leavePlace } from '../steps/move.ts';
import { dropView } from '../steps/package.ts';
import { assertClonesDown, assertRoom, mountedWith } from '../unmounting.ts';
import { assertRootMounted, releaseRoot } from '../mounted.ts';
import { getRelease } from '../release/destroy.ts';
import { datasetOf, isInside } from './loss.ts';
import { assertOurs } from './select.ts';
import { setValues } from './values.ts';
import { keptRoot } from './way-back.ts';

export type Verb = 'upgrade' | 'rebase';

export interface Rebase {
  readonly spec: JailSpec;
  /** As it is with the new release. */
  readonly changed: JailSpec;
  readonly from: string;
  readonly to: string;
  /** True: it gets a fresh root. */
  readonly fresh: boolean;
  /** Listing and comparing only; the report lands at `report`. */
  look(report: string): readonly Step[];
  /** All of it, while the jail is down. `snapshot`: of the jail, taken before. */
  apply(snapshot: string): readonly Step[];
  /** Where `apply` leaves its report. */
  readonly report: string;
}

const present: Readonly<Record<Verb, string>> = { upgrade: 'upgrading', rebase: 'rebasing' };

/** @throws whatever keeps the jail from getting this release; nothing is changed. */
export async function planRebase(
  context: Context,
  world: World,
  jail: Jail,
  verb: Verb,
  wanted: string | undefined,
): Promise<Rebase> {
  const { spec, from, to, release, root, base, origin } = await wayTo(context, world, jail, verb, wanted);
  const seen = origin === undefined ? undefined : await releaseSnapshot(context, world, origin);
  const before = seen?.release ?? getRelease(world, from);
  const beforeRoot = await releaseRoot(context, before);
  const view = `${world.root}/download/upgrade-${jail.uuid}`;
  const folders = async (of: string): Promise<readonly string[]> =>
    baseFolders(await baseEntries(context.files, of));
  const compared: Omit<MergeArgs, 'report'> = {
    tag: jail.tag,
    old: seen === undefined ? beforeRoot : join(world.mountpoint, 'download', `upgrade-${jail.uuid}`),
    oldNow: beforeRoot,
    mine: spec.root,
    new: root,
    release: to,
    samePackages: before.name === to,
    ...(base ? { base: { old: await folders(beforeRoot), new: await folders(root) } } : {}),
  };
  const report = join(spec.mountpoint, 'upgrade.json');
  // What the jail was cloned from may have been patched since: it is shown as it was.
  const show =
    seen === undefined
      ? []
      : [cloneDataset({ snapshot: seen.snapshot, dataset: view, properties: { readonly: 'on' } })];
  const hide = seen === undefined ? [] : [dropView({ dataset: view })];
  await assertRoom(context, world);
  if (origin !== undefined) await assertClonesDown(context, world, `${jail.dataset}/root`);
  const fresh = origin === undefined ? undefined : await freshRoot(context, jail, spec, release);
  // Not in the jail's dataset, which may be full.
  const list = join(context.paths.run, `upgrade-${jail.realm}-${jail.uuid}.list`);
  const changed: JailSpec = {
    ...spec,
    config: new Map([...spec.config, ['release', to]]),
    ...(base ? { base: { release: to, root } } : {}),
  };
  return {
    spec,
    changed,
    from,
    to,
    fresh: fresh !== undefined,
    report,
    look: (path) => [...show, compareTrees({ ...compared, report: path }), ...hide],
    apply: (snapshot) => [
      ...show,
      ...(fresh?.make ?? []),
      applyMerge({
        ...compared,
        report,
        list,
        target: fresh?.root ?? spec.root,
        onto: fresh === undefined ? 'mine' : 'new',
      }),
      ...hide,
      ...(fresh?.swap ?? []),
      // On the way back the jail is down before anything of this is undone.
      ensureJail({ jail: toJailData(changed), back: 'down' }),
      setValues(jail, { release: to, upgraded_from: from, upgrade_snapshot: snapshot }),
    ],
  };
}

/** From which release to which one, and what is known of both. @throws whatever keeps the jail from it */
async function wayTo(context: Context, world: World, jail: Jail, verb: Verb, wanted: string | undefined) {
  assertOurs(jail);
  const spec = toSpec(world, jail);
  const refuse = (why: string): never => {
    throw failure('UNSUPPORTED', { what: `${present[verb]} ${label(jail)}`, why });
  };
  const from = jail.local.get('release') ?? refuse('it was made from no release');
  if (jail.template) refuse(`it is a template; 'iocage set template=no' makes a jail of it`);
  const to = wanted ?? (verb === 'rebase' ? from : undefined);
  if (to === undefined) throw failure('RELEASE_NEEDED', { fetched: world.releases.map(({ name }) => name) });
  assertReleaseName(to);
  const release = getRelease(world, to);
  const root = await releaseRoot(context, release);
  await assertRootMounted(context, jail.dataset);
  const base = jail.local.get('type') === 'basejail';
  const origin = base ? undefined : await originOf(context, `${jail.dataset}/root`);
  if (from === to && (verb === 'upgrade' || base)) {
    refuse(
      base
        ? `it shows ${to} as it is`
        : `it is ${to} already; 'iocage rebase' takes over what was patched there`,
    );
  }
  if (verb === 'rebase' && !base && origin === undefined)
    refuse(`it has a full copy of its release; 'iocage upgrade' brings it to another one`);
  return { spec, from, to, release, root, base, origin };
}

async function originOf({ storage }: Context, dataset: string): Promise<string | undefined> {
  const origin = (await storage.filesystems(dataset, 0, ['origin']))?.[0]?.values.get('origin');
  return origin === '-' ? undefined : origin;
}

/** The snapshot of a release that a clone comes from, perhaps through other jails or a template. */
async function releaseSnapshot(
  context: Context,
  world: World,
  origin: string,
): Promise<{ snapshot: string; release: Release } | undefined> {
  for (let snapshot: string | undefined = origin; snapshot !== undefined;) {
    const dataset = datasetOf(snapshot);
    const release = world.releases.find((each) => isInside(dataset, [each.dataset]));
    if (release !== undefined) return { snapshot, release };
    snapshot = await originOf(context, dataset);
  }
  return undefined;
}

/** Of ZFS's own, what may be set on a jail's root itself and goes along to a fresh one. */
const carried = [
  ...['atime', 'checksum', 'compression', 'copies', 'dedup', 'logbias', 'primarycache', 'recordsize'],
  ...['quota', 'refquota', 'secondarycache', 'sync', 'xattr', 'acltype'],
];

async function freshRoot(
  context: Context,
  jail: Jail,
  spec: JailSpec,
  release: Release,
): Promise<{ root: string; make: readonly Step[]; swap: readonly Step[] }> {
  const { storage, clock } = context;
  const dataset = `${jail.dataset}/root`;
  const local = (await storage.local(dataset)) ?? new Map<string, string>();
  if (local.has('mountpoint'))
    throw failure('UNSUPPORTED', {
      what: `a fresh root for ${label(jail)}`,
      why: `${dataset} has a mount point of its own`,
    });
  const inside = ((await storage.filesystems(dataset, 1, [])) ?? []).find(({ name }) => name !== dataset);
  if (inside !== undefined)
    throw failure('UNSUPPORTED', {
      what: `a fresh root for ${label(jail)}`,
      why: `${inside.name} hangs on the old one`,
    });
  const taken = new Set(
    (await storage.snapshots(`${release.dataset}/root`, 0, [])).map(({ snapshot }) => snapshot),
  );
  const name = taken.has(jail.uuid) ? `${jail.uuid}-${clock.now().getTime()}` : jail.uuid;
  const snapshot = `${release.dataset}/root@${name}`;
  const [made, kept] = [`${dataset}.new`, keptRoot(jail)];
  const properties = Object.fromEntries([...local].filter(([key]) => carried.includes(key)));
  const place = `${spec.root}.new`;
  return {
    root: place,
    make: [
      takeSnapshot({ name: snapshot, recursive: false, properties: {} }),
      leavePlace({ path: place, when: 'undone' }),
      cloneDataset({ snapshot, dataset: made, properties }),
    ],
    swap: [
      leavePlace({ path: `${spec.root}.old`, when: 'undone' }),
      renameDataset({ from: dataset, to: kept, mounted: await mountedWith(context, dataset) }),
      renameDataset({ from: made, to: dataset, mounted: [made] }),
      leavePlace({ path: place, when: 'done' }),
    ],
  };
}

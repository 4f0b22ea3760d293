/**
 * `update`: the newest packages that the jail's own sources have, as a guarded change. On Linux the base
 * system is packages too, so one way does both; a FreeBSD base system gets its patches. A basejail shows its release's files: there the release is
 * updated, for all that show it.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Plan, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { findJail, holderOf, label, type Jail } from '../../domain/jail.ts';
import { asIocageError } from '../../domain/errors.ts';
import { isFreebsdRelease } from '../../domain/release.ts';
import type { PackageChange, PackageManager } from '../../domain/packages.ts';
import { getRelease } from '../release/destroy.ts';
import { planReleaseUpdate, updateLocks, type Updated } from '../release/update.ts';
import { findSource } from '../source/find.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { Release, World } from '../world/world.ts';
import { noteHandedElsewhere } from '../snapshot/rows.ts';
import { assertRootMounted, releaseRoot } from '../mounted.ts';
import { baseChanges, getUpdater, isBase, type Updater } from './base-system.ts';
import { guardedChange, guardName, specToStart } from './guarded-change.ts';
import { getPackageManager, quietSpec, upgradeSteps, watched, withoutServices } from './packages.ts';
import { jailLock, manyJails } from './select.ts';

/** A line for a shell in the jail. */
const healthLine = z
  .string()
  .min(1, 'is empty')
  .max(4096)
  .refine((text) => !text.includes('\0'), 'holds a NUL byte');

const updateInput = z.object({
  /** A jail, or a release. */
  name: z.string().min(1, 'a jail or a release is named'),
  health: healthLine.optional(),
  /** With a base system that is no packages: those too. Elsewhere all is packages. */
  packages: z.boolean().default(false),
});

/** A name of a jail wins over that of a release, and both over the beginning of a UUID. */
function find(world: World, name: string): { jail: Jail } | { release: Release } {
  const release = world.releases.find((each) => each.name === name);
  const jail = holderOf(world.jails, name);
  if (jail === undefined && release !== undefined) return { release };
  try {
    return { jail: findJail(world.jails, name) };
  } catch (thrown) {
    // Nobody calls a jail so.
    if (asIocageError(thrown).code !== 'JAIL_NOT_FOUND' || !isFreebsdRelease(name)) throw thrown;
    return { release: getRelease(world, name) };
  }
}

const baseOf = ({ local }: Jail): string | undefined =>
  local.get('type') === 'basejail' ? local.get('release') : undefined;

export const jailUpdate = defineChange<typeof updateInput, Updated>({
  id: 'jail.update',
  title: 'Update packages, and go back when that fails',
  effect: 'change',
  recover: 'undo',
  input: updateInput,
  async locks(context, { name }) {
    const world = await readWorld(context);
    const found = find(world, name);
    if ('release' in found) return updateLocks(world, found.release.name);
    const base = baseOf(found.jail);
    return base === undefined
      ? [jailLock(found.jail)]
      : [...new Set([jailLock(found.jail), ...updateLocks(world, base)])];
  },
  async plan(context, { name, health, packages }) {
    const world = await readWorld(context);
    const found = find(world, name);
    const base = 'jail' in found ? baseOf(found.jail) : found.release.name;
    if (base === undefined)
      return planJailUpdate(context, world, (found as { jail: Jail }).jail, { health, packages });
    const release = getRelease(world, base);
    const updater = await updaterOf(context, release);
    const healthIn = 'jail' in found ? found.jail : undefined;
    return planReleaseUpdate(context, world, release, updater, { health, healthIn });
  },
  command: {
    names: ['update'],
    group: 'jails',
    usage: 'JAIL|RELEASE ... | ALL',
    flags: [
      {
        key: 'health',
        flags: '--health <command>',
        doc: 'a line for a shell in the jail, run after the change; when it fails everything goes back',
      },
      // COMPAT: the original's.
      { key: 'dryRun', flags: '-n', doc: 'same as --dry-run' },
      // COMPAT: the Python line's words. Here the base system is packages, verified by their signatures.
      {
        key: 'packages',
        flags: '-P, --pkgs',
        doc: 'the packages too, where the base system is none; elsewhere they are what is updated',
      },
      { key: 'asEver', flags: '-V, --verify', doc: 'accepted: what is fetched is always verified' },
    ],
    about:
      'A snapshot comes first. A jail that is down is started for it and stopped again; programs of the jail run in the jail only. ' +
      'When the update or the health check fails, the files go back to the snapshot and the jail runs again as it did. ' +
      'A snapshot of an update that succeeded is kept. For a basejail its release is updated, for all that share it.',
    examples: [
      { line: 'iocage update web', says: 'apt-get update and upgrade, or apk, in the jail' },
      {
        line: `iocage update web --health 'wget -qO- http://localhost/'`,
        says: 'and back again when the jail does not answer',
      },
      { line: 'iocage update ALL', says: 'every jail; one failing does not stop the rest' },
      { line: 'iocage update bookworm', says: 'a release: what is created from now on has it' },
    ],
    toInputs: (words, context) => toUpdateInputs(words, context),
  },
});

async function updaterOf(context: Context, release: Release): Promise<Updater> {
  const root = await releaseRoot(context, release);
  return getUpdater(context, root, release.local.get('release_kind'), `release ${release.name}`);
}

async function planJailUpdate(
  context: Context,
  world: World,
  jail: Jail,
  { health, packages }: { readonly health: string | undefined; readonly packages: boolean },
): Promise<Plan<Updated>> {
  const { host } = context;
  const configured = toSpec(world, jail);
  noteHandedElsewhere(context, jail, world.defaults);
  const running = (await host.running(jail.realm)).has(jail.uuid);
  await assertRootMounted(context, jail.dataset);
  const release = world.releases.find(({ name }) => name === jail.local.get('release'));
  const updater = await getUpdater(
    context,
    configured.root,
    release?.local.get('release_kind'),
    `jail ${label(jail)}`,
  );
  // A template is nobody's running system: only its files are worked on.
  const { spec, before: first } = jail.template
    ? { spec: quietSpec(configured, 'used'), before: [] }
    : await specToStart(context, world, jail);
  const { down, up, changes } = await jailWork(context, world, jail, spec, updater, packages);
  const snapshot = guardName(context, 'update');
  return {
    subject: label(jail),
    title: `Updating ${label(jail)}`,
    steps: await guardedChange(context, {
      dataset: jail.dataset,
      spec,
      running,
      snapshot,
      down: [...first, ...down],
      up,
      health,
    }),
    result: async () => ({
      uuid: jail.uuid,
      tag: jail.tag,
      of: 'jail',
      manager: updater.name,
      snapshot,
      changes: await changes(),
    }),
  };
}

interface Work {
  readonly down: readonly Step[];
  readonly up: readonly Step[];
  readonly changes: () => Promise<readonly PackageChange[] | null>;
}

/** Packages by the jail's own programs, in the jail; a base system from outside, while the jail is down. */
async function jailWork(
  context: Context,
  world: World,
  jail: Jail,
  spec: JailSpec,
  updater: Updater,
  packages: boolean,
): Promise<Work> {
  const { host } = context;
  const byPackages = async (manager: PackageManager): Promise<Work> => {
    const { steps, changes } = await watched(context, spec, manager, upgradeSteps(host, spec, manager));
    return { down: [], up: jail.template ? withoutServices(host, spec, manager, steps) : steps, changes };
  };
  if (!isBase(updater)) return byPackages(updater);
  const release = getRelease(world, jail.local.get('release') ?? updater.userland.replace(/-p\d+$/, ''));
  const patch = host.patchStep!({
    of: label(jail),
    root: spec.root,
    work: join(spec.mountpoint, 'updates'),
    by: updater.name,
    userland: updater.userland,
    like: await releaseRoot(context, release),
  });
  const further = packages
    ? await byPackages(await getPackageManager(context, spec.root, label(jail)))
    : undefined;
  return {
    down: [patch],
    up: further?.up ?? [],
    changes: async () => [
      ...(await baseChanges(context, spec.root, updater)),
      ...((await further?.changes()) ?? []),
    ],
  };
}

async function toUpdateInputs(
  words: Words,
  context: Context,
): Promise<readonly z.input<typeof updateInput>[]> {
  const health = words.flags['health'] as string | undefined;
  const more = {
    ...(health === undefined ? {} : { health }),
    ...(words.flags['packages'] === true ? { packages: true } : {}),
  };
  const named = await manyJails('update', words, context, () => true);
  if (!words.positionals.includes('ALL')) return named.map(({ jail }) => ({ name: jail, ...more }));
  const done = new Set<string>();
  const inputs: z.input<typeof updateInput>[] = [];
  for (const { jail: word } of named) {
    const { context: own, name } = await findSource(context, word);
    const { root, jails } = await readWorld(own);
    const release = baseOf(jails.find((jail) => jail.uuid === name)!);
    const base = release === undefined ? undefined : `${root}/${release}`;
    // Jails that share a release share its update; a health check is each one's own.
    if (base !== undefined && health === undefined && done.has(base)) continue;
    if (base !== undefined) done.add(base);
    inputs.push({ name: word, ...more });
  }
  return inputs;
}

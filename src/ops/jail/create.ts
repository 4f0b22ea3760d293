/**
 * `create`: new jails from a release, as a full copy, as a clone, on a shared base, or empty; or from a template
 * (`create-from-template.ts`). What may be said to it is in `create-words.ts`, how a jail is made in `create-steps.ts`.
 */
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { holderOf } from '../../domain/jail.ts';
import { assertJailName, assertReleaseName, assertTag, timeTag } from '../../domain/name.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';
import { checkAssignments } from '../../domain/config.ts';
import { properties as allProperties } from '../../domain/properties/index.ts';
import { releaseRoot } from '../mounted.ts';
import { realmNow } from '../world/pool.ts';
import { readWorld } from '../world/read.ts';
import type { Release, World } from '../world/world.ts';
import { releaseLock } from '../release/destroy.ts';
import { assertCalm } from '../release/calm.ts';
import { planFromTemplate, templateLocks } from './create-from-template.ts';
import { listedPackages, packageSteps } from './create-packages.ts';
import { assertOneIdentity, freePoint, newJailLocks, newUuids } from './new-jail.ts';
import { kinds, numbered, ownerOf, sourceIn, type Created, type Kind } from './new-jail.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import { createFlags, createInput, toCreateInput, type CreateInput } from './create-words.ts';
import { createSteps, rootOf, sharesBase, types, type Identity } from './create-steps.ts';
import { tagLock } from './select.ts';
import { andStart, startAsWell } from './create-start.ts';

export const jailCreate = defineChange<typeof createInput, Created>({
  id: 'jail.create',
  title: 'Create jails from a release or a template',
  effect: 'change',
  recover: 'undo',
  input: createInput,
  prepare: (context, input) => ({
    ...input,
    // `release` chooses what is copied, so it is never just stored.
    release: input.release ?? input.properties.findLast(([key]) => key === 'release')?.[1],
    properties: input.properties.filter(([key]) => key !== 'release'),
    uuids: [...newUuids(context.ids, input, input.short)],
    createdAt: context.clock.now(),
  }),
  async locks(context, input) {
    assertOneIdentity(input);
    const realm = await realmNow(context);
    const tags = wantedTags(input).map((tag) => tagLock(realm, tag));
    return [...tags, ...newJailLocks(realm, input.uuids!), ...(await sourceLocks(context, input))];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    if (input.template !== undefined)
      return planFromTemplate(context, world, input, identify(world, input), givenProperties(input));
    const kind = input.kind ?? defaultKind(world);
    const release = kind === 'empty' ? undefined : await chooseRelease(context, world, input.release);
    const jails = identify(world, input).map((identity) => ({ ...identity, kind }));
    const given = [...givenProperties(input)];
    for (const jail of jails) await assertHandable(context, world, ownerOf(world, jail), given);
    for (const jail of jails) assertNotItself(world, jail, given);
    if (input.storeAll) given.push(...everyOther(world, given));
    const base = kind === 'base' ? await readBase(context, release!) : [];
    const names = jails.filter(({ named }) => named).map(({ uuid }) => uuid);
    const taken = await takenPoints(context, release, names);
    if (release !== undefined && !sharesBase(kind)) await assertCalm(context, world.realm, release.name);
    const packages = await listedPackages(
      context,
      world,
      given,
      release && {
        root: rootOf(release),
        of: `release ${release.name}`,
        shared: sharesBase(kind),
        state: 'fresh',
      },
      input.packages,
    );
    const steps: Step[] = [];
    for (const jail of jails) {
      steps.push(...createSteps(world, jail, kind, release, given, base, taken));
      if (packages) steps.push(...(await packageSteps(context, world, jail, given, packages)));
    }
    return {
      subject: jails.map(({ tag }) => tag).join(', '),
      title: `Creating ${jails.length === 1 ? `jail ${jails[0]!.tag}` : `${jails.length} jails`}`,
      steps,
      result: () => ({
        jails: jails.map(({ uuid, tag }) => ({ uuid, tag, kind, ...sourceIn(world) })),
      }),
    };
  },
  command: {
    names: ['create'],
    group: 'jails',
    usage: '[-b|-B|-c|-e|-T] [release=RELEASE | template=TEMPLATE] [tag=TAG] [PROPERTY=VALUE ...]',
    flags: createFlags,
    about:
      'A jail gets a UUID, unless -n names it, and a tag, the creation time unless tag= gives one. ' +
      'Properties not given come from the stored defaults (iocage set PROPERTY=VALUE default), then from the built-in ones.',
    examples: [
      { line: 'iocage create -c release=bookworm tag=web', says: 'a thin jail called web' },
      { line: 'iocage create -r bookworm -n db quota=20G', says: 'a full copy called db that may use 20 GB' },
      { line: 'iocage create -c 3 tag=node release=bookworm', says: 'node_1, node_2 and node_3' },
      { line: 'iocage create -b release=bookworm tag=web', says: 'shares /usr with the release, read-only' },
      {
        line: 'iocage create -t golden tag=web3',
        says: 'a clone of the template golden, with its properties',
      },
      {
        line: 'iocage create -c tag=web pkglist=packages.txt',
        says: 'with the packages that the file names, one a line',
      },
      { line: 'iocage create -e tag=lfs', says: 'an empty jail to fill by hand' },
    ],
    toInputs: (words) => [toCreateInput(words)],
    instead: (words) => startAsWell(words, () => jailCreateStart),
  },
});
export const jailCreateStart = andStart(jailCreate, 'jail.create-start');

/** A `type` stored as default decides what a plain `create` makes. */
function defaultKind(world: World): Kind {
  const stored = world.defaults.get('type');
  return kinds.find((kind) => types[kind] === stored) ?? 'thick';
}

/** What must not go away or change while a jail is made of it. */
async function sourceLocks(context: Context, input: CreateInput): Promise<readonly string[]> {
  if (input.template !== undefined) return templateLocks(context, input.template);
  const world = await readWorld(context);
  if (!sharesBase(input.kind ?? defaultKind(world))) return [];
  const release = await chooseRelease(context, world, input.release);
  return [releaseLock(world.realm, release.name)];
}

function givenProperties(input: CreateInput): (readonly [string, string])[] {
  // The tag is checked with the others, and stored apart from them.
  return checkAssignments(input.properties, 'jail-create').filter(([key]) => key !== 'tag');
}

/** What is in force besides, of what every jail may have another value of. */
function everyOther(
  world: World,
  given: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const free = allProperties.filter(
    ({ key, store, access, defaultable, defaultsOnly }) =>
      store === 'user' &&
      access === 'set' &&
      defaultable &&
      !defaultsOnly &&
      !given.some(([other]) => other === key),
  );
  return free.flatMap(({ key, default: builtIn }) => {
    const value = world.defaults.get(key) ?? builtIn;
    return value === null ? [] : [[key, value] as const];
  });
}

/** Those of the names that a snapshot of the release has already; a new UUID is never among them. */
async function takenPoints(
  context: Context,
  release: Release | undefined,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const taken = new Set<string>();
  for (const start of release === undefined ? [] : names) {
    // Each is asked for alone: a release has as many snapshots as there are jails of it.
    for (let name = start; (await context.storage.local(`${release!.dataset}/root@${name}`)) !== undefined;) {
      taken.add(name);
      name = freePoint(start, (one) => taken.has(one));
    }
  }
  return taken;
}

/** The folders of the release that the jail will share. */
async function readBase(context: Context, release: Release): Promise<readonly string[]> {
  return baseFolders(await baseEntries(context.files, await releaseRoot(context, release)));
}

function givenTag(input: CreateInput): string | undefined {
  return input.properties.findLast(([key]) => key === 'tag')?.[1];
}

/** The tags that the new jails ask for; each is locked before it is looked up. */
function wantedTags(input: CreateInput): readonly string[] {
  if (input.name !== undefined) assertJailName(input.name);
  const tag = givenTag(input) ?? input.name ?? timeTag(input.createdAt!);
  assertTag(tag);
  return numbered(tag, input.count);
}

function identify(world: World, input: CreateInput): readonly Identity[] {
  const explicit = givenTag(input) ?? input.name;
  return wantedTags(input).map((tag, index) => {
    const named = input.name !== undefined;
    const uuid = input.uuids![index]!;
    for (const [what, word] of [
      ['tag', tag],
      ['name', uuid],
    ] as const) {
      const holder = holderOf(world.jails, word);
      if (holder === undefined) continue;
      // Two jails made within one second without a tag: the second one's tag gets a part of its UUID.
      if (what === 'tag' && explicit === undefined) return { uuid, tag: `${tag}-${uuid.slice(0, 8)}`, named };
      throw failure('NAME_TAKEN', { what, name: word, by: holder.uuid });
    }
    return { uuid, tag, named };
  });
}

export async function chooseRelease(
  context: Context,
  world: World,
  named: string | undefined,
): Promise<Release> {
  const fetched = world.releases.map((release) => release.name);
  const stored = world.defaults.get('release');
  const name = named ?? stored ?? (fetched.length === 1 ? fetched[0] : await context.host.defaultRelease());
  if (name === undefined) throw failure('RELEASE_NEEDED', { fetched });
  assertReleaseName(name);
  const release = world.releases.find((candidate) => candidate.name === name);
  if (release === undefined) {
    throw named === undefined && stored === undefined
      ? failure('RELEASE_NEEDED', { fetched })
      : failure('RELEASE_NOT_FOUND', { release: name, fetched });
  }
  return release;
}

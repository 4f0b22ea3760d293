/**
 * `create`: a new jail from a release, as a full copy, as a clone, on a shared base, or empty; or from a
 * template (`create-from-template.ts`). All properties are
 * written in the call that makes the dataset, so no moment shows a jail without its configuration.
 */
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { defineChange, type Context, type Words } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { holderOf } from '../../domain/jail.ts';
import { assertJailName, assertReleaseName, assertTag, timeTag } from '../../domain/name.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { checkAssignments } from '../../domain/config.ts';
import { properties as allProperties } from '../../domain/properties/index.ts';
import { releaseRoot } from '../mounted.ts';
import { realmNow, readWorld, type Release, type World } from '../world.ts';
import { cloneDataset, copyDataset, createDataset, dropSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { makeLink, writeInRoot, writeNew } from '../steps/file.ts';
import { copyPrivate } from '../steps/tree.ts';
import { releaseLock } from '../release/destroy.ts';
import { assertCalm } from '../release/calm.ts';
import { planFromTemplate, templateLocks } from './create-from-template.ts';
import { listedPackages, packageSteps } from './create-packages.ts';
import { assertOneIdentity, countOf, freePoint, givenUuid, newJailLocks, newUuids } from './new-jail.ts';
import { kinds, numbered, ownerOf, sourceIn, toZfsProperties, type Created, type Kind } from './new-jail.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import { tagLock } from './select.ts';
import { andStart, startAsWell } from './create-start.ts';

export const types: Readonly<Record<Kind, string>> = {
  thick: 'jail',
  clone: 'clonejail',
  base: 'basejail',
  'clone-base': 'basejail',
  empty: 'emptyjail',
};

export { toZfsProperties };

const sharesBase = (kind: Kind): boolean => types[kind] === 'basejail';

export const createInput = z.object({
  /** Default: what the stored default of `type` says, else `thick`. */
  kind: z.enum(kinds).optional(),
  release: z.string().optional(),
  /** The template to clone, instead of a release. */
  template: z.string().min(1).optional(),
  /** The dataset's name, and the tag and host name too. */
  name: z.string().optional(),
  /** Names of packages to install, in the place of a file in `pkglist`. */
  packages: z.array(z.string()).min(1).optional(),
  /** The dataset's name, where nothing else names it. */
  uuid: givenUuid.optional(),
  /** Only the first eight digits of the UUID that is made up. */
  short: z.boolean().default(false),
  /** Stores every property on the jail, so that later defaults do not reach it. */
  storeAll: z.boolean().default(false),
  count: z.number().int().min(1).max(999).default(1),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** UUIDs of the new jails. */
  uuids: z.array(z.string()).optional(),
  /** Gives the tag of a jail that gets none; the time of the call. */
  createdAt: z.date().optional(),
});
type CreateInput = z.output<typeof createInput>;

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
    flags: [
      {
        key: 'clone',
        flags: '-c, --clone [count]',
        doc: 'thin: clone the release instead of copying it; with a number, that many jails',
      },
      {
        key: 'base',
        flags: '-b, --basejail',
        doc: 'the system folders are the ones of the release, shared and read-only',
      },
      {
        key: 'clonebase',
        flags: '-B, --clone_basejail',
        doc: 'a basejail whose own files are cloned, not copied',
      },
      { key: 'empty', flags: '-e, --empty', doc: 'no files at all in the jail' },
      { key: 'thick', flags: '-T, --thick', doc: 'a full copy of the release (the default)' },
      { key: 'thick', flags: '--thickjail', doc: 'same as --thick' },
      { key: 'release', flags: '-r, --release <release>', doc: 'same as release=RELEASE' },
      {
        key: 'template',
        flags: '-t, --template <template>',
        doc: 'a clone of the template; with -T a full copy; same as template=',
      },
      { key: 'name', flags: '-n, --name <name>', doc: 'name of the dataset, the tag and the host name' },
      {
        key: 'pkglist',
        flags: '-p, --pkglist <file>',
        doc: 'install the packages that the file lists; same as pkglist=FILE',
      },
      { key: 'uuid', flags: '-u, --uuid <uuid>', doc: 'this UUID instead of one that is made up' },
      { key: 'short', flags: '-s, --short', doc: 'only the first eight digits of the UUID' },
      {
        key: 'storeAll',
        flags: '-C, --thickconfig',
        doc: 'store every property on the jail: defaults that change later do not reach it',
      },
      { key: 'count', flags: '--count <n>', doc: 'make n jails; tag and host name get _1 … _n' },
    ],
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

export function toCreateInput(words: Words): z.input<typeof createInput> {
  const { flags } = words;
  if (words.positionals.length > 0) {
    throw failure('USAGE', {
      problem: `${JSON.stringify(words.positionals[0])} is no property=value`,
      command: 'create',
    });
  }
  const properties = [...words.properties];
  const take = (key: string): string | undefined => {
    const found = properties.findIndex(([name]) => name === key);
    return found < 0 ? undefined : properties.splice(found, 1)[0]![1];
  };
  const release = take('release') ?? (flags['release'] as string | undefined);
  const template = templateWord(take('template')) ?? (flags['template'] as string | undefined);
  const pkglist = take('pkglist') ?? (flags['pkglist'] as string | undefined);
  // Named by a person, who stands somewhere.
  if (pkglist !== undefined) properties.push(['pkglist', pkglist === 'none' ? pkglist : resolve(pkglist)]);
  const cloneCount = typeof flags['clone'] === 'string' ? flags['clone'] : undefined;
  const count = countOf('create', take('count') ?? cloneCount ?? (flags['count'] as string | undefined));
  const chosen = [
    // Also with a number: the jails of the Python line, whose -c counts, are clones.
    ...(flags['clone'] === undefined ? [] : (['clone'] as const)),
    ...(flags['empty'] ? (['empty'] as const) : []),
    ...(flags['thick'] ? (['thick'] as const) : []),
    ...(flags['base'] ? (['base'] as const) : []),
    ...(flags['clonebase'] ? (['clone-base'] as const) : []),
  ];
  if (chosen.length > 1)
    throw failure('USAGE', { problem: `${chosen.join(' and ')} exclude each other`, command: 'create' });
  return {
    ...(chosen[0] === undefined ? {} : { kind: chosen[0] }),
    ...(release === undefined ? {} : { release }),
    ...(template === undefined ? {} : { template }),
    ...(flags['name'] === undefined ? {} : { name: flags['name'] as string }),
    ...(flags['uuid'] === undefined ? {} : { uuid: flags['uuid'] as string }),
    short: flags['short'] === true,
    storeAll: flags['storeAll'] === true,
    ...(count === undefined ? {} : { count }),
    properties: properties as [string, string][],
  };
}

/** COMPAT: `template` once was a switch as well; `no` says nothing, and `yes` is not for a new jail. */
function templateWord(text: string | undefined): string | undefined {
  const marked = parseSwitch(text ?? '');
  if (marked === undefined) return text;
  if (!marked) return undefined;
  throw failure('USAGE', {
    problem: `make the jail first; 'iocage set template=yes JAIL' turns it into a template`,
    command: 'create',
  });
}

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

function rootOf(release: Release): string {
  if (release.mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset: release.dataset });
  return join(release.mountpoint, 'root');
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

interface Identity {
  readonly uuid: string;
  readonly tag: string;
  /** From `-n`: host name instead of the UUID. */
  readonly named: boolean;
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

function createSteps(
  world: World,
  jail: Identity,
  kind: Kind,
  release: Release | undefined,
  given: readonly (readonly [string, string])[],
  base: readonly string[],
  taken: ReadonlySet<string>,
): readonly Step[] {
  const dataset = `${world.root}/jails/${jail.uuid}`;
  const mountpoint = join(world.mountpoint, 'jails', jail.uuid);
  const root = join(mountpoint, 'root');
  const hostname =
    given.find(([key]) => key === 'host_hostname')?.[1] ??
    (jail.named ? jail.uuid.replaceAll('_', '-') : undefined);
  const own: (readonly [string, string])[] = [
    ['host_hostuuid', jail.uuid],
    ['tag', jail.tag],
    ['type', types[kind]],
    ...(sharesBase(kind) ? ([['basejail', '1']] as const) : []),
    ...(release === undefined ? [] : ([['release', release.name]] as const)),
    ...(hostname === undefined ? [] : ([['host_hostname', hostname]] as const)),
    ...given.filter(([key]) => key !== 'host_hostname'),
  ];
  const steps: Step[] = [createDataset({ dataset, properties: toZfsProperties(own) })];
  if (release === undefined || kind === 'base') {
    steps.push(createDataset({ dataset: `${dataset}/root`, properties: {} }));
    if (kind === 'base') steps.push(copyPrivate({ release: rootOf(release!), root, base }));
  } else {
    const snapshot = `${release.dataset}/root@${freePoint(jail.uuid, (name) => taken.has(name))}`;
    steps.push(takeSnapshot({ name: snapshot, recursive: false, properties: {} }));
    if (kind === 'clone' || kind === 'clone-base')
      steps.push(cloneDataset({ snapshot, dataset: `${dataset}/root`, properties: {} }));
    else {
      steps.push(copyDataset({ snapshot, dataset: `${dataset}/root` }));
      steps.push(dropSnapshot({ name: snapshot }));
    }
  }
  if (release !== undefined) {
    const name = hostname ?? jail.uuid;
    steps.push(
      writeInRoot({
        root,
        contents: [
          { path: 'etc/hostname', text: `${name}\n`, replace: true },
          { path: 'etc/hosts', text: `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.1.1\t${name}\n` },
        ],
      }),
    );
  }
  steps.push(writeNew({ path: join(mountpoint, 'fstab'), text: '' }, { which: ['fstab'] }));
  steps.push(makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', jail.tag) }));
  return steps;
}

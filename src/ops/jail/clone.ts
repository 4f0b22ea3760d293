/**
 * `clone`: a new jail from another jail's state, now or at a snapshot. It keeps the source's
 * configuration except what must be its own: identity, tag, host name, MAC addresses.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Context, type Words } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, holderOf, label, type Jail } from '../../domain/jail.ts';
import { assertJailName, assertSnapshotName, assertTag, timeTag } from '../../domain/name.ts';
import { checkAssignments } from '../../domain/config.ts';
import { ownWordsFor } from '../../domain/handed.ts';
import { splitWord } from '../../domain/source.ts';
import { readWorld, toSpec, type World } from '../world.ts';
import { sourcesOf } from '../route.ts';
import { getSource, inSource } from '../sources.ts';
import { cloneDataset, takeSnapshot } from '../steps/dataset.ts';
import { makeLink, writeInRoot } from '../steps/file.ts';
import { adoptFstab, leavePlace } from '../steps/move.ts';
import { refusePackageList } from './create-packages.ts';
import { jailLock, tagLock } from './select.ts';
import { keptRoot } from './way-back.ts';
import { andStart, startAsWell } from './create-start.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import {
  assertOneIdentity,
  countOf,
  freePoint,
  givenUuid,
  newJailLocks,
  newUuids,
  numbered,
  ownerOf,
  sourceIn,
  toZfsProperties,
  type Created,
} from './new-jail.ts';
import { copySteps, filesBeside, type Beside } from './copy.ts';

const cloneInput = z.object({
  jail: z.string().min(1, 'a jail is named by its UUID or its tag'),
  snapshot: z.string().optional(),
  name: z.string().optional(),
  /** A full copy of every file, which hangs on nothing. */
  thick: z.boolean().default(false),
  /** Of a single new jail, where no name is given. */
  uuid: givenUuid.optional(),
  count: z.number().int().min(1).max(999).default(1),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** UUIDs of the new jails. */
  uuids: z.array(z.string()).optional(),
  createdAt: z.date().optional(),
});
type CloneInput = z.output<typeof cloneInput>;

export const jailClone = defineChange<typeof cloneInput, Created>({
  id: 'jail.clone',
  title: 'Clone a jail, as it is now or at a snapshot',
  effect: 'change',
  recover: 'undo',
  input: cloneInput,
  across: true,
  prepare: (context, input) => ({
    ...input,
    uuids: [
      ...newUuids(context.ids, {
        ...input,
        name: input.name === undefined ? undefined : splitWord(input.name).name,
      }),
    ],
    createdAt: context.clock.now(),
  }),
  async locks(context, input) {
    assertOneIdentity(input);
    const world = await readWorld(context);
    const { realm } = await goalOf(context, world, input);
    const tags = tagsOf(input).map((tag) => tagLock(realm, tag));
    return [jailLock(findJail(world.jails, input.jail)), ...tags, ...newJailLocks(realm, input.uuids!)];
  },
  async plan(context, asked) {
    const from = await readWorld(context);
    const world = await goalOf(context, from, asked);
    // Nothing on another pool can hang on this one, and nothing in another source should.
    const input = world.root === from.root ? asked : { ...asked, thick: true };
    const source = findJail(from.jails, input.jail);
    const spec = toSpec(from, source); // a corrupt jail is refused here
    if (spec.base !== undefined && !world.releases.some(({ name }) => name === spec.base?.release))
      throw failure('RELEASE_NOT_FOUND', {
        release: spec.base.release,
        fetched: world.releases.map(({ name }) => name),
      });
    const copies = freeCopies(world, input);
    const given = checkAssignments(input.properties, 'jail-create').filter(([key]) => key !== 'tag');
    refusePackageList(given);
    for (const copy of copies) await assertHandable(context, world, ownerOf(world, copy), given);
    for (const copy of copies) assertNotItself(world, copy, given);
    const found = await snapshotRows(context.storage, source);
    const beside = input.thick ? await filesBeside(context, source, input.snapshot) : undefined;
    const steps = copies.flatMap((copy) =>
      cloneSteps({ world, source, ...copy, snapshot: input.snapshot, beside }, found, given),
    );
    const tags = copies.map(({ tag }) => tag).join(', ');
    return {
      subject: `${label(source)} to ${tags}`,
      title: `Cloning jail ${source.tag} to ${tags}`,
      steps,
      result: () => ({
        jails: copies.map((copy) => ({ ...copy, kind: input.thick ? 'thick' : 'clone', ...sourceIn(world) })),
      }),
    };
  },
  command: {
    names: ['clone'],
    group: 'jails',
    usage: 'JAIL[@SNAPSHOT] [tag=TAG] [count=N] [PROPERTY=VALUE ...]',
    flags: [
      { key: 'name', flags: '-n, --name <name>', doc: 'name of the dataset, the tag and the host name' },
      { key: 'count', flags: '-c, --count <n>', doc: 'make n jails; tag and host name get _1 … _n' },
      { key: 'thick', flags: '-T, --thickjail', doc: 'a full copy, which hangs on nothing' },
      { key: 'uuid', flags: '-u, --uuid <uuid>', doc: 'this UUID instead of one that is made up' },
      {
        key: 'newmac',
        flags: '-N, --newmac',
        doc: 'accepted: a clone always gets link addresses of its own',
      },
    ],
    about: 'With -n SOURCE/NAME the new jail is made in another source, as a full copy.',
    examples: [
      { line: 'iocage clone web tag=web2', says: 'a second jail like web' },
      { line: 'iocage clone web@before-upgrade tag=old-web', says: 'web as it was at that snapshot' },
      { line: 'iocage clone web count=3 tag=node', says: 'node_1, node_2 and node_3' },
    ],
    toInputs(words) {
      const [source, ...more] = words.positionals;
      if (source === undefined) throw failure('USAGE', { problem: 'missing UUID', command: 'clone' });
      if (more.length > 0)
        throw failure('USAGE', {
          problem: `${JSON.stringify(more[0])} is too much; did you mean tag=${more[0]}?`,
          command: 'clone',
        });
      const { jail, snapshot } = splitSnapshot(source);
      const { count, properties } = takeCount('clone', words);
      return [
        {
          jail,
          ...(snapshot === undefined ? {} : { snapshot }),
          ...(words.flags['name'] === undefined ? {} : { name: words.flags['name'] }),
          ...(words.flags['uuid'] === undefined ? {} : { uuid: words.flags['uuid'] }),
          ...(count === undefined ? {} : { count }),
          thick: words.flags['thick'] === true,
          properties,
        },
      ];
    },
    instead: (words) => startAsWell(words, () => jailCloneStart),
  },
});
export const jailCloneStart = andStart(jailClone, 'jail.clone-start');

/**
 * Splits `JAIL@SNAPSHOT`. A tag may hold an `@` itself (the default tag is `2016-02-10@20:14:05`), so
 * a word that ends like a time is a jail's tag, not a snapshot of a jail called `2016-02-10`.
 */
export function splitSnapshot(word: string): { jail: string; snapshot: string | undefined } {
  const time = /^(\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d(?:-[0-9a-f]{8})?(?:_\d+)?)(?:@(.*))?$/.exec(word);
  if (time) return { jail: time[1]!, snapshot: time[2] };
  const at = word.lastIndexOf('@');
  return at < 0
    ? { jail: word, snapshot: undefined }
    : { jail: word.slice(0, at), snapshot: word.slice(at + 1) };
}

/** `count=N`, or the flag; the other `property=value` words. */
function takeCount(
  command: string,
  words: Words,
): { count: number | undefined; properties: Words['properties'] } {
  const given = words.properties.findLast(([key]) => key === 'count')?.[1];
  const count = countOf(command, given ?? (words.flags['count'] as string | undefined));
  return {
    count,
    properties: words.properties.filter(([key]) => key !== 'count'),
  };
}

/** Where the new jail goes: `name` may carry the prefix of another source. */
async function goalOf(context: Context, world: World, { name }: CloneInput): Promise<World> {
  const source = splitWord(name ?? '').source ?? world.source;
  if (source === world.source) return world;
  const { list } = await sourcesOf(context);
  return readWorld(inSource(context, getSource(list, source, true)));
}

function tagsOf(input: CloneInput): readonly string[] {
  const name = input.name === undefined ? undefined : splitWord(input.name).name;
  if (name !== undefined) assertJailName(name);
  const tag = input.properties.findLast(([key]) => key === 'tag')?.[1] ?? name ?? timeTag(input.createdAt!);
  assertTag(tag);
  return numbered(tag, input.count);
}

/** A jail that is to be made. */
export interface Copy {
  readonly uuid: string;
  readonly tag: string;
}

function freeCopies(world: World, input: CloneInput): readonly Copy[] {
  const explicit = input.name !== undefined || input.properties.some(([key]) => key === 'tag');
  return tagsOf(input).map((tag, index) => {
    const uuid = input.uuids![index]!;
    const holder = holderOf(world.jails, tag) ?? holderOf(world.jails, uuid);
    if (holder === undefined) return { uuid, tag };
    if (!explicit) return { uuid, tag: `${tag}-${uuid.slice(0, 8)}` };
    throw failure('NAME_TAKEN', { what: 'tag', name: tag, by: holder.uuid });
  });
}

export async function snapshotRows(
  storage: {
    snapshots(
      root: string,
      depth: undefined,
      columns: readonly string[],
    ): Promise<readonly { dataset: string; snapshot: string }[]>;
    filesystems(
      root: string,
      depth: number,
      columns: readonly string[],
    ): Promise<readonly { name: string }[] | undefined>;
  },
  source: Jail,
): Promise<{ filesystems: readonly string[]; snapshots: ReadonlySet<string> }> {
  const filesystems = (await storage.filesystems(source.dataset, 8, ['name'])) ?? [];
  const snapshots = await storage.snapshots(source.dataset, undefined, []);
  return {
    filesystems: filesystems.map((row) => row.name),
    snapshots: new Set(snapshots.map((row) => `${row.dataset}@${row.snapshot}`)),
  };
}

/** Not carried over to the new jail. */
const identity = new Set([
  'host_hostuuid',
  'tag',
  'hostname',
  'host_hostname',
  'last_started',
  'base_started',
  'upgraded_from',
  'upgrade_snapshot',
  'migrated_from',
  'template',
  'istemplate',
  'type',
  'jail_zfs_dataset',
  // The packages are in the files already.
  'pkglist',
]);

/**
 * @param leave further properties that the new jail does not get from the source.
 * @param to with `beside` a full copy is made, which has these files beside its root.
 * @param more what it gets of its own besides what was given, such as the name of its template.
 */
export function cloneSteps(
  to: Copy & { world: World; source: Jail; snapshot: string | undefined; beside?: Beside | undefined },
  found: { filesystems: readonly string[]; snapshots: ReadonlySet<string> },
  given: readonly (readonly [string, string])[],
  more: readonly (readonly [string, string])[] = [],
  leave: ReadonlySet<string> = new Set(),
): readonly Step[] {
  const { world, source, uuid, tag, snapshot, beside } = to;
  if (snapshot !== undefined) {
    assertSnapshotName(snapshot);
    if (!found.snapshots.has(`${source.dataset}/root@${snapshot}`)) {
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(source), snapshot });
    }
  }
  const dataset = `${world.root}/jails/${uuid}`;
  const mountpoint = join(world.mountpoint, 'jails', uuid);
  const point =
    snapshot ??
    freePoint(uuid, (free) => found.filesystems.some((name) => found.snapshots.has(`${name}@${free}`)));
  const hostname = given.find(([key]) => key === 'host_hostname')?.[1];
  const name = hostname ?? uuid.replaceAll('_', '-');
  const handed = ownWordsFor(source.local.get('jail_zfs_dataset'), source, dataset);
  const kept = [
    ...source.local,
    ...(handed === undefined ? [] : ([['jail_zfs_dataset', handed]] as const)),
  ].filter(
    ([key, value]) =>
      (!identity.has(key) || (key === 'jail_zfs_dataset' && value === handed)) &&
      !leave.has(key) &&
      !/^vnet\d_mac$/.test(key) &&
      ![...given, ...more].some(([other]) => other === key),
  );
  const own: (readonly [string, string])[] = [
    ['host_hostuuid', uuid],
    ['tag', tag],
    // A clone of a basejail has no base of its own either.
    ['type', source.local.get('type') === 'basejail' ? 'basejail' : beside ? 'jail' : 'clonejail'],
    // A jail made with -n is called by its name; one with a UUID by the UUID, which is the built-in default.
    ...(hostname === undefined && name === tag ? ([['host_hostname', name]] as const) : []),
    ...kept.filter(([key]) => !key.startsWith('release_') && key !== 'fetched_at'),
    ...more.filter(([key]) => !given.some(([other]) => other === key)),
    ...given,
  ];
  const steps: Step[] = [];
  if (snapshot === undefined) {
    steps.push(takeSnapshot({ name: `${source.dataset}@${point}`, recursive: true, properties: {} }));
  }
  // What an upgrade of the source keeps of what it was.
  const left = keptRoot(source);
  if (beside !== undefined) {
    const copied = { from: source, to: { dataset, mountpoint }, point, filesystems: found.filesystems, left };
    steps.push(...copySteps({ ...copied, properties: toZfsProperties(own), beside }));
  }
  for (const filesystem of beside === undefined ? found.filesystems : []) {
    if (filesystem === left) continue;
    // With a named snapshot, a child made after it has no part in it.
    if (snapshot !== undefined && !found.snapshots.has(`${filesystem}@${point}`)) continue;
    const target = `${dataset}${filesystem.slice(source.dataset.length)}`;
    const properties = filesystem === source.dataset ? toZfsProperties(own) : {};
    steps.push(cloneDataset({ snapshot: `${filesystem}@${point}`, dataset: target, properties }));
  }
  // The empty place of what was left out.
  if (beside === undefined && found.filesystems.includes(left))
    steps.push(leavePlace({ path: join(mountpoint, 'root.old'), when: 'done' }));
  if (beside === undefined && source.mountpoint !== undefined) {
    steps.push(
      adoptFstab({
        path: join(mountpoint, 'fstab'),
        from: source.mountpoint,
        to: mountpoint,
      }),
    );
  }
  steps.push(
    writeInRoot({
      root: join(mountpoint, 'root'),
      contents: [{ path: 'etc/hostname', text: `${name}\n`, replace: true }],
    }),
  );
  steps.push(makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', tag) }));
  return steps;
}

/**
 * `clone`: a new jail from another jail's state, now or at a snapshot. It keeps the source's
 * configuration except what must be its own: identity, tag, host name, MAC addresses.
 */
import * as z from 'zod';
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, holderOf, jailAndSnapshot, label } from '../../domain/jail.ts';
import { assertJailName, assertTag, timeTag } from '../../domain/name.ts';
import { checkAssignments } from '../../domain/config.ts';
import { splitWord } from '../../domain/source.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { releaseLock } from '../release/destroy.ts';
import { sourcesOf } from '../source/find.ts';
import { getSource, inSource } from '../source/sources.ts';
import { tellingOf } from '../source/where.ts';
import { refusePackageList } from './create-packages.ts';
import { jailLock, tagLock } from './select.ts';
import { andStart, startAsWell } from './create-start.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import {
  assertOneIdentity,
  countOf,
  givenUuid,
  newJailLocks,
  newUuids,
  numbered,
  ownerOf,
  sourceIn,
  type Created,
} from './new-jail.ts';
import { cloneSteps, snapshotRows, type Copy } from './clone-steps.ts';
import { filesBeside } from './copy.ts';

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
    const jail = findJail(world.jails, input.jail);
    const tags = tagsOf(input).map((tag) => tagLock(realm, tag));
    // Here the jail itself keeps the release of a basejail; in another source nobody does.
    const { base } = realm === world.realm ? {} : toSpec(world, jail);
    const release = base === undefined ? [] : [releaseLock(realm, base.release)];
    return [jailLock(jail), ...tags, ...newJailLocks(realm, input.uuids!), ...release];
  },
  async plan(context, asked) {
    const from = await readWorld(context);
    const world = await goalOf(context, from, asked);
    // Nothing on another pool can hang on this one, and nothing in another source should.
    const input = world.root === from.root ? asked : { ...asked, thick: true };
    const source = findJail(from.jails, input.jail);
    const spec = toSpec(from, source); // a corrupt jail is refused here
    const goal = { name: world.source, root: world.root };
    const copies = await tellingOf(context, goal, () => freeCopies(world, spec.base, input));
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
      const { jail, snapshot } = jailAndSnapshot(source);
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

/** @throws NAME_TAKEN, RELEASE_NOT_FOUND */
function freeCopies(world: World, base: JailSpec['base'], input: CloneInput): readonly Copy[] {
  const fetched = world.releases.map(({ name }) => name);
  if (base !== undefined && !fetched.includes(base.release))
    throw failure('RELEASE_NOT_FOUND', { release: base.release, fetched });
  const explicit = input.name !== undefined || input.properties.some(([key]) => key === 'tag');
  return tagsOf(input).map((tag, index) => {
    const uuid = input.uuids![index]!;
    const holder = holderOf(world.jails, tag) ?? holderOf(world.jails, uuid);
    if (holder === undefined) return { uuid, tag };
    if (!explicit) return { uuid, tag: `${tag}-${uuid.slice(0, 8)}` };
    throw failure('NAME_TAKEN', { what: 'tag', name: tag, by: holder.uuid });
  });
}

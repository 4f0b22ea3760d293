/**
 * `clone`: a new jail from another jail's state, now or at a snapshot. It keeps the source's
 * configuration except what must be its own: identity, tag, host name, MAC addresses.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, holderOf, label, type Jail } from '../../domain/jail.ts';
import { assertJailName, assertSnapshotName, assertTag, timeTag } from '../../domain/name.ts';
import { checkAssignments } from '../../domain/config.ts';
import { readWorld, toSpec, type World } from '../world.ts';
import { cloneDataset, takeSnapshot } from '../steps/dataset.ts';
import { makeLink, writeInRoot } from '../steps/file.ts';
import { jailLock, tagLock } from './select.ts';
import { toZfsProperties, type Created } from './create.ts';
import { andStart, startAsWell } from './create-start.ts';

const cloneInput = z.object({
  jail: z.string().min(1, 'a jail is named by its UUID or its tag'),
  snapshot: z.string().optional(),
  name: z.string().optional(),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** UUID and default tag of the new jail. */
  uuid: z.string().optional(),
  createdAt: z.date().optional(),
});
type CloneInput = z.output<typeof cloneInput>;

export const jailClone = defineChange<typeof cloneInput, Created>({
  id: 'jail.clone',
  title: 'Clone a jail, as it is now or at a snapshot',
  effect: 'change',
  recover: 'undo',
  input: cloneInput,
  prepare: (context, input) => ({
    ...input,
    uuid: input.name ?? context.ids.uuid(),
    createdAt: context.clock.now(),
  }),
  async locks(context, input) {
    const world = await readWorld(context);
    return [jailLock(findJail(world.jails, input.jail)), tagLock(world.pool.name, tagOf(input))];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const source = findJail(world.jails, input.jail);
    toSpec(world, source); // a corrupt jail is refused here
    const tag = freeTag(world, input);
    const given = checkAssignments(input.properties, 'jail-create').filter(([key]) => key !== 'tag');
    const steps = await cloneSteps(
      { world, source, uuid: input.uuid!, tag, snapshot: input.snapshot },
      await snapshotRows(context.storage, source),
      given,
    );
    return {
      subject: `${label(source)} to ${tag}`,
      title: `Cloning jail ${source.tag} to ${tag}`,
      steps,
      result: () => ({ jails: [{ uuid: input.uuid!, tag, kind: 'clone' }] }),
    };
  },
  command: {
    names: ['clone'],
    group: 'jails',
    usage: 'JAIL[@SNAPSHOT] [tag=TAG] [PROPERTY=VALUE ...]',
    flags: [
      { key: 'name', flags: '-n, --name <name>', doc: 'name of the dataset, the tag and the host name' },
    ],
    examples: [
      { line: 'iocage clone web tag=web2', says: 'a second jail like web' },
      { line: 'iocage clone web@before-upgrade tag=old-web', says: 'web as it was at that snapshot' },
    ],
    toInputs(words) {
      const [source, ...more] = words.positionals;
      if (source === undefined) throw failure('USAGE', { problem: 'missing UUID', command: 'clone' });
      if (more.length > 0)
        throw failure('USAGE', { problem: `${JSON.stringify(more[0])} is too much`, command: 'clone' });
      const { jail, snapshot } = splitSnapshot(source);
      return [
        {
          jail,
          ...(snapshot === undefined ? {} : { snapshot }),
          ...(words.flags['name'] === undefined ? {} : { name: words.flags['name'] }),
          properties: words.properties,
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

function tagOf(input: CloneInput): string {
  if (input.name !== undefined) assertJailName(input.name);
  const tag =
    input.properties.findLast(([key]) => key === 'tag')?.[1] ?? input.name ?? timeTag(input.createdAt!);
  assertTag(tag);
  return tag;
}

function freeTag(world: World, input: CloneInput): string {
  const tag = tagOf(input);
  const explicit = input.name !== undefined || input.properties.some(([key]) => key === 'tag');
  const holder = holderOf(world.jails, tag) ?? holderOf(world.jails, input.uuid!);
  if (holder === undefined) return tag;
  if (!explicit) return `${tag}-${input.uuid!.slice(0, 8)}`;
  throw failure('NAME_TAKEN', { what: 'tag', name: tag, by: holder.uuid });
}

async function snapshotRows(
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
  'template',
  'type',
  'jail_zfs_dataset',
]);

async function cloneSteps(
  to: { world: World; source: Jail; uuid: string; tag: string; snapshot: string | undefined },
  found: { filesystems: readonly string[]; snapshots: ReadonlySet<string> },
  given: readonly (readonly [string, string])[],
): Promise<readonly Step[]> {
  const { world, source, uuid, tag, snapshot } = to;
  if (snapshot !== undefined) {
    assertSnapshotName(snapshot);
    if (!found.snapshots.has(`${source.dataset}/root@${snapshot}`)) {
      throw failure('SNAPSHOT_NOT_FOUND', { jail: label(source), snapshot });
    }
  }
  const dataset = `${world.root}/jails/${uuid}`;
  const mountpoint = join(world.mountpoint, 'jails', uuid);
  const point = snapshot ?? uuid;
  const hostname = given.find(([key]) => key === 'host_hostname')?.[1];
  const name = hostname ?? uuid.replaceAll('_', '-');
  const kept = [...source.local].filter(
    ([key]) => !identity.has(key) && !/^vnet\d_mac$/.test(key) && !given.some(([other]) => other === key),
  );
  const own: (readonly [string, string])[] = [
    ['host_hostuuid', uuid],
    ['tag', tag],
    ['type', 'clonejail'],
    // A jail made with -n is called by its name; one with a UUID by the UUID, which is the built-in default.
    ...(hostname === undefined && name === tag ? ([['host_hostname', name]] as const) : []),
    ...kept.filter(([key]) => !key.startsWith('release_') && key !== 'fetched_at'),
    ...given,
  ];
  const steps: Step[] = [];
  if (snapshot === undefined) {
    steps.push(takeSnapshot({ name: `${source.dataset}@${point}`, recursive: true, properties: {} }));
  }
  for (const filesystem of found.filesystems) {
    // With a named snapshot, a child made after it has no part in it.
    if (snapshot !== undefined && !found.snapshots.has(`${filesystem}@${point}`)) continue;
    const target = `${dataset}${filesystem.slice(source.dataset.length)}`;
    const properties = filesystem === source.dataset ? toZfsProperties(own) : {};
    steps.push(cloneDataset({ snapshot: `${filesystem}@${point}`, dataset: target, properties }));
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

/**
 * `import` of a file of `bastille export` or `pot export`. The configuration is read out of the file, members and streams
 * are judged, before anything is made. Of a package of streams zfs-receive(8) gets those of the root alone, one snapshot
 * after the other: what the package says of properties, such as where something is mounted, never reaches ZFS, whichever
 * ZFS it is. See decision 24.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Plan } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { archivedStreams, FolderReader, type ArchivedJail } from '../../domain/adopt/archive.ts';
import { newFstab, type FoundJail, type Left } from '../../domain/adopt/found.ts';
import { JailConfProblem } from '../../domain/adopt/jail-conf.ts';
import { parseComponents, readPot } from '../../domain/adopt/pot.ts';
import { checkAssignments } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { sortImported, type Dropped } from '../../domain/image.ts';
import { StreamFiles } from '../../domain/stream-files.ts';
import { StreamProblem, StreamReader, type StreamSnapshot } from '../../domain/stream-records.ts';
import { assertDigest, assertPrivate, type findBackup } from '../image/backup-source.ts';
import { tellAhead, type Imported } from '../image/imported.ts';
import { chooseRelease } from '../jail/create.ts';
import { toZfsProperties } from '../jail/new-jail.ts';
import { jailLock, tagLock } from '../jail/select.ts';
import { releaseRoot } from '../mounted.ts';
import { stepRun } from '../run/steps.ts';
import { availableBytes, maxMembers, readAll, readTar, unpackArchive } from '../steps/archive.ts';
import { beginRestore } from '../steps/backup.ts';
import { createDataset, dropSnapshot, mountDataset } from '../steps/dataset.ts';
import { makeLink, writeNew } from '../steps/file.ts';
import { ownRoot } from '../steps/image.ts';
import { receiveStream } from '../steps/transfer.ts';
import { copyInto } from '../steps/tree.ts';
import type { World } from '../world/world.ts';
import { assertFree, bootNote, propertiesOf } from './adopt.ts';
import { potHooks, readBastilleFiles } from './places.ts';

type Source = NonNullable<Awaited<ReturnType<typeof findBackup>>>;

interface Given {
  readonly name?: string | undefined;
  readonly hooks: boolean;
  readonly sha256?: string | undefined;
  readonly properties: readonly (readonly [string, string])[];
}

function nameOf(world: World, source: Source, { name = source.name, properties }: Given): string {
  if (properties.some(([key]) => key === 'tag'))
    throw failure('USAGE', { problem: `its tag is its name: say -n NAME`, command: 'import' });
  assertFree(world, name);
  return name;
}

export function lockArchived(world: World, source: Source, given: Given): readonly string[] {
  const name = nameOf(world, source, given);
  return [jailLock({ realm: world.realm, uuid: name }), tagLock(world.realm, name)];
}

/** @throws BAD_ARCHIVE, UNSAFE_ARCHIVE, UNSUPPORTED, UNTRUSTED_CONFIG, CHECKSUM_MISMATCH */
async function readArchived(
  context: Context,
  world: World,
  { file, all, kind }: Source,
  sha256: string | undefined,
): Promise<ArchivedJail> {
  // What was judged is what is unpacked.
  await assertPrivate(context, file);
  await assertDigest(context, file, sha256);
  const run = stepRun(context, '');
  if (kind === 'bastille') {
    const reader = new FolderReader(file, { maxBytes: await availableBytes(world.root, run), maxMembers });
    await readTar(
      { file, from: all },
      (member) => reader.take(member),
      () => reader.sizeBytes,
      run,
    );
    return reader.end();
  }
  const files = new StreamFiles();
  let top: string | undefined;
  const reader = new StreamReader((dataset) => ((top ??= dataset) === dataset ? files : undefined));
  await readAll({ file, from: all }, reader, () => reader.sizeBytes, run);
  return archivedStreams(file, reader.snapshots, files);
}

/** Its configuration, as the tool would start it under the name that it had. */
async function configured(file: string, name: string, jail: ArchivedJail): Promise<FoundJail> {
  try {
    if (jail.tool === 'bastille') {
      const found = await readBastilleFiles(name, `/usr/local/bastille/jails/${name}`, jail.read);
      if (found !== undefined) return found;
      throw new JailConfProblem(1, 'it is empty');
    }
    const files = {
      conf: jail.read('conf/pot.conf'),
      components: parseComponents(jail.read('conf/fscomp.conf')),
      hooks: potHooks(jail.list('conf')),
    };
    return readPot(name, `/opt/pot/jails/${name}`, files, () => undefined);
  } catch (error) {
    if (error instanceof JailConfProblem)
      throw failure('BAD_ARCHIVE', { file, why: `jail.conf: ${error.message}` });
    if (error instanceof StreamProblem) throw failure('BAD_ARCHIVE', { file, why: error.message });
    throw error;
  }
}

interface Place {
  readonly dataset: string;
  readonly root: string;
}

/** A thin jail shows the system of a release, which is not in the file: it is copied from the one that is fetched here. */
async function baseOf(
  context: Context,
  world: World,
  found: FoundJail,
  { root }: Place,
  release: string | undefined,
): Promise<{ steps: readonly Step[]; left: readonly Left[] }> {
  const steps: Step[] = [];
  const left: Left[] = [];
  for (const { from, at } of found.trees.filter((tree) => tree.at !== '')) {
    const [, theirs] = /\/releases\/([^/]+)$/.exec(from) ?? [];
    if (at !== '.bastille' || theirs === undefined) {
      left.push({ what: `${from} ${at}`, why: 'what it shows is not in the file' });
      continue;
    }
    const base = await releaseRoot(context, await chooseRelease(context, world, release ?? theirs));
    steps.push(copyInto({ from: base, root, at, fresh: true }));
  }
  return { steps, left };
}

/**
 * Writes one of the streams of the file, of which the first byte and how many are known. A constant line: these and the
 * program are its arguments. A reader that has enough ends the pipe, which is no failure to a shell.
 */
const cut = ({ all }: Source, { at, bytes }: StreamSnapshot): readonly string[] => [
  ...['sh', '-c', 'from=$1 bytes=$2; shift 2; "$@" | tail -c "+$from" | head -c "$bytes"', 'sh'],
  ...[String(at + 1), String(bytes), ...all],
];

function fillRoot(source: Source, { root: from }: ArchivedJail, jail: string, place: Place): readonly Step[] {
  const dataset = `${place.dataset}/root`;
  if ('folder' in from)
    return [
      createDataset({ dataset, properties: {} }),
      unpackArchive({ file: source.file, root: place.root, from: source.all, only: from.folder, bare: true }),
    ];
  return [
    ...from.snapshots.map((one, index) =>
      receiveStream({
        dataset,
        snapshot: one.snapshot,
        ...(index === 0 ? {} : { base: from.snapshots[index - 1]!.snapshot }),
        from: cut(source, one),
        resumable: false,
        // All of it goes with what it is in.
        keep: true,
        jail,
        home: dataset,
      }),
    ),
    mountDataset({ dataset, wasMounted: false }),
    ...from.snapshots.map(({ snapshot }) => dropSnapshot({ name: `${dataset}@${snapshot}` })),
  ];
}

/** What goes on the new jail, what was said beside it, and what stays behind. */
function propertiesFor(
  found: FoundJail,
  { hooks, properties }: Given,
  own: readonly (readonly [string, string])[],
) {
  const given = checkAssignments(
    properties.filter(([key]) => key !== 'release'),
    'jail-create',
  );
  const said = new Set(given.map(([key]) => key));
  const theirs = Object.fromEntries(propertiesOf(found).filter(([key]) => !said.has(key)));
  const { kept, dropped } = sortImported(theirs, { trusted: hooks, same: true });
  return { stored: toZfsProperties([...own, ...kept, ...given]), dropped };
}

export async function planArchived(
  context: Context,
  world: World,
  source: Source,
  given: Given,
): Promise<Plan<Imported>> {
  const name = nameOf(world, source, given);
  const { file } = source;
  const jail = await readArchived(context, world, source, given.sha256);
  const found = await configured(file, source.name, jail);
  const mountpoint = join(world.mountpoint, 'jails', name);
  const place = { dataset: `${world.root}/jails/${name}`, root: join(mountpoint, 'root') };
  const release = given.properties.findLast(([key]) => key === 'release')?.[1];
  const base = await baseOf(context, world, found, place, release);
  const own = [['host_hostuuid', name] as const, ['tag', name] as const, ['type', 'jail'] as const];
  const { stored, dropped } = propertiesFor(found, given, own);
  const boots = found.properties.some(([key, value]) => key === 'boot' && value === 'on');
  const mounts = found.fstab.map(({ source: from, target, type }) => ({
    what: `${from} ${target} ${type}`,
    why: 'it mounts something in the jail',
  }));
  const told: readonly Dropped[] = [
    ...dropped,
    ...(given.hooks ? [] : mounts),
    ...[...found.left, ...jail.left, ...base.left],
    ...(boots ? [bootNote] : []),
  ];
  tellAhead(context, told);
  return {
    subject: name,
    title: `Importing ${file} as ${name}`,
    steps: [
      beginRestore({ dataset: place.dataset, properties: stored }),
      ...fillRoot(source, jail, name, place),
      ...base.steps,
      ownRoot({ root: place.root }),
      writeNew({
        path: join(mountpoint, 'fstab'),
        text: newFstab(given.hooks ? found.fstab : [], found.root, place.root),
      }),
      makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', name) }),
    ],
    result: () => ({
      jails: [{ uuid: name, tag: name, kind: 'thick' }],
      file,
      metadata: true,
      dropped: told,
    }),
  };
}

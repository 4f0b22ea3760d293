/**
 * `import` of a backup of libiocage. Its configuration, every member of its tree and the head of each stream are
 * judged before anything is made; what would be power over this host makes the whole import fail unless it is
 * trusted. The jail comes back in libiocage's format under a new name; `migrate` makes it ours.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Plan } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { fromBackupFstab, type Backup, type Present } from '../../domain/backup.ts';
import { failure } from '../../domain/errors.ts';
import { readConfig } from '../../domain/format/config-file.ts';
import { addToJson, parseJson, replaceInJson } from '../../domain/format/json-text.ts';
import { FormatProblem } from '../../domain/format/members.ts';
import { holderOf } from '../../domain/jail.ts';
import { assertJailName } from '../../domain/name.ts';
import { assertDeletable } from '../../domain/tree.ts';
import { releaseRoot } from '../mounted.ts';
import { chooseRelease } from '../jail/create.ts';
import { jailLock, tagLock } from '../jail/select.ts';
import { unpackArchive } from '../steps/archive.ts';
import { beginRestore } from '../steps/backup.ts';
import { foreignPower, movedFstab } from '../steps/config-file.ts';
import { cloneDataset, createDataset, dropSnapshot, mountDataset, takeSnapshot } from '../steps/dataset.ts';
import { writeNew } from '../steps/file.ts';
import { ownRoot } from '../steps/image.ts';
import { applyDeletions, seen } from '../steps/package.ts';
import { receiveStream } from '../steps/transfer.ts';
import type { Release, World } from '../world/world.ts';
import { readBackup, type BackupSource } from './backup-source.ts';
import type { Imported } from './imported.ts';

interface Given {
  readonly name?: string | undefined;
  readonly hooks: boolean;
  readonly sha256?: string | undefined;
  readonly properties: readonly (readonly [string, string])[];
}

function nameOf({ file }: BackupSource, { name, properties }: Given): string {
  const usage = (problem: string): Error => failure('USAGE', { problem, command: 'import' });
  if (name === undefined)
    throw usage(`${file} is a backup of libiocage: say with -n NAME how the jail is to be called`);
  if (properties.length > 0)
    throw usage(`a backup of libiocage keeps its properties; change them with 'iocage set'`);
  assertJailName(name);
  return name;
}

export function lockBackup(world: World, source: BackupSource, given: Given): readonly string[] {
  const name = nameOf(source, given);
  return [jailLock({ realm: world.realm, uuid: name }), tagLock(world.realm, name)];
}

interface Place {
  readonly name: string;
  readonly dataset: string;
  readonly mountpoint: string;
}

/** The file under its new name, and what it says. */
function configured(
  file: string,
  text: string,
  name: string,
): { text: string; values: ReadonlyMap<string, string> } {
  try {
    const said = text.trim() === '' ? '{}\n' : text;
    const members = parseJson(said);
    const id = members.find(({ key }) => key === 'id');
    const value = { kind: 'string', text: name } as const;
    const renamed = id === undefined ? addToJson(said, members, 'id', value) : replaceInJson(said, id, value);
    return { text: renamed, values: readConfig({ name: 'config.json', text: renamed }, name).values };
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    throw failure('BAD_ARCHIVE', { file, why: `config.json: ${error.message}` });
  }
}

/** libiocage writes the patch level behind the name, where one was asked for. Undefined: the jail had none. */
function releaseIn(
  context: Context,
  world: World,
  values: ReadonlyMap<string, string>,
): Promise<Release> | undefined {
  const name = values.get('release');
  if (name === undefined) return undefined;
  const known = world.releases.some((release) => release.name === name);
  return chooseRelease(context, world, known ? name : name.replace(/-p\d+$/, ''));
}

/** What of the release the tree is laid over, when that which is gone was deleted. @throws UNSAFE_ARCHIVE */
async function presentIn(
  context: Context,
  root: string,
  deleted: readonly string[],
  file: string,
): Promise<Present> {
  const tree = await context.host.trees.entries(root, context);
  for (const path of deleted) assertDeletable(tree, path, file);
  const gone = new Set(deleted);
  const stays = (path: string): boolean => {
    for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1))
      if (gone.has(path.slice(0, at))) return false;
    return true;
  };
  return new Map(
    [...tree].filter(([path]) => stays(path)).map(([path, { type }]) => [path, seen[type] ?? 'other']),
  );
}

/** Everything but the files: where the tree goes, and what comes as a stream. */
function makeDatasets(
  { name, dataset }: Place,
  source: BackupSource,
  { tree, streams, snapshot: sent }: Backup,
  release: Release | undefined,
): readonly Step[] {
  const snapshot = `${release?.dataset}/root@${name}`;
  const root =
    release === undefined
      ? [createDataset({ dataset: `${dataset}/root`, properties: {} })]
      : [
          takeSnapshot({ name: snapshot, recursive: false, properties: {} }),
          cloneDataset({ snapshot, dataset: `${dataset}/root`, properties: {} }),
        ];
  return [
    // It is a jail for others when its configuration is written, as the last step.
    beginRestore({ dataset }),
    ...(tree === undefined ? [] : root),
    ...streams.map(({ member, path }) =>
      receiveStream(
        {
          dataset: `${dataset}/${path}`,
          snapshot: sent!,
          from: source.content(member),
          resumable: false,
          // All of it goes with what it is in.
          keep: true,
          jail: name,
          home: dataset,
        },
        path === 'root' ? { which: ['root'] } : {},
      ),
    ),
    ...streams.map(({ path }) => mountDataset({ dataset: `${dataset}/${path}`, wasMounted: false })),
    ...streams
      .filter(({ path }) => !path.includes('/'))
      .map(({ path }) => dropSnapshot({ name: `${dataset}/${path}@${sent}`, recursive: true })),
  ];
}

function fillRoot(source: BackupSource, { tree, deleted }: Backup, { mountpoint }: Place): readonly Step[] {
  const root = join(mountpoint, 'root');
  const unpack = (only: string): Step =>
    unpackArchive(
      { file: source.file, root: mountpoint, from: source.part(only), only },
      { which: ['tree'] },
    );
  return [
    ...(deleted.length > 0 ? [applyDeletions({ root, deleted })] : []),
    ...(tree === undefined ? [] : [unpack(tree)]),
    ownRoot({ root }),
  ];
}

export async function planBackup(
  context: Context,
  world: World,
  source: BackupSource,
  given: Given,
): Promise<Plan<Imported>> {
  const name = nameOf(source, given);
  const { file } = source;
  const holder = holderOf(world.jails, name);
  if (holder !== undefined) throw failure('NAME_TAKEN', { what: 'name', name, by: holder.uuid });
  const { reader, backup } = await readBackup(context, world, source, given.sha256);
  const mountpoint = join(world.mountpoint, 'jails', name);
  const place = { name, dataset: `${world.root}/jails/${name}`, mountpoint };
  const { text, values } = configured(file, backup.config, name);
  const fstab = movedFstab(fromBackupFstab(backup.fstab, mountpoint), name, world.mountpoint);
  const power = foreignPower(values, fstab, { iocage: world.mountpoint, root: join(mountpoint, 'root') });
  if (power !== undefined && !given.hooks) throw failure('UNTRUSTED_ARCHIVE', { file, key: power });
  const release = backup.tree === undefined ? undefined : await releaseIn(context, world, values);
  if (backup.tree !== undefined) {
    const root = release && (await releaseRoot(context, release));
    reader.judgeTree(root === undefined ? new Map() : await presentIn(context, root, backup.deleted, file));
  }
  return {
    subject: name,
    title: `Importing ${file} as ${name}`,
    steps: [
      ...makeDatasets(place, source, backup, release),
      ...fillRoot(source, backup, place),
      writeNew({ path: join(mountpoint, 'fstab'), text: fstab }, { which: ['fstab'] }),
      writeNew({ path: join(mountpoint, 'config.json'), text }, { which: ['config'] }),
    ],
    result: () => ({
      jails: [{ uuid: name, tag: name, kind: release === undefined ? 'thick' : 'clone' }],
      file,
      metadata: true,
      dropped: [],
    }),
  };
}

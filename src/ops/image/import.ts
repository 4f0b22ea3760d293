/**
 * `import`: a jail from an image. Digest and every member of the archive are judged before anything is
 * created. What would give the image power over this host (hooks, mounts, handed datasets, widened
 * permissions) is left out, and told, unless `--hooks` says that the image is trusted.
 */
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { checkAssignments } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { identifyImported, mountLines, sortImported } from '../../domain/image.ts';
import { holderOf } from '../../domain/jail.ts';
import { assertJailName, assertTag } from '../../domain/name.ts';
import { releaseRoot } from '../mounted.ts';
import { readWorld } from '../world/read.ts';
import type { Release, World } from '../world/world.ts';
import { chooseRelease } from '../jail/create.ts';
import { toZfsProperties } from '../jail/new-jail.ts';
import { refusePackageList } from '../jail/create-packages.ts';
import { jailLock, tagLock } from '../jail/select.ts';
import { checkArchives, unpackArchive } from '../steps/archive.ts';
import { cloneDataset, createDataset, takeSnapshot } from '../steps/dataset.ts';
import { makeLink, writeInRoot, writeNew } from '../steps/file.ts';
import { ownRoot } from '../steps/image.ts';
import { applyDeletions, checkPackage } from '../steps/package.ts';
import { lockArchived, planArchived } from '../adopt/archive.ts';
import { imageStreams } from '../adopt/streams.ts';
import { findBackup } from './backup-source.ts';
import { findImage, type Image } from './find.ts';
import { lockBackup, planBackup } from './import-backup.ts';
import { tellAhead, type Imported } from './imported.ts';
import { packingWord } from './place.ts';

const importInput = z.object({
  /** An absolute path, a file's name, a UUID, a tag, or the beginning of a UUID. */
  image: z.string().min(1),
  name: z.string().optional(),
  /** Take hooks, mounts, handed datasets and permissions too: the image is trusted. */
  hooks: z.boolean().default(false),
  /** Lower-case hexadecimal, for an archive that has none beside it. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is 64 hexadecimal digits')
    .optional(),
  /** Absolute path of the directory to look in, or of the archive. */
  path: z.string().startsWith('/').optional(),
  packing: z.enum(['zstd', 'xz', 'gz']).optional(),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** The new jail's, when the image's own is taken or unknown. */
  uuid: z.string().optional(),
  createdAt: z.date().optional(),
});
type ImportInput = z.output<typeof importInput>;

interface Found {
  readonly world: World;
  readonly image: Image;
  readonly uuid: string;
  readonly tag: string;
  readonly same: boolean;
  /** The tag that it would have if nothing was taken. */
  readonly wished: string;
}

export const imageImport = defineChange<typeof importInput, Imported>({
  id: 'image.import',
  title: 'Make a jail from an image',
  effect: 'change',
  recover: 'undo',
  // A jail of the new name is in the way, whosever it is.
  anyFormat: true,
  input: importInput,
  prepare: (context, input) => ({
    ...input,
    uuid: input.uuid ?? context.ids.uuid(),
    createdAt: context.clock.now(),
  }),
  async locks(context, input) {
    const everything = await readWorld(context);
    const backup = await findBackup(context, everything, input);
    if (backup?.kind === 'backup') return lockBackup(everything, backup, input);
    if (backup !== undefined) return lockArchived(everything, backup, input);
    const { world, uuid, tag, wished } = await find(context, input);
    const { realm } = world;
    // The last: where the half of an import that was killed has its name, no other one is chosen; doctor is first.
    return [jailLock({ realm, uuid }), tagLock(realm, tag), `import:${realm}:${wished}`];
  },
  async plan(context, input) {
    const everything = await readWorld(context);
    const backup = await findBackup(context, everything, input);
    if (backup?.kind === 'backup') return planBackup(context, everything, backup, input);
    if (backup !== undefined) return planArchived(context, everything, backup, input);
    const found = await find(context, input);
    const { world, image, uuid, tag, same } = found;
    const release = await releaseFor(context, world, image, input);
    const given = checkAssignments(input.properties, 'jail-create').filter(
      ([key]) => key !== 'tag' && (release === undefined || key !== 'release'),
    );
    refusePackageList(given);
    const sorted = sortImported(image.metadata?.properties ?? {}, { trusted: input.hooks, same });
    const mounts = mountLines(image.metadata?.fstab ?? '');
    const dropped = [
      ...sorted.dropped.filter(({ what }) => !given.some(([key]) => what.startsWith(`${key}=`))),
      ...(input.hooks ? [] : mounts.map((what) => ({ what, why: 'it mounts something in the jail' }))),
    ];
    tellAhead(context, dropped);
    const own = sorted.kept.filter(
      ([key]) => !(key === 'release' && release !== undefined) && !given.some(([other]) => other === key),
    );
    const foreign = image.metadata !== undefined && image.metadata.kernel !== context.host.kernel;
    return {
      subject: `${image.stem} as ${tag}`,
      title: `Importing ${image.stem} as ${tag}`,
      steps: importSteps(context, found, release, [...own, ...given], {
        fstab: input.hooks ? (image.metadata?.fstab ?? '') : '',
        hostname: given.find(([key]) => key === 'host_hostname')?.[1],
      }),
      result: () => ({
        jails: [{ uuid, tag, kind: release === undefined ? ('thick' as const) : ('clone' as const) }],
        file: image.file,
        metadata: image.metadata !== undefined,
        dropped,
        ...(foreign ? { foreignKernel: image.metadata!.kernel } : {}),
      }),
    };
  },
  command: {
    names: ['import'],
    group: 'data',
    usage: 'IMAGE|FILE [tag=TAG] [sha256=DIGEST] [PROPERTY=VALUE ...]',
    flags: [
      { key: 'name', flags: '-n, --name <name>', doc: 'name of the dataset, the tag and the host name' },
      {
        key: 'hooks',
        flags: '--hooks',
        doc: 'the image is trusted: take its hooks, mounts, handed datasets and permissions too',
      },
      { key: 'path', flags: '-p, --path <path>', doc: 'look in this directory, or take this file' },
      { key: 'packing', flags: '-c, --compression <how>', doc: 'only images packed by zstd, xz or gz' },
    ],
    about:
      'IMAGE is a file in the directory images, its UUID, its tag, or the beginning of its UUID; FILE is a path. ' +
      'The SHA-256 beside it must fit, and nothing is created before every member of the archive was judged. ' +
      'The jail keeps its UUID and tag where they are free. Images of the original are taken as they are; a package needs its release. ' +
      'FILE may also be a backup of libiocage, an archive or a directory; NAME says what its jail is to be called; ' +
      'or what bastille export or pot export wrote, whose release=NAME says what a thin jail shows as its system.',
    examples: [
      { line: 'iocage import web', says: 'the jail web as it was exported' },
      {
        line: 'iocage import /mnt/usb/web.tar.xz tag=web2',
        says: 'from a file; web.sha256 stands beside it',
      },
      { line: 'iocage import --hooks web', says: 'an image of your own: its exec_* hooks and fstab too' },
      { line: 'iocage import -n web /mnt/usb/backup.txz', says: 'a backup of libiocage' },
      { line: 'iocage import /mnt/usb/web_2026-06-20-101010.xz', says: 'a file of bastille export' },
    ],
    // Python iocage packs streams of ZFS in a zip file.
    instead: ({ positionals: [image] }) => (image?.endsWith('.zip') === true ? imageStreams : undefined),
    toInputs(words) {
      const [image, ...more] = words.positionals;
      if (image === undefined) throw failure('USAGE', { problem: 'which image?', command: 'import' });
      if (more.length > 0)
        throw failure('USAGE', { problem: `${JSON.stringify(more[0])} is too much`, command: 'import' });
      const sha256 = words.properties.findLast(([key]) => key === 'sha256')?.[1];
      return [
        {
          image: image.includes('/') ? resolve(image) : image,
          ...(words.flags['name'] === undefined ? {} : { name: words.flags['name'] }),
          ...(words.flags['path'] === undefined ? {} : { path: resolve(String(words.flags['path'])) }),
          ...packingWord('import', words),
          ...(sha256 === undefined ? {} : { sha256: sha256.toLowerCase() }),
          hooks: words.flags['hooks'] === true,
          properties: words.properties.filter(([key]) => key !== 'sha256'),
        },
      ];
    },
  },
});

async function find(context: Context, input: ImportInput): Promise<Found> {
  if (input.name !== undefined) assertJailName(input.name);
  const given = input.properties.findLast(([key]) => key === 'tag')?.[1];
  if (given !== undefined) assertTag(given);
  const world = await readWorld(context);
  const image = await findImage(context, world, input.image, input);
  const holder = (word: string | undefined) => (word === undefined ? undefined : holderOf(world.jails, word));
  for (const [what, word] of [
    ['name', input.name],
    ['tag', given],
  ] as const) {
    const by = holder(word);
    if (by !== undefined) throw failure('NAME_TAKEN', { what, name: word!, by: by.uuid });
  }
  const identify = (isTaken: (word: string | undefined) => boolean) =>
    identifyImported(
      { stem: image.stem, ...image.metadata },
      {
        ...(input.name === undefined ? {} : { name: input.name }),
        ...(given === undefined ? {} : { tag: given }),
      },
      { uuid: input.uuid!, createdAt: input.createdAt! },
      isTaken,
    );
  return {
    world,
    image,
    ...identify((word) => holder(word) !== undefined),
    wished: identify(() => false).tag,
  };
}

/** A package needs its release; an image brings everything. */
async function releaseFor(
  context: Context,
  world: World,
  image: Image,
  input: ImportInput,
): Promise<Release | undefined> {
  if (!image.isPackage) return undefined;
  const given = input.properties.findLast(([key]) => key === 'release')?.[1];
  const made = image.metadata?.package?.release;
  if (made !== undefined && given !== undefined && given !== made) {
    throw failure('INVALID_INPUT', {
      issues: [{ path: 'release', problem: `the package was made against ${made}` }],
    });
  }
  const release = await chooseRelease(context, world, made ?? given);
  await releaseRoot(context, release);
  return release;
}

function importSteps(
  context: Context,
  { world, image, uuid, tag, same }: Found,
  release: Release | undefined,
  properties: readonly (readonly [string, string])[],
  { fstab, hostname }: { fstab: string; hostname: string | undefined },
): readonly Step[] {
  const dataset = `${world.root}/jails/${uuid}`;
  const mountpoint = join(world.mountpoint, 'jails', uuid);
  const root = join(mountpoint, 'root');
  const type =
    release !== undefined ? 'clonejail' : image.metadata?.type === 'emptyjail' ? 'emptyjail' : 'jail';
  const own: (readonly [string, string])[] = [
    ['host_hostuuid', uuid],
    ['tag', tag],
    ['type', type],
    ...(release === undefined ? [] : ([['release', release.name]] as const)),
    ...properties,
  ];
  const name = hostname ?? (same ? undefined : uuid.replaceAll('_', '-'));
  const top = createDataset({ dataset, properties: toZfsProperties(own) });
  return [
    ...(release === undefined
      ? fromImage(context, world, image, top, { dataset, root })
      : fromPackage(context, image, release, top, { dataset, root, uuid })),
    ...(name === undefined
      ? []
      : [writeInRoot({ root, contents: [{ path: 'etc/hostname', text: `${name}\n`, replace: true }] })]),
    writeNew({ path: join(mountpoint, 'fstab'), text: fstab }, { which: ['fstab'] }),
    makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', tag) }),
  ];
}

/** The digest is looked at a second time where the file could have been exchanged after the check. */
function unpackStep(context: Context, image: Image, root: string): Step {
  const { file, sha256 } = image;
  return unpackArchive({ file, ...(image.private ? {} : { sha256 }), root });
}

function fromImage(
  context: Context,
  world: World,
  image: Image,
  top: Step,
  { dataset, root }: { dataset: string; root: string },
): readonly Step[] {
  const { file, sha256 } = image;
  return [
    checkArchives({ archives: [{ file, sha256 }], dataset: `${world.root}/jails`, oddNames: true }),
    top,
    createDataset({ dataset: `${dataset}/root`, properties: {} }),
    unpackStep(context, image, root),
    ownRoot({ root }),
  ];
}

function fromPackage(
  context: Context,
  image: Image,
  release: Release,
  top: Step,
  { dataset, root, uuid }: { dataset: string; root: string; uuid: string },
): readonly Step[] {
  const { file, sha256 } = image;
  const deleted = image.metadata?.package?.deleted ?? [];
  if (release.mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset: release.dataset });
  const snapshot = `${release.dataset}/root@${uuid}`;
  return [
    checkPackage({ file, sha256, base: join(release.mountpoint, 'root'), dataset: release.dataset, deleted }),
    top,
    takeSnapshot({ name: snapshot, recursive: false, properties: {} }),
    cloneDataset({ snapshot, dataset: `${dataset}/root`, properties: {} }),
    ...(deleted.length > 0 ? [applyDeletions({ root, deleted })] : []),
    unpackStep(context, image, root),
    ownRoot({ root }),
  ];
}

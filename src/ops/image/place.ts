/** What export and package share: where images are, how they are packed, what is written about a jail. */
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import type { Context } from '../context.ts';
import type { Flag, Words } from '../operation.ts';
import type { JailSpec } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import {
  isPacked,
  packings,
  parseDigest,
  stemOf,
  type ImageMetadata,
  type Packing,
} from '../../domain/image.ts';
import type { Jail } from '../../domain/jail.ts';
import { properties } from '../../domain/properties/index.ts';
import { jailProblem } from '../jail/reach.ts';
import { directoryProblem } from '../jail/trusted-config.ts';
import type { World } from '../world/world.ts';
import { makeDirectory } from '../steps/file.ts';
import { publishImage, type Described } from '../steps/image.ts';

export function imagesDirectory(world: World): string {
  return join(world.mountpoint, 'images');
}

export function packagesDirectory(world: World): string {
  return join(world.mountpoint, 'packages');
}

export const archiveInput = z.object({
  jail: z.string().min(1),
  /** Default: zstd where it is installed, otherwise gz. */
  packing: z.enum(['zstd', 'xz', 'gz']).optional(),
});

export const packingFlag: Flag = {
  key: 'packing',
  flags: '-c, --compression <how>',
  doc: 'zstd (the default where it is installed), xz or gz',
};

const words: Readonly<Record<string, Packing>> = { zstd: 'zstd', xz: 'xz', lzma: 'xz', gz: 'gz', gzip: 'gz' };

export function packingWord(command: string, given: Words): { packing?: Packing } {
  const how = given.flags['packing'] as string | undefined;
  if (how === undefined) return {};
  if (Object.hasOwn(words, how)) return { packing: words[how]! };
  throw failure('USAGE', { problem: `compression is zstd, xz or gz, not ${JSON.stringify(how)}`, command });
}

/** What stands beside the archive, as far as it is known before that is written. */
async function describe(context: Context, jail: Jail, spec: JailSpec, archive: string): Promise<Described> {
  return {
    format: 'iocage-image',
    version: 1,
    kernel: context.host.kernel,
    exportedAt: context.clock.now().toISOString(),
    uuid: jail.uuid,
    tag: jail.tag,
    type: spec.config.get('type') ?? 'jail',
    ...(jail.local.has('release') ? { release: jail.local.get('release')! } : {}),
    archive,
    properties: await storedProperties(context, jail),
    fstab: (await context.files.readBelow(spec.mountpoint, 'fstab')) ?? '',
  };
}

/** An archive of a jail that was written. */
export interface Written {
  readonly uuid: string;
  readonly tag: string;
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Removes what an earlier export left to wait until this one had ended. The jail's lock is held, so what
 * waits under its name belongs to no operation that still runs.
 */
async function forgetReplaced(context: Context, directory: string, uuid: string): Promise<void> {
  const { files } = context;
  for (const staging of (await files.list(directory)).filter((name) => name.startsWith('.'))) {
    const old = join(directory, staging, 'old');
    const names = await files.list(old);
    if (!names.includes(`${uuid}.json`) && !names.some((name) => stemOf(name) === uuid)) continue;
    for (const name of names) await files.remove(join(old, name));
    await files.rmdir(old);
    await files.rmdir(join(directory, staging));
  }
}

/** What stands there when it is done. */
async function written(
  context: Context,
  directory: string,
  { uuid, tag }: Pick<Jail, 'uuid' | 'tag'>,
  archive: string,
  stem: string = uuid,
): Promise<Written> {
  if (stem === uuid) await forgetReplaced(context, directory, uuid);
  const file = join(directory, archive);
  const sha256 = parseDigest((await context.files.read(join(directory, `${stem}.sha256`))) ?? '') ?? '';
  return { uuid, tag, file, sha256, sizeBytes: (await context.files.stat(file))?.sizeBytes ?? 0 };
}

/** The root must be there, or the archive would hold an empty directory. Answers what is mounted inside it. */
export async function checkRoot(context: Context, jail: Jail): Promise<readonly string[]> {
  const rows = (await context.storage.filesystems(jail.dataset, 8, ['mounted'])) ?? [];
  const root = rows.find(({ name }) => name === `${jail.dataset}/root`);
  if (root === undefined) throw failure('DATASET_NOT_FOUND', { dataset: `${jail.dataset}/root` });
  if (root.values.get('mounted') !== 'yes') throw failure('NOT_MOUNTED', { dataset: root.name });
  return rows.map(({ name }) => name).filter((name) => name !== jail.dataset && name !== root.name);
}

async function choosePacking(context: Context, wanted: Packing | undefined): Promise<Packing> {
  const has = async (packing: Packing): Promise<boolean> => {
    try {
      await context.exec.read([packings[packing].tool, '--version'], { accept: 'any' });
      return true;
    } catch {
      return false;
    }
  };
  if (wanted === undefined) return (await has('zstd')) ? 'zstd' : 'gz';
  if (await has(wanted)) return wanted;
  const { tool } = packings[wanted];
  throw failure('MISSING_TOOL', {
    tool,
    package: wanted === 'xz' ? 'xz-utils' : tool,
    why: 'compress the image',
  });
}

/** Files of an earlier export of the jail, whatever its compression: the one digest could not fit both. */
async function earlier(
  context: Context,
  directory: string,
  uuid: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const present = await context.files.list(directory);
  return present.filter((name) => names.includes(name) || stemOf(name) === uuid);
}

const besides = (stem: string): readonly string[] => [`${stem}.sha256`, `${stem}.json`];

/** The path of an archive that somebody named, by its parts. */
export interface NamedPlace {
  readonly directory: string;
  readonly archive: string;
  readonly stem: string;
  readonly packing: Packing;
}

/**
 * What grows in the directory of this path is only ours: who else may change it, on this host or in a jail, could put a
 * link in the place of what is written.
 *
 * @throws UNSAFE_PATH
 */
export async function assertGrowsAlone(context: Context, path: string): Promise<void> {
  const directory = (await context.files.realpath(dirname(path))) ?? dirname(path);
  const inJail = await jailProblem(context, join(directory, basename(path)));
  if (inJail !== undefined)
    throw failure('UNSAFE_PATH', { path, why: inJail.why, mend: 'name a directory that no jail may write' });
  const problem = await directoryProblem(context, directory);
  if (problem === undefined) return;
  const why = `only root may be able to change its directory, and ${problem.path} is not so: ${problem.why}`;
  throw failure('UNSAFE_PATH', {
    path,
    why,
    mend: 'name a directory of root, such as /root, and move the file from there',
  });
}

/** @throws FILE_FAILED when one of its files is there already, or its directory is not */
export async function namedPlace(context: Context, path: string): Promise<NamedPlace> {
  const { files } = context;
  const refuse = (at: string, why: string): Error => failure('FILE_FAILED', { path: at, why });
  const directory = dirname(path);
  const archive = basename(path);
  const stem = stemOf(archive);
  const packing = (Object.keys(packings) as Packing[]).find((each) => isPacked(archive, each));
  if (stem === undefined || packing === undefined)
    throw refuse(path, 'its name does not end in .tar.zst, .tar.xz or .tar.gz');
  if ((await files.stat(directory))?.type !== 'directory') throw refuse(directory, 'it is no directory');
  await assertGrowsAlone(context, path);
  for (const name of [archive, ...besides(stem)]) {
    const there = join(directory, name);
    if ((await files.stat(there)) !== undefined || (await files.readlink(there)) !== undefined)
      throw refuse(there, 'already exists');
  }
  return { directory, archive, stem, packing };
}

/** The archive that a jail gets in a directory: what the step that writes it takes, the steps around that, and the result. */
export async function archiveOf(
  context: Context,
  directory: string,
  jail: Jail,
  spec: JailSpec,
  wanted: Packing | undefined,
  named?: NamedPlace,
) {
  const stem = named?.stem ?? jail.uuid;
  const packing = await choosePacking(context, wanted);
  const archive = named?.archive ?? `${stem}${packings[packing].ending}`;
  const names = [archive, ...besides(stem)];
  const replaces = named === undefined ? await earlier(context, directory, stem, names) : [];
  const described = await describe(context, jail, spec, archive);
  return {
    directoryStep: makeDirectory({ path: directory, mode: 0o700 }),
    content: { directory, stem, packing, described },
    publish: publishImage({ directory, names, replaces }),
    written: () => written(context, directory, jail, archive, stem),
  };
}

const nativeKeys = new Set(
  properties.filter(({ store, access }) => store === 'native' && access === 'set').map(({ key }) => key),
);

async function storedProperties(context: Context, jail: Jail): Promise<ImageMetadata['properties']> {
  const native = [...((await context.storage.local(jail.dataset)) ?? [])].filter(([key]) =>
    nativeKeys.has(key),
  );
  return Object.fromEntries([...jail.local, ...native].sort(([a], [b]) => (a < b ? -1 : 1)));
}

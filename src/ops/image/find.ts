/** Finds the image that `import` names, with its digest and metadata; reads small files only. */
import { basename, dirname, join } from 'node:path';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import {
  chooseImage,
  isPacked,
  parseDigest,
  parseMetadata,
  stemOf,
  type ImageMetadata,
  type Packing,
  type StoredImage,
} from '../../domain/image.ts';
import type { World } from '../world/world.ts';
import { imagesDirectory, packagesDirectory } from './place.ts';

export interface Image {
  /** Absolute path of the archive. */
  readonly file: string;
  readonly stem: string;
  readonly sha256: string;
  readonly metadata: ImageMetadata | undefined;
  /** Only root can exchange the file between one look and the next. */
  readonly private: boolean;
  /** The original's packages have nothing in them to tell them from images. */
  readonly isPackage: boolean;
}

/** More than any metadata of ours. */
const maxSidecarBytes = 4 * 1024 * 1024;

/** What else is said of an image besides its name. */
export interface Hints {
  /** Lower-case hexadecimal, for an archive that has none beside it. */
  readonly sha256?: string | undefined;
  /** Absolute path of the directory to look in instead, or of the archive itself. */
  readonly path?: string | undefined;
  /** Only archives packed this way. */
  readonly packing?: Packing | undefined;
}

/** @param word an absolute path, or what `chooseImage` takes. */
export async function findImage(
  context: Context,
  world: World,
  word: string,
  { sha256: given, path, packing }: Hints,
): Promise<Image> {
  const places = [imagesDirectory(world), packagesDirectory(world)];
  const at = path === undefined ? undefined : (await context.files.stat(path))?.type;
  const named = at === 'file' ? path! : word;
  const among = path === undefined ? places : [path];
  const file = named.startsWith('/')
    ? named
    : chooseImage(await storedImages(context, among, packing), named, among.join(' and ')).path;
  const stem = stemOf(basename(file));
  if (stem === undefined)
    throw failure('BAD_ARCHIVE', {
      file,
      why: 'its name does not end in .tar, .tar.gz, .tar.xz or .tar.zst',
    });
  if ((await context.files.stat(file))?.type !== 'file') {
    throw failure('IMAGE_NOT_FOUND', { name: word, place: dirname(file), present: [] });
  }
  const metadata = await readMetadata(context, file, stem);
  const place = await context.files.stat(dirname(file));
  return {
    file,
    stem,
    metadata,
    sha256: await digestOf(context, file, stem, metadata, given),
    private: places.includes(dirname(file)) && place?.uid === 0 && (place.mode & 0o077) === 0,
    isPackage: metadata?.package !== undefined || (metadata === undefined && dirname(file) === places[1]),
  };
}

/** The archives in these directories, with the tags that their metadata have. */
export async function storedImages(
  context: Context,
  places: readonly string[],
  packing?: Packing,
): Promise<readonly (StoredImage & { readonly path: string })[]> {
  const images: (StoredImage & { readonly path: string })[] = [];
  for (const place of places) {
    for (const name of await context.files.list(place)) {
      const stem = stemOf(name);
      if (stem === undefined || (packing !== undefined && !isPacked(name, packing))) continue;
      const path = join(place, name);
      const tag = await tagOf(context, path, stem);
      images.push({ name, stem, path, ...(tag === undefined ? {} : { tag }) });
    }
  }
  return images;
}

/** Another image's damaged metadata is no reason to refuse this one. */
async function tagOf(context: Context, file: string, stem: string): Promise<string | undefined> {
  try {
    return (await readMetadata(context, file, stem))?.tag;
  } catch {
    return undefined;
  }
}

async function readSidecar(context: Context, path: string): Promise<string | undefined> {
  const facts = await context.files.stat(path);
  if (facts === undefined) return undefined;
  if (facts.type !== 'file' || facts.sizeBytes > maxSidecarBytes)
    throw failure('BAD_ARCHIVE', { file: path, why: 'it is no plain file of at most 4 MiB' });
  return context.files.read(path);
}

async function readMetadata(
  context: Context,
  file: string,
  stem: string,
): Promise<ImageMetadata | undefined> {
  const path = join(dirname(file), `${stem}.json`);
  const content = await readSidecar(context, path);
  return content === undefined ? undefined : parseMetadata(path, content);
}

/** What the caller said, the `.sha256` file and the metadata must agree; one of them must be there. */
async function digestOf(
  context: Context,
  file: string,
  stem: string,
  metadata: ImageMetadata | undefined,
  given: string | undefined,
): Promise<string> {
  const path = join(dirname(file), `${stem}.sha256`);
  const content = await readSidecar(context, path);
  const stored = content === undefined ? undefined : parseDigest(content);
  if (content !== undefined && stored === undefined)
    throw failure('BAD_ARCHIVE', { file: path, why: 'it holds no SHA-256 digest' });
  const all = [given, stored, metadata?.sha256].filter((digest) => digest !== undefined);
  const [expected] = all;
  if (expected === undefined) throw failure('CHECKSUM_MISSING', { file, expected: path });
  const other = all.find((digest) => digest !== expected);
  if (other !== undefined) throw failure('CHECKSUM_MISMATCH', { file, expected, actual: other });
  return expected;
}

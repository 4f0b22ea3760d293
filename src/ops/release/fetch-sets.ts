/**
 * `fetch release=14.1-RELEASE`: FreeBSD's distribution sets. The MANIFEST is read first, so that an
 * unknown release, an unreachable server or a missing set fails before anything is made; every set
 * is verified against it before it is unpacked.
 */
import { join } from 'node:path';
import type { Context } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { compressionOf } from '../../domain/archive.ts';
import { failure } from '../../domain/errors.ts';
import { ManifestProblem, parseManifest } from '../../domain/manifest.ts';
import { defaultSets, freebsdArch, freebsdDirectory, freebsdServer, redacted } from '../../domain/release.ts';
import { checkArchives, unpackArchive, type ArchiveFile } from '../steps/archive.ts';
import { createDownloadDataset, downloadFile } from '../steps/download.ts';
import { writeNew } from '../steps/file.ts';
import type { Filling, Place } from './filling.ts';
import type { FetchInput } from './fetch-words.ts';

export async function planSets(context: Context, input: FetchInput, place: Place): Promise<Filling> {
  const arch = freebsdArch((await context.exec.read(['uname', '-m'])).stdout);
  if (arch === undefined)
    throw failure('UNSUPPORTED', { what: 'fetching FreeBSD', why: 'there is none for this processor' });
  return input.localDirectory === undefined
    ? fromServer(context, input, place, arch)
    : fromDirectory(context, input, place, arch, input.localDirectory);
}

async function fromServer(context: Context, input: FetchInput, place: Place, arch: string): Promise<Filling> {
  const directory = input.directory ?? freebsdDirectory(place.name, arch);
  const base = `${input.server ?? freebsdServer}/${directory.replace(/^\/+|\/+$/g, '')}`;
  const manifest = await context.downloads.text(`${base}/MANIFEST`, { signal: context.signal });
  assertDigest(input, `${base}/MANIFEST`, manifest.sha256);
  const sets = chooseSets(input, arch, readManifest(manifest.text, `${base}/MANIFEST`));
  const { mountpoint } = place.download;
  const archives = sets.map(({ name, sha256 }) => ({ file: join(mountpoint, name), sha256 }));
  return {
    kind: 'freebsd',
    source: redacted(base),
    sha256: manifest.sha256,
    before: [
      createDownloadDataset(place.download),
      ...sets.map(({ name, sha256 }) =>
        downloadFile({ url: `${base}/${name}`, directory: mountpoint, name, sha256 }),
      ),
      writeNew({ path: join(mountpoint, 'MANIFEST'), text: manifest.text }),
      checkArchives({ archives, dataset: `${place.world.root}/releases` }),
    ],
    fill: unpackAll(context, place, archives),
  };
}

async function fromDirectory(
  context: Context,
  input: FetchInput,
  place: Place,
  arch: string,
  given: string,
): Promise<Filling> {
  // Python iocage looked in DIRECTORY/RELEASE, the original in DIRECTORY.
  const nested = join(given, place.name);
  const directory = (await context.files.stat(nested))?.type === 'directory' ? nested : given;
  const path = join(directory, 'MANIFEST');
  const text = await context.files.read(path);
  if (text === undefined && input.verify) {
    throw failure('FILE_FAILED', {
      path,
      why: 'there is no MANIFEST to verify the sets with (--noverify goes without)',
    });
  }
  const sha256 = text === undefined ? undefined : (await context.downloads.digest(path)).sha256;
  if (sha256 !== undefined) assertDigest(input, path, sha256);
  const listed = text === undefined ? await unverified(context, directory) : readManifest(text, path);
  const archives = chooseSets(input, arch, listed).map((set) => ({
    file: join(directory, set.name),
    ...(set.sha256 === '' ? {} : { sha256: set.sha256 }),
  }));
  return {
    kind: 'freebsd',
    source: directory,
    sha256,
    before: [checkArchives({ archives, dataset: `${place.world.root}/releases` })],
    fill: unpackAll(context, place, archives),
  };
}

/** What lies there, without a digest. */
async function unverified(context: Context, directory: string): Promise<ReadonlyMap<string, string>> {
  const names = await context.files.list(directory);
  return new Map(names.filter((name) => compressionOf(name) !== undefined).map((name) => [name, '']));
}

function unpackAll(context: Context, { root }: Place, archives: readonly ArchiveFile[]): readonly Step[] {
  return archives.map((archive) => unpackArchive({ ...archive, root, kernel: context.host.kernel }));
}

/** A digest given with the command pins the MANIFEST, and through it every set. */
function assertDigest(input: FetchInput, file: string, actual: string): void {
  if (input.sha256 !== undefined && input.sha256 !== actual) {
    throw failure('CHECKSUM_MISMATCH', { file, expected: input.sha256, actual });
  }
}

function readManifest(text: string, file: string): ReadonlyMap<string, string> {
  try {
    return parseManifest(text);
  } catch (error) {
    if (error instanceof ManifestProblem)
      throw failure('BAD_ARCHIVE', { file, why: error.message }, { cause: error });
    throw error;
  }
}

/** The named sets, else the usual ones as far as they are listed. `base.txz` comes first whatever the order. */
function chooseSets(
  input: FetchInput,
  arch: string,
  listed: ReadonlyMap<string, string>,
): readonly { name: string; sha256: string }[] {
  const named = input.sets?.filter((name) => name !== 'MANIFEST');
  const wanted = named ?? defaultSets(arch).filter((name) => listed.has(name));
  const missing = wanted.filter((name) => !listed.has(name));
  if (missing.length > 0 || wanted.length === 0) {
    const has = [...listed.keys()].slice(0, 20).join(', ') || 'none';
    const problem = wanted.length === 0 ? 'nothing to fetch' : `${missing.join(', ')} is not among the sets`;
    throw failure('INVALID_INPUT', {
      issues: [{ path: 'ftpfiles', problem: `${problem}; there are ${has}` }],
    });
  }
  const strange = wanted.filter((name) => compressionOf(name) === undefined);
  if (strange.length > 0) {
    throw failure('INVALID_INPUT', {
      issues: [{ path: 'ftpfiles', problem: `${strange.join(', ')} is no archive` }],
    });
  }
  const order = (name: string): number => (name === 'base.txz' ? 0 : 1);
  return [...new Set(wanted)]
    .sort((a, b) => order(a) - order(b))
    .map((name) => ({ name, sha256: listed.get(name)! }));
}

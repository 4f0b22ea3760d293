/**
 * `fetch release=14.1-RELEASE`: FreeBSD's distribution sets. The MANIFEST is read first, so that an
 * unknown release, an unreachable server or a missing set fails before anything is made; every set
 * is verified against it before it is unpacked.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { compressionOf } from '../../domain/archive.ts';
import { failure, IocageError } from '../../domain/errors.ts';
import { endOfLife, freebsdArchive, releaseAddresses } from '../../domain/freebsd-releases.ts';
import { ManifestProblem, parseChecksums, parseManifest } from '../../domain/manifest.ts';
import {
  defaultSets,
  freebsdArch,
  freebsdServer,
  hardenedBsdDirectory,
  hardenedBsdServer,
  isHardenedBsdRelease,
  redacted,
} from '../../domain/release.ts';
import { note, waiting } from '../snapshot/rows.ts';
import { checkArchives, unpackArchive, type ArchiveFile } from '../steps/archive.ts';
import { createDownloadDataset, downloadFiles } from '../steps/download.ts';
import { writeNew } from '../steps/file.ts';
import { writeDefaults } from '../steps/release.ts';
import type { Filling, Place } from './filling.ts';
import type { FetchInput } from './fetch-words.ts';

/** Of the port misc/freebsd-release-manifests. */
const trustedManifests = '/usr/local/share/freebsd/MANIFESTS';

export async function planSets(context: Context, input: FetchInput, place: Place): Promise<Filling> {
  const arch = freebsdArch((await context.exec.read(['uname', '-m'])).stdout);
  if (arch === undefined)
    throw failure('UNSUPPORTED', { what: 'fetching FreeBSD', why: 'there is none for this processor' });
  const day = endOfLife.get(place.name);
  if (day !== undefined && day < context.clock.now().toISOString().slice(0, 10))
    note(
      context,
      `${place.name} has been without support since ${day}: what is found in it is not corrected any more`,
    );
  return input.localDirectory === undefined
    ? fromServer(context, input, place, arch)
    : fromDirectory(context, input, place, arch, input.localDirectory);
}

/** The list of a release's sets, and where it was found. */
interface Listed {
  readonly base: string;
  readonly text: string;
  readonly sha256: string;
  readonly sets: ReadonlyMap<string, string>;
}

async function fromServer(context: Context, input: FetchInput, place: Place, arch: string): Promise<Filling> {
  const { base, text, sha256, sets: all } = await findSets(context, input, place.name, arch);
  const sets = chooseSets(input, place.name, arch, all);
  await assertTrusted(context, input, arch, place.name, base, sets);
  const { mountpoint } = place.download;
  const archives = sets.map(({ name, sha256: digest }) => ({ file: join(mountpoint, name), sha256: digest }));
  return {
    kind: 'freebsd',
    source: redacted(base),
    sha256,
    before: [
      createDownloadDataset(place.download),
      downloadFiles({
        directory: mountpoint,
        files: sets.map(({ name, sha256: digest }) => ({ url: `${base}/${name}`, name, sha256: digest })),
      }),
      writeNew({ path: join(mountpoint, listName(place.name)), text }),
      checkArchives({ archives, dataset: `${place.world.root}/releases` }),
    ],
    fill: unpackAll(context, place, archives),
  };
}

const listName = (release: string): string =>
  isHardenedBsdRelease(release) ? 'CHECKSUMS.SHA256' : 'MANIFEST';

/** Where it may lie: as told, else on the server and then in the archive of what has left it. */
function addresses(input: FetchInput, name: string, arch: string): readonly string[] {
  if (isHardenedBsdRelease(name))
    return [
      (input.server ?? hardenedBsdServer) + slashed(input.directory ?? hardenedBsdDirectory(name, arch)),
    ];
  const server = input.server ?? freebsdServer;
  if (input.directory !== undefined) return [server + slashed(input.directory)];
  // The archive of FreeBSD's own server; a mirror's is where its user says it is.
  const archive = input.archive ?? (input.server === undefined ? freebsdArchive : '');
  return releaseAddresses(name, arch, { server, archive: archive === '' ? undefined : archive });
}

const slashed = (directory: string): string => `/${directory.replace(/^\/+|\/+$/g, '')}`;

async function findSets(context: Context, input: FetchInput, name: string, arch: string): Promise<Listed> {
  let first: unknown;
  for (const base of addresses(input, name, arch)) {
    const url = `${base}/${listName(name)}`;
    waiting(context, `asking ${redacted(base)}`);
    try {
      const { text, sha256 } = await context.downloads.text(url, {
        signal: context.signal,
        onTrouble: (why) => waiting(context, `asking ${redacted(base)}: ${why}; trying again`),
      });
      assertDigest(input, url, sha256);
      return { base, text, sha256, sets: readList(name, text, url) };
    } catch (error) {
      if (!(error instanceof IocageError) || error.code !== 'DOWNLOAD_FAILED') throw error;
      first ??= error;
    }
  }
  throw first;
}

/**
 * The digests of the port freebsd-release-manifests, where it is installed, came to this host by another way:
 * what a server says of the same sets has to agree. What comes by plain http needs one of the two.
 */
async function assertTrusted(
  context: Context,
  input: FetchInput,
  arch: string,
  name: string,
  base: string,
  sets: readonly { name: string; sha256: string }[],
): Promise<void> {
  const file = join(
    input.manifests ?? trustedManifests,
    `${arch}-${arch === 'arm64' ? 'aarch64' : arch}-${name}`,
  );
  const text = await context.files.read(file);
  if (text === undefined) {
    if (base.startsWith('http:') && input.sha256 === undefined)
      throw failure('INVALID_INPUT', {
        issues: [
          {
            path: 'archive',
            problem: 'http is not protected on its way: add sha256=DIGEST of the MANIFEST, or use https',
          },
        ],
      });
    return;
  }
  const trusted = readList(name, text, file);
  for (const { name: set, sha256 } of sets) {
    const expected = trusted.get(set);
    if (expected !== sha256)
      throw failure('CHECKSUM_MISMATCH', {
        file: `${redacted(base)}/${set}`,
        expected: expected ?? `none: ${file} does not list it`,
        actual: sha256,
      });
  }
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
  const path = join(directory, listName(place.name));
  const text = await context.files.read(path);
  if (text === undefined && input.verify) {
    throw failure('FILE_FAILED', {
      path,
      why: 'there is no MANIFEST to verify the sets with (--noverify goes without)',
    });
  }
  const sha256 = text === undefined ? undefined : (await context.downloads.digest(path)).sha256;
  if (sha256 !== undefined) assertDigest(input, path, sha256);
  const listed = text === undefined ? await unverified(context, directory) : readList(place.name, text, path);
  const archives = chooseSets(input, place.name, arch, listed).map((set) => ({
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
  return [...archives.map((archive) => unpackArchive({ ...archive, root })), writeDefaults({ root })];
}

/** A digest given with the command pins the MANIFEST, and through it every set. */
function assertDigest(input: FetchInput, file: string, actual: string): void {
  if (input.sha256 !== undefined && input.sha256 !== actual) {
    throw failure('CHECKSUM_MISMATCH', { file, expected: input.sha256, actual });
  }
}

function readList(release: string, text: string, file: string): ReadonlyMap<string, string> {
  try {
    return isHardenedBsdRelease(release) ? parseChecksums(text) : parseManifest(text);
  } catch (error) {
    if (error instanceof ManifestProblem)
      throw failure('BAD_ARCHIVE', { file, why: error.message }, { cause: error });
    throw error;
  }
}

/** The named sets, else the usual ones as far as they are listed. `base.txz` comes first whatever the order. */
function chooseSets(
  input: FetchInput,
  release: string,
  arch: string,
  listed: ReadonlyMap<string, string>,
): readonly { name: string; sha256: string }[] {
  const named = input.sets?.filter((name) => !['MANIFEST', 'CHECKSUMS.SHA256'].includes(name));
  const usual = isHardenedBsdRelease(release) ? ['base.txz'] : defaultSets(arch);
  const wanted = named ?? usual.filter((name) => listed.has(name));
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

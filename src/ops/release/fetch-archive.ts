/** `fetch file=` and `fetch url=`: an archive of a root file system, judged before it is unpacked. */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { compressionOf } from '../../domain/archive.ts';
import { failure } from '../../domain/errors.ts';
import { redacted } from '../../domain/release.ts';
import { checkArchives, unpackArchive } from '../steps/archive.ts';
import { createDownloadDataset, downloadFile } from '../steps/download.ts';
import { completeRelease, recordDigest } from '../steps/release.ts';
import type { Filling, Place } from './filling.ts';
import type { FetchInput } from './fetch-words.ts';

export function planArchive(context: Context, input: FetchInput, place: Place): Promise<Filling> {
  return input.file === undefined
    ? Promise.resolve(fromUrl(context, input, place, input.url!))
    : fromFile(context, input, place, input.file);
}

async function fromFile(context: Context, input: FetchInput, place: Place, file: string): Promise<Filling> {
  const { sha256 } = await context.downloads.digest(file, { signal: context.signal });
  if (input.sha256 !== undefined && input.sha256 !== sha256) {
    throw failure('CHECKSUM_MISMATCH', { file, expected: input.sha256, actual: sha256 });
  }
  return {
    kind: 'tar',
    source: file,
    sha256,
    before: [checkArchives({ archives: [{ file, sha256 }], dataset: `${place.world.root}/releases` })],
    fill: [unpackArchive({ file, sha256, root: place.root }), completeRelease({ root: place.root })],
  };
}

function fromUrl(context: Context, input: FetchInput, place: Place, url: string): Filling {
  const name = archiveName(url);
  const file = join(place.download.mountpoint, name);
  const digest = input.sha256 === undefined ? {} : { sha256: input.sha256 };
  return {
    kind: 'tar',
    source: redacted(url),
    sha256: input.sha256,
    before: [
      createDownloadDataset(place.download),
      downloadFile({ url, directory: place.download.mountpoint, name, ...digest }),
      checkArchives({ archives: [{ file, ...digest }], dataset: `${place.world.root}/releases` }),
    ],
    fill: [
      unpackArchive({ file, ...digest, root: place.root }),
      completeRelease({ root: place.root }),
      ...(input.sha256 === undefined ? [recordDigest({ dataset: place.dataset, file })] : []),
    ],
  };
}

/** The file's name on the server, when it is one that may stand on this machine. */
function archiveName(url: string): string {
  const name = new URL(url).pathname.split('/').at(-1) ?? '';
  if (/^[A-Za-z0-9_][A-Za-z0-9._+-]{0,200}$/.test(name) && compressionOf(name) !== undefined) return name;
  throw failure('INVALID_INPUT', {
    issues: [
      { path: 'url', problem: 'must end in a file name such as root.tar.gz, root.tar.xz or root.tar.zst' },
    ],
  });
}

/**
 * Step kinds for root file system archives: judged member by member first, unpacked by tar(1) after.
 * The bytes go from the decompressor to tar in the kernel; JavaScript sees only the headers.
 */
import { basename } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { ArchiveCheck, compressionOf, decompressor, type Compression } from '../../domain/archive.ts';
import type { IocageError } from '../../domain/errors.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { StreamProblem } from '../../domain/stream-records.ts';
import { TarProblem, TarReader, type TarMember, type TarSink } from '../../domain/tar.ts';
import { tarWords } from './tar-words.ts';

/** A root file system with more files than this is a bomb or a mistake. */
export const maxMembers = 2_000_000;

export interface ArchiveFile {
  readonly file: string;
  /** Lower-case hexadecimal; the file is refused when it is another one. */
  readonly sha256?: string;
}

/** Archives that go into one root one after the other; `dataset` is asked how much room there is. */
export const checkArchives = stepKind<{
  archives: readonly ArchiveFile[];
  dataset: string;
  oddNames?: boolean;
}>('archive.check', {
  title: ({ archives }) => `check ${archives.map(({ file }) => basename(file)).join(', ')}`,
  async do({ archives, dataset, oddNames = false }, run) {
    const check = new ArchiveCheck({ maxBytes: await availableBytes(dataset, run), maxMembers, oddNames });
    for (const archive of archives) {
      // In a dry run nothing was downloaded; what is here already is judged all the same.
      if (run.dry && (await run.files.stat(archive.file)) === undefined) continue;
      await verifyAndJudge(archive, check, run);
    }
  },
  undo: () => Promise.resolve(),
});

/**
 * Fills a root that the same operation made, whose undo takes the files with it. `from`: the command that writes the
 * plain stream, where the file's name does not tell it; `only`: the one folder of it that is unpacked, `bare` without
 * its name.
 */
export const unpackArchive = stepKind<
  ArchiveFile & { root: string; from?: readonly string[]; only?: string; bare?: boolean }
>('archive.unpack', {
  title: ({ file }) => `unpack ${basename(file)}`,
  async do({ file, sha256, root, from, only, bare = false }, run) {
    // Once more: a file that others may write to can have been exchanged since the check.
    if (!run.dry) await verifyDigest({ file, ...(sha256 === undefined ? {} : { sha256 }) }, run);
    const name = basename(file);
    const { said, onLine } = tarWords(run, `unpacking ${name}`);
    const unpack = run.host.trees.unpack(root, only === undefined ? {} : { only, bare });
    run.progress(`unpacking ${name}`);
    try {
      await run.exec.pipe([from ?? decompressor(compressionFor(file), file), unpack], {
        signal: run.signal,
        onLine,
      });
    } catch (error) {
      if (run.signal.aborted)
        throw failure('CANCELLED', { operation: `unpacking ${name}` }, { cause: error });
      throw inWords(asIocageError(error), file, said, root);
    }
  },
  undo: () => Promise.resolve(),
});

/** A file that another program unpacks is the one that was meant. */
export const checkDigest = stepKind<Required<ArchiveFile>>('archive.digest', {
  title: ({ file }) => `check the digest of ${basename(file)}`,
  async do(archive, run) {
    run.progress(`checking ${basename(archive.file)}`);
    await verifyDigest(archive, run);
  },
  undo: () => Promise.resolve(),
});

export const archiveKinds = [checkArchives, unpackArchive, checkDigest];

function compressionFor(file: string): Compression {
  const compression = compressionOf(file);
  if (compression === undefined)
    throw failure('BAD_ARCHIVE', {
      file,
      why: 'its name does not end in .tar, .tar.gz, .tar.xz or .tar.zst',
    });
  return compression;
}

/** Room below the dataset; in a dry run it may not be there yet. */
export async function availableBytes(dataset: string, run: StepRun): Promise<number> {
  const available = (await run.storage.measure(dataset, 0, ['available'])).get(dataset)?.get('available');
  return available === undefined && run.dry ? Infinity : Number(available ?? 0);
}

async function verifyDigest({ file, sha256 }: ArchiveFile, run: StepRun): Promise<void> {
  if (sha256 === undefined) return;
  const actual = (await run.downloads.digest(file, { signal: run.signal })).sha256;
  if (actual !== sha256) throw failure('CHECKSUM_MISMATCH', { file, expected: sha256, actual });
}

/** Both at once, as they read the same; a digest that does not fit is what counts. */
export async function verifyAndJudge(archive: ArchiveFile, check: ArchiveCheck, run: StepRun): Promise<void> {
  const stop = new AbortController();
  const judging = judge(archive.file, check, {
    ...run,
    signal: AbortSignal.any([run.signal, stop.signal]),
  });
  const judged = judging.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  try {
    await verifyDigest(archive, run);
  } catch (error) {
    stop.abort();
    await judged;
    throw error;
  }
  const refused = await judged;
  if (refused !== undefined) throw refused.error;
}

function judge(file: string, check: ArchiveCheck, run: StepRun): Promise<void> {
  return readTar(
    { file, from: decompressor(compressionFor(file), file) },
    (member) => check.take(member, file),
    () => check.totalBytes,
    run,
  );
}

/**
 * Every member of an archive, whose plain stream the command `from` writes; stops at the first that `take` refuses.
 *
 * @param doneBytes for the progress
 * @throws BAD_ARCHIVE, and what `take` throws
 */
export function readTar(
  source: Readable,
  take: (member: TarMember) => TarSink | void,
  doneBytes: () => number,
  run: ReadRun,
): Promise<void> {
  return readAll(source, new TarReader(take), doneBytes, run);
}

interface Readable {
  readonly file: string;
  readonly from: readonly string[];
}
type ReadRun = Pick<StepRun, 'exec' | 'signal' | 'clock' | 'progress'>;

/** Everything that the command `from` writes, up to the first problem that the reader has with it. */
export async function readAll(
  { file, from }: Readable,
  reader: { push(bytes: Uint8Array): void; end(): unknown },
  doneBytes: () => number,
  run: ReadRun,
): Promise<void> {
  const stop = new AbortController();
  let problem: unknown;
  const attempt = (action: () => void): void => {
    if (problem !== undefined) return;
    try {
      action();
    } catch (error) {
      problem = error;
      stop.abort();
    }
  };
  let told = run.clock.now().getTime();
  try {
    await run.exec.read(from, {
      signal: AbortSignal.any([run.signal, stop.signal]),
      onBytes: (bytes) => {
        attempt(() => reader.push(bytes));
        const now = run.clock.now().getTime();
        if (now - told < 500) return;
        told = now;
        run.progress(`checking ${basename(file)}`, doneBytes());
      },
    });
    attempt(() => reader.end());
  } catch (error) {
    problem ??= error;
  }
  if (problem === undefined) return;
  if (run.signal.aborted)
    throw failure('CANCELLED', { operation: `checking ${basename(file)}` }, { cause: problem });
  if (problem instanceof TarProblem || problem instanceof StreamProblem)
    throw failure('BAD_ARCHIVE', { file, why: problem.message }, { cause: problem });
  throw inWords(asIocageError(problem), file, [], file);
}

/** What a decompressor or tar says about a damaged file or a full pool, as one of our own errors. */
function inWords(error: IocageError, file: string, said: readonly string[], target: string): IocageError {
  if (error.code !== 'COMMAND_FAILED') return error;
  const why =
    said.filter((line) => !/Exiting with failure status/.test(line)).at(-1) ??
    String(error.details['stderr']);
  if (/No space left|quota exceeded/i.test(`${said.join('\n')}${why}`)) {
    return failure('POOL_FULL', { dataset: target, why: `${basename(file)} does not fit` }, { cause: error });
  }
  return failure(
    'BAD_ARCHIVE',
    { file, why: (why.split('; ').at(-1) || String(error.details['status'])).slice(-300) },
    { cause: error },
  );
}

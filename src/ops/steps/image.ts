/**
 * Step kinds that write images of jails. The bytes go from tar(1) through the compressor into the file
 * in the kernel. An image is written in a directory of the operation's own beside the finished ones and
 * moved into place whole, so that nobody ever finds half of one.
 */
import { join } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { lookAtRoot } from './packable.ts';
import { parseDigest, type ImageMetadata, type Packing } from '../../domain/image.ts';
import { knownBy } from './known-by.ts';
import { tarWords } from './tar-words.ts';

export function stagingOf(directory: string, { operationId }: StepRun): string {
  return join(directory, `.${operationId}`);
}

/** The program that compresses standard input to standard output. */
function compressor(packing: Packing): readonly string[] {
  switch (packing) {
    case 'zstd':
      return ['zstd', '-q', '-T0', '-c'];
    case 'xz':
      return ['xz', '-T0', '-c'];
    case 'gz':
      return ['gzip', '-c'];
  }
}

function fifoOf(file: string): string {
  return `${file}.fifo`;
}

/**
 * The packed stream goes two ways, into the file and to what takes its SHA-256, so that nothing is read twice. dd
 * writes in large pieces, which is three times as fast on zfs-fuse as tee's small ones.
 */
async function streamAndDigest(
  tar: readonly string[],
  packing: Packing,
  file: string,
  run: StepRun,
  onLine: (line: string) => void,
): Promise<string> {
  const fifo = fifoOf(file);
  const into = ['dd', `of=${file}`, 'ibs=65536', 'obs=1048576', 'status=none'];
  await run.exec.change(['mkfifo', '-m', '600', '--', fifo]);
  const stop = new AbortController();
  const commands = [tar, compressor(packing), ['tee', '--', fifo], into];
  const signal = AbortSignal.any([run.signal, stop.signal]);
  const streams = run.exec.pipe(commands, { signal, onLine });
  if (run.dry) return streams.then(() => 'SHA-256');
  // When tee is killed with us, its end of the fifo goes; before that `takeBack` lets this one go.
  const digest = run.exec.read(run.host.trees.digest(fifo), { signal });
  // Whichever ends badly, the other must not wait for it for ever.
  const both = [streams, digest].map((one) =>
    one.catch((error: unknown) => {
      stop.abort();
      throw error;
    }),
  );
  const [streamed, digested] = await Promise.allSettled(both);
  if (streamed!.status === 'rejected') throw streamed!.reason;
  if (digested!.status === 'rejected') throw digested!.reason;
  await run.files.remove(fifo);
  const sha256 = parseDigest((await digest).stdout);
  if (sha256 === undefined) throw failure('INTERNAL', { why: 'no digest was printed' });
  return sha256;
}

/** All that is known before the archive is written. */
export type Described = Omit<ImageMetadata, 'sha256' | 'sizeBytes'>;

export const writeImage = stepKind<{
  root: string;
  directory: string;
  stem: string;
  packing: Packing;
  described: Described;
}>('image.write', {
  title: ({ root, described }) => `archive ${root} as ${described.archive}`,
  async do({ root, directory, stem, packing, described }, run) {
    // In a dry run nobody waits for a look at every file.
    const { devices, sparse } = run.dry ? { devices: [], sparse: false } : await lookAtRoot(root, run);
    const except = devices.length === 0 ? undefined : join(stagingOf(directory, run), 'except');
    if (except !== undefined) {
      await run.files.mkdir(stagingOf(directory, run), { mode: 0o700 });
      await run.files.write(except, run.host.trees.except(devices), { mode: 0o600 });
    }
    const tar = run.host.trees.pack(root, { sparse, ...(except === undefined ? {} : { except }) });
    await pack(tar, { root, directory, stem, packing, described }, run);
    if (except !== undefined) await run.files.remove(except);
  },
  async undo({ directory, described }, run) {
    await takeBack(directory, described, run);
  },
});

/** tar's stream into the operation's own directory, then its digest and the metadata beside it. */
export async function pack(
  tar: readonly string[],
  to: { root: string; directory: string; stem: string; packing: Packing; described: Described },
  run: StepRun,
): Promise<void> {
  const { root, directory, stem, described } = to;
  const staging = stagingOf(directory, run);
  const file = join(staging, described.archive);
  await run.files.mkdir(staging, { mode: 0o700 });
  const { said, onLine } = tarWords(run, `archiving ${root}`);
  run.progress(`archiving ${root}`);
  let sha256: string;
  try {
    sha256 = await streamAndDigest(tar, to.packing, file, run, onLine);
  } catch (error) {
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `archiving ${root}` }, { cause: error });
    throw inWords(asIocageError(error), file, said);
  }
  await run.files.chmod(file, 0o600);
  const sizeBytes = (await run.files.stat(file))?.sizeBytes ?? 0;
  const metadata = { ...described, sha256, sizeBytes };
  // The digits alone, as the original reads them.
  await run.files.write(join(staging, `${stem}.sha256`), `${sha256}\n`, { mode: 0o600 });
  await run.files.write(join(staging, `${stem}.json`), `${JSON.stringify(metadata, null, 2)}\n`, {
    mode: 0o600,
  });
}

/** Takes back what {@link pack} made. */
export async function takeBack(directory: string, { archive }: Described, run: StepRun): Promise<void> {
  const staging = stagingOf(directory, run);
  const fifo = fifoOf(join(staging, archive));
  if ((await run.files.stat(fifo)) !== undefined) {
    // Who waits for the other end of the fifo, since that was killed, is let go: a fifo that is opened both ways waits
    // for nobody.
    await run.exec.change(['sh', '-c', 'exec 3<>"$0"', fifo], { accept: 'any' });
  }
  await emptyOut(staging, run);
}

/** Removes the files of a directory that only this operation writes to, and the directory. */
async function emptyOut(directory: string, { files }: StepRun): Promise<void> {
  for (const name of await files.list(directory)) {
    const path = join(directory, name);
    // What could not be put back lies in one, and waits there.
    if ((await files.stat(path))?.type !== 'directory') await files.remove(path);
  }
  await files.rmdir(directory);
}

function inWords(error: IocageError, file: string, said: readonly string[]): IocageError {
  if (error.code !== 'COMMAND_FAILED') return error;
  const why = said.filter((line) => !/Exiting with failure status/.test(line)).at(-1);
  if (/No space left|quota exceeded/i.test(`${said.join('\n')}${String(error.details['stderr'])}`)) {
    return failure('POOL_FULL', { dataset: file, why: 'the image does not fit' }, { cause: error });
  }
  return why === undefined ? error : failure('FILE_FAILED', { path: file, why }, { cause: error });
}

/** Moves the finished files into place; those of an earlier export (`replaces`) wait beside until the operation has ended, and are removed by its result. The undo takes away nothing that somebody else put there meanwhile. */
export const publishImage = stepKind<{
  directory: string;
  names: readonly string[];
  replaces: readonly string[];
}>('image.publish', {
  title: ({ directory, names }) => `put ${names.join(', ')} into ${directory}`,
  async do({ directory, names, replaces }, run) {
    const staging = stagingOf(directory, run);
    const old = join(staging, 'old');
    const made: Record<string, string> = {};
    for (const name of names) made[name] = (await knownBy(join(staging, name), run.files)) ?? '';
    await run.remember(made);
    if (replaces.length > 0) await run.files.mkdir(old, { mode: 0o700 });
    for (const name of replaces) await run.files.rename(join(directory, name), join(old, name));
    for (const name of names) await run.files.renameNew(join(staging, name), join(directory, name));
    if (replaces.length === 0) await run.files.rmdir(staging);
  },
  async undo({ directory, names, replaces }, run) {
    // It never began.
    if (run.remembered === undefined) return;
    const made = run.remembered as Readonly<Record<string, string>>;
    for (const name of names) {
      const path = join(directory, name);
      if ((await knownBy(path, run.files)) === made[name]) await run.files.remove(path);
    }
    const staging = stagingOf(directory, run);
    for (const name of replaces) {
      const old = join(staging, 'old', name);
      // Fails, and stays where it is, when somebody else put a file there meanwhile.
      if ((await run.files.stat(old)) !== undefined) await run.files.renameNew(old, join(directory, name));
    }
    await run.files.rmdir(join(staging, 'old'));
    // An earlier try to undo this may have left it for what lay there.
    await run.files.rmdir(staging);
  },
});

/** An archive may have given its root any owner and mode; others could write into the jail then. */
export const ownRoot = stepKind<{ root: string }>('image.own-root', {
  title: ({ root }) => `give ${root} to root`,
  async do({ root }, { exec }) {
    await exec.change(['chown', '0:0', root]);
    await exec.change(['chmod', '0755', root]);
  },
  undo: () => Promise.resolve(),
});

export const imageKinds = [writeImage, publishImage, ownRoot];

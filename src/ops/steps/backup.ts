/**
 * Step kinds that write a backup of libiocage. It grows in a directory of the operation's own beside the place where it is
 * wanted, open to root only, and is moved there whole. The bytes go from program to program in the kernel.
 */
import { basename, dirname, join } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { stampProperty, type Properties } from '../../driver/storage.ts';
import type { RunResult } from '../../driver/system.ts';
import { printManifest } from '../../domain/backup.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { nulLines } from '../../domain/nul-lines.ts';
import { compareTrees } from '../../domain/tree.ts';
import { stagingOf } from './image.ts';
import { knownBy } from './known-by.ts';
import { lookAtRoot } from './packable.ts';

/** What becomes the directory, or what the archive is made of. */
const contentOf = (directory: string, run: StepRun): string => join(stagingOf(directory, run), 'backup');
const archiveOf = (directory: string, run: StepRun): string => join(stagingOf(directory, run), 'archive');

/** Of what this operation made: its name has the operation's id in it, or the step saw that nothing was there. */
async function removeTree(path: string, { exec, files, host, dry }: StepRun): Promise<void> {
  if (!dry && (await files.stat(path)) === undefined) return;
  for (const argv of host.trees.remove)
    await exec.change(argv, { cwd: dirname(path), input: nulLines([basename(path)]) });
}

const into = (file: string): readonly string[] => ['dd', `of=${file}`, 'ibs=65536', 'obs=1048576'];

/** A full disk in words, which each program has its own for. */
async function writing<T>(directory: string, run: StepRun, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const error = asIocageError(thrown);
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `writing the backup` }, { cause: error });
    const full = /No space left|quota exceeded|Wrote only \d+ of/i;
    if (!full.test(`${error.message}${String(error.details['stderr'])}`)) throw error;
    throw failure(
      'FILE_FAILED',
      { path: directory, why: 'there is no room for the backup' },
      { cause: error },
    );
  }
}

export const beginBackup = stepKind<{ directory: string; config: string; fstab: string }>('backup.begin', {
  title: ({ directory }) => `write the configuration into ${directory}`,
  async do({ directory, config, fstab }, run) {
    const content = contentOf(directory, run);
    await run.files.mkdir(stagingOf(directory, run), { mode: 0o700 });
    await run.files.mkdir(content, { mode: 0o700 });
    await run.files.write(join(content, 'config.json'), config, { mode: 0o600 });
    await run.files.write(join(content, 'fstab'), fstab, { mode: 0o600 });
  },
  undo: ({ directory }, run) => removeTree(stagingOf(directory, run), run),
});

/** With those that they lie in, whose owners and modes would be made up otherwise. */
function withDirectories(paths: readonly string[]): readonly string[] {
  const all = new Set(paths);
  for (const path of paths)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      all.add(path.slice(0, at));
  return [...all].sort();
}

/** What a jail has other than its release; `shown`: folders that it sees from the release in any case. */
export const writeBackupTree = stepKind<{
  directory: string;
  root: string;
  base: string;
  shown: readonly string[];
}>('backup.tree', {
  title: ({ root, base }) => `copy what ${root} has other than ${base}`,
  async do({ directory, root, base, shown }, run) {
    const content = contentOf(directory, run);
    const list = join(stagingOf(directory, run), 'list');
    const { trees } = run.host;
    run.progress('comparing');
    // In a dry run nobody waits for a look at every file.
    const { sparse } = run.dry ? { sparse: false } : await lookAtRoot(root, run);
    const { changed, deleted } = run.dry
      ? { changed: [], deleted: [] }
      : compareTrees(await trees.entries(base, run), await trees.entries(root, run));
    const own = (path: string): boolean =>
      !shown.some((folder) => path === folder || path.startsWith(`${folder}/`));
    await run.files.mkdir(join(content, 'root'), { mode: 0o755 });
    await run.files.write(join(content, 'manifest.json'), printManifest(deleted.filter(own)), {
      mode: 0o600,
    });
    await run.files.write(list, trees.list(withDirectories(changed.filter(own))), { mode: 0o600 });
    const pack = trees.pack(root, { list, sparse });
    const unpack = trees.unpack(join(content, 'root'));
    const ignore = (): void => undefined;
    await writing(directory, run, run.exec.pipe([pack, unpack], { signal: run.signal, onLine: ignore }));
    await run.files.remove(list);
  },
  // It goes with the directory.
  undo: () => Promise.resolve(),
});

/** A dataset, and `path` is what it is called below the jail's. */
export const writeBackupStream = stepKind<{ directory: string; snapshot: string; path: string }>(
  'backup.stream',
  {
    title: ({ snapshot, path }) => `write ${snapshot} as ${path}.zfs`,
    async do({ directory, snapshot, path }, run) {
      const content = contentOf(directory, run);
      const file = join(content, `${path}.zfs`);
      const parts = path.split('/').slice(0, -1);
      for (const index of parts.keys())
        await run.files.mkdir(join(content, ...parts.slice(0, index + 1)), { mode: 0o700 });
      run.progress(`writing ${path}.zfs`);
      const command = into(file);
      const work = run.storage.send([{ snapshot }], {
        head: '',
        command,
        signal: run.signal,
        onBytes: (bytes) => run.progress(`writing ${path}.zfs`, bytes),
      });
      const assertWritten = ({ status, stderr }: RunResult): void => {
        if (run.signal.aborted) throw failure('CANCELLED', { operation: `writing ${path}.zfs` });
        if (status !== 0) throw failure('FILE_FAILED', { path: file, why: stderr.trim().slice(-300) });
      };
      await writing(directory, run, work.then(assertWritten));
      await run.files.chmod(file, 0o600);
    },
    undo: () => Promise.resolve(),
  },
);

/** One file of all of it, as libiocage packs it: names that begin with `./`, by gzip. */
export const bundleBackup = stepKind<{ directory: string }>('backup.bundle', {
  title: ({ directory }) => `pack the backup in ${directory}`,
  async do({ directory }, run) {
    const [content, archive] = [contentOf(directory, run), archiveOf(directory, run)];
    run.progress('packing');
    const commands = [run.host.trees.pack(content), ['gzip', '-c'], into(archive)];
    const ignore = (): void => undefined;
    await writing(directory, run, run.exec.pipe(commands, { signal: run.signal, onLine: ignore }));
    await run.files.chmod(archive, 0o600);
  },
  undo: () => Promise.resolve(),
});

/** Its undo takes away nothing that somebody else put at the path meanwhile. */
export const publishBackup = stepKind<{ path: string; bundled: boolean }>('backup.publish', {
  title: ({ path }) => `put the backup at ${path}`,
  async do({ path, bundled }, run) {
    const directory = dirname(path);
    const taken = async (): Promise<boolean> =>
      (await run.files.stat(path)) !== undefined || (await run.files.readlink(path)) !== undefined;
    if (await taken()) throw failure('FILE_FAILED', { path, why: 'already exists' });
    const source = bundled ? archiveOf(directory, run) : contentOf(directory, run);
    await run.remember(await knownBy(source, run.files));
    await run.files.renameNew(source, path);
    await removeTree(stagingOf(directory, run), run);
  },
  async undo({ path, bundled }, run) {
    if (run.remembered === undefined || (await knownBy(path, run.files)) !== run.remembered) return;
    if (bundled) return run.files.remove(path);
    // Back to where it grew, in one go: half of it would not be known again. It goes with what is there.
    const directory = dirname(path);
    await run.files.mkdir(stagingOf(directory, run), { mode: 0o700 });
    await run.files.rename(path, contentOf(directory, run));
  },
});

/** The jail's dataset, before anything is in it; what came into it since goes with it. */
export const beginRestore = stepKind<{ dataset: string; properties?: Properties }>('backup.restore', {
  title: ({ dataset }) => `create dataset ${dataset}`,
  do: ({ dataset, properties }, { storage, operationId }) =>
    storage.create(dataset, { ...properties, [stampProperty]: operationId }),
  undo: ({ dataset }, { storage, operationId }) =>
    storage.destroy(dataset, { recursive: true, madeBy: operationId }),
});

export const backupKinds = [
  beginRestore,
  beginBackup,
  writeBackupTree,
  writeBackupStream,
  bundleBackup,
  publishBackup,
];

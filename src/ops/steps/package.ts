/**
 * Step kinds for packages: archives of only what differs from a release. The lists of files are compared
 * here; the files themselves go from tar(1) to the compressor in the kernel.
 */
import { basename, join } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { ArchiveCheck } from '../../domain/archive.ts';
import { failure } from '../../domain/errors.ts';
import type { Packing } from '../../domain/image.ts';
import { mtreeKeywords, readMtree } from '../../domain/mtree.ts';
import { assertDeletable, compareTrees, findFormat, TreeReader, type TreeEntry } from '../../domain/tree.ts';
import { availableBytes, maxMembers, verifyAndJudge, type ArchiveFile } from './archive.ts';
import { lookAtRoot } from './packable.ts';
import { pack, packer, stagingOf, takeBack, type Described } from './image.ts';

/** Every file below `root`, and nothing of what is mounted there. */
export async function listTree(
  root: string,
  run: Pick<StepRun, 'exec' | 'host' | 'signal'>,
  oddNames: 'refuse' | 'escape' = 'refuse',
): Promise<ReadonlyMap<string, TreeEntry>> {
  const reader = new TreeReader(undefined, oddNames);
  if (run.host.kernel === 'freebsd') {
    const argv = ['mtree', '-c', '-x', '-k', mtreeKeywords, '-p', root];
    const { stdout } = await run.exec.read(argv, { signal: run.signal });
    for (const [path, entry] of readMtree(stdout)) reader.add(path, entry);
    return reader.entries;
  }
  const stop = new AbortController();
  let problem: unknown;
  try {
    await run.exec.read(['find', root, '-xdev', '-mindepth', '1', '-printf', findFormat], {
      signal: AbortSignal.any([run.signal, stop.signal]),
      onBytes: (bytes) => {
        if (problem !== undefined) return;
        try {
          reader.push(bytes);
        } catch (error) {
          problem = error;
          stop.abort();
        }
      },
    });
  } catch (error) {
    throw problem ?? error;
  }
  if (problem !== undefined) throw problem;
  return reader.entries;
}

export const writePackage = stepKind<{
  base: string;
  root: string;
  directory: string;
  stem: string;
  packing: Packing;
  kernel: 'linux' | 'freebsd';
  release: string;
  described: Described;
}>('package.write', {
  title: ({ base, root }) => `archive what ${root} has other than ${base}`,
  async do({ base, root, directory, stem, packing, kernel, release, described }, run) {
    const list = join(stagingOf(directory, run), 'list');
    run.progress('comparing');
    // In a dry run what is to be compared is not there yet.
    const { sparse } = run.dry ? { sparse: false } : await lookAtRoot(root, run);
    const { changed, deleted } = run.dry
      ? { changed: [], deleted: [] }
      : compareTrees(await listTree(base, run), await listTree(root, run));
    if (!run.dry && changed.length + deleted.length === 0)
      throw failure('UNSUPPORTED', { what: 'a package', why: `nothing differs from ${base}` });
    await run.files.mkdir(stagingOf(directory, run), { mode: 0o700 });
    await run.files.write(list, changed.map((path) => `./${path}\0`).join(''), { mode: 0o600 });
    await pack(
      packer(kernel, root, { list, sparse }),
      {
        root,
        directory,
        stem,
        packing,
        described: { ...described, package: { release, deleted: [...deleted] } },
      },
      run,
    );
    await run.files.remove(list);
  },
  async undo({ directory, described }, run) {
    await takeBack(directory, described, run);
  },
});

const seen: Readonly<Record<string, 'file' | 'directory' | 'link'>> = {
  f: 'file',
  d: 'directory',
  l: 'link',
};

/** Judges a package over the release that it will be unpacked on, whose links lead it nowhere. */
export const checkPackage = stepKind<
  ArchiveFile & { base: string; dataset: string; deleted: readonly string[] }
>('package.check', {
  title: ({ file, base }) => `check ${basename(file)} over ${base}`,
  async do({ file, sha256, base, dataset, deleted }, run) {
    const check = new ArchiveCheck({ maxBytes: await availableBytes(dataset, run), maxMembers });
    const tree = await listTree(base, run);
    for (const path of deleted) assertDeletable(tree, path, file);
    const gone = new Set(deleted);
    for (const [path, { type }] of tree) {
      const parts = path.split('/');
      if (parts.some((_, index) => gone.has(parts.slice(0, index + 1).join('/')))) continue;
      check.present(path, seen[type] ?? 'other');
    }
    await verifyAndJudge({ file, ...(sha256 === undefined ? {} : { sha256 }) }, check, run);
  },
  undo: () => Promise.resolve(),
});

/** Deletes what a checked package says is gone, in a clone of the release that nobody has used yet. */
export const applyDeletions = stepKind<{ root: string; deleted: readonly string[] }>('package.delete', {
  title: ({ deleted, root }) => `delete ${deleted.length} paths in ${root}`,
  async do({ root, deleted }, run) {
    await run.exec.change(['xargs', '-0', 'rm', '--recursive', '--force', '--one-file-system', '--'], {
      cwd: root,
      input: deleted.map((path) => `./${path}\0`).join(''),
    });
  },
  undo: () => Promise.resolve(),
});

/** Takes away the clone that showed a snapshot; going back does not need it. */
export const dropView = stepKind<{ dataset: string }>('package.drop-view', {
  title: ({ dataset }) => `destroy dataset ${dataset}`,
  do: ({ dataset }, { storage, operationId }) =>
    storage.destroy(dataset, { recursive: false, madeBy: operationId }),
  undo: () => Promise.resolve(),
});

export const packageKinds = [dropView, writePackage, checkPackage, applyDeletions];

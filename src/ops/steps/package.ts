/**
 * Step kinds for packages: archives of only what differs from a release. The lists of files are compared
 * here; the files themselves go from tar(1) to the compressor in the kernel.
 */
import { basename, join } from 'node:path';
import { stepKind } from '../../driver/step.ts';
import { ArchiveCheck } from '../../domain/archive.ts';
import { failure } from '../../domain/errors.ts';
import type { Packing } from '../../domain/image.ts';
import { nulLines } from '../../domain/nul-lines.ts';
import { assertDeletable, compareTrees } from '../../domain/tree.ts';
import { availableBytes, maxMembers, verifyAndJudge, type ArchiveFile } from './archive.ts';
import { lookAtRoot } from './packable.ts';
import { pack, stagingOf, takeBack, type Described } from './image.ts';

export const writePackage = stepKind<{
  base: string;
  root: string;
  directory: string;
  stem: string;
  packing: Packing;
  release: string;
  described: Described;
}>('package.write', {
  title: ({ base, root }) => `archive what ${root} has other than ${base}`,
  async do({ base, root, directory, stem, packing, release, described }, run) {
    const { trees } = run.host;
    const list = join(stagingOf(directory, run), 'list');
    run.progress('comparing');
    // In a dry run what is to be compared is not there yet.
    const { sparse } = run.dry ? { sparse: false } : await lookAtRoot(root, run);
    const { changed, deleted } = run.dry
      ? { changed: [], deleted: [] }
      : compareTrees(await trees.entries(base, run), await trees.entries(root, run));
    if (!run.dry && changed.length + deleted.length === 0)
      throw failure('UNSUPPORTED', { what: 'a package', why: `nothing differs from ${base}` });
    await run.files.mkdir(stagingOf(directory, run), { mode: 0o700 });
    await run.files.write(list, trees.list(changed), { mode: 0o600 });
    await pack(
      trees.pack(root, { list, sparse }),
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

/** Types of a listed tree as the check of an archive knows them. */
export const seen: Readonly<Record<string, 'file' | 'directory' | 'link'>> = {
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
    const tree = await run.host.trees.entries(base, run);
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
    for (const argv of run.host.trees.remove)
      await run.exec.change(argv, { cwd: root, input: nulLines(deleted) });
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

/**
 * Step kinds that copy files into a root which the same operation made, so that its undo takes them with
 * it: a folder that becomes a release, and the private part of a basejail. By tar(1) on both ends, whose
 * bytes go from one to the other in the kernel; its words are the host's.
 */
import { stepKind, type StepRun } from '../../driver/step.ts';
import type { Packed } from '../../driver/trees.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { tarWords } from './tar-words.ts';

async function copyTree(from: string, to: string, what: Packed, run: StepRun): Promise<void> {
  const { trees } = run.host;
  const { said, onLine } = tarWords(run, `copying ${from}`);
  try {
    const { signal } = run;
    await run.exec.pipe([trees.pack(from, what), trees.unpack(to, what)], { signal, onLine });
  } catch (error) {
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `copying ${from}` }, { cause: error });
    if (/No space left|quota exceeded/i.test(said.join('\n'))) {
      throw failure('POOL_FULL', { dataset: to, why: `${from} does not fit` }, { cause: error });
    }
    throw asIocageError(error);
  }
}

/** What a running system has there belongs to its kernel and not to the folder; /dev is never copied. */
const kernelFolders = ['proc', 'sys', 'run'];

/** Everything of a folder but what is mounted in it. */
export const copyFolder = stepKind<{ folder: string; root: string }>('tree.copy', {
  title: ({ folder, root }) => `copy ${folder} to ${root}`,
  async do({ folder, root }, run) {
    run.progress(`copying ${folder}`);
    await copyTree(folder, root, { empty: kernelFolders, notes: true, sparse: true }, run);
  },
  undo: () => Promise.resolve(),
});

/**
 * A basejail's own files: everything of the release but what is in the folders of `base`, which it sees
 * read-only from the release and of which it gets only the empty places.
 */
export const copyPrivate = stepKind<{ release: string; root: string; base: readonly string[] }>(
  'tree.copy-private',
  {
    title: ({ root }) => `copy the private folders of the release to ${root}`,
    async do({ release, root, base }, run) {
      run.progress('copying the private folders');
      await copyTree(release, root, { empty: base, notes: true }, run);
    },
    undo: () => Promise.resolve(),
  },
);

/** Makes the directories on the way, none of which may be a link that the copied jail planted. */
async function placeBelow(root: string, at: string, { files }: StepRun): Promise<string> {
  let path = '';
  for (const part of at.split('/').filter((word) => word !== '')) {
    path = path === '' ? part : `${path}/${part}`;
    const facts = await files.statBelow(root, path);
    if (facts === undefined) await files.mkdirBelow(root, path);
    else if (facts.type !== 'directory')
      throw failure('UNSAFE_PATH', { path: `${root}/${path}`, why: 'it is no directory' });
  }
  return path === '' ? root : `${root}/${path}`;
}

/**
 * A directory of the host as a part of a root that the same operation made; what is mounted in it, and the kernel's
 * own folders, stay behind. `fresh`: only into an empty directory, since what is in the root comes from a stranger.
 */
export const copyInto = stepKind<{ from: string; root: string; at: string; fresh?: boolean }>(
  'tree.copy-into',
  {
    title: ({ from, root, at }) => `copy ${from} to ${root}${at === '' ? '' : `/${at}`}`,
    async do({ from, root, at, fresh = false }, run) {
      run.progress(`copying ${from}`);
      const to = run.dry ? (at === '' ? root : `${root}/${at}`) : await placeBelow(root, at, run);
      if (fresh && !run.dry && (await run.files.list(to)).length > 0)
        throw failure('UNSAFE_PATH', { path: to, why: 'it is not empty' });
      // Somewhere below the root `dev` is a name as any other.
      const top = { empty: kernelFolders, notes: true, sparse: true };
      await copyTree(from, to, at === '' ? top : { whole: true }, run);
    },
    undo: () => Promise.resolve(),
  },
);

export const treeKinds = [copyFolder, copyPrivate, copyInto];

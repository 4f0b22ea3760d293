/**
 * Step kinds that copy files into a root which the same operation made, so that its undo takes them with
 * it: a folder that becomes a release, and the private part of a basejail. By tar(1) on both ends, whose
 * bytes go from one to the other in the kernel.
 */
import { stepKind, type StepRun } from '../../driver/step.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { unpacker } from '../../domain/archive.ts';
import { packer as packed } from './image.ts';

/** Access lists and what programs and people noted on files; the folder is the host's own. */
const notes = ['--acls', '--xattrs-include=user.*'];

/** Packs what stands on one file system below `from`; `left` are patterns of what stays there. */
export function packer(from: string, left: readonly string[]): string[] {
  return [
    'tar',
    '--create',
    '--one-file-system',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=security.capability',
    ...notes,
    '--anchored',
    '--no-wildcards-match-slash',
    ...left.map((path) => `--exclude=./${path}`),
    '-C',
    from,
    '-f',
    '-',
    '.',
  ];
}

async function copyTree(
  from: string,
  to: string,
  left: readonly string[],
  run: StepRun,
  kernel: 'linux' | 'freebsd' = 'linux',
): Promise<void> {
  const said: string[] = [];
  // bsdtar(1) keeps the notes by itself.
  const [pack, more] = kernel === 'linux' ? [packer(from, left), notes] : [packed(kernel, from), []];
  try {
    await run.exec.pipe([pack, [...unpacker(kernel, to), ...more]], {
      signal: run.signal,
      onLine: (line) => said.push(line),
    });
  } catch (error) {
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `copying ${from}` }, { cause: error });
    if (/No space left|quota exceeded/i.test(said.join('\n'))) {
      throw failure('POOL_FULL', { dataset: to, why: `${from} does not fit` }, { cause: error });
    }
    throw asIocageError(error);
  }
}

/** What a running system has there belongs to its kernel and not to the folder. */
const kernelFolders = ['dev/*', 'proc/*', 'sys/*', 'run/*'];

/** Everything of a folder but what is mounted in it. */
export const copyFolder = stepKind<{ folder: string; root: string }>('tree.copy', {
  title: ({ folder, root }) => `copy ${folder} to ${root}`,
  async do({ folder, root }, run) {
    run.progress(`copying ${folder}`);
    await copyTree(folder, root, kernelFolders, run);
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
      await copyTree(
        release,
        root,
        base.map((path) => `${path}/*`),
        run,
      );
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
 * own folders, stay behind.
 */
export const copyInto = stepKind<{ from: string; root: string; at: string; kernel: 'linux' | 'freebsd' }>(
  'tree.copy-into',
  {
    title: ({ from, root, at }) => `copy ${from} to ${root}${at === '' ? '' : `/${at}`}`,
    async do({ from, root, at, kernel }, run) {
      run.progress(`copying ${from}`);
      const to = run.dry ? (at === '' ? root : `${root}/${at}`) : await placeBelow(root, at, run);
      await copyTree(from, to, at === '' ? kernelFolders : [], run, kernel);
    },
    undo: () => Promise.resolve(),
  },
);

export const treeKinds = [copyFolder, copyPrivate, copyInto];

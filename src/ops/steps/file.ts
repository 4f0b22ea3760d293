/** Step kinds for files that iocage keeps beside the jails: tag links, fstab, the first files of a new root. */
import { dirname } from 'node:path';
import { stepKind } from '../../driver/step.ts';
import { failure } from '../../domain/errors.ts';

/** A symbolic link in the host's own tree, such as `tags/TAG` to the jail's mount point. */
export const makeLink = stepKind<{ target: string; path: string }>('file.link', {
  title: ({ path }) => `link ${path}`,
  async do({ target, path }, { files }) {
    const present = await files.readlink(path);
    if (present === target) return;
    if (present !== undefined || (await files.stat(path)) !== undefined) {
      // A link that leads nowhere is what an older tool left behind; anything else is not ours.
      if (present === undefined || (await files.stat(present)) !== undefined) {
        throw failure('FILE_FAILED', { path, why: 'something else is already there' });
      }
      await files.remove(path);
    }
    // A pool that another tool made has no `tags` yet.
    const directory = dirname(path);
    if ((await files.stat(directory)) === undefined) await files.mkdir(directory, { mode: 0o755 });
    await files.symlink(target, path);
  },
  async undo({ target, path }, { files }) {
    if ((await files.readlink(path)) === target) await files.remove(path);
  },
});

/** Takes such a link away when it is the one that leads to `target`; another's link stays. */
export const removeLink = stepKind<{ target: string; path: string }>('file.unlink', {
  title: ({ path }) => `remove link ${path}`,
  async do({ target, path }, { files }) {
    if ((await files.readlink(path)) === target) await files.remove(path);
  },
  async undo({ target, path }, { files }) {
    if ((await files.stat(path)) === undefined) await files.symlink(target, path);
  },
});

/** Writes a file of a dataset made by the same operation, whose undo takes the file with it. */
export const writeNew = stepKind<{ path: string; text: string; mode?: number }>('file.write', {
  title: ({ path }) => `write ${path}`,
  do: ({ path, text, mode }, { files }) => files.write(path, text, mode === undefined ? {} : { mode }),
  undo: () => Promise.resolve(),
});

/** First files of a new jail's root; a file that the release brings is left as it is unless `replace`. */
export const writeInRoot = stepKind<{
  root: string;
  contents: readonly { path: string; text: string; replace?: boolean }[];
}>('file.write-in-root', {
  title: ({ contents }) => `write ${contents.map(({ path }) => path).join(', ')} in the jail`,
  async do({ root, contents }, { files, dry }) {
    for (const { path, text, replace } of contents) {
      const directory = path.split('/').slice(0, -1).join('/');
      if (!dry && directory !== '' && (await files.statBelow(root, directory))?.type !== 'directory')
        continue;
      const present = await files.statBelow(root, path);
      if (present !== undefined && !replace) continue;
      await files.writeBelow(root, path, text);
    }
  },
  undo: () => Promise.resolve(),
});

/** Changes a file in a jail's root that still says `before`; what somebody else wrote meanwhile stays. */
export const replaceInRoot = stepKind<{ root: string; path: string; before: string; after: string }>(
  'file.replace-in-root',
  {
    title: ({ path }) => `rewrite ${path} in the jail`,
    async do({ root, path, before, after }, { files }) {
      if ((await files.readBelow(root, path)) === before) await files.writeBelow(root, path, after);
    },
    async undo({ root, path, before, after }, { files }) {
      if ((await files.readBelow(root, path)) === after) await files.writeBelow(root, path, before);
    },
  },
);

/** Removes a file of the host's own tree, such as a jail's console log; it does not come back. */
export const removeFile = stepKind<{ path: string }>('file.remove', {
  title: ({ path }) => `remove ${path}`,
  do: ({ path }, { files }) => files.remove(path),
});

/** A directory of the host's own tree; undone only when it is empty again. */
export const makeDirectory = stepKind<{ path: string; mode?: number }>('file.mkdir', {
  title: ({ path }) => `make directory ${path}`,
  do: ({ path, mode }, { files }) => files.mkdir(path, mode === undefined ? {} : { mode }),
  undo: ({ path }, { files }) => files.rmdir(path),
});

/**
 * Closes a directory of the same operation's making to everybody but root. What a jail's root user makes
 * setuid must not be within reach of the host's users.
 */
export const closeDirectory = stepKind<{ path: string }>('file.close', {
  title: ({ path }) => `close ${path} to other users`,
  do: ({ path }, { files }) => files.chmod(path, 0o700),
  undo: () => Promise.resolve(),
});

export const fileKinds = [
  replaceInRoot,
  closeDirectory,
  makeDirectory,
  makeLink,
  removeLink,
  writeNew,
  writeInRoot,
  removeFile,
];

/**
 * Step kinds for what lies beside and in a jail that is moved: its fstab, its log, the files of its root
 * that hold its name. The texts before and after stand in the step, so that going back is exact and a
 * file that somebody changed meanwhile is left as it is.
 */
import { stepKind } from '../../driver/step.ts';
import { repath } from '../../domain/repath.ts';

/** Files of the host's own tree. Nothing there, or another text than `before`: nothing is written. */
export const rewriteFile = stepKind<{ path: string; before: string; after: string }>('file.rewrite', {
  title: ({ path }) => `rewrite ${path}`,
  async do({ path, before, after }, { files, dry }) {
    // In a dry run what lies on the way there was not moved.
    if (dry || (await files.read(path)) === before) await files.write(path, after);
  },
  async undo({ path, before, after }, { files }) {
    if ((await files.read(path)) === after) await files.write(path, before);
  },
});

/** The same in a jail's root, following no link. */
export const rewriteInRoot = stepKind<{ root: string; path: string; before: string; after: string }>(
  'file.rewrite-in-root',
  {
    title: ({ path }) => `rewrite /${path} in the jail`,
    async do({ root, path, before, after }, { files, dry }) {
      if (dry || (await files.readBelow(root, path)) === before) await files.writeBelow(root, path, after);
    },
    async undo({ root, path, before, after }, { files }) {
      if ((await files.readBelow(root, path)) === after) await files.writeBelow(root, path, before);
    },
  },
);

/** The fstab of a new jail that was cloned with it; it goes with the dataset when the clone is undone. */
export const adoptFstab = stepKind<{ path: string; from: string; to: string }>('file.adopt-fstab', {
  title: ({ path }) => `rewrite ${path}`,
  async do({ path, from, to }, { files }) {
    const before = await files.read(path);
    if (before === undefined) return;
    const after = repath(before, from, to);
    if (after !== before) await files.write(path, after);
  },
  undo: () => Promise.resolve(),
});

/** A copy of a text file elsewhere; what is there already stays. */
export const carryFile = stepKind<{ from: string; to: string; mode: number }>('file.carry', {
  title: ({ from, to }) => `copy ${from} to ${to}`,
  async do({ from, to, mode }, { files, dry, remember }) {
    const text = await files.read(from);
    if (text === undefined || (!dry && (await files.stat(to)) !== undefined)) return;
    await remember('a copy');
    await files.write(to, text, { mode });
  },
  async undo({ from, to }, { files, remembered }) {
    if (remembered === undefined) return;
    const text = await files.read(from);
    if (text !== undefined && (await files.read(to)) === text) await files.remove(to);
  },
});

export const renameFile = stepKind<{ from: string; to: string }>('file.rename', {
  title: ({ from, to }) => `rename ${from} to ${to}`,
  async do({ from, to }, { files, dry }) {
    if (dry) return files.rename(from, to);
    const there = (await files.stat(from)) !== undefined && (await files.stat(to)) === undefined;
    if (there) await files.rename(from, to);
  },
  async undo({ from, to }, { files }) {
    const there = (await files.stat(to)) !== undefined && (await files.stat(from)) === undefined;
    if (there) await files.rename(to, from);
  },
});

/**
 * The empty directory that a moved dataset was mounted at, which not every ZFS takes away itself: the old
 * one goes after the move, the new one when the move was undone.
 */
export const leavePlace = stepKind<{ path: string; when: 'done' | 'undone' }>('file.leave-place', {
  title: ({ path }) => `remove the empty directory ${path}`,
  async do({ path, when }, { files }) {
    if (when === 'done') await files.rmdir(path);
  },
  async undo({ path, when }, { files }) {
    if (when === 'undone') await files.rmdir(path);
  },
});

export const moveKinds = [carryFile, leavePlace, rewriteFile, rewriteInRoot, adoptFstab, renameFile];

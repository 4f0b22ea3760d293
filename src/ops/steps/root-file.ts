/**
 * Step kinds that put files into the root of a jail that is there, perhaps running: nothing is followed
 * that a jail's root user could have linked, and what somebody else wrote meanwhile stays.
 */
import { stepKind } from '../../driver/step.ts';
import { failure } from '../../domain/errors.ts';

/** What stood there before; `null` for nothing. */
export interface FileBefore {
  readonly text: string;
  readonly mode: number;
}

export const putInRoot = stepKind<{
  root: string;
  path: string;
  before: FileBefore | null;
  text: string;
  mode: number;
}>('root.put', {
  title: ({ path }) => `write ${path} in the jail`,
  async do({ root, path, before, text, mode }, { files, dry }) {
    const now = await files.readBelow(root, path);
    if (!dry && now !== before?.text) {
      throw failure('FILE_FAILED', { path: `${root}/${path}`, why: 'it was changed meanwhile' });
    }
    await files.writeBelow(root, path, text, { mode });
  },
  async undo({ root, path, before, text }, { files }) {
    if ((await files.readBelow(root, path)) !== text) return;
    if (before === null) await files.removeBelow(root, path);
    else await files.writeBelow(root, path, before.text, { mode: before.mode });
  },
});

/** A directory on the way to such a file. */
export const makeInRoot = stepKind<{ root: string; path: string }>('root.mkdir', {
  title: ({ path }) => `make directory ${path} in the jail`,
  do: ({ root, path }, { files }) => files.mkdirBelow(root, path),
  undo: ({ root, path }, { files }) => files.rmdirBelow(root, path),
});

export const rootFileKinds = [putInRoot, makeInRoot];

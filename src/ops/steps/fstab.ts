/** The step that changes a jail's fstab, which lies beside its root, out of the jail's reach. */
import { stepKind } from '../../driver/step.ts';

/** Writes the file anew; the undo brings back what was there, unless somebody else wrote since. */
export const rewriteFstab = stepKind<{ path: string; before: string | null; after: string }>(
  'fstab.rewrite',
  {
    title: ({ path }) => `write ${path}`,
    do: ({ path, after }, { files }) => files.write(path, after, { mode: 0o644 }),
    async undo({ path, before, after }, { files }) {
      if ((await files.read(path)) !== after) return;
      if (before === null) await files.remove(path);
      else await files.write(path, before, { mode: 0o644 });
    },
  },
);

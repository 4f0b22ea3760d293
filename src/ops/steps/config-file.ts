/**
 * The step that changes the configuration file of a jail that another tool made: what it read is still there,
 * the new text takes its place in one step and is on the disk before the next one, with the owner and the mode
 * of the old one.
 */
import { stepKind, type StepRun } from '../../driver/step.ts';
import { failure } from '../../domain/errors.ts';

interface Rewrite {
  /** Mount point of the jail's dataset; no link below it is followed. */
  readonly root: string;
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly mode: number;
  readonly owner: { readonly uid: number; readonly gid: number };
}

async function put({ root, path, mode, owner }: Rewrite, text: string, { files }: StepRun): Promise<void> {
  await files.writeBelow(root, path, text, { mode, owner, sync: true });
}

export const rewriteConfig = stepKind<Rewrite>('config.rewrite', {
  title: ({ root, path }) => `write ${root}/${path}`,
  async do(args, run) {
    const now = await run.files.readBelow(args.root, args.path);
    // Written already, by a run that was interrupted right afterwards.
    if (now === args.after) return;
    if (now !== args.before)
      throw failure('FILE_FAILED', { path: `${args.root}/${args.path}`, why: 'it was changed meanwhile' });
    await put(args, args.after, run);
  },
  async undo(args, run) {
    if ((await run.files.readBelow(args.root, args.path)) === args.after) await put(args, args.before, run);
  },
});

/**
 * Files that the host writes into a jail's root, all or none. They become root's. Directories on the way are
 * made; no link in a jail is followed or replaced, and what a basejail shares with others is not written.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import { assertRootMounted } from '../mounted.ts';
import { toSpec } from '../world/spec.ts';
import { makeInRoot, putInRoot, type FileBefore } from '../steps/root-file.ts';
import { jailInput, lockJail, readJail } from './select.ts';

const filesInput = jailInput.extend({
  files: z
    .array(
      z.object({
        /** As the jail sees it. */
        path: z.string().startsWith('/', 'a path in the jail is absolute'),
        text: z.string(),
        /** Without it what the file has, or 0644. */
        mode: z.number().int().min(0).max(0o7777).optional(),
      }),
    )
    .min(1, 'no file is given'),
});

export interface Written {
  readonly uuid: string;
  readonly tag: string;
  /** Paths in the jail that were not as wanted. */
  readonly written: readonly string[];
}

export const jailFiles = defineChange<typeof filesInput, Written>({
  id: 'jail.files',
  title: 'Write files into the root of a jail',
  effect: 'change',
  recover: 'undo',
  input: filesInput,
  locks: lockJail,
  async plan(context, { jail: name, files }) {
    const { world, jail } = await readJail(context, name);
    const { root, base } = toSpec(world, jail);
    await assertRootMounted(context, jail.dataset);
    const shared = await sharedFolders(context, base?.root);
    const steps: Step[] = [];
    const made = new Set<string>();
    const written: string[] = [];
    for (const { path, text, mode } of files) {
      refuseShared(path, shared);
      const before = await fileBefore(context, root, path);
      const wanted = mode ?? before?.mode ?? 0o644;
      if (before?.text === text && before.mode === wanted) continue;
      for (const directory of await missingAbove(context, root, path, made))
        steps.push(makeInRoot({ root, path: directory }));
      steps.push(putInRoot({ root, path, before: before ?? null, text, mode: wanted }));
      written.push(path);
    }
    return {
      subject: label(jail),
      title: `Writing ${written.length === 1 ? written[0] : `${written.length} files`} in ${label(jail)}`,
      steps,
      result: () => ({ uuid: jail.uuid, tag: jail.tag, written }),
    };
  },
  command: {
    names: ['apply'],
    group: 'configuration',
    usage: 'FILE',
    examples: [],
    toInputs() {
      throw failure('USAGE', { problem: 'apply writes files, as a description says', command: 'apply' });
    },
  },
});

/** What stands there, without following links; undefined for nothing. @throws UNSAFE_PATH for what is no plain file */
export async function fileBefore(
  context: Context,
  root: string,
  path: string,
): Promise<FileBefore | undefined> {
  const text = await context.files.readBelow(root, path);
  if (text === undefined) return undefined;
  return { text, mode: (await context.files.statBelow(root, path))?.mode ?? 0o644 };
}

/** Directories that are not there yet, outermost first; each is answered once. */
async function missingAbove(
  context: Context,
  root: string,
  path: string,
  made: Set<string>,
): Promise<readonly string[]> {
  const parts = path.split('/').filter((part) => part !== '');
  const missing: string[] = [];
  for (let depth = 1; depth < parts.length; depth += 1) {
    const directory = `/${parts.slice(0, depth).join('/')}`;
    if (made.has(directory) || (await context.files.statBelow(root, directory)) !== undefined) continue;
    made.add(directory);
    missing.push(directory);
  }
  return missing;
}

/** The folders of a basejail that are its release's; none for other jails. */
export async function sharedFolders(
  context: Context,
  release: string | undefined,
): Promise<readonly string[]> {
  return release === undefined ? [] : baseFolders(await baseEntries(context.files, release));
}

/** What is written there would be hidden by the release, whose file it is. */
export function refuseShared(path: string, shared: readonly string[]): void {
  const folder = shared.find((folder) => `${path}/`.startsWith(`/${folder}/`));
  if (folder !== undefined)
    throw failure('UNSAFE_PATH', { path, why: `a basejail shares /${folder} with its release` });
}

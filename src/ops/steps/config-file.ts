/**
 * The step that changes the configuration file of a jail that another tool made: what it read is still there,
 * the new text takes its place in one step and is on the disk before the next one, with the owner and the mode
 * of the old one.
 */
import { join } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { failure } from '../../domain/errors.ts';
import { configFiles, readConfig } from '../../domain/format/config-file.ts';
import {
  entryOf,
  showsBase,
  parseFstab,
  withBaseLines,
  type FstabPlaces,
} from '../../domain/format/fstab.ts';
import { FormatProblem } from '../../domain/format/members.ts';
import { powerIn } from '../../domain/image.ts';
import { repath } from '../../domain/repath.ts';

interface Rewrite {
  /** Mount point of the jail's dataset; no link below it is followed. */
  readonly root: string;
  readonly path: string;
  /** Null: there is no such file yet. */
  readonly before: string | null;
  readonly after: string;
  readonly mode: number;
  readonly owner: { readonly uid: number; readonly gid: number };
}

async function put(
  { root, path, mode, owner }: Omit<Rewrite, 'before' | 'after'>,
  text: string,
  { files }: StepRun,
): Promise<void> {
  await files.writeBelow(root, path, text, { mode, owner, sync: true });
}

export const rewriteConfig = stepKind<Rewrite>('config.rewrite', {
  title: ({ root, path }) => `write ${root}/${path}`,
  async do(args, run) {
    const now = await run.files.readBelow(args.root, args.path);
    // Written already, by a run that was interrupted right afterwards.
    if (now === args.after) return;
    if ((now ?? null) !== args.before)
      throw failure('FILE_FAILED', { path: `${args.root}/${args.path}`, why: 'it was changed meanwhile' });
    await put(args, args.after, run);
  },
  async undo(args, run) {
    if ((await run.files.readBelow(args.root, args.path)) !== args.after) return;
    if (args.before === null) await run.files.removeBelow(args.root, args.path);
    else await put(args, args.before, run);
  },
});

interface Kept {
  /** Mount point of the jail's dataset. */
  readonly root: string;
  readonly from: string;
  readonly to: string;
}

/** Another name for such a file, in the same directory; what has that name already is never replaced. */
async function giveName({ root, from, to }: Kept, { files }: Pick<StepRun, 'files'>): Promise<void> {
  const [old, present] = [await files.statBelow(root, from), await files.statBelow(root, to)];
  if (old !== undefined && present === undefined) return files.rename(join(root, from), join(root, to));
  // Done already, by a run that was interrupted right afterwards.
  if (old === undefined && present !== undefined) return;
  throw failure('FILE_FAILED', {
    path: join(root, present === undefined ? from : to),
    why: present === undefined ? 'it is gone' : 'already exists',
  });
}

export const keepFile = stepKind<Kept>('config.keep', {
  title: ({ root, from, to }) => `rename ${join(root, from)} to ${to}`,
  do: giveName,
  async undo({ root, from, to }, run) {
    if ((await run.files.statBelow(root, from)) === undefined)
      await giveName({ root, from: to, to: from }, run);
  },
});

interface Held extends Omit<Rewrite, 'before'> {
  /** Lines of its fstab by which the tool shows it its base, where there are any. */
  readonly base?: { readonly lines: readonly string[]; readonly places: FstabPlaces };
}

/**
 * After a rollback: to a snapshot from before a tool kept a file here there is none, and no property says who the jail
 * is either. What it was configured by until now stays then, with the lines of its base; a file that came back with the
 * rest counts, and so does the fstab that came with it.
 */
export const holdConfig = stepKind<Held>('config.hold', {
  title: ({ root, path }) => `see that ${root}/${path} is there`,
  async do(args, run) {
    const { root, path, base } = args;
    for (const name of [...configFiles, path])
      if ((await run.files.statBelow(root, name)) !== undefined && !run.dry) return;
    // First, since the file says that both are done.
    if (base !== undefined) await holdBase(root, base, run);
    await put(args, args.after, run);
    const also = base === undefined ? '' : ', and so do the lines of its base in fstab';
    if (!run.dry)
      run.note(`the snapshot is from before ${path} was written, which stays as it is now${also}`);
  },
  undo: () => Promise.resolve(),
});

async function holdBase(root: string, base: Required<Held>['base'], run: StepRun): Promise<void> {
  const { mode, uid, gid } = (await run.files.statBelow(root, 'fstab')) ?? { mode: 0o644, uid: 0, gid: 0 };
  const now = (await run.files.readBelow(root, 'fstab')) ?? '';
  const text = withBaseLines(now, base.lines, base.places);
  await put({ root, path: 'fstab', mode, owner: { uid, gid } }, text, run);
}

interface Foreign {
  /** Mount point of the jail's dataset. */
  readonly root: string;
  readonly name: string;
  /** Mount point of `POOL/iocage`. */
  readonly top: string;
  readonly trusted: boolean;
  readonly archive: string;
}

/**
 * The configuration that came with a jail of another tool: it must be one, name this jail, and have no power over this
 * host unless it is trusted. Answers its fstab with the paths of this host in the place of those that it came from.
 *
 * @param text undefined when there is no such file
 * @throws BAD_ARCHIVE, UNTRUSTED_ARCHIVE
 */
export function judgeForeign(
  { root, name, top, trusted, archive }: Foreign,
  { text, fstab }: { readonly text: string | undefined; readonly fstab: string },
): string {
  if (text === undefined)
    throw failure('BAD_ARCHIVE', { file: archive, why: `there is no ${configFiles[0]} in it` });
  const moved = movedFstab(fstab, name, top);
  let values: ReadonlyMap<string, string>;
  try {
    ({ values } = readConfig({ name: configFiles[0], text }, name));
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    throw failure('BAD_ARCHIVE', { file: archive, why: `${configFiles[0]}: ${error.message}` });
  }
  const power = foreignPower(values, moved, { iocage: top, root: join(root, 'root') });
  if (power !== undefined && !trusted) throw failure('UNTRUSTED_ARCHIVE', { file: archive, key: power });
  return moved;
}

/**
 * What of a configuration from elsewhere has power over this host. Nothing else than what a basejail is shown of its base
 * is mounted without being told.
 */
export function foreignPower(
  values: ReadonlyMap<string, string>,
  fstab: string,
  places: FstabPlaces,
): string | undefined {
  const isBasejail = values.get('type') === 'basejail';
  const mounts = parseFstab(fstab)
    .flatMap((line) => entryOf(line) ?? [])
    .filter((entry) => !isBasejail || !showsBase(entry, places));
  return powerIn(values) ?? (mounts.length > 0 ? 'fstab' : undefined);
}

/**
 * Judges what was received, before anybody can start it. `moved`: its fstab as it will be, where that is known before;
 * a dry run shows it.
 */
export const settleForeign = stepKind<Foreign & { moved?: string }>('config.settle', {
  title: ({ root }) => `check the configuration in ${root}`,
  async do({ moved: expected, ...foreign }, { files, dry }) {
    const { root } = foreign;
    if (dry) return expected === undefined ? undefined : files.writeBelow(root, 'fstab', expected);
    const text = await files.readBelow(root, configFiles[0]);
    const fstab = (await files.readBelow(root, 'fstab')) ?? '';
    const moved = judgeForeign(foreign, { text, fstab });
    if (moved !== fstab) await files.writeBelow(root, 'fstab', moved);
  },
  undo: () => Promise.resolve(),
});

/** Where the other host had its jails and releases, here. */
export function movedFstab(text: string, name: string, top: string): string {
  const found = [...text.matchAll(/(?:^|\s)(\/\S*?)\/jails\/([^/\s]+)\/root(?=[/\s])/gm)].find(
    ([, , jail]) => jail === name,
  );
  if (found === undefined || found[1] === top) return text;
  return ['jails', 'releases', 'templates'].reduce(
    (now, group) => repath(now, `${found[1]}/${group}`, `${top}/${group}`),
    text,
  );
}

export const configKinds = [rewriteConfig, keepFile, holdConfig, settleForeign];

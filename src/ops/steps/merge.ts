/**
 * Step kinds that bring a jail's files to another release: three trees are listed and compared, and the jail's
 * own, or a fresh one of the release, is made what the merge says (`domain/merge-tree.ts`). All of it while
 * the jail is down, so what find(1) lists is what is there; nothing is written through a link, since
 * every path that is written has directories above it in the listing. What goes wrong is undone by the
 * snapshot that was taken before, or goes with the fresh dataset.
 */
import { dirname, join } from 'node:path';
import { stepKind, type StepKind, type StepRun } from '../../driver/step.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { isPackageData, mergeText } from '../../domain/merge-text.ts';
import { changesOf, mergeActions, type Attributes, type Change } from '../../domain/merge-actions.ts';
import {
  mergeTrees,
  refuseText,
  toCompare,
  type Conflict,
  type Digest,
  type Side,
  type Tree,
  type TreeMerge,
  type Trees,
} from '../../domain/merge-tree.ts';
import { nulLines } from '../../domain/nul-lines.ts';
import { packageManagers } from '../../domain/packages.ts';
import { readablePath } from '../../domain/tree.ts';

export interface MergeArgs {
  /** For messages: `web`. */
  readonly tag: string;
  /** Root directories of the old release, the jail, and the new release. */
  readonly old: string;
  readonly mine: string;
  readonly new: string;
  /** What `old` is called where it is not there yet, which is so in a dry run. */
  readonly oldNow: string;
  /** The release stays the same, only its patches are new: packages that the jail added go with them. */
  readonly samePackages: boolean;
  /** The new release's name, for the names of what is kept beside. */
  readonly release: string;
  /** Of a basejail: folders that it shows of the release and has not itself. */
  readonly base?: { readonly old: readonly string[]; readonly new: readonly string[] };
  /** Where the report is written, as JSON. */
  readonly report: string;
}

export interface MergeReport {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

interface Compared {
  readonly trees: Trees;
  readonly digest: Digest;
  readonly merge: TreeMerge;
  /** By path. */
  readonly texts: ReadonlyMap<string, string>;
}

function without(tree: Tree, folders: readonly string[]): Tree {
  return new Map([...tree].filter(([path]) => !folders.some((folder) => path.startsWith(`${folder}/`))));
}

async function compare(args: MergeArgs, run: StepRun): Promise<Compared> {
  const old = run.dry ? args.oldNow : args.old;
  const roots: Readonly<Record<Side, string>> = { old, mine: args.mine, new: args.new };
  run.progress(`listing the files of ${args.tag} and its releases`);
  const trees: Trees = {
    old: without(await run.host.trees.entries(old, run), args.base?.old ?? []),
    mine: await run.host.trees.entries(args.mine, run, 'escape'),
    new: without(await run.host.trees.entries(args.new, run), args.base?.new ?? []),
  };
  run.progress('comparing the files');
  const found = new Map<Side, ReadonlyMap<string, string>>();
  for (const side of ['old', 'mine', 'new'] as const)
    found.set(side, await run.host.trees.digests(roots[side], toCompare(trees, side), run));
  const digest: Digest = (side, path) => found.get(side)!.get(path);
  const isText = (path: string): boolean =>
    path.startsWith('etc/') || (args.samePackages && isPackageData(path));
  let merge = mergeTrees(trees, digest, args.release, isText);
  const texts = new Map<string, string>();
  for (const [path, { from }] of merge.result) {
    if (from !== 'text') continue;
    const read = (side: Side): Promise<string | undefined> =>
      run.files.readBelow(roots[side], path).catch(() => undefined);
    const [before, mine, now] = [await read('old'), await read('mine'), await read('new')];
    const merged =
      before === undefined || mine === undefined || now === undefined
        ? undefined
        : mergeText(path, before, mine, now);
    if (merged === undefined) merge = refuseText(merge, trees, path, args.release);
    else texts.set(path, merged);
  }
  assertNoPackages(args.tag, merge);
  return { trees, digest, merge, texts };
}

/** The list of installed packages would no longer tell the truth about the files. */
function assertNoPackages(tag: string, { conflicts }: TreeMerge): void {
  const database = conflicts.find(({ path }) => packageManagers.some((manager) => manager.database === path));
  if (database === undefined) return;
  throw failure('PACKAGES_IN_THE_WAY', { jail: tag, database: `/${database.path}` });
}

async function report({ trees, digest, merge }: Compared, path: string, run: StepRun): Promise<void> {
  const readable = <T extends { readonly path: string }>(all: readonly T[]): readonly T[] =>
    all.map((each) => ({ ...each, path: readablePath(each.path) }));
  const told: MergeReport = {
    changes: readable(changesOf(trees, merge, digest)),
    conflicts: readable(merge.conflicts).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
  await run.files.mkdir(dirname(path));
  await run.files.write(path, JSON.stringify(told), { mode: 0o600 });
}

/** Only looks, and writes the report. */
export const compareTrees = stepKind<MergeArgs>('merge.compare', {
  title: ({ tag, release }) => `compare ${tag} with ${release}`,
  do: async (args, run) => report(await compare(args, run), args.report, run),
  undo: ({ report: path }, { files }) => files.remove(path),
});

/** `target`: the tree that becomes the merged one; the jail's own, or a fresh copy or clone of `new`. */
export const applyMerge = stepKind<MergeArgs & { target: string; onto: 'mine' | 'new'; list: string }>(
  'merge.apply',
  {
    title: ({ tag, release }) => `merge ${tag} with ${release}`,
    async do(args, run) {
      const compared = await compare(args, run);
      const { trees, digest, merge, texts } = compared;
      const { target, onto } = args;
      const actions = mergeActions(trees, merge, onto, digest);
      run.progress(`changing ${actions.remove.length + actions.copy.length + texts.size} files`);
      const there = trees[onto];
      const written = [...actions.copy, ...actions.texts.map(({ path }) => path)];
      const replaced = written.filter((path) => there.has(path));
      await liftMarks(target, [...actions.remove, ...replaced], run);
      await remove(target, actions.remove, run);
      await copy(
        { from: onto === 'mine' ? args.new : args.mine, target, list: args.list },
        actions.copy,
        run,
      );
      for (const text of actions.texts) await writeText(target, text, texts.get(text.path)!, run);
      await setAttributes(target, actions.attributes, run);
      for (const { path, beside } of merge.conflicts)
        if (beside !== undefined) await keepBeside(join(args.new, path), join(target, beside), run);
      await makeDatabases(target, run);
      await report(compared, args.report, run);
    },
    undo: ({ list }, { files }) => files.remove(list),
  },
);

/** One by one: a directory that holds what nobody listed is no directory to be removed, and this fails. */
async function remove(target: string, paths: readonly string[], run: StepRun): Promise<void> {
  if (paths.length === 0) return;
  await run.exec.change(['xargs', '-0', 'rm', '-d', '-f', '--'], {
    cwd: target,
    input: nulLines(paths),
    signal: run.signal,
  });
}

/**
 * FreeBSD marks parts of its system so that not even root replaces them (chflags(1)). What is unpacked
 * there gets the marks of the new release.
 */
async function liftMarks(target: string, paths: readonly string[], run: StepRun): Promise<void> {
  const { unmark } = run.host.trees;
  if (unmark === undefined || paths.length === 0) return;
  await run.exec.change(unmark, { cwd: target, input: nulLines(paths), signal: run.signal });
}

/** Each path by itself, whatever kind of file it is; directories without what is in them. */
async function copy(
  { from, target, list }: { from: string; target: string; list: string },
  paths: readonly string[],
  run: StepRun,
): Promise<void> {
  if (paths.length === 0) return;
  const { trees } = run.host;
  const names = trees.list(paths);
  await run.files.mkdir(dirname(list));
  await run.files.write(list, names, { mode: 0o600 });
  const said: string[] = [];
  try {
    await run.exec.pipe([trees.pack(from, { list, whole: true }), trees.unpack(target, { whole: true })], {
      signal: run.signal,
      onLine: (line) => void (trees.progress(line) === undefined && said.push(line)),
    });
  } catch (error) {
    if (run.signal.aborted)
      throw failure('CANCELLED', { operation: `copying to ${target}` }, { cause: error });
    if (/No space left|quota exceeded/i.test(said.join('\n')))
      throw failure('POOL_FULL', { dataset: target, why: `the files do not fit` }, { cause: error });
    throw asIocageError(error);
  } finally {
    await run.files.remove(list);
  }
}

function ids(owner: string): { uid: number; gid: number } {
  const [uid, gid] = owner.split(':').map(Number);
  return { uid: uid!, gid: gid! };
}

async function writeText(
  target: string,
  { path, mode, owner }: Attributes,
  text: string,
  run: StepRun,
): Promise<void> {
  await run.files.writeBelow(target, path, text, { mode: Number.parseInt(mode, 8), owner: ids(owner) });
}

/** Those paths are no links: they are in the listing as what they are. */
async function setAttributes(target: string, all: readonly Attributes[], run: StepRun): Promise<void> {
  const groups = new Map<string, Attributes[]>();
  for (const each of all) {
    const key = `${each.owner} ${each.mode}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  for (const group of groups.values()) {
    const { mode, owner } = group[0]!;
    const how = { cwd: target, input: nulLines(group.map(({ path }) => path)) };
    // A change of owner takes set-user-ID bits away.
    await run.exec.change(['xargs', '-0', 'chown', '-h', '--', owner], how);
    await run.exec.change(['xargs', '-0', 'chmod', '--', mode], how);
  }
}

/**
 * FreeBSD looks accounts and login classes up in data bases made of the texts: pwd_mkdb(8), cap_mkdb(1). Both are the
 * host's, so what they read has to be a file here, and what they write on the way must be nobody's link.
 */
async function makeDatabases(target: string, { host, files, exec, dry }: StepRun): Promise<void> {
  if (host.kernel !== 'freebsd') return;
  const etc = join(target, 'etc');
  const isFile = async (path: string): Promise<boolean> =>
    dry || (await files.statBelow(target, path).catch(() => undefined))?.type === 'file';
  // pwd_mkdb makes FILE.orig and puts FILE in the place of master.passwd; people call their own copy master.passwd.orig.
  const accounts = 'etc/.iocage-accounts';
  // pwd_mkdb takes no file that is there already, of a run that was ended; cap_mkdb takes any, and follows a link.
  for (const left of ['etc/pwd.db.tmp', 'etc/spwd.db.tmp', accounts, `${accounts}.orig`, 'etc/login.conf.db'])
    if (await isLeft(left)) await files.removeBelow(target, left);
  if (await isFile('etc/master.passwd')) {
    await exec.change(host.trees.copy(join(etc, 'master.passwd'), join(target, accounts)));
    await exec.change(['pwd_mkdb', '-p', '-d', etc, join(target, accounts)]);
  }
  if (await isFile('etc/login.conf')) await exec.change(['cap_mkdb', join(etc, 'login.conf')]);

  async function isLeft(path: string): Promise<boolean> {
    return !dry && (await files.statBelow(target, path).catch(() => undefined)) !== undefined;
  }
}

/** Under a name that is free. */
async function keepBeside(from: string, to: string, run: StepRun): Promise<void> {
  await run.exec.change(run.host.trees.copy(from, to), { signal: run.signal });
}

export const mergeKinds = [compareTrees, applyMerge] as unknown as readonly StepKind[];

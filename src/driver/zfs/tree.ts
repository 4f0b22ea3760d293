/**
 * Taking a tree of mounted filesystems down, and up again when what should have followed failed. In
 * zfs-fuse a destroy or rename of a mounted dataset mostly fails as busy, and a destroy of a busy tree
 * may already have taken snapshots with it: so everything is unmounted before anything is destroyed.
 */
import type { Runner } from './run.ts';
import { refused } from './run.ts';
import * as argv from './argv.ts';
import { isBusy } from './failure.ts';
import { isAtOrBelow } from './name.ts';
import { parseList } from './parse.ts';

export interface Tree {
  /** Filesystems and volumes, a parent before what is below it. */
  readonly datasets: readonly string[];
  readonly snapshots: readonly string[];
  readonly mounted: readonly { readonly name: string; readonly path: string }[];
}

const treeColumns = ['mounted', 'mountpoint'] as const;

export async function readTree(run: Runner, root: string): Promise<Tree | undefined> {
  const result = await run.ask(argv.list(root, undefined, 'filesystem,volume,snapshot', treeColumns));
  if (result.status !== 0) {
    const error = refused(result, root);
    if (error.code === 'DATASET_NOT_FOUND') return undefined;
    throw error;
  }
  const rows = parseList(result.stdout, treeColumns).filter(({ name }) =>
    isAtOrBelow(name.split('@')[0]!, root),
  );
  const datasets = rows.filter(({ name }) => !name.includes('@'));
  return {
    datasets: datasets.map(({ name }) => name).sort(),
    snapshots: rows.filter(({ name }) => name.includes('@')).map(({ name }) => name),
    mounted: datasets
      .filter(({ values }) => values.get('mounted') === 'yes')
      .map(({ name, values }) => ({ name, path: values.get('mountpoint') ?? '' }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

const notMounted = (stderr: string): boolean => /: not (currently )?mounted$/m.test(stderr);
const mountedAlready = (stderr: string): boolean => /: filesystem already mounted$/m.test(stderr);

export async function mountOne(run: Runner, dataset: string): Promise<void> {
  return run.change(argv.mount(dataset), dataset, mountedAlready);
}

export async function unmountOne(run: Runner, dataset: string): Promise<void> {
  return run.change(argv.unmount(dataset), dataset, notMounted);
}

/** Mounts what was mounted before, parents first. Goes on after a failure, and throws the first one then. */
export async function remount(run: Runner, names: readonly string[]): Promise<void> {
  const errors: unknown[] = [];
  for (const name of names) await mountOne(run, name).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

/** Unmounts all of the tree or nothing: throws DATASET_BUSY with everything mounted as before. */
export async function unmountTree(run: Runner, tree: Tree): Promise<void> {
  const top = tree.mounted[0];
  if (top === undefined) return;
  // zfs unmount takes those along whose mount points are inherited, and puts them back when one is busy.
  const whole = await run.attempt(argv.unmount(top.name));
  if (whole.status !== 0 && !notMounted(whole.stderr) && !isBusy(whole.stderr))
    throw refused(whole, top.name);
  const rest =
    whole.status === 0 ? tree.mounted.filter(({ path }) => !isAtOrBelow(path, top.path)) : tree.mounted;
  try {
    for (const { name } of rest.toReversed()) await unmountOne(run, name);
  } catch (error) {
    await remount(
      run,
      tree.mounted.map(({ name }) => name),
    ).catch(() => undefined);
    throw error;
  }
}

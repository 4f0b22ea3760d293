/**
 * `jail_zfs`: datasets that root of the jail administers itself, by zfs-jail(8). While the jail runs they are
 * marked `jailed`, are mounted in the jail at their place there, and the host can neither mount nor share
 * them; afterwards they are what they were. What they were is in the record, for a start that was killed, and in
 * a file that outlives a boot, for a host that lost its power: `jailed` stays then. Nothing of it is kept on the datasets, where
 * root of the jail may write.
 *
 * Root of the jail may have set anything on them and made others below: nothing of that may come into force on the
 * host. So each is without a mount point while it changes hands, and one below with a mount point of its own stays
 * `jailed`, whatever place of the host that names.
 */
import { dirname, join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { Exec, Files, Paths } from '../system.ts';
import type { HandedMount, JailSpec } from '../host.ts';
import { jexec } from './inside.ts';
import { placesOf } from './names.ts';
import { forgetParts, readState, recordState, type LentDataset } from './state.ts';
import { mountTable, unmountAt } from './unmount.ts';

export interface LendArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly name: string;
  readonly root: string;
  readonly config: readonly (readonly [string, string])[];
  readonly datasets: readonly LentDataset[];
}

const local = new Set(['local', 'received']);

/** Of `zfs get -H -o name,COLUMN`; a text that root of a jail could have set is never among the columns. */
async function read(
  exec: Exec,
  columns: string,
  property: string,
  datasets: readonly string[],
  deep = false,
) {
  const how = deep ? ['-r'] : [];
  // One that the same start makes is not there yet, and will inherit its mount point.
  const argv = ['zfs', 'get', ...how, '-H', '-o', columns, property, ...datasets];
  const { stdout } = await exec.read(argv, { accept: [0, 1] });
  return stdout.split('\n').map((line) => line.split('\t'));
}

/**
 * What each is to become again.
 *
 * @param left what an earlier run did not give back: they go back first, and what they are now is no answer
 */
export async function lentDatasets(
  exec: Exec,
  handed: readonly HandedMount[],
  left: readonly LentDataset[] = [],
): Promise<readonly LentDataset[]> {
  if (handed.length === 0) return [];
  const names = handed.map(({ dataset }) => dataset);
  const jailed = new Map(
    (await read(exec, 'name,value', 'jailed', names)).map(([name, on]) => [name, on === 'on']),
  );
  // What a jail had on another host may have any text for its mount point, and the host's one is not known.
  const own = names.filter((name) => jailed.get(name) !== true);
  const rows = own.length === 0 ? [] : await read(exec, 'name,value,source', 'mountpoint', own);
  return handed.map(({ dataset, target }) => {
    const known = left.find((each) => each.dataset === dataset);
    if (known !== undefined) return { ...known, target };
    const [, value, source = ''] = rows.find(([name]) => name === dataset) ?? [];
    return { dataset, target, mountpoint: local.has(source) ? (value ?? null) : null };
  });
}

const lentFile = (paths: Paths, pool: string, uuid: string): string =>
  join(paths.state, 'lent', pool, `${placesOf(paths, pool, uuid).uuid}.json`);

/** Those of a jail that does not run, of which no record tells, and which are nevertheless not the host's again. */
export async function strandedDatasets(
  files: Files,
  paths: Paths,
  { pool, uuid }: JailSpec,
): Promise<readonly LentDataset[] | undefined> {
  const text = await files.read(lentFile(paths, pool, uuid));
  return text === undefined ? undefined : (JSON.parse(text) as readonly LentDataset[]);
}

async function lend(args: LendArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, name, datasets } = args;
  await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, datasets });
  const file = lentFile(paths, pool, uuid);
  await run.files.mkdir(dirname(file), { mode: 0o700 });
  await run.files.write(file, `${JSON.stringify(datasets)}\n`, { mode: 0o600 });
  const inside = { uuid, config: new Map(args.config) };
  for (const { dataset, target } of datasets) {
    // Not mounted is no failure; that it is not jailed afterwards would be one.
    await run.exec.change(['zfs', 'unmount', dataset], { accept: 'any' });
    // At once: alone, the first would be a place of the host, and when it is jailed the host may not set it.
    await run.exec.change(['zfs', 'set', `mountpoint=${target}`, 'jailed=on', dataset]);
    await run.exec.change(['zfs', 'jail', name, dataset]);
    await run.exec.change(jexec(inside, ['zfs', 'mount', dataset]));
  }
}

/** Harmless when nothing of it was done, and when the jail is gone. */
async function takeBack(args: LendArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, datasets } = args;
  const { state } = placesOf(paths, pool, uuid);
  const file = lentFile(paths, pool, uuid);
  const known = (await readState(run.files, state))?.datasets !== undefined;
  if (!known && (await run.files.read(file)) === undefined) return;
  for (const lent of [...datasets].reverse()) await takeOne(lent, args, run);
  await run.files.remove(file);
  await run.files.rmdir(dirname(file));
  await forgetParts(run.files, state, 'datasets');
}

async function takeOne(lent: LentDataset, { name, root }: LendArgs, run: StepRun): Promise<void> {
  const { dataset, mountpoint } = lent;
  // First: where the jail still runs, it can change nothing of it from here on.
  await run.exec.change(['zfs', 'unjail', name, dataset], { accept: 'any' });
  const table = await mountTable(run.exec);
  const within = (one: string): boolean => one === dataset || one.startsWith(`${dataset}/`);
  for (const { from, at, type } of [...table].reverse())
    if (type === 'zfs' && within(from) && at.startsWith(`${root}/`)) await unmountAt(root, at, table, run);
  // Of the host's words for `mountpoint` the one that may be set on what is jailed, where nothing below inherits it.
  await run.exec.change(['zfs', 'set', 'mountpoint=none', dataset], { accept: 'any' });
  for (const [one = '', source = ''] of await read(run.exec, 'name,source', 'mountpoint', [dataset], true)) {
    if (!one.startsWith(`${dataset}/`) || !local.has(source)) continue;
    run.note(`${one} stays jailed: it has a mount point of its own, which root of the jail may have chosen`);
    await run.exec.change(['zfs', 'set', 'jailed=on', one]);
  }
  await run.exec.change(['zfs', 'inherit', 'jailed', dataset]);
  const back = mountpoint === null ? ['inherit', 'mountpoint'] : ['set', `mountpoint=${mountpoint}`];
  try {
    await run.exec.change(['zfs', ...back, dataset]);
  } catch (error) {
    // Better nowhere than at a place of the host that root of the jail chose.
    await run.exec.change(['zfs', 'set', 'jailed=on', dataset], { accept: 'any' });
    throw error;
  }
  await run.exec.change(['zfs', 'mount', dataset], { accept: 'any' });
}

export function datasetSteps(paths: Paths) {
  const what = ({ datasets }: LendArgs): string => datasets.map(({ dataset }) => dataset).join(', ');
  return {
    lendDatasets: stepKind<LendArgs>('freebsd.datasets', {
      title: (args) => `hand ${what(args)} to jail ${args.uuid}`,
      do: (args, run) => lend(args, run, paths),
      undo: (args, run) => takeBack(args, run, paths),
    }),
    returnDatasets: stepKind<LendArgs>('freebsd.datasets-return', {
      title: (args) => `take ${what(args)} back from jail ${args.uuid}`,
      do: (args, run) => takeBack(args, run, paths),
    }),
    lendArgs: (jail: JailSpec, datasets: readonly LentDataset[]): LendArgs => ({
      pool: jail.pool,
      uuid: jail.uuid,
      name: placesOf(paths, jail.pool, jail.uuid).name,
      root: jail.root,
      config: [...jail.config].filter(([key]) => key === 'exec_fib' || key === 'vnet'),
      datasets,
    }),
  };
}

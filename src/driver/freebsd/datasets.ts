/**
 * `jail_zfs`: datasets that root of the jail administers itself, by zfs-jail(8). While the jail runs they are
 * marked `jailed`, are mounted in the jail at their place there, and the host can neither mount nor share
 * them; afterwards they are what they were. What they were is in the record, for a start that was killed.
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Exec, Paths } from '../system.ts';
import type { HandedMount, JailSpec } from '../host.ts';
import { jexec } from './inside.ts';
import { placesOf } from './names.ts';
import { forgetParts, readState, recordState } from './state.ts';

export interface LentDataset {
  readonly dataset: string;
  /** Path in the jail. */
  readonly target: string;
  /** The dataset's own `mountpoint` before; null: inherited. */
  readonly mountpoint: string | null;
}

export interface LendArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly name: string;
  readonly root: string;
  readonly config: readonly (readonly [string, string])[];
  readonly datasets: readonly LentDataset[];
}

const local = new Set(['local', 'received']);

/** What each is to become again. */
export async function lentDatasets(
  exec: Exec,
  handed: readonly HandedMount[],
): Promise<readonly LentDataset[]> {
  if (handed.length === 0) return [];
  const names = handed.map(({ dataset }) => dataset);
  // One that the same start makes is not there yet, and will inherit its mount point.
  const argv = ['zfs', 'get', '-H', '-o', 'name,value,source', 'mountpoint', ...names];
  const { stdout } = await exec.read(argv, { accept: [0, 1] });
  const rows = new Map(stdout.split('\n').map((line) => [line.split('\t')[0]!, line.split('\t')] as const));
  return handed.map(({ dataset, target }) => {
    const [, value, source = ''] = rows.get(dataset) ?? [];
    return { dataset, target, mountpoint: local.has(source) ? (value ?? null) : null };
  });
}

async function lend(args: LendArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, name, datasets } = args;
  await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, datasets });
  const inside = { uuid, config: new Map(args.config) };
  for (const { dataset, target } of datasets) {
    // Not mounted is no failure; that it is not jailed afterwards would be one.
    await run.exec.change(['zfs', 'unmount', dataset], { accept: 'any' });
    // Before it is jailed: then the host may not set it any more.
    await run.exec.change(['zfs', 'set', `mountpoint=${target}`, dataset]);
    await run.exec.change(['zfs', 'set', 'jailed=on', dataset]);
    await run.exec.change(['zfs', 'jail', name, dataset]);
    await run.exec.change(jexec(inside, ['zfs', 'mount', dataset]));
  }
}

/** Harmless when nothing of it was done, and when the jail is gone. */
async function takeBack(args: LendArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, name, root, datasets } = args;
  const { state } = placesOf(paths, pool, uuid);
  if ((await readState(run.files, state))?.datasets === undefined) return;
  for (const { dataset, target, mountpoint } of [...datasets].reverse()) {
    await run.exec.change(['umount', '-f', `${root}${target}`], { accept: 'any' });
    await run.exec.change(['zfs', 'unjail', name, dataset], { accept: 'any' });
    await run.exec.change(['zfs', 'inherit', 'jailed', dataset]);
    const back = mountpoint === null ? ['inherit', 'mountpoint'] : ['set', `mountpoint=${mountpoint}`];
    await run.exec.change(['zfs', ...back, dataset]);
    await run.exec.change(['zfs', 'mount', dataset], { accept: 'any' });
  }
  await forgetParts(run.files, state, 'datasets');
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
      config: [...jail.config].filter(([key]) => key === 'exec_fib'),
      datasets,
    }),
  };
}

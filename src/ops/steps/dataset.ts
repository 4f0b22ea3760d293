/**
 * Step kinds for datasets and snapshots. What a step creates carries the operation's stamp from the
 * same call, and an undo destroys nothing without it: so an undo after a crash, or of a step that never
 * ran, cannot take away what somebody else made meanwhile.
 */
import { stepKind, type StepKind, type StepRun } from '../../driver/step.ts';
import { stampProperty, type Properties } from '../../driver/storage.ts';
import { IocageError } from '../../domain/errors.ts';

function stamped(properties: Properties, { operationId }: StepRun): Properties {
  return { ...properties, [stampProperty]: operationId };
}

async function isOurs(name: string, { storage, operationId }: StepRun): Promise<boolean> {
  return (await storage.local(name))?.get(stampProperty) === operationId;
}

/** What is already gone needs no unmounting or mounting. */
async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof IocageError) || error.code !== 'DATASET_NOT_FOUND') throw error;
  }
}

/** A rollback and a rename unmount for a moment; ended just then, the dataset stays so. */
export async function remount(dataset: string, { storage }: StepRun): Promise<void> {
  const [row] = (await storage.filesystems(dataset, 0, ['mounted', 'canmount', 'mountpoint'])) ?? [];
  const wanted = row?.values.get('canmount') !== 'off' && row?.values.get('mountpoint')?.startsWith('/');
  if (row?.values.get('mounted') === 'no' && wanted) await unlessGone(storage.mount(dataset));
}

/** Makes it; what an earlier run of the same operation made is as good. */
async function makeOnce(name: string, run: StepRun, make: () => Promise<void>): Promise<void> {
  try {
    await make();
  } catch (error) {
    const exists = error instanceof IocageError && error.code === 'DATASET_EXISTS';
    if (!exists || !(await isOurs(name, run))) throw error;
  }
}

async function exists(dataset: string, { storage }: StepRun): Promise<boolean> {
  return (await storage.filesystems(dataset, 0, [])) !== undefined;
}

/** The nearest datasets above, up to but without the pool. */
function ancestors(dataset: string): readonly string[] {
  const parts = dataset.split('/');
  return parts.slice(1, -1).map((_, index) => parts.slice(0, parts.length - 1 - index).join('/'));
}

export const createDataset = stepKind<{ dataset: string; properties: Properties }>('dataset.create', {
  title: ({ dataset }) => `create dataset ${dataset}`,
  do: ({ dataset, properties }, run) =>
    makeOnce(dataset, run, () => run.storage.create(dataset, stamped(properties, run))),
  undo: ({ dataset }, run) => run.storage.destroy(dataset, { recursive: false, madeBy: run.operationId }),
});

export const cloneDataset = stepKind<{ snapshot: string; dataset: string; properties: Properties }>(
  'dataset.clone',
  {
    title: ({ snapshot, dataset }) => `clone ${snapshot} to ${dataset}`,
    do: ({ snapshot, dataset, properties }, run) =>
      makeOnce(dataset, run, () => run.storage.clone(snapshot, dataset, stamped(properties, run))),
    undo: ({ dataset }, run) => run.storage.destroy(dataset, { recursive: false, madeBy: run.operationId }),
  },
);

/**
 * A received dataset cannot be stamped in the call that makes it, so it must go below one that this
 * operation made: nobody else has anything there.
 */
export const copyDataset = stepKind<{ snapshot: string; dataset: string }>('dataset.copy', {
  title: ({ snapshot, dataset }) => `copy ${snapshot} to ${dataset}`,
  async do({ snapshot, dataset }, run) {
    run.progress(`copying ${snapshot}`);
    try {
      return await run.storage.copy(snapshot, dataset);
    } catch (error) {
      const there = error instanceof IocageError && error.code === 'DATASET_EXISTS';
      if (!there || !(await isBelowOurs(dataset, run))) throw error;
    }
    // Received by a run that was interrupted right afterwards.
    await run.storage.destroySnapshot(`${dataset}@${snapshot.split('@')[1]!}`, { recursive: false });
    await run.storage.mount(dataset);
  },
  async undo({ dataset }, run) {
    if (await isBelowOurs(dataset, run)) await run.storage.destroy(dataset, { recursive: false });
  },
});

async function isBelowOurs(dataset: string, run: StepRun): Promise<boolean> {
  for (const above of ancestors(dataset)) if (await isOurs(above, run)) return true;
  return false;
}

export const takeSnapshot = stepKind<{ name: string; recursive: boolean; properties: Properties }>(
  'snapshot.take',
  {
    title: ({ name, recursive }) => `take snapshot ${name}${recursive ? ' and those below' : ''}`,
    do: ({ name, recursive, properties }, run) =>
      makeOnce(name, run, () =>
        run.storage.snapshot(name, { recursive, properties: stamped(properties, run) }),
      ),
    async undo({ name, recursive }, run) {
      if (await isOurs(name, run)) await run.storage.destroySnapshot(name, { recursive });
    },
  },
);

/** Cannot be undone; repeated, it finds nothing and is content. `gone`: what earlier steps destroy. */
export const destroyDataset = stepKind<{ dataset: string; recursive: boolean; gone?: readonly string[] }>(
  'dataset.destroy',
  {
    title: ({ dataset }) => `destroy dataset ${dataset}`,
    do: ({ dataset, recursive, gone }, { storage }) =>
      storage.destroy(dataset, { recursive, ...(gone === undefined ? {} : { gone }) }),
  },
);

/** What the same operation made for a while: going back does not need it. */
export const dropDataset = stepKind<{ dataset: string }>('dataset.drop', {
  title: ({ dataset }) => `destroy dataset ${dataset}`,
  do: ({ dataset }, { storage, operationId }) =>
    storage.destroy(dataset, { recursive: false, madeBy: operationId }),
  undo: () => Promise.resolve(),
});

export const destroySnapshot = stepKind<{ name: string; recursive: boolean }>('snapshot.destroy', {
  title: ({ name, recursive }) => `destroy snapshot ${name}${recursive ? ' and those below' : ''}`,
  do: ({ name, recursive }, { storage }) => storage.destroySnapshot(name, { recursive }),
});

/** The snapshot that a copy was sent from, made by the same operation: going back does not need it. */
export const dropSnapshot = stepKind<{ name: string; recursive?: boolean }>('snapshot.drop', {
  title: ({ name, recursive = false }) => `destroy snapshot ${name}${recursive ? ' and those below' : ''}`,
  do: ({ name, recursive = false }, { storage }) => storage.destroySnapshot(name, { recursive }),
  undo: () => Promise.resolve(),
});

/** `previous`: for each key the value that was set on the dataset itself, `null` when none was. */
export const setProperties = stepKind<{
  dataset: string;
  properties: Properties;
  previous: Readonly<Record<string, string | null>>;
}>('dataset.set', {
  title: ({ dataset, properties }) => `set ${Object.keys(properties).join(', ')} on ${dataset}`,
  do: ({ dataset, properties }, { storage }) => storage.set(dataset, properties),
  async undo({ dataset, previous }, { storage }) {
    const local = await storage.local(dataset);
    if (local === undefined) return;
    const changed = Object.entries(previous).filter(([key, value]) => (local.get(key) ?? null) !== value);
    const back = changed.filter((pair): pair is [string, string] => pair[1] !== null);
    if (back.length > 0) await storage.set(dataset, Object.fromEntries(back));
    for (const [key, value] of changed) if (value === null) await storage.inherit(dataset, key);
  },
});

/** Takes properties back to what is inherited. `previous` as above. */
export const inheritProperties = stepKind<{
  dataset: string;
  keys: readonly string[];
  previous: Readonly<Record<string, string | null>>;
}>('dataset.inherit', {
  title: ({ dataset, keys }) => `reset ${keys.join(', ')} on ${dataset}`,
  async do({ dataset, keys }, { storage }) {
    for (const key of keys) await storage.inherit(dataset, key);
  },
  undo: (args, run) => setProperties.undo!({ ...args, properties: {} }, run),
});

/** Cannot be undone: what was written since is gone. */
export const rollbackSnapshot = stepKind<{ snapshot: string; destroyNewer: boolean }>('snapshot.rollback', {
  title: ({ snapshot }) => `roll back to ${snapshot}`,
  async do({ snapshot, destroyNewer }, run) {
    await run.storage.rollback(snapshot, { destroyNewer });
    await remount(snapshot.split('@')[0]!, run);
  },
});

/** `wasMounted` false: the undo unmounts it again. */
export const mountDataset = stepKind<{ dataset: string; wasMounted?: boolean }>('dataset.mount', {
  title: ({ dataset }) => `mount ${dataset}`,
  do: ({ dataset }, { storage }) => storage.mount(dataset),
  async undo({ dataset, wasMounted }, { storage }) {
    if (wasMounted === false) await unlessGone(storage.unmount(dataset));
  },
});

/**
 * Unmounts a dataset with those mounted inside it. Before a destroy it is the check that nobody has a
 * file open there: it fails whole, and it can be undone. `mounted`: what to mount again then, outermost
 * first; default the dataset alone.
 */
export const unmountDataset = stepKind<{ dataset: string; mounted?: readonly string[] }>('dataset.unmount', {
  title: ({ dataset }) => `unmount ${dataset}`,
  async do({ dataset }, { storage }) {
    await unlessGone(storage.unmount(dataset));
  },
  async undo({ dataset, mounted }, { storage }) {
    for (const name of mounted ?? [dataset]) await unlessGone(storage.mount(name));
  },
});

/** `origin`: the snapshot that the dataset is a clone of before the step. */
export const promoteDataset = stepKind<{ dataset: string; origin: string }>('dataset.promote', {
  title: ({ dataset }) => `promote ${dataset}`,
  async do({ dataset }, run) {
    const rows = await run.storage.filesystems(dataset, 0, ['origin']);
    // Promoted already, by a run that was interrupted.
    if (rows !== undefined && !rows[0]?.values.has('origin')) return;
    await run.storage.promote(dataset);
  },
  async undo({ dataset, origin }, { storage }) {
    const before = origin.split('@')[0]!;
    const now = (await storage.filesystems(before, 0, ['origin']))?.[0]?.values.get('origin');
    if (now?.split('@')[0] === dataset) await storage.promote(before);
  },
});

/**
 * `mounted`: what is mounted before and a rename may unmount for its time, by its name before: what is in the
 * tree, and clones of it. Killed meanwhile, the rename leaves them so, and nobody else would know of it.
 */
export const renameDataset = stepKind<{ from: string; to: string; mounted: readonly string[] }>(
  'dataset.rename',
  {
    title: ({ from, to }) => `rename ${from} to ${to}`,
    // Records of an earlier version have no list.
    async do({ from, to, mounted = [] }, run) {
      const done = !(await exists(from, run)) && (await exists(to, run));
      if (!done) await run.storage.rename(from, to);
      const moved = (name: string): string =>
        name === from || name.startsWith(`${from}/`) ? to + name.slice(from.length) : name;
      for (const name of run.dry ? [] : mounted) await remount(moved(name), run);
    },
    async undo({ from, to, mounted = [] }, run) {
      if (!(await exists(from, run)) && (await exists(to, run))) await run.storage.rename(to, from);
      for (const name of mounted) await remount(name, run);
    },
  },
);

export const datasetKinds = [
  createDataset,
  cloneDataset,
  copyDataset,
  takeSnapshot,
  destroyDataset,
  dropDataset,
  destroySnapshot,
  dropSnapshot,
  setProperties,
  inheritProperties,
  rollbackSnapshot,
  mountDataset,
  unmountDataset,
  promoteDataset,
  renameDataset,
] as unknown as readonly StepKind[];

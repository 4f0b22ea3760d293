/**
 * Step kinds for datasets and snapshots. What a step creates carries the operation's id in the same
 * call (`org.freebsd.iocage:op`), and undo destroys only what carries it: an operation that was
 * killed before its effect, or failed because the name was taken, undoes nothing of anybody else's.
 */
import { stepKind, type StepRun } from '../../driver/step.ts';
import type { Properties } from '../../driver/storage.ts';
import { IocageError } from '../../domain/errors.ts';

const stampKey = 'org.freebsd.iocage:op';

function stamped(properties: Properties, run: StepRun): Properties {
  return { ...properties, [stampKey]: run.operationId };
}

async function carriesStamp(name: string, run: StepRun): Promise<boolean> {
  return (await run.storage.local(name))?.get(stampKey) === run.operationId;
}

/** Undoing meets what is already gone; that is what was wanted. */
async function unlessGone(action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    if (!(error instanceof IocageError) || error.code !== 'DATASET_NOT_FOUND') throw error;
  }
}

function parentOf(dataset: string): string {
  return dataset.slice(0, dataset.lastIndexOf('/'));
}

export const createDataset = stepKind<{ dataset: string; properties: Properties }>('dataset.create', {
  title: ({ dataset }) => `create dataset ${dataset}`,
  do: ({ dataset, properties }, run) => run.storage.create(dataset, stamped(properties, run)),
  undo: ({ dataset }, run) => run.storage.destroy(dataset, { recursive: true, madeBy: run.operationId }),
});

export const takeSnapshot = stepKind<{ name: string; recursive: boolean; properties: Properties }>(
  'snapshot.take',
  {
    title: ({ name }) => `take snapshot ${name}`,
    do: ({ name, recursive, properties }, run) =>
      run.storage.snapshot(name, { recursive, properties: stamped(properties, run) }),
    async undo({ name, recursive }, run) {
      if (await carriesStamp(name, run)) await run.storage.destroySnapshot(name, { recursive });
    },
  },
);

export const cloneDataset = stepKind<{ snapshot: string; dataset: string; properties: Properties }>(
  'dataset.clone',
  {
    title: ({ snapshot, dataset }) => `clone ${snapshot} to ${dataset}`,
    do: ({ snapshot, dataset, properties }, run) =>
      run.storage.clone(snapshot, dataset, stamped(properties, run)),
    undo: ({ dataset }, run) => run.storage.destroy(dataset, { recursive: true, madeBy: run.operationId }),
  },
);

/** A received dataset cannot be stamped in the same call, so the stamp of its parent counts. */
export const copyDataset = stepKind<{ snapshot: string; dataset: string }>('dataset.copy', {
  title: ({ snapshot, dataset }) => `copy ${snapshot} to ${dataset}`,
  do({ snapshot, dataset }, run) {
    run.progress(`copying ${snapshot}`);
    return run.storage.copy(snapshot, dataset);
  },
  async undo({ dataset }, run) {
    if (await carriesStamp(parentOf(dataset), run)) await run.storage.destroy(dataset, { recursive: true });
  },
});

/** Irreversible, and repeatable: what is already gone stays gone. */
export const destroyDataset = stepKind<{ dataset: string; recursive: boolean }>('dataset.destroy', {
  title: ({ dataset }) => `destroy dataset ${dataset}`,
  do: ({ dataset, recursive }, run) => run.storage.destroy(dataset, { recursive }),
});

export const destroySnapshot = stepKind<{ name: string; recursive: boolean }>('snapshot.destroy', {
  title: ({ name }) => `destroy snapshot ${name}`,
  do: ({ name, recursive }, run) => run.storage.destroySnapshot(name, { recursive }),
});

/** The snapshot that a copy was sent from: made by the same operation, so its undo has nothing to bring back. */
export const dropSnapshot = stepKind<{ name: string }>('snapshot.drop', {
  title: ({ name }) => `destroy snapshot ${name}`,
  do: ({ name }, run) => run.storage.destroySnapshot(name, { recursive: false }),
  undo: () => Promise.resolve(),
});

/** `previous` holds the values before; null means that the property was not set on the dataset itself. */
export const setProperties = stepKind<{
  dataset: string;
  properties: Properties;
  previous: Readonly<Record<string, string | null>>;
}>('dataset.set', {
  title: ({ dataset, properties }) => `set ${Object.keys(properties).join(', ')} of ${dataset}`,
  do: ({ dataset, properties }, run) => run.storage.set(dataset, properties),
  async undo({ dataset, previous }, run) {
    const back = Object.entries(previous).filter((pair): pair is [string, string] => pair[1] !== null);
    if (back.length > 0) await unlessGone(run.storage.set(dataset, Object.fromEntries(back)));
    for (const [key, value] of Object.entries(previous)) {
      if (value === null) await unlessGone(run.storage.inherit(dataset, key));
    }
  },
});

export const rollbackSnapshot = stepKind<{ snapshot: string; destroyNewer: boolean }>('snapshot.rollback', {
  title: ({ snapshot }) => `roll back to ${snapshot}`,
  do: ({ snapshot, destroyNewer }, run) => run.storage.rollback(snapshot, { destroyNewer }),
});

export const mountDataset = stepKind<{ dataset: string }>('dataset.mount', {
  title: ({ dataset }) => `mount ${dataset}`,
  do: ({ dataset }, run) => run.storage.mount(dataset),
  undo: ({ dataset }, run) => unlessGone(run.storage.unmount(dataset)),
});

/** Also the check before a destroy that nobody has a file open there; repeatable when the dataset is gone. */
export const unmountDataset = stepKind<{ dataset: string }>('dataset.unmount', {
  title: ({ dataset }) => `unmount ${dataset}`,
  do: ({ dataset }, run) => unlessGone(run.storage.unmount(dataset)),
  undo: ({ dataset }, run) => unlessGone(run.storage.mount(dataset)),
});

export const promoteDataset = stepKind<{ dataset: string }>('dataset.promote', {
  title: ({ dataset }) => `promote ${dataset}`,
  do: ({ dataset }, run) => run.storage.promote(dataset),
});

export const renameDataset = stepKind<{ from: string; to: string }>('dataset.rename', {
  title: ({ from, to }) => `rename ${from} to ${to}`,
  do: ({ from, to }, run) => run.storage.rename(from, to),
  async undo({ from, to }, run) {
    if ((await run.storage.local(from)) === undefined) await unlessGone(run.storage.rename(to, from));
  },
});

export const datasetKinds = [
  createDataset,
  takeSnapshot,
  cloneDataset,
  copyDataset,
  destroyDataset,
  destroySnapshot,
  dropSnapshot,
  setProperties,
  rollbackSnapshot,
  mountDataset,
  unmountDataset,
  promoteDataset,
  renameDataset,
];

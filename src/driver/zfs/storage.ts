/**
 * `Storage` over zfs(8) and zpool(8): OpenZFS 2.x on Linux and FreeBSD, and zfs-fuse 0.7 (pool version
 * 23). Every change is one command where ZFS allows it, so that it happens whole or not at all; where
 * it takes several, a failure puts back what the earlier ones did.
 */
import type { Clock, Exec } from '../system.ts';
import { stampProperty, type Storage } from '../storage.ts';
import { failure, IocageError } from '../../domain/errors.ts';
import * as argv from './argv.ts';
import { isAbsent } from './failure.ts';
import { assertDestroyable } from './guard.ts';
import { isAtOrBelow, parentOf, poolOf, splitSnapshot } from './name.ts';
import { zfsReading } from './read.ts';
import { renameTree } from './rename.ts';
import { refused, zfsRunner } from './run.ts';
import { zfsTransfer } from './transfer.ts';
import { mountOne, readTree, remount, unmountOne, unmountTree, type Tree } from './tree.ts';

/** With less than this left in a quota not even a mount point can be made. */
const noSpaceBytes = 256 * 1024;

/** @param platform for tests; which kernel's word hands a dataset to a jail. */
export function zfsStorage(exec: Exec, clock: Clock, platform: NodeJS.Platform = process.platform): Storage {
  const run = zfsRunner(exec, clock);
  const reading = zfsReading(run, platform);
  const roots = new Set<string>();

  /** `create` and `clone` may leave a dataset that could not be mounted; it goes again. */
  async function make(command: readonly string[], dataset: string): Promise<void> {
    const result = await run.attempt(command);
    if (result.status === 0) return;
    if (/^cannot mount /m.test(result.stderr) && !/^cannot (create|open) /m.test(result.stderr)) {
      await run.change(argv.destroy(dataset, false), dataset, isAbsent);
      if (await isFull(parentOf(dataset))) {
        throw failure('POOL_FULL', { dataset, why: result.stderr.split('\n')[0]! });
      }
    }
    throw refused(result, dataset);
  }

  async function isFull(dataset: string | undefined): Promise<boolean> {
    if (dataset === undefined) return false;
    const available = (await reading.measure(dataset, 0, ['available'])).get(dataset)?.get('available');
    return available !== undefined && Number(available) < noSpaceBytes;
  }

  /** Filesystems outside `root` that are clones of a snapshot for which `isOrigin` holds. */
  async function dependents(root: string, isOrigin: (origin: string) => boolean): Promise<readonly string[]> {
    const clones = await reading.clones(poolOf(root));
    return clones
      .filter(({ dataset, origin }) => isOrigin(origin) && !isAtOrBelow(dataset, root))
      .map((c) => c.dataset);
  }

  async function assertNothingHangsOn(
    dataset: string,
    tree: Tree,
    recursive: boolean,
    gone: readonly string[],
  ): Promise<void> {
    const below = tree.datasets.slice(1).filter((name) => !gone.includes(name));
    if (!recursive && below.length > 0) {
      throw failure('GUARDED', { dataset, why: `there are filesystems below it: ${below.join(', ')}` });
    }
    if (tree.snapshots.length === 0) return;
    const names = (await dependents(dataset, (origin) => isAtOrBelow(origin.split('@')[0]!, dataset))).filter(
      (name) => !gone.includes(name),
    );
    if (names.length > 0) throw failure('HAS_DEPENDENTS', { what: dataset, dependents: names });
  }

  return {
    ...reading,
    ...zfsTransfer(exec, run),

    admit: (root) => void roots.add(root),

    create: async (dataset, properties) => make(argv.create(dataset, properties), dataset),
    clone: async (origin, dataset, properties) => make(argv.clone(origin, dataset, properties), dataset),
    snapshot: async (name, { recursive, properties }) =>
      run.change(argv.snapshot(name, recursive, properties), name),

    async copy(origin, dataset) {
      const { snapshot } = splitSnapshot(origin);
      await run.pipe(argv.copy(origin, dataset), dataset);
      try {
        await run.change(argv.destroy(`${dataset}@${snapshot}`, false), dataset, isAbsent);
        await mountOne(run, dataset);
      } catch (error) {
        // It was received by this call, so nothing of anybody else's is in it.
        await run.change(argv.destroy(dataset, true), dataset, isAbsent).catch(() => undefined);
        throw error;
      }
    },

    async set(dataset, properties) {
      const many = Object.keys(properties).length > 1 && (await reading.capabilities()).setMany;
      for (const command of argv.set(dataset, properties, many)) await run.change(command, dataset);
    },
    inherit: async (dataset, key) => run.change(argv.inherit(dataset, key), dataset),

    async rollback(name, { destroyNewer }) {
      try {
        await run.change(argv.rollback(name, destroyNewer), name);
      } catch (error) {
        if (!(error instanceof IocageError) || error.code !== 'HAS_DEPENDENTS') throw error;
        const names = error.details['dependents'] as readonly string[];
        throw failure(
          'HAS_DEPENDENTS',
          { what: `a snapshot newer than ${name}`, dependents: names },
          { cause: error },
        );
      }
    },
    promote: async (dataset) => run.change(argv.promote(dataset), dataset),

    rename: (from, to) => renameTree(run, reading, from, to),

    mount: async (dataset) => mountOne(run, dataset),
    // Takes those along that are mounted inside it, and puts them back when one of them is busy.
    unmount: async (dataset) => unmountOne(run, dataset),

    async destroy(dataset, { recursive, madeBy, gone = [] }) {
      assertDestroyable(dataset, madeBy !== undefined, roots);
      const tree = await readTree(run, dataset);
      if (tree === undefined) return;
      if (madeBy !== undefined && (await reading.local(dataset))?.get(stampProperty) !== madeBy) return;
      await assertNothingHangsOn(dataset, tree, recursive, gone);
      await unmountTree(run, tree);
      try {
        await run.change(argv.destroy(dataset, recursive || tree.snapshots.length > 0), dataset, isAbsent);
      } catch (error) {
        await remount(
          run,
          tree.mounted.map(({ name }) => name),
        ).catch(() => undefined);
        throw error;
      }
    },

    async destroySnapshot(name, { recursive }) {
      const { dataset, snapshot } = splitSnapshot(name);
      assertDestroyable(dataset, true, roots);
      try {
        await run.change(argv.destroy(name, recursive), name, isAbsent);
      } catch (error) {
        const empty = error instanceof IocageError && error.code === 'HAS_DEPENDENTS';
        if (!empty || (error.details['dependents'] as readonly string[]).length > 0) throw error;
        const isOrigin = (origin: string): boolean =>
          recursive
            ? isAtOrBelow(origin.split('@')[0]!, dataset) && origin.endsWith(`@${snapshot}`)
            : origin === name;
        const names = (await reading.clones(poolOf(name)))
          .filter((c) => isOrigin(c.origin))
          .map((c) => c.dataset);
        throw failure('HAS_DEPENDENTS', { what: name, dependents: names }, { cause: error });
      }
    },

    async setPoolComment(pool, comment) {
      const command = argv.setPoolComment(pool, comment);
      if (!(await reading.capabilities()).poolComment) {
        throw failure('UNSUPPORTED', { what: 'a pool comment', why: 'this ZFS has no such pool property' });
      }
      await run.change(command, pool);
    },
  };
}

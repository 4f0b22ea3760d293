/**
 * The step kind that keeps the state of a release's root as a snapshot, with a digest of what find(1) tells of its
 * files. Not every ZFS can say what was written since a snapshot, and reading alone writes the times of access.
 */
import { stepKind, type StepRun } from '../../driver/step.ts';
import { sha256 } from '../plan/hash.ts';
import { takeSnapshot } from './dataset.ts';

export const stateProperty = 'org.freebsd.iocage:release_state';

/** SHA-256 over the names, kinds, modes, owners, lengths, times and links below `root`; the contents are not read. */
export async function stateOf(root: string, run: Pick<StepRun, 'exec' | 'host' | 'signal'>): Promise<string> {
  const tree = await run.host.trees.entries(root, run, 'escape');
  return sha256(JSON.stringify([...tree].sort(([a], [b]) => (a < b ? -1 : 1))));
}

export const takeState = stepKind<{ root: string; snapshot: string }>('release.take-state', {
  title: ({ snapshot }) => `keep the files as ${snapshot}`,
  async do({ root, snapshot: name }, run) {
    const state = run.dry ? 'SHA-256' : await stateOf(root, run);
    await takeSnapshot.do({ name, recursive: false, properties: { [stateProperty]: state } }, run);
  },
  async undo({ snapshot: name }, run) {
    await takeSnapshot.undo?.({ name, recursive: false, properties: {} }, run);
  },
});

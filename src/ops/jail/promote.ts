/**
 * `promote`: a clone no longer hangs on what it was cloned from; that one hangs on it instead. ZFS moves
 * the snapshots up to the common one along, nothing is copied and nothing is lost.
 */
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { toSpec } from '../world/spec.ts';
import { promoteDataset } from '../steps/dataset.ts';
import { datasetOf, isInside } from './loss.ts';
import { jailInput, lockJail, oneJail, readJail } from './select.ts';

interface Promoted {
  readonly uuid: string;
  readonly tag: string;
  /** Filesystems that were clones and are none of what they came from any more. */
  readonly promoted: readonly string[];
  /** Those that were no clones. */
  readonly others: readonly string[];
}

export const jailPromote = defineChange<typeof jailInput, Promoted>({
  id: 'jail.promote',
  title: 'Make a clone independent of what it was cloned from',
  effect: 'change',
  recover: 'undo',
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    toSpec(world, jail); // what is corrupt or not ours is refused here
    const rows = (await context.storage.filesystems(jail.dataset, 32, ['origin'])) ?? [];
    // One that was cloned inside the jail, by hand, hangs on nothing else.
    const clones = rows.flatMap(({ name, values }) => {
      const origin = values.get('origin');
      return origin === undefined || origin === '-' || isInside(datasetOf(origin), [jail.dataset])
        ? []
        : [{ dataset: name, origin }];
    });
    for (const clone of clones) await assertNamesFree(context, jail, clone);
    const promoted = clones.map(({ dataset }) => dataset);
    return {
      subject: label(jail),
      title: `Promoting ${label(jail)}`,
      steps: clones.map((clone) => promoteDataset(clone)),
      result: () => ({
        uuid: jail.uuid,
        tag: jail.tag,
        promoted,
        others: rows.map(({ name }) => name).filter((name) => !promoted.includes(name)),
      }),
    };
  },
  command: {
    names: ['promote'],
    group: 'jails',
    usage: 'JAIL',
    about:
      'Afterwards what the jail was cloned from is a clone of the jail, and other clones of the same or older ' +
      'snapshots hang on the jail too. To destroy a source and keep its clone, promote the clone first.',
    examples: [
      { line: 'iocage promote web2', says: 'then the jail that web2 was cloned from can be destroyed' },
    ],
    toInputs: (words) => [oneJail('promote', words)],
  },
});

/** The snapshots that come along must not meet others of their names; ZFS would say so after half the work. */
async function assertNamesFree(
  { storage }: Context,
  jail: Jail,
  { dataset, origin }: { dataset: string; origin: string },
): Promise<void> {
  const own = new Set((await storage.snapshots(dataset, 0, [])).map(({ snapshot }) => snapshot));
  const theirs = await storage.snapshots(datasetOf(origin), 0, []);
  const last = theirs.find(({ name }) => name === origin)?.createTxg ?? Infinity;
  const twice = theirs.find(({ snapshot, createTxg }) => createTxg <= last && own.has(snapshot));
  if (twice !== undefined) throw failure('SNAPSHOT_EXISTS', { jail: label(jail), snapshot: twice.snapshot });
}

/**
 * `destroy -R`: a jail with all jails that were cloned from it, theirs too. The set is computed and
 * shown first; each filesystem goes by a call of its own, never by `zfs destroy -R`. What is a clone of
 * them and no jail of ours (a release, somebody's dataset) refuses the whole.
 */
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { noteHandedElsewhere } from '../snapshot/rows.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { dependentsOf, isInside, type Clone } from './loss.ts';
import { assertNoOthers, destroyInput, planLosses } from './losses.ts';
import { assertOurs, jailLock } from './select.ts';

interface DestroyedTree {
  readonly jails: readonly { readonly uuid: string; readonly tag: string }[];
  /** Datasets and snapshots that are gone. */
  readonly destroyed: readonly string[];
}

/** The jail first, then what hangs on it, each once. */
export function withClones(world: World, clones: readonly Clone[], jail: Jail): readonly Jail[] {
  const found = [jail];
  for (const each of found) {
    for (const dataset of dependentsOf(clones, [each.dataset])) {
      const other = world.jails.find((candidate) => isInside(dataset, [candidate.dataset]));
      if (other !== undefined && !found.includes(other)) found.push(other);
    }
  }
  return found;
}

async function treeOf(context: Context, name: string) {
  const world = await readWorld(context);
  const clones = await context.storage.clones(world.pool.name);
  return { world, clones, jails: withClones(world, clones, findJail(world.jails, name)) };
}

export const jailDestroyTree = defineChange<typeof destroyInput, DestroyedTree>({
  id: 'jail.destroy-tree',
  title: 'Destroy a jail with all jails that were cloned from it',
  effect: 'destroy',
  recover: 'finish',
  input: destroyInput,
  locks: async (context, input) => (await treeOf(context, input.jail)).jails.map(jailLock),
  async plan(context, input) {
    const { world, clones, jails } = await treeOf(context, input.jail);
    for (const jail of jails) assertOurs(jail);
    const roots = jails.map(({ dataset }) => dataset);
    const subject = jails.map(label).join(', ');
    assertNoOthers(world, clones, roots, subject);
    const rows = (await context.storage.filesystems(world.root, 32, ['mounted'])) ?? [];
    for (const jail of jails) noteHandedElsewhere(context, jail, world.defaults);
    const { force } = input;
    const { destroyed, steps } = await planLosses(context, world, { jails, roots, rows, clones, force });
    return {
      subject,
      title: `this will destroy ${jails.length === 1 ? 'jail' : `${jails.length} jails:`} ${subject}`,
      loses: destroyed,
      steps,
      result: () => ({ jails: jails.map(({ uuid, tag }) => ({ uuid, tag })), destroyed }),
    };
  },
  command: {
    names: ['destroy'],
    group: 'jails',
    usage: '-R JAIL ...',
    examples: [],
    toInputs({ positionals, flags }: Words) {
      if (flags['release'] === true)
        throw failure('USAGE', {
          problem: '-R is for jails; a release is destroyed after its jails',
          command: 'destroy',
        });
      if (positionals.length === 0) throw failure('USAGE', { problem: 'missing UUID', command: 'destroy' });
      if (positionals.includes('ALL'))
        throw failure('USAGE', { problem: 'ALL is not taken here: name each jail', command: 'destroy' });
      return positionals.map((jail) => ({ jail, force: flags['force'] === true }));
    },
  },
});

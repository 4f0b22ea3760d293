/**
 * Destroys several jails that one question was asked about, a clone before what it is a clone of. Each is an
 * operation of its own; one that fails does not stop the rest, and the answer tells how each ended.
 */
import * as z from 'zod';
import { defineFleet, type RunOther } from '../operation.ts';
import type { Context } from '../context.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { readWorld } from '../world/read.ts';
import { jailDestroy } from './destroy.ts';
import { withClones } from './destroy-tree.ts';
import { computeLoss } from './loss.ts';

const manyInput = z.object({
  jails: z.array(z.string().min(1)).min(1),
  /** Stop running jails first. */
  force: z.boolean().default(false),
  /** Those too that were cloned from them, at any depth. */
  recursive: z.boolean().default(false),
});

export interface DestroyedMany {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    /** Where it was mounted; null where it was not. */
    readonly mountpoint: string | null;
    /** Why it is still there. */
    readonly error?: IocageError;
  }[];
}

export const jailDestroyMany = defineFleet<typeof manyInput, DestroyedMany>({
  id: 'jail.destroy-many',
  title: 'Destroy jails with their files and snapshots',
  input: manyInput,
  async fleet(context, { jails: names, force, recursive }, run, ask) {
    const world = await readWorld(context);
    const clones = recursive ? await context.storage.clones(world.pool.name) : [];
    const named = names.map((name) => findJail(world.jails, name));
    const jails = [...new Set(named.flatMap((jail) => withClones(world, clones, jail)))];
    await ask({
      subject: jails.map(label).join(', '),
      title: [`this will destroy ${jails.length === 1 ? 'jail' : 'jails'}`, ...jails.map(label)].join(' '),
      loses: await losesOf(context, jails),
    });
    const errors = new Map<Jail, IocageError>();
    let left = jails;
    // What others hang on goes after them: as long as one went, those that were refused are tried again.
    for (let before = Infinity; left.length > 0 && left.length < before;) {
      before = left.length;
      const refused: Jail[] = [];
      for (const jail of left) {
        // Those that went stay gone, and are told; the others are left as they are.
        const error = context.signal.aborted
          ? failure('CANCELLED', { operation: `Destroying jail ${label(jail)}` })
          : await destroy(run, jail, force);
        if (error === undefined) errors.delete(jail);
        else errors.set(jail, error);
        if (error?.code === 'HAS_DEPENDENTS') refused.push(jail);
      }
      left = refused;
    }
    return {
      jails: jails.map((jail) => ({
        uuid: jail.uuid,
        tag: jail.tag,
        mountpoint: jail.mountpoint ?? null,
        ...(errors.has(jail) ? { error: errors.get(jail)! } : {}),
      })),
    };
  },
  command: {
    names: ['destroy'],
    group: 'jails',
    usage: 'JAIL ...',
    examples: [],
    toInputs: ({ positionals, flags }) => [{ jails: positionals, force: flags['force'] === true }],
  },
});

/** One that cannot be destroyed says so when its turn comes. */
async function losesOf(context: Context, jails: readonly Jail[]): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const jail of jails) {
    if (context.signal.aborted) throw failure('CANCELLED', { operation: 'Destroying jails' });
    const loss = await computeLoss(context, jail).catch(() => undefined);
    lost.push(...(loss?.all ?? [jail.dataset]));
  }
  return [...new Set(lost)];
}

async function destroy(run: RunOther, jail: Jail, force: boolean): Promise<IocageError | undefined> {
  try {
    await run(jailDestroy, { jail: jail.uuid, force }, { agreed: true });
    return undefined;
  } catch (thrown) {
    return asIocageError(thrown);
  }
}

/** The words of the commands about snapshots: `JAIL@NAME`, `-n NAME`, and `ALL` in the place of either. */
import type { Context } from '../context.ts';
import type { Flag, Words } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { jailAndSnapshot } from '../../domain/jail.ts';
import { isInside } from '../jail/loss.ts';
import { oneJail } from '../jail/select.ts';
import { askEach, allSources } from '../source/each.ts';
import { fullName } from '../source/sources.ts';
import { readWorld } from '../world/read.ts';

export const nameFlag: Flag = {
  key: 'name',
  flags: '-n, --name <name>',
  doc: 'the snapshot, when it is not given as JAIL@NAME',
};

interface Named {
  readonly jail: string;
  readonly snapshot?: string;
}

export function snapshotWords(command: string, words: Words): Named {
  const { jail: word } = oneJail(command, words);
  const { jail, snapshot } = jailAndSnapshot(word);
  const name = snapshot ?? (words.flags['name'] as string | undefined);
  return { jail, ...(name === undefined ? {} : { snapshot: name }) };
}

export function needsName(command: string, words: Words): { jail: string; snapshot: string } {
  const { jail, snapshot } = snapshotWords(command, words);
  if (snapshot === undefined) throw failure('USAGE', { problem: 'missing snapshot: JAIL@NAME', command });
  return { jail, snapshot };
}

/** `ALL` is every jail and template of ours. */
export async function eachJail<T extends Named>(context: Context, named: T): Promise<readonly T[]> {
  if (named.jail !== 'ALL') return [named];
  const { answers } = await askEach(await allSources(context), async (own) => {
    const { jails } = await readWorld(own);
    const ours = jails.filter((jail) => jail.ours);
    return Promise.all(ours.map(async ({ uuid }) => ({ ...named, jail: await fullName(own, uuid) })));
  });
  return answers.flatMap(({ result }) => result);
}

/** The same, of the jails that have such a snapshot. */
export async function jailsWith(
  context: Context,
  named: { jail: string; snapshot: string },
): Promise<readonly { jail: string; snapshot: string }[]> {
  if (named.jail !== 'ALL') return [named];
  const { answers } = await askEach(await allSources(context), async (own) => {
    const { root, jails } = await readWorld(own);
    const rows = await own.storage.snapshots(root, undefined, []);
    const wanted = rows.filter(({ snapshot }) => named.snapshot === 'ALL' || snapshot === named.snapshot);
    const having = jails.filter(
      (jail) => jail.ours && wanted.some(({ dataset }) => isInside(dataset, [jail.dataset])),
    );
    return Promise.all(having.map(({ uuid }) => fullName(own, uuid)));
  });
  const found = answers.flatMap(({ result }) => result);
  if (found.length === 0 && named.snapshot !== 'ALL')
    throw failure('SNAPSHOT_NOT_FOUND', { jail: 'ALL', snapshot: named.snapshot });
  return found.map((jail) => ({ jail, snapshot: named.snapshot }));
}

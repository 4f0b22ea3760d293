/**
 * One look at a root: the rows that ZFS answered, sorted into jails, releases and defaults. Files are read only for
 * jails that another tool configures (`config-files.ts`).
 */
import { stampProperty, type DatasetRow } from '../../driver/storage.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import type { Jail } from '../../domain/jail.ts';
import { realmOf } from '../../domain/source.ts';
import { mountpointOf, splitColumns } from './columns.ts';
import { withFiles } from './config-files.ts';
import { toJail } from './jail.ts';
import { lockedBelow, sayBusy, sayLocked } from './problems.ts';
import { readRoot } from './root.ts';
import { layout, type World } from './world.ts';

/** @throws DATASET_LOCKED, NOT_MOUNTED, and what `readRoot` throws */
export async function survey(context: Context): Promise<World> {
  const before = await context.journal.working();
  const { root, source, oneOfSeveral, rows } = await readRoot(context);
  const realm = realmOf(root);
  const byName = new Map(rows.map((row) => [row.name, row]));
  const below = belowGroups(root, rows);
  const mountpoint = mountpointOf(byName.get(root)!);
  if (mountpoint === undefined) {
    const isLocked = (await lockedBelow(context, root, 0)).has(root);
    throw failure(isLocked ? 'DATASET_LOCKED' : 'NOT_MOUNTED', { dataset: root });
  }
  const defaultsRow = byName.get(`${root}/.defaults`);
  const jailsIn = (group: 'jails' | 'templates'): readonly Jail[] => {
    const above = byName.get(`${root}/${group}`)?.values.get(stampProperty);
    return (below.get(group) ?? []).map((row) => toJail(row, realm, group === 'templates', above));
  };
  const found = [...jailsIn('jails'), ...jailsIn('templates')].sort((a, b) =>
    a.dataset < b.dataset ? -1 : 1,
  );
  const jails = await sayLocked(context, root, found);
  return {
    pool: { name: root.split('/')[0]! },
    root,
    source,
    oneOfSeveral,
    realm,
    mountpoint,
    defaults: defaultsRow ? splitColumns(defaultsRow).local : new Map(),
    jails: await sayBusy(context, before, await withFiles(context, jails, mountpoint)),
    releases: (below.get('releases') ?? []).map((row) => ({
      name: row.name.split('/').at(-1)!,
      dataset: row.name,
      mountpoint: mountpointOf(row),
      ...splitColumns(row),
    })),
    missing: layout.filter((name) => !byName.has(`${root}/${name}`)).map((name) => `${root}/${name}`),
  };
}

/** The datasets directly below each of the layout's, by the name of the latter: `jails`, `releases`, … */
function belowGroups(root: string, rows: readonly DatasetRow[]): ReadonlyMap<string, readonly DatasetRow[]> {
  const below = new Map<string, DatasetRow[]>();
  for (const row of rows) {
    const [group, child, ...more] = row.name.slice(root.length + 1).split('/');
    if (group === undefined || child === undefined || more.length > 0) continue;
    const those = below.get(group);
    if (those === undefined) below.set(group, [row]);
    else those.push(row);
  }
  return below;
}

/**
 * A jail of the row that ZFS answered for its dataset. Pure: what another tool's file says of the jail comes
 * later (`config-files.ts`), and so does why it cannot be used just now (`problems.ts`).
 */
import { stampProperty, type DatasetRow } from '../../driver/storage.ts';
import type { Jail } from '../../domain/jail.ts';
import { mountpointOf, splitColumns } from './columns.ts';

/** In the place of a stamp: the jail came from another tool, and no file of that one counts any more. */
export const migratedStamp = 'migrated';

/**
 * COMPAT: the original's develop line moves a template to `templates/TAG`, and it keeps its UUID. It can be looked at and
 * cloned; a copy that somebody put there looks the same, so it is not ours to change until `rename` gave it one name.
 */
function isNamed(uuid: string, template: boolean, local: ReadonlyMap<string, string>): boolean {
  return local.get('host_hostuuid') === uuid || (template && local.get('tag') === uuid);
}

/** @param above stamp of the dataset that it lies in */
export function toJail(row: DatasetRow, realm: string, template: boolean, above: string | undefined): Jail {
  const { local, native } = splitColumns(row);
  const uuid = row.name.split('/').at(-1)!;
  const mountpoint = mountpointOf(row);
  const problem =
    row.problem ??
    // Whether another tool keeps a file in it nobody can tell then.
    (mountpoint === undefined ? 'its dataset is not mounted' : undefined) ??
    (local.has('host_hostuuid') ? undefined : 'it has no iocage properties') ??
    (isNamed(uuid, template, local) ? undefined : 'host_hostuuid and the dataset do not agree');
  return {
    uuid,
    tag: local.get('tag') ?? uuid,
    pool: row.name.split('/')[0]!,
    realm,
    dataset: row.name,
    mountpoint,
    template: template || ['yes', '1', 'on'].includes(local.get('template') ?? ''),
    local,
    native,
    ours: row.problem === undefined && local.get('host_hostuuid') === uuid,
    // What cannot be told apart from a forgery is not asked for a file either.
    made: row.problem !== undefined || (local.has('host_hostuuid') && isStamped(row, above)),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** What lies below the layout's datasets inherits their stamps. */
function isStamped(row: DatasetRow, above: string | undefined): boolean {
  const stamp = row.values.get(stampProperty);
  return stamp !== undefined && stamp !== above;
}

/**
 * What ZFS is asked of each dataset, in one call for all of them, and which of the answers is whose: those of ZFS
 * itself, and those of ours without their name space. Pure.
 */
import { stampProperty, type DatasetRow } from '../../driver/storage.ts';
import { oursAlone } from '../../domain/format/dialect.ts';
import { namespace } from '../../domain/property.ts';
import { properties } from '../../domain/properties/index.ts';

/** Whether a pool is in use; the datasets below it inherit it. */
export const activeKey = 'org.freebsd.ioc:active';

const userKeys = properties.filter((property) => property.store === 'user').map((property) => property.key);
const nativeKeys = properties
  .filter((property) => property.store === 'native')
  .map((property) => property.key);
/** Properties of ours that are no jail properties: fetch writes some on a release, start, receive and upgrade on a jail. */
const toolKeys = ['release_kind', 'release_source', 'release_sha256', 'fetched_at', ...oursAlone];

export const columns = [
  'mounted',
  stampProperty,
  ...new Set(['mountpoint', 'used', ...nativeKeys]),
  ...[...userKeys, ...toolKeys].map((key) => namespace + key),
];

/** Where a column belongs, and the key without the name space; what is no column of these belongs nowhere. */
const placeOf: ReadonlyMap<string, { readonly part: 'local' | 'native'; readonly key: string }> = new Map(
  columns
    .filter((column) => column !== stampProperty)
    .map((column) => [
      column,
      column.startsWith(namespace)
        ? { part: 'local', key: column.slice(namespace.length) }
        : { part: 'native', key: column },
    ]),
);

export function splitColumns({ values }: DatasetRow): Record<'local' | 'native', Map<string, string>> {
  const parts = { local: new Map<string, string>(), native: new Map<string, string>() };
  for (const [column, value] of values) {
    const place = placeOf.get(column);
    if (place !== undefined) parts[place.part].set(place.key, value);
  }
  return parts;
}

/** Where a dataset is mounted now. */
export function mountpointOf(row: DatasetRow): string | undefined {
  const path = row.values.get('mountpoint');
  return row.values.get('mounted') === 'yes' && path?.startsWith('/') ? path : undefined;
}

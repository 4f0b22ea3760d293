/** Rows of the error table: what can be wrong with sources. */
import { quote, row } from './error-row.ts';

export const sourceErrors = {
  DATASET_LOCKED: row({
    exit: 1,
    http: 409,
    message: (d: { dataset: string }) => `dataset ${d.dataset} is encrypted, and its key is not loaded`,
    hint: (d) => `zfs load-key -r ${d.dataset}, then zfs mount -a`,
  }),
  INVALID_SOURCE: row({
    exit: 2,
    http: 400,
    message: (d: { name: string; where: string; problem: string }) =>
      `source ${quote(d.name)} (${d.where}) cannot be used: ${d.problem}`,
    hint: () => `a source is NAME=DATASET, such as old=tank/jails/old`,
  }),
  SOURCE_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { source: string; known: readonly string[]; inName?: boolean }) =>
      `there is no source ${quote(d.source)}; there is ${d.known.join(', ')}`,
    hint: (d) =>
      d.inName
        ? `a jail is called JAIL, or SOURCE/JAIL such as ${d.known[0]}/JAIL`
        : `'iocage activate' shows the sources`,
  }),
  SOURCE_MISSING: row({
    exit: 1,
    http: 404,
    message: (d: { source: string; root: string; imported: boolean }) =>
      `${d.imported ? `dataset ${d.root}` : `pool ${d.root.split('/')[0]}`} of source ${d.source} ${d.imported ? 'does not exist' : 'is not imported'}`,
    hint: (d) => (d.imported ? `iocage activate ${d.source}` : `zpool import ${d.root.split('/')[0]}`),
  }),
  SOURCE_UNREAD: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; source: string; why: string }) =>
      `jail ${quote(d.name)} may be in source ${d.source}, which cannot be read: ${d.why}`,
    hint: (d) => `say which one is meant: SOURCE/${d.name}`,
  }),
  SOURCES_RULE: row({
    exit: 1,
    http: 409,
    message: (d: { from: string; sources: readonly string[]; action: string; pool?: string }) =>
      `${d.action} has no effect here: the datasets come from ${d.from} (${d.sources.join(', ')})`,
    hint: (d) =>
      `'iocage activate ${d.sources[0]}' makes the dataset of a source ready` +
      (d.pool === undefined ? '' : `, 'iocage --pool ${d.pool} activate ${d.pool}' that pool`),
  }),
} as const;

/** `snapshot`, `snaplist`. */
import { humanSize } from '../../../domain/size.ts';
import { padEnd } from '../text.ts';
import { dash, size, zfsTime, type Ask, type Shown, type Views } from './view.ts';

interface SnapshotList {
  readonly snapshots: readonly {
    readonly name: string;
    readonly dataset: string;
    readonly createdAt: string;
    readonly referencedBytes: number;
    readonly usedBytes: number;
  }[];
}

function snapshotList(result: SnapshotList, ask: Ask): Shown {
  return {
    table: {
      columns: ['NAME', 'CREATED', 'RSIZE', 'USED'],
      rows: result.snapshots.map((row) => [
        ask.flags['long'] ? `${row.dataset}@${row.name}` : row.name,
        zfsTime(row.createdAt),
        size(row.referencedBytes),
        size(row.usedBytes),
      ]),
    },
  };
}
function snapshotListLegacy(result: SnapshotList): readonly string[] {
  const start = (name: string, created: string): string => `${padEnd(name, 36)}  ${padEnd(created, 21)}`;
  return [
    `${start('NAME', 'CREATED')}  RSIZE   USED`,
    ...result.snapshots.map(
      (row) =>
        `${start(dash(row.name), zfsTime(row.createdAt))}  ${humanSize(row.referencedBytes)}    ${humanSize(row.usedBytes)}`,
    ),
  ];
}

export const snapshotViews: Views = {
  'snapshot.list': { shows: 'table', show: snapshotList, legacy: snapshotListLegacy },
  'snapshot.take': {
    shows: 'lines',
    show: (result: { jail: string; snapshot: string }) => ({
      lines: [`Snapshot: ${dash(result.jail)}@${dash(result.snapshot)} created.`],
    }),
    legacy: () => [],
  },
};

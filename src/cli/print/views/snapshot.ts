/** `snapshot`, `snaplist`. */
import { humanSize } from '../../../domain/size.ts';
import { oneLine, padEnd } from '../text.ts';
import { dash, size, zfsTime, type Ask, type Shown, type Views } from './view.ts';

interface SnapshotList {
  readonly snapshots: readonly {
    readonly name: string;
    readonly dataset: string;
    readonly snapshot: string;
    readonly tag: string;
    readonly createdAt: string;
    readonly referencedBytes: number;
    readonly usedBytes: number;
  }[];
}

function snapshotList(result: SnapshotList, ask: Ask): Shown {
  // One jail was asked for, or ALL of them; then each row says whose it is.
  const all = ask.positionals?.[0] === 'ALL';
  return {
    table: {
      columns: [...(all ? ['JAIL'] : []), 'NAME', 'CREATED', 'RSIZE', 'USED'],
      rows: result.snapshots.map((row) => [
        ...(all ? [dash(row.tag)] : []),
        ask.flags['long'] ? `${dash(row.dataset)}@${dash(row.snapshot)}` : row.name,
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

interface Report {
  readonly jails: readonly {
    readonly tag: string;
    readonly state: string;
    readonly taken: readonly string[];
    readonly expired: readonly string[];
    readonly why: string;
  }[];
}
const failed = ({ jails }: Report): readonly string[] =>
  jails
    .filter(({ state }) => state === 'failed')
    .map(({ tag, why }) => `  FAILED   ${dash(tag)}: ${oneLine(why)}`);

/** What was done, jail by jail; the names tell the rest. */
function reportLines(report: Report): readonly string[] {
  if (report.jails.length === 0) return ['  INFO: no jail has a snapshot_schedule'];
  const lines = report.jails.flatMap(({ tag, taken, expired }) => [
    ...taken.map((name) => `  + ${dash(tag)}@${dash(name)}`),
    ...expired.map((name) => `  - ${dash(tag)}@${dash(name)}`),
  ]);
  const count = (key: 'taken' | 'expired'): number =>
    report.jails.reduce((sum, jail) => sum + jail[key].length, 0);
  return [...lines, `* ${count('taken')} taken, ${count('expired')} expired`, ...failed(report)];
}

export const snapshotViews: Views = {
  'snapshot.scheduled': {
    shows: 'lines',
    show: (report: Report) => ({ lines: reportLines(report) }),
    quiet: failed,
    trouble: (report: Report) => failed(report).length > 0,
  },
  'snapshot.mount': {
    shows: 'lines',
    show: (result: { path: string }) => ({ lines: [dash(result.path)] }),
    quiet: (result: { path: string }) => [dash(result.path)],
  },
  'snapshot.list': { shows: 'table', show: snapshotList, legacy: snapshotListLegacy },
  'snapshot.take': {
    shows: 'lines',
    show: (result: { jail: string; snapshot: string }) => ({
      lines: [`Snapshot: ${dash(result.jail)}@${dash(result.snapshot)} created.`],
    }),
    legacy: () => [],
  },
};

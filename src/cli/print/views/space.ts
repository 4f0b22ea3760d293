/** `df` and `list -r`: what takes space on the pool. */
import type { Space } from '../../../ops/jail/df.ts';
import { padEnd, padStart } from '../text.ts';
import type { RemoteRelease, RemoteReleases } from '../../../ops/release/remote.ts';
import { dash, size, yesNo, type Ask, type Shown, type Views } from './view.ts';

interface ReleaseList {
  readonly releases: readonly {
    readonly name: string;
    readonly kind: string;
    readonly fetchedAt: string | null;
    readonly usedBytes: number;
    readonly jails: number;
    readonly userland?: string;
  }[];
}

function releaseList(result: ReleaseList, ask: Ask): Shown {
  if (!ask.flags['long']) {
    return { table: { columns: ['Bases fetched'], rows: result.releases.map(({ name }) => [name]) } };
  }
  return {
    table: {
      columns: ['NAME', 'KIND', 'FETCHED', 'USED', 'JAILS', 'USERLAND'],
      rows: result.releases.map((release) => [
        release.name,
        dash(release.kind),
        dash(release.fetchedAt),
        size(release.usedBytes),
        String(release.jails),
        dash(release.userland),
      ]),
    },
  };
}

const remoteColumns = ['NAME', 'SUPPORT', 'UNTIL', 'FROM', 'FETCHED', 'NEWER'];
const remoteRow = (release: RemoteRelease): readonly string[] => [
  release.name,
  release.support,
  dash(release.endOfLife),
  release.from,
  yesNo(release.fetched),
  yesNo(release.newerThanHost),
];

interface DiskUse {
  readonly jails: readonly Space[];
}
const useCells = (jail: Space): readonly string[] => [
  dash(jail.compressratio),
  size(jail.reservationBytes),
  size(jail.quotaBytes),
  size(jail.usedBytes),
  size(jail.availableBytes),
];
function diskUseLegacy(result: DiskUse): readonly string[] {
  const row = (uuid: string, cells: readonly string[], tag: string): string =>
    [
      padEnd(uuid, 36),
      ...[6, 5, 5, 5, 5].map((columns, index) => padEnd(cells[index] ?? '', columns)),
      tag,
    ].join('  ');
  return [
    row('UUID', ['CRT', 'RES', 'QTA', 'USE', 'AVA'], 'TAG'),
    ...result.jails.map((jail) => row(dash(jail.uuid), useCells(jail), dash(jail.tag))),
  ];
}

export const spaceViews: Views = {
  'jail.df': {
    shows: 'table',
    show: (result: DiskUse) => ({
      table: {
        columns: ['NAME', 'CRT', 'RES', 'QTA', 'USE', 'AVA'],
        rows: result.jails.map((jail) => [jail.name, ...useCells(jail)]),
      },
    }),
    legacy: diskUseLegacy,
  },
  'release.remote': {
    shows: 'table',
    show: ({ releases }: RemoteReleases) => ({
      table: { columns: remoteColumns, rows: releases.map(remoteRow) },
    }),
    // COMPAT: the Python line prints one name a line.
    legacy: ({ releases }: RemoteReleases) => releases.map(({ name }) => name),
    remarks: ({ notes }: RemoteReleases) => notes,
  },
  'release.list': {
    shows: 'table',
    show: releaseList,
    legacy: (result: ReleaseList) => [
      'Downloaded releases:',
      ...result.releases.map(({ name }) => padStart(dash(name), 15)),
    ],
  },
};

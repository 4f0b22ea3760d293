/**
 * How results look: one row per operation, from its result to a table or to lines. `--json` never
 * comes here. Columns of the tables follow the Python line, those of `--format legacy` the original
 * (S/M widths; for `list` and `get -r` with the columns that sysadm reads).
 */
import { humanSize } from '../../domain/size.ts';
import type { Table } from './table.ts';
import { oneLine, padEnd, padStart, printable } from './text.ts';

export interface Ask {
  /** Flags as the command gave them. */
  readonly flags: Readonly<Record<string, unknown>>;
}

export type Shown =
  | { readonly table: Table; readonly further?: readonly { readonly title: string; readonly table: Table }[] }
  | { readonly lines: readonly string[] };

// eslint-disable-next-line -- each row knows the result of its own operation only.
type Result = any;

export interface View {
  readonly shows: 'table' | 'lines';
  readonly show: (result: Result, ask: Ask) => Shown;
  /** The original's form; without it the table is printed with blanks between the columns. */
  readonly legacy?: (result: Result, ask: Ask) => readonly string[];
  /** Lines for standard error, for people only. */
  readonly remarks?: (result: Result) => readonly string[];
  /** What `--quiet` leaves of a change; without it nothing. */
  readonly quiet?: (result: Result) => readonly string[];
  readonly trouble?: (result: Result) => boolean;
}

const dash = (value: unknown): string => {
  if (value === null || value === undefined || value === '') return '-';
  return printable(String(value));
};
const onOff = (value: boolean): string => (value ? 'on' : 'off');
const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

/** A size as `zfs list` prints it; null is `none`. */
const size = (bytes: number | null): string => (bytes === null ? 'none' : humanSize(bytes));

/** `13.2-RELEASE-p4` without its patch level; other names stay. */
function shortRelease(release: string | null): string {
  return dash(release?.replace(/^(\d+(?:\.\d+)*-[A-Z0-9]+)-p\d+$/, '$1'));
}

/** Addresses without interface and prefix; COMPAT: an entry without an interface is shown as it is stored. */
function shortAddress(stored: string | null): string {
  if (stored === null || stored === '' || stored === 'none') return '-';
  const items = stored.split(',');
  if (items.some((item) => !item.includes('|'))) return dash(stored);
  return dash(items.map((item) => item.slice(item.indexOf('|') + 1).split('/')[0]).join(','));
}
const address = (stored: string | null): string => dash(stored === 'none' ? null : stored);

interface ListedJail {
  readonly jid: number | null;
  readonly uuid: string;
  readonly tag: string | null;
  readonly name: string;
  readonly boot: boolean;
  readonly state: 'up' | 'down' | 'corrupt';
  readonly type: string;
  readonly release: string | null;
  readonly ip4: string | null;
  readonly ip6: string | null;
  readonly template: string | null;
  readonly basejail: boolean;
}
interface ListedForeign {
  readonly jid: string | number;
  readonly path: string;
  readonly ip4: string;
  readonly hostname: string;
}
interface JailList {
  readonly jails: readonly ListedJail[];
  readonly foreign?: readonly ListedForeign[];
}

/** A corrupt jail shows what can be trusted: its name and that it is corrupt. */
function shortRow(jail: ListedJail): readonly string[] {
  if (jail.state === 'corrupt') return ['N/A', jail.name, 'CORRUPT', 'N/A', 'N/A'];
  return [dash(jail.jid), jail.name, jail.state, shortRelease(jail.release), shortAddress(jail.ip4)];
}
function longRow(jail: ListedJail): readonly string[] {
  if (jail.state === 'corrupt') {
    return ['N/A', jail.name, 'N/A', 'CORRUPT', ...Array<string>(6).fill('N/A')];
  }
  return [
    dash(jail.jid),
    jail.name,
    onOff(jail.boot),
    jail.state,
    dash(jail.type),
    dash(jail.release),
    address(jail.ip4),
    address(jail.ip6),
    dash(jail.template),
    yesNo(jail.basejail),
  ];
}
const shortColumns = ['JID', 'NAME', 'STATE', 'RELEASE', 'IP4'];
const longColumns = ['JID', 'NAME', 'BOOT', 'STATE', 'TYPE', 'RELEASE', 'IP4', 'IP6', 'TEMPLATE', 'BASEJAIL'];
const foreignColumns = ['JID', 'PATH', 'IP4', 'HOSTNAME'];
const foreignRow = (jail: ListedForeign): readonly string[] => [
  dash(jail.jid),
  dash(jail.path),
  dash(jail.ip4),
  dash(jail.hostname),
];
const foreignTitle = '--- non iocage jails currently active ---';

function jailListLegacy(result: JailList): readonly string[] {
  const row = (cells: readonly string[]): string =>
    [4, 36, 4, 5, 20, 10].map((columns, index) => padEnd(cells[index] ?? '', columns)).join('  ') +
    `  ${cells[6] ?? ''}`;
  const lines = [row(['JID', 'UUID', 'BOOT', 'STATE', 'TAG', 'TYPE', 'IP4'])];
  for (const jail of result.jails) {
    const known = jail.state !== 'corrupt';
    lines.push(
      row([
        dash(jail.jid),
        dash(jail.uuid),
        known ? onOff(jail.boot) : '-',
        jail.state,
        dash(jail.tag),
        dash(jail.type),
        known ? shortAddress(jail.ip4) : '-',
      ]),
    );
  }
  if (result.foreign && result.foreign.length > 0) {
    const foreign = (cells: readonly string[]): string =>
      [4, 36, 15].map((columns, index) => padEnd(cells[index] ?? '', columns)).join('  ') +
      `  ${cells[3] ?? ''}`;
    // The empty line ends the list of jails for programs that read it.
    lines.push(
      '',
      foreignTitle,
      foreign(foreignColumns),
      ...result.foreign.map((jail) => foreign(foreignRow(jail))),
    );
  }
  return lines;
}

interface ReleaseList {
  readonly releases: readonly {
    readonly name: string;
    readonly kind: string;
    readonly fetchedAt: string | null;
    readonly usedBytes: number;
    readonly jails: number;
  }[];
}

function releaseList(result: ReleaseList, ask: Ask): Shown {
  if (!ask.flags['long']) {
    return { table: { columns: ['Bases fetched'], rows: result.releases.map(({ name }) => [name]) } };
  }
  return {
    table: {
      columns: ['NAME', 'KIND', 'FETCHED', 'USED', 'JAILS'],
      rows: result.releases.map((release) => [
        release.name,
        dash(release.kind),
        dash(release.fetchedAt),
        size(release.usedBytes),
        String(release.jails),
      ]),
    },
  };
}

interface DiskUse {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly name: string;
    readonly compressratio: string;
    readonly reservationBytes: number | null;
    readonly quotaBytes: number | null;
    readonly usedBytes: number;
    readonly availableBytes: number;
  }[];
}
const useCells = (jail: DiskUse['jails'][number]): readonly string[] => [
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

interface OneValue {
  readonly jail: string;
  readonly key: string;
  readonly value: string | null;
}
interface AllValues {
  readonly jail: string;
  readonly properties: readonly {
    readonly key: string;
    readonly value: string | null;
    readonly source: string;
    /** Why this kernel does not apply it. */
    readonly notApplied?: string;
  }[];
}
interface ValueOfMany {
  readonly key: string;
  readonly rows: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly name: string;
    readonly value: string | null;
  }[];
}
const none = (value: string | null): string => (value === null || value === '-' ? 'none' : printable(value));

function propertyGet(result: OneValue | AllValues | ValueOfMany, ask: Ask): Shown {
  if ('rows' in result) {
    return {
      table: {
        columns: ['NAME', `PROP - ${result.key}`],
        rows: result.rows.map((row) => [row.name, none(row.value)]),
      },
    };
  }
  if (!('properties' in result)) return { lines: [none(result.value)] };
  if (ask.flags['long']) {
    return {
      table: {
        columns: ['PROPERTY', 'VALUE', 'SOURCE', 'NOTE'],
        rows: result.properties.map((row) => [row.key, dash(row.value), row.source, row.notApplied ?? '']),
      },
    };
  }
  return { lines: result.properties.map(({ key, value }) => `${key}:${dash(value)}`) };
}
function propertyGetLegacy(result: OneValue | AllValues | ValueOfMany): readonly string[] {
  if ('rows' in result) {
    const columns = Math.max(3, ...result.rows.map((row) => row.tag.length));
    const row = (uuid: string, tag: string, value: string): string =>
      `${padEnd(uuid, 36)}  ${padEnd(tag, columns)}  ${value}`;
    return [
      row('UUID', 'TAG', result.key),
      ...result.rows.map((each) => row(dash(each.uuid), dash(each.tag), dash(each.value))),
    ];
  }
  if ('properties' in result) return result.properties.map(({ key, value }) => `${key}:${dash(value)}`);
  return [none(result.value)];
}

interface SnapshotList {
  readonly snapshots: readonly {
    readonly name: string;
    readonly dataset: string;
    readonly createdAt: string;
    readonly referencedBytes: number;
    readonly usedBytes: number;
  }[];
}
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** A time as zfs(8) prints `creation`: local time, `Tue Feb  2 13:05 2016`. */
export function zfsTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return dash(iso);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${days[time.getDay()]} ${months[time.getMonth()]} ${padStart(String(time.getDate()), 2)} ${padStart(String(time.getHours()), 2)}:${two(time.getMinutes())} ${time.getFullYear()}`;
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

interface Made {
  readonly jails: readonly { readonly uuid: string; readonly tag: string; readonly kind?: string }[];
}
const made: View = {
  shows: 'lines',
  show: (result: Made) => ({
    lines: result.jails.map(({ uuid, tag }) => `Successfully created: ${dash(uuid)} (${dash(tag)})`),
  }),
  quiet: (result: Made) => result.jails.map(({ uuid }) => dash(uuid)),
  // COMPAT: the original printed the bare UUID of an empty jail, and callers read it.
  legacy: (result: Made) =>
    result.jails.map(({ uuid, tag, kind }) =>
      kind === 'empty' ? uuid : `  Successfully created: ${uuid} (${tag})`,
    ),
};

interface Findings {
  readonly findings: readonly {
    readonly id: string;
    readonly what: string;
    readonly state: 'mended' | 'failed' | 'report' | 'pending';
    readonly action: string;
  }[];
}
function findingLines({ findings }: Findings): readonly string[] {
  if (findings.length === 0) return ['Nothing to mend.'];
  return findings.map(
    ({ what, state, action }) =>
      `${padEnd(state, 8)}  ${oneLine(what)}${action === '' ? '' : `: ${oneLine(action)}`}`,
  );
}

interface Started {
  readonly notApplied?: readonly { readonly key: string; readonly value: string; readonly why: string }[];
}
const started: View = {
  shows: 'lines',
  show: () => ({ lines: [] }),
  remarks: (result: Started | undefined) =>
    (result?.notApplied ?? []).map(
      ({ key, value, why }) => `  INFO: ${oneLine(`${key}=${value}`)} has no effect here: ${oneLine(why)}`,
    ),
};

interface Changes {
  readonly changes: readonly {
    readonly jail: string;
    readonly key: string;
    readonly old: string | null;
    readonly new: string;
    readonly live: boolean;
  }[];
}
/** COMPAT: the Python line tells each change, the original is silent. */
function changeLines({ changes }: Changes): readonly string[] {
  const several = new Set(changes.map(({ jail }) => jail)).size > 1;
  return changes.map(
    (change) =>
      `${several ? `${change.jail} ` : ''}${change.key}: ${dash(change.old)} -> ${dash(change.new)}`,
  );
}

export const views: Readonly<Record<string, View>> = {
  'jail.list': {
    shows: 'table',
    show: (result: JailList, ask) => ({
      table: ask.flags['long']
        ? { columns: longColumns, rows: result.jails.map(longRow) }
        : { columns: shortColumns, rows: result.jails.map(shortRow) },
      further:
        result.foreign && result.foreign.length > 0
          ? [
              {
                title: foreignTitle,
                table: { columns: foreignColumns, rows: result.foreign.map(foreignRow) },
              },
            ]
          : [],
    }),
    legacy: jailListLegacy,
  },
  'release.list': {
    shows: 'table',
    show: releaseList,
    legacy: (result: ReleaseList) => [
      'Downloaded releases:',
      ...result.releases.map(({ name }) => padStart(dash(name), 15)),
    ],
  },
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
  'property.get': { shows: 'table', show: propertyGet, legacy: propertyGetLegacy },
  'property.defaults': {
    shows: 'lines',
    show: (result: AllValues) => ({
      lines: result.properties.map(({ key, value }) => `${key}=${dash(value)}`),
    }),
  },
  'snapshot.list': { shows: 'table', show: snapshotList, legacy: snapshotListLegacy },
  'jail.runtime': {
    shows: 'lines',
    show: (result: { words: readonly string[] }) => ({
      lines: result.words.map((word) => `  ${printable(word)}`),
    }),
  },
  'host.doctor': {
    shows: 'lines',
    show: (result: Findings) => ({ lines: findingLines(result) }),
    trouble: ({ findings }: Findings) => findings.some(({ state }) => state === 'failed'),
  },
  'release.fetch': {
    shows: 'lines',
    show: (result: { message: string }) => ({ lines: [oneLine(result.message)] }),
  },
  'pool.activate': {
    shows: 'lines',
    show: (result: { pool: string }) => ({
      lines: [`ZFS pool '${dash(result.pool)}' successfully activated.`],
    }),
    // COMPAT: sysadm takes any output of activate and deactivate for a failure.
    legacy: () => [],
  },
  'pool.deactivate': {
    shows: 'lines',
    show: (result: { pool: string }) => ({
      lines: [`ZFS pool '${dash(result.pool)}' successfully deactivated.`],
    }),
    legacy: () => [],
  },
  'property.set': {
    shows: 'lines',
    show: (result: Changes) => ({ lines: changeLines(result) }),
    legacy: () => [],
    remarks: ({ changes }: Changes) => {
      const waiting = changes.filter(({ jail, live }) => !live && jail !== 'default').map(({ key }) => key);
      return waiting.length === 0
        ? []
        : [`  INFO: the running jail gets ${[...new Set(waiting)].join(', ')} at its next start`];
    },
  },
  'snapshot.take': {
    shows: 'lines',
    show: (result: { jail: string; snapshot: string }) => ({
      lines: [`Snapshot: ${dash(result.jail)}@${dash(result.snapshot)} created.`],
    }),
    legacy: () => [],
  },
  'jail.start': started,
  'jail.restart': started,
  'jail.create': made,
  'jail.clone': made,
};

export function viewOf(operation: string): View | undefined {
  return Object.hasOwn(views, operation) ? views[operation] : undefined;
}

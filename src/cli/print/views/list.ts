/** `list` and `runtime`: the columns of the Python line, and for `--format legacy` those of the original that sysadm reads. */
import type { ForeignJail } from '../../../driver/host.ts';
import type { ListedJail } from '../../../ops/jail/listed.ts';
import type { Queried } from '../../../ops/jail/query.ts';
import { valueText } from '../../../domain/filter.ts';
import { oneLine, padEnd, printable } from '../text.ts';
import { dash, onOff, yesNo, type Views } from './view.ts';

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

interface JailList {
  readonly jails: readonly ListedJail[];
  readonly foreign?: readonly ForeignJail[];
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
    dash(jail.userland ?? jail.release),
    address(jail.ip4),
    address(jail.ip6),
    dash(jail.template),
    yesNo(jail.basejail),
  ];
}
/** COMPAT: the block that PC-BSD's warden read, of the develop lines; most of its lines never had a value. */
function wardenLines({ jails }: JailList): readonly string[] {
  return jails.flatMap((jail) => [
    `id: ${dash(jail.jid)}`,
    `host: ${dash(jail.tag)}`,
    `ipv4: ${jail.ip4 ?? 'none'}`,
    'alias-ipv4: ',
    'bridge-ipv4: ',
    'alias-bridge-ipv4: ',
    'defaultrouter-ipv4: ',
    `ipv6: ${jail.ip6 ?? 'none'}`,
    'alias-ipv6: ',
    'bridge-ipv6: ',
    'alias-bridge-ipv6: ',
    'defaultrouter-ipv6: ',
    `autostart: ${onOff(jail.boot)}`,
    `vnet: ${onOff(jail.vnet)}`,
    `status: ${jail.state}`,
    `type: ${dash(jail.type)}`,
  ]);
}
const shortColumns = ['JID', 'NAME', 'STATE', 'RELEASE', 'IP4'];
const longColumns = ['JID', 'NAME', 'BOOT', 'STATE', 'TYPE', 'RELEASE', 'IP4', 'IP6', 'TEMPLATE', 'BASEJAIL'];
const foreignColumns = ['JID', 'PATH', 'IP4', 'HOSTNAME'];
const foreignRow = (jail: ForeignJail): readonly string[] => [
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

const unusable = (jail: string, problem: string): string =>
  `  INFO: ${printable(jail)} cannot be used: ${oneLine(problem)}`;

export const listViews: Views = {
  'jail.list': {
    shows: 'table',
    show: (result: JailList, ask) =>
      ask.flags['warden']
        ? { lines: wardenLines(result) }
        : ask.flags['names']
          ? {
              table: {
                columns: ['NAME', 'IP4'],
                rows: result.jails.map((jail) => [jail.name, shortAddress(jail.ip4)]),
              },
            }
          : {
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
            },
    remarks: ({ jails }: JailList) =>
      jails.flatMap(({ name, problem }) => (problem === undefined ? [] : [unusable(name, problem)])),
    legacy: (result: JailList, ask) => (ask.flags['warden'] ? wardenLines(result) : jailListLegacy(result)),
  },
  'jail.query': {
    shows: 'table',
    show: ({ columns, rows }: Queried) => ({
      table: {
        columns: columns.map((column) => column.toUpperCase()),
        rows: rows.map((row) => row.map(valueText)),
      },
    }),
    remarks: ({ problems }: Queried) => problems.map(({ jail, problem }) => unusable(jail, problem)),
  },
  'source.list': {
    shows: 'table',
    show: ({ sources }: { sources: readonly { name: string; dataset: string }[] }) => ({
      table: { columns: ['NAME', 'DATASET'], rows: sources.map(({ name, dataset }) => [name, dataset]) },
    }),
  },
  'jail.runtime': {
    shows: 'lines',
    show: (result: { words: readonly string[] }) => ({
      lines: result.words.map((word) => `  ${printable(word)}`),
    }),
  },
};

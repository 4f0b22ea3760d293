/** `listjails`, `listtemplates`, `df`: what there is. */
import { humanSize } from '../../domain/size.ts';
import type { Space } from '../../ops/jail/df.ts';
import type { ListedJail } from '../../ops/jail/listed.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { keepText } from './json.ts';
import { kept } from './kept.ts';

type JsonObject = { readonly [key: string]: Json };

const dash = (value: string | number | null): string =>
  value === null || value === '' ? '-' : String(value);

/** `em0|10.0.0.3/24,em0|10.0.0.4/24` to `10.0.0.3,10.0.0.4`. */
function bareAddresses(text: string): string {
  return text
    .split(',')
    .map((word) => word.replace(/^[^|]*\|/, '').replace(/\/\d+$/, ''))
    .join(',');
}

/** The six columns of 2016; a jail that is down shows no address. */
export function row2016(jail: ListedJail): JsonObject {
  const up = jail.state === 'up';
  return {
    boot: jail.boot ? 'on' : 'off',
    ip4: up && jail.ip4 !== null ? bareAddresses(jail.ip4) : '-',
    jid: dash(jail.jid),
    state: up ? 'up' : 'down',
    tag: jail.tag,
    type: jail.type,
  };
}

/** The ten columns of 2017. */
export function row2017(jail: ListedJail): JsonObject {
  return {
    boot: jail.boot ? 'on' : 'off',
    ip4: dash(jail.ip4),
    ip6: dash(jail.ip6),
    jid: dash(jail.jid),
    release: dash(jail.release),
    state: jail.state === 'up' ? 'up' : 'down',
    tag: jail.tag,
    template: dash(jail.template),
    type: jail.type,
    uuid: jail.uuid,
  };
}

/** A way to write rows, with those that it wrote: most jails of a new listing are as they were in the last one. */
const written = (row: (jail: ListedJail) => JsonObject) => ({
  row,
  rows: new WeakMap<ListedJail, JsonObject>(),
});
const rows2016 = written(row2016);
const rows2017 = written(row2017);

function byUuid(jails: readonly ListedJail[], { row, rows }: ReturnType<typeof written>): JsonObject {
  const entry = (jail: ListedJail): JsonObject => {
    const known = rows.get(jail) ?? keepText(row(jail));
    rows.set(jail, known);
    return known;
  };
  return Object.fromEntries(jails.map((jail) => [jail.uuid, entry(jail)]));
}

/** A row of `df`; `Space` counts bytes, the answer is written as zfs(8) writes sizes. */
export function dfRow(space: Space): Json {
  const size = (bytes: number | null): string => (bytes === null ? 'none' : humanSize(bytes));
  return {
    ava: size(space.availableBytes),
    crt: space.compressratio,
    qta: size(space.quotaBytes),
    res: size(space.reservationBytes),
    tag: space.tag,
    use: size(space.usedBytes),
  };
}

export const listActions: Readonly<Record<string, Action>> = {
  listjails: {
    access: 'read',
    async run(host, fields) {
      const listing = await host.listing();
      const format = fields.text('format') ?? host.settings.listFormat;
      // Keyed by UUID, where the original keyed by jail id and lost all but one that is down.
      return format === '2017'
        ? kept(listing, '2017', () => ({ jails: byUuid(listing.jails, rows2017) }))
        : kept(listing, '2016', () => byUuid(listing.jails, rows2016));
    },
  },
  listtemplates: {
    access: 'read',
    async run(host) {
      const listing = await host.listing();
      return kept(listing, 'templates', () => ({ templates: byUuid(listing.templates, rows2017) }));
    },
  },
  df: {
    access: 'read',
    async run(host) {
      const { jails } = await host.read<{ jails: readonly Space[] }>('jail.df', {});
      return Object.fromEntries(jails.map((space) => [space.uuid, dfRow(space)]));
    },
  },
};

/** `get`, `set`, `defaults`. */
import { padEnd, printable } from '../text.ts';
import { dash, type Ask, type Shown, type Views } from './view.ts';

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

/** COMPAT: what is unset is `none` in every line, but no jail number is `-`. */
const single = ({ key, value }: OneValue): string => (key === 'jid' ? dash(value) : none(value));

function propertyGet(result: OneValue | AllValues | ValueOfMany, ask: Ask): Shown {
  if ('rows' in result) {
    return {
      table: {
        columns: ['NAME', `PROP - ${result.key}`],
        rows: result.rows.map((row) => [row.name, none(row.value)]),
      },
    };
  }
  if (!('properties' in result)) return { lines: [single(result)] };
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
  return [single(result)];
}

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
    ({ jail, key, old, new: now }) =>
      `${several ? `${jail} ` : ''}${key}: ${old === now ? `${dash(now)}, as before` : `${dash(old)} -> ${dash(now)}`}`,
  );
}

export const propertyViews: Views = {
  'property.get': { shows: 'table', show: propertyGet, legacy: propertyGetLegacy },
  'property.defaults': {
    shows: 'lines',
    show: (result: AllValues) => ({
      lines: result.properties.map(({ key, value }) => `${key}=${dash(value)}`),
    }),
  },
  'property.set': {
    shows: 'lines',
    show: (result: Changes) => ({ lines: changeLines(result) }),
    legacy: () => [],
    remarks: ({ changes }: Changes) => {
      const waiting = changes
        .filter((each) => !each.live && each.jail !== 'default' && each.old !== each.new)
        .map(({ key }) => key);
      return waiting.length === 0
        ? []
        : [`  INFO: the running jail gets ${[...new Set(waiting)].join(', ')} at its next start`];
    },
  },
};

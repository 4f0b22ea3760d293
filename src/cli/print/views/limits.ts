/** `cap`, `uncap`, `limits`, `inuse`: limits and use by resource, in the words of rctl(8). */
import { limitResources, type LimitKey } from '../../../domain/codec/limit.ts';
import { humanSize, parseSize } from '../../../domain/size.ts';
import { oneLine } from '../text.ts';
import { dash, type Shown, type Views } from './view.ts';

interface Rule {
  readonly key: string;
  readonly value: string;
}
interface Limited {
  readonly one: boolean;
  readonly jails: readonly {
    readonly uuid: string;
    readonly name: string;
    readonly state: 'up' | 'down';
    readonly cpus: string | null;
    readonly limits: readonly (Rule & { readonly inForce: boolean; readonly why?: string })[];
  }[];
}
interface Used {
  readonly one: boolean;
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly name: string;
    readonly used: Readonly<Record<string, number | null>>;
    readonly hits: Readonly<Record<string, number>>;
    readonly limits: Readonly<Record<string, string>>;
  }[];
}

/** `512M:deny` as rctl(8) writes it: `deny=512M`. */
const rctl = ({ key, value }: Rule, amount: (text: string) => string = (text) => text): string => {
  const [size = '', action = ''] = value.split(':');
  return `${key}:${action}=${amount(size)}`;
};
/** rctl(8) without -h prints no suffixes. */
const bare = (text: string): string => (/^\d+$/.test(text) ? text : String(parseSize(text)));

function limitsShown(result: Limited): Shown {
  const rows = result.jails.flatMap(({ name, cpus, limits }) => [
    ...limits.map(({ key, value, inForce, why }) => [
      name,
      key,
      value,
      inForce ? 'in force' : oneLine(why ?? ''),
    ]),
    ...(cpus === null ? [] : [[name, 'cpuset', cpus, 'in force']]),
  ]);
  return { table: { columns: ['NAME', 'RESOURCE', 'LIMIT', 'STATE'], rows } };
}

function limitsLegacy(result: Limited): readonly string[] {
  const active = (jail: Limited['jails'][number]): readonly Rule[] =>
    jail.limits.filter(({ inForce }) => inForce);
  if (!result.one) {
    const lines = result.jails.flatMap((jail) =>
      active(jail).map((rule) => `jail:ioc-${jail.uuid}:${rctl(rule, bare)}`),
    );
    return ['* All active limits:', ...lines];
  }
  return result.jails.flatMap((jail) => [
    `* Active limits for jail: ${jail.uuid}`,
    ...active(jail).map((rule) => `  - ${rctl(rule)}`),
    ...(jail.state === 'up' ? [`* CPU set: ${jail.cpus ?? 'all'}`] : []),
  ]);
}

const amountOf = (key: string, amount: number | null | undefined): string => {
  if (amount === null || amount === undefined) return '-';
  return limitResources[key as LimitKey].unit === 'bytes' ? humanSize(amount) : String(amount);
};
const resources = Object.keys(limitResources);
/** COMPAT: those that the original knew, in the order of its header. */
const columns = resources.filter((key) => !key.endsWith('bps') && !key.endsWith('iops'));

const shortList = ['cputime', 'pcpu', 'memoryuse', 'swapuse', 'maxproc', 'nthr', 'openfiles', 'wallclock'];

function inuseShown(result: Used): Shown {
  if (!result.one) {
    return {
      table: {
        columns: ['NAME', ...shortList.map((key) => key.toUpperCase())],
        rows: result.jails.map(({ name, used }) => [
          name,
          ...shortList.map((key) => amountOf(key, used[key])),
        ]),
      },
    };
  }
  return {
    table: {
      columns: ['RESOURCE', 'USED', 'LIMIT', 'HITS'],
      rows: result.jails.flatMap(({ used, hits, limits }) =>
        resources
          .filter((key) => (used[key] ?? null) !== null || limits[key] !== undefined)
          .map((key) => [key, amountOf(key, used[key]), dash(limits[key]), dash(hits[key])]),
      ),
    },
  };
}

function inuseLegacy(result: Used): readonly string[] {
  if (!result.one) {
    const row = ({ uuid, tag, used }: Used['jails'][number]): string =>
      [dash(uuid), dash(tag), ...columns.map((key) => String(used[key] ?? '-'))].join(',');
    return [['UUID', 'TAG', ...columns].join(','), ...result.jails.map(row)];
  }
  return result.jails.flatMap(({ used }) => [
    'Consumed resources:',
    '-------------------',
    ...columns.map((key) => `${key}=${amountOf(key, used[key])}`),
  ]);
}

interface Capped {
  readonly rlimits: boolean;
  readonly notApplied: readonly (Rule & { readonly why: string })[];
}

export const limitViews: Views = {
  'jail.limits': { shows: 'table', show: limitsShown, legacy: limitsLegacy },
  'jail.inuse': { shows: 'table', show: inuseShown, legacy: inuseLegacy },
  'jail.cap': {
    shows: 'lines',
    show: () => ({ lines: [] }),
    remarks: ({ rlimits, notApplied }: Capped) =>
      rlimits
        ? notApplied.map(
            ({ key, value, why }) =>
              `  INFO: ${oneLine(`${key}=${value}`)} has no effect here: ${oneLine(why)}`,
          )
        : ['  INFO: rlimits is off: nothing to apply'],
  },
  'jail.uncap': {
    shows: 'lines',
    show: ({ rules }: { rules: readonly Rule[] }) => ({
      lines: [
        '  Releasing resource limits..',
        '  Listing active rules for jail:',
        ...rules.map((rule) => `  - ${rctl(rule)}`),
      ],
    }),
  },
};

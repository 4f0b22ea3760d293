/**
 * Output of zfs(8) and zpool(8) to records; pure, never throws, never trusts. What cannot be told apart
 * from a forgery is marked (`problem`) or left out. Formats: zfs-list(8) and zfs-get(8) with -H, one
 * record a line, fields separated by a tab, `-` for a property that is not set.
 */
import type { DatasetRow, Pool, SnapshotRow } from '../storage.ts';
import { poolColumns } from './argv.ts';
import { toFrames } from './frame.ts';

const problem = 'ZFS prints values for it that hold tabs or newlines';

/** A dataset's or snapshot's name and nothing else; what does not look like one opens no record. */
const nameLike = /^[A-Za-z0-9][^\t\n/@]*(\/[^\t\n/@]+)*(@[^\t\n/@]+)?$/;

function nameOf(field: string | undefined): string | undefined {
  return field !== undefined && nameLike.test(field) ? field : undefined;
}

/**
 * Output of `zfs list -H -o name,COLUMNS,name`.
 *
 * @example parseList('tank/a\t1G\ttank/a\n', ['quota']) // [{ name: 'tank/a', values: Map { 'quota' => '1G' } }]
 */
export function parseList(text: string, columns: readonly string[]): readonly DatasetRow[] {
  const frames = toFrames(text, {
    fieldCount: columns.length + 2,
    opens: (fields) => nameOf(fields[0]),
    closes: (fields) => (fields.length > 1 ? nameOf(fields.at(-1)) : undefined),
  });
  return frames.map(({ key, fields, clean }) => {
    if (!clean) return { name: key, values: new Map(), problem };
    const values = new Map<string, string>();
    // Tens of thousands of fields in code that runs for the first time: an iterator would make an array of each.
    for (let index = 0; index < columns.length; index += 1) {
      const value = fields[index + 1]!;
      if (value !== '-') values.set(columns[index]!, value);
    }
    return { name: key, values };
  });
}

/** Output of `zfs list` with the columns of the pools' root datasets; no comment is known yet. */
export function parsePools(text: string): readonly Pool[] {
  return parseList(text, poolColumns)
    .filter(({ name }) => !/[/@]/.test(name))
    .map(({ name, values }) => {
      const active = values.get('org.freebsd.ioc:active') === 'yes';
      const mountpoint = values.get('mountpoint');
      return {
        name,
        active,
        ...(active ? { activeBy: 'property' as const } : {}),
        disposable: values.get('org.freebsd.iocage:disposable') === 'yes',
        mountpoint: mountpoint?.startsWith('/') ? mountpoint : undefined,
      };
    });
}

/** Names of the pools whose comment is exactly `iocage`, from `zpool list -H -o name,comment`. */
export function parsePoolComments(text: string): ReadonlySet<string> {
  const rows = text.split('\n').map((line) => line.split('\t'));
  return new Set(rows.filter((row) => row.length === 2 && row[1] === 'iocage').map((row) => row[0]!));
}

interface Got {
  /** Dataset or snapshot name to its properties, in the order printed. */
  readonly values: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** True when something could not be trusted and was left out. */
  readonly doubtful: boolean;
}

/** Output of `zfs get -H -p -o name,property,value,property,name`. */
export function parseGet(text: string): Got {
  const frames = toFrames(text, {
    fieldCount: 5,
    opens: ([name, property]) => (nameOf(name) && property ? `${name}\t${property}` : undefined),
    closes: (fields) => {
      const [property, name] = fields.slice(-2);
      return nameOf(name) && property ? `${name}\t${property}` : undefined;
    },
  });
  const values = new Map<string, Map<string, string>>();
  for (const { fields, clean } of frames) {
    const [name, property, value] = fields as [string, string, string];
    const own = values.get(name) ?? new Map<string, string>();
    values.set(name, own);
    if (clean && value !== '-') own.set(property, property.endsWith('ratio') ? toRatio(value) : value);
  }
  return { values, doubtful: frames.some(({ clean }) => !clean) };
}

/** OpenZFS leaves the `x` away with -p, zfs-fuse does not. */
function toRatio(value: string): string {
  return /^\d+(\.\d+)?$/.test(value) ? `${value}x` : value;
}

/** Output of `zfs get -H -p -o property,value,property all NAME`. */
export function parseLocal(text: string): ReadonlyMap<string, string> {
  const frames = toFrames(text, {
    fieldCount: 3,
    opens: ([property]) => (/^[a-z0-9][a-z0-9:+._@-]*$/i.test(property ?? '') ? property : undefined),
    closes: (fields) => (fields.length > 1 ? fields.at(-1) : undefined),
  });
  return new Map(frames.filter(({ clean }) => clean).map(({ key, fields }) => [key, fields[1]!]));
}

/** Native properties that make a snapshot's row. */
export const snapshotNumbers = ['creation', 'used', 'referenced', 'createtxg'] as const;

/**
 * Snapshots out of what `zfs get` answered for datasets and snapshots alike, oldest first. `userValues`
 * false: leave out all but the numbers.
 */
export function toSnapshots(got: Got, columns: readonly string[]): readonly SnapshotRow[] {
  const rows: SnapshotRow[] = [];
  for (const [name, values] of got.values) {
    if (!name.includes('@')) continue;
    const [createdAt, usedBytes, referencedBytes, createTxg] = snapshotNumbers.map((key) =>
      toCount(values.get(key)),
    );
    if (createdAt === undefined || createTxg === undefined) continue;
    const [dataset, snapshot] = name.split('@') as [string, string];
    rows.push({
      name,
      dataset,
      snapshot,
      createdAt,
      usedBytes: usedBytes ?? 0,
      referencedBytes: referencedBytes ?? 0,
      createTxg,
      values: new Map(columns.flatMap((key) => (values.has(key) ? [[key, values.get(key)!] as const] : []))),
    });
  }
  return rows.sort(
    (a, b) => a.createTxg - b.createTxg || (a.dataset < b.dataset ? -1 : a.dataset > b.dataset ? 1 : 0),
  );
}

function toCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/** The names that ZFS lists, one a line, after `use '-R' to destroy the following datasets:` and the like. */
export function parseNamesAfter(stderr: string, heading: RegExp): readonly string[] {
  const lines = stderr.split('\n');
  const start = lines.findIndex((line) => heading.test(line));
  if (start < 0) return [];
  const names: string[] = [];
  for (const line of lines.slice(start + 1)) {
    if (nameOf(line) === undefined || line.includes(': ')) break;
    names.push(line);
  }
  return names;
}

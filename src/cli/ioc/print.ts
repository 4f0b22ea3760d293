/** The output formats of the commands of `ioc` that read: table, list, csv and json. Pure. */
import { valueText, type FilterValue } from '../../domain/filter.ts';
import { compareNatural } from '../../domain/order.ts';
import type { Flag } from '../../ops/operation.ts';
import { ruled } from '../print/table.ts';
import { printable } from '../print/text.ts';
import { usage } from './row.ts';

export interface Records {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly FilterValue[])[];
}

const formats = ['table', 'list', 'csv', 'json'] as const;

export interface Look {
  readonly format: (typeof formats)[number];
  readonly header: boolean;
  /** Column to sort by; without it they stay in order. */
  readonly sort?: string;
}

export const formatFlags: readonly Flag[] = [
  {
    key: 'format',
    flags: '-f, --output-format <format>',
    doc: 'table (the default), list (cells separated by tabs), csv (by semicolons) or json',
  },
  { key: 'header', flags: '-H, --header', doc: 'with a heading (the default)' },
  { key: 'header', flags: '--no-header', doc: 'without a heading; also -NH' },
];
export const formatSpellings = { '-NH': '--no-header' };

/** @throws USAGE */
export function lookOf(command: string, flags: Readonly<Record<string, unknown>>): Look {
  const format = formats.find((each) => each === (flags['format'] ?? 'table'));
  if (format === undefined) throw usage(command, `-f takes one of ${formats.join(', ')}`);
  const sort = flags['sort'];
  return {
    format,
    header: flags['header'] !== false,
    ...(typeof sort === 'string' ? { sort: sort.toLowerCase() } : {}),
  };
}

/** A value for people: a text is what it is, also where a filter would take it for a switch. */
export function cellText(value: FilterValue): string {
  return typeof value === 'string' && value !== '' ? value : valueText(value);
}

/** A field of csv: in quotes where it could be taken for more than one (RFC 4180, with semicolons). */
const field = (text: string): string => (/[;"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** @throws USAGE when it is none of the columns to sort by */
export function assertSort(command: string, columns: readonly string[], { sort }: Look): void {
  if (sort !== undefined && !columns.includes(sort))
    throw usage(command, `-s takes one of the columns: ${columns.join(', ')}`);
}

/**
 * Lines of a listing.
 *
 * @param command for the message about a column to sort by that is not there
 * @throws USAGE
 */
export function printRecords(command: string, { columns, rows }: Records, look: Look): readonly string[] {
  assertSort(command, columns, look);
  const at = columns.indexOf(look.sort ?? '');
  const cells = rows.map((row) => row.map(cellText));
  const sorted = at < 0 ? cells : cells.toSorted((a, b) => compareNatural(a[at]!, b[at]!));
  if (look.format === 'json') {
    // COMPAT: every value is text, as libiocage printed it; --json has numbers and lists.
    const keys = [...columns].sort();
    const objects = sorted.map((row) =>
      Object.fromEntries(keys.map((key) => [key, row[columns.indexOf(key)]])),
    );
    return [JSON.stringify(objects, null, 2)];
  }
  const heads = columns.map((column) => column.toUpperCase());
  if (look.format === 'table') {
    const lines = ruled({ columns: heads, rows: sorted });
    // Without a heading the first rule and the rows are left.
    return look.header ? lines : [lines[0]!, ...lines.slice(3)];
  }
  const line = (row: readonly string[]): string =>
    look.format === 'csv' ? row.map(printable).map(field).join(';') : row.map(printable).join('\t');
  return [...(look.header ? [line(heads)] : []), ...sorted.map(line)];
}

/** For `--json`: the rows as objects, values with their types. */
export function toObjects({ columns, rows }: Records): readonly object[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index] ?? null])));
}

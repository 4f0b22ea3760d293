/** From a result and its view to the lines on standard output, in the format that was asked for. */
import { failure } from '../../domain/errors.ts';
import type { Globals } from '../globals.ts';
import { aligned, ruled, tabbed, type Table } from './table.ts';
import { viewOf, type Ask, type Cell, type CellTable } from './views.ts';

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

function compare(a: Cell, b: Cell): number {
  if (typeof a !== 'string' && typeof b !== 'string') return a.sort === b.sort ? 0 : a.sort < b.sort ? -1 : 1;
  const [left, right] = [textOf(a), textOf(b)];
  // A cell without a value goes to the end, whatever the order.
  if ((left === '-') !== (right === '-')) return left === '-' ? 1 : -1;
  return left.localeCompare(right, 'en', { numeric: true });
}

/** Sorted by the column that `--sort` names, equal rows in the order of the first text column. */
function sorted(table: CellTable, by: unknown): Table {
  let rows = table.rows;
  if (typeof by === 'string') {
    const column = table.columns.findIndex((head) => head.toLowerCase() === by.toLowerCase());
    if (column < 0) {
      const known = table.columns.join(', ').toLowerCase();
      throw failure('USAGE', { problem: `cannot sort by '${by}'; the columns are ${known}` });
    }
    rows = [...rows].sort((a, b) => compare(a[column] ?? '', b[column] ?? ''));
  }
  return { columns: table.columns, rows: rows.map((row) => row.map(textOf)) };
}

/** Lines of a result; none for an operation that has nothing to show. */
export function printResult(
  operation: string,
  result: unknown,
  globals: Pick<Globals, 'format' | 'header'>,
  ask: Ask,
): readonly string[] {
  const view = viewOf(operation, result);
  if (view === undefined) return [];
  if (globals.format === 'legacy' && globals.header && view.legacy) return view.legacy(result, ask);
  const shown = view.show(result, ask);
  if ('lines' in shown) return shown.lines;
  const table = sorted(shown.table, ask.flags['sort']);
  if (!globals.header) return tabbed(table);
  const draw = globals.format === 'legacy' ? aligned : ruled;
  return [
    ...draw(table),
    ...(shown.further ?? []).flatMap((more) => [more.title, ...draw(sorted(more.table, undefined))]),
  ];
}

export function printJson(value: unknown): string {
  return JSON.stringify(value ?? null, null, 2);
}

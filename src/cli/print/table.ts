/**
 * The three shapes of tabular output: the ruled table of the Python line (texttable's look), tab
 * separated lines without a header for scripts, and blank separated columns like `column -t`.
 */
import { centre, padEnd, printable, width } from './text.ts';

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function widths(table: Table): readonly number[] {
  return table.columns.map((head, index) =>
    Math.max(width(head), ...table.rows.map((row) => width(row[index] ?? ''))),
  );
}

function clean(table: Table): Table {
  return { columns: table.columns.map(printable), rows: table.rows.map((row) => row.map(printable)) };
}

/**
 * Ruled table: centred heads, `===` below them, a rule after every row, no limit on the width.
 *
 * @example
 * +-----+------+
 * | JID | NAME |
 * +=====+======+
 * | -   | web  |
 * +-----+------+
 */
export function ruled(table: Table): readonly string[] {
  const { columns, rows } = clean(table);
  const sizes = widths({ columns, rows });
  const rule = (mark: string) => `+${sizes.map((size) => mark.repeat(size + 2)).join('+')}+`;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const heads = line(columns.map((head, index) => centre(head, sizes[index] ?? 0)));
  const body = rows.flatMap((row) => [
    line(sizes.map((size, index) => padEnd(row[index] ?? '', size))),
    rule('-'),
  ]);
  return [rule('-'), heads, rule('='), ...(body.length > 0 ? body : [rule('-')])];
}

/** One line per row, cells separated by one tab, no header. */
export function tabbed(table: Table): readonly string[] {
  return clean(table).rows.map((row) => row.join('\t'));
}

/** Header and rows with two blanks between the columns; an empty cell prints `-`, so that fields can be counted. */
export function aligned(table: Table): readonly string[] {
  const { columns, rows } = clean(table);
  const filled = rows.map((row) => row.map((cell) => (cell === '' ? '-' : cell)));
  const sizes = widths({ columns, rows: filled });
  return [columns, ...filled].map((row) =>
    row
      .map((cell, index) => padEnd(cell, sizes[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

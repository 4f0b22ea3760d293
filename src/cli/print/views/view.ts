/** What a view is, and how single values look in every view. */
import { humanSize } from '../../../domain/size.ts';
import type { Table } from '../table.ts';
import { padStart, printable } from '../text.ts';

export interface Ask {
  /** Flags as the command gave them. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The other words of the command, when it has any. */
  readonly positionals?: readonly string[];
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

/** What the other files of this folder give: views by operation. */
export type Views = Readonly<Record<string, View>>;

/** A cell: `-` for what is not there; control characters escaped. */
export const dash = (value: unknown): string => {
  if (value === null || value === undefined || value === '') return '-';
  return printable(String(value));
};
export const onOff = (value: boolean): string => (value ? 'on' : 'off');
export const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

/** A size as `zfs list` prints it; null is `none`. */
export const size = (bytes: number | null): string => (bytes === null ? 'none' : humanSize(bytes));

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** A time as zfs(8) prints `creation`: local time, `Tue Feb  2 13:05 2016`. */
export function zfsTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return dash(iso);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${days[time.getDay()]} ${months[time.getMonth()]} ${padStart(String(time.getDate()), 2)} ${padStart(String(time.getHours()), 2)}:${two(time.getMinutes())} ${time.getFullYear()}`;
}

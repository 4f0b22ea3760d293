/** `history`: the newest operation first. */
import { oneLine } from '../text.ts';
import { dash, type Views } from './view.ts';

interface Past {
  readonly operations: readonly {
    readonly operation: string;
    readonly subject: string;
    readonly by: { readonly uid: number; readonly as?: string } | null;
    readonly startedAt: string;
    readonly durationMs: number | null;
    readonly outcome: string;
    readonly error: string | null;
  }[];
}

/** Local time, `2026-01-31 13:05:07`: sorts as text, and is one word less to read than a date with names. */
function localTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return dash(iso);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

const seconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1000).toFixed(1)} s`);

function person(by: Past['operations'][number]['by']): string {
  if (by === null) return '-';
  return by.as ?? (by.uid === 0 ? 'root' : `uid ${by.uid}`);
}

export const historyViews: Views = {
  'host.history': {
    shows: 'table',
    show: ({ operations }: Past) => ({
      table: {
        columns: ['WHEN', 'BY', 'OPERATION', 'ON', 'TOOK', 'RESULT'],
        rows: operations.map(({ startedAt, by, operation, subject, durationMs, outcome, error }) => [
          localTime(startedAt),
          dash(person(by)),
          dash(operation),
          dash(subject),
          seconds(durationMs),
          error === null ? outcome : `${outcome}: ${oneLine(error)}`,
        ]),
      },
    }),
  },
};

/** `history`: the newest operation first. */
import { localTime } from '../../../domain/local-time.ts';
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

/** Sorts as text, and is one word less to read than a date with names. */
function startedText(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? dash(iso) : localTime(time, ' ');
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
          startedText(startedAt),
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

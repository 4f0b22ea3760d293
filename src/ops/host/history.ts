/**
 * `history`: who did what, when, and how it ended, from the journal. It reads records and nothing else, so
 * that it works without a pool, too.
 */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Caller, JournalEntry, JournalMark } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail } from '../../domain/jail.ts';
import { noProperties } from '../jail/select.ts';
import { readWorld } from '../world/read.ts';

/** As many ended operations as the journal keeps. */
const most = 500;

const historyInput = z.object({
  /** A jail's UUID or tag, also of one that is gone. */
  jail: z.string().min(1).optional(),
  limit: z.number().int().min(1).max(most).default(50),
});

/** An operation of the past, from the journal. */
export interface Past {
  readonly id: string;
  readonly operation: string;
  /** What it acted on. */
  readonly subject: string;
  readonly title: string;
  readonly by: Caller | null;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Null: it has not ended, or an earlier version wrote the record. */
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  /** `undone` and `finished` by doctor; `interrupted` waits for it. */
  readonly outcome: 'done' | 'failed' | 'undone' | 'finished' | 'interrupted';
  readonly error: string | null;
}

export const hostHistory = defineRead<typeof historyInput, { operations: readonly Past[] }>({
  id: 'host.history',
  title: 'Show what was done, by whom, and how it ended',
  input: historyInput,
  async read(context, { jail, limit }) {
    const names = jail === undefined ? undefined : await namesOf(context, jail);
    const entries = [...(await context.journal.unfinished()), ...(await context.journal.history(most))];
    const operations = entries
      .filter((entry) => names === undefined || concerns(entry, names))
      .toSorted((a, b) => (a.head.id < b.head.id ? 1 : -1))
      .slice(0, limit)
      .map(toPast);
    return { operations };
  },
  command: {
    names: ['history'],
    group: 'host',
    usage: '[JAIL]',
    flags: [
      {
        key: 'limit',
        flags: '-n, --limit <n>',
        doc: `the newest n operations; default 50, at most ${most}, which is what is kept`,
      },
    ],
    about: 'JAIL may be gone already. With sudo or doas, BY is who called it.',
    examples: [
      { line: 'iocage history', says: 'the newest operations first' },
      { line: 'iocage history web', says: 'what was done to web' },
      { line: 'iocage history -n 500 --json', says: 'everything that is kept, for programs' },
    ],
    toInputs(words) {
      noProperties('history', words);
      const [jail, ...more] = words.positionals;
      const limit = words.flags['limit'];
      const usage = (problem: string) => failure('USAGE', { problem, command: 'history' });
      if (more.length > 0) throw usage('one jail, please');
      if (limit !== undefined && !/^[0-9]{1,3}$/.test(String(limit)))
        throw usage(`--limit takes a number up to ${most}, not ${JSON.stringify(limit)}`);
      return [
        { ...(jail === undefined ? {} : { jail }), ...(limit === undefined ? {} : { limit: Number(limit) }) },
      ];
    },
  },
});

/** The word itself and, while the jail is there, both of its names. */
async function namesOf(context: Context, word: string): Promise<ReadonlySet<string>> {
  try {
    const { uuid, tag } = findJail((await readWorld(context)).jails, word);
    return new Set([word, uuid, tag]);
  } catch {
    return new Set([word]);
  }
}

/** By whole words: the subject `UUID (TAG)`, `TAG, TAG`, `UUID@SNAPSHOT`, or one of the locks it held. */
function concerns({ head }: JournalEntry, names: ReadonlySet<string>): boolean {
  const words = [
    ...head.subject.split(/[\s,()]+/).flatMap((word) => [word, word.split('@')[0]!]),
    ...head.locks.flatMap((lock) => (/^(?:jail|tag):[^:]*:(.*)$/.exec(lock) ?? []).slice(1)),
  ];
  return words.some((word) => names.has(word));
}

type End = Extract<JournalMark, { mark: 'end' | 'left' }>;

function toPast({ head, marks }: JournalEntry): Past {
  const end = marks.findLast((mark): mark is End => mark.mark === 'end' || mark.mark === 'left');
  const endedAt = end?.mark === 'end' ? (end.at ?? null) : null;
  // What doctor settled still says why it had to.
  const error = marks.findLast((mark): mark is End => 'error' in mark && mark.error !== undefined)?.error;
  return {
    id: head.id,
    operation: head.operation,
    subject: head.subject,
    title: head.title,
    by: head.by ?? null,
    startedAt: head.startedAt,
    endedAt,
    durationMs: endedAt === null ? null : Math.max(0, Date.parse(endedAt) - Date.parse(head.startedAt)),
    outcome: end?.mark === 'end' ? end.outcome : 'interrupted',
    error: error ?? null,
  };
}

/** The record of an operation in the journal, as it begins: which, of whom, since when and where. */
import type { JournalHead, OpenJournal } from '../../driver/system.ts';
import type { Context } from '../context.ts';

/** Ids sort by time, so that a listing of the journal is in order. */
export function operationId(context: Context): string {
  const time = context.clock.now().toISOString().replace(/[-:]/g, '').replace('.', '');
  return `${time.slice(0, 18)}-${context.ids.uuid().slice(-8)}`;
}

/** On disk before anything is touched. A source that was chosen is written down: `doctor` asks no rc.conf. */
export async function beginRecord(
  context: Context,
  head: Omit<JournalHead, 'pid' | 'processStart' | 'by' | 'startedAt' | 'roots'>,
): Promise<OpenJournal> {
  return context.journal.begin({
    ...head,
    ...(await context.self()),
    startedAt: context.clock.now().toISOString(),
    ...(context.source === undefined ? {} : { roots: [context.source.root] }),
  });
}

/**
 * A record around operations that have their own: what of a jail `doctor` brings back when this process is killed
 * between them.
 */
export function beginAround(
  context: Context,
  head: Pick<JournalHead, 'id' | 'operation' | 'title' | 'subject' | 'locks' | 'startAgain' | 'stopAgain'>,
): Promise<OpenJournal> {
  return beginRecord(context, { ...head, recover: 'finish', steps: [] });
}

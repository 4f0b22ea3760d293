/** Journals whose records a test may leave open, as a killed process does: they are closed when the test is over. */
import type { Journal, OpenJournal } from '../../src/driver/system.ts';
import { NodeJournal } from '../../src/driver/node/journal.ts';

export interface ClosingJournals {
  /** One as a process of its own would have it. */
  journal(): Journal;
  /** Ends what was left open; its records are not looked at any more. */
  close(): Promise<void>;
}

export function closingJournals(directory: string): ClosingJournals {
  const open = new Set<OpenJournal>();
  const kept = (record: OpenJournal): OpenJournal => {
    open.add(record);
    return {
      async mark(mark) {
        // Either of them closes it.
        if (mark.mark === 'end' || mark.mark === 'left') open.delete(record);
        await record.mark(mark);
      },
    };
  };
  return {
    journal() {
      const real = new NodeJournal(directory);
      return {
        begin: async (head) => kept(await real.begin(head)),
        reopen: async (id) => kept(await real.reopen(id)),
        unfinished: () => real.unfinished(),
        working: () => real.working(),
        history: (limit) => real.history(limit),
      };
    },
    async close() {
      for (const record of open) await record.mark({ mark: 'left', error: 'the test is over' });
      open.clear();
    },
  };
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { mkdtempSync, readdirSync, rmSync, truncateSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Journal, JournalHead } from '../../../../src/driver/system.ts';
import { NodeJournal, parseJournal } from '../../../../src/driver/node/journal.ts';
import { closingJournals, type ClosingJournals } from '../../../support/closing-journals.ts';
import { parseStartTime, processStart } from '../../../../src/driver/node/process.ts';

let directory: string;
let journals: ClosingJournals;
let journal: Journal;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iocage-journal-'));
  journals = closingJournals(directory);
  journal = journals.journal();
});
afterEach(async () => {
  await journals.close();
  rmSync(directory, { recursive: true, force: true });
});

function head(id: string, more: Partial<JournalHead> = {}): JournalHead {
  return {
    id,
    operation: 'jail.create',
    title: 'Creating jail web',
    subject: 'web',
    recover: 'undo',
    steps: [{ kind: 'dataset.create', args: { dataset: 'tank/iocage/jails/web' } }],
    locks: [],
    pid: 2 ** 22 + 1, // above the largest process id
    processStart: '1',
    startedAt: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

describe('the journal', () => {
  it('finds what a gone process left, with what it had begun', async () => {
    const open = await journal.begin(head('1'));
    await open.mark({ mark: 'intent', step: 0 });
    const [entry] = await journal.unfinished();
    expect(entry?.head).toEqual(head('1'));
    expect(entry?.marks).toEqual([{ mark: 'intent', step: 0 }]);
  });

  it('says where it cannot be written', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(new NodeJournal(join(directory, 'file')).begin(head('1'))).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining(`${directory}/file/open: `),
    });
  });

  it('keeps who asked, and when it ended', async () => {
    const open = await journal.begin(head('1', { by: { uid: 0, as: 'alice' } }));
    await open.mark({ mark: 'end', outcome: 'done' });
    const [entry] = await journal.history(1);
    expect(entry?.head.by).toEqual({ uid: 0, as: 'alice' });
    const end = entry?.marks.at(-1);
    expect(end).toMatchObject({ mark: 'end', outcome: 'done' });
    const at = end !== undefined && 'at' in end ? Date.parse(end.at!) : NaN;
    expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
  });

  it('does not take a running operation for a left one, unless it says so', async () => {
    const alive = { pid: process.pid, processStart: (await processStart(process.pid))! };
    const open = await journal.begin(head('1', alive));
    expect(await journal.unfinished()).toEqual([]);
    await open.mark({ mark: 'left', error: 'could not' });
    expect(await journal.unfinished()).toHaveLength(1);
  });

  it('does not take a reused process id for the old process', async () => {
    await journal.begin(head('1', { pid: process.pid, processStart: 'another time' }));
    expect(await journal.unfinished()).toHaveLength(1);
  });

  it('keeps ended operations, newest first', async () => {
    for (const id of ['1', '2', '3']) {
      const open = await journal.begin(head(id));
      await open.mark({ mark: 'end', outcome: 'done' });
    }
    expect((await journal.history(2)).map((entry) => entry.head.id)).toEqual(['3', '2']);
    expect(await journal.unfinished()).toEqual([]);
  });

  it('can be gone on with by another process', async () => {
    await (await journal.begin(head('1'))).mark({ mark: 'intent', step: 0 });
    const again = await journal.reopen('1');
    await again.mark({ mark: 'undone', step: 0 });
    await again.mark({ mark: 'end', outcome: 'undone' });
    expect((await journal.history(1))[0]?.marks.map((mark) => mark.mark)).toEqual([
      'intent',
      'undone',
      'end',
    ]);
  });

  it('reads what was whole of a file that a power cut tore', async () => {
    const open = await journal.begin(head('1'));
    await open.mark({ mark: 'intent', step: 0 });
    await open.mark({ mark: 'intent', step: 1 });
    const path = join(directory, 'open/1.jsonl');
    truncateSync(path, statSync(path).size - 5);
    expect((await journal.unfinished())[0]?.marks).toEqual([{ mark: 'intent', step: 0 }]);
    await (await journal.reopen('1')).mark({ mark: 'undone', step: 0 });
    const marks = (await journal.unfinished())[0]?.marks.map((mark) => mark.mark);
    expect(marks).toEqual(['intent', 'undone']);
  });

  it('forgets what was killed before its head was written, when nobody can be writing it any more', async () => {
    await (await journal.begin(head('1'))).mark({ mark: 'left', error: 'still there' });
    const open = join(directory, 'open');
    const old = new Date(Date.now() - 61_000);
    for (const [name, text] of [
      ['2', ''],
      ['3', '{"id":"3","op'],
      ['4', ''],
    ] as const) {
      writeFileSync(join(open, `${name}.jsonl`), text);
      if (name !== '4') utimesSync(join(open, `${name}.jsonl`), old, old);
    }
    utimesSync(join(open, '1.jsonl'), old, old);
    await (await journal.begin(head('5'))).mark({ mark: 'end', outcome: 'done' });
    expect(readdirSync(open).sort()).toEqual(['1.jsonl', '4.jsonl']);
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const entry = parseJournal(text);
        expect(entry === undefined || typeof entry.head === 'object').toBe(true);
      }),
    );
  });
});

describe('the start time of a process', () => {
  it('is found behind a name with blanks and parentheses', () => {
    const stat = `42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 10 20`;
    expect(parseStartTime(stat)).toBe('123456');
  });

  it('is none for a zombie, a missing process and nonsense', async () => {
    expect(parseStartTime('42 (x) Z 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 10')).toBeUndefined();
    expect(parseStartTime('')).toBeUndefined();
    expect(await processStart(2 ** 22 + 1)).toBeUndefined();
    expect(await processStart(process.pid)).toMatch(/^\d+$/);
  });
});

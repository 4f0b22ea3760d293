/** Reading a console log that is turned over while it is read, and looking for a text in pieces. */
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  endOf,
  since,
  tailSince,
  TextSearch,
  type LogMark,
} from '../../../../src/driver/both/console-log.ts';
import { NodeFiles } from '../../../../src/driver/node/files.ts';

describe('a text in pieces', () => {
  it('is found wherever the pieces are cut, and only when it is there', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 4 });
    const all = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 40 });
    fc.assert(
      fc.property(word, all, fc.array(fc.nat(9), { maxLength: 30 }), (wanted, text, lengths) => {
        const bytes = Buffer.from(text);
        const search = new TextSearch(wanted);
        let found = false;
        let at = 0;
        for (const length of [...lengths, bytes.length]) {
          found = search.sees(bytes.subarray(at, at + length)) || found;
          at += length;
        }
        expect(found).toBe(text.includes(wanted));
      }),
    );
  });

  it('is not put together over a gap', () => {
    const search = new TextSearch('ready');
    expect(search.sees(Buffer.from('rea'))).toBe(false);
    expect(search.sees(Buffer.from('dy'), true)).toBe(false);
    expect(search.sees(Buffer.from('ready'))).toBe(true);
  });
});

describe('a log that is turned over', () => {
  let directory: string;
  let log: string;
  const files = new NodeFiles();
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'iocage-log-'));
    log = join(directory, 'log');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** ZFS gives numbers of files out anew only after thousands of others; here an open file keeps its own. */
  const held: number[] = [];
  afterEach(() => held.splice(0).forEach(closeSync));
  const turn = (): void => {
    held.push(openSync(log, 'r'));
    renameSync(log, `${log}.1`);
  };
  /** What is new since the mark, a bar for each gap, and the mark after it. */
  const look = async (mark: LogMark): Promise<readonly [string, LogMark]> => {
    let text = '';
    let next = mark;
    for await (const { bytes, at, gap } of since(files, log, mark)) {
      text += (gap ? '|' : '') + Buffer.from(bytes).toString();
      next = at;
    }
    return [text, next];
  };

  it('is read on where the last look ended, through one turn without a gap and through two with one', async () => {
    writeFileSync(log, 'old ');
    let mark = await endOf(files, log);
    let text: string;
    appendFileSync(log, 'one ');
    [text, mark] = await look(mark);
    expect(text).toBe('one ');
    expect((await look(mark))[0]).toBe('');
    appendFileSync(log, 'two ');
    turn();
    writeFileSync(log, 'three ');
    [text, mark] = await look(mark);
    expect(text).toBe('two three ');
    turn();
    // Just turned over: there is no current one yet.
    expect((await look(mark))[0]).toBe('');
    writeFileSync(log, 'lost ');
    turn();
    writeFileSync(log, 'four ');
    [text, mark] = await look(mark);
    expect(text).toBe('|lost four ');
    expect((await look(mark))[0]).toBe('');
  });

  it('is read from its beginning when there was none, without what stands in a former one', async () => {
    writeFileSync(`${log}.1`, 'of another run');
    const mark = await endOf(files, log);
    expect(mark).toMatchObject({ offset: 0 });
    expect((await look(mark))[0]).toBe('');
    writeFileSync(log, 'new');
    expect((await look(mark))[0]).toBe('new');
  });

  it.each(['', 'of another run'])(
    'that was turned over before the first look at all is read whole (former one: %j)',
    async (old) => {
      if (old !== '') {
        writeFileSync(`${log}.1`, old);
        held.push(openSync(`${log}.1`, 'r'));
      }
      const mark = await endOf(files, log);
      writeFileSync(log, 'rea');
      turn();
      writeFileSync(log, 'dy');
      const [text, next] = await look(mark);
      expect(text.replace(/^\|/, '')).toBe('ready');
      expect(await look(next)).toEqual(['', next]);
      expect(await tailSince(files, log, mark, 100)).toBe('ready');
    },
  );

  it('is read anew when somebody has cut it', async () => {
    writeFileSync(log, 'a long text');
    const mark = await endOf(files, log);
    truncateSync(log);
    appendFileSync(log, 'short');
    expect((await look(mark))[0]).toBe('short');
  });

  it('is read in pieces, and every byte once', async () => {
    writeFileSync(log, '');
    const mark = await endOf(files, log);
    const text = Array.from({ length: 100_000 }, (_, index) => `${index}\n`).join('');
    appendFileSync(log, text);
    expect((await look(mark))[0]).toBe(text);
  });

  it('gives the end of what is new, from both files when it has to', async () => {
    writeFileSync(log, 'before ');
    const mark = await endOf(files, log);
    expect(await tailSince(files, log, mark, 100)).toBe('');
    appendFileSync(log, 'one two');
    expect(await tailSince(files, log, mark, 100)).toBe('one two');
    expect(await tailSince(files, log, mark, 3)).toBe('two');
    turn();
    expect(await tailSince(files, log, mark, 100)).toBe('');
    writeFileSync(log, ' three');
    expect(await tailSince(files, log, mark, 100)).toBe('one two three');
    expect(await tailSince(files, log, mark, 9)).toBe('two three');
    expect(await tailSince(files, log, mark, 5)).toBe('three');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aligned, ruled, tabbed } from '../../../src/cli/print/table.ts';
import { width } from '../../../src/cli/print/text.ts';

const jails = {
  columns: ['JID', 'NAME', 'STATE', 'RELEASE', 'IP4'],
  rows: [['None', 'web', 'down', '13.2-RELEASE', 'DHCP']],
};

describe('ruled', () => {
  test('looks as the Python line prints it', () => {
    expect(ruled(jails)).toEqual([
      '+------+------+-------+--------------+------+',
      '| JID  | NAME | STATE |   RELEASE    | IP4  |',
      '+======+======+=======+==============+======+',
      '| None | web  | down  | 13.2-RELEASE | DHCP |',
      '+------+------+-------+--------------+------+',
    ]);
  });

  test('an empty table has one closing rule', () => {
    expect(ruled({ columns: ['A', 'BB'], rows: [] })).toEqual([
      '+---+----+',
      '| A | BB |',
      '+===+====+',
      '+---+----+',
    ]);
  });

  test('all lines are equally wide, whatever the cells hold', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell)), (rows) => {
        const lines = ruled({ columns: ['ONE', 'TWO'], rows });
        expect(new Set(lines.map(width)).size).toBe(1);
        expect(lines).toHaveLength(rows.length === 0 ? 4 : 3 + 2 * rows.length);
      }),
    );
  });
});

test('tabbed gives one line a row with exactly the fields', () => {
  const cell = fc.string({ unit: 'binary', maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell)), (rows) => {
      const lines = tabbed({ columns: ['A', 'B', 'C'], rows });
      expect(lines).toHaveLength(rows.length);
      for (const line of lines) expect(line.split('\t')).toHaveLength(3);
    }),
  );
});

test('aligned prints a dash for an empty cell, so that fields can be counted', () => {
  expect(aligned({ columns: ['A', 'B'], rows: [['', 'x']] })).toEqual(['A  B', '-  x']);
});

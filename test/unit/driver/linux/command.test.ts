/** The reason in what a program in a jail printed: untrusted text of any kind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complaintIn } from '../../../../src/driver/both/complaint.ts';

describe('complaintIn', () => {
  it.each([
    ['Reading…\nE: Unable to locate package nosuch\nmore\n', 'E: Unable to locate package nosuch'],
    ['E: one\nx\nE: two\n', 'E: one; E: two'],
    [
      'ERROR: unable to select packages:\n  nosuch (no such package):\n',
      'ERROR: unable to select packages:; nosuch (no such package):',
    ],
    ['one\ntwo\nthree\n', 'two; three'],
    ['10%\r20%\r30%\r', '20%; 30%'],
    ['\u001b[2Jevil\n', '[2Jevil'],
    ['', ''],
  ])('%j', (output, why) => {
    expect(complaintIn(output)).toBe(why);
  });

  it('is one short line without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (output) => {
        const why = complaintIn(output);
        expect(why.length).toBeLessThanOrEqual(600);
        expect(why).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

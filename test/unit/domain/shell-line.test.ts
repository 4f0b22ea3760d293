import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printAction, printShort, shellLine } from '../../../src/domain/shell-line.ts';

test.each([
  [{ type: 'run', argv: ['zfs', 'create', 'tank/a b'] }, `zfs create 'tank/a b'`],
  [{ type: 'run', argv: ['zfs', 'set', `x=it's`, 'tank'] }, `zfs set 'x=it'\\''s' tank`],
  [{ type: 'run', argv: ['nft', '-f', '-'], input: 'END\nrule' }, `nft -f - <<'END_'\nEND\nrule\nEND_`],
  [
    {
      type: 'pipe',
      commands: [
        ['zfs', 'send', 'a@b'],
        ['zfs', 'recv', 'c'],
      ],
    },
    'zfs send a@b | zfs recv c',
  ],
  [{ type: 'file', verb: 'write', path: '/a b', detail: '3 lines' }, `# write '/a b' (3 lines)`],
  [{ type: 'run', argv: ['echo', ''] }, `echo ''`],
  [{ type: 'run', argv: ['echo', 'a\nb'] }, `echo $'a\\x0ab'`],
] as const)('%j prints as a line for a shell', (action, line) => {
  expect(printAction(action)).toBe(line);
});

test('a shell reads the words back exactly', () => {
  // Printable words only: the $'…' form is bash's, and sh(1) of some systems does not know it.
  const word = fc.string({
    unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const read = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${shellLine(words)}`], {
        encoding: 'utf8',
      });
      expect(read).toBe(words.map((each) => `${each}\n`).join(''));
    }),
    { numRuns: 30 },
  );
});

test('of long contents a terminal gets the beginning; a short one is as ever', () => {
  const long = { type: 'file', verb: 'write', path: '/run/x', detail: 'x'.repeat(25_000) } as const;
  expect(printShort(long)).toBe(`# write /run/x (${'x'.repeat(200)}… 25000 characters)`);
  expect(printAction(long)).toHaveLength(25_017);
  const short = { ...long, detail: 'on' };
  expect(printShort(short)).toBe('# write /run/x (on)');
});

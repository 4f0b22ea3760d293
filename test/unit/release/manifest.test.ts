import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSetName, ManifestProblem, parseManifest } from '../../../src/domain/manifest.ts';

const digest = (letter: string): string => letter.repeat(64);

describe('parseManifest', () => {
  it('takes file and digest of each line', () => {
    const text =
      `base.txz\t${digest('A')}\t26000\tbase\t"Base system (MANDATORY)"\ton\n` +
      `kernel-dbg.txz\t${digest('1')}\t900\tkernel-dbg\t"Kernel debug"\toff\n\n`;
    expect([...parseManifest(text)]).toEqual([
      ['base.txz', digest('a')],
      ['kernel-dbg.txz', digest('1')],
    ]);
  });

  it.each([
    ['nothing', '', 'lists nothing'],
    ['a page of a captive portal', '<html><body>Log in</body></html>\n', 'is not FILE'],
    ['a path', `../base.txz\t${digest('a')}\n`, 'is not FILE'],
    ['a hidden flag', `-rf.txz\t${digest('a')}\n`, 'is not FILE'],
    ['a short digest', `base.txz\t${'a'.repeat(63)}\n`, 'is not FILE'],
    ['a file twice', `base.txz\t${digest('a')}\nbase.txz\t${digest('b')}\n`, 'listed twice'],
  ])('refuses %s', (_what, text, problem) => {
    expect(() => parseManifest(text)).toThrow(problem);
  });

  it('answers digests of safe names or throws ManifestProblem', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '\t', '\n', '/', '0', '-') }), (text) => {
        try {
          for (const [file, sha256] of parseManifest(text)) {
            expect(isSetName(file)).toBe(true);
            expect(sha256).toMatch(/^[0-9a-f]{64}$/);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestProblem);
        }
      }),
    );
  });
});

/** Every feature of the original has a how-to, and what is written about how-tos can be read. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isShown, linesOf, needs, parseHowTos, projectRoot, readHowTos } from '../support/how-to.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
/** The list in the original's README, as docs/coverage.md has it. */
const features = [...read('docs/coverage.md').matchAll(/^\| `feature: ([^`]+)` \|/gm)].map(
  ([, name]) => name!,
);

describe('how-tos', () => {
  const howTos = readHowTos();

  it('are there for every feature of the original', () => {
    expect(features).toHaveLength(16);
    const shown = new Set(howTos.flatMap((howTo) => howTo.features));
    expect(features.filter((name) => !shown.has(name))).toEqual([]);
    expect([...shown].filter((name) => !features.includes(name))).toEqual([]);
  });

  it('have names of their own, commands, and needs that the test can fill', () => {
    const names = howTos.map(({ page, name }) => `${page}: ${name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    for (const { name, page, lines, needs: wanted } of howTos) {
      expect(lines.length, `${page}: ${name}`).toBeGreaterThan(0);
      const unknown = wanted.filter((word) => !Object.values(needs).some((form) => form.test(word)));
      expect(unknown, `${page}: ${name}`).toEqual([]);
    }
  });

  it('that another test runs name a test that reads their page', () => {
    for (const { page, runBy } of howTos) {
      if (runBy === undefined) continue;
      expect(existsSync(join(projectRoot, runBy)), runBy).toBe(true);
      expect(read(runBy), runBy).toContain(page);
    }
  });
});

describe('a how-to is read from its page', () => {
  it('fenced, with prompts and output', () => {
    const text =
      '# T\n\n<!-- how-to: a; feature: x, y (z); needs: jail web; answer: y -->\n\n```console\n' +
      '$ iocage list\n| … |\n$ iocage df \\\n    -H\n```\n\n    iocage no\n';
    expect(parseHowTos('p', text)).toEqual([
      {
        name: 'a',
        page: 'p',
        features: ['x', 'y (z)'],
        needs: ['jail web'],
        answer: 'y',
        runBy: undefined,
        lines: [
          { command: 'iocage list', shows: ['| … |'] },
          { command: 'iocage df -H', shows: undefined },
        ],
      },
    ]);
  });
  it('indented, to the end of the block', () => {
    const [howTo] = parseHowTos(
      'p',
      'text\n\n<!-- how-to: a -->\n\n    one\n\n    two\n\nnot\n\n    three\n',
    );
    expect(howTo!.lines.map(({ command }) => command)).toEqual(['one', 'two']);
  });
  it('with comments left out', () => {
    expect(linesOf('# first\none   # why\n\ntwo\n').map(({ command }) => command)).toEqual([
      'one   # why',
      'two',
    ]);
  });
  it('refused when it cannot be read', () => {
    expect(() => parseHowTos('p', '<!-- how-to: a; wants: b -->\n\n    one\n')).toThrow('wants');
    expect(() => parseHowTos('p', '<!-- how-to: a -->\n\ntext\n\n    one\n')).toThrow('no block');
  });
});

it.each([
  [['web'], 'web\n', true],
  [['web'], 'web2\n', false],
  [['… up …'], 'a up b\n', true],
  [['first', '…', 'last'], 'first\n1\n2\nlast\n', true],
  [['first', '…', 'last'], 'first\nlast\n', true],
  [['first', '…'], 'second\n', false],
  [['a.c*'], 'abcc\n', false],
  [['none'], '', false],
  [['+---+', '| A | …  |', '+===+'], '+-----+\n|  A  | b |\n+=====+\n', true],
  [['| a |'], '| b |\n', false],
] as const)('%j shows %j: %s', (shows, output, expected) => {
  expect(isShown(shows, output)).toBe(expected);
});

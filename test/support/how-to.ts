/**
 * The how-tos of `docs/`: blocks of commands with a comment above them that readers do not see.
 *
 *     <!-- how-to: a jail from an image; feature: export and import; needs: jail web -->
 *
 * `feature` names rows of `docs/coverage.md`; `needs` what there must be before, see {@link needs}; `answer`
 * what a person types when the commands ask; `run by` the test that runs the block instead of
 * `test/host/how-to.test.ts`. Reads only; the host test runs them, a unit test counts them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** What a how-to may need, and how the word is written. */
export const needs = {
  jail: /^jail ([\w.-]+)$/,
  runningJail: /^running jail ([\w.-]+)$/,
  template: /^template ([\w.-]+)$/,
  /** One that Python iocage configures. */
  foreignJail: /^foreign jail ([\w.-]+)$/,
  basejail: /^basejail ([\w.-]+)$/,
  snapshot: /^snapshot ([\w.-]+@[\w.-]+)$/,
  /** Of a jail that there is too. */
  image: /^image ([\w.-]+)$/,
  package: /^package ([\w.-]+)$/,
  release: /^release ([\w.-]+)$/,
  /** A directory with a file in it. */
  folder: /^folder (\/(?:srv|mnt)\/[\w./-]+)$/,
  /** A directory with a root file system in it. */
  rootFolder: /^root folder (\/(?:srv|mnt)\/[\w./-]+)$/,
  /** A root file system as an archive. */
  archive: /^archive (\/(?:srv|mnt)\/[\w./-]+)$/,
} as const;
export type Need = keyof typeof needs;

export interface Line {
  /** As it stands in the page, without the prompt; continued lines are one. */
  readonly command: string;
  /** What the page shows as its output; undefined when it shows none. */
  readonly shows: readonly string[] | undefined;
}

export interface HowTo {
  readonly name: string;
  /** Such as `docs/moving.md`. */
  readonly page: string;
  readonly features: readonly string[];
  readonly needs: readonly string[];
  readonly answer: string | undefined;
  readonly runBy: string | undefined;
  readonly lines: readonly Line[];
}

const marker = /^<!-- (how-to: .*?) -->\s*$/gm;
const keys = ['how-to', 'feature', 'needs', 'answer', 'run by'] as const;

const list = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** The how-tos of one page. Throws when a marker cannot be read or has no block below it. */
export function parseHowTos(page: string, text: string): readonly HowTo[] {
  return [...text.matchAll(marker)].map((found) => {
    const fields = new Map<string, string>();
    for (const field of found[1]!.split(';')) {
      const at = field.indexOf(':');
      const key = field.slice(0, at).trim();
      if (at < 0 || !(keys as readonly string[]).includes(key))
        throw new Error(`${page}: ${found[0]}: what is ${JSON.stringify(field)}?`);
      fields.set(key, field.slice(at + 1).trim());
    }
    const block = blockAt(text.slice(found.index + found[0].length));
    if (block === undefined) throw new Error(`${page}: ${found[0]} has no block below it`);
    return {
      name: fields.get('how-to')!,
      page,
      features: list(fields.get('feature')),
      needs: list(fields.get('needs')),
      answer: fields.get('answer'),
      runBy: fields.get('run by'),
      lines: linesOf(block),
    };
  });
}

/** The fenced or indented block that the text begins with. */
function blockAt(text: string): string | undefined {
  const fenced = /^\s*```\w*\n([^]*?)^```$/m.exec(text);
  if (fenced?.index === 0) return fenced[1];
  const indented = /^\s*?\n((?: {4}.*\n|\n(?= {4}))+)/.exec(text);
  return indented?.[1]!.replace(/^ {4}/gm, '');
}

/** With prompts (`$ `) what stands between them is output; without, every line is a command. */
export function linesOf(block: string): readonly Line[] {
  const rows = block
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map((row) => row.trimEnd());
  if (!rows.some((row) => row.startsWith('$ '))) {
    return rows
      .filter((row) => row !== '' && !row.startsWith('#'))
      .map((command) => ({ command, shows: undefined }));
  }
  const lines: { command: string; shows: string[] | undefined }[] = [];
  for (const row of rows) {
    const last = lines.at(-1);
    if (row.startsWith('$ ')) lines.push({ command: row.slice(2), shows: undefined });
    else if (last !== undefined && row !== '' && !row.startsWith('# ')) (last.shows ??= []).push(row);
  }
  return lines;
}

/**
 * Whether output is what a page shows: `…` stands for any text in a line, alone in a line for any lines.
 * How wide a column of a table is does not count.
 */
export function isShown(shows: readonly string[], output: string): boolean {
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = shows.map((line) => {
    if (line.trim() === '…') return '(?:[^\\n]*\\n)*?';
    if (/^\+[-+=]+$/.test(line)) return '\\+[-+=]+\\n';
    return `${literal(line).replaceAll(/ +/g, ' +').replaceAll('…', '[^\\n]*')} *\\n`;
  });
  return new RegExp(`^${pattern.join('')}$`).test(`${output.trimEnd()}\n`);
}

/** All how-tos, in the order of the pages. */
export function readHowTos(): readonly HowTo[] {
  const pages = readdirSync(join(projectRoot, 'docs')).filter((name) => name.endsWith('.md'));
  return pages
    .sort()
    .flatMap((name) => parseHowTos(`docs/${name}`, readFileSync(join(projectRoot, 'docs', name), 'utf8')));
}

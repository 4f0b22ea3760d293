/** The documents hold together: every relative link in them leads to a file, and no command is named that there is not. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commands } from '../../src/commands.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

describe('documents', () => {
  it('lead only to files that exist', () => {
    expect(documents.length).toBeGreaterThan(5);
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('show only commands that exist, in their examples', () => {
    const known = new Set([
      ...commands.flatMap((operation) => operation.command.names),
      'help',
      'version',
      'completion',
    ]);
    const unknown = documents
      .filter(({ path }) => path !== join('docs', 'coverage.md'))
      .flatMap(({ path, text }) =>
        [...text.matchAll(/^(?:\$ )?iocage ([a-z]+)/gm)]
          .filter(([, name = '']) => !known.has(name))
          .map(([line]) => `${path}: ${line}`),
      );
    expect(unknown).toEqual([]);
  });
});

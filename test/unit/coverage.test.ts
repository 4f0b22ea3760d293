/**
 * docs/coverage.md tells the truth as far as a program can check it: states are known words, what is done
 * names a test that exists, and nothing that the program has is missing from the list.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { properties } from '../../src/domain/properties/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

interface Row {
  readonly item: string;
  readonly state: string;
  readonly proof: string;
  readonly note: string;
  /** Of commands, flags and properties. */
  readonly freebsd: string;
}

const rows: readonly Row[] = readFileSync(join(root, 'docs/coverage.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [item = '', state = '', proof = '', note = '', freebsd = ''] = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim());
    return { item: item.replaceAll('`', ''), state, proof, note, freebsd };
  });

/** The proofs of a row: each in backticks, `FILE` or `FILE: TEST NAME`. */
const proofs = (row: Row) =>
  [...row.proof.matchAll(/`([^`]+)`/g)].map(([, text = '']) => {
    const [file = '', ...title] = text.split(': ');
    return { file, title: title.join(': ') };
  });

describe('docs/coverage.md', () => {
  it('has rows, each once, with a known state', () => {
    expect(rows.length).toBeGreaterThan(500);
    const items = rows.map((row) => row.item);
    expect(items.filter((item, index) => items.indexOf(item) !== index)).toEqual([]);
    expect(rows.filter((row) => !['done', 'partly', 'not'].includes(row.state))).toEqual([]);
  });

  it('tells of commands, flags and properties how they are verified for FreeBSD', () => {
    const known = ['contract + stand-in', 'contract + stand-in, golden', 'golden', 'not'];
    const wanted = rows.filter(({ item }) => /^(iocage|py:|new:|property) /.test(item));
    expect(wanted.length).toBeGreaterThan(400);
    expect(wanted.filter(({ freebsd }) => !known.includes(freebsd)).map(({ item }) => item)).toEqual([]);
  });

  it('names an existing test file for every row that is done', () => {
    const unproven = rows.filter((row) => row.state === 'done' && proofs(row).length === 0);
    expect(unproven.map((row) => row.item)).toEqual([]);
    const missing = rows.flatMap((row) =>
      proofs(row)
        .filter(({ file }) => !file.startsWith('test/') || !existsSync(join(root, file)))
        .map(({ file }) => `${row.item}: ${file}`),
    );
    expect(missing).toEqual([]);
  });

  it('names tests that stand in those files', () => {
    const text = new Map<string, string>();
    const read = (file: string) =>
      text.get(file) ?? text.set(file, readFileSync(join(root, file), 'utf8')).get(file)!;
    const missing = rows.flatMap((row) =>
      proofs(row)
        .filter(({ file, title }) => title !== '' && !read(file).includes(title))
        .map(({ file, title }) => `${row.item}: ${file}: ${title}`),
    );
    expect(missing).toEqual([]);
  });

  it('says what is missing where something is partly there', () => {
    expect(rows.filter((row) => row.state === 'partly' && row.note === '').map((row) => row.item)).toEqual(
      [],
    );
  });

  it('has a row for every property', () => {
    const items = new Set(rows.map((row) => row.item));
    const absent = properties.map((property) => property.key).filter((key) => !items.has(`property ${key}`));
    expect(absent).toEqual([]);
  });

  it('has a row for every command', async () => {
    const { commands } = await import('../../src/commands.ts');
    const firstWords = new Set(
      rows
        .map((row) => /^(?:iocage|new:|py:) (\S+)/.exec(row.item)?.[1])
        .filter((word) => word !== undefined),
    );
    const names = commands.flatMap((operation) => operation.command.names);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !firstWords.has(name))).toEqual([]);
  });
});

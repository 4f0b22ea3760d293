/**
 * The surface of the library: everything that it exports has a comment, the page that is made of these is the one
 * in `docs/`, and a program that only has the declarations can use them.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as prettier from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error a script without declarations
import { libraryReference } from '../../scripts/reference.mjs';
// @ts-expect-error a script without declarations
import { errorReference, operationReference } from '../../scripts/reference-tables.mjs';
import { errorTable } from '../../src/domain/errors.ts';
import { furtherOperations, operations } from '../../src/ops/index.ts';
import * as z from 'zod';
import { projectRoot } from '../support/how-to.ts';

const tsc = (...words: string[]): string =>
  execFileSync(process.execPath, [join(projectRoot, 'node_modules/typescript/bin/tsc'), ...words], {
    cwd: projectRoot,
    encoding: 'utf8',
  });

let directory: string;
let reference: { page: string; undocumented: readonly string[] };
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'iocage-types-'));
  tsc('-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', join(directory, 'dist'));
  const dist = join(directory, 'dist');
  reference = libraryReference(dist, [
    errorReference(errorTable, dist),
    operationReference([...operations, ...furtherOperations], z.toJSONSchema),
  ]);
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the library', () => {
  it('exports nothing without a comment', () => {
    expect(reference.undocumented).toEqual([]);
  });

  it('finds what has none', () => {
    const dist = join(directory, 'bare');
    execFileSync('mkdir', [dist]);
    writeFileSync(join(dist, 'index.d.ts'), `export { A, type B } from './a.ts';\n`);
    const lines = [
      'export declare class A {',
      '    private x;',
      '    y(): void;',
      '}',
      'export type B = string;',
      '',
    ];
    writeFileSync(join(dist, 'a.d.ts'), lines.join('\n'));
    expect(libraryReference(dist).undocumented).toEqual(['A', 'A.y', 'B']);
  });

  it('is what docs/library-reference.md says; `npm run docs` writes it', async () => {
    const path = join(projectRoot, 'docs/library-reference.md');
    const style = await prettier.resolveConfig(path);
    expect(readFileSync(path, 'utf8')).toBe(
      await prettier.format(reference.page, { ...style, parser: 'markdown' }),
    );
    expect(reference.page).toContain('static open(options?: HostOptions): Promise<Host>;');
  });

  it('tells what is behind the names: types of members, codes of errors, operations', () => {
    const { page } = reference;
    for (const name of (
      'ContextOptions Source Paths Kind Caller UndoFailure Written PackageChange ListedSnapshot Selector Term Codec ' +
      'PropertyGroup'
    ).split(' '))
      expect(page, name).toContain(`\n### ${name}\n`);
    expect(page).toMatch(/type Kind = ['"]thick['"] \| ['"]clone['"] \|/);
    expect(page).toContain('| `JAIL_NOT_FOUND` | 1 | 404 | jail "NAME" not found | `name` |');
    for (const code of Object.keys(errorTable)) expect(page).toContain(`| \`${code}\` |`);
    expect(page).toContain('- `jail.rename`: Rename a jail');
    expect(page).toContain('`{ jail: string; name: string }`');
    for (const { id } of [...operations, ...furtherOperations]) expect(page).toContain(`\n- \`${id}\`: `);
  });

  it('the lines of docs/library.md stand in the examples, which are run', () => {
    const page = readFileSync(join(projectRoot, 'docs/library.md'), 'utf8');
    const blocks = [...page.matchAll(/^(?:<!-- example: ([\w-]+) -->\n\n)?```ts\n([\s\S]*?)^```/gm)];
    const missing = blocks.flatMap(([, name = 'none', block = '']) => {
      if (name === 'none') return [`no example: ${block}`];
      const lines = readFileSync(join(projectRoot, `examples/${name}.ts`), 'utf8').split('\n');
      const trimmed = new Set(lines.map((line) => line.trim()));
      return block.split('\n').filter((line) => !trimmed.has(line.trim()));
    });
    expect(missing).toEqual([]);
    expect(blocks.length).toBeGreaterThan(5);
  });

  it('can be used from its declarations alone', () => {
    const project = join(directory, 'tsconfig.json');
    const compilerOptions = {
      ...{ target: 'es2023', module: 'nodenext', moduleResolution: 'nodenext', strict: true, noEmit: true },
      ...{ skipLibCheck: true, types: ['node'], typeRoots: [join(projectRoot, 'node_modules/@types')] },
      paths: { iocage: [join(directory, 'dist/index.d.ts')], zod: [join(projectRoot, 'node_modules/zod')] },
    };
    writeFileSync(
      project,
      JSON.stringify({ compilerOptions, include: [join(projectRoot, 'examples/*.ts')] }),
    );
    expect(tsc('-p', project)).toBe('');
    writeFileSync(
      join(directory, 'wrong.ts'),
      `import { Jail } from 'iocage';\nnew Jail().start({ forse: true });\n`,
    );
    writeFileSync(project, JSON.stringify({ compilerOptions, include: [join(directory, 'wrong.ts')] }));
    expect(() => tsc('-p', project)).toThrow();
  });
});

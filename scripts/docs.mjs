/**
 * Writes the pages that are made from the program's own tables and declarations: `docs/properties.md` and
 * `docs/library-reference.md`. Reads the built library (`npm run docs` builds it first), and touches no other file.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as prettier from 'prettier';
import { propertyReference } from '../dist/domain/properties/reference.js';
import { toJSONSchema } from 'zod';
import { errorTable } from '../dist/domain/errors.js';
import { furtherOperations, operations } from '../dist/ops/index.js';
import { libraryReference } from './reference.mjs';
import { errorReference, operationReference } from './reference-tables.mjs';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const { page, undocumented } = libraryReference(at('dist'), [
  errorReference(errorTable, at('dist')),
  operationReference([...operations, ...furtherOperations], toJSONSchema),
]);
if (undocumented.length > 0) throw new Error(`without a comment: ${undocumented.join(', ')}`);
const style = await prettier.resolveConfig(at('docs/library-reference.md'));
const pages = {
  'docs/properties.md': propertyReference(),
  'docs/library-reference.md': await prettier.format(page, { ...style, parser: 'markdown' }),
};
for (const [path, text] of Object.entries(pages)) {
  writeFileSync(at(path), text);
  process.stdout.write(`wrote ${path}\n`);
}

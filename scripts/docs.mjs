/**
 * Writes the pages that are made from the program's own tables: `docs/properties.md`. Reads the built library
 * (`npm run docs` builds it first), and touches no other file.
 */
import { writeFileSync } from 'node:fs';
import { propertyReference } from '../dist/domain/properties/reference.js';

const page = new URL('../docs/properties.md', import.meta.url);
writeFileSync(page, propertyReference());
process.stdout.write('wrote docs/properties.md\n');

/** The page of properties is that of the table. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { properties } from '../../../../src/domain/properties/index.ts';
import { propertyReference } from '../../../../src/domain/properties/reference.ts';

test('docs/properties.md is fresh', () => {
  const page = readFileSync(new URL('../../../../docs/properties.md', import.meta.url), 'utf8');
  expect(
    page === propertyReference(),
    'docs/properties.md is not what the property table says; make it again with: npm run docs',
  ).toBe(true);
});

test('it has a row for every property, each with the same number of cells', () => {
  const rows = propertyReference()
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  expect(rows).toHaveLength(properties.length);
  for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(10);
});

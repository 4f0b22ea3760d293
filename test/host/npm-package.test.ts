/** What `npm pack` makes can be used elsewhere: the library in one file, with its types, and nothing that it does not need. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
let place: string;
beforeEach(() => (place = mkdtempSync(join(tmpdir(), 'iocpack-'))));
afterEach(() => rmSync(place, { recursive: true, force: true }));

it('the packed library is one file with its types, and another program loads it', () => {
  const run = (directory: string, ...words: [string, ...string[]]): string =>
    execFileSync(words[0], words.slice(1), {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const [packed] = JSON.parse(run(checkout, 'npm', 'pack', '--json', '--pack-destination', place)) as [
    { filename: string; files: { path: string }[] },
  ];
  const programs = packed.files.map(({ path }) => path).filter((path) => /\.[cm]?js$/.test(path));
  expect(programs).toEqual(['dist/index.js']);
  expect(packed.files.map(({ path }) => path)).toContain('dist/index.d.ts');

  const own = join(place, 'node_modules/iocage');
  mkdirSync(own, { recursive: true });
  run(place, 'tar', '-xzf', packed.filename, '--strip-components=1', '-C', own);
  const text = `import { Jail } from 'iocage'; console.log(typeof new Jail('web').create)`;
  expect(run(place, 'node', '--input-type=module', '--eval', text)).toBe('function\n');
});

/** The launcher over a tiny program: links, hostile environments, another node, words passed exactly. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/launcher.mjs', import.meta.url));
let place: string;

/** Tells how it was started. Says `iocage …` first, as the launcher's check of a fresh snapshot wants. */
const program = `
const { startupSnapshot } = require('node:v8');
const start = (how) => console.log('iocage ' + JSON.stringify({ how, argv: process.argv.slice(2), options: process.env.NODE_OPTIONS ?? null, path: process.env.PATH }));
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(() => start('snapshot'));
else start('bundle');
`;

interface Told {
  readonly how: string;
  readonly argv: readonly string[];
  readonly options: string | null;
  readonly path: string;
}

function call(
  launcher: string,
  words: readonly string[] = [],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Told {
  const ran = spawnSync(launcher, words, { encoding: 'utf8', ...options });
  expect(ran.stderr).toBe('');
  expect(ran.status).toBe(0);
  return JSON.parse(ran.stdout.slice('iocage '.length)) as Told;
}

/** Runs functions of the script in another process: it is no TypeScript, and no part of the program. */
function inNode(code: string): void {
  execFileSync(process.execPath, [
    '--input-type=module',
    '-e',
    `import * as launcher from ${JSON.stringify(script)}; ${code}`,
  ]);
}

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'iocage launcher '));
  mkdirSync(join(place, 'build'));
  writeFileSync(join(place, 'build/iocage.cjs'), program);
  const [bundle, blob, launcher] = ['build/iocage.cjs', 'build/iocage.blob', 'bin/iocage'].map((path) =>
    JSON.stringify(join(place, path)),
  );
  inNode(`
    if (!launcher.makeSnapshot({ bundle: ${bundle}, blob: ${blob} })) process.exit(1);
    launcher.writeLauncher({ launcher: ${launcher}, bundle: '../build/iocage.cjs', blob: '../build/iocage.blob' });
  `);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('in a checkout', () => {
  test('starts from the snapshot and passes words on exactly', () => {
    const words = ['exec', 'web', '--', '--version', '', 'a b', '*', '$HOME', '-e', '1'];
    expect(call(join(place, 'bin/iocage'), words)).toMatchObject({ how: 'snapshot', argv: words });
  });

  test('through relative and absolute links, from any directory', () => {
    mkdirSync(join(place, 'links'), { recursive: true });
    symlinkSync('../bin/iocage', join(place, 'links/first'));
    symlinkSync(join(place, 'links/first'), join(place, 'links/second'));
    expect(call(join(place, 'links/second'), ['x'], { cwd: '/' })).toMatchObject({
      how: 'snapshot',
      argv: ['x'],
    });
    expect(call('./first', [], { cwd: join(place, 'links') }).how).toBe('snapshot');
    expect(call('sh', ['iocage', 'x'], { cwd: join(place, 'bin') })).toMatchObject({ argv: ['x'] });
  });

  test('found by PATH', () => {
    const ran = spawnSync('/bin/sh', ['-c', 'iocage x'], {
      encoding: 'utf8',
      env: { PATH: join(place, 'bin') },
    });
    expect(ran.stdout).toContain('"how":"snapshot"');
  });

  test('what the caller puts in the environment does not reach node', () => {
    const trap = join(place, 'trap');
    mkdirSync(trap, { recursive: true });
    for (const name of ['node', 'stat', 'readlink', '[']) {
      writeFileSync(join(trap, name), '#!/bin/sh\necho trapped\n');
      chmodSync(join(trap, name), 0o755);
    }
    const env = { PATH: trap, NODE_OPTIONS: '--bogus', NODE_PATH: trap, IFS: '/', CDPATH: trap };
    const told = call(join(place, 'bin/iocage'), ['x y'], { env });
    expect(told).toMatchObject({ how: 'snapshot', argv: ['x y'], options: null });
    expect(told.path).not.toContain(trap);
  });
});

describe('the bundle takes over', () => {
  const copy = (name: string): string => {
    const to = join(place, name);
    mkdirSync(join(to, 'bin'), { recursive: true });
    mkdirSync(join(to, 'build'), { recursive: true });
    for (const file of ['bin/iocage', 'build/iocage.cjs', 'build/iocage.blob'])
      copyFileSync(join(place, file), join(to, file));
    return to;
  };

  test('when the snapshot is not of this node', () => {
    const to = copy('other-node');
    utimesSync(join(to, 'build/iocage.blob'), 1, 1);
    expect(call(join(to, 'bin/iocage'), ['x'])).toMatchObject({ how: 'bundle', argv: ['x'] });
  });

  test('when there is no snapshot', () => {
    const to = copy('no-blob');
    rmSync(join(to, 'build/iocage.blob'));
    expect(call(join(to, 'bin/iocage'), ['x'])).toMatchObject({ how: 'bundle', argv: ['x'] });
  });
});

test('an installation below a packaging root names the places without it', () => {
  const root = join(place, 'package');
  mkdirSync(join(root, 'opt/lib'), { recursive: true });
  copyFileSync(join(place, 'build/iocage.cjs'), join(root, 'opt/lib/iocage.cjs'));
  const words = [
    '--root',
    root,
    '--bundle',
    '/opt/lib/iocage.cjs',
    '--blob',
    '/opt/lib/iocage.blob',
    '--launcher',
    '/opt/bin/iocage',
  ];
  execFileSync(process.execPath, [script, ...words]);
  const text = execFileSync('cat', [join(root, 'opt/bin/iocage')], { encoding: 'utf8' });
  expect(text).toContain(`blob='/opt/lib/iocage.blob'`);
  expect(text).toContain(`bundle='/opt/lib/iocage.cjs'\n`);
  expect(text).not.toContain(place);
});

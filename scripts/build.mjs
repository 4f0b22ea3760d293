/**
 * Builds everything that can be run or installed: the library (dist/), the program as one file
 * (build/iocage.cjs) with its start-up snapshot (build/iocage.blob) and launcher (bin/iocage, and
 * bin/ioc for its other name), and the manual pages (share/). Needs no network.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { makeSnapshot, writeLauncher } from './launcher.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const path = (...parts) => join(root, ...parts);
const run = (command, ...words) => execFileSync(command, words, { cwd: root, stdio: 'inherit' });

// Everything is made beside its place and moved there when it is whole: a program that is started
// meanwhile finds the old one, and a build that fails leaves it.
const fresh = path('build', `new-${process.pid}`);

async function library() {
  run(
    process.execPath,
    path('node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
    '--outDir',
    join(fresh, 'dist'),
  );
  await bundleLibrary(join(fresh, 'dist/index.js'));
  rmSync(path('dist'), { recursive: true, force: true });
  renameSync(join(fresh, 'dist'), path('dist'));
}

/**
 * Modules of node that a start-up snapshot cannot hold (it ends in a fatal error): they are loaded
 * when one of their names is first used.
 */
const lazyModules = ['http', 'https', 'http2', 'tls', 'net', 'dgram', 'worker_threads', 'inspector'];

const lazyBuiltins = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(?:node:)?(?:${lazyModules.join('|')})$`);
    onResolve({ filter, namespace: 'file' }, ({ path: module }) => ({
      path: module.replace(/^node:/, ''),
      namespace: 'lazy',
    }));
    onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path: module }) => {
      const names = Object.keys(await import(`node:${module}`)).filter(
        (name) => /^\w+$/.test(name) && name !== 'default',
      );
      const getters = names.map((name) => `get ${name}() { return load().${name}; },`);
      const contents = `const load = () => require('node:${module}');
        module.exports = { ${getters.join('\n')} get default() { return load(); } };`;
      return { contents, loader: 'js' };
    });
  },
};

/**
 * `import { z }` takes the whole schema library along, all languages of its messages included;
 * `import * as z` is the same object to the program and lets the bundler leave out what is unused.
 * The snapshot shrinks by a third, and every start with it.
 */
const slimSchemas = {
  name: 'slim-schemas',
  setup({ onLoad }) {
    onLoad({ filter: /[/]src[/].*\.ts$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      return { contents: text.replace("import { z } from 'zod'", "import * as z from 'zod'"), loader: 'ts' };
    });
  },
};

/** What both bundles have in common. */
const bundled = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  plugins: [lazyBuiltins, slimSchemas],
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  legalComments: 'linked',
  logLevel: 'warning',
};

/** What another program imports is one file: four hundred of them take longer to open than to list the jails. */
function bundleLibrary(outfile) {
  return build({
    ...bundled,
    entryPoints: ['src/index.ts'],
    outfile,
    format: 'esm',
    // For packages that are no modules yet.
    banner: {
      js: `import { createRequire as iocageRequire } from 'node:module'; const require = iocageRequire(import.meta.url);`,
    },
    allowOverwrite: true,
    // Node prints the line that threw when nobody caught the error.
    lineLimit: 200,
  });
}

async function program() {
  const { outputFiles } = await build({
    ...bundled,
    entryPoints: ['src/cli/entry.ts'],
    outfile: 'build/iocage.cjs',
    write: false,
    format: 'cjs',
  });
  const files = outputFiles.map((file) => basename(file.path));
  for (const [index, file] of files.entries()) writeFileSync(join(fresh, file), outputFiles[index].contents);
  const made = makeSnapshot({ bundle: join(fresh, 'iocage.cjs'), blob: join(fresh, 'iocage.blob') });
  // The snapshot goes first: while it is away the launcher takes the bundle.
  rmSync(path('build/iocage.blob'), { force: true });
  for (const file of made ? [...files, 'iocage.blob'] : files)
    renameSync(join(fresh, file), path('build', file));
  writeLauncher({
    launcher: path('bin/iocage'),
    bundle: '../build/iocage.cjs',
    blob: made ? '../build/iocage.blob' : undefined,
  });
}

async function manual() {
  const [{ manualPage }, { iocManualPage }, { commands }, { properties }] = await Promise.all([
    import(path('dist/cli/manual.js')),
    import(path('dist/cli/ioc/manual.js')),
    import(path('dist/commands.js')),
    import(path('dist/domain/properties/index.js')),
  ]);
  mkdirSync(path('share/man/man8'), { recursive: true });
  // Packagers set SOURCE_DATE_EPOCH for builds that can be repeated to the byte.
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const date = (epoch ? new Date(Number(epoch) * 1000) : new Date()).toISOString().slice(0, 10);
  writeFileSync(path('share/man/man8/iocage.8'), manualPage(commands, properties, date));
  writeFileSync(path('share/man/man8/ioc.8'), iocManualPage(date));
}

const parts = { library, program, manual };
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
if (unknown) throw new Error(`no such part: ${unknown}; there are ${Object.keys(parts).join(', ')}`);
mkdirSync(fresh, { recursive: true });
try {
  for (const name of wanted) await parts[name]();
} finally {
  rmSync(fresh, { recursive: true, force: true });
}

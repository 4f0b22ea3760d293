/**
 * The rules of the house, checked over the real files: who may import whom, who may start processes and
 * write files, and that no shell string is built. The linter holds most of these too; this test also
 * checks that the rules see files at all, so that a moved room cannot turn them into a false green.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

interface Import {
  readonly from: string;
  /** `names` as written between the braces; `*` for a namespace or default import. */
  readonly names: readonly string[];
  /** A path below `src/` for the project's own files, otherwise the package's name. */
  readonly target: string;
}

interface SourceFile {
  /** Path below `src/`, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const statement = /^\s*(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s+['"]([^'"]+)['"]/gm;
const sideEffect = /^\s*import\s+['"]([^'"]+)['"]/gm;
const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

function names(clause: string): readonly string[] {
  const braces = /\{([^}]*)\}/.exec(clause);
  const outside = clause
    .replace(/\{[^}]*\}/, '')
    .replace(/,/g, '')
    .trim();
  const inside = (braces?.[1] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.split(/\s+as\s+/)[0] as string);
  return outside === '' ? inside : ['*', ...inside];
}

function importsOf(path: string, text: string): readonly Import[] {
  const resolve = (target: string) =>
    target.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), target)) : target;
  return [
    ...[...text.matchAll(statement)].map((match) => ({
      from: path,
      names: match[1] === undefined ? names(match[2] as string) : [],
      target: resolve(match[3] as string),
    })),
    ...[...text.matchAll(sideEffect), ...text.matchAll(dynamic)].map((match) => ({
      from: path,
      names: ['*'],
      target: resolve(match[1] as string),
    })),
  ];
}

const files: readonly SourceFile[] = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => {
    const absolute = join(entry.parentPath, entry.name);
    const path = relative(join(root, 'src'), absolute).replaceAll('\\', '/');
    const text = readFileSync(absolute, 'utf8');
    return { path, text, imports: importsOf(path, text) };
  });

const below =
  (...folders: string[]) =>
  (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`));
const isOwn = (target: string) => !target.startsWith('node:') && /\.ts$|\.json$/.test(target);
/** Interfaces of the cellar: files that stand directly in `driver/`. */
const isDriverInterface = (target: string) => /^driver\/[^/]+\.ts$/.test(target);
const isDriverInside = (target: string) => /^driver\/[^/]+\//.test(target);

/** Every import of a room that `allowed` refuses, as `file -> target`. */
function violations(
  room: (path: string) => boolean,
  allowed: (target: string) => boolean,
): readonly string[] {
  const seen = files.filter((file) => room(file.path));
  expect(seen.length, 'the rule sees no file').toBeGreaterThan(0);
  return seen.flatMap((file) =>
    file.imports.filter((line) => !allowed(line.target)).map((line) => `${line.from} -> ${line.target}`),
  );
}

describe('who may import whom', () => {
  it('domain imports nothing but zod, ipaddr.js, node-diff3, yaml and itself', () => {
    const ok = (target: string) =>
      ['zod', 'ipaddr.js', 'node-diff3', 'yaml'].includes(target) || below('domain')(target);
    expect(violations(below('domain'), ok)).toEqual([]);
  });

  it('operations see the domain and driver interfaces only', () => {
    const ok = (target: string) =>
      isOwn(target) ? below('domain', 'ops')(target) || isDriverInterface(target) : target === 'zod';
    const nodePath = (target: string) => target === 'node:path' || target === 'node:path/posix';
    expect(violations(below('ops'), (target) => ok(target) || nodePath(target))).toEqual([]);
  });

  it('drivers know the domain and each other through interfaces, never operations or doors', () => {
    const ok = (target: string) => !isOwn(target) || below('domain', 'driver')(target);
    expect(violations(below('driver'), ok)).toEqual([]);
  });

  it('driver interfaces import no driver', () => {
    expect(violations(isDriverInterface, (target) => !isDriverInside(target))).toEqual([]);
  });

  it('the drivers of ZFS, Linux and FreeBSD and what touches the machine never meet', () => {
    const four = ['driver/node', 'driver/zfs', 'driver/linux', 'driver/freebsd'];
    const met = four.flatMap((own) => {
      const others = below(...four.filter((other) => other !== own));
      return violations(below(own), (target) => !others(target));
    });
    expect(met).toEqual([]);
  });

  it('what both kernels do knows neither of their drivers', () => {
    const ok = (t: string) => !below('driver/linux', 'driver/freebsd')(t);
    expect(violations(below('driver/both'), ok)).toEqual([]);
  });

  it('the command line knows no server and no driver', () => {
    expect(violations(below('cli'), (target) => !isDriverInside(target) && !below('server')(target))).toEqual(
      [],
    );
  });

  it('the server knows no command line and no driver', () => {
    expect(violations(below('server'), (target) => !isDriverInside(target) && !below('cli')(target))).toEqual(
      [],
    );
  });

  it('the library sees operations, iocage.ts and the domain, and no other door', () => {
    const ok = (target: string) => below('domain', 'ops', 'library')(target) || target === 'iocage.ts';
    expect(violations(below('library'), (target) => ok(target) || target === 'zod')).toEqual([]);
  });

  it('only iocage.ts picks drivers', () => {
    const others = files.filter((file) => !below('driver')(file.path) && file.path !== 'iocage.ts');
    const picked = others.flatMap((file) =>
      file.imports
        .filter((line) => isDriverInside(line.target))
        .map((line) => `${line.from} -> ${line.target}`),
    );
    expect(picked).toEqual([]);
  });
});

describe('who may touch the machine', () => {
  /** `exec` runs everything; `locks` keeps flock(1) alive while a lock is held; `process` asks ps(1) who a pid is. */
  const spawners = ['driver/node/exec.ts', 'driver/node/locks.ts', 'driver/node/process.ts'];

  it('only driver/node starts processes', () => {
    const found = files.filter((file) =>
      file.imports.some((line) => /^(node:)?child_process$/.test(line.target)),
    );
    expect(found.map((file) => file.path).filter((path) => !spawners.includes(path))).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
  });

  const readers =
    /^(read|readFile|readFileSync|readdir|readdirSync|readlink|readlinkSync|stat|statSync|lstat|lstatSync|statfs|access|accessSync|existsSync|realpath|realpathSync|createReadStream|constants|opendir|watch)$/;

  it('only driver/node writes files: elsewhere node:fs is imported by the names of what reads', () => {
    const writes = files
      .filter((file) => !below('driver/node')(file.path))
      .flatMap((file) => file.imports)
      .filter((line) => /^node:fs(\/promises)?$|^fs$/.test(line.target))
      .filter((line) => line.names.some((name) => !readers.test(name)));
    expect(writes.map((line) => `${line.from}: ${line.names.join(', ')}`)).toEqual([]);
  });

  it('no synchronous children', () => {
    const sync = /\b(execSync|execFileSync|spawnSync)\b/;
    expect(files.filter((file) => sync.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it('no shell: arguments are lists, and a command line in one string is run only for the hooks of a jail', () => {
    const shellOption = files
      .filter((file) => /\bshell:\s*true\b/.test(file.text))
      .concat(files.filter((file) => spawners.includes(file.path) && /\bshell:/.test(file.text)))
      .map((file) => file.path);
    expect(shellOption).toEqual([]);
    // `sh -c` is what jail(8) gives a hook's text to; the text is the administrator's own property value.
    const shellString = files
      .filter((file) =>
        /['"`](\/bin\/)?(ba|da)?sh['"`]\s*,\s*['"`]-\w*c['"`]|['"`](\/bin\/)?sh -\w*c\b/.test(file.text),
      )
      .map((file) => file.path);
    const reasons: Readonly<Record<string, string>> = {
      'driver/both/hook.ts': 'a hook is a command line by definition: the property of the jail, set by root',
      'driver/freebsd/inside.ts': 'constant scripts, the program and its directory are their arguments',
      'driver/both/console.ts': 'constant scripts; paths, sizes and the program are their arguments',
      'driver/linux/processes.ts': 'a constant script, the process ids are its arguments',
      'ops/jail/guarded-change.ts':
        'a health check is a line for the shell of the jail by definition; it runs in the jail',
      'ops/provision/script.ts': 'a script of the host that root alone can write, run in the jail',
      'ops/provision/inside.ts': 'constant scripts, run in the jail; paths and programs are their arguments',
      'ops/jail/packages.ts': 'constant scripts, run in the jail',
      'domain/packages.ts':
        'constant scripts that fill a mirror, run in a jail; paths and a constant text are their arguments',
      'ops/adopt/archive.ts':
        'a constant line that cuts a piece out of a pipe; where, how much and the program are its arguments',
      'ops/steps/image.ts': 'a constant line that opens a fifo, whose path is its argument',
      'driver/linux/runtime-command.ts':
        'a constant script that hides the second cgroup tree from the runtime',
    };
    expect(shellString.filter((path) => !(path in reasons))).toEqual([]);
  });

  it('no text is run as code', () => {
    const code = /\beval\(|\bnew Function\(|\bvm\.run/;
    expect(files.filter((file) => code.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it('zfs is never told to destroy dependents or to mount over', () => {
    const forbidden = files.filter((file) =>
      /['"`]destroy['"`][^\n]*['"`]-\w*R|['"`]mount['"`]\s*,\s*['"`]-\w*O/.test(file.text),
    );
    expect(forbidden.map((file) => file.path)).toEqual([]);
  });
});

describe('texture', () => {
  it('every file opens with what it is for', () => {
    const bare = files
      .filter((file) => !/^(#![^\n]*\n)?\/(\*\*|\/)/.test(file.text))
      .map((file) => file.path);
    expect(bare).toEqual([]);
  });

  it('nothing is left to do in a comment', () => {
    expect(files.filter((file) => /\b(TODO|FIXME|XXX)\b/.test(file.text)).map((file) => file.path)).toEqual(
      [],
    );
  });

  it('what the host keeps jails apart by is their realm, not their pool', () => {
    const byPool = /\b(running|foreign|[a-z]+Lock)\([^)\n]*\bpool\b/;
    const wrong = files.filter(({ path, text }) => /^(ops|server|library)\//.test(path) && byPool.test(text));
    expect(wrong.map((file) => file.path)).toEqual([
      // `deactivate POOL`, and the records that journals keep.
      'ops/host/pool.ts',
      'ops/steps/guard.ts',
    ]);
  });

  it('no room of leftovers', () => {
    const leftovers = /(^|\/)(utils?|helpers?|common|manager|service|misc)(\.ts$|\/)/;
    expect(files.filter((file) => leftovers.test(file.path)).map((file) => file.path)).toEqual([]);
  });

  it('the linter holds the rule of every room', () => {
    const config = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as {
      overrides: readonly { files: readonly string[]; rules: Record<string, unknown> }[];
    };
    const ruled = config.overrides
      .filter((entry) => 'eslint/no-restricted-imports' in entry.rules)
      .flatMap((entry) => entry.files);
    const rooms = ['domain', 'ops', 'driver', 'cli', 'server', 'library'];
    const kernels = ['driver/both', 'driver/linux', 'driver/freebsd'];
    expect([...rooms, ...kernels].filter((room) => !ruled.includes(`src/${room}/**/*.ts`))).toEqual([]);
  });
});

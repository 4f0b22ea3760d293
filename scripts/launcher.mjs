/**
 * The launcher, a small sh(1) script that starts the program from a V8 start-up snapshot when the
 * node that is there is the one the snapshot was made with, and from the bundle otherwise. Also
 * makes the snapshot. `build.mjs` uses it for the checkout; an installation calls it again, so that
 * the snapshot fits the node of the machine:
 *
 *   node scripts/launcher.mjs --bundle /usr/local/lib/iocage/iocage.cjs \
 *     --blob /usr/local/lib/iocage/iocage.blob --launcher /usr/local/bin/iocage
 *
 * With --root DIR (packaging) the files are written below DIR, and the launcher names them without it.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const childEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
};

/**
 * Makes the start-up snapshot with this node. Answers false, and leaves no file, where node cannot
 * (the launcher then uses the bundle).
 */
export function makeSnapshot({ bundle, blob }) {
  rmSync(blob, { force: true });
  try {
    execFileSync(process.execPath, ['--snapshot-blob', `${blob}.new`, '--build-snapshot', bundle], {
      // node warns that the interface is young.
      stdio: ['ignore', 'ignore', 'pipe'],
      env: childEnvironment,
    });
    const answer = execFileSync(process.execPath, ['--snapshot-blob', `${blob}.new`, 'iocage', 'version'], {
      encoding: 'utf8',
      env: childEnvironment,
    });
    if (!answer.startsWith('iocage ')) throw new Error(`the snapshot answers ${JSON.stringify(answer)}`);
    // The launcher knows by this stamp that node is still the one the snapshot was made with: the
    // shell compares two times without starting another program.
    execFileSync('touch', ['-r', realpathSync(process.execPath), `${blob}.new`], { env: childEnvironment });
    renameSync(`${blob}.new`, blob);
    return true;
  } catch (error) {
    rmSync(`${blob}.new`, { force: true });
    const why = String(error.stderr ?? '').trim() || error.message;
    process.stderr.write(`no start-up snapshot, the program starts from the bundle: ${why}\n`);
    return false;
  }
}

/** One word for sh(1). */
function quoted(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Text of a launcher.
 *
 * @param bundle path of the bundle, absolute, or relative to the directory of the launcher
 * @param blob path of the snapshot likewise; undefined without one
 */
export function launcherText({ bundle, blob }) {
  const node = realpathSync(process.execPath);
  const place = (path) => (path.startsWith('/') ? quoted(path) : `"$here"/${quoted(path)}`);
  const here = bundle.startsWith('/')
    ? ''
    : `case $0 in
  */*) self=$0 ;;
  *) self=./$0 ;;
esac
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=\${self%/*}/$target ;;
  esac
done
here=\${self%/*}
`;
  const snapshot =
    blob === undefined
      ? ''
      : `blob=${place(blob)}
if [ -f "$blob" ] && [ -x "$node" ] && ! [ "$node" -nt "$blob" ] && ! [ "$node" -ot "$blob" ]; then
  exec "$node" --snapshot-blob "$blob" "$bundle" "$@"
fi
`;
  const other = bundle.replace(/iocage\.cjs$/, 'ioc.cjs');
  return `#!/bin/sh
# Starts iocage. Made by scripts/launcher.mjs; changes are lost at the next build.
# The program runs as root: nothing in the caller's environment may change what node loads.
unset NODE_OPTIONS NODE_PATH NODE_V8_COVERAGE NODE_DEBUG NODE_DEBUG_NATIVE NODE_REDIRECT_WARNINGS \\
  NODE_COMPILE_CACHE NODE_PENDING_DEPRECATION NODE_TLS_REJECT_UNAUTHORIZED CDPATH IFS
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
${here}node=${quoted(node)}
# The program does what the name says by which it was started. It names its own file to the server's thread.
bundle=${place(bundle)}
case \${0##*/} in
  ioc) bundle=${place(other)} ;;
esac
${snapshot}[ -x "$node" ] || node=$(command -v node) || {
  echo 'iocage: node is not installed (20.19 or newer is needed)' >&2
  exit 1
}
exec "$node" "$bundle" "$@"
`;
}

/** A link beside the file, in the place of one that was there. */
function link(target, path) {
  rmSync(`${path}.new`, { force: true });
  symlinkSync(target, `${path}.new`);
  renameSync(`${path}.new`, path);
}

/** `ioc` is the same program by its other name: a link beside the launcher, and one beside the bundle. */
export function writeLauncher({ launcher, bundle, blob, beside = resolve(dirname(launcher), bundle) }) {
  mkdirSync(dirname(launcher), { recursive: true });
  writeFileSync(`${launcher}.new`, launcherText({ bundle, blob }));
  chmodSync(`${launcher}.new`, 0o755);
  renameSync(`${launcher}.new`, launcher);
  link(basename(beside), join(dirname(beside), 'ioc.cjs'));
  link(basename(launcher), join(dirname(launcher), 'ioc'));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      bundle: { type: 'string' },
      blob: { type: 'string' },
      launcher: { type: 'string' },
      root: { type: 'string', default: '/' },
    },
  });
  const { bundle, blob, launcher, root } = values;
  if (!bundle || !blob || !launcher) throw new Error('--bundle, --blob and --launcher are needed');
  const below = (path) => join(root, relative('/', resolve(path)));
  const made = makeSnapshot({ bundle: below(bundle), blob: below(blob) });
  writeLauncher({
    launcher: below(launcher),
    bundle: resolve(bundle),
    beside: below(bundle),
    blob: made ? resolve(blob) : undefined,
  });
}

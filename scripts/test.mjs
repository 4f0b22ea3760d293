/**
 * Every test, and one summary. Runs the static checks, then the projects that run anywhere, then the host
 * tests in a private ZFS; prints failures in full, skipped tests by name with the reason, and as its very
 * last line `N passed, N failed[, N skipped]`. Exit 1 when anything failed or nothing ran. A file of host tests
 * that failed beside the other lane is run once more alone; what passes then is listed as unsteady.
 *
 *   node scripts/test.mjs [--only static|portable|host] [TEXT ...]
 *
 * TEXT picks test files by a part of their path, as vitest does. `test-lines.mjs` is the reporter that it reads.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const logs = join(root, 'build', 'test');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const vitest = [process.execPath, join(root, 'node_modules', 'vitest', 'vitest.mjs')];

const words = process.argv.slice(2);
const onlyAt = words.indexOf('--only');
const only = onlyAt < 0 ? undefined : words.splice(onlyAt, 2)[1];
const wanted = (stage) => only === undefined || only === stage;

/** One row per test: { name, state: 'passed' | 'failed' | 'skipped', text } */
let results = [];
/** Rows of tests that failed and then passed alone. */
let unsteady = [];
const add = (name, state, text = '') => results.push({ name, state, text });

/**
 * Runs a command to its end; its output is kept, not shown.
 * @returns {Promise<{ status: number | null, output: string, late: boolean }>}
 */
function run(argv, { env = {}, timeoutMs = 300_000 } = {}) {
  return new Promise((done) => {
    // A group of its own, so that at the time limit all of it can be ended by id.
    const child = spawn(argv[0], argv.slice(1), {
      cwd: root,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let late = false;
    const keep = (chunk) => (output += chunk);
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const signalGroup = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It ended on its own meanwhile.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      signalGroup('SIGTERM');
      setTimeout(() => signalGroup('SIGKILL'), 10_000).unref();
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      done({ status: null, output: `${argv[0]}: ${error.message}`, late });
    });
    // `exit`, not `close`: a daemon that outlives the command may hold its pipes.
    child.on('exit', (status) => {
      clearTimeout(timer);
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        done({ status, output, late });
      }, 100);
    });
  });
}

async function stage(title, work) {
  const before = results.length;
  const began = Date.now();
  process.stdout.write(`${title} … `);
  await work();
  const count = (state) => results.slice(before).filter((row) => row.state === state).length;
  const parts = ['passed', 'failed', 'skipped'].filter((state) => count(state) > 0);
  const counts = parts.map((state) => `${count(state)} ${state}`).join(', ') || 'no tests';
  console.log(`${counts} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
}

async function check(name, argv) {
  const { status, output } = await run(argv);
  add(name, status === 0 ? 'passed' : 'failed', output.trim());
}

/** Takes the reporter's lines in; whatever went wrong without a failed test becomes a failure of its own. */
function take(projects, linesFile, { status, output, late }, timeoutMs) {
  const label = projects.join(', ');
  const lines = existsSync(linesFile) ? readFileSync(linesFile, 'utf8').split('\n').filter(Boolean) : [];
  const rows = lines.map((line) => JSON.parse(line));
  results.push(...rows);
  if (late) add(`${label}: time limit`, 'failed', `not done after ${timeoutMs / 1000} s\n${tail(output)}`);
  else if (status !== 0 && !rows.some((row) => row.state === 'failed')) {
    add(`${label}: vitest`, 'failed', tail(output) || `exit status ${status}`);
  }
}

const tail = (text) => text.trim().split('\n').slice(-60).join('\n');

async function suite(
  projects,
  { wrap = [], env = {}, timeoutMs, label = projects.join('-'), files = words },
) {
  const linesFile = join(logs, `${label}.jsonl`);
  const chosen = projects.map((name) => `--project=${name}`);
  const reporters = ['--reporter=verbose', `--reporter=${join(root, 'scripts/test-lines.mjs')}`];
  const argv = [...wrap, ...vitest, 'run', ...chosen, '--passWithNoTests', ...reporters, ...files];
  const ended = await run(argv, { env: { ...env, IOCAGE_TEST_LINES: linesFile }, timeoutMs });
  take(projects, linesFile, ended, timeoutMs);
}

/** Files that need the machine's own network, for its mirror. */
const needsMirror = ['fetch', 'packages', 'plan-packages'];
/** Files that ask nothing of the network, here rather than apart so that both lanes take as long. */
const balance = ['every-step', 'kill', 'upgrade-kill', 'upgrade', 'transfer', 'limits', 'disk', 'archives'];

/**
 * The host tests in two lanes side by side, each with a ZFS of its own, so that they do not meet: `apart` in a
 * network namespace, `here` what needs the machine's own network or makes such a namespace itself.
 */
function lanes() {
  const directory = join(root, 'test/host');
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/host/${name}`)
    .filter((path) => words.length === 0 || words.some((word) => path.includes(word)));
  const staysHere = (path) =>
    [...needsMirror, ...balance].includes(path.slice('test/host/'.length, -'.test.ts'.length)) ||
    readFileSync(join(root, path), 'utf8').includes('runsInside(');
  return { here: files.filter(staysHere), apart: files.filter((path) => !staysHere(path)) };
}

/** More files than these fail for a reason that no second run takes away. */
const mostAgain = 3;
const hasFailed = (path) => results.some((row) => row.state === 'failed' && row.name.startsWith(path));

/** Takes a file's rows out of the results. */
function setAside(path) {
  const rows = results.filter((row) => row.name.startsWith(path));
  results = results.filter((row) => !rows.includes(row));
  return rows;
}

/** Why the host tests cannot run here, or undefined. The wrapper itself is asked, so both agree. */
async function hostTestsBlockedBy() {
  const { status, output } = await run([join(root, 'test/support/with-zfs'), 'true'], { timeoutMs: 60_000 });
  if (status === 0) return undefined;
  return output.trim().split('\n').pop() || `test/support/with-zfs ended with exit status ${status}`;
}

/** The names of the host tests without running them. */
async function skipHostTests(reason) {
  const listing = join(logs, 'host-list.json');
  await run([...vitest, 'list', '--project=host', `--json=${listing}`, ...words], { timeoutMs: 120_000 });
  const listed = existsSync(listing) ? JSON.parse(readFileSync(listing, 'utf8')) : [];
  for (const test of listed) add(`${relative(root, test.file)} > ${test.name}`, 'skipped', reason);
  if (listed.length === 0) add('test/host', 'skipped', reason);
}

rmSync(logs, { recursive: true, force: true });
mkdirSync(logs, { recursive: true });

if (wanted('static')) {
  await stage('types, lint, format', async () => {
    await check('type check (tsc)', [bin('tsc'), '--noEmit', '-p', 'tsconfig.json']);
    await check('lint (oxlint)', [bin('oxlint'), '--deny-warnings']);
    await check('format (prettier)', [bin('prettier'), '--check', '--log-level=warn', '.']);
  });
}
if (wanted('portable')) {
  for (const projects of [['unit'], ['contract'], ['ops'], ['cli']]) {
    await stage(projects.join(', '), () => suite(projects, { timeoutMs: 600_000 }));
  }
}
if (wanted('host')) {
  await stage('host (real ZFS, real jails)', async () => {
    const reason = await hostTestsBlockedBy();
    if (reason !== undefined) return skipHostTests(reason);
    const limits = { env: { IOCAGE_HOST_TESTS: '1' }, timeoutMs: 4_200_000 };
    const withZfs = join(root, 'test/support/with-zfs');
    const wraps = { here: [withZfs], apart: [join(root, 'test/support/with-net'), withZfs] };
    const lane = (name, label, files) =>
      files.length > 0 && suite(['host'], { ...limits, label, files, wrap: wraps[name] });
    const files = lanes();
    await Promise.all([lane('here', 'host-here', files.here), lane('apart', 'host-apart', files.apart)]);
    const again = (name) => files[name].filter((path) => hasFailed(path));
    if (again('here').length + again('apart').length > mostAgain) return;
    for (const name of ['here', 'apart']) {
      for (const path of again(name)) {
        const before = setAside(path);
        await lane(name, `again-${path.slice('test/host/'.length)}`, [path]);
        unsteady = [...unsteady, ...before.filter((row) => row.state === 'failed' && !hasFailed(path))];
      }
    }
  });
}

const of = (state) => results.filter((row) => row.state === state);
for (const { name, text } of of('skipped')) console.log(`\nSKIPPED ${name}${text ? `\n  ${text}` : ''}`);
for (const { name, text } of unsteady)
  console.log(
    `\nUNSTEADY ${name}: passed only when its file was run again, alone\n${text.replace(/^/gm, '  ')}`,
  );
for (const { name, text } of of('failed')) console.log(`\nFAILED ${name}\n${text.replace(/^/gm, '  ')}`);

const [passed, failed, skipped] = [of('passed').length, of('failed').length, of('skipped').length];
if (passed + failed === 0) console.log('\nno test ran');
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

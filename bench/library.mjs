/**
 * What it costs another program to open the library and list the jails: next to one bare `zfs list` of the same
 * datasets and columns. Each round is a process of its own, in which the three are timed in turn; Node's start-up
 * does not count. Prints one Markdown table in milliseconds.
 *
 *   node bench/library.mjs [--jails 200] [--runs 11]      on a private, disposable pool; needs root
 *
 * Not a test: nothing here passes or fails, since a busy machine would decide.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inLab, machine, median, option } from './lab.mjs';

const jails = option('jails', 200);
const runs = option('runs', 11);
const self = fileURLToPath(import.meta.url);

/** In the measured process. `warm`: the library has listed once before. */
async function measure() {
  const started = performance.now();
  const { Host } = await import('../dist/index.js');
  const imported = performance.now();
  const host = await Host.open();
  const found = await host.jails.list().toArray();
  const listed = performance.now();
  await host.jails.list('boot=off').toArray();
  const filtered = performance.now();
  // The commands that were run, asked of the same doors.
  const { NodeExec } = await import('../dist/driver/node/exec.js');
  const { makeContext } = await import('../dist/iocage.js');
  const { runOperation } = await import('../dist/ops/run.js');
  const { jailQuery } = await import('../dist/ops/jail/query.js');
  const commands = [];
  const { read } = NodeExec.prototype;
  NodeExec.prototype.read = function (argv, options) {
    commands.push(argv);
    return read.call(this, argv, options);
  };
  const pool = process.env.IOCAGE_POOL;
  const paths = { state: process.env.IOCAGE_STATE_DIR, run: process.env.IOCAGE_RUN_DIR };
  await runOperation(makeContext({ pool, paths }), jailQuery, {});
  const bare = commands.find(([program, verb]) => program === 'zfs' && verb === 'list');
  const before = performance.now();
  const { status } = spawnSync(bare[0], bare.slice(1), { maxBuffer: 1 << 27 });
  const floor = performance.now() - before;
  if (status !== 0 || found.length !== jails)
    throw new Error(`${bare.join(' ')}: ${status}, ${found.length} jails`);
  const times = {
    load: imported - started,
    list: listed - imported,
    again: filtered - listed,
    floor,
    children: commands.length,
  };
  process.stdout.write(JSON.stringify(times));
}

if (process.env.IOCAGE_BENCH_MEASURE === '1') await measure();
else
  await inLab(4096, async ({ iocage, env }) => {
    iocage('create', '-c', String(jails), 'release=busybox', 'tag=node', 'ip4=disable');
    const rounds = [];
    for (let round = -1; round < runs; round += 1) {
      const own = { ...env, IOCAGE_BENCH_MEASURE: '1' };
      const { stdout, stderr } = spawnSync(process.execPath, [self, ...process.argv.slice(2)], {
        env: own,
        encoding: 'utf8',
      });
      if (stdout === '') throw new Error(stderr);
      if (round >= 0) rounds.push(JSON.parse(stdout));
    }
    const of = (key) => median(rounds.map((times) => times[key]));
    const row = (name, ms) => `| ${name} | ${ms.toFixed(0)} | ${(ms / of('floor')).toFixed(2)} |`;
    console.log(
      `${machine}, ${jails} jails, medians of ${runs} processes, ms; ${of('children')} child processes\n`,
    );
    console.log('| | ms | of `zfs list` |\n| --- | --: | --: |');
    console.log(row('one bare `zfs list` of the same columns', of('floor')));
    console.log(row('`Host.open` and the first `jails.list()`', of('list')));
    console.log(row('the next `jails.list()`, with a filter', of('again')));
    console.log(row('`import` of the library', of('load')));
  });

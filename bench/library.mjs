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

const turns = 5;

/** In the measured process: once cold, then in turn with the bare command. */
async function measure() {
  const started = performance.now();
  const { Host } = await import('../dist/index.js');
  const imported = performance.now();
  const host = await Host.open();
  const found = await host.jails.list().toArray();
  const first = performance.now() - imported;
  if (found.length !== jails) throw new Error(`${found.length} jails`);
  const bare = await bareCommand();
  const [again, floor] = [[], []];
  for (let turn = 0; turn < turns; turn += 1) {
    let before = performance.now();
    await host.jails.list().toArray();
    again.push(performance.now() - before);
    before = performance.now();
    const { status, stderr } = spawnSync(bare[0], bare.slice(1), { maxBuffer: 1 << 27 });
    floor.push(performance.now() - before);
    if (status !== 0) throw new Error(`${bare.join(' ')}: ${stderr}`);
  }
  const times = { load: imported - started, first, again: median(again), floor: median(floor) };
  process.stdout.write(JSON.stringify(times));
}

/** The one that the listing runs, as the doors see it. @throws when there is more than one */
async function bareCommand() {
  const { NodeExec } = await import('../dist/driver/node/exec.js');
  const { makeContext } = await import('../dist/iocage.js');
  const { runOperation } = await import('../dist/ops/run/run.js');
  const { jailQuery } = await import('../dist/ops/jail/query.js');
  const commands = [];
  const { read } = NodeExec.prototype;
  NodeExec.prototype.read = function (argv, options) {
    commands.push(argv);
    return read.call(this, argv, options);
  };
  const paths = { state: process.env.IOCAGE_STATE_DIR, run: process.env.IOCAGE_RUN_DIR };
  await runOperation(makeContext({ pool: process.env.IOCAGE_POOL, paths }), jailQuery, {});
  if (commands.length !== 1) throw new Error(`${commands.length} child processes`);
  return commands[0];
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
    console.log(`${machine}, ${jails} jails, one child process, medians of ${runs} processes, ms\n`);
    console.log('| | ms | of `zfs list` |\n| --- | --: | --: |');
    console.log(row('one bare `zfs list` of the same columns', of('floor')));
    console.log(row('`jails.list()`', of('again')));
    console.log(row('`Host.open()` and the first `jails.list()` of a process', of('first')));
    console.log(row('`import` of the library', of('load')));
  });

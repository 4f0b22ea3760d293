/**
 * Throughput of export and import next to bare `tar | zstd` and `zstd -d | tar` on the same pool and the
 * same files, run in turn. Prints one Markdown table; MB/s of the files' content, and the part of the
 * bare commands' throughput that is reached.
 *
 *   node bench/images.mjs [--mb 400] [--runs 5]      on a private, disposable pool; needs root
 *
 * Not a test: nothing here passes or fails, since a busy machine would decide.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inLab, machine, median, option } from './lab.mjs';

const megabytes = option('mb', 400);
const runs = option('runs', 5);

/** zfs-fuse calls a dataset busy for a moment after somebody wrote to it. */
function patiently(...argv) {
  for (let tries = 1; ; tries += 1) {
    if (spawnSync(argv[0], argv.slice(1)).status === 0) return;
    if (tries === 40) throw new Error(`${argv.join(' ')} failed`);
    spawnSync('sleep', ['0.1']);
  }
}
function seconds(action) {
  const started = performance.now();
  action();
  return (performance.now() - started) / 1000;
}
await inLab(megabytes * 8 + 2048, async ({ must, iocage, pool, directory }) => {
  /** The words are this file's own. */
  const shell = (line) => must('sh', '-ec', line);
  iocage('create', '-e', '-n', 'source');
  const root = join(directory, 'pool/iocage/jails/source/root');
  // What a jail holds: files of this machine, some large and many small ones, until there is enough.
  const sources = ['/usr/lib', '/usr/share', '/usr/bin'];
  mkdirSync(join(root, 'usr'));
  for (let copy = 0, size = 0; size < megabytes; copy += 1) {
    const to = join(root, 'usr', String(copy));
    mkdirSync(to);
    const from = sources[copy % sources.length];
    shell(
      `tar -C ${from} -cf - --exclude='*/node_modules/*' . | head -c ${(megabytes / 2) | 0}M | tar -C ${to} -xf - 2>/dev/null || true`,
    );
    size = Number(must('du', '-sm', '--apparent-size', root).split('\t')[0]);
  }
  const size = Number(must('du', '-sm', '--apparent-size', root).split('\t')[0]);
  const files = Number(shell(`find ${root} | wc -l`));
  const archive = join(directory, 'pool/iocage/bare.tar.zst');
  const times = { export: [], bareExport: [], import: [], bareImport: [] };
  for (let round = -1; round < runs; round += 1) {
    const take = (what, action) => {
      const took = seconds(action);
      if (round >= 0) times[what].push(took);
    };
    take('bareExport', () => shell(`tar -C ${root} -cf - . | zstd -q -T0 -f -o ${archive} -`));
    take('export', () => iocage('export', 'source'));
    must('zfs', 'create', `${pool}/bare`);
    take('bareImport', () => shell(`zstd -dcq ${archive} | tar -C ${directory}/pool/bare -xpf -`));
    patiently('zfs', 'destroy', '-r', `${pool}/bare`);
    take('import', () => iocage('import', 'source', '-n', 'copy'));
    iocage('destroy', '-f', 'copy');
  }
  console.log(`${machine}; ${size} MB in ${files} files, medians of ${runs} runs in turn\n`);
  console.log('| | MB/s | bare, MB/s | of bare |');
  console.log('| --- | --: | --: | --: |');
  for (const [what, bare] of [
    ['export', 'bareExport'],
    ['import', 'bareImport'],
  ]) {
    const [ours, theirs] = [median(times[what]), median(times[bare])];
    console.log(
      `| ${what} | ${(size / ours).toFixed(1)} | ${(size / theirs).toFixed(1)} | ${(theirs / ours).toFixed(2)} |`,
    );
  }
});

/**
 * How long it takes until all jails of a host are up, and down again: `rcboot` and `rcshutdown` one after the
 * other, and side by side; next to a command for each jail. Prints one Markdown table in seconds.
 *
 *   node bench/boot.mjs [--jails 50] [--runs 3]      on a private, disposable pool; needs root
 *
 * Not a test: nothing here passes or fails, since a busy machine would decide.
 */
import { inLab, machine, median, option } from './lab.mjs';

const jails = option('jails', 50);
const runs = option('runs', 3);

await inLab(4096, async ({ iocage }) => {
  iocage('create', '-c', String(jails), 'release=busybox', 'tag=boot', 'ip4=disable', 'boot=on');
  const names = iocage('list', '-h')
    .trim()
    .split('\n')
    .map((line) => line.split('\t')[1]);
  const each = (verb) => () => names.forEach((name) => iocage(verb, name));
  const ways = [
    ['a command for each jail', each('start'), each('stop')],
    [
      'one after the other (`-j 1`)',
      () => iocage('rcboot', '-j', '1'),
      () => iocage('rcshutdown', '-j', '1'),
    ],
    ['side by side (`-j 2`)', () => iocage('rcboot', '-j', '2'), () => iocage('rcshutdown', '-j', '2')],
    ['side by side (`-j 4`)', () => iocage('rcboot', '-j', '4'), () => iocage('rcshutdown', '-j', '4')],
  ];
  const seconds = (action) => {
    const started = performance.now();
    action();
    return (performance.now() - started) / 1000;
  };
  const times = ways.map(() => ({ up: [], down: [] }));
  for (let round = 0; round < runs; round += 1) {
    for (const [index, [, start, stop]] of ways.entries()) {
      times[index].up.push(seconds(start));
      times[index].down.push(seconds(stop));
    }
  }
  console.log(`${machine}; ${names.length} jails, medians of ${runs} runs in turn, seconds\n`);
  console.log('| | all up | all down |\n| --- | --: | --: |');
  for (const [index, [name]] of ways.entries()) {
    const { up, down } = times[index];
    console.log(`| ${name} | ${median(up).toFixed(1)} | ${median(down).toFixed(1)} |`);
  }
});

/**
 * How long commands take, side by side with their floor: the bare `zfs` and runtime commands that do
 * the same, run in turn on the same pool. Prints Markdown tables of medians in milliseconds.
 *
 *   npm run bench                  on a private, disposable, file-backed pool; needs root
 *   npm run bench -- --jails 10,50 --runs 7
 *
 * Not a test: nothing here passes or fails, since a busy machine would decide.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { here, inLab, machine, median, option } from './lab.mjs';

const runs = option('runs', 11);
const sizes = option('jails', '10,50,200').split(',').map(Number);
const iocage = (...words) => [join(here, 'bin/iocage'), ...words];

await inLab(4096, async ({ must: run, pool, directory, env }) => {
  const must = (argv) => run(...argv);

  /** Milliseconds of the commands together. */
  function time(commands) {
    const started = performance.now();
    for (const argv of commands) must(argv);
    return performance.now() - started;
  }

  /** Runs the subjects in turn, round by round, so that a busy moment hits them all. */
  function compare(subjects, rounds = runs) {
    const times = new Map(subjects.map(({ name }) => [name, []]));
    for (let round = -1; round < rounds; round += 1) {
      for (const { name, before, commands, after } of subjects) {
        before?.(round);
        const ms = time(commands(round));
        after?.(round);
        if (round >= 0) times.get(name).push(ms);
      }
    }
    return new Map([...times].map(([name, values]) => [name, median(values)]));
  }

  const ms = (value) => (value === undefined ? '' : value.toFixed(value < 10 ? 1 : 0));

  function table(head, rows) {
    console.log(`| ${head.join(' | ')} |`);
    console.log(`| ${head.map((_, i) => (i === 0 ? '---' : '--:')).join(' | ')} |`);
    for (const row of rows) console.log(`| ${row.join(' | ')} |`);
    console.log('');
  }

  /** Child processes that an operation starts, counted by the one place that starts them. */
  async function children(operation, input) {
    const { makeContext } = await import('../dist/iocage.js');
    const { getOperation } = await import('../dist/ops/index.js');
    const { runOperation } = await import('../dist/ops/run/run.js');
    const context = makeContext({ pool, paths: { state: env.IOCAGE_STATE_DIR, run: env.IOCAGE_RUN_DIR } });
    await runOperation(context, getOperation(operation), input);
    return context.exec.spawned;
  }

  console.log(`${machine}, medians of ${runs} runs in turn, ms\n`);

  const startUp = compare(
    [
      { name: 'node', commands: () => [[process.execPath, '-e', '0']] },
      { name: 'snapshot', commands: () => [iocage('version')] },
      { name: 'bundle', commands: () => [[process.execPath, join(here, 'build/iocage.cjs'), 'version']] },
    ],
    runs * 2 + 1,
  );
  const node = startUp.get('node');
  console.log('### Start-up\n');
  table(
    ['', 'ms', 'of `node -e 0`'],
    [
      ['`node -e 0`', ms(node), '1.00'],
      ['`iocage version`', ms(startUp.get('snapshot')), (startUp.get('snapshot') / node).toFixed(2)],
      [
        'the bundle, without the start-up snapshot',
        ms(startUp.get('bundle')),
        (startUp.get('bundle') / node).toFixed(2),
      ],
    ],
  );

  // ---- changing commands, on an almost empty pool
  const top = `${pool}/iocage`;
  const release = `${top}/releases/busybox/root`;
  const name = (round, which) => `${which}${round + 1}`;
  const crun = ['crun', '--root', join(env.IOCAGE_RUN_DIR, pool, 'crun')];
  let changing = compare([
    {
      name: 'create',
      commands: (round) => [iocage('create', '-c', 'release=busybox', '-n', name(round, 'a'), 'ip4=disable')],
    },
    {
      name: 'create floor',
      commands: (round) => [
        ['zfs', 'create', `${top}/jails/${name(round, 'b')}`],
        ['zfs', 'snapshot', `${release}@${name(round, 'b')}`],
        ['zfs', 'clone', `${release}@${name(round, 'b')}`, `${top}/jails/${name(round, 'b')}/root`],
      ],
    },
    { name: 'start', commands: (round) => [iocage('start', name(round, 'a'))] },
    { name: 'stop', commands: (round) => [iocage('stop', name(round, 'a'))] },
    { name: 'destroy', commands: (round) => [iocage('destroy', '-f', name(round, 'a'))] },
    {
      name: 'destroy floor',
      commands: (round) => [
        ['zfs', 'unmount', `${top}/jails/${name(round, 'b')}/root`],
        ['zfs', 'unmount', `${top}/jails/${name(round, 'b')}`],
        ['zfs', 'destroy', '-r', `${top}/jails/${name(round, 'b')}`],
        ['zfs', 'destroy', `${release}@${name(round, 'b')}`],
      ],
    },
  ]);

  // The runtime's own floor: the bundle that iocage made, started by hand.
  must(iocage('create', '-c', 'release=busybox', '-n', 'floor', 'ip4=disable'));
  must(iocage('start', 'floor'));
  const bundle = join(env.IOCAGE_RUN_DIR, pool, 'bundle', 'floor');
  const saved = join(directory, 'bundle');
  must(['cp', '-a', bundle, saved]);
  // The bundle names its own files by their full path, and is gone after the stop.
  const config = join(saved, 'config.json');
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(`${bundle}/`, `${saved}/`));
  must(iocage('stop', 'floor'));
  const hybrid = must(['cat', '/proc/self/mounts']).includes(' /sys/fs/cgroup/unified cgroup2');
  const wrap = hybrid
    ? [
        'unshare',
        '--mount',
        '--propagation',
        'private',
        'sh',
        '-c',
        'umount /sys/fs/cgroup/unified; exec "$@"',
        'crun',
      ]
    : [];
  const log = join(directory, 'log');
  writeFileSync(log, '');
  const runtime = compare([
    {
      name: 'start floor',
      commands: () => [
        [
          ...wrap,
          'sh',
          '-c',
          'exec "$@" </dev/null >/dev/null 2>&1',
          'crun',
          ...crun,
          'run',
          '-d',
          '-b',
          saved,
          'ioc-floor',
        ],
        [...crun, 'exec', 'ioc-floor', '/bin/sh', '/etc/rc'],
        ['zfs', 'set', 'org.freebsd.iocage:last_started=2001-01-01_00:00:00', `${top}/jails/floor`],
      ],
    },
    {
      name: 'stop floor',
      commands: () => [
        [...crun, 'exec', 'ioc-floor', '/bin/sh', '/etc/rc.shutdown'],
        [...crun, 'delete', '-f', 'ioc-floor'],
      ],
    },
  ]);
  changing = new Map([...changing, ...runtime]);
  console.log('### Changing commands\n');
  const changes = [
    [
      'create',
      'zfs create, snapshot, clone',
      'jail.create',
      { kind: 'clone', release: 'busybox', name: 'count' },
    ],
    ['start', 'crun run, exec of /etc/rc, zfs set last_started', 'jail.start', { jail: 'count' }],
    ['stop', 'crun exec of /etc/rc.shutdown, delete', 'jail.stop', { jail: 'count' }],
    ['destroy', 'zfs unmount, destroy', 'jail.destroy', { jail: 'count' }],
  ];
  const changeRows = [];
  for (const [key, floorText, operation, input] of changes) {
    const own = changing.get(key);
    const floor = changing.get(`${key} floor`);
    const count = await children(operation, {
      ...input,
      ...(key === 'create' ? { properties: [['ip4', 'disable']] } : {}),
    });
    changeRows.push([
      `\`iocage ${key}\``,
      ms(own),
      `${ms(floor)} (${floorText})`,
      ms(own - node),
      ((own - node) / floor).toFixed(2),
      count,
    ]);
  }
  table(['', 'ms', 'floor', "less Node's start", 'of the floor', 'child processes'], changeRows);

  // ---- reading commands, as the pool fills
  console.log('### Reading commands\n');
  const rows = [];
  let made = 1;
  for (const size of sizes) {
    if (size > made) {
      must(
        iocage('create', '-c', `count=${size - made}`, 'release=busybox', `tag=fill${size}`, 'ip4=disable'),
      );
    }
    made = size;
    const subjects = [
      [
        'list',
        ['list', '-H'],
        ['zfs', 'list', '-H', '-d', '1', '-o', 'name,org.freebsd.iocage:tag', `${top}/jails`],
        'jail.list',
        {},
      ],
      [
        'get all',
        ['get', 'all', 'floor'],
        ['zfs', 'get', '-H', 'all', `${top}/jails/floor`],
        'property.get',
        { key: 'all', jail: 'floor' },
      ],
      [
        'get -r',
        ['get', '-r', 'boot', '-H'],
        ['zfs', 'get', '-H', '-d', '1', 'org.freebsd.iocage:boot', `${top}/jails`],
        'property.get',
        { key: 'boot', recursive: true },
      ],
      [
        'df',
        ['df', '-H'],
        [
          'zfs',
          'list',
          '-H',
          '-d',
          '1',
          '-o',
          'name,compressratio,reservation,quota,used,available',
          `${top}/jails`,
        ],
        'jail.df',
        {},
      ],
    ];
    const figures = compare(
      subjects.flatMap(([key, words, floor]) => [
        { name: key, commands: () => [iocage(...words)] },
        { name: `${key} floor`, commands: () => [floor] },
      ]),
    );
    for (const [key, , , operation, input] of subjects) {
      const own = figures.get(key);
      const floor = figures.get(`${key} floor`);
      rows.push([
        `\`iocage ${key}\``,
        size,
        ms(own),
        ms(floor),
        ms(own - node),
        await children(operation, input),
      ]);
    }
  }
  table(['', 'jails', 'ms', 'floor', "less Node's start", 'child processes'], rows);
});

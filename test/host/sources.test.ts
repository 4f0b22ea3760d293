/**
 * Several sources on real ZFS with real containers: the how-tos of docs/sources.md as they stand there, two roots
 * of one pool and one of another, jails of one name that run at once, moves that are killed, and a pool that is gone.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeContext } from '../../src/iocage.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { commandIn, commandPath, type Command } from '../support/command.ts';
import { killingIn } from '../support/killing.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { makePool, type TestPool } from '../support/pool.ts';
import { layBusyboxRoot } from '../support/release.ts';

const page = 'docs/sources.md';
const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), 'utf8');
const blocks = new Map(
  [...text.matchAll(/<!-- how-to: ([^;]+);[^>]*-->\s*```sh\n([^]*?)```/g)].map(
    ([, name = '', block = '']) => [name, block.split('\n').filter((line) => line !== '')] as const,
  ),
);

describe.skipIf(!hostTests)(`sources${reason}`, { timeout: 300_000 }, () => {
  let lab: Lab;
  let vault: TestPool;
  let iocage: Command;
  let environment: Record<string, string>;
  let rcConf: string;
  let shown: string[] = [];

  beforeAll(async () => {
    lab = await openLab();
    vault = makePool(1024);
    rcConf = join(lab.pool.directory, 'rc.conf');
    writeFileSync(rcConf, '# sources of jails\n');
    const { IOCAGE_POOL: _, ...rest } = lab.environment;
    environment = { ...rest, IOCAGE_RC_CONF: rcConf };
    iocage = commandIn(environment);
    const bin = join(lab.pool.directory, 'bin');
    mkdirSync(bin);
    symlinkSync(commandPath, join(bin, 'iocage'));
  });
  afterAll(async () => {
    iocage('stop', 'ALL');
    await lab.close();
    vault.destroy();
  });

  const ok = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran.status, `${words.join(' ')}: ${ran.stderr}`).toBe(0);
    return ran.stdout;
  };
  const refused = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran.status, words.join(' ')).not.toBe(0);
    return ran.stderr;
  };
  /** A block of the page, as it stands there; its pools are tank and vault. */
  const follow = (name: string): void => {
    for (const line of blocks.get(name)!) {
      const typed = line
        .replaceAll(/\btank\//g, `${lab.pool.name}/`)
        .replaceAll(/\bvault\//g, `${vault.name}/`)
        .replaceAll('/etc/iocage/rc.conf', rcConf);
      const ran = spawnSync('sh', ['-c', typed], {
        encoding: 'utf8',
        env: {
          ...environment,
          HOME: lab.pool.directory,
          IOCAGE_PROGRESS: 'never',
          PATH: `${join(lab.pool.directory, 'bin')}:${dirname(process.execPath)}:${process.env['PATH']}`,
          LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '',
        },
      });
      expect(ran.status, `${line}\n${ran.stdout}${ran.stderr}`).toBe(0);
      shown.push(ran.stdout);
    }
  };
  const prepare = async (source: string): Promise<void> => {
    const context = makeContext({ source, paths: { ...lab.paths, rcConf } });
    const file = join(lab.pool.directory, 'busybox.tar');
    await runOperation(context, getOperation('release.fetch'), { release: 'busybox', file });
    ok('--source', source, 'set', 'ip4=disable', 'default');
  };
  const states = (): readonly string[] =>
    ok('list', '-H')
      .trim()
      .split('\n')
      .map((line) => line.split('\t').slice(1, 3).join(' '));
  const rootOf = (source: 'main' | 'old' | 'far', jail: string): string => {
    const root = {
      main: join(lab.pool.directory, 'pool/iocage'),
      old: join(lab.pool.directory, 'pool/jails/old'),
      far: join(vault.directory, 'pool/jails'),
    }[source];
    return join(root, 'jails', jail, 'root');
  };

  it('two sources from rc.conf; one is made ready', async () => {
    // A jail of the time before there were sources: it runs, and is found.
    await lab.run('jail.create', {
      kind: 'clone',
      release: 'busybox',
      name: 'before',
      properties: [['ip4', 'disable']],
    });
    await lab.run('jail.start', { jail: 'before' });
    follow('two sources');
    expect(shown.at(-2)).toBe(
      `source: main ${lab.pool.name}/iocage\nsource: old ${lab.pool.name}/jails/old\n`,
    );
    expect(states()).toEqual(['main/before up']);
    ok('stop', 'before');
    ok('destroy', '-f', 'before');
    expect(refused('activate', lab.pool.name)).toContain('has no effect');
    await prepare('old');
    ok('--source', 'main', 'set', 'ip4=disable', 'default');
  });

  it('jails of one name run at once, in one pool', () => {
    follow('jails of one name');
    expect(states()).toEqual(['main/web up', 'old/web up']);
    const pids = (JSON.parse(ok('list', '--json')) as { jails: { jid: number }[] }).jails.map(
      ({ jid }) => jid,
    );
    expect(new Set(pids).size).toBe(2);
    writeFileSync(join(rootOf('main', 'web'), 'who'), 'main\n');
    writeFileSync(join(rootOf('old', 'web'), 'who'), 'old\n');
    expect(ok('exec', 'web', 'cat', '/who')).toBe('main\n');
    expect(ok('exec', 'old/web', 'cat', '/who')).toBe('old\n');
    expect(readdirSync(lab.paths.run)).toEqual(
      expect.arrayContaining([lab.pool.name, `${lab.pool.name}+jails+old`]),
    );
    ok('stop', 'main/web');
    expect(states()).toEqual(['main/web down', 'old/web up']);
    expect(refused('destroy', '-f', '--source', 'none', 'web')).toContain('no source');
    ok('start', 'main/web');
    expect(ok('doctor')).toBe('Nothing to mend.\n');
    ok('restart', 'old/web');
    expect(states()).toEqual(['main/web up', 'old/web up']);
  });

  it('ioc says which of them each line is about; JSON too', () => {
    const ioc = commandIn(environment, join(dirname(commandPath), 'ioc'));
    const said = (...words: readonly string[]): string => {
      const ran = ioc(...words);
      expect(ran.status, `${words.join(' ')}: ${ran.stderr}`).toBe(0);
      return ran.stdout;
    };
    expect(said('set', 'notes=x', 'web')).toBe('main/web updated: notes\nold/web updated: notes\n');
    expect(said('set', 'notes', 'old/web')).toBe('old/web updated: notes\n');
    expect(JSON.parse(said('--json', 'set', 'notes=none', 'old/web'))).toMatchObject({ source: 'old' });
    expect(said('create', '-nb', '-r', 'busybox', 'old/new')).toContain('old/new successfully created');
    expect(said('clone', 'old/new', 'main/near')).toContain('main/near successfully cloned from old/new');
    expect(said('rename', 'old/new', 'newer')).toContain('old/new renamed to old/newer');
    expect(said('destroy', '-f', 'newer', 'near')).toMatch(/near destroyed\n.*newer destroyed\n$/);
  });

  it('clone and move on one pool', () => {
    expect(refused('move', 'old/web', 'main')).toContain('iocage --source old stop web');
    ok('stop', 'old/web');
    expect(refused('move', 'old/web', 'main')).toContain('already');
    ok('start', 'old/web');
    follow('clone and move');
    expect(states()).toEqual(['main/copy down', 'main/web up', 'main/www down']);
    expect(readFileSync(join(rootOf('main', 'www'), 'who'), 'utf8')).toBe('old\n');
    expect(readFileSync(join(rootOf('main', 'copy'), 'who'), 'utf8')).toBe('old\n');
    ok('start', 'www');
    expect(ok('exec', 'www', 'cat', '/who')).toBe('old\n');
    ok('stop', 'www');
  });

  it('to another pool, with its snapshots', () => {
    ok('snapshot', 'copy@kept');
    follow('to another pool');
    expect(states()).toEqual(['far/copy up', 'main/web up', 'main/www down']);
    expect(ok('exec', 'copy', 'cat', '/who')).toBe('old\n');
    expect(
      sh('zfs', 'list', '-H', '-t', 'snapshot', '-o', 'name', '-r', `${vault.name}/jails/jails/copy`),
    ).toBe(`${vault.name}/jails/jails/copy@kept\n${vault.name}/jails/jails/copy/root@kept\n`);
    expect(existsSync(rootOf('main', 'copy'))).toBe(false);
    ok('stop', 'copy');
  });

  it('a jail of another tool goes along with its file', () => {
    const dataset = `${lab.pool.name}/iocage/jails/theirs`;
    sh('zfs', 'create', dataset);
    sh('zfs', 'create', `${dataset}/root`);
    layBusyboxRoot(rootOf('main', 'theirs'));
    const config = '{"id": "theirs",  "release": "busybox", "future": [1, 2.50], "notes": "kept"}\n';
    const fileOf = (source: 'main' | 'far'): string => join(rootOf(source, 'theirs'), '../config.json');
    writeFileSync(fileOf('main'), config, { mode: 0o640 });
    // On one pool it is renamed, to another one sent.
    for (const source of ['old', 'main', 'far'] as const) {
      ok('move', 'theirs', source);
      expect(states()).toContain(`${source}/theirs down`);
    }
    expect(readFileSync(fileOf('far'), 'utf8')).toBe(config);
    expect(statSync(fileOf('far')).mode & 0o777).toBe(0o640);
    expect(ok('get', 'notes', 'far/theirs')).toBe('kept\n');
    ok('start', 'theirs');
    expect(ok('exec', 'theirs', 'hostname')).toBe('theirs\n');
    ok('stop', 'theirs');
    expect(refused('clone', 'theirs', '-n', 'main/copied')).toContain('migrate theirs');
    expect(refused('rename', 'theirs', 'other')).toContain('migrate theirs');
    expect(readFileSync(fileOf('far'), 'utf8')).toBe(config);
    ok('destroy', '-f', 'theirs');
  });

  it('a move that is killed at any mark goes on', async () => {
    const dying = await killingIn({ pool: lab.pool, environment });
    let [from, to]: ['far' | 'main', 'far' | 'main'] = ['far', 'main'];
    let killed = 0;
    // Some of them, there and back again.
    for (let at = 0; ; at += 4) {
      const ended = dying('jail.move', { jail: 'copy', source: to }, at, 'after');
      if (ended.status === 0) break;
      expect(ended.signal, ended.stderr).toBe('SIGKILL');
      killed += 1;
      ok('doctor');
      const now = states();
      // Before its first step there was nothing to go on with.
      if (now.includes(`${from}/copy down`)) expect(at).toBe(0);
      else [from, to] = [to, from];
      expect(now).toContain(`${from}/copy down`);
      expect(readFileSync(join(rootOf(from, 'copy'), 'who'), 'utf8')).toBe('old\n');
      expect(ok('doctor')).toBe('Nothing to mend.\n');
    }
    expect(killed).toBeGreaterThan(8);
    expect(readFileSync(join(rootOf(to, 'copy'), 'who'), 'utf8')).toBe('old\n');
    ok('start', 'copy');
    ok('stop', 'copy');
    if (to === 'main') ok('move', 'copy', 'far');
  });

  it('a move that is killed while it sends goes on', async () => {
    execFileSync(
      'dd',
      ['if=/dev/urandom', `of=${join(rootOf('far', 'copy'), 'big')}`, 'bs=1M', 'count=160'],
      {
        stdio: 'ignore',
      },
    );
    const sum = (path: string): string =>
      execFileSync('sha256sum', ['-b'], { input: readFileSync(path) }).toString();
    const before = sum(join(rootOf('far', 'copy'), 'big'));
    const moving = iocage.start('move', 'copy', 'main');
    const place = `${lab.pool.name}/iocage/receiving/copy`;
    const isThere = (dataset: string): boolean => spawnSync('zfs', ['list', dataset]).status === 0;
    while (!isThere(`${place}/root`) && moving.child.exitCode === null) await setTimeout(20);
    moving.child.kill('SIGKILL');
    expect((await moving.ended).signal).toBe('SIGKILL');
    expect(isThere(`${lab.pool.name}/iocage/jails/copy`)).toBe(false);
    expect(existsSync(rootOf('main', 'copy'))).toBe(false);
    expect(refused('start', 'copy')).toContain('interrupted');
    ok('doctor');
    expect(states()).toContain('main/copy down');
    expect(sum(join(rootOf('main', 'copy'), 'big'))).toBe(before);
    expect(isThere(`${vault.name}/jails/jails/copy`)).toBe(false);
    ok('move', 'copy', 'far');
  });

  it('a pool that is exported, and a root that is not mounted, keep nothing from the others', () => {
    sh('zpool', 'export', vault.name);
    const ran = iocage('list', '-H');
    expect(ran.stdout).toContain('main/web\tup');
    expect(ran.stderr).toContain(`source far is left out: pool ${vault.name} of source far is not imported`);
    expect(ran.status).toBe(0);
    expect(JSON.parse(ok('list', '--json'))).toMatchObject({ unread: [{ source: 'far' }] });
    ok('stop', 'web');
    expect(refused('start', 'far/copy')).toContain('not imported');
    // It may be there: nothing else is taken for it.
    expect(refused('start', 'copy')).toContain('may be in source far');
    sh('zpool', 'import', '-d', vault.directory, vault.name);
    expect(states()).toContain('far/copy down');

    for (const dataset of ['jails/copy/root', 'jails/copy'])
      sh('zfs', 'unmount', `${vault.name}/jails/${dataset}`);
    expect(states()).toContain('far/copy CORRUPT');
    sh('zfs', 'mount', `${vault.name}/jails/jails/copy`);
    sh('zfs', 'mount', `${vault.name}/jails/jails/copy/root`);
    ok('start', 'far/copy');
    ok('start', 'ALL');
    ok('rcshutdown');
    expect(states()).toEqual(['far/copy down', 'main/web down', 'main/www down']);
  });

  it('listing takes one more child process for each source, whatever the number of jails', () => {
    const children = (...words: readonly string[]): number =>
      Number(/iocage: (\d+) child/.exec(iocage(...words, '-D').stderr)?.[1]);
    const one = children('--source', 'main', 'list');
    expect(children('list') - one).toBeLessThanOrEqual(2 * one);
  });
});

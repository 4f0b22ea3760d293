/** history, debug and clean -d through the real command, on real ZFS with real containers. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { killingIn } from '../support/killing.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

interface Past {
  readonly operation: string;
  readonly subject: string;
  readonly outcome: string;
  readonly error: string | null;
  readonly by: { uid: number; as?: string };
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
}

describe.skipIf(!hostTests)(`history and debug${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
  });
  afterAll(() => lab.close());

  const history = (...words: readonly string[]): readonly Past[] =>
    (JSON.parse(iocage('history', '--json', ...words).stdout) as { operations: readonly Past[] }).operations;

  it('history: when, who, what and how it ended, also of a jail that is gone', () => {
    const bySudo = commandIn({ ...lab.environment, SUDO_USER: 'alice' });
    expect(bySudo('create', '-c', '-n', 'web', 'release=busybox', 'ip4=disable')).toMatchObject({
      status: 0,
    });
    expect(iocage('set', 'exec_prestart=false', 'web')).toMatchObject({ status: 0 });
    expect(iocage('start', 'web')).toMatchObject({ status: 1 });
    expect(iocage('snapshot', 'web@one')).toMatchObject({ status: 0 });
    expect(iocage('create', '-e', '-n', 'other')).toMatchObject({ status: 0 });
    expect(iocage('destroy', '-f', 'web')).toMatchObject({ status: 0 });

    const of = history('web');
    expect(of.map(({ operation, outcome }) => `${operation} ${outcome}`)).toEqual([
      'jail.destroy done',
      'snapshot.take done',
      'jail.start failed',
      'property.set done',
      'jail.create done',
    ]);
    expect(of.map(({ by }) => by.as ?? by.uid)).toEqual([0, 0, 0, 0, 'alice']);
    expect(of[2]!.error).toContain('false');
    for (const { startedAt, endedAt, durationMs } of of) {
      expect(Math.abs(Date.now() - Date.parse(startedAt))).toBeLessThan(120_000);
      expect(durationMs).toBe(Date.parse(endedAt!) - Date.parse(startedAt));
    }
    expect(history('-n', '1').map(({ subject }) => subject)).toEqual(['web']);
    expect(history().length).toBeGreaterThan(of.length);

    const shown = iocage('history', 'web');
    expect(shown.stdout).toMatch(/\| +WHEN +\| +BY +\| +OPERATION +\|/);
    expect(shown.stdout).toMatch(/\| alice \| jail\.create/);
    expect(shown.stdout).toMatch(/\| root {2}\| jail\.start +\| web +\| [\d.]+ s +\| failed: /);
    expect(iocage('history', '-H', 'web').stdout.trim().split('\n')[0]!.split('\t')).toHaveLength(6);
    expect(iocage('history', '-n', 'many')).toMatchObject({ status: 2 });
    expect(iocage('history', 'a', 'b')).toMatchObject({ status: 2 });
    expect(history('nobody')).toEqual([]);
    expect(iocage('destroy', '-f', 'other')).toMatchObject({ status: 0 });
  });

  it('history works without a pool', () => {
    const alone = commandIn({ ...lab.environment, IOCAGE_POOL: 'none-such' });
    expect(alone('history', 'web', '-H').stdout).toContain('jail.destroy');
  });

  it('debug: one file for root alone with everything, secrets removed; again is another file; clean -d', () => {
    const secret = 'hunter2';
    expect(
      iocage(
        'create',
        '-c',
        '-n',
        'web',
        'release=busybox',
        'ip4=disable',
        `notes=see https://me:${secret}@example.org/ with token=${secret}`,
      ),
    ).toMatchObject({ status: 0 });
    expect(iocage('start', 'web')).toMatchObject({ status: 0 });
    writeFileSync(
      join(lab.pool.directory, 'pool/iocage/log/web-console.log'),
      `${'x'.repeat(200)}\n`.repeat(5000) + `PASSWORD=${secret}\nthe last line\n`,
    );
    const ran = iocage('debug');
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    const file = /^Report: (.*)$/m.exec(ran.stdout)![1]!;
    expect(file.startsWith(join(lab.paths.state, 'debug/iocage-debug-'))).toBe(true);
    expect(ran.stderr).toContain('look through it before you attach it');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(lab.paths.state, 'debug')).mode & 0o777).toBe(0o700);
    const text = readFileSync(file, 'utf8');
    for (const says of [
      /^IOCAGE\n-{10}\niocage \d/m,
      /^UNAME -SRM\n-{10}\nLinux /m,
      /^ZFS\n-{10}\n\{"flavour"/m,
      new RegExp(`pool ${lab.pool.name}: ONLINE, activated by property`),
      /iocage\/jails\/web\/root used=/,
      /^up web jid=\d+/m,
      /^JAIL WEB\n-{10}\ndataset .*\n/m,
      /notes=see https:\/\/\[removed\]@example\.org\/ with token=\[removed\]/,
      /^the last line$/m,
      /^INTERRUPTED OPERATIONS\n/m,
      /jail\.start of web: done/,
    ])
      expect(text).toMatch(says);
    expect(text).not.toContain(secret);
    expect(text.length).toBeLessThan(200_000);

    const json = JSON.parse(iocage('debug', '--json').stdout) as {
      file: string;
      report: { title: string }[];
    };
    expect(json.file).not.toBe(file);
    expect(json.report.map(({ title }) => title)).toEqual(
      expect.arrayContaining(['iocage', 'zfs', 'datasets', 'jails', 'jail web', 'last operations']),
    );
    const elsewhere = join(lab.pool.directory, 'given');
    expect(iocage('debug', '-d', elsewhere).stdout).toContain(elsewhere);
    expect(readdirSync(elsewhere)).toHaveLength(1);

    const other = join(lab.paths.state, 'debug/mine.txt');
    writeFileSync(other, 'mine\n');
    expect(iocage('clean', '-d')).toMatchObject({ status: 1 });
    expect(iocage('clean', '-d', '-j')).toMatchObject({ status: 2 });
    expect(existsSync(file)).toBe(true);
    const cleaned = iocage('clean', '--debug', '-f');
    expect(cleaned, cleaned.stderr).toMatchObject({ status: 0 });
    expect(cleaned.stdout).toContain(`Removed: ${file}`);
    expect(readdirSync(join(lab.paths.state, 'debug'))).toEqual(['mine.txt']);
    expect(iocage('destroy', '-f', 'web')).toMatchObject({ status: 0 });
  });

  it('debug tells of what was interrupted, by the names of the steps and not by what they hold', async () => {
    const killed = await killingIn(lab);
    const input = {
      kind: 'clone',
      release: 'busybox',
      name: 'cut',
      properties: [['notes', 'private-words']],
    };
    expect(killed('jail.create', input, 3, 'after').signal).toBe('SIGKILL');
    const [newest] = history();
    expect(newest).toMatchObject({ operation: 'jail.create', outcome: 'interrupted', endedAt: null });
    const { file } = JSON.parse(iocage('debug', '--json').stdout) as { file: string };
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(
      /INTERRUPTED OPERATIONS\n-{10}\n.* jail\.create of cut: interrupted\n {2}0 dataset\.create: /,
    );
    expect(text.slice(text.indexOf('INTERRUPTED'))).not.toContain('private-words');
    expect(iocage('doctor')).toMatchObject({ status: 0 });
    expect(history('cut')[0]).toMatchObject({ operation: 'jail.create', outcome: 'undone' });
  });

  it('debug works without a pool, and writes through no link', () => {
    const alone = commandIn({ ...lab.environment, IOCAGE_POOL: 'none-such' });
    const ran = alone('debug');
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    const text = readFileSync(/^Report: (.*)$/m.exec(ran.stdout)![1]!, 'utf8');
    expect(text).toContain('(not readable: pool "none-such" not found)');
    expect(text).toContain('LAST OPERATIONS');

    mkdirSync(join(lab.pool.directory, 'real'));
    symlinkSync('nowhere/at/all', join(lab.pool.directory, 'link'));
    const refused = iocage('debug', '-d', join(lab.pool.directory, 'link'));
    expect(refused).toMatchObject({ status: 1 });
    expect(existsSync(join(lab.pool.directory, 'nowhere'))).toBe(false);
    expect(iocage('debug', 'word')).toMatchObject({ status: 2 });
  });
});

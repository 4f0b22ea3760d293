/**
 * Backups of libiocage on real ZFS: what `ioc export --format` writes, and what `import` reads, of archives laid out by
 * the description of the format and packed by tar(1) alone. Hostile ones are made byte by byte.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, iocPath, type Command, type Ran } from '../support/command.ts';
import { killingIn } from '../support/killing.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { tarOf, type Entry } from '../support/tar-bytes.ts';

/** As libiocage writes it: texts only, keys in order, four blanks. */
const config = (more: Readonly<Record<string, unknown>> = {}): string => {
  const values: Readonly<Record<string, unknown>> = {
    id: 'theirs',
    ip4: 'disable',
    release: 'busybox',
    ...more,
  };
  return JSON.stringify(Object.fromEntries(Object.entries(values).sort()), null, 4);
};

describe.skipIf(!hostTests)(`backups of libiocage${reason}`, () => {
  let lab: Lab;
  let ioc: Command;
  let iocage: Command;
  let place: string;
  let top: string;

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 768 });
    const environment = { ...lab.environment, IOCAGE_PROGRESS: 'never' };
    ioc = commandIn(environment, iocPath);
    iocage = commandIn(environment);
    top = join(lab.pool.directory, 'pool/iocage');
    place = join(lab.pool.directory, 'backup');
    mkdirSync(place, { mode: 0o700 });
  });
  afterAll(() => lab.close());

  const run = (status: number, command: Command, ...words: readonly string[]): Ran => {
    const ran = command(...words);
    expect(ran, `${words.join(' ')}: ${ran.stderr}`).toMatchObject({ status });
    return ran;
  };
  const jailFile = (jail: string, path: string): string => join(top, 'jails', jail, path);
  const snapshots = (): string =>
    sh('zfs', 'list', '-H', '-t', 'snapshot', '-r', '-o', 'name', `${lab.pool.name}/iocage/jails`);
  /** Everything on the pool and beside the archives. */
  const state = (): string => `${lab.state()}\n${readdirSync(place, { recursive: true }).sort().join('\n')}`;
  const members = (file: string): readonly string[] =>
    sh('tar', '-tzf', file)
      .split('\n')
      .filter((line) => line !== '')
      .sort();

  it('a jail with datasets comes back as it was, from what differs from its release', () => {
    run(0, ioc, 'create', '-nb', '-r', 'busybox', 'web', 'ip4=disable', 'notes=kept', 'priority=7');
    const dataset = `${lab.pool.name}/iocage/jails/web`;
    for (const child of ['data', 'data/inner']) {
      sh('zfs', 'create', `${dataset}/${child}`);
      writeFileSync(jailFile('web', `${child}/file`), child);
    }
    mkdirSync(jailFile('web', 'root/root/.ssh'), { mode: 0o700 });
    writeFileSync(jailFile('web', 'root/root/.ssh/id'), 'private', { mode: 0o600 });
    chmodSync(jailFile('web', 'root/root'), 0o750);
    writeFileSync(jailFile('web', 'root/etc/motd new'), 'changed');
    rmSync(jailFile('web', 'root/etc/hosts'));
    sh('ln', jailFile('web', 'root/etc/motd new'), jailFile('web', 'root/etc/other'));
    sh('mknod', jailFile('web', 'root/etc/disk'), 'b', '7', '0');
    writeFileSync(jailFile('web', 'fstab'), `/srv\t${jailFile('web', 'root/mnt')}\tnullfs\tro\t0\t0\n`);
    const file = join(place, 'web.tar.gz');
    const before = state();
    const dry = run(0, ioc, '--dry-run', 'export', '--format', 'tar', 'web', file);
    expect(dry.stdout).toContain('zfs send');
    expect(state()).toBe(before);
    expect(run(0, ioc, 'export', '--format', 'tar', 'web', file).stdout).toBe(`web exported to ${file}\n`);
    rmSync(file);
    // Nothing else is left, on the pool or beside it.
    expect(state()).toBe(before);
    run(0, ioc, 'export', '--format', 'txz', 'web', file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(members(file)).toEqual(
      expect.arrayContaining([
        './config.json',
        './data.zfs',
        './data/inner.zfs',
        './fstab',
        './manifest.json',
        './root/root/.ssh/id',
      ]),
    );
    expect(members(file).filter((name) => /bin|etc\/(passwd|disk)/.test(name))).toEqual([]);
    const inside = (name: string): string => sh('tar', '-xzOf', file, name);
    expect(JSON.parse(inside('./config.json'))).toMatchObject({
      id: 'web',
      notes: 'kept',
      priority: '7',
      release: 'busybox',
    });
    expect(inside('./fstab')).toBe('/srv\tbackup:////root/mnt\tnullfs\tro\t0\t0\n');
    expect(run(1, ioc, 'export', '--format', 'tar', 'web', file).stderr).toContain('already exists');
    expect(run(1, ioc, 'export', '--format', 'tar', 'web', join(place, 'web.zip')).stderr).toContain(
      '.tar.gz',
    );
    expect(run(2, ioc, 'export', '--format', 'zip', 'web', join(place, 'other.tar.gz')).stderr).toContain(
      '--format',
    );
    run(0, ioc, 'destroy', '-f', 'web');

    // It mounts something of the host.
    expect(run(1, ioc, 'import', 'back', file).stderr).toContain('fstab of the jail in');
    expect(run(2, iocage, 'import', file).stderr).toContain('-n NAME');
    run(0, ioc, 'import', '--hooks', 'back', file);
    expect(readFileSync(jailFile('back', 'fstab'), 'utf8')).toBe(
      `/srv\t${jailFile('back', 'root/mnt')}\tnullfs\tro\t0\t0\n`,
    );
    writeFileSync(jailFile('back', 'fstab'), '');
    expect(readFileSync(jailFile('back', 'data/inner/file'), 'utf8')).toBe('data/inner');
    expect(existsSync(jailFile('back', 'root/etc/hosts'))).toBe(false);
    expect(existsSync(jailFile('back', 'root/etc/disk'))).toBe(false);
    expect(statSync(jailFile('back', 'root/root')).mode & 0o777).toBe(0o750);
    expect(statSync(jailFile('back', 'root/root/.ssh/id')).mode & 0o777).toBe(0o600);
    expect(statSync(jailFile('back', 'root/etc/other')).nlink).toBe(2);
    expect(snapshots()).toBe('');
    expect(JSON.parse(run(0, iocage, 'list', '--json').stdout).jails).toMatchObject([
      { tag: 'back', configuredBy: 'libiocage', state: 'down' },
    ]);
    expect(run(0, ioc, 'get', 'notes', 'back').stdout).toBe('kept\n');
    expect(run(0, ioc, 'exec', '-f', 'back', 'cat', '/etc/other').stdout).toBe('changed');
    // A jail in libiocage's own format goes out with its file as it is.
    const text = readFileSync(jailFile('back', 'config.json'), 'utf8');
    run(0, ioc, 'export', '--format', 'directory', 'back', join(place, 'again'));
    expect(readFileSync(join(place, 'again/config.json'), 'utf8')).toBe(text);
    run(0, iocage, 'migrate', 'back');
    expect(run(0, iocage, 'get', 'notes', 'back').stdout).toBe('kept\n');
    run(0, ioc, 'destroy', '-f', 'back');
    rmSync(join(place, 'again'), { recursive: true });
    rmSync(file);
  });

  it('standalone: a directory that needs no release; the root is a stream', () => {
    run(0, ioc, 'create', '-nb', '-r', 'busybox', 'web', 'ip4=disable');
    writeFileSync(jailFile('web', 'root/etc/motd'), 'alone');
    // Where there is no room nothing is left.
    sh('zfs', 'create', '-o', 'quota=1M', `${lab.pool.name}/small`);
    writeFileSync(jailFile('web', 'root/etc/large'), randomBytes(2 ** 22));
    for (const how of [['-s'], []]) {
      const to = join(lab.pool.directory, 'pool/small/web');
      const { stderr } = run(1, ioc, 'export', ...how, '--format', 'directory', 'web', to);
      expect(stderr).toContain('there is no room for the backup');
    }
    expect(readdirSync(join(lab.pool.directory, 'pool/small'))).toEqual([]);
    sh('zfs', 'destroy', `${lab.pool.name}/small`);
    const directory = join(place, 'web');
    run(0, ioc, 'export', '-s', '--format', 'directory', 'web', directory);
    expect(readdirSync(directory).sort()).toEqual(['config.json', 'fstab', 'root.zfs']);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    run(0, ioc, 'import', 'alone', directory);
    expect(sh('zfs', 'get', '-H', '-o', 'value', 'origin', `${lab.pool.name}/iocage/jails/alone/root`)).toBe(
      '-\n',
    );
    expect(run(0, ioc, 'exec', '-f', 'alone', 'cat', '/etc/motd').stdout).toBe('alone');
    expect(run(1, ioc, 'import', 'alone', directory).stderr).toContain('already used');
    run(0, ioc, 'destroy', '-f', 'alone');
    run(0, ioc, 'destroy', '-f', 'web');
    rmSync(directory, { recursive: true });
  });

  /** As libiocage lays one out. */
  function laidOut(text: string, fstab = ''): string {
    const directory = join(place, 'work');
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(join(directory, 'root/etc'), { recursive: true, mode: 0o755 });
    chmodSync(directory, 0o700);
    writeFileSync(join(directory, 'config.json'), text, { mode: 0o600 });
    writeFileSync(join(directory, 'fstab'), fstab);
    writeFileSync(join(directory, 'root/etc/motd'), 'theirs');
    return directory;
  }

  it('archives as libiocage makes them, whatever they are packed by, and directories', () => {
    const directory = laidOut(config({ release: 'busybox-p3', basejail: 'yes', user: { note: 'x' } }));
    const packed = (name: string, how: string): string => {
      const file = join(place, name);
      sh('tar', '-c', how, '-f', file, '-C', directory, '.');
      return file;
    };
    const sources = [packed('a.txz', '-z'), packed('b.txz', '-J'), packed('d.tar.gz', '--zstd'), directory];
    for (const [at, source] of sources.entries()) {
      run(0, ioc, 'import', `got${at}`, source);
      expect(readFileSync(jailFile(`got${at}`, 'root/etc/motd'), 'utf8')).toBe('theirs');
      expect(JSON.parse(readFileSync(jailFile(`got${at}`, 'config.json'), 'utf8'))).toMatchObject({
        id: `got${at}`,
        user: { note: 'x' },
      });
      rmSync(source, { recursive: true });
    }
    run(0, ioc, 'destroy', '-f', 'got*');
    sh('zfs', 'snapshot', `${lab.pool.name}/iocage/releases/busybox/root@theirs`);
    const before = state();
    const refused = (why: string, ...words: readonly string[]): void => {
      expect(run(1, ioc, 'import', ...words).stderr).toContain(why);
    };
    laidOut(config({ release: 'none-such' }));
    refused('none-such', 'got', directory);
    laidOut(config({ exec_prestart: 'touch /tmp/evil' }));
    refused('exec_prestart of the jail in', 'got', directory);
    laidOut('{"half": ');
    refused('config.json: it is no JSON', 'got', directory);
    laidOut(config());
    chmodSync(directory, 0o777);
    refused('others than its owner may write it', 'got', directory);
    laidOut(config());
    writeFileSync(
      join(directory, 'data.zfs'),
      execFileSync('zfs', ['send', `${lab.pool.name}/iocage/releases/busybox/root@theirs`], {
        maxBuffer: 2 ** 28,
      }),
      { mode: 0o666 },
    );
    chmodSync(join(directory, 'data.zfs'), 0o666);
    refused('data.zfs: others than its owner may write it', 'got', directory);
    rmSync(directory, { recursive: true });
    const archive = join(place, 'sum.tar.gz');
    writeFileSync(
      archive,
      gzipSync(tarOf({ name: './config.json', content: config() }, { name: './root/', type: '5' })),
    );
    writeFileSync(join(place, 'sum.sha256'), '0'.repeat(64));
    refused('0000', 'got', archive);
    for (const name of ['sum.tar.gz', 'sum.sha256']) rmSync(join(place, name));
    expect(state()).toBe(before);
    // It says nothing of the jail.
    laidOut('');
    run(0, ioc, 'import', 'got', directory);
    expect(readFileSync(jailFile('got', 'config.json'), 'utf8')).toContain('"id": "got"');
    run(0, ioc, 'destroy', '-f', 'got');
    sh('zfs', 'destroy', `${lab.pool.name}/iocage/releases/busybox/root@theirs`);
  });

  it('hostile archives are refused before anything is made', () => {
    const file = join(place, 'evil.tar.gz');
    const good: Entry = { name: './config.json', content: config() };
    const dir = (name: string): Entry => ({ name, type: '5' });
    writeFileSync(file, '');
    const before = state();
    const refused = (why: string, ...entries: readonly Entry[]): void => {
      writeFileSync(file, gzipSync(tarOf(...entries)));
      const { stderr } = run(1, ioc, 'import', 'evil', file);
      expect(stderr).toContain(why);
    };
    const top = [good, dir('./root/')];
    refused('no part of a backup', ...top, { name: '/etc/evil', content: 'x' });
    refused('is a device outside /dev', ...top, { name: './root/disk', type: '4' });
    // What the release has is there too.
    sh('ln', '-s', '/etc', join(lab.pool.directory, 'pool/iocage/releases/busybox/root/linked'));
    refused('through the symbolic link', ...top, { name: './root/linked/x', content: 'x' });
    rmSync(join(lab.pool.directory, 'pool/iocage/releases/busybox/root/linked'));
    refused('room for', ...top, { name: './root/big', size: 2 ** 45 });
    refused('to be deleted', ...top, {
      name: './manifest.json',
      content: JSON.stringify({ format: 'iocage-backup', version: 1, deleted: ['../../../etc'] }),
    });
    writeFileSync(file, gzipSync(tarOf(...top)).subarray(0, 100));
    run(1, ioc, 'import', 'evil', file);
    expect(state()).toBe(before);
    rmSync(file);
    // Its root user could exchange it between the check and the use.
    run(0, ioc, 'create', '-nb', '-r', 'busybox', 'holder');
    const theirs = join(lab.pool.directory, 'pool/iocage/jails/holder/root/root');
    writeFileSync(join(theirs, 'evil.tar.gz'), gzipSync(tarOf(...top)));
    mkdirSync(join(theirs, 'evil/root'), { recursive: true });
    writeFileSync(join(theirs, 'evil/config.json'), config());
    for (const name of ['evil.tar.gz', 'evil'])
      expect(run(1, ioc, 'import', 'evil', join(theirs, name)).stderr).toContain('it lies in jail holder');
    run(0, ioc, 'destroy', '-f', 'holder');
  });

  it('killed on their way, an export and an import of streams leave nothing', async () => {
    run(0, ioc, 'create', '-nb', '-r', 'busybox', 'web', 'ip4=disable');
    sh('zfs', 'create', '-p', `${lab.pool.name}/iocage/jails/web/data/inner`);
    const file = join(place, 'web.tar.gz');
    const backup = { jail: 'web', to: file, format: 'tar', standalone: true };
    const killed = await killingIn(lab);
    // Without an end in the journal: `done` of the last step is its last mark but one.
    const nothingLeft = async (operation: string, input: unknown, marks: number): Promise<void> => {
      const before = state();
      for (let at = 1; at < marks - 1; at += 8) {
        expect(killed(operation, input, at, 'after').signal, `${operation}, ${at}`).toBe('SIGKILL');
        await lab.run('host.doctor', {});
        expect(state(), `${operation}, ${at}`).toBe(before);
      }
    };
    const marks = killed.marks('image.backup', backup);
    expect(marks).toBeGreaterThan(12);
    const restored = { image: file, name: 'victim' };
    const more = killed.marks('image.import', restored);
    expect(more).toBeGreaterThan(18);
    await lab.run('jail.destroy', { jail: 'victim' });
    await nothingLeft('image.import', restored, more);
    rmSync(file);
    await nothingLeft('image.backup', backup, marks);
    // Killed right after it was there: what somebody has put in its place since is none of doctor's business.
    const before = state();
    expect(killed('image.backup', backup, marks - 2, 'before').signal).toBe('SIGKILL');
    rmSync(file);
    writeFileSync(file, 'theirs');
    await lab.run('host.doctor', {});
    expect(readFileSync(file, 'utf8')).toBe('theirs');
    rmSync(file);
    expect(killed('image.backup', backup, marks - 2, 'before').signal).toBe('SIGKILL');
    expect(existsSync(file)).toBe(true);
    await lab.run('host.doctor', {});
    expect(state()).toBe(before);
  });
});

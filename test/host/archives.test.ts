/**
 * Files of `bastille export` and `pot export` on real ZFS, made as their sources make them: `zfs send -R` of a jail with
 * mount points of its own, packed by xz, gzip, zstd or not, and tar(1) of a jail's directory. Hostile ones too.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep } from '../ops/every-step.ts';
import { commandIn, type Command, type Ran } from '../support/command.ts';
import { killingIn } from '../support/killing.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { tarOf, type Entry } from '../support/tar-bytes.ts';

describe.skipIf(!hostTests)(`files of bastille export and pot export${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let pool: string;
  let top: string;
  let busybox: string;
  /** Where the files lie, root's alone. */
  let place: string;

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 768 });
    iocage = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' });
    pool = lab.pool.name;
    top = join(lab.pool.directory, 'pool/iocage');
    busybox = join(top, 'releases/busybox/root');
    place = join(lab.pool.directory, 'files');
    mkdirSync(place, { mode: 0o700 });
    sh('zfs', 'create', `${pool}/bastille`);
    sh('zfs', 'create', `${pool}/bastille/jails`);
    sh('zfs', 'create', `${pool}/pot`);
  });
  afterAll(() => lab.close());

  const run = (status: number, ...words: readonly string[]): Ran => {
    const ran = iocage(...words);
    expect(ran, `${words.join(' ')}: ${ran.stderr}`).toMatchObject({ status });
    return ran;
  };
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const jailFile = (jail: string, path: string): string => join(top, 'jails', jail, path);
  const state = (): string => `${lab.state()}\n${readdirSync(join(top, 'jails')).join('\n')}`;
  const snapshots = (): string =>
    sh('zfs', 'list', '-H', '-t', 'snapshot', '-r', '-o', 'name', `${pool}/iocage/jails`);
  const gone = (dataset: string): void => {
    for (const line of sh('zfs', 'list', '-H', '-r', '-o', 'name', pool).split('\n'))
      if (line === `${pool}/${dataset}`) sh('zfs', 'destroy', '-r', line);
  };

  /** The texts of a jail of Bastille, whose system comes from a release or lies in its root. */
  function bastilleTexts(name: string, thin: boolean, more = ''): Readonly<Record<string, string>> {
    const home = `/usr/local/bastille/jails/${name}`;
    return {
      'jail.conf':
        `${name} {\n  enforce_statfs = 2;\n  devfs_ruleset = 4;\n  exec.clean;\n  exec.consolelog = /var/log/bastille/${name}_console.log;\n` +
        `  exec.start = '/bin/true';\n  exec.stop = '/bin/true';\n  host.hostname = ${name}.example.org;\n  mount.devfs;\n` +
        `  mount.fstab = ${home}/fstab;\n  path = ${home}/root;\n  ip4 = disable;\n  ip6 = disable;\n${more}}\n`,
      fstab: thin ? `/usr/local/bastille/releases/busybox ${home}/root/.bastille nullfs ro 0 0\n` : '',
      'settings.conf': 'boot="on"\npriority="20"\n',
      'rctl.conf': `jail:${name}:memoryuse:deny=1G/jail\n`,
    };
  }

  function fill(root: string, thin: boolean): void {
    if (!thin) return void sh('cp', '-a', `${busybox}/.`, root);
    mkdirSync(join(root, '.bastille'), { recursive: true });
    for (const link of ['bin', 'lib', 'lib64', 'usr'])
      if (existsSync(join(busybox, link))) symlinkSync(`/.bastille/${link}`, join(root, link));
    for (const empty of ['etc', 'proc', 'sys', 'dev', 'tmp', 'mnt']) mkdirSync(join(root, empty));
    writeFileSync(join(root, 'etc/motd'), 'thin');
  }

  interface Sent {
    readonly thin?: boolean;
    readonly more?: string;
    readonly fstab?: string;
    /** Properties of the root, as they would come in. */
    readonly options?: readonly string[];
    /** Before the last snapshot. */
    readonly change?: (dataset: string, directory: string) => void;
    /** Where its root is mounted meanwhile. */
    readonly name?: string;
  }

  /** What `bastille export` sends: all of the jail's datasets with their snapshots and properties. */
  function bastilleStream({
    thin = false,
    more,
    fstab,
    options = [],
    change,
    name = 'web',
  }: Sent = {}): Buffer {
    const dataset = `${pool}/bastille/jails/${name}`;
    const elsewhere = join(lab.pool.directory, 'elsewhere');
    sh('zfs', 'create', dataset);
    // As Bastille has it.
    sh('zfs', 'create', '-o', `mountpoint=${elsewhere}`, ...options, `${dataset}/root`);
    const directory = join(lab.pool.directory, 'pool/bastille/jails', name);
    for (const [file, text] of Object.entries(bastilleTexts(name, thin, more)))
      write(join(directory, file), text);
    if (fstab !== undefined) writeFileSync(join(directory, 'fstab'), fstab);
    fill(elsewhere, thin);
    writeFileSync(join(elsewhere, 'etc/state'), 'first');
    sh('zfs', 'snapshot', '-r', `${dataset}@first`);
    writeFileSync(join(elsewhere, 'etc/state'), 'last');
    change?.(dataset, directory);
    const snapshot = `${dataset}@bastille_${name}_2026-06-20-101010`;
    sh('zfs', 'snapshot', '-r', snapshot);
    const stream = execFileSync('zfs', ['send', '-R', snapshot], { maxBuffer: 2 ** 28 });
    gone(`bastille/jails/${name}`);
    return stream;
  }

  const fileOf = (name: string, bytes: Uint8Array): string => {
    const file = join(place, name);
    writeFileSync(file, bytes);
    return file;
  };
  const xz = (bytes: Uint8Array): Buffer => execFileSync('xz', ['-0'], { input: bytes, maxBuffer: 2 ** 28 });
  const zstd = (bytes: Uint8Array): Buffer =>
    execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 2 ** 28 });

  it('a jail of Bastille from its streams comes back as it was, and runs', () => {
    const stream = bastilleStream({
      options: ['-o', 'canmount=on', '-o', 'org.freebsd.iocage:exec_prestart=evil'],
    });
    const file = fileOf('web_2026-06-20-101010.xz', xz(stream));
    const before = state();
    const dry = run(0, 'import', '--dry-run', file);
    expect(dry.stdout).toContain(`zfs recv -u ${pool}/iocage/jails/web/root`);
    expect(dry.stdout).toContain('org.freebsd.iocage:host_hostname=web.example.org');
    expect(state()).toBe(before);
    const { stdout, stderr } = run(0, 'import', file);
    expect(stdout).toContain('Successfully imported: web');
    expect(stderr).toContain('not taken over: boot=on');
    expect(readFileSync(jailFile('web', 'root/etc/state'), 'utf8')).toBe('last');
    expect(snapshots()).toBe('');
    const local = sh(
      'zfs',
      'get',
      '-H',
      '-s',
      'local,received',
      '-o',
      'property',
      'all',
      `${pool}/iocage/jails/web/root`,
    );
    expect(local).toBe('');
    expect(run(0, 'get', 'memoryuse', 'web').stdout).toBe('1G:deny\n');
    expect(run(0, 'get', 'exec_prestart', 'web').stdout).not.toContain('evil');
    run(0, 'start', 'web');
    expect(run(0, 'exec', 'web', 'hostname').stdout).toBe('web.example.org\n');
    run(0, 'stop', 'web');
    expect(run(1, 'import', file).stderr).toContain('already used');
    run(0, 'import', '-n', 'other', file, 'notes=second');
    expect(run(0, 'get', 'notes', 'other').stdout).toBe('second\n');
    run(0, 'destroy', '-f', 'web', 'other');
    expect(state()).toBe(before);
  }, 240_000);
});

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
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep } from '../ops/every-step.ts';
import { commandIn, type Command, type Ran } from '../support/command.ts';
import { killingIn } from '../support/killing.ts';
import { parseHowTos, projectRoot } from '../support/how-to.ts';
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
    expect(dry.stderr).toContain('not taken over: boot=on');
    expect(dry.stdout).toContain(`zfs recv -u ${pool}/iocage/jails/web/root`);
    expect(dry.stdout).toContain('org.freebsd.iocage:host_hostname=web.example.org');
    expect(state()).toBe(before);
    // As docs/migrate.md has it, with another place.
    const page = readFileSync(join(projectRoot, 'docs/migrate.md'), 'utf8');
    const howTo = parseHowTos('docs/migrate.md', page).find(({ runBy }) => runBy?.includes('archives'));
    const said = howTo!.lines.map(({ command }) =>
      run(0, ...command.replace('/srv/theirs', place).split(' ').slice(1)),
    );
    expect(said[1]!.stdout).toContain('Successfully imported: web');
    expect(said[1]!.stderr).toContain('not taken over: boot=on');
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
    expect(existsSync(join(lab.pool.directory, 'elsewhere/etc'))).toBe(false);
    expect(run(0, 'get', 'memoryuse', 'web').stdout).toBe('1G:deny\n');
    expect(run(0, 'get', 'exec_prestart', 'web').stdout).not.toContain('evil');
    expect(run(0, 'exec', 'web', 'hostname').stdout).toBe('web.example.org\n');
    run(0, 'stop', 'web');
    expect(run(1, 'import', file).stderr).toContain('already used');
    run(0, 'import', '-n', 'other', file, 'notes=second');
    expect(run(0, 'get', 'notes', 'other').stdout).toBe('second\n');
    run(0, 'destroy', '-f', 'web', 'other');
    expect(state()).toBe(before);
  }, 240_000);

  it('a thin one, by what of its release is fetched here; raw, gz and zst; the digest beside it', () => {
    const stream = bastilleStream({
      thin: true,
      fstab: `/usr/local/bastille/releases/none-such /usr/local/bastille/jails/web/root/.bastille nullfs ro 0 0\n/srv/www /usr/local/bastille/jails/web/root/mnt nullfs rw 0 0\n`,
    });
    const before = state();
    const raw = fileOf('web_2026-06-20-101010', stream);
    expect(run(1, 'import', raw).stderr).toContain('none-such');
    expect(run(2, 'import', raw, 'tag=x').stderr).toContain('-n NAME');
    writeFileSync(join(place, 'web_2026-06-20-101010.sha256'), '0'.repeat(64));
    expect(run(1, 'import', raw, 'release=busybox').stderr).toContain('0000');
    expect(state()).toBe(before);
    writeFileSync(
      join(place, 'web_2026-06-20-101010.sha256'),
      `${createHash('sha256').update(stream).digest('hex')}\n`,
    );
    const { stderr } = run(0, 'import', raw, 'release=busybox');
    expect(stderr).toContain('not taken over: /srv/www');
    expect(readFileSync(jailFile('web', 'fstab'), 'utf8')).toBe('');
    run(0, 'start', 'web');
    expect(run(0, 'exec', 'web', 'cat', '/etc/motd').stdout).toBe('thin');
    run(0, 'stop', 'web');
    rmSync(join(place, 'web_2026-06-20-101010.sha256'));
    run(
      0,
      'import',
      '--hooks',
      '-n',
      'zst',
      fileOf('web_2026-06-20-101010.zst', zstd(stream)),
      'release=busybox',
    );
    expect(readFileSync(jailFile('zst', 'fstab'), 'utf8')).toBe(
      `/srv/www\t${jailFile('zst', 'root/mnt')}\tnullfs\trw\t0\t0\n`,
    );
    run(0, 'import', '-n', 'gz', fileOf('web_2026-06-20-101010.gz', gzipSync(stream)), 'release=busybox');
    run(0, 'destroy', '-f', 'web', 'zst', 'gz');
    expect(state()).toBe(before);
  }, 240_000);

  it('a pot', () => {
    const dataset = `${pool}/pot/jails/alone`;
    sh('zfs', 'create', '-p', dataset);
    sh('zfs', 'create', `${dataset}/m`);
    const directory = join(lab.pool.directory, 'pool/pot/jails/alone');
    fill(join(directory, 'm'), false);
    // As pot-create(8) writes them.
    write(
      join(directory, 'conf/pot.conf'),
      'pot.level=0\npot.type=single\npot.base=14.1\npot.potbase=\npot.dns=inherit\npot.cmd=/bin/true\nhost.hostname="alone.example.org"\n' +
        'osrelease="14.1-RELEASE"\npot.attr.no-rc-script=NO\npot.attr.persistent=YES\npot.attr.start-at-boot=NO\npot.stack=dual\nnetwork_type=inherit\nvnet=false\n',
    );
    write(join(directory, 'conf/fscomp.conf'), `${pool}/pot/fscomp/data /mnt\n`);
    sh('zfs', 'snapshot', '-r', `${dataset}@1781949010`);
    const stream = execFileSync('zfs', ['send', '-R', `${dataset}@1781949010`], { maxBuffer: 2 ** 28 });
    gone('pot/jails');
    const file = fileOf('alone_1.0.xz', xz(stream));
    const { stderr } = run(0, 'import', file);
    // It is the host's network, and what all pots are allowed.
    for (const what of ['ip4=inherit', 'allow_raw_sockets=', `${pool}/pot/fscomp/data /mnt`])
      expect(stderr).toContain(`not taken over: ${what}`);
    expect(run(0, 'get', 'host_hostname', 'alone').stdout).toBe('alone.example.org\n');
    run(0, 'start', 'alone');
    expect(run(0, 'exec', 'alone', 'hostname').stdout).toBe('alone.example.org\n');
    run(0, 'stop', 'alone');
    run(0, 'destroy', '-f', 'alone');
  }, 240_000);

  it('a jail of Bastille from its packed directory', () => {
    const work = join(lab.pool.directory, 'work/web');
    for (const [name, text] of Object.entries(bastilleTexts('web', true))) write(join(work, name), text);
    fill(join(work, 'root'), true);
    sh('ln', join(work, 'root/etc/motd'), join(work, 'root/etc/other'));
    sh('mknod', join(work, 'root/dev/disk'), 'b', '7', '0');
    chmodSync(join(work, 'root/etc'), 0o750);
    const file = join(place, 'web_2026-06-20-101010.txz');
    sh('tar', '-cJf', file, '-C', dirname(work), 'web');
    const before = state();
    expect(run(0, 'import', '--dry-run', file).stdout).toContain('--strip-components=2');
    expect(state()).toBe(before);
    run(0, 'import', '-n', 'copy', file);
    expect(readdirSync(jailFile('copy', ''))).toEqual(['fstab', 'root']);
    expect(existsSync(jailFile('copy', 'root/dev/disk'))).toBe(false);
    expect(statSync(jailFile('copy', 'root/etc/other')).nlink).toBe(2);
    expect(statSync(jailFile('copy', 'root/etc')).mode & 0o777).toBe(0o750);
    run(0, 'start', 'copy');
    expect(run(0, 'exec', 'copy', 'cat', '/etc/motd').stdout).toBe('thin');
    run(0, 'stop', 'copy');
    run(0, 'destroy', '-f', 'copy');
    expect(state()).toBe(before);
    rmSync(dirname(work), { recursive: true });
  }, 240_000);

  it('hostile and damaged files are refused, and nothing of them is left', () => {
    const evil = join(lab.pool.directory, 'evil');
    mkdirSync(evil);
    const before = state();
    const refused = (why: string, name: string, bytes: Uint8Array): void => {
      const ran = iocage('import', '-n', 'evil', fileOf(name, bytes));
      expect(ran.stderr, why).toContain(why);
      expect(ran.status).toBe(1);
      expect(readdirSync(evil)).toEqual([]);
    };
    const folder = (...more: readonly Entry[]): Buffer =>
      gzipSync(
        tarOf(
          { name: 'web/', type: '5' },
          { name: 'web/jail.conf', content: 'web { }' },
          { name: 'web/root/', type: '5' },
          ...more,
        ),
      );
    refused('is not the directory of one jail', 'web.tgz', folder({ name: '/etc/evil', content: 'x' }));
    refused('is not the directory of one jail', 'web.tgz', folder({ name: 'other/root/', type: '5' }));
    refused('spelled in an unusual way', 'web.tgz', folder({ name: 'web/root/../../evil', content: 'x' }));
    refused(
      'through the symbolic link',
      'web.tgz',
      folder({ name: 'web/root/out', type: '2', link: evil }, { name: 'web/root/out/x', content: 'x' }),
    );
    refused('is a hard link to', 'web.tgz', folder({ name: 'web/root/out', type: '1', link: 'web/fstab' }));
    refused('is a device outside /dev', 'web.tgz', folder({ name: 'web/root/disk', type: '4' }));
    refused('is in it twice', 'web.tgz', folder({ name: 'web/jail.conf', content: 'web { }' }));
    refused('room for', 'web.tgz', folder({ name: 'web/root/big', size: 2 ** 45 }));
    refused('', 'web.tgz', folder().subarray(0, 60));
    refused(
      'jail.conf: ',
      'web.tgz',
      gzipSync(tarOf({ name: 'web/jail.conf', content: 'web { path = "' }, { name: 'web/root/', type: '5' })),
    );
    refused('', 'web.xz', Buffer.alloc(0));

    // What it says of itself would be mounted over the host.
    const stream = bastilleStream({
      options: ['-o', 'canmount=on'],
      more: '  exec.prestart = "touch /tmp/evil";\n',
    });
    sh('zfs', 'create', '-p', `${pool}/bastille/jails/web/root`);
    sh('zfs', 'snapshot', '-r', `${pool}/bastille/jails/web@x`);
    const single = execFileSync('zfs', ['send', `${pool}/bastille/jails/web@x`]);
    gone('bastille/jails/web');
    const changed = (from: string, to: string): Buffer =>
      Buffer.from(stream.toString('latin1').replaceAll(from, to), 'latin1');
    refused('it ends early', 'web', stream.subarray(0, stream.length - 400));
    refused('', 'web.xz', xz(stream).subarray(0, 3000));
    refused('goes on behind its end', 'web', Buffer.concat([stream, stream]));
    refused('neither a jail.conf', 'web', single);
    refused(
      'several jails',
      'web',
      changed(`${pool}/bastille/jails/web/root@`, `${pool}/bastille/jails/two/root@`),
    );
    refused(
      'is not in it',
      'web',
      changed(`${pool}/bastille/jails/web/root@`, `${pool}/bastille/jails/web/r00t@`),
    );
    // The sum of the stream does not fit any more; zfs says it, when the jail was begun.
    refused('', 'web', changed('root:', 'ro0t:'));
    expect(state()).toBe(before);
    chmodSync(fileOf('web', stream), 0o666);
    expect(run(1, 'import', join(place, 'web')).stderr).toContain('others than its owner may write it');
    chmodSync(join(place, 'web'), 0o644);
    expect(run(0, 'import', join(place, 'web')).stderr).toContain(
      'not taken over: exec_prestart=touch /tmp/evil',
    );
    run(0, 'destroy', '-f', 'web');
    // A thin one whose place for the release holds something already.
    const planted = bastilleStream({
      thin: true,
      change: (_, directory) => {
        writeFileSync(join(directory, 'note'), 'x');
        symlinkSync(evil, join(lab.pool.directory, 'elsewhere/.bastille/bin'));
      },
    });
    refused('it is not empty', 'web', planted);
    expect(state()).toBe(before);
    // A clone of a release needs that.
    sh('zfs', 'create', `${pool}/bastille/release`);
    sh('zfs', 'snapshot', `${pool}/bastille/release@x`);
    const cloned = bastilleStream({
      change: (dataset) => {
        sh('zfs', 'destroy', '-r', `${dataset}/root`);
        sh('zfs', 'clone', `${pool}/bastille/release@x`, `${dataset}/root`);
      },
    });
    gone('bastille/release');
    refused('is a clone of something', 'web', cloned);
  }, 240_000);

  /** One that is quickly made. */
  const small = (): string =>
    fileOf(
      'web',
      bastilleStream({
        change: (dataset) =>
          sh(
            'sh',
            '-c',
            'rm -rf "$1"/bin "$1"/usr "$1"/lib*',
            'sh',
            sh('zfs', 'get', '-H', '-o', 'value', 'mountpoint', `${dataset}/root`).trim(),
          ),
      }),
    );

  it('every step of an import fails once, and it is killed on its way', async () => {
    const file = small();
    const input = { image: file, name: 'victim' };
    const destroy = () => lab.run('jail.destroy', { jail: 'victim' });
    const count = await failEveryStep(
      { context: () => lab.context(), state },
      { operation: 'image.import', variant: 'of streams', input: () => input, reset: destroy },
    );
    expect(count).toBeGreaterThan(7);
    const killed = await killingIn(lab);
    const marks = killed.marks('image.import', input);
    await destroy();
    const before = state();
    for (let at = 2; at < marks - 1; at += 8) {
      expect(killed('image.import', input, at, 'after').signal, `${at}`).toBe('SIGKILL');
      await lab.run('host.doctor', {});
      expect(state(), `${at}`).toBe(before);
    }
  }, 480_000);
});

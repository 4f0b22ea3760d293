/**
 * Export and import through the real `bin/iocage` on a real pool: what goes round comes back the same,
 * and nothing that an image says is believed before it was judged.
 */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { filesOf } from '../support/files-of.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';

describe.skipIf(!hostTests)(`images of jails${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let root: string;
  let images: string;
  const scratch = (name: string): string => join(lab.pool.directory, name);

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    root = join(lab.pool.directory, 'pool/iocage');
    images = join(root, 'images');
    done('create', '-c', 'release=busybox', '-n', 'web', 'ip4=disable', 'quota=300M', 'notes=kept as it is');
    done('set', 'exec_prestart=/usr/bin/touch /tmp/iocage-image-test-hook', 'allow_mount=1', 'web');
    const files = join(root, 'jails/web/root');
    writeFileSync(join(files, 'etc/résumé with blanks'), 'text');
    linkSync(join(files, 'etc/résumé with blanks'), join(files, 'etc/hard'));
    symlinkSync('/etc/shadow', join(files, 'etc/outside'));
    symlinkSync('no\nwhere', join(files, 'etc/dangling'));
    writeFileSync(join(files, 'bin/setuid'), 'x');
    chownSync(join(files, 'bin/setuid'), 0, 33);
    chmodSync(join(files, 'bin/setuid'), 0o6750);
    mkdirSync(join(files, 'var', 'd'.repeat(120), 'e'.repeat(120)), { recursive: true });
    writeFileSync(join(files, 'var', 'd'.repeat(120), 'e'.repeat(120), 'f'.repeat(120)), 'long');
    writeFileSync(join(files, 'home/Icon\r'), 'a share of a Mac');
    writeFileSync(join(files, 'home/two\nlines'), '');
    symlinkSync('/etc/passwd', join(files, 'home/link'));
    linkSync(join(files, 'home/link'), join(files, 'home/second name of it'));
    writeFileSync(join(root, 'jails/web/fstab'), '# mine\n/etc /etc/host nullfs ro 0 0\n');
  });
  afterAll(() => lab.close());

  const done: Command['done'] = (...words) => iocage.done(...words);
  /** Every file: path, kind, mode, owners, links, size, time of change, target. */
  const treeOf = (uuid: string): readonly string[] =>
    filesOf(join(root, 'jails', uuid, 'root'))
      // Directories' sizes and the root's own time are the file system's affair.
      .filter(({ path }) => path !== '' && path !== 'etc' && !path.includes('etc/hostname'))
      .map(({ path, kind, mode, owner, links, size, mtimeNs, target }) =>
        [path, kind, mode, owner, ...(kind === 'd' ? [] : [links, size]), mtimeNs, target].join('|'),
      )
      .sort();
  const stored = (uuid: string, key: string): string =>
    sh('zfs', 'get', '-H', '-o', 'value', key, `${lab.pool.name}/iocage/jails/${uuid}`).trim();
  const user = (uuid: string, key: string): string => stored(uuid, `org.freebsd.iocage:${key}`);
  const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
  const state = (): readonly string[] => comparable(lab.state());

  describe('there and back', () => {
    it('export: archive, digest alone, metadata; nobody else may read them', () => {
      const before = state();
      const { stdout, stderr } = done('export', 'web');
      expect(stderr).toBe('');
      const file = join(images, 'web.tar.zst');
      expect(stdout).toContain(`Image saved to: ${file}`);
      expect(readdirSync(images).sort()).toEqual(['web.json', 'web.sha256', 'web.tar.zst']);
      expect(readFileSync(join(images, 'web.sha256'), 'utf8')).toBe(`${digest(file)}\n`);
      expect(statSync(images).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(images)) expect(statSync(join(images, name)).mode & 0o777).toBe(0o600);
      const metadata = JSON.parse(readFileSync(join(images, 'web.json'), 'utf8'));
      expect(metadata).toMatchObject({ uuid: 'web', tag: 'web', release: 'busybox', kernel: 'linux' });
      expect(metadata.properties).toMatchObject({ notes: 'kept as it is', quota: expect.any(String) });
      expect(metadata.fstab).toContain('/etc/host');
      // Only the images are new.
      expect(state().filter((line) => !before.includes(line) && !/images|web\./.test(line))).toEqual([]);
    });

    it('a second export takes the place of the first, whatever its compression', () => {
      done('export', '-c', 'xz', 'web');
      expect(readdirSync(images).sort()).toEqual(['web.json', 'web.sha256', 'web.tar.xz']);
      sh('xz', '-t', join(images, 'web.tar.xz'));
      done('export', '--compression', 'gz', 'web');
      expect(readdirSync(images).sort()).toEqual(['web.json', 'web.sha256', 'web.tar.gz']);
      done('export', 'web');
      expect(readdirSync(images).sort()).toEqual(['web.json', 'web.sha256', 'web.tar.zst']);
    });

    it('import beside it: another UUID and tag, the same files; what is power over the host is told and left out', () => {
      const { stdout, stderr } = done('import', 'web');
      const [, uuid, tag] = /Successfully imported: (\S+) \((\S+)\)/.exec(stdout)!;
      expect(tag).toBe(`web-${uuid!.slice(0, 8)}`);
      expect(treeOf(uuid!)).toEqual(treeOf('web'));
      expect(stderr).toMatch(/not taken over: exec_prestart=/);
      expect(stderr).toMatch(/not taken over: allow_mount=1/);
      expect(stderr).toMatch(/not taken over: \/etc \/etc\/host nullfs ro 0 0/);
      expect(user(uuid!, 'exec_prestart')).toBe('-');
      expect(user(uuid!, 'allow_mount')).toBe('-');
      expect(user(uuid!, 'notes')).toBe('kept as it is');
      expect(stored(uuid!, 'quota')).toBe('300M');
      expect(user(uuid!, 'type')).toBe('jail');
      expect(readFileSync(join(root, 'jails', uuid!, 'fstab'), 'utf8')).toBe('');
      expect(readFileSync(join(root, 'jails', uuid!, 'root/etc/hostname'), 'utf8').trim()).toBe(uuid);
      done('start', tag!);
      expect(existsSync('/tmp/iocage-image-test-hook')).toBe(false);
      done('destroy', '-f', tag!);
    });

    it('import after the jail is gone: the same UUID, tag and properties; --hooks takes everything', () => {
      const before = treeOf('web');
      done('destroy', '-f', 'web');
      const { stderr } = done('import', '--hooks', 'web');
      expect(stderr).toBe('');
      expect(treeOf('web')).toEqual(before);
      expect(user('web', 'exec_prestart')).toBe('/usr/bin/touch /tmp/iocage-image-test-hook');
      expect(user('web', 'allow_mount')).toBe('1');
      expect(readFileSync(join(root, 'jails/web/fstab'), 'utf8')).toContain('/etc/host');
      expect(user('web', 'host_hostname')).toBe('web');
    });

    it('a path, a name, properties of its own', () => {
      sh('cp', '-r', images, scratch('usb'));
      done('import', join(scratch('usb'), 'web.tar.zst'), '-n', 'db', 'notes=mine', 'boot=off');
      expect(user('db', 'notes')).toBe('mine');
      expect(user('db', 'host_hostuuid')).toBe('db');
      done('destroy', '-f', 'db');
    });

    it('--dry-run shows the steps and makes nothing', () => {
      const before = state();
      expect(done('export', '--dry-run', 'web').stdout).toMatch(/tar .*\| .*zstd/);
      expect(done('import', '--dry-run', 'web').stdout).toContain('zfs create');
      expect(state()).toEqual(before);
    });

    it('an image of the original: archive and digest, nothing else', () => {
      const uuid = 'adae47cb-01cb-11e6-8e4e-000000000001';
      const file = join(images, `${uuid}.tar.xz`);
      sh('tar', '-cJf', file, '-C', join(root, 'jails/web/root'), '.');
      writeFileSync(join(images, `${uuid}.sha256`), `${digest(file)}\n`);
      const { stdout, stderr } = done('import', 'adae47cb', 'tag=old');
      expect(stdout).toContain(`Successfully imported: ${uuid} (old)`);
      expect(stderr).toContain('no metadata');
      expect(treeOf(uuid).length).toBe(treeOf('web').length);
      expect(user(uuid, 'type')).toBe('jail');
      done('start', 'old');
      done('destroy', '-f', 'old');
      rmSync(file);
      rmSync(join(images, `${uuid}.sha256`));
    });
  });

  describe('refused, with nothing made', () => {
    let before: readonly string[];
    beforeEach(() => {
      mkdirSync(scratch('bad'), { recursive: true });
      before = state();
    });
    afterEach(() => {
      expect(state()).toEqual(before);
      rmSync(scratch('bad'), { recursive: true, force: true });
    });

    function refused(code: string, ...words: readonly string[]): void {
      const ran = iocage(...words, '--json');
      expect(ran.status, ran.stdout + ran.stderr).toBeGreaterThan(0);
      expect(ran.stdout + ran.stderr).toContain(code);
    }
    /** An archive with its digest beside it, made by `tar` with these words. */
    function archive(...words: readonly string[]): string {
      const file = scratch('bad/bad.tar');
      sh('tar', '-cPf', file, '-C', scratch('bad'), ...words);
      writeFileSync(scratch('bad/bad.sha256'), digest(file));
      return file;
    }

    it('a digest that does not fit, one that is missing, two that differ', () => {
      sh('cp', join(images, 'web.tar.zst'), join(images, 'web.sha256'), scratch('bad'));
      const file = scratch('bad/web.tar.zst');
      refused('IMAGE_NOT_FOUND', 'import', 'nothing-of-this-name');
      refused('IMAGE_NOT_FOUND', 'import', scratch('bad/none.tar'));
      refused('CHECKSUM_MISMATCH', 'import', file, `sha256=${'0'.repeat(64)}`);
      appendFileSync(file, 'x');
      refused('CHECKSUM_MISMATCH', 'import', file);
      rmSync(scratch('bad/web.sha256'));
      refused('CHECKSUM_MISSING', 'import', file);
      writeFileSync(scratch('bad/web.sha256'), 'rubbish\n');
      refused('BAD_ARCHIVE', 'import', file);
    });

    it('a truncated archive, and what is none', () => {
      const file = scratch('bad/cut.tar.zst');
      sh('cp', join(images, 'web.tar.zst'), file);
      truncateSync(file, Math.floor(statSync(file).size / 2));
      refused('BAD_ARCHIVE', 'import', file, `sha256=${digest(file)}`);
      writeFileSync(scratch('bad/none.tar'), 'no archive at all'.repeat(100));
      refused('BAD_ARCHIVE', 'import', scratch('bad/none.tar'), `sha256=${digest(scratch('bad/none.tar'))}`);
    });

    it('members that lead out of the root, and devices', () => {
      writeFileSync(scratch('bad/file'), 'x');
      refused('UNSAFE_ARCHIVE', 'import', archive('--transform=s,file,../../file,', 'file'));
      refused('UNSAFE_ARCHIVE', 'import', archive('--transform=s,^file,/tmp/iocage-evil,', 'file'));
      symlinkSync('/etc', scratch('bad/link'));
      mkdirSync(scratch('bad/under'));
      writeFileSync(scratch('bad/under/file'), 'x');
      refused('UNSAFE_ARCHIVE', 'import', archive('--transform=s,^under/,link/,', 'link', 'under/file'));
      sh('mknod', scratch('bad/null'), 'c', '1', '3');
      refused('UNSAFE_ARCHIVE', 'import', archive('null'));
      expect(existsSync('/tmp/iocage-evil')).toBe(false);
    });

    it('a bomb: more than the pool has room for, out of a few kilobytes', () => {
      const file = scratch('bad/bomb.tar.zst');
      truncateSync(writeEmpty(scratch('bad/zeros')), 1280 * 2 ** 20);
      sh('tar', '--zstd', '-cf', file, '-C', scratch('bad'), 'zeros');
      expect(statSync(file).size).toBeLessThan(2 ** 20);
      refused('UNSAFE_ARCHIVE', 'import', file, `sha256=${digest(file)}`);
    });

    it('metadata that is none; links in place of the files beside the archive', () => {
      sh('cp', join(images, 'web.tar.zst'), join(images, 'web.sha256'), scratch('bad'));
      const file = scratch('bad/web.tar.zst');
      writeFileSync(scratch('bad/web.json'), '{"format":"other"}');
      refused('BAD_ARCHIVE', 'import', file);
      rmSync(scratch('bad/web.json'));
      symlinkSync('/etc/passwd', scratch('bad/web.json'));
      refused('BAD_ARCHIVE', 'import', file);
    });

    it('a tag or name that is taken, properties that are none', () => {
      refused('NAME_TAKEN', 'import', 'web', 'tag=web');
      refused('NAME_TAKEN', 'import', 'web', '-n', 'web');
      refused('INVALID_NAME', 'import', 'web', 'tag=../x');
      refused('UNKNOWN_PROPERTY', 'import', 'web', 'bananas=1');
      refused('USAGE', 'import');
      refused('USAGE', 'export', '-c', 'zip', 'web');
    });

    it('two images for one word', () => {
      writeFileSync(join(images, 'web.tar.gz'), '');
      refused('IMAGE_AMBIGUOUS', 'import', 'web');
      rmSync(join(images, 'web.tar.gz'));
    });

    it('a jail that does not fit its own quota is taken away again', () => {
      refused('POOL_FULL', 'import', 'web', '-n', 'small', 'quota=1M');
    });
  });

  it('a running jail is not exported', () => {
    // The line above is for the metadata; a jail does not start with a target outside its root.
    writeFileSync(join(root, 'jails/web/fstab'), '');
    done('set', 'exec_prestart=/usr/bin/true', 'web');
    done('start', 'web');
    const before = state();
    const ran = iocage('export', 'web');
    expect(ran.status).toBe(1);
    expect(ran.stderr).toContain('export needs it stopped');
    expect(state()).toEqual(before);
    done('stop', 'web');
  });

  it('killed in the middle: doctor leaves nothing, and the earlier image whole', async () => {
    sh(
      'dd',
      'if=/dev/urandom',
      `of=${join(root, 'jails/web/root/var/big')}`,
      'bs=1M',
      'count=150',
      'status=none',
    );
    const before = state();
    const was = digest(join(images, 'web.tar.zst'));
    const running = iocage.start('export', 'web');
    const staged = (): boolean =>
      readdirSync(images).some((name) => name.startsWith('.') && readdirSync(join(images, name)).length > 0);
    for (let tries = 0; tries < 500 && !staged(); tries += 1) sh('sleep', '0.02');
    expect(staged()).toBe(true);
    running.child.kill('SIGKILL');
    await running.ended;
    done('doctor');
    expect(state()).toEqual(before);
    expect(digest(join(images, 'web.tar.zst'))).toBe(was);
  });

  function writeEmpty(path: string): string {
    writeFileSync(path, '');
    return path;
  }

  describe('what an image could not give back', () => {
    it('devices are left out, and named; the rest comes back', () => {
      done('create', '-c', 'release=busybox', '-n', 'chrooted');
      const files = join(root, 'jails/chrooted/root');
      mkdirSync(join(files, 'var/named/dev'), { recursive: true });
      sh('mknod', join(files, 'var/named/dev/null'), 'c', '1', '3');
      sh('mknod', join(files, 'dev/sda'), 'b', '8', '0');
      expect(done('export', 'chrooted').stderr).toContain('not archived: /var/named/dev/null is a device');
      const listed = sh('tar', '-tf', join(images, 'chrooted.tar.zst'));
      expect(listed).toContain('./var/named/dev/\n');
      expect(listed).not.toMatch(/dev\/(null|sda)/);
      done('destroy', '-f', 'chrooted');
      done('import', 'chrooted');
      expect(treeOf('chrooted').join('\n')).not.toMatch(/dev\/(null|sda)/);
      done('package', 'chrooted');
      done('destroy', '-f', 'chrooted');
    });

    it('a file longer than the pool, as lastlog(8) with large user ids: its holes stay holes', () => {
      done('create', '-c', 'release=busybox', '-n', 'holes');
      const path = 'root/var/log/lastlog';
      writeFileSync(join(root, 'jails/holes', path), 'x');
      truncateSync(join(root, 'jails/holes', path), 1100 * 2 ** 20);
      done('export', 'holes');
      done('destroy', '-f', 'holes');
      done('import', 'holes');
      const { size, blocks } = statSync(join(root, 'jails/holes', path));
      expect(size).toBe(1100 * 2 ** 20);
      expect(blocks * 512).toBeLessThan(2 ** 20);
      done('destroy', '-f', 'holes');
    });

    it('a path that is too long is refused, and named', () => {
      done('create', '-c', 'release=busybox', '-n', 'deep');
      const name = 'd'.repeat(250);
      // dash knows no directory whose name it cannot hold.
      sh(
        'bash',
        '-c',
        `cd "$1" && for i in $(seq 20); do mkdir ${name} && cd ${name}; done`,
        'sh',
        join(root, 'jails/deep/root'),
      );
      const before = state();
      for (const command of ['export', 'package']) {
        const { status, stderr } = iocage(command, 'deep');
        expect(stderr).toMatch(/^iocage: archiving "\/d+…" is not possible here: its path has \d+ bytes/m);
        expect(stderr.length).toBeLessThan(500);
        expect(status).toBe(1);
        // The directory for images is made before, and goes when it is empty.
        expect(state()).toEqual(before);
      }
      done('destroy', '-f', 'deep');
    });
  });
});

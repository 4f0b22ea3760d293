/** Recordings and packages through the real `bin/iocage` on a real pool: what a package brings back, and what it may not do. */
import { setTimeout } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { filesOf } from '../support/files-of.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';

describe.skipIf(!hostTests)(`packages of jails${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let root: string;
  let packages: string;
  let files: string;
  const scratch = (name: string): string => join(lab.pool.directory, name);

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    root = join(lab.pool.directory, 'pool/iocage');
    packages = join(root, 'packages');
    files = join(root, 'jails/web/root');
    done('create', '-c', 'release=busybox', '-n', 'web', 'ip4=disable', 'notes=recorded');
  });
  afterAll(() => lab.close());

  const done: Command['done'] = (...words) => iocage.done(...words);
  function refused(text: string, ...words: readonly string[]): void {
    const before = state();
    const ran = iocage(...words);
    expect(ran.status, ran.stdout + ran.stderr).toBeGreaterThan(0);
    expect(ran.stderr).toContain(text);
    expect(state()).toEqual(before);
  }
  const state = (): readonly string[] => comparable(lab.state());
  const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
  const members = (): readonly string[] =>
    sh('tar', '-tf', join(packages, 'web.tar.zst')).trim().split('\n').sort();
  const treeOf = (uuid: string): readonly string[] =>
    filesOf(join(root, 'jails', uuid, 'root'))
      .filter(({ path }) => path !== '' && path !== 'etc/hostname')
      // A directory's time and size are of what was done in it.
      .map(({ path, kind, mode, owner, target, mtimeNs, size }) =>
        [path, kind, mode, owner, target, ...(kind === 'd' ? [] : [mtimeNs, size])].join('|'),
      )
      .sort();

  it('package: only what differs from the release; import makes the same jail of it', async () => {
    // zfs-fuse keeps times in whole seconds; a change that shows in the time alone needs another second.
    await setTimeout(1100);
    writeFileSync(join(files, 'etc/new'), 'new');
    chmodSync(join(files, 'etc/group'), 0o600);
    const { atime, mtime } = statSync(join(files, 'etc/hosts'));
    const text = readFileSync(join(files, 'etc/hosts'), 'utf8');
    writeFileSync(join(files, 'etc/hosts'), text.replace('localhost', 'localHOST'));
    utimesSync(join(files, 'etc/hosts'), atime, mtime);
    rmSync(join(files, 'home'), { recursive: true });
    rmSync(join(files, 'bin/wget'));
    rmSync(join(files, 'bin/vi'));
    mkdirSync(join(files, 'bin/vi/deep'), { recursive: true });
    const before = state();
    const { stdout } = done('package', 'web');
    expect(stdout).toContain(`Package saved to: ${join(packages, 'web.tar.zst')}`);
    expect(readFileSync(join(packages, 'web.sha256'), 'utf8').trim()).toBe(
      digest(join(packages, 'web.tar.zst')),
    );
    expect(readdirSync(packages).sort()).toEqual(['web.json', 'web.sha256', 'web.tar.zst']);
    expect(state().filter((line) => !before.includes(line) && !/packages|web\./.test(line))).toEqual([]);
    expect(members()).toEqual(
      expect.arrayContaining(['./bin/vi/', './bin/vi/deep/', './etc/group', './etc/hosts', './etc/new']),
    );
    expect(members()).not.toContain('./bin/busybox');
    expect(members().length).toBeLessThan(10);
    expect(JSON.parse(readFileSync(join(packages, 'web.json'), 'utf8')).package).toEqual({
      release: 'busybox',
      deleted: ['bin/vi', 'bin/wget', 'home'],
    });

    const same = treeOf('web');
    const made = done('import', 'web', '-n', 'copy');
    expect(made.stdout).toContain('Successfully imported: copy (copy)');
    expect(treeOf('copy')).toEqual(same);
    expect(
      sh('zfs', 'get', '-H', '-o', 'value', 'origin', `${lab.pool.name}/iocage/jails/copy/root`).trim(),
    ).toBe(`${lab.pool.name}/iocage/releases/busybox/root@copy`);
    expect(done('get', 'notes', 'copy').stdout.trim()).toBe('recorded');
    done('start', 'copy');
    done('destroy', '-f', 'copy');
    expect(sh('zfs', 'list', '-H', '-t', 'snapshot', '-r', `${lab.pool.name}/iocage/releases`)).not.toContain(
      '@copy',
    );
  });

  it('record start, record stop: what changed between the two, while the jail ran', () => {
    refused('is not being recorded', 'record', 'stop', 'web');
    done('record', 'start', 'web');
    refused('is being recorded already', 'record', 'start', 'web');
    done('start', 'web');
    done('exec', 'web', 'sh', '-c', 'echo during > /root/during');
    done('stop', 'web');
    done('record', 'stop', 'web');
    refused('has a recording that is ended', 'record', 'start', 'web');
    writeFileSync(join(files, 'root/after'), 'after');
    done('package', 'web');
    expect(members()).toContain('./root/during');
    expect(members()).not.toContain('./root/after');
    expect(members()).not.toContain('./etc/new');
    expect(sh('zfs', 'list', '-H', '-r', `${lab.pool.name}/iocage/download`).trim().split('\n')).toHaveLength(
      1,
    );
    done('snapremove', 'web@ioc-recorded');
    done('package', 'web');
    expect(members()).toContain('./root/after');
    done('snapremove', 'web@ioc-record');
  });

  it('refused: running, made from no release, nothing that differs', () => {
    done('start', 'web');
    refused('package needs it stopped', 'package', 'web');
    done('stop', 'web');
    done('create', '-e', '-n', 'bare');
    refused('made from no release', 'package', 'bare');
    done('destroy', '-f', 'bare');
    done('record', 'start', 'web');
    refused('nothing differs', 'package', 'web');
    done('snapremove', 'web@ioc-record');
    refused('record start JAIL', 'record', 'web');
    refused('record start JAIL', 'record', 'begin', 'web');
  });

  it('a package of the original: unpacked over the release that is named', () => {
    mkdirSync(scratch('old/etc'), { recursive: true });
    writeFileSync(scratch('old/etc/from-package'), 'x');
    const uuid = 'adae47cb-01cb-11e6-8e4e-000000000002';
    const file = join(packages, `${uuid}.tar.xz`);
    sh('tar', '-cJf', file, '-C', scratch('old'), '.');
    writeFileSync(join(packages, `${uuid}.sha256`), digest(file));
    done('import', uuid, 'release=busybox', 'tag=old');
    expect(existsSync(join(root, 'jails', uuid, 'root/etc/from-package'))).toBe(true);
    expect(existsSync(join(root, 'jails', uuid, 'root/bin/busybox'))).toBe(true);
    done('destroy', '-f', 'old');
    refused('not found locally', 'import', uuid, 'release=none');
    rmSync(file);
    rmSync(join(packages, `${uuid}.sha256`));
  });

  describe('refused, with nothing made', () => {
    /** A package whose archive and deletions are these. */
    function forge(deleted: readonly string[], ...words: readonly string[]): string {
      const file = scratch('forged.tar');
      sh('tar', '-cPf', file, '-C', scratch('forge'), ...words);
      const metadata = JSON.parse(readFileSync(join(packages, 'web.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      writeFileSync(
        scratch('forged.json'),
        JSON.stringify({ ...metadata, sha256: digest(file), package: { release: 'busybox', deleted } }),
      );
      return file;
    }

    it("through the release's own links, over them, and deletions outside", () => {
      mkdirSync(scratch('forge'));
      writeFileSync(scratch('forge/file'), 'x');
      symlinkSync('/etc', scratch('forge/link'));
      const through = ['--transform=s,^file,bin/sh/file,', 'file'];
      refused('goes through the symbolic link bin/sh', 'import', forge([], ...through), '-n', 'evil');
      refused(
        'first as a symbolic link',
        'import',
        forge([], '--transform=s,^file,bin/sh,', 'file'),
        '-n',
        'evil',
      );
      for (const path of ['../../../web', '/etc/passwd', 'bin/sh/x', '', 'etc/../..', '-rf'])
        refused('no file of the release', 'import', forge([path], 'file'), '-n', 'evil');
      done('import', forge(['bin/sh'], '--transform=s,^file,bin/sh,', 'file'), '-n', 'good');
      expect(statSync(join(root, 'jails/good/root/bin/sh')).isFile()).toBe(true);
      done('destroy', '-f', 'good');
    });

    it('another release than the one that it was made against', () =>
      refused('was made against busybox', 'import', 'web', 'release=other', '-n', 'evil'));
  });
});

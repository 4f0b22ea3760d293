/** `iocage fstab` on real ZFS with real containers: what is mounted, what is refused, and that nothing is left. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`fstab${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let shared: string;
  let jail: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'db' });
    shared = join(lab.pool.directory, 'shared files');
    jail = join(lab.pool.directory, 'pool/iocage/jails/web');
    mkdirSync(shared);
    writeFileSync(join(shared, 'hello'), 'from the host\n');
  });
  afterAll(() => lab.close());

  it('a directory read-only and one in memory are there while the jail runs; stop takes them away', () => {
    const before = comparable(lab.state());
    expect(iocage('fstab', '-a', 'web', shared, '/mnt/shared', 'nullfs', 'ro', '0', '0')).toMatchObject({
      status: 0,
    });
    expect(iocage('fstab', '-a', 'web', 'tmpfs /mnt/fast tmpfs rw,size=4m 0 0')).toMatchObject({ status: 0 });
    const listed = iocage('fstab', '-l', '-H', 'web').stdout.split('\n');
    expect(listed.slice(0, 2)).toEqual([
      `0\t${shared}\t${jail}/root/mnt/shared\tnullfs\tro`,
      `1\ttmpfs\t${jail}/root/mnt/fast\ttmpfs\trw,size=4m`,
    ]);
    const started = iocage('start', 'web');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(iocage('exec', 'web', 'cat', '/mnt/shared/hello').stdout).toBe('from the host\n');
    expect(iocage('exec', 'web', 'touch', '/mnt/shared/x').status).not.toBe(0);
    expect(iocage('exec', 'web', 'grep', ' /mnt/fast ', '/proc/mounts').stdout).toMatch(
      /^tmpfs .*size=4096k/,
    );
    expect(iocage('stop', 'web').status).toBe(0);
    expect(comparable(lab.state())).toEqual(before);
    expect(iocage('fstab', '-r', 'web', '1').status).toBe(0);
    expect(iocage('fstab', '-r', 'web', shared, '/mnt/shared', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(readFileSync(join(jail, 'fstab'), 'utf8')).toBe('');
  });

  it('a link that the jail planted where a target lies is not followed', () => {
    symlinkSync('/', join(jail, 'root/planted'));
    const added = iocage('fstab', '-a', 'web', shared, '/planted/etc', 'nullfs', 'rw', '0', '0');
    expect(added.status).not.toBe(0);
    // Planted after the line was added: the start refuses, and nothing of it is left.
    expect(iocage('fstab', '-a', 'web', shared, '/later/etc', 'nullfs', 'rw', '0', '0').status).toBe(0);
    symlinkSync('/', join(jail, 'root/later'));
    const before = comparable(lab.state());
    const started = iocage('start', 'web');
    expect(started.status).toBe(1);
    expect(started.stderr).toContain('fstab: ');
    expect(comparable(lab.state())).toEqual(before);
    expect(iocage('fstab', '-r', 'web', '0').status).toBe(0);
  });

  it('refuses what would lead out, other jails, the pool of iocage, other types, a target twice', () => {
    symlinkSync(join(jail, '../db/root'), join(lab.pool.directory, 'way'));
    const refused = (...fields: readonly string[]): string => {
      const ran = iocage('fstab', '-a', 'web', ...fields);
      expect(ran.status, fields.join(' ')).not.toBe(0);
      return ran.stderr;
    };
    expect(refused(shared, '/../../db/root', 'nullfs', 'ro', '0', '0')).toContain('not below');
    expect(refused(join(jail, '../db/root'), '/mnt', 'nullfs', 'ro', '0', '0')).toContain('another jail');
    expect(refused(join(lab.pool.directory, 'way'), '/mnt', 'nullfs', 'ro', '0', '0')).toContain(
      'another jail',
    );
    expect(refused('/', '/mnt', 'nullfs', 'ro', '0', '0')).toContain('holds all jails');
    expect(refused('/dev/sda1', '/mnt', 'ext4', 'rw', '0', '0')).toContain('type');
    expect(refused('/no/such', '/mnt', 'nullfs', 'ro', '0', '0')).toContain('does not exist');
    expect(refused(shared, '/mnt', 'nullfs', 'ro')).toContain('six fields');
    expect(iocage('fstab', '-a', 'web', shared, '/mnt', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(refused('tmpfs', '/mnt', 'tmpfs', 'rw', '0', '0')).toContain('mounted already');
    expect(iocage('fstab', '-r', 'web', '7').status).toBe(2);
    expect(iocage('fstab', '-r', 'web', '0').status).toBe(0);
  });

  it('-R puts another line in the place of one, and refuses what -a refuses', () => {
    expect(iocage('fstab', '-a', 'db', shared, '/mnt', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(iocage('fstab', '-a', 'db', 'tmpfs /srv tmpfs rw,size=4m 0 0').status).toBe(0);
    expect(iocage('fstab', '-R', '0', 'db', shared, '/opt', 'nullfs', 'rw', '0', '0')).toMatchObject({
      status: 0,
    });
    const file = join(jail, '../db/fstab');
    const fields = () =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('\t').slice(1, 4).join(' '));
    const root = join(jail, '../db/root');
    expect(fields()).toEqual([`${root}/opt nullfs rw`, `${root}/srv tmpfs rw,size=4m`]);
    const before = readFileSync(file, 'utf8');
    for (const [index, target] of [
      ['0', '/srv'],
      ['0', '/../../web/root'],
      ['5', '/free'],
      ['x', '/free'],
    ] as const)
      expect(
        iocage('fstab', '-R', index, 'db', shared, target, 'nullfs', 'ro', '0', '0').status,
        target,
      ).toBe(2);
    expect(iocage('fstab', '-R', '0', 'db').status).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(iocage('start', 'db')).toMatchObject({ status: 0 });
    expect(iocage('exec', 'db', 'cat', '/opt/hello').stdout).toBe('from the host\n');
    expect(iocage('stop', 'db').status).toBe(0);
  });

  it('-e gives the file to the editor; what was saved is checked before it counts, and kept when it is refused', () => {
    const file = join(jail, '../db/fstab');
    const before = readFileSync(file, 'utf8');
    const editor = join(lab.pool.directory, 'editor');
    const edit = (script: string) => {
      writeFileSync(editor, `#!/bin/sh\n[ "$1" = -w ] || exit 9\n${script}\n`, { mode: 0o755 });
      return commandIn({ ...lab.environment, EDITOR: `${editor} -w` })('fstab', '-e', 'db');
    };
    expect(edit('exit 0')).toMatchObject({ status: 0 });
    expect(edit('echo "tmpfs /x tmpfs rw 0 0" >> "$2"; exit 3').status).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe(before);

    const root = join(jail, '../db/root');
    const added = edit(`printf '# by hand\\ntmpfs\\t${root}/fast\\ttmpfs\\trw\\t0\\t0\\n' >> "$2"`);
    expect(added, added.stderr).toMatchObject({ status: 0 });
    expect(readFileSync(file, 'utf8')).toBe(`${before}# by hand\ntmpfs\t${root}/fast\ttmpfs\trw\t0\t0\n`);

    for (const [line, why] of [
      ['tmpfs /etc tmpfs rw 0 0', 'not below'],
      [`/ ${root}/host nullfs rw 0 0`, 'holds all jails'],
      ['what is this', 'six fields'],
      [`tmpfs ${root}/fast tmpfs rw 0 0`, 'mounted already'],
    ]) {
      const now = readFileSync(file, 'utf8');
      const ran = edit(`echo '${line}' >> "$2"`);
      expect(ran.status, line).toBe(2);
      expect(ran.stderr).toContain(why);
      expect(readFileSync(file, 'utf8')).toBe(now);
      const kept = /kept in (\S+)/.exec(ran.stderr)![1]!;
      expect(readFileSync(kept, 'utf8')).toContain(line);
    }
    const copies = (): readonly string[] => readdirSync(join(lab.paths.run, 'edit'));
    const kept = copies();
    expect(commandIn({ ...lab.environment, EDITOR: '/no/such/editor' })('fstab', '-e', 'db').status).toBe(1);
    // Of what is gone nothing can be kept.
    const gone = edit('rm "$2"');
    expect(gone.status).toBe(2);
    expect(gone.stderr).toMatch(
      /the editor removed it\n {2}hint: nothing was changed; the editor has to save/,
    );
    expect(gone.stderr).not.toContain('kept in');
    expect(copies()).toEqual(kept);
    // What is too much for those who read it, is refused, and kept.
    const long = edit('{ printf "# "; head -c 30000000 /dev/zero | tr "\\0" x; echo; } >> "$2"');
    expect(long.status).toBe(2);
    expect(long.stderr).toMatch(/it is larger than 256 KiB\n {2}hint: nothing was changed; .* is kept in /);
    const line = edit('{ printf "# "; head -c 5000 /dev/zero | tr "\\0" x; echo; } >> "$2"');
    expect(line.stderr).toMatch(/line \d+: it is longer than 4096 characters/);
    expect(copies()).toHaveLength(kept.length + 2);
    // Somebody else changes the file while the editor is open.
    const raced = edit(`echo '# other' >> '${file}'; echo '# mine' >> "$2"`);
    expect(raced.stderr).toContain('somebody else');
    expect(readFileSync(file, 'utf8')).toContain('# other');
  });

  it('a clone mounts in its own root what the lines of its source say', () => {
    expect(iocage('fstab', '-a', 'web', shared, '/mnt', 'nullfs', 'ro', '0', '0').status).toBe(0);
    expect(iocage('clone', 'web', '-n', 'copy').status).toBe(0);
    expect(iocage('start', 'copy')).toMatchObject({ status: 0 });
    expect(iocage('exec', 'copy', 'cat', '/mnt/hello').stdout).toBe('from the host\n');
    expect(iocage('stop', 'copy').status).toBe(0);
  });
});

/** upgrade and rebase through the real `bin/iocage`: what changes, what stays, and every way back. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { layBusyboxRoot } from '../support/release.ts';
import { sh } from '../support/pool.ts';

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;

/** Files of the two releases; null: not there; ending in `/`: a directory; `-> x`: a link. */
const releases: Readonly<Record<'bookworm' | 'trixie', Readonly<Record<string, string>>>> = {
  bookworm: {
    'etc/os-release': 'VERSION_CODENAME=bookworm\n',
    'etc/app.conf': lines('a=1', 'b=1', 'c=1', 'd=1', 'e=1'),
    'etc/clash.conf': 'from=bookworm\n',
    'etc/gone.conf': 'old\n',
    'etc/kept.conf': 'old\n',
    'etc/unwanted.conf': 'x\n',
    'usr/share/app/version': '1\n',
    'usr/share/app/same-size': 'one\n',
    'usr/share/turns': 'a file\n',
    'usr/share/folder/inside': 'x\n',
    'usr/share/used/inside': 'x\n',
    'usr/share/hard': 'hard 1\n',
    'opt/': '',
    'srv/': '',
  },
  trixie: {
    'etc/os-release': 'VERSION_CODENAME=trixie\n',
    'etc/app.conf': lines('a=1', 'b=1', 'c=1', 'd=1', 'e=2', 'f=2'),
    'etc/clash.conf': 'from=trixie\n',
    'etc/kept.conf': 'new\n',
    'etc/unwanted.conf': 'x\n',
    'etc/new.d/new.conf': 'new\n',
    'usr/share/app/version': '2\n',
    'usr/share/app/same-size': 'two\n',
    'usr/share/turns/now/a-directory': 'x\n',
    'usr/share/folder': '-> app',
    'usr/share/used': '-> app',
    'usr/share/hard': 'hard 2\n',
    'opt/': '',
    'srv/': '',
  },
};

/** An extended attribute, where libcap2-bin is there to set one. */
const setcap = existsSync('/usr/sbin/setcap');

describe.skipIf(!hostTests)(`upgrade and rebase${reason}`, { timeout: 180_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let top: string;
  const scratch = (name: string): string => join(lab.pool.directory, name);
  const rootOf = (jail: string): string => join(top, 'jails', jail, 'root');

  beforeAll(async () => {
    lab = await openLab({ release: false });
    iocage = commandIn(lab.environment);
    top = join(lab.pool.directory, 'pool/iocage');
    ok('set', 'ip4=disable', 'default');
    for (const [name, files] of Object.entries(releases)) {
      const root = scratch(name);
      layBusyboxRoot(root);
      for (const [path, text] of Object.entries(files)) {
        const at = join(root, path);
        mkdirSync(path.endsWith('/') ? at : dirname(at), { recursive: true });
        if (text.startsWith('-> ')) symlinkSync(text.slice(3), at);
        else if (!path.endsWith('/')) writeFileSync(at, text);
        // Packages of one source carry one time.
        if (existsSync(at)) utimesSync(at, 1e9, 1e9);
      }
      linkSync(join(root, 'usr/share/hard'), join(root, 'usr/share/hard-too'));
      writeFileSync(join(root, 'usr/bin/tool'), `#!/bin/sh\necho ${name}\n`);
      chmodSync(join(root, 'usr/bin/tool'), 0o755);
      ok('fetch', `release=${name}`, `folder=${root}`);
    }
    const passwd = join(top, 'releases/trixie/root/etc/passwd');
    writeFileSync(passwd, `${readFileSync(passwd, 'utf8')}messagebus:x:101:101::/:/bin/false\n`);
  });
  afterAll(() => lab.close());

  function ok(...words: readonly string[]): string {
    const ran = iocage(...words);
    expect(ran.status, `${words.join(' ')}: ${ran.stderr}${ran.stdout}`).toBe(0);
    return ran.stdout;
  }
  function refused(...words: readonly string[]): string {
    const before = state();
    const ran = iocage(...words);
    expect(ran.status, `${words.join(' ')}: ${ran.stdout}`).not.toBe(0);
    expect(state(), words.join(' ')).toEqual(before);
    return ran.stderr;
  }
  const state = (): readonly string[] => comparable(lab.state());
  const read = (jail: string, path: string): string => readFileSync(join(rootOf(jail), path), 'utf8');
  const gone = (jail: string, path: string): void =>
    expect(lstatSync(join(rootOf(jail), path), { throwIfNoEntry: false }), path).toBeUndefined();

  /** Every file below, with all that can be told of it, whatever its name is. */
  function treeOf(root: string): readonly string[] {
    const format = '%P\\0%y\\0%m\\0%U:%G\\0%T@\\0%s\\0%l\\0%n\\0\\n\\0';
    const bytes = execFileSync('find', [root, '-mindepth', '1', '-printf', format]);
    return bytes
      .toString('latin1')
      .split('\0\n\0')
      .filter((record) => record !== '')
      .map((record) => {
        const [path, type, mode, owner, time, size, target, links] = record.split('\0') as [
          string,
          string,
          string,
          string,
          string,
          string,
          string,
          string,
        ];
        const file = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
        const content = type === 'f' ? createHash('sha256').update(readFileSync(file)).digest('hex') : '';
        const device = 'cb'.includes(type) ? statSync(file).rdev : '';
        // A directory's time and size are of what was done in it.
        const rest = type === 'd' ? [] : [time, size, links];
        return JSON.stringify([path, type, mode, owner, target, content, device, ...rest]);
      })
      .sort();
  }

  /** Of every kind that a file can be. */
  function fill(root: string): void {
    const at = (path: string): string => join(root, path);
    for (const place of ['home/www', 'var/lib/app', 'usr/local/bin', 'root/.config', 'srv/data', 'opt/mine'])
      mkdirSync(at(place), { recursive: true });
    for (const place of ['home/www', 'var/lib/app', 'usr/local/bin', 'root/.config', 'opt/mine'])
      writeFileSync(at(`${place}/mine`), `mine in ${place}\n`);
    const data = at('srv/data');
    sh('mknod', join(data, 'null'), 'c', '1', '3');
    sh('mknod', join(data, 'loop'), 'b', '7', '0');
    sh('mkfifo', join(data, 'pipe'));
    symlinkSync('/etc/shadow', join(data, 'absolute'));
    symlinkSync('nowhere', join(data, 'dangling'));
    writeFileSync(join(data, 'first'), 'two names\n');
    linkSync(join(data, 'first'), join(data, 'second'));
    for (const name of [
      'new\nline',
      '-rf',
      ' blank ',
      'back\\slash',
      'back\\101',
      '*',
      '\u{1f600}',
      'quo\'te"',
      '--checkpoint=1',
    ])
      writeFileSync(join(data, name), `called ${name}`);
    writeFileSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xff, 0xfe, 0x01])]), 'bytes');
    mkdirSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xe4, 0x20])]));
    writeFileSync(
      Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xe4, 0x20]), Buffer.from('/within')]),
      'x',
    );
    writeFileSync(join(data, 'setuid'), 'x');
    chownSync(join(data, 'setuid'), 1234, 567);
    chmodSync(join(data, 'setuid'), 0o6755);
    writeFileSync(join(data, 'none'), 'x');
    chmodSync(join(data, 'none'), 0o000);
    mkdirSync(join(data, 'empty'));
    chmodSync(join(data, 'empty'), 0o1733);
    chownSync(join(data, 'empty'), 33, 33);
    writeFileSync(join(data, 'sparse'), 'begin');
    truncateSync(join(data, 'sparse'), 20 * 1024 * 1024);
    utimesSync(join(data, 'first'), 1e9, 123456789);
    writeFileSync(join(data, 'capable'), 'x');
    if (setcap) sh('setcap', 'cap_net_raw+ep', join(data, 'capable'));
  }
  const places = ['home', 'var/lib', 'usr/local', 'root', 'srv', 'opt'];
  const data = (root: string): readonly string[] => places.flatMap((place) => treeOf(join(root, place)));

  function changeJail(jail: string): void {
    const at = (path: string): string => join(rootOf(jail), path);
    fill(rootOf(jail));
    writeFileSync(at('etc/app.conf'), lines('a=mine', 'b=1', 'c=1', 'd=1', 'e=1'));
    chmodSync(at('etc/app.conf'), 0o640);
    chownSync(at('etc/app.conf'), 0, 33);
    writeFileSync(at('etc/clash.conf'), 'from=mine\n');
    writeFileSync(at('etc/gone.conf'), 'mine\n');
    chmodSync(at('etc/kept.conf'), 0o600);
    unlinkSync(at('etc/unwanted.conf'));
    writeFileSync(
      at('etc/passwd'),
      `${readFileSync(at('etc/passwd'), 'utf8')}me:x:1000:1000::/home/me:/bin/sh\n`,
    );
  }

  function expectUpgraded(jail: string): void {
    expect(read(jail, 'etc/app.conf')).toBe(lines('a=mine', 'b=1', 'c=1', 'd=1', 'e=2', 'f=2'));
    const { mode, uid, gid } = statSync(join(rootOf(jail), 'etc/app.conf'));
    expect([(mode & 0o7777).toString(8), uid, gid]).toEqual(['640', 0, 33]);
    expect(read(jail, 'etc/clash.conf')).toBe('from=mine\n');
    expect(read(jail, 'etc/clash.conf.new-trixie')).toBe('from=trixie\n');
    expect(read(jail, 'etc/gone.conf')).toBe('mine\n');
    expect(read(jail, 'etc/kept.conf')).toBe('new\n');
    expect(statSync(join(rootOf(jail), 'etc/kept.conf')).mode & 0o777).toBe(0o600);
    gone(jail, 'etc/unwanted.conf');
    expect(read(jail, 'etc/new.d/new.conf')).toBe('new\n');
    expect(read(jail, 'etc/os-release')).toContain('trixie');
    expect(read(jail, 'etc/passwd')).toMatch(/^me:x:1000[^]*^messagebus:/m);
    expect(read(jail, 'etc/hostname')).toBe(`${jail}\n`);
    expect(ok('get', 'release', jail)).toBe('trixie\n');
  }

  const kinds = [
    ['thick', 'web', []],
    ['clone', 'thin', ['-c']],
    ['basejail', 'based', ['-b']],
  ] as const;

  it.each(kinds)('%s: takes what the release changed, and leaves what the jail has', (kind, jail, flags) => {
    ok('create', ...flags, 'release=bookworm', '-n', jail);
    changeJail(jail);
    if (kind !== 'basejail') {
      mkdirSync(join(rootOf(jail), 'usr/share/used'), { recursive: true });
      writeFileSync(join(rootOf(jail), 'usr/share/used/mine'), 'mine\n');
      unlinkSync(join(rootOf(jail), 'bin/wget'));
    }
    const before = { data: data(rootOf(jail)), whole: treeOf(rootOf(jail)), state: state() };

    const looked = JSON.parse(ok('upgrade', '-n', jail, 'release=trixie', '--json')) as {
      result: {
        changes: { path: string; what: string }[];
        conflicts: { path: string; why: string; beside?: string }[];
      };
    };
    expect(treeOf(rootOf(jail))).toEqual(before.whole);
    expect(state()).toEqual(before.state);
    const { changes, conflicts } = looked.result;
    expect(changes).toEqual(
      expect.arrayContaining([
        { path: 'etc/app.conf', what: 'merged' },
        { path: 'etc/kept.conf', what: 'changed' },
        { path: 'etc/new.d', what: 'added' },
        { path: 'etc/passwd', what: 'merged' },
      ]),
    );
    expect(conflicts).toContainEqual({
      path: 'etc/clash.conf',
      why: 'changed by both',
      beside: 'etc/clash.conf.new-trixie',
    });
    expect(conflicts).toContainEqual({
      path: 'etc/gone.conf',
      why: 'changed in the jail, gone in the new release',
    });

    const told = ok('upgrade', jail, 'release=trixie');
    expect(told).toContain(`${jail} (${jail}): bookworm -> trixie:`);
    expect(told).toContain(
      'conflict     /etc/clash.conf: changed by both; the new one: /etc/clash.conf.new-trixie',
    );
    expectUpgraded(jail);
    // Directories that are no longer there but in name are places; nothing below them is lost.
    expect(data(rootOf(jail))).toEqual(before.data);
    if (setcap) expect(sh('getcap', join(rootOf(jail), 'srv/data/capable'))).toContain('cap_net_raw');
    if (kind !== 'basejail') {
      expect(read(jail, 'usr/share/app/version')).toBe('2\n');
      expect(read(jail, 'usr/share/app/same-size')).toBe('two\n');
      expect(read(jail, 'usr/share/turns/now/a-directory')).toBe('x\n');
      expect(lstatSync(join(rootOf(jail), 'usr/share/folder')).isSymbolicLink()).toBe(true);
      expect(read(jail, 'usr/share/used/mine')).toBe('mine\n');
      expect(lstatSync(join(rootOf(jail), 'usr/share/used.new-trixie')).isSymbolicLink()).toBe(true);
      expect(statSync(join(rootOf(jail), 'usr/share/hard')).nlink).toBe(2);
      gone(jail, 'bin/wget');
    }
    const origin = sh(
      'zfs',
      'get',
      '-H',
      '-o',
      'value',
      'origin',
      `${lab.pool.name}/iocage/jails/${jail}/root`,
    ).trim();
    expect(origin).toMatch(kind === 'clone' ? /releases\/trixie\/root@/ : /^-$/);

    ok('start', jail);
    expect(ok('exec', jail, '/usr/bin/tool')).toBe('trixie\n');
    expect(ok('exec', jail, '/bin/sh', '-c', 'cat /srv/data/second /root/.config/mine')).toBe(
      'two names\nmine in root/.config\n',
    );
    ok('stop', jail);

    expect(refused('upgrade', jail, 'release=bookworm')).toContain('can still be put back to bookworm');
    const snapshot = /ioc-upgrade_\S+/.exec(ok('snaplist', jail))![0];
    expect(refused('rollback', '-f', `${jail}@${snapshot}`)).toContain('upgrade --back');
    ok('upgrade', '--back', '-f', jail);
    expect(treeOf(rootOf(jail))).toEqual(before.whole);
    expect(ok('get', 'release', jail)).toBe('bookworm\n');
    // The start has stored when it was.
    const without = (all: readonly string[]): readonly string[] =>
      all.filter((line) => !/last_started|base_started/.test(line));
    expect(without(state())).toEqual(without(before.state));
    ok('start', jail);
    expect(ok('exec', jail, '/usr/bin/tool')).toBe('bookworm\n');
    ok('stop', jail);
  });

  it('a health check that fails: the jail is as before, and up', () => {
    for (const [, jail] of kinds) {
      ok('start', jail);
      const before = { tree: treeOf(rootOf(jail)), state: state() };
      const ran = iocage('upgrade', jail, 'release=trixie', '--health', 'test "$(/usr/bin/tool)" = bookworm');
      expect(ran.status, jail).toBe(1);
      expect(ran.stderr).toContain('is not well');
      expect(ok('exec', jail, '/usr/bin/tool'), jail).toBe('bookworm\n');
      ok('stop', jail);
      const now = treeOf(rootOf(jail)).filter(
        (line) => !before.tree.includes(line) && !line.includes('rc-shutdown-ran'),
      );
      expect(now, jail).toEqual([]);
    }
  });

  it('every command of docs/upgrading.md', () => {
    const page = fileURLToPath(new URL('../../docs/upgrading.md', import.meta.url));
    const commands = readFileSync(page, 'utf8').match(/(?<=^ {4}iocage ).*$/gm)!;
    expect(commands.length).toBeGreaterThan(10);
    ok('start', 'web');
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
      const said = ok(...words);
      if (command.startsWith('upgrade web')) expectUpgraded('web');
      if (command.includes('--back')) expect(said).toContain('is back to bookworm');
    }
    expectUpgraded('based');
    expect(ok('get', 'release', 'thin')).toBe('bookworm\n');
    const kept = sh('zfs', 'list', '-H', '-t', 'all', '-o', 'name', '-r', `${lab.pool.name}/iocage/jails`);
    expect(kept).not.toMatch(/root\.(old|new)/);
    expect(kept.split('\n').filter((name) => name.includes('@ioc-') && !name.includes('/based'))).toEqual([]);
    ok('upgrade', '--back', '-f', 'based');
  });

  it('rebase: a clone takes over what was patched in its release', () => {
    const before = data(rootOf('thin'));
    writeFileSync(join(top, 'releases/bookworm/root/usr/bin/tool'), '#!/bin/sh\necho patched\n');
    chmodSync(join(top, 'releases/bookworm/root/usr/bin/tool'), 0o755);
    const told = ok('rebase', 'thin');
    expect(told).toContain('bookworm as it is now: 1 changed');
    expect(read('thin', 'usr/bin/tool')).toContain('patched');
    expect(data(rootOf('thin'))).toEqual(before);
    expect(refused('rebase', 'web')).toContain('full copy');
    expect(refused('rebase', 'based')).toContain('shows bookworm as it is');
    ok('clone', 'thin', '-n', 'thin2');
    expect(existsSync(`${rootOf('thin')}.old`)).toBe(true);
    expect(existsSync(`${rootOf('thin2')}.old`)).toBe(false);
    // The clone hangs on the new root, which stays then.
    expect(refused('upgrade', '--back', '-f', 'thin')).toContain('thin2');
    ok('upgrade', '--done', '-f', 'thin');
    expect(read('thin2', 'usr/bin/tool')).toContain('patched');
    ok('rebase', 'thin2', '-r', 'trixie');
    expect(read('thin2', 'etc/os-release')).toContain('trixie');
    expect(read('thin2', 'etc/app.conf')).toContain('a=mine');
    ok('destroy', '-f', 'thin2');
  });

  it('ALL: those that have another release', () => {
    const looked = JSON.parse(ok('upgrade', '-n', 'ALL', '-r', 'trixie', '--json')) as {
      result: { uuid: string };
    }[];
    expect(looked.map(({ result }) => result.uuid)).toEqual(['based', 'thin']);
    expect(
      JSON.parse(ok('upgrade', '-n', 'ALL', '-r', 'trixie', 'release=trixie', '-H', '--json')),
    ).toHaveLength(2);
    expect(refused('upgrade', '-n', 'ALL', '-r', 'trixie', 'release=bookworm')).toContain('two releases');
  });

  it('--dry-run: every command, and nothing changed', () => {
    for (const jail of ['based', 'thin']) {
      const before = { state: state(), tree: treeOf(rootOf(jail)) };
      const said = ok('upgrade', jail, 'release=trixie', '--dry-run');
      expect(said).toMatch(/^tar --create .*--no-recursion .*\| tar --extract/m);
      expect(said).toMatch(/^cp --archive .*clash\.conf.*clash\.conf\.new-trixie$/m);
      if (jail === 'thin') expect(said).toMatch(/^zfs rename .*\/root .*\/root\.old$/m);
      expect({ state: state(), tree: treeOf(rootOf(jail)) }).toEqual(before);
    }
  });

  it('links that the jail planted lead nowhere, neither for reading nor for writing', () => {
    const outside = scratch('outside');
    mkdirSync(join(outside, 'new.d'), { recursive: true });
    for (const name of ['app.conf', 'passwd', 'clash.conf', 'os-release', 'version'])
      writeFileSync(join(outside, name), `secret ${name}\n`);
    const canary = treeOf(outside);
    const plants: readonly (readonly [string, (root: string) => void])[] = [
      [
        'etc',
        (root) => (
          renameSync(join(root, 'etc'), join(root, 'etc.mine')),
          symlinkSync(outside, join(root, 'etc'))
        ),
      ],
      [
        'usr/share',
        (root) => (
          rmSync(join(root, 'usr/share'), { recursive: true }),
          symlinkSync(outside, join(root, 'usr/share'))
        ),
      ],
      [
        'etc/app.conf',
        (root) => (
          unlinkSync(join(root, 'etc/app.conf')),
          symlinkSync(join(outside, 'app.conf'), join(root, 'etc/app.conf'))
        ),
      ],
      [
        'etc/passwd',
        (root) => (
          unlinkSync(join(root, 'etc/passwd')),
          symlinkSync(join(outside, 'passwd'), join(root, 'etc/passwd'))
        ),
      ],
      ['etc/new.d', (root) => symlinkSync(join(outside, 'new.d'), join(root, 'etc/new.d'))],
      [
        'etc/clash.conf.new-trixie',
        (root) => (
          writeFileSync(join(root, 'etc/clash.conf'), 'mine\n'),
          symlinkSync(join(outside, 'clash.conf'), join(root, 'etc/clash.conf.new-trixie'))
        ),
      ],
    ];
    for (const flags of [[], ['-c']]) {
      for (const [path, plant] of plants) {
        ok('create', ...flags, 'release=bookworm', '-n', 'evil');
        plant(rootOf('evil'));
        const said = ok('upgrade', 'evil', 'release=trixie');
        expect(treeOf(outside), path).toEqual(canary);
        if (path !== 'etc/clash.conf.new-trixie') expect(said, path).toContain(`conflict     /${path}`);
        else expect(read('evil', 'etc/clash.conf.new-trixie.2')).toBe('from=trixie\n');
        expect(lstatSync(join(rootOf('evil'), path)).isSymbolicLink(), path).toBe(true);
        ok('destroy', '-f', 'evil');
      }
    }
  });

  it('rebase: packages that the jail added stay, with those that were patched in the release', () => {
    const database = 'var/lib/dpkg/status';
    const release = join(top, 'releases/bookworm/root');
    mkdirSync(join(release, 'var/lib/dpkg'), { recursive: true });
    writeFileSync(join(release, database), 'Package: libc\nVersion: 1\n\n');
    ok('create', '-c', 'release=bookworm', '-n', 'debian');
    writeFileSync(
      join(rootOf('debian'), database),
      'Package: libc\nVersion: 1\n\nPackage: nginx\nVersion: 1\n\n',
    );
    writeFileSync(join(rootOf('debian'), 'usr/bin/nginx'), 'nginx');
    writeFileSync(join(release, database), 'Package: libc\nVersion: 2\n\n');
    writeFileSync(join(release, 'usr/bin/libc'), 'libc 2');
    ok('rebase', 'debian');
    expect(read('debian', database)).toBe('Package: libc\nVersion: 2\n\nPackage: nginx\nVersion: 1\n\n');
    expect(read('debian', 'usr/bin/nginx') + read('debian', 'usr/bin/libc')).toBe('nginxlibc 2');
    ok('upgrade', '--done', '-f', 'debian');
    writeFileSync(join(rootOf('debian'), database), 'Package: libc\nVersion: 4\n\n');
    writeFileSync(join(release, database), 'Package: libc\nVersion: 3\n\n');
    expect(refused('rebase', 'debian')).toContain('packages were installed or updated in debian');
    ok('destroy', '-f', 'debian');
  });

  it('refused: packages installed in the jail, no such release, its own release, none named, a template', () => {
    for (const [name, text] of [
      ['bookworm', 'one'],
      ['trixie', 'two'],
    ] as const) {
      mkdirSync(join(top, 'releases', name, 'root/var/lib/dpkg'), { recursive: true });
      writeFileSync(join(top, 'releases', name, 'root/var/lib/dpkg/status'), `Package: ${text}\n`);
    }
    ok('create', 'release=bookworm', '-n', 'debian');
    writeFileSync(join(rootOf('debian'), 'var/lib/dpkg/status'), 'Package: one\n\nPackage: mine\n');
    const before = treeOf(rootOf('debian'));
    expect(refused('upgrade', 'debian', 'release=trixie')).toContain(
      'packages were installed or updated in debian',
    );
    expect(treeOf(rootOf('debian'))).toEqual(before);
    expect(refused('upgrade', 'debian', 'release=forky')).toContain('forky');
    expect(refused('upgrade', 'debian', 'release=bookworm')).toContain('it is bookworm already');
    expect(refused('upgrade', 'debian')).toContain('which release?');
    expect(refused('upgrade', 'debian', 'release=-r')).toContain('not valid');
    expect(refused('upgrade', 'debian', 'notes=x')).toContain('no properties but release');
    expect(refused('upgrade', '--back', '-f', 'debian')).toContain('nothing is kept');
    ok('set', 'template=yes', 'debian');
    expect(refused('upgrade', 'debian', 'release=trixie')).toContain('it is a template');
    ok('destroy', '-f', 'debian');
  });
});

/**
 * Packages and updates with a real apt in real containers. The release comes once from this machine's mirror;
 * the packages that the tests install are made here and lie in the jail, so that no network is needed.
 * The commands of docs/packages.md are run as they stand there.
 */
import { existsSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandIn, comparable, iocPath, type Command, type Ran } from '../support/command.ts';
import { makeRepository, serveGit } from '../support/git.ts';
import { layDebs, type Deb } from '../support/debs.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';

const codename = /^VERSION_CODENAME=(\S+)$/m.exec(
  existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '',
)?.[1];
const missing = codename === undefined || !existsSync('/usr/bin/mmdebstrap');
const why = reason || (missing ? ' (skipped: not Debian, or no mmdebstrap)' : '');

const docs = readFileSync(new URL('../../docs/packages.md', import.meta.url), 'utf8');

describe.skipIf(!hostTests || missing)(`packages${why}`, { timeout: 240_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let ioc: Command;
  let top: string;

  const program = (version: string): string => `echo hello ${version}`;
  const hello = (version: string, more: Partial<Deb> = {}): Deb => ({
    name: 'hello',
    version,
    program: program(version),
    ...more,
  });
  const root = (jail: string): string => join(top, 'jails', jail, 'root');
  const release = (): string => join(top, 'releases/bookworm/root');
  const list = (): string => join(lab.pool.directory, 'packages.txt');

  function ran(...words: readonly string[]): Ran {
    return iocage(...words);
  }
  function ok(...words: readonly string[]): string {
    const { status, stdout, stderr } = ran(...words);
    expect(status, `${words.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  }
  /** A command that fails and leaves everything as it was. */
  function refused(status: number, ...words: readonly string[]): string {
    const before = comparable(lab.state());
    const end = ran(...words);
    expect(end.status, `${words.join(' ')}: ${end.stdout}${end.stderr}`).toBe(status);
    expect(comparable(lab.state()), words.join(' ')).toEqual(before);
    return end.stderr;
  }
  /** A line of the documentation, as it stands there. */
  function documented(line: string): string {
    expect(docs).toContain(`\n    ${line}\n`);
    const words = [
      ...line.replaceAll('/srv/packages', join(lab.pool.directory, 'packages')).matchAll(/'([^']*)'|(\S+)/g),
    ];
    const [program, ...rest] = words.map(([, quoted, plain]) => quoted ?? plain!);
    if (program !== 'ioc') return ok(...rest);
    return ioc.done(...rest).stdout;
  }
  const isUp = async (jail: string): Promise<boolean> =>
    (await lab.context().host.running(lab.pool.name)).has(jail);
  const version = (jail: string): string =>
    /hello (\S+)/.exec(readFileSync(join(root(jail), 'usr/bin/hello'), 'utf8'))?.[1] ?? '';
  const snapshots = (dataset: string): readonly string[] =>
    sh('zfs', 'list', '-H', '-t', 'snapshot', '-o', 'name', '-r', `${lab.pool.name}/iocage/${dataset}`)
      .split('\n')
      .filter((name) => name.includes('@ioc-update'));

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 3072, release: false });
    iocage = commandIn(lab.environment);
    ioc = commandIn(lab.environment, iocPath);
    top = join(lab.pool.directory, 'pool/iocage');
    await lab.run('release.fetch', { release: 'bookworm', suite: codename, variant: 'apt' });
  }, 400_000);
  afterAll(() => lab?.close());

  it('reaches the mirror: puppet and r10k are installed, and manifests of a repository are applied in the jail', async () => {
    const shared = join(lab.pool.directory, 'shared');
    const control = makeRepository(join(shared, 'control'));
    const daemon = await serveGit(shared);
    makeRepository(join(shared, 'greeting')).commit({
      'manifests/init.pp': "class greeting { file { '/root/greeting': content => 'of a module' } }\n",
    });
    const site = `file { '/root/applied': content => "by \${environment}" }\ninclude greeting\n`;
    control.commit({
      'manifests/site.pp': site,
      Puppetfile: `mod 'greeting', :git => '${daemon.url}/greeting', :branch => 'main'\n`,
    });
    const words = ['exec_start=none', 'exec_stop=none', 'provision.method=puppet', 'provision.rev=main'];
    ok('create', '-c', 'release=bookworm', '-n', 'managed', 'ip4=inherit', ...words);
    ok('set', `provision.source=${daemon.url}/control`, 'managed');
    const file = (name: string): string => readFileSync(join(root('managed'), 'root', name), 'utf8');
    try {
      await lab.run('jail.provision', { jail: 'managed' });
      expect(file('applied')).toBe('by production');
      expect(file('greeting')).toBe('of a module');
      expect(await isUp('managed')).toBe(false);
      // A resource that cannot be had is a failure, and the jail is as before.
      control.commit({ 'manifests/site.pp': `${site}file { '/none/of/it': ensure => file }\n` });
      writeFileSync(join(root('managed'), 'root/applied'), 'as it was');
      const before = comparable(lab.state());
      await expect(lab.run('jail.provision', { jail: 'managed' })).rejects.toThrow(
        'puppet apply failed in managed',
      );
      expect(file('applied')).toBe('as it was');
      expect(comparable(lab.state())).toEqual(before);
    } finally {
      daemon.close();
    }
    ok('destroy', '-f', 'managed');
  }, 400_000);

  it('reaches the mirror: a jail without a network installs what was fetched for its release', async () => {
    const dataset = `${lab.pool.name}/iocage/releases/bookworm`;
    const origin = sh('zfs', 'list', '-H', '-r', '-t', 'snapshot', '-o', 'name', dataset);
    const before = comparable(lab.state());
    expect(ok('mirror', 'bookworm', 'hello', '--dry-run')).toContain('Dir::State::lists=/.ioc-pkg/lists');
    refused(1, 'mirror', 'bookworm', 'nosuch-package');
    refused(2, 'mirror', 'bookworm', 'hello;reboot');
    refused(1, 'mirror', 'nosuch', 'hello');
    expect(comparable(lab.state())).toEqual(before);
    expect(documented('iocage mirror bookworm hello')).toMatch(/holds \d+ packages/);
    expect(existsSync(join(release(), 'usr/bin/hello'))).toBe(false);
    expect(sh('zfs', 'list', '-H', '-r', '-t', 'snapshot', '-o', 'name', dataset)).toBe(origin);
    expect(sh('zfs', 'list', '-H', '-r', '-o', 'name', dataset).trim().split('\n')).toEqual([
      dataset,
      `${dataset}/pkg`,
      `${dataset}/root`,
    ]);

    documented('iocage create -c release=bookworm tag=island ip4=disable exec_start=none exec_stop=none');
    const { jails } = await lab.run<{ jails: { uuid: string; tag: string }[] }>('jail.list', {});
    const uuid = jails.find(({ tag }) => tag === 'island')!.uuid;
    const fstab = join(top, 'jails', uuid, 'fstab');
    const lines = readFileSync(fstab, 'utf8');
    // Not in the mirror: as it was.
    expect(refused(1, 'pkg', '--mirror', 'island', 'install', 'hello', 'nosuch-package')).toContain('E:');
    ok('start', 'island');
    documented('ioc pkg island hello');
    expect(ok('exec', 'island', 'hello')).toBe('Hello, world!\n');
    expect(readFileSync(fstab, 'utf8')).toBe(lines);
    expect(ok('exec', 'island', 'sh', '-c', 'grep -c ioc-pkg /proc/mounts || true')).toBe('0\n');
    ok('stop', 'island');
    ok('destroy', '-f', 'island');
    sh('zfs', 'destroy', `${dataset}/pkg`);
  });

  it('reaches the mirror: a fetched release is updated, and a jail with the host’s network installs', async () => {
    const result = await lab.run('release.fetch', { release: 'bookworm', update: true });
    expect(result).toMatchObject({ fetched: false, updated: { manager: 'apt', of: 'release' } });
    expect(snapshots('releases/bookworm').length).toBeGreaterThan(0);
    for (const name of snapshots('releases/bookworm')) sh('zfs', 'destroy', name);
    ok(
      'create',
      '-c',
      'release=bookworm',
      '-n',
      'online',
      'ip4=inherit',
      'exec_start=none',
      'exec_stop=none',
    );
    ok('pkg', 'online', 'install', '-y', 'hello');
    expect(existsSync(join(root('online'), 'usr/share/doc/hello/copyright'))).toBe(true);
    expect(await isUp('online')).toBe(false);
    ok('destroy', '-f', 'online');
    // From here on only what the tests make.
    layDebs(release(), [hello('1'), { name: 'other', version: '1', program: 'echo other' }]);
  });

  describe('create pkglist=', () => {
    it('installs all of a list before anybody can use the jail, and starts no service for it', async () => {
      const note =
        'ls -l /proc/1/ns/net | sed "s/.*net:/net:/" >/root/net; pwd >/root/ran; /usr/sbin/policy-rc.d; echo $? >/root/policy';
      layDebs(release(), [
        hello('1', { postinst: note }),
        { name: 'other', version: '1', program: 'echo other' },
      ]);
      writeFileSync(list(), '# what we need\nhello=1\n  other # and this\n');
      documented('iocage create -c release=bookworm tag=web pkglist=/srv/packages.txt');
      const { jails } = await lab.run<{ jails: { uuid: string; tag: string }[] }>('jail.list', {});
      const uuid = jails.find(({ tag }) => tag === 'web')!.uuid;
      expect(await isUp(uuid)).toBe(false);
      expect(version(uuid)).toBe('1');
      expect(existsSync(join(root(uuid), 'usr/bin/other'))).toBe(true);
      expect(readFileSync(join(root(uuid), 'root/policy'), 'utf8')).toBe('101\n');
      expect(existsSync(join(root(uuid), 'usr/sbin/policy-rc.d'))).toBe(false);
      expect(ok('get', 'pkglist', 'web')).toBe(`${list()}\n`);
    });

    it('takes the JSON of Python iocage, and jails that are copies', async () => {
      writeFileSync(join(lab.pool.directory, 'packages.json'), '{ "pkgs": ["other"] }');
      documented('iocage create -c -r bookworm -n db -p /srv/packages.json');
      expect(existsSync(join(root('db'), 'usr/bin/other'))).toBe(true);
      ok('destroy', '-f', 'db');
    });

    it('leaves no jail when a package cannot be had, and names every one', () => {
      writeFileSync(list(), 'nosuch-one hello nosuch-two\n');
      const said = refused(1, 'create', '-c', 'release=bookworm', '-n', 'half', `pkglist=${list()}`);
      expect(said).toContain('nosuch-one');
      expect(said).toContain('nosuch-two');
      layDebs(release(), [hello('1', { postinst: 'echo it cannot be; exit 3' })]);
      writeFileSync(list(), 'hello\n');
      expect(refused(1, 'create', '-T', 'release=bookworm', '-n', 'half', `pkglist=${list()}`)).toMatch(
        /dpkg|E:/,
      );
      layDebs(release(), [hello('1'), { name: 'other', version: '1', program: 'echo other' }]);
    });

    it('refuses what is no list of packages, before anything is made', () => {
      for (const text of [
        'hello --purge',
        'hello;reboot',
        'hello-',
        '../x',
        '$(id)',
        '',
        '{"pkgs":[1]}',
        '-y',
      ]) {
        writeFileSync(list(), text);
        expect(refused(2, 'create', '-c', 'release=bookworm', '-n', 'half', `pkglist=${list()}`)).toContain(
          'pkglist',
        );
      }
      for (const path of ['/nosuch/list', '/dev/zero', '/etc'])
        refused(2, 'create', '-c', 'release=bookworm', '-n', 'half', `pkglist=${path}`);
      writeFileSync(list(), 'hello\n');
      expect(refused(2, 'create', '-b', 'release=bookworm', '-n', 'half', `pkglist=${list()}`)).toContain(
        'basejail',
      );
      expect(refused(2, 'create', '-e', '-n', 'half', `pkglist=${list()}`)).toContain('empty');
      expect(refused(2, 'clone', 'web', 'tag=half', `pkglist=${list()}`)).toContain('iocage pkg');
    });
  });

  describe('pkg', () => {
    it('runs the package manager of the jail, in the jail, whether it is up or down', async () => {
      documented('iocage pkg web install -y hello');
      expect(documented('iocage pkg web info')).toMatch(/^ii {2}hello +1 /m);
      documented('iocage pkg web remove -y hello');
      expect(ran('pkg', 'web', 'info', 'hello').stdout).not.toMatch(/^ii {2}hello/m);
      expect(ran('pkg', 'web', 'install', '-y', 'nosuch').status).toBe(100);
      ok('start', 'web');
      ok('pkg', 'web', 'install', '-y', 'hello');
      expect(ok('exec', 'web', 'hello')).toBe('hello 1\n');
      expect(ok('runtime', 'web')).toContain('jid');
      ok('stop', 'web');
      refused(1, 'pkg', 'nosuch', 'info');
      refused(2, 'pkg', 'web');
    });

    it('needs a root that has one, and runs nothing of it on the host', async () => {
      ok('create', '-e', '-n', 'bare');
      expect(refused(1, 'pkg', 'bare', 'info')).toContain('no package manager');
      expect(refused(1, 'update', 'bare')).toContain('no package manager');
      ok('destroy', '-f', 'bare');
    });
  });

  describe('update', () => {
    beforeAll(() => {
      writeFileSync(list(), 'hello\n');
      ok('create', '-c', 'release=bookworm', '-n', 'up', `pkglist=${list()}`);
    });
    beforeEach(() => {
      for (const name of snapshots('jails/up').filter((name) => /jails\/up@/.test(name)))
        sh('zfs', 'destroy', '-r', name);
    });

    it('installs what is new, tells it, keeps a snapshot, and leaves the jail down', async () => {
      layDebs(root('up'), [hello('2')]);
      const { stdout, stderr } = ran('update', 'up');
      expect(stdout).toBe('  hello 1 -> 2\nup updated successfully: 1 package.\n');
      const [snapshot] = snapshots('jails/up').map((name) => name.split('@')[1]!);
      expect(stderr).toContain(`iocage rollback up@${snapshot}`);
      expect(version('up')).toBe('2');
      expect(await isUp('up')).toBe(false);
      expect(ok('update', 'up')).toBe('up: nothing to update.\n');
      ok('rollback', '-f', `up@${snapshot}`);
      expect(version('up')).toBe('1');
    });

    it('works in a running jail, which runs on, and asks its health', async () => {
      layDebs(root('up'), [hello('3')]);
      ok('start', 'up');
      const before = ok('runtime', 'up');
      ok('update', 'up', '--health', 'hello | grep -q "hello 3"');
      expect(ok('runtime', 'up')).toBe(before);
      expect(ok('exec', 'up', 'hello')).toBe('hello 3\n');
    });

    it('goes back when a package fails, and the jail runs again', async () => {
      layDebs(root('up'), [hello('4', { postinst: 'echo no; rm -f /etc/hosts; exit 1' })]);
      const said = refused(1, 'update', 'up');
      expect(said).toContain('apt-get upgrade failed in up');
      expect(said).toContain('up is as it was before');
      expect(ok('exec', 'up', 'hello')).toBe('hello 3\n');
      expect(existsSync(join(root('up'), 'etc/hosts'))).toBe(true);
    });

    it('goes back when the health check fails, of a running jail and of one that is down', async () => {
      layDebs(root('up'), [hello('5', { program: 'echo hello 5; exit 1' })]);
      expect(refused(1, 'update', 'up', '--health', 'hello')).toContain('is not well');
      expect(ok('exec', 'up', 'hello')).toBe('hello 3\n');
      ok('stop', 'up');
      expect(refused(1, 'update', 'up', '--health', 'hello')).toContain('is not well');
      expect(version('up')).toBe('3');
      expect(await isUp('up')).toBe(false);
    });

    it('goes back when it is cancelled, and when it is killed, by doctor', async () => {
      layDebs(root('up'), [hello('6', { postinst: 'touch /root/here; sleep 600' })]);
      ok('start', 'up');
      const before = comparable(lab.state());
      const here = async (): Promise<void> => {
        const late = Date.now() + 60_000;
        while (!existsSync(join(root('up'), 'root/here'))) {
          if (Date.now() > late) throw new Error('the package’s script never ran');
          await new Promise((wake) => setTimeout(wake, 50));
        }
      };
      const asBefore = async (): Promise<void> => {
        expect(comparable(lab.state())).toEqual(before);
        expect(ok('exec', 'up', 'hello')).toBe('hello 3\n');
        expect(existsSync(join(root('up'), 'root/here'))).toBe(false);
      };

      const stop = new AbortController();
      const cancelled = lab.run('jail.update', { name: 'up' }, { signal: stop.signal });
      const end = expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED', undoFailures: [] });
      await here();
      stop.abort();
      await end;
      await asBefore();

      const killed = iocage.start('update', 'up');
      await here();
      killed.child.kill('SIGKILL');
      await killed.ended;
      expect(ran('update', 'up').stderr).toContain('iocage doctor');
      expect(ok('doctor')).toContain('mended');
      await asBefore();
      ok('stop', 'up');
    });

    it('runs the scripts of packages confined, whatever the jail has in the place of a program', async () => {
      const marks = ['mnt', 'pid', 'net', 'uts'].map((name) => `readlink /proc/self/ns/${name}`).join('; ');
      const tries = 'mknod /dev/sda b 8 0 || echo no device; mount -t proc x /mnt || echo no mount';
      layDebs(root('up'), [hello('7', { postinst: `{ ${marks}; ${tries}; } >/root/where 2>&1` })]);
      ok('update', 'up');
      const where = readFileSync(join(root('up'), 'root/where'), 'utf8');
      for (const name of ['mnt', 'pid', 'net', 'uts']) {
        expect(where).toMatch(new RegExp(`^${name}:\\[\\d+\\]$`, 'm'));
        expect(where).not.toContain(readlinkSync(`/proc/self/ns/${name}`));
      }
      expect(where).toContain('no device');
      expect(where).toContain('no mount');

      // Links of the jail's root user lead nowhere on the host.
      const outside = join(lab.pool.directory, 'outside');
      writeFileSync(outside, 'untouched\n');
      sh('rm', join(root('up'), 'var/lib/dpkg/status-old'), '-f');
      sh('mv', join(root('up'), 'usr/bin/apt-get'), join(root('up'), 'usr/bin/apt-real'));
      symlinkSync(outside, join(root('up'), 'usr/bin/apt-get'));
      expect(ran('update', 'up').status).toBe(1);
      expect(readFileSync(outside, 'utf8')).toBe('untouched\n');
      sh('mv', '-f', join(root('up'), 'usr/bin/apt-real'), join(root('up'), 'usr/bin/apt-get'));
    });

    it('prints every command in a dry run and does none', () => {
      const before = comparable(lab.state());
      expect(ok('update', '-n', 'up')).toContain('crun');
      const shown = ok('update', 'up', '--health', 'hello', '--dry-run');
      for (const words of ['zfs snapshot', '@ioc-update', 'crun', 'apt-get', 'hello'])
        expect(shown).toContain(words);
      writeFileSync(list(), 'hello\n');
      const making = ok('create', '-c', 'release=bookworm', '-n', 'dry', `pkglist=${list()}`, '--dry-run');
      for (const words of ['zfs clone', 'crun', '"hello"']) expect(making).toContain(words);
      expect(ok('fetch', 'release=bookworm', '--dry-run')).toContain('apt-get');
      expect(comparable(lab.state())).toEqual(before);
    });

    it('refuses what makes no sense, and changes nothing', () => {
      refused(1, 'update', 'nosuch');
      refused(2, 'update');
      refused(2, 'update', 'up', '--health', '');
      refused(2, 'update', 'up', 'release=x');
    });

    it('updates every jail, a template too; one that fails does not stop the rest', () => {
      layDebs(root('up'), [hello('8')]);
      ok('create', '-c', 'release=bookworm', '-n', 'bad', `pkglist=${list()}`);
      layDebs(root('bad'), [hello('8', { postinst: 'exit 1' })]);
      ok('create', '-c', 'release=bookworm', '-n', 'mould', `pkglist=${list()}`);
      layDebs(root('mould'), [hello('9')]);
      ok('set', 'template=yes', 'mould');
      const { status, stderr } = ran('update', 'ALL');
      expect(status).toBe(1);
      expect(stderr).toContain('failed in bad');
      expect(version('up')).toBe('8');
      expect(version('bad')).toBe('1');
      expect(readFileSync(join(top, 'templates/mould/root/usr/bin/hello'), 'utf8')).toContain('hello 9');
      ok('destroy', '-f', 'bad');
      ok('destroy', '-f', 'mould');
      layDebs(root('up'), [hello('8')]);
      documented('iocage update ALL');
      documented('iocage update web');
      documented(`iocage update web --health 'hello | grep -q hello'`);
      documented('iocage snaplist web');
    });
  });

  describe('a release that is there', () => {
    const other = (version: string, more: Partial<Deb> = {}): Deb => ({
      name: 'other',
      version,
      program: `echo other ${version}`,
      ...more,
    });
    beforeAll(async () => {
      writeFileSync(list(), 'other\n');
      // The release itself gets the package that is updated, as any would be.
      layDebs(release(), [other('1')]);
      ok('create', '-T', 'release=bookworm', '-n', 'seed', `pkglist=${list()}`);
      ok('fetch', 'release=seeded', 'jail=seed');
      ok('destroy', '-f', 'seed');
    });

    it('is updated by fetch; jails that exist keep what they have, new ones get it', async () => {
      const seeded = join(top, 'releases/seeded/root');
      ok('create', '-c', 'release=seeded', '-n', 'old');
      const origin = sh(
        'zfs',
        'get',
        '-H',
        '-o',
        'value',
        'origin',
        `${lab.pool.name}/iocage/jails/old/root`,
      );
      layDebs(seeded, [other('2')]);
      expect(ok('fetch', 'release=seeded', '-NU')).toContain('already fetched');
      expect(readFileSync(join(seeded, 'usr/bin/other'), 'utf8')).toContain('other 1');
      expect(ok('fetch', 'release=seeded', '-U')).toContain('1 package is updated');
      expect(readFileSync(join(seeded, 'usr/bin/other'), 'utf8')).toContain('other 2');
      ok('create', '-c', 'release=seeded', '-n', 'new');
      expect(readFileSync(join(root('old'), 'usr/bin/other'), 'utf8')).toContain('other 1');
      expect(readFileSync(join(root('new'), 'usr/bin/other'), 'utf8')).toContain('other 2');
      expect(sh('zfs', 'get', '-H', '-o', 'value', 'origin', `${lab.pool.name}/iocage/jails/old/root`)).toBe(
        origin,
      );
      expect(existsSync(join(seeded, 'usr/sbin/policy-rc.d'))).toBe(false);
      documented('iocage fetch release=bookworm');
      documented(`iocage update bookworm --health 'dpkg --audit'`);
      expect(existsSync(join(release(), 'usr/bin/other'))).toBe(false);
    });

    it('goes back when its update fails; no jail is made of it meanwhile or after a kill', async () => {
      const seeded = join(top, 'releases/seeded/root');
      layDebs(seeded, [other('3', { postinst: 'exit 1' })]);
      expect(refused(1, 'update', 'seeded')).toContain('apt-get upgrade failed');
      layDebs(seeded, [other('3', { postinst: 'touch /root/here; sleep 600' })]);
      const before = comparable(lab.state());
      const killed = iocage.start('update', 'seeded');
      while (!existsSync(join(seeded, 'root/here'))) await new Promise((wake) => setTimeout(wake, 50));
      expect(ran('create', '-c', 'release=seeded', '-n', 'early').stderr).toContain('in use by');
      killed.child.kill('SIGKILL');
      await killed.ended;
      expect(ran('create', '-c', 'release=seeded', '-n', 'early').stderr).toContain('iocage doctor');
      ok('doctor');
      expect(comparable(lab.state())).toEqual(before);
      expect(readFileSync(join(seeded, 'usr/bin/other'), 'utf8')).toContain('other 2');
    });

    it('serves its basejails: all of them down, the health asked in the one that was named', async () => {
      const seeded = join(top, 'releases/seeded/root');
      layDebs(seeded, [other('4')]);
      ok('create', '-b', 'release=seeded', '-n', 'based');
      ok('create', '-b', 'release=seeded', '-n', 'sibling');
      ok('start', 'sibling');
      expect(refused(1, 'update', 'based')).toContain('iocage stop sibling');
      ok('stop', 'sibling');
      expect(refused(1, 'update', 'based', '--health', 'test "$(hostname)" = other')).toContain(
        'is not well',
      );
      expect(readFileSync(join(seeded, 'usr/bin/other'), 'utf8')).toContain('other 2');
      ok('update', 'based', '--health', 'test "$(hostname)" = based && other | grep -q "other 4"');
      ok('start', 'sibling');
      expect(ok('exec', 'sibling', 'other')).toBe('other 4\n');
      ok('stop', 'sibling');
    });
  });
});

/**
 * Whole installations of other managers on a real pool, laid out as their own commands leave them: Bastille, ezjail and pot
 * with datasets of their own, clones, layers and mounts; jails of Python iocage with quotas, snapshots, clones, a
 * template and a plugin. They are taken over and run, and what is theirs is as before.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, commandPath, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`installations of other managers${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let mount: string;
  let pool: string;
  let busybox: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' });
    pool = lab.pool.name;
    mount = join(lab.pool.directory, 'pool');
    busybox = join(mount, 'iocage/releases/busybox/root');
  });
  afterAll(() => lab.close());

  const ok = (...words: readonly string[]): { stdout: string; stderr: string } => {
    const ran = iocage(...words);
    expect(ran, `${words.join(' ')}: ${ran.stderr}`).toMatchObject({ status: 0 });
    return ran;
  };
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const dataset = (name: string, ...more: readonly string[]): string => {
    sh('zfs', 'create', ...more, `${pool}/${name}`);
    return join(mount, name);
  };
  /** Everything that ZFS and the files say of what lies below. */
  const facts = (name: string): string =>
    [
      sh('zfs', 'list', '-H', '-r', '-t', 'all', '-o', 'name,origin,mountpoint', `${pool}/${name}`),
      sh('zfs', 'get', '-H', '-r', '-s', 'local', '-o', 'name,property,value', 'all', `${pool}/${name}`),
      execFileSync(
        'sh',
        [
          '-c',
          'cd "$1" && find . -xdev -type f -exec stat -c "%n %a %u %g %s %Y" {} + | sort',
          'sh',
          join(mount, name),
        ],
        { encoding: 'utf8' },
      ),
    ].join('\n');
  const inside = (jail: string, ...words: readonly string[]): string =>
    ok('exec', jail, ...words).stdout.trim();

  it('Bastille: a thin jail, a clone and a thick one, with their limits and what was noted on files', () => {
    const top = dataset('bastille');
    dataset('bastille/releases');
    const release = dataset('bastille/releases/14.1-RELEASE');
    sh('cp', '-a', `${busybox}/.`, release);
    sh('zfs', 'snapshot', `${pool}/bastille/releases/14.1-RELEASE@bastille-clone-1`);
    dataset('bastille/jails');
    for (const name of ['thin', 'copied', 'thick']) {
      const jail = dataset(`bastille/jails/${name}`);
      const root = `${pool}/bastille/jails/${name}/root`;
      if (name === 'copied')
        sh(
          'zfs',
          'clone',
          '-o',
          `mountpoint=${jail}/root`,
          `${pool}/bastille/releases/14.1-RELEASE@bastille-clone-1`,
          root,
        );
      else dataset(`bastille/jails/${name}/root`, ...(name === 'thick' ? ['-o', 'quota=300M'] : []));
      if (name === 'thick') sh('cp', '-a', `${release}/.`, `${jail}/root`);
      write(
        join(jail, 'jail.conf'),
        `${name} {\n  enforce_statfs = 2;\n  devfs_ruleset = 4;\n  exec.clean;\n  exec.consolelog = ${top}/logs/${name}/console.log;\n` +
          `  exec.start = '/bin/true';\n  exec.stop = '/bin/true';\n  host.hostname = ${name};\n  mount.devfs;\n` +
          `  mount.fstab = ${jail}/fstab;\n  path = ${jail}/root;\n  securelevel = 2;\n  osrelease = "14.1-RELEASE-p5";\n\n  ip4 = disable;\n  \n  ip6 = disable;\n}\n`,
      );
      write(join(jail, 'fstab'), '');
      write(join(jail, 'settings.conf'), 'boot="on"\ndepend=""\npriority="99"\n');
    }
    const thin = join(top, 'jails/thin');
    mkdirSync(join(thin, 'root/.bastille'));
    for (const link of ['bin', 'lib', 'lib64', 'usr'])
      if (existsSync(join(release, link))) symlinkSync(`/.bastille/${link}`, join(thin, 'root', link));
    for (const empty of ['etc', 'proc', 'sys', 'dev', 'tmp', 'mnt']) mkdirSync(join(thin, 'root', empty));
    write(join(thin, 'fstab'), `${release} ${thin}/root/.bastille nullfs ro 0 0\n`);
    write(join(thin, 'cpuset.conf'), '0\n');
    write(join(thin, 'rdr.conf'), 'dual em0 any any tcp 8080 80\n');
    // Access lists and notes on files belong to them.
    const noted = join(top, 'jails/thick/root/etc/noted');
    writeFileSync(noted, 'x');
    sh('setfattr', '-n', 'user.why', '-v', 'kept', noted);
    const list =
      '0x02000000' +
      '01000600ffffffff' +
      '02000400e8030000' +
      '04000400ffffffff' +
      '10000600ffffffff' +
      '20000400ffffffff';
    sh('setfattr', '-n', 'system.posix_acl_access', '-v', list, noted);

    const before = facts('bastille');
    const jails = join(top, 'jails');
    const from = ['migrate', '--from', 'bastille', '--path', jails];
    expect(iocage(...from).stderr).toContain('copied, thick, thin');
    const said = ok(...from, 'ALL').stderr;
    expect(said).toContain('rdr.conf: dual em0 any any tcp 8080 80');
    expect(ok('get', 'cpuset', 'thin').stdout).toBe('0\n');
    const copy = join(mount, 'iocage/jails/thick/root/etc/noted');
    expect(sh('getfattr', '--absolute-names', '--only-values', '-n', 'user.why', copy)).toBe('kept');
    expect(sh('getfattr', '--absolute-names', '-e', 'hex', '-n', 'system.posix_acl_access', copy)).toContain(
      list,
    );
    expect(facts('bastille')).toBe(before);
    // What is ours hangs on nothing of theirs.
    sh('zfs', 'destroy', '-r', `${pool}/bastille/jails`);
    sh('zfs', 'destroy', '-r', `${pool}/bastille`);
    ok('start', 'thin', 'copied');
    for (const name of ['thin', 'copied']) expect(inside(name, 'hostname')).toBe(name);
    ok('stop', 'ALL');
    ok('destroy', '-f', 'thin', 'copied', 'thick');
  }, 240_000);

  it('pot: several layers of datasets, one dataset, a shared one and a directory', () => {
    const top = dataset('pot');
    for (const name of ['bases', 'jails', 'fscomp']) dataset(`pot/${name}`);
    const base = dataset('pot/bases/14.1');
    sh('cp', '-a', `${busybox}/.`, base);
    mkdirSync(join(base, 'mnt'), { recursive: true });
    const app = dataset('pot/jails/app');
    for (const [name, file] of [
      ['usr.local', 'share/tool'],
      ['custom', 'etc/own'],
    ] as const)
      write(join(dataset(`pot/jails/app/${name}`), file), name);
    write(join(dataset('pot/fscomp/data'), 'shared'), 'of all pots');
    mkdirSync(join(app, 'm'));
    write(
      join(app, 'conf/fscomp.conf'),
      `${pool}/pot/bases/14.1 / ro\n${pool}/pot/jails/app/usr.local /usr/local zfs-remount\n` +
        `${pool}/pot/jails/app/custom /opt/custom zfs-remount\n${pool}/pot/fscomp/data ${app}/m/mnt ro\n`,
    );
    const common = `pot.potbase=\npot.dns=off\nosrelease="14.1-RELEASE"\npot.attr.no-rc-script=NO\npot.attr.persistent=YES\npot.attr.start-at-boot=YES\npot.attr.enforce_statfs=2\npot.attr.children=0\npot.stack=ipv4\nnetwork_type=inherit\nvnet=false\n`;
    write(
      join(app, 'conf/pot.conf'),
      `pot.level=1\npot.type=multi\npot.base=14.1\npot.cmd=true\nhost.hostname="app.example.org"\n${common}pot.rss.memory=64M\n`,
    );
    const solo = dataset('pot/jails/solo');
    sh('zfs', 'create', '-o', `mountpoint=${solo}/m`, `${pool}/pot/jails/solo/m`);
    sh('cp', '-a', `${base}/.`, `${solo}/m`);
    write(join(solo, 'conf/fscomp.conf'), '');
    write(
      join(solo, 'conf/pot.conf'),
      `pot.level=0\npot.type=single\npot.base=14.1\npot.cmd=true\nhost.hostname="solo"\n${common}pot.env="A=b"\n`,
    );
    const before = facts('pot');
    const from = ['migrate', '--from', 'pot', '--path', join(top, 'jails')];
    const dry = ok(...from, '--dry-run', 'app');
    expect(dry.stdout).toContain(`${base}`);
    const said = ok(...from, 'ALL').stderr;
    expect(said).toContain('pot.env=A=b');
    expect(said).toContain('boot=on');
    ok('start', 'app');
    expect(inside('app', 'hostname')).toBe('app.example.org');
    expect(inside('app', 'cat', '/usr/local/share/tool', '/opt/custom/etc/own', '/mnt/shared')).toBe(
      'usr.localcustomof all pots',
    );
    expect(iocage('exec', 'app', 'touch', '/mnt/x').status).not.toBe(0);
    expect(existsSync(join(mount, 'iocage/jails/solo/root/bin'))).toBe(true);
    expect(ok('get', 'memoryuse', 'app').stdout).toBe('64M:deny\n');
    ok('stop', 'app');
    expect(facts('pot')).toBe(before);
    // A layer that is not mounted is told, and nothing takes its place.
    sh('zfs', 'unmount', `${pool}/pot/jails/app/custom`);
    const partly = ok(...from, '-n', 'partly', 'app').stderr;
    expect(partly).toContain(`${pool}/pot/jails/app/custom /opt/custom`);
    expect(existsSync(join(mount, 'iocage/jails/partly/root/opt/custom'))).toBe(false);
    ok('destroy', '-f', 'app', 'solo', 'partly');
  }, 240_000);

  it('ezjail: the base of all jails, a jail that is a dataset, and one in an image, which is refused', () => {
    const top = dataset('ezjails');
    const base = dataset('ezjails/basejail');
    sh('cp', '-a', `${busybox}/.`, base);
    const jail = dataset('ezjails/www.example.org');
    for (const link of ['bin', 'lib', 'lib64', 'usr'])
      if (existsSync(join(base, link))) symlinkSync(`/basejail/${link}`, join(jail, link));
    for (const empty of ['basejail', 'etc', 'proc', 'sys', 'dev', 'tmp']) mkdirSync(join(jail, empty));
    const etc = join(lab.pool.directory, 'ezetc');
    const lines = (name: string, values: Record<string, string>) =>
      Object.entries(values)
        .map(([key, value]) => `export jail_${name}_${key}="${value}"\n`)
        .join('');
    const values = {
      hostname: 'www.example.org',
      ip: '',
      rootdir: jail,
      exec_start: '/bin/true',
      mount_enable: 'YES',
    };
    write(
      join(etc, 'ezjail/www_example_org'),
      lines('www_example_org', { ...values, image: '', imagetype: 'zfs', parentzfs: `${pool}/ezjails` }),
    );
    write(
      join(etc, 'ezjail/vault.norun'),
      lines('vault', { ...values, image: `${top}/vault.img`, imagetype: 'eli' }),
    );
    write(join(etc, 'fstab.www_example_org'), `${base} ${jail}/basejail nullfs ro 0 0\n`);
    const before = facts('ezjails');
    const from = ['migrate', '--from', 'ezjail', '--path', join(etc, 'ezjail')];
    const refused = iocage(...from, 'vault');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('its files are in an image of their own');
    expect(existsSync(join(mount, 'iocage/jails/vault'))).toBe(false);
    ok(...from, 'www.example.org');
    ok('start', 'www.example.org');
    expect(inside('www.example.org', 'hostname')).toBe('www.example.org');
    ok('stop', 'www.example.org');
    expect(facts('ezjails')).toBe(before);
    ok('destroy', '-f', 'www.example.org');
  }, 240_000);

  it('Python iocage: migrate leaves quotas, reservations, snapshots, clones, lists and plugins as they are; back, all of it', () => {
    const jails = `${pool}/iocage/jails`;
    sh('zfs', 'snapshot', `${pool}/iocage/releases/busybox/root@app`);
    const make = (name: string, more: Record<string, unknown>) => {
      sh('zfs', 'create', `${jails}/${name}`);
      sh('zfs', 'clone', `${pool}/iocage/releases/busybox/root@app`, `${jails}/${name}/root`);
      const directory = join(mount, 'iocage/jails', name);
      const config = {
        CONFIG_VERSION: '34',
        host_hostuuid: name,
        host_hostname: name,
        release: 'busybox',
        ip4: 'disable',
        vnet: 0,
        exec_start: 'true',
        exec_stop: 'true',
        ...more,
      };
      writeFileSync(join(directory, 'config.json'), JSON.stringify(config, null, 4));
      writeFileSync(join(directory, 'fstab'), '');
      return directory;
    };
    const app = make('app', { notes: 'first' });
    sh('zfs', 'set', 'quota=400M', `${jails}/app`);
    sh('zfs', 'set', 'reservation=20M', `${jails}/app`);
    sh('zfs', 'set', 'refquota=300M', `${jails}/app/root`);
    sh('zfs', 'set', 'org.example:mine=kept', `${jails}/app/root`);
    sh('zfs', 'create', `${jails}/app/data`);
    sh('zfs', 'snapshot', '-r', `${jails}/app@before`);
    sh('zfs', 'create', `${jails}/derived`);
    sh('zfs', 'clone', `${jails}/app/root@before`, `${jails}/derived/root`);
    writeFileSync(
      join(mount, 'iocage/jails/derived/config.json'),
      readFileSync(join(app, 'config.json'), 'utf8').replaceAll('"app"', '"derived"'),
    );
    writeFileSync(join(mount, 'iocage/jails/derived/fstab'), '');
    sh('setfattr', '-n', 'user.why', '-v', 'kept', join(app, 'root/etc'));
    chmodSync(join(app, 'root/etc'), 0o2751);
    const plugin = make('sync', {
      type: 'pluginv2',
      basejail: 1,
      plugin_name: 'sync',
      plugin_repository: 'https://example.org/index.git',
    });
    write(join(plugin, 'sync.json'), '{"name": "sync", "release": "busybox"}');
    write(join(plugin, 'plugin/settings.json'), '{}');
    writeFileSync(join(plugin, 'fstab'), `${busybox}/bin\t${plugin}/root/bin\tnullfs\tro\t0\t0\n`);
    sh('zfs', 'create', `${pool}/iocage/templates/golden`);
    sh('zfs', 'clone', `${pool}/iocage/releases/busybox/root@app`, `${pool}/iocage/templates/golden/root`);
    const golden = join(mount, 'iocage/templates/golden');
    writeFileSync(
      join(golden, 'config.json'),
      '{"host_hostuuid": "golden", "release": "busybox", "template": 1, "type": "template"}',
    );
    writeFileSync(join(golden, 'fstab'), '');
    // Python iocage closes its templates. ZFS in user space says of one that is mounted that it is open.
    const closed = `${pool}/iocage/templates/golden`;
    sh('zfs', 'set', 'readonly=on', closed);
    if (sh('zfs', 'get', '-H', '-o', 'source', 'readonly', closed).trim() !== 'local')
      sh('zfs', 'inherit', 'readonly', closed);

    const zfs = () =>
      ['jails', 'templates'].map((where) =>
        facts(`iocage/${where}`)
          .split('\n')
          .filter((line) => !/org\.freebsd\.iocage|config\.json/.test(line)),
      );
    const whole = () => ['jails', 'templates'].map((where) => facts(`iocage/${where}`));
    const [all, before] = [whole(), zfs()];
    ok('migrate', 'ALL');
    expect(zfs()).toEqual(before);
    expect(
      JSON.parse(ok('list', '--json').stdout).jails.some((jail: any) => jail.configuredBy !== undefined),
    ).toBe(false);
    ok('start', 'app', 'sync');
    expect(inside('sync', 'hostname')).toBe('sync');
    expect(iocage('exec', 'sync', 'touch', '/bin/x').status).not.toBe(0);
    expect(inside('app', 'stat', '-c', '%a', '/etc')).toBe('2751');
    ok('stop', 'app', 'sync');
    expect(ok('get', 'plugin_name', 'sync').stdout).toBe('sync\n');
    expect(ok('get', 'plugin_repository', 'sync').stdout).toBe('https://example.org/index.git\n');
    expect(ok('get', 'quota', 'app').stdout).toBe('400M\n');
    expect(existsSync(join(plugin, 'plugin/settings.json'))).toBe(true);
    // A jail of the template that is ours now, and the way back of all.
    ok('create', '-t', 'golden', '-n', 'child');
    ok('destroy', '-f', 'child');
    ok('migrate', '--back', '-f', 'app', 'derived', 'sync', 'golden');
    const times = (text: string) => text.replaceAll(/^(\S+ \d+ \d+ \d+ \d+) \d+$/gm, '$1');
    expect(whole().map(times)).toEqual(all.map(times));
    expect(statSync(join(golden, 'config.json')).isFile()).toBe(true);
  }, 240_000);

  it('a jail whose key is not loaded is listed as such by the command, and the others as ever', () => {
    // ZFS in user space has no encryption: this one says, for this command alone, that the key of a dataset is away.
    const real = sh('sh', '-c', 'realpath "$(command -v zfs)"').trim();
    const [standIn, copy] = [join(lab.pool.directory, 'zfs'), join(lab.pool.directory, 'zfs.real')];
    sh('cp', '-p', real, copy);
    sh('zfs', 'create', `${pool}/iocage/jails/vault`);
    sh('zfs', 'unmount', `${pool}/iocage/jails/vault`);
    const vault = `${pool}/iocage/jails/vault`;
    writeFileSync(
      standIn,
      `#!/bin/sh\ncase " $* " in *" keystatus "*) printf '%s\\tkeystatus\\tunavailable\\tkeystatus\\t%s\\n' ${vault} ${vault}; exit 0;; esac\nexec ${copy} "$@"\n`,
    );
    chmodSync(standIn, 0o755);
    const there = (...words: readonly string[]) =>
      spawnSync(
        'unshare',
        [
          '-m',
          'sh',
          '-c',
          'mount --bind "$1" "$2" && shift 2 && exec "$@"',
          'sh',
          standIn,
          real,
          commandPath,
          ...words,
        ],
        { encoding: 'utf8', env: { PATH: process.env['PATH'], ...lab.environment } },
      );
    const listed = JSON.parse(there('list', '--json').stdout).jails as any[];
    expect(listed.map(({ tag, state, problem }) => [tag, state, problem])).toEqual([
      ['app', 'down', undefined],
      ['derived', 'down', undefined],
      ['sync', 'down', undefined],
      ['vault', 'corrupt', 'it is encrypted, and its key is not loaded'],
    ]);
    const refused = there('start', 'vault');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('its key is not loaded');
    expect(iocage('start', 'derived').status).toBe(0);
    expect(iocage('stop', 'derived').status).toBe(0);
  });
});

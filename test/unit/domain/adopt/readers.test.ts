/** Jails of Bastille, ezjail, pot and jail.conf as their tools leave them; fixtures written after their documentation. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBastille } from '../../../../src/domain/adopt/bastille.ts';
import { isImage, readEzjail } from '../../../../src/domain/adopt/ezjail.ts';
import { newFstab, type FoundJail } from '../../../../src/domain/adopt/found.ts';
import { parseJailConf } from '../../../../src/domain/adopt/jail-conf.ts';
import { fstabsOf, readPlain } from '../../../../src/domain/adopt/plain.ts';
import { parseComponents, readPot } from '../../../../src/domain/adopt/pot.ts';
import { parsePlainSettings, parseSettings } from '../../../../src/domain/adopt/shell-settings.ts';

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../../fixtures/adopt', name), 'utf8').replaceAll('PLACE', '/p');
const propertiesOf = (found: FoundJail | undefined) => Object.fromEntries(found?.properties ?? []);
const leftOf = (found: FoundJail | undefined) => found?.left.map(({ what }) => what);

describe('Bastille', () => {
  const read = (name: string, files: Partial<Record<'fstab' | 'settings' | 'limits', string>>) =>
    readBastille(name, `/p/jails/${name}`, {
      conf: fixture(`bastille/jails/${name}/jail.conf`),
      fstab: '',
      settings: '',
      limits: '',
      ...files,
    });

  it('a thin jail: its base becomes part of its root, its folders stay mounts', () => {
    const found = read('web', {
      fstab: fixture('bastille/jails/web/fstab'),
      settings: fixture('bastille/jails/web/settings.conf'),
      limits: fixture('bastille/jails/web/rctl.conf'),
    });
    expect(propertiesOf(found)).toEqual({
      boot: 'on',
      depends: 'none',
      devfs_ruleset: '4',
      enforce_statfs: '2',
      exec_clean: '1',
      exec_start: '/bin/sh /etc/rc',
      exec_stop: '/bin/sh /etc/rc.shutdown',
      host_hostname: 'web',
      ip4_addr: 'em0|192.0.2.70/24',
      ip6: 'disable',
      maxproc: '100:deny',
      memoryuse: '1G:deny',
      mount_devfs: '1',
      priority: '5',
      rlimits: 'on',
      securelevel: '2',
    });
    expect(found.trees).toEqual([
      { from: '/p/jails/web/root', at: '' },
      { from: '/p/releases/14.1-RELEASE', at: '.bastille' },
    ]);
    expect(found.left).toEqual([]);
    expect(newFstab(found.fstab, found.root, '/tank/new/root')).toBe(
      '/srv/www\t/tank/new/root/usr/local/www\tnullfs\tro\t0\t0\n',
    );
  });

  it('a file that defines another jail is none of this one, and what it includes is told', () => {
    const conf = 'x { path = /p/x; .include "/p/more.conf"; }';
    const files = { conf, fstab: '', settings: '', limits: '' };
    expect(leftOf(readBastille('x', '/p/jails/x', files))).toEqual(['.include /p/more.conf']);
    for (const odd of ['y { path = /p/x; }', `\ufeff${conf}`, '# nothing'])
      expect(() => readBastille('x', '/p/jails/x', { ...files, conf: odd })).toThrow('defines no jail x');
  });

  /** As each kind of jail is begun. */
  const written = (name: string, lines: string) => `${name} {
  enforce_statfs = 2;
  devfs_ruleset = 4;
  exec.clean;
  exec.consolelog = /p/logs/${name}/console.log;
  exec.start = '/bin/sh /etc/rc';
  exec.stop = '/bin/sh /etc/rc.shutdown';
  host.hostname = ${name};
  mount.devfs;
  mount.fstab = /p/jails/${name}/fstab;
  path = /p/jails/${name}/root;
  securelevel = 2;
  osrelease = "14.1-RELEASE-p5";

${lines}
}
`;
  const kind = (lines: string, files: Partial<Parameters<typeof readBastille>[2]> = {}) =>
    readBastille('x', '/p/jails/x', {
      conf: written('x', lines),
      fstab: '',
      settings: 'boot="off"\ndepend=""\npriority="99"\n',
      limits: '',
      ...files,
    });
  const note =
    'exec.prestart += "ifconfig e0a_x description \\"vnet0 host interface for Bastille jail x\\"";';
  const epair =
    'exec.prestart += "epair0=\\$(ifconfig epair create) && ifconfig \\${epair0} up name e0a_x && ifconfig \\${epair0%a}b up name e0b_x";';

  it.each<[string, string, Record<string, string>, number]>([
    [
      'thick or clone',
      '  ip4.addr = bastille0|10.17.89.5;\n  \n  ip6 = disable;',
      { ip4_addr: 'bastille0|10.17.89.5', ip6: 'disable' },
      0,
    ],
    [
      'two families',
      '  ip4.addr = vtnet0|192.0.2.5/24;\n  ip4.addr += vtnet0|192.0.2.6;\n  ip6.addr = vtnet0|2001:db8::5/64;\n  ip6 = new;',
      { ip4_addr: 'vtnet0|192.0.2.5/24,vtnet0|192.0.2.6', ip6_addr: 'vtnet0|2001:db8::5/64' },
      0,
    ],
    ['inherit', '  ip4 = inherit;\n  ip6 = inherit;\n  ip6 = new;', { ip4: 'inherit' }, 0],
    ['ip_hostname', '  ip_hostname;\n  \n  ip6 = disable;', { ip_hostname: '1', ip6: 'disable' }, 0],
    [
      'vnet over jib',
      `  vnet;\n  vnet.interface = e0b_x;\n  exec.prestart += "jib addm x em0";\n  ${note}\n  exec.poststop += "ifconfig e0a_x destroy";`,
      { vnet: 'on' },
      4,
    ],
    [
      'bridge, with a link address',
      `  vnet;\n  vnet.interface = e0b_x;\n  ${epair}\n  exec.prestart += "ifconfig bridge0 addm e0a_x";\n  exec.prestart += "ifconfig e0a_x ether 02:ff:60:a1:b2:ca";\n  ${note}\n  exec.poststop += "ifconfig e0a_x destroy";`,
      { vnet: 'on' },
      6,
    ],
    [
      'netgraph',
      '  vnet;\n  vnet.interface = ng0_x;\n  exec.prestart += "jng bridge x em0";\n  exec.poststop += "jng shutdown x";',
      { vnet: 'on' },
      3,
    ],
    [
      'passthrough',
      '  vnet;\n  vnet.interface = em1;\n  exec.prestop += "ifconfig em1 -vnet x";',
      { vnet: 'on' },
      2,
    ],
    [
      'a jailed dataset',
      '  ip6 = disable;\n  enforce_statfs = 1;\n  allow.mount;\n  allow.mount.devfs;\n  allow.mount.zfs;\n  # Jailed dataset: tank/x\n  exec.created += "zfs jail x tank/x";',
      { enforce_statfs: '1', allow_mount_zfs: '1' },
      1,
    ],
  ])('%s', (_, lines, expected, left) => {
    const found = kind(lines);
    expect(propertiesOf(found)).toMatchObject({ exec_start: '/bin/sh /etc/rc', boot: 'off', ...expected });
    expect(Object.keys(propertiesOf(found)).filter((key) => /^exec_(pre|post|created)/.test(key))).toEqual(
      [],
    );
    expect(found.left).toHaveLength(left);
  });

  it('an empty jail, and one of Linux', () => {
    const minimal =
      'x {\n  host.hostname = x;\n  mount.fstab = /p/jails/x/fstab;\n  path = /p/jails/x/root;\n}\n';
    expect(kind('', { conf: minimal })).toMatchObject({ root: '/p/jails/x/root', left: [], fstab: [] });
    const linux = kind('', {
      conf: `x {
  host.hostname = x;
  mount.fstab = /p/jails/x/fstab;
  path = /p/jails/x/root;
  devfs_ruleset = 4;
  enforce_statfs = 1;

  exec.start = '/bin/true';
  exec.stop = '/bin/true';
  persist;

  allow.mount;
  allow.mount.devfs;

  ip4.addr = em0|192.0.2.7;

  ip6 = disable;
}
`,
      fstab: [
        'devfs           /p/jails/x/root/dev      devfs           rw                      0       0',
        'tmpfs           /p/jails/x/root/dev/shm  tmpfs           rw,size=1g,mode=1777    0       0',
        'fdescfs         /p/jails/x/root/dev/fd   fdescfs         rw,linrdlnk             0       0',
        'linprocfs       /p/jails/x/root/proc     linprocfs       rw                      0       0',
        'linsysfs        /p/jails/x/root/sys      linsysfs        rw                      0       0',
        '/tmp            /p/jails/x/root/tmp      nullfs          rw                      0       0',
      ].join('\n'),
    });
    expect(linux.fstab.map(({ type, target }) => `${type} ${target}`)).toEqual([
      'tmpfs /p/jails/x/root/dev/shm',
      'linprocfs /p/jails/x/root/proc',
      'linsysfs /p/jails/x/root/sys',
      'nullfs /p/jails/x/root/tmp',
    ]);
    expect(propertiesOf(linux)).toMatchObject({ exec_start: '/bin/true', enforce_statfs: '1' });
    expect(linux.left).toEqual([]);
  });

  it('what its commands keep beside: limits, processors, ports, datasets, tags', () => {
    const found = kind('', {
      settings: 'priority="7"\ndepend="db cache"\n',
      limits:
        'jail:x:memoryuse:log=2G/jail\njail:x:memoryuse:deny=1G/jail\njail:x:pcpu:log=50/jail\njail:y:maxproc:deny=5/jail\n',
      processors: '0\n2,3\n',
      others: {
        'rdr.conf': 'dual em0 any any tcp 8080 80\n',
        'zfs.conf': 'tank/x /data\n',
        tags: 'web\nprod\n',
      },
    });
    expect(propertiesOf(found)).toMatchObject({
      boot: 'on',
      priority: '7',
      depends: 'db cache',
      memoryuse: '1G:deny',
      pcpu: '50:log',
      rlimits: 'on',
      cpuset: '2,3',
    });
    expect([...leftOf(found)!].sort()).toEqual([
      'jail:x:memoryuse:log=2G/jail',
      'jail:y:maxproc:deny=5/jail',
      'rdr.conf: dual em0 any any tcp 8080 80',
      'tags: prod',
      'tags: web',
      'zfs.conf: tank/x /data',
    ]);
  });

  it('the ports tree of the release is of the base too', () => {
    const found = kind('', {
      fstab:
        '/p/releases/14.1-RELEASE /p/jails/x/root/.bastille nullfs ro 0 0\n/p/releases/14.1-RELEASE/usr/ports /p/jails/x/root/usr/ports nullfs rw 0 0\n/srv/a\\040b /p/jails/x/root/mnt nullfs ro 0 0\n',
    });
    expect(found.trees.map(({ at }) => at)).toEqual(['', '.bastille', 'usr/ports']);
    expect(found.fstab).toMatchObject([{ source: '/srv/a b' }]);
  });

  it('VNET: what wires the other network is left, and told', () => {
    const found = read('vnet', {});
    expect(propertiesOf(found)).toMatchObject({ vnet: 'on', exec_prestart: 'logger vnet comes' });
    expect(propertiesOf(found)).not.toHaveProperty('vnet_interfaces');
    expect(leftOf(found)).toEqual([
      'exec.prestart=jib addm bastille0 em0',
      'exec.poststop=jib destroy bastille0',
      'vnet.interface=e0b_bastille0',
    ]);
  });
});

it('ezjail: addresses of both families, the base, jail parameters, what has no equal', () => {
  const found = readEzjail('mail_example_org', {
    config: fixture('ezjail/mail_example_org'),
    fstab: fixture('fstab.mail_example_org'),
  });
  expect(found).toMatchObject({ name: 'mail.example.org', root: '/p/jails/mail.example.org' });
  expect(found?.trees).toEqual([
    { from: '/p/jails/mail.example.org', at: '' },
    { from: '/p/jails/basejail', at: 'basejail' },
  ]);
  expect(propertiesOf(found)).toEqual({
    allow_raw_sockets: '1',
    allow_sysvipc: '1',
    cpuset: '0-1',
    devfs_ruleset: '4',
    exec_start: '/bin/sh /etc/rc',
    host_hostname: 'mail.example.org',
    ip4_addr: 'em0|192.0.2.80',
    ip6_addr: 'em0|2001:db8::80',
    mount_devfs: '1',
    mount_fdescfs: '1',
    mount_procfs: '1',
  });
  expect(leftOf(found)).toEqual(['zfs_datasets=tank/mail']);
  expect(isImage('a.norun', 'export jail_a_image="/x.img"')).toBe(true);
  for (const type of ['simple', 'bde', 'eli'])
    expect(
      isImage('a_b', `export jail_a_b_image="/jails/a.b.img"\nexport jail_a_b_imagetype="${type}"`),
    ).toBe(true);
  expect(readEzjail('a', { config: 'export jail_a_hostname="a"', fstab: '' })).toBeUndefined();
});

it('ezjail: a root of another name, several commands and addresses, what rc.d adds', () => {
  const lines = {
    hostname: 'a-b',
    rootdir: '/data/other/',
    ip: 'lo1|127.0.1.1,192.0.2.3/24',
    ip_multi0: '2001:db8::3',
    interface: 'em0',
    exec: '/bin/sh /etc/rc',
    exec_afterstart0: '/bin/one',
    exec_prestart0: 'logger a',
    exec_prestart1: 'logger b',
    post_start_script: '/root/done',
    mount_enable: 'NO',
    retention_policy: 'days:7',
  };
  const config = Object.entries(lines).map(([key, value]) => `export jail_a_b_${key}="${value}"\n`);
  const found = readEzjail('a_b.norun', {
    config: config.join(''),
    fstab: '/jails/basejail /data/other/basejail nullfs ro 0 0\n',
  });
  expect(found).toMatchObject({ name: 'a_b', root: '/data/other', trees: [{}, { at: 'basejail' }] });
  expect(propertiesOf(found)).toMatchObject({
    ip4_addr: 'lo1|127.0.1.1,em0|192.0.2.3/24',
    ip6_addr: 'em0|2001:db8::3',
    exec_start: '/bin/sh /etc/rc && /bin/one',
    exec_prestart: 'logger a && logger b',
    exec_poststart: '/root/done',
  });
  expect(leftOf(found)).toEqual(['retention_policy=days:7']);
});

describe('pot', () => {
  const directory = (name: string) => `/p/pot/jails/${name}`;
  const read = (
    name: string,
    places: Record<string, string>,
    { conf = '', components = fixture(`pot/jails/${name}/conf/fscomp.conf`), hooks = [] as string[] } = {},
  ) =>
    readPot(
      name,
      directory(name),
      {
        conf: `${fixture(`pot/jails/${name}/conf/pot.conf`)}${conf}`,
        components: parseComponents(components),
        hooks,
      },
      (dataset) => places[dataset],
    );
  const places = {
    'tank/pot/bases/14.1': '/p/pot/bases/14.1',
    'tank/pot/jails/app/usr.local': '/p/pot/jails/app/usr.local',
    'tank/pot/jails/app/custom': '/p/pot/jails/app/custom',
    'tank/pot/fscomp/data': '/p/pot/fscomp/data',
  };

  it('of several datasets: its own make up the root in order, a shared one stays a mount', () => {
    const found = read('app', places);
    expect(found.trees).toEqual([
      { from: '/p/pot/bases/14.1', at: '' },
      { from: '/p/pot/jails/app/usr.local', at: 'usr/local' },
      { from: '/p/pot/jails/app/custom', at: 'opt/custom' },
    ]);
    expect(found.fstab).toMatchObject([
      { source: '/p/pot/fscomp/data', target: '/p/pot/jails/app/m/mnt', options: ['rw'] },
      { source: '/srv/media', target: '/p/pot/jails/app/m/media', options: ['ro'] },
    ]);
    expect(propertiesOf(found)).toEqual({
      allow_chflags: '1',
      allow_mlock: '1',
      allow_mount: '0',
      allow_mount_linprocfs: '0',
      allow_mount_nullfs: '0',
      allow_mount_tmpfs: '0',
      allow_mount_zfs: '0',
      allow_raw_sockets: '1',
      allow_set_hostname: '0',
      allow_socket_af: '1',
      boot: 'on',
      children_max: '3',
      depends: 'dns',
      devfs_ruleset: '4',
      enforce_statfs: '2',
      exec_start: 'sh /etc/rc',
      host_hostname: 'app.example.org',
      ip4_addr: 'em0|192.0.2.90',
      ip6_addr: 'em0|2001:db8::90',
      memoryuse: '512M:deny',
      mount_fdescfs: '1',
      mount_procfs: '0',
      rlimits: 'on',
      stop_timeout: '10',
      sysvmsg: 'new',
      sysvsem: 'new',
      sysvshm: 'inherit',
    });
    expect(leftOf(found)).toEqual([
      'pot.rss.cpus=2',
      'pot.export.ports=8080:80',
      'pot.env=A=b c',
      'pot.env=D=\\"e\\"',
      'pot.hosts=192.0.2.91 other',
    ]);
  });

  it('before pot 0.15.6 its places were paths of the host', () => {
    const components = fixture('pot/jails/app/conf/fscomp.conf').replaceAll(
      / \/(?!p\/|srv)(\S*)/g,
      (_, path: string) => ` ${`${directory('app')}/m/${path}`.replace(/\/$/, '')}`,
    );
    expect(components).toContain('/p/pot/jails/app/m ro');
    expect(components).toContain('/p/pot/jails/app/m/usr/local zfs-remount');
    const [older, newer] = [read('app', places, { components }), read('app', places)];
    expect([older.trees, older.fstab, older.left]).toEqual([newer.trees, newer.fstab, newer.left]);
  });

  it('of level 0 and 2: the base and the layers of another pot', () => {
    const base = {
      ...places,
      'tank/pot/bases/14.1/usr.local': '/b/usr.local',
      'tank/pot/jails/up/usr.local': '/u',
    };
    const zero = 'tank/pot/bases/14.1 /\ntank/pot/bases/14.1/usr.local /usr/local\n';
    expect(read('app', base, { components: zero }).trees).toEqual([
      { from: '/p/pot/bases/14.1', at: '' },
      { from: '/b/usr.local', at: 'usr/local' },
    ]);
    const two = 'tank/pot/bases/14.1 / ro\ntank/pot/jails/up/usr.local /usr/local ro\n';
    expect(read('app', base, { components: two })).toMatchObject({
      trees: [{ at: '' }, { from: '/u', at: 'usr/local' }],
      fstab: [],
    });
  });

  it.each([
    ['ipv4', { ip4: 'inherit', ip6: 'disable' }],
    ['ipv6', { ip4: 'disable', ip6: 'inherit' }],
    ['dual', { ip4: 'inherit', ip6: 'inherit' }],
  ])('the network of the host, %s', (stack, expected) => {
    const conf = `network_type=inherit\nvnet=false\npot.stack=${stack}\n`;
    expect(propertiesOf(read('alone', {}, { conf }))).toMatchObject(expected);
  });

  it('of one dataset, on a bridge of pot; a component that is nowhere, hooks and names are told', () => {
    const alone = read('alone', {}, { hooks: ['prestart.sh'] });
    expect(alone).toMatchObject({ trees: [{ from: '/p/pot/jails/alone/m', at: '' }] });
    expect(propertiesOf(alone)).toMatchObject({
      vnet: 'on',
      exec_start: '/usr/local/bin/server',
      resolver: '/dev/null',
    });
    expect(leftOf(alone)).toEqual([
      'network_type=public-bridge ip=10.192.0.3',
      'pot.attr.persistent=NO',
      'conf/prestart.sh',
    ]);
    const conf = 'network_type=private-bridge\nbridge=inner\npot.dns=pot\n';
    expect(leftOf(read('alone', {}, { conf }))).toEqual(
      expect.arrayContaining(['network_type=private-bridge ip=10.192.0.3', 'pot.dns=pot']),
    );
    expect(leftOf(read('app', {}))).toContain('tank/pot/bases/14.1 /');
    const odd = read('app', places, { components: '/etc /p/pot/jails/app/other\n/etc /../x\n' });
    expect([odd.fstab, odd.trees.length]).toEqual([[], 1]);
  });
});

describe('jail.conf', () => {
  const conf = parseJailConf(fixture('jail.conf'));

  it('a jail with defaults, variables and several commands', () => {
    const found = readPlain(conf, 'foo', '');
    expect(found).toMatchObject({
      root: '/p/plain/foo',
      trees: [{ from: '/p/plain/foo', at: '' }],
      left: [],
    });
    expect(propertiesOf(found)).toEqual({
      allow_mount: '0',
      children_max: '3',
      depends: 'thin',
      exec_clean: '1',
      exec_prestart: 'echo foo.example.org "up" and $name && true',
      exec_start: '/bin/sh /etc/rc',
      exec_stop: '/bin/sh /etc/rc.shutdown',
      host_hostname: 'foo.example.org',
      ip4_addr: 'em0|192.0.2.60,em0|192.0.2.61,em1|192.0.2.62/24',
      mount_devfs: '1',
      securelevel: '1',
    });
  });

  it('a thin jail whose root is a mount: all that is laid over it becomes its root', () => {
    expect(fstabsOf(conf, 'thin')).toEqual(['/p/thin.fstab']);
    const found = readPlain(conf, 'thin', fixture('thin.fstab'));
    expect(found?.trees).toEqual([
      { from: '/p/templates/base', at: '' },
      { from: '/p/plain/thin', at: 'skeleton' },
    ]);
    expect(found?.fstab).toMatchObject([
      { source: 'tmpfs', target: '/p/plain/thin-root/tmp', type: 'tmpfs' },
    ]);
    expect(propertiesOf(found)).toMatchObject({
      host_hostname: 'thin',
      ip4: 'inherit',
      allow_raw_sockets: '1',
      mount_devfs: '0',
    });
    expect(leftOf(found)).toEqual(['some.future=1']);
  });
});

describe('settings of a shell', () => {
  it.each([
    ['export A="b c"', { A: 'b c' }],
    [`A='$x'`, { A: '$x' }],
    ['A=b # c', { A: 'b' }],
    ['A="b"\'c\'d;', { A: 'bcd' }],
    [String.raw`A="a\"b"`, { A: 'a"b' }],
    ['A=', { A: '' }],
  ])('%s', (text, values) => expect(Object.fromEntries(parseSettings(text).values)).toEqual(values));

  it.each(['A="$B"', 'A=$(id)', 'A=`id`', 'A="x', 'A=b; rm -rf /', 'if true; then', 'A=b|c'])(
    '%s is not worked out',
    (text) => {
      expect(parseSettings(text).values.size).toBe(0);
      expect(parseSettings(text).unread).toHaveLength(1);
    },
  );

  it('of pot: the whole line, several times', () => {
    expect([...parsePlainSettings('pot.cmd=sh -c "a b"\nip=a\nip=b\nx="y"')]).toEqual([
      ['pot.cmd', ['sh -c "a b"']],
      ['ip', ['a', 'b']],
      ['x', ['y']],
    ]);
  });
});

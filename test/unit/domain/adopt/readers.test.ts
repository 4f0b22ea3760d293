/** Jails of Bastille, ezjail, pot and jail.conf as their tools leave them; fixtures written after their documentation. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBastille } from '../../../../src/domain/adopt/bastille.ts';
import { isImage, readEzjail } from '../../../../src/domain/adopt/ezjail.ts';
import { newFstab, type FoundJail } from '../../../../src/domain/adopt/found.ts';
import { parseJailConf } from '../../../../src/domain/adopt/jail-conf.ts';
import { fstabOf, readPlain } from '../../../../src/domain/adopt/plain.ts';
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
  expect(readEzjail('a', { config: 'export jail_a_hostname="a"', fstab: '' })).toBeUndefined();
});

describe('pot', () => {
  const read = (name: string, places: Record<string, string>) =>
    readPot(
      name,
      `/p/pot/jails/${name}`,
      {
        conf: fixture(`pot/jails/${name}/conf/pot.conf`),
        components: parseComponents(fixture(`pot/jails/${name}/conf/fscomp.conf`)),
      },
      (dataset) => places[dataset],
    );

  it('of several datasets: its own make up the root in order, a shared one stays a mount', () => {
    const found = read('app', {
      'tank/pot/bases/14.1': '/p/pot/bases/14.1',
      'tank/pot/jails/app/usr.local': '/p/pot/jails/app/usr.local',
      'tank/pot/fscomp/data': '/p/pot/fscomp/data',
    });
    expect(found.trees).toEqual([
      { from: '/p/pot/bases/14.1', at: '' },
      { from: '/p/pot/jails/app/usr.local', at: 'usr/local' },
    ]);
    expect(found.fstab).toMatchObject([{ source: '/p/pot/fscomp/data', target: '/p/pot/jails/app/m/mnt' }]);
    expect(propertiesOf(found)).toEqual({
      boot: 'on',
      depends: 'dns',
      exec_start: 'sh /etc/rc',
      host_hostname: 'app.example.org',
      ip4_addr: 'em0|192.0.2.90',
      memoryuse: '512M:deny',
      rlimits: 'on',
    });
    expect(leftOf(found)).toEqual(['pot.export.ports=8080:80']);
  });

  it('of one dataset, on the bridge of pot; a component that is nowhere is told', () => {
    expect(read('alone', {})).toMatchObject({ trees: [{ from: '/p/pot/jails/alone/m', at: '' }] });
    expect(propertiesOf(read('alone', {}))).toMatchObject({
      vnet: 'on',
      exec_start: '/usr/local/bin/server',
    });
    expect(leftOf(read('alone', {}))).toEqual(['network_type=public-bridge ip=10.192.0.3']);
    expect(leftOf(read('app', {}))).toContain('tank/pot/bases/14.1 /p/pot/jails/app/m');
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
    expect(fstabOf(conf, 'thin')).toBe('/p/thin.fstab');
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

import { hostnameOf } from '../../../../src/driver/both/hostname.ts';
import { describe, expect, it } from 'vitest';
import { ociProcess, toOciConfig, withFilter, type OciFacts } from '../../../../src/driver/linux/oci.ts';
import { seccompProfile } from '../../../../src/driver/linux/seccomp.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';

const jail = (config: Record<string, string> = {}): JailSpec => ({
  pool: 'tank',
  uuid: '6f1b',
  tag: 'web',
  dataset: 'tank/iocage/jails/6f1b',
  mountpoint: '/iocage/jails/6f1b',
  root: '/iocage/jails/6f1b/root',
  consoleLog: '/iocage/log/6f1b-console.log',
  config: new Map(Object.entries(config)),
});
const facts: OciFacts = {
  init: '/usr/bin/catatonit',
  cgroup: '/iocage/tank/ioc-6f1b',
  network: 'own',
  resolvConf: undefined,
};
const namespaces = (network: OciFacts['network']): readonly unknown[] =>
  toOciConfig(jail(), { ...facts, network }).linux.namespaces.slice(5);

describe('toOciConfig', () => {
  it.each([
    ['host', 'host', []],
    ['own', 'own', [{ type: 'network' }]],
    ['prepared', { path: '/run/netns/x' }, [{ type: 'network', path: '/run/netns/x' }]],
  ] as const)('network %s', (_, network, expected) => {
    expect(namespaces(network)).toEqual(expected);
  });

  it('has devices of the host by property only, and a tunnel only in a network of its own', () => {
    const linux = (config: Record<string, string>) => toOciConfig(jail(config), facts).linux;
    const deny = { allow: false, access: 'rwm' };
    for (const config of [{}, { allow_tun: '1' }, { allow_tun: '0', vnet: 'on', allow_vmm: '0' }]) {
      expect(linux(config).resources.devices).toEqual([deny]);
      expect(linux(config).devices).toBeUndefined();
    }
    const both = linux({ allow_tun: '1', vnet: 'on', allow_vmm: 'yes' });
    expect(both.devices?.map(({ path, major, minor }) => [path, major, minor])).toEqual([
      ['/dev/net/tun', 10, 200],
      ['/dev/kvm', 10, 232],
    ]);
    expect(both.resources.devices).toEqual([
      deny,
      { allow: true, type: 'c', major: 10, minor: 200, access: 'rw' },
      { allow: true, type: 'c', major: 10, minor: 232, access: 'rw' },
    ]);
  });

  it('always has the other five namespaces, its own root and control group', () => {
    const config = toOciConfig(jail(), facts);
    expect(config.linux.namespaces.slice(0, 5).map(({ type }) => type)).toEqual([
      'pid',
      'ipc',
      'uts',
      'mount',
      'cgroup',
    ]);
    expect(config.root).toEqual({ path: '/iocage/jails/6f1b/root', readonly: false });
    expect(config.linux.cgroupsPath).toBe('/iocage/tank/ioc-6f1b');
    expect(config.linux.resources.devices).toEqual([{ allow: false, access: 'rwm' }]);
    expect(config.process.args).toEqual(['/dev/.iocage-init', '-P']);
  });

  it('mounts the init read-only into memory, and resolv.conf only when there is one to show', () => {
    const targets = (resolvConf: string | undefined): readonly string[] =>
      toOciConfig(jail(), { ...facts, resolvConf }).mounts.map(({ destination }) => destination);
    expect(targets(undefined)).not.toContain('/etc/resolv.conf');
    expect(targets('/run/x')).toContain('/etc/resolv.conf');
    const mounts = toOciConfig(jail(), { ...facts, resolvConf: '/run/x' }).mounts;
    for (const bind of mounts.filter(({ type }) => type === 'bind')) expect(bind.options).toContain('ro');
    // A tmpfs on /dev must come before what is mounted in it.
    expect(targets(undefined).indexOf('/dev')).toBeLessThan(targets(undefined).indexOf('/dev/.iocage-init'));
    for (const { options } of mounts) expect(options).toContain('nosuid');
  });

  it('covers what speaks of the host', () => {
    const { maskedPaths, readonlyPaths } = toOciConfig(jail(), facts).linux;
    expect(maskedPaths).toEqual(expect.arrayContaining(['/proc/kcore', '/proc/keys', '/sys/firmware']));
    expect(readonlyPaths).toEqual(expect.arrayContaining(['/proc/sys', '/proc/sysrq-trigger']));
  });

  it('never gives a capability that reaches the host, whatever is allowed', () => {
    const all = Object.fromEntries(
      [
        'raw_sockets',
        'chflags',
        'mlock',
        'mount',
        'mount_zfs',
        'quotas',
        'set_hostname',
        'socket_af',
        'sysvipc',
        'tun',
        'vmm',
      ].map((name) => [`allow_${name}`, '1']),
    );
    const { bounding } = toOciConfig(jail(all), facts).process.capabilities;
    for (const name of [
      'SYS_ADMIN',
      'SYS_MODULE',
      'SYS_RAWIO',
      'SYS_TIME',
      'SYS_BOOT',
      'SYS_PTRACE',
      'DAC_READ_SEARCH',
      'MKNOD',
      'NET_ADMIN',
      'BPF',
      'PERFMON',
      'SYSLOG',
    ]) {
      expect(bounding).not.toContain(`CAP_${name}`);
    }
    expect(bounding).toEqual(expect.arrayContaining(['CAP_NET_RAW', 'CAP_LINUX_IMMUTABLE', 'CAP_IPC_LOCK']));
    expect(toOciConfig(jail(), facts).process.capabilities.bounding).not.toContain('CAP_NET_RAW');
  });

  it('gives another user no capability in effect', () => {
    const how = { args: ['id'], env: [], cwd: '/', terminal: false };
    const www = ociProcess(new Map(), { ...how, user: { uid: 33, gid: 33 } });
    expect(www.capabilities.effective).toEqual([]);
    expect(www.capabilities.bounding).toContain('CAP_SETUID');
    expect(ociProcess(new Map(), { ...how, user: { uid: 0, gid: 0 } }).capabilities.effective).toContain(
      'CAP_CHOWN',
    );
  });

  it('sets the NIS domain name only when there is one', () => {
    expect(toOciConfig(jail({ host_domainname: 'none' }), facts).linux.sysctl).toBeUndefined();
    expect(toOciConfig(jail({ host_domainname: 'example.org' }), facts).linux.sysctl).toEqual({
      'kernel.domainname': 'example.org',
    });
  });

  it('keeps the plain filter beside the compiled one, for runtimes that do not know it', () => {
    const profile = seccompProfile('x86_64', { anySocketFamily: false });
    const config = withFilter(toOciConfig(jail(), facts), profile, 'AAAA');
    expect(config.linux.seccomp).toBe(profile);
    expect(config.annotations).toEqual({ 'run.oci.seccomp_bpf_data': 'AAAA' });
    expect(withFilter(toOciConfig(jail(), facts), profile, undefined).annotations).toBeUndefined();
  });
});

describe('hostnameOf', () => {
  it.each([
    [{}, '6f1b'],
    [{ host_hostname: 'www' }, 'www'],
    [{ host_hostname: '6f1b', hostname: 'old' }, 'old'],
    [{ host_hostname: 'www', hostname: 'old' }, 'www'],
    [{ hostname: 'none' }, '6f1b'],
  ])('%j is %s', (config, name) => {
    expect(hostnameOf(jail(config as Record<string, string>))).toBe(name);
  });
});

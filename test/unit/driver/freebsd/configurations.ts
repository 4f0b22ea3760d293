/**
 * Jails of every kind, by a name that says what is special about them. `goldens/NAME.txt` holds every command
 * that starts and stops each of them on a FreeBSD host, in order.
 */
import { limitResources } from '../../../../src/domain/codec/limit.ts';
import type { Machine } from '../../../support/freebsd/machine.ts';

export interface Configuration {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
  /** Lines of the jail's fstab; `ROOT` is its root, `SRV` a directory of the host. */
  readonly fstab?: readonly string[];
  /** Shows its release's base. */
  readonly base?: true;
  /** A root with nothing in it. */
  readonly empty?: true;
  /** Datasets handed to it. */
  readonly handed?: readonly { readonly dataset: string; readonly target: string }[];
  /** What the host has besides em0 with 192.0.2.2/24, a default route and bridge0. */
  readonly machine?: (machine: Machine) => void;
  readonly uuid?: string;
  /** Oldest release that has all of it; without it 13. */
  readonly since?: number;
}

const pf = (machine: Machine): void => {
  machine.klds.push('pf');
  machine.pf.enabled = true;
  machine.pf.anchors[''] = { rules: [], nat: ['nat-anchor "iocage/*"', 'rdr-anchor "iocage/*"'] };
};
const ipfw = (machine: Machine): void => {
  machine.klds.push('ipfw', 'ipfw_nat');
  machine.ipfw.enabled = true;
  machine.sysctl['net.inet.ip.fw.one_pass'] = '0';
};
const vnet = { vnet: 'on', interfaces: 'vnet0:bridge0' };

export const configurations: readonly Configuration[] = [
  { name: 'thick-shared-ip', config: { ip4_addr: 'em0|192.0.2.10/24' } },
  { name: 'no-network', config: {} },
  { name: 'no-ip-at-all', config: { ip4: 'disable', ip6: 'disable', ip4_addr: 'em0|192.0.2.10/24' } },
  { name: 'network-of-the-host', config: { ip4: 'inherit' } },
  { name: 'two-addresses', config: { ip4_addr: 'em0|192.0.2.10/24,em0|192.0.2.11/32' } },
  { name: 'interface-of-the-default-route', config: { ip4_addr: '192.0.2.10,DEFAULT|192.0.2.11/24' } },
  { name: 'ipv6', config: { ip6_addr: 'em0|2001:db8::10/64' } },
  {
    name: 'both-families-first-address',
    config: {
      ip4_addr: 'em0|192.0.2.10/24',
      ip6_addr: '2001:db8::10',
      ip4_saddrsel: '0',
      ip6_saddrsel: '0',
      ip6: 'new',
    },
    machine: (machine) =>
      void machine.routes.push({
        vnet: 0,
        fib: 0,
        family: 6,
        destination: 'default',
        gateway: 'fe80::1',
        nic: 'em0',
      }),
  },
  { name: 'address-of-the-host', config: { ip4_addr: 'em0|192.0.2.2/24' } },
  { name: 'words-for-ifconfig', config: { ip4_addr: 'em0|192.0.2.10/24 vhid 1 advskew 100 pass secret' } },
  {
    name: 'addresses-of-its-host-name',
    config: {
      ip4_addr: 'em0|192.0.2.10/24',
      ip_hostname: '1',
      host_hostname: 'www.example.org',
      host_domainname: 'example',
    },
  },
  { name: 'loopback-of-its-own', config: { ip4_addr: 'em0|192.0.2.10/24', assign_localhost: '1' } },
  { name: 'loopback-chosen', config: { assign_localhost: '1', localhost_ip: '127.0.1.7' } },
  { name: 'basejail', config: { type: 'basejail', ip4_addr: 'em0|192.0.2.10/24' }, base: true },
  { name: 'empty-jail', config: { exec_start: '/bin/true', exec_stop: 'none' }, empty: true },
  {
    name: 'fstab',
    config: {},
    fstab: [
      'SRV ROOT/mnt nullfs ro,nosuid,late 0 0',
      'SRV ROOT/var/www/data nullfs rw 0 0',
      'tmpfs ROOT/tmp tmpfs rw,size=64m,mode=1777 0 0',
      'linprocfs ROOT/compat/linux/proc linprocfs rw 0 0',
      'linsysfs ROOT/compat/linux/sys linsysfs rw 0 0',
    ],
  },
  { name: 'volumes', config: { volumes: 'SRV:/mnt:ro SRV:/media/two:rw,noexec' } },
  { name: 'proc-and-linux-proc', config: { mount_procfs: '1', mount_linprocfs: '1' } },
  { name: 'no-devices', config: { mount_devfs: '0', mount_fdescfs: '0' } },
  { name: 'devices-without-descriptors', config: { mount_devfs: '1', mount_fdescfs: '0' } },
  { name: 'descriptors-without-devices', config: { mount_devfs: '0', mount_fdescfs: '1' } },
  {
    name: 'rule-set-of-the-host',
    config: { devfs_ruleset: '5' },
    machine: (machine) => void (machine.rulesets['5'] = { '100': 'include 4' }),
  },
  {
    name: 'rule-set-of-the-host-and-more',
    config: { devfs_ruleset: '5', allow_tun: '1', allow_mount_fusefs: '1', min_dyn_devfs_ruleset: '5000' },
    machine: (machine) => {
      machine.rulesets['5'] = { '100': 'include 4' };
      machine.klds.push('fusefs');
    },
  },
  { name: 'no-rule-set', config: { devfs_ruleset: '0' } },
  {
    name: 'everything-allowed',
    since: 14,
    config: Object.fromEntries(
      [
        ...[
          'raw_sockets',
          'chflags',
          'mlock',
          'mount',
          'mount_devfs',
          'mount_fdescfs',
          'mount_fusefs',
          'quotas',
        ],
        ...['mount_linprocfs', 'mount_linsysfs', 'mount_nullfs', 'mount_procfs', 'mount_tmpfs', 'mount_zfs'],
        ...['socket_af', 'vmm', 'nfsd'],
      ].map((word) => [`allow_${word}`, '1']),
    ),
    machine: (machine) => void machine.klds.push('fusefs', 'linprocfs', 'linsysfs', 'vmm', 'tmpfs', 'procfs'),
  },
  {
    name: 'host-name-fixed-levels-open',
    config: { allow_set_hostname: '0', securelevel: '-1', enforce_statfs: '0', children_max: '5' },
  },
  { name: 'system-v-ipc', config: { sysvmsg: 'inherit', sysvsem: 'disable', sysvshm: 'new' } },
  { name: 'system-v-ipc-of-the-host', config: { allow_sysvipc: '1' } },
  {
    name: 'limits',
    config: {
      rlimits: 'on',
      memoryuse: '512M:deny',
      maxproc: '50:deny',
      pcpu: '150:deny',
      cputime: '3600:sigterm',
      readbps: '10M:throttle',
    },
  },
  {
    name: 'every-limit',
    config: {
      rlimits: 'on',
      ...Object.fromEntries(
        Object.entries(limitResources).map(([key, { deny, throttle }], index) => [
          key,
          `${index + 64}${throttle ? 'M:throttle' : deny ? ':deny' : ':sigterm'}`,
        ]),
      ),
    },
  },
  { name: 'limits-switched-off', config: { rlimits: 'off', maxproc: '50:deny' } },
  { name: 'cpus', config: { cpuset: '0,2-3' } },
  { name: 'limits-and-cpus', config: { rlimits: 'on', openfiles: '2000:log', cpuset: '1' } },
  {
    name: 'hooks',
    config: {
      exec_prestart: 'echo before && true',
      exec_created: 'echo created',
      exec_poststart: 'echo up',
      exec_prestop: 'echo stopping',
      exec_poststop: 'echo gone',
    },
  },
  {
    name: 'hooks-of-another-user',
    config: { exec_system_user: 'operator', exec_prestart: 'id', exec_poststop: 'id' },
  },
  {
    name: 'user-and-routing-table',
    config: {
      exec_jail_user: 'www',
      exec_fib: '1',
      exec_start: '/bin/true one two',
      exec_stop: '/bin/true bye',
      ip4_addr: 'em0|192.0.2.10/24',
    },
    machine: (machine) => void (machine.fibs = 2),
  },
  { name: 'vnet', config: { ...vnet, ip4_addr: 'vnet0|192.0.2.20/24', defaultrouter: '192.0.2.1' } },
  {
    name: 'vnet-two-interfaces',
    config: {
      vnet: 'on',
      interfaces: 'vnet0:bridge0,vnet1:none',
      ip4_addr: 'vnet0|192.0.2.20/24,vnet1|198.51.100.2/30',
      vnet0_mac: '02:ff:60:00:00:01,02:ff:60:00:00:02',
      vnet1_mac: '02:ff:60:00:00:03,02:ff:60:00:00:04',
      vnet1_mtu: '1400',
      defaultrouter: 'auto',
    },
  },
  { name: 'vnet-ipv6', config: { ...vnet, ip6_addr: 'vnet0|2001:db8::20/64', defaultrouter6: 'fe80::1' } },
  { name: 'vnet-dhcp', config: { ...vnet, ip4_addr: 'vnet0|DHCP' } },
  { name: 'vnet-slaac', config: { ...vnet, ip6_addr: 'vnet0|accept_rtadv' } },
  {
    name: 'vnet-slaac-daemon',
    config: {
      vnet: 'on',
      interfaces: 'vnet0:bridge0,vnet1:bridge0',
      ip6_addr: 'vnet0|accept_rtadv,vnet1|accept_rtadv',
      rtsold: '1',
      exec_fib: '1',
    },
    machine: (machine) => void (machine.fibs = 2),
  },
  {
    name: 'vnet-interface-handed-over',
    config: { vnet: 'on', interfaces: 'none', vnet_interfaces: 'em1', ip4_addr: 'em1|203.0.113.5/24' },
  },
  {
    name: 'vnet-jumbo',
    config: { ...vnet, ip4_addr: 'vnet0|192.0.2.20/24', vnet0_mtu: '9000', mac_prefix: '3ae9a5' },
    machine: (machine) => void (machine.nics.at(-1)!.mtu = 9000),
  },
  {
    name: 'nat-pf',
    config: { nat: '1', nat_backend: 'pf', nat_forwards: 'tcp(80:8080),udp(53),tcp(5000-5010)' },
    machine: pf,
  },
  { name: 'nat-ipfw', config: { nat: '1', nat_forwards: 'tcp/udp(53),tcp(5000-5010)' }, machine: ipfw },
  {
    name: 'nat-pf-vnet',
    config: { ...vnet, nat: '1', nat_backend: 'pf', nat_forwards: 'tcp(22:2222)' },
    machine: pf,
  },
  {
    name: 'nat-by-another-interface',
    config: { ...vnet, nat: '1', nat_backend: 'pf', nat_interface: 'em1', vnet_default_mtu: '1400' },
    machine: pf,
  },
  { name: 'nat-ipfw-vnet', config: { ...vnet, nat: '1', nat_prefix: '10.77' }, machine: ipfw },
  {
    name: 'datasets',
    config: { jail_zfs: 'on', jail_zfs_dataset: 'iocage/jails/web/data shared/archive' },
    handed: [
      { dataset: 'tank/iocage/jails/web/data', target: '/data/data' },
      { dataset: 'tank/shared/archive', target: '/data/archive' },
    ],
  },
  {
    name: 'names',
    config: { ...vnet, ip4_addr: 'vnet0|192.0.2.20/24', hosts: 'on', host_hostname: 'www.example.org' },
    since: 14,
  },
  { name: 'dhcp-of-the-first-interface', config: { ...vnet, dhcp: 'on' } },
  { name: 'packets-as-they-come', config: { bpf: 'yes', ip4_addr: 'em0|192.0.2.10/24' } },
  {
    name: 'services-of-a-user-of-the-host',
    config: { exec_jail_user: 'operator', exec_system_jail_user: '1' },
  },
  { name: 'another-release', config: { release: '13.4-RELEASE-p2' } },
  { name: 'resolver', config: { resolver: 'search example.org;nameserver 192.0.2.53' } },
  { name: 'resolver-kept', config: { resolver: '/dev/null', stop_timeout: '0' } },
  { name: 'name-with-dots', config: { host_hostname: 'www.example.org' }, uuid: 'www.example.org' },
];

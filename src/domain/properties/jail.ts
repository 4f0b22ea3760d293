/** Rows of the group `jail`: what the kernel and the start of a jail are told. Facts: jail(8). */
import { choice, choiceWith, integer, zeroOne } from '../codec/choice.ts';
import { userName } from '../codec/names.ts';
import { command, freeText } from '../codec/text.ts';
import type { Property } from '../property.ts';
import { applied, not, original, property, python } from './row.ts';

const noMounts = 'mounting needs CAP_SYS_ADMIN, with which root in a jail could undo its own confinement';

/** A switch `allow_*` that is off unless the administrator turns it on. */
function allow(
  key: string,
  doc: string,
  linux: Property['linux'],
  { freebsd = key.replace('_', '.'), source = 'jail(8)' } = {},
): Property {
  return property('jail', { key, codec: zeroOne, default: '0', freebsd, linux, doc, example: '1', source });
}

/** A permission to mount one kind of file system. */
function allowMount(system: string, source = 'jail(8)'): Property {
  const doc = `Let root in the jail mount ${system}; needs allow_mount and enforce_statfs below 2.`;
  return allow(`allow_mount_${system}`, doc, not(noMounts), { freebsd: `allow.mount.${system}`, source });
}

/** A command that the host runs around start and stop. */
function hook(key: string, moment: string, live: boolean): Property {
  return property('jail', {
    key,
    codec: command,
    default: '/usr/bin/true',
    freebsd: `${key.replace('_', '.')}, run by iocage`,
    linux: applied('run on the host by /bin/sh -c, as exec_system_user'),
    live,
    doc: `Command that the host runs ${moment}, by /bin/sh -c, within exec_timeout.`,
    example: '/usr/local/sbin/announce web',
    source: original,
  });
}

function sysv(key: string, what: string): Property {
  return property('jail', {
    key,
    codec: choiceWith({ none: 'disable' }, 'new', 'inherit', 'disable'),
    default: 'new',
    freebsd: key,
    linux: not('every jail has an IPC namespace of its own, as new says'),
    doc: `System V ${what} of the jail: its own, those of the host, or none.`,
    example: 'disable',
    source: 'jail(8)',
  });
}

export const jail: readonly Property[] = [
  property('jail', {
    key: 'securelevel',
    codec: choice('-1', '0', '1', '2', '3'),
    default: '2',
    freebsd: 'securelevel',
    linux: not('Linux has no secure levels; capabilities and the seccomp filter stand in for them'),
    doc: 'The kernel security level in the jail.',
    example: '3',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'devfs_ruleset',
    codec: integer(0, 65535),
    default: '4',
    freebsd: 'devfs_ruleset',
    linux: not('a jail gets its own /dev with a fixed list of harmless devices'),
    doc: "Number of the devfs rule set in force on the jail's /dev.",
    example: '5',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'min_dyn_devfs_ruleset',
    codec: integer(0, 65535),
    default: '1000',
    freebsd: 'first number tried for rule sets that iocage makes',
    linux: not('Linux has no devfs rule sets'),
    doc: 'First number for devfs rule sets that are made at start.',
    example: '2000',
    source: python,
  }),
  property('jail', {
    key: 'enforce_statfs',
    codec: choice('0', '1', '2'),
    default: '2',
    freebsd: 'enforce_statfs',
    linux: not('a mount namespace always hides the mounts of the host'),
    doc: "How much of the host's mount table the jail may see; 2 is its own root only.",
    example: '1',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'children_max',
    codec: integer(0, 999999),
    default: '0',
    freebsd: 'children.max',
    linux: not('jails in jails are not possible'),
    doc: 'Number of jails that the jail may create.',
    example: '5',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'login_flags',
    codec: freeText,
    default: '-f root',
    freebsd: 'arguments of login(1)',
    linux: applied('arguments of login(1); where the jail has none, a login shell of root opens'),
    live: true,
    doc: 'Arguments given to login by console, split at blanks.',
    example: '-f operator',
    source: original,
  }),
  property('jail', {
    key: 'allow_set_hostname',
    codec: zeroOne,
    default: '1',
    freebsd: 'allow.set_hostname',
    linux: not('changing the host name needs CAP_SYS_ADMIN, which no jail gets; set host_hostname instead'),
    doc: 'Let root in the jail change the host name.',
    example: '0',
    source: 'jail(8)',
  }),
  allow(
    'allow_sysvipc',
    'Let the jail use System V IPC; sysvmsg, sysvsem and sysvshm have taken its place.',
    not('always possible, in an IPC namespace of its own'),
  ),
  sysv('sysvmsg', 'message queues'),
  sysv('sysvsem', 'semaphores'),
  sysv('sysvshm', 'shared memory'),
  allow(
    'allow_raw_sockets',
    'Let the jail open raw sockets, as ping and traceroute do.',
    applied('gives CAP_NET_RAW'),
  ),
  allow(
    'allow_chflags',
    'Let root in the jail change the flags of files.',
    applied('gives CAP_LINUX_IMMUTABLE, for chattr(1)'),
  ),
  allow('allow_mlock', 'Let the jail lock memory.', applied('gives CAP_IPC_LOCK'), { source: python }),
  allow(
    'allow_mount',
    'Let root in the jail mount file systems that are marked as safe in a jail.',
    not(noMounts),
  ),
  allowMount('devfs'),
  allowMount('fdescfs', python),
  allowMount('fusefs', python),
  allowMount('linprocfs', python),
  allowMount('linsysfs', python),
  allowMount('nullfs'),
  allowMount('procfs'),
  allowMount('tmpfs'),
  allowMount('zfs'),
  allow(
    'allow_quotas',
    'Let root in the jail administer disk quotas.',
    not('quotas of ZFS are set on the host, with the property quota'),
  ),
  allow(
    'allow_socket_af',
    'Let the jail open sockets beyond IPv4, IPv6, local and routing ones.',
    applied('loosens the seccomp filter on socket families'),
  ),
  allow(
    'allow_tun',
    'Let the jail use tun(4) devices.',
    applied('the device /dev/net/tun and an interface tun0 to open with it, with vnet=on'),
    { freebsd: 'unhides tun* by devfs rules', source: python },
  ),
  allow('allow_vmm', 'Let the jail run virtual machines.', applied('the device /dev/kvm'), {
    source: python,
  }),
  allow('allow_nfsd', 'Let the jail serve NFS.', not('the NFS server of Linux belongs to the host'), {
    source: python,
  }),
  property('jail', {
    key: 'mount_devfs',
    codec: zeroOne,
    default: '1',
    freebsd: 'like mount.devfs, but mounted by iocage itself',
    linux: not('a jail always gets its own /dev'),
    doc: "Mount devfs on the jail's /dev.",
    example: '0',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'mount_fdescfs',
    codec: zeroOne,
    default: '1',
    freebsd: 'like mount.fdescfs, but mounted by iocage itself',
    linux: not('/dev/fd always leads to /proc/self/fd'),
    doc: "Mount fdescfs on the jail's /dev/fd.",
    example: '0',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'mount_procfs',
    codec: zeroOne,
    default: '0',
    freebsd: 'procfs(5) on /proc, mounted by iocage',
    linux: applied('/proc is always mounted, with what concerns the host masked'),
    doc: "Mount procfs on the jail's /proc.",
    example: '1',
    source: original,
  }),
  property('jail', {
    key: 'mount_linprocfs',
    codec: zeroOne,
    default: '0',
    freebsd: 'linprocfs(5) on /compat/linux/proc, mounted by iocage',
    linux: not("the jail's /proc is that of Linux already"),
    doc: "Mount linprocfs on the jail's /compat/linux/proc.",
    example: '1',
    source: python,
  }),
  hook('exec_prestart', 'before the jail is created', false),
  hook('exec_created', 'when the jail exists and nothing runs in it yet', false),
  hook('exec_poststart', 'after exec_start', false),
  hook('exec_prestop', 'before the jail is stopped', true),
  hook('exec_poststop', 'after the jail is gone', true),
  property('jail', {
    key: 'exec_start',
    codec: command,
    default: '/bin/sh /etc/rc',
    freebsd: 'exec.start, run by jexec(8)',
    linux: applied(
      'run in the jail after start; nothing happens where the default is set and /etc/rc is missing',
    ),
    doc: 'Command run in the jail once it exists, split at blanks, without a shell.',
    example: '/usr/sbin/nginx -c /etc/nginx.conf',
    source: original,
  }),
  property('jail', {
    key: 'exec_stop',
    codec: command,
    default: '/bin/sh /etc/rc.shutdown',
    freebsd: 'exec.stop, run by jexec(8)',
    linux: applied(
      'run in the jail before it ends, within stop_timeout; nothing happens where the default is set and /etc/rc.shutdown is missing',
    ),
    live: true,
    doc: 'Command run in the jail before it is removed, split at blanks, without a shell.',
    example: '/usr/sbin/nginx -s quit',
    source: original,
  }),
  property('jail', {
    key: 'exec_clean',
    codec: zeroOne,
    default: '1',
    freebsd: "like exec.clean; 0 passes the caller's environment to exec, exec_start and exec_stop",
    linux: applied("0 passes the caller's environment to exec, console, exec_start and exec_stop"),
    live: true,
    doc: 'Run commands in the jail with a clean environment.',
    example: '0',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'exec_timeout',
    codec: integer(0, 86400, 'seconds'),
    default: '60',
    freebsd: 'like exec.timeout, for every hook; 0 means no bound',
    linux: applied('bounds every hook; 0 means no bound'),
    live: true,
    doc: 'Longest time in seconds that a hook of the host may take.',
    example: '120',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'stop_timeout',
    codec: integer(0, 86400, 'seconds'),
    default: '30',
    freebsd: 'like stop.timeout, the time between SIGTERM and jail -R',
    linux: applied('time between SIGTERM and SIGKILL'),
    live: true,
    doc: 'Grace period in seconds between asking the processes of a jail to end and ending them.',
    example: '10',
    source: 'jail(8)',
  }),
  property('jail', {
    key: 'exec_jail_user',
    codec: userName,
    default: 'root',
    freebsd: 'runs exec_start and exec_stop, by jexec(8)',
    linux: applied('runs exec_start and exec_stop; no earlier line gave it an effect'),
    live: true,
    doc: 'User of the jail for exec_start and exec_stop.',
    example: 'www',
    source: original,
  }),
  property('jail', {
    key: 'exec_system_jail_user',
    codec: zeroOne,
    default: '0',
    freebsd: "looks exec_jail_user up in the host's passwd(5)",
    linux: applied("looks exec_jail_user up in the host's passwd(5)"),
    live: true,
    doc: "Look exec_jail_user up in the host's password file.",
    example: '1',
    source: original,
  }),
  property('jail', {
    key: 'exec_system_user',
    codec: userName,
    default: 'root',
    freebsd: 'runs the hooks, by chroot(8)',
    linux: applied('runs the hooks, by setpriv(1); no earlier line gave it an effect'),
    live: true,
    doc: 'User of the host for the hooks.',
    example: 'operator',
    source: original,
  }),
];

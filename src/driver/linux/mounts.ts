/**
 * The file systems of a jail besides its root: a small /dev with the harmless nodes, /proc and /sys
 * with what speaks of the host covered, /run. Pure. See config.md and config-linux.md of the OCI
 * runtime specification.
 */
export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Where the init lies in a jail: in the /dev of memory, so that nothing of it stays in the root. */
export const initPath = '/dev/.iocage-init';

const memory = (destination: string, ...options: string[]): OciMount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options: ['nosuid', ...options],
});

function bindReadOnly(source: string, destination: string): OciMount {
  return { destination, type: 'bind', source, options: ['bind', 'ro', 'nosuid', 'nodev'] };
}

/**
 * @param resolvConf the host file to show as /etc/resolv.conf, if any
 * @param hosts the same for /etc/hosts
 */
export function jailMounts(init: string, resolvConf?: string, hosts?: string): readonly OciMount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    memory('/dev', 'strictatime', 'mode=755', 'size=16m'),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    memory('/dev/shm', 'noexec', 'nodev', 'mode=1777', 'size=256m'),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    bindReadOnly(init, initPath),
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    memory('/run', 'nodev', 'mode=755', 'size=64m'),
    // The runtime finds the place below the root without following a link out of it.
    ...(resolvConf === undefined ? [] : [bindReadOnly(resolvConf, '/etc/resolv.conf')]),
    ...(hosts === undefined ? [] : [bindReadOnly(hosts, '/etc/hosts')]),
  ];
}

export const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/kmsg',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/bpf',
  '/sys/fs/fuse',
  '/sys/fs/selinux',
  '/sys/kernel/debug',
  '/sys/kernel/security',
  '/sys/kernel/tracing',
];

export const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

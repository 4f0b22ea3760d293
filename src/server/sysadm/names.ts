/**
 * The property names that the documents print for a jail (115) and for the defaults (109). Clients walk over
 * them, so an answer holds these and no others; a property of ours that is not among them is asked for by name.
 */

export const jailNames: readonly string[] = (
  'allow_chflags allow_mount allow_mount_devfs allow_mount_nullfs allow_mount_procfs allow_mount_tmpfs ' +
  'allow_mount_zfs allow_quotas allow_raw_sockets allow_set_hostname allow_socket_af allow_sysvipc ' +
  'available boot bpf branch children_max compression compressratio coredumpsize count cpuset cputime ' +
  'datasize dedup defaultrouter defaultrouter6 devfs_ruleset dhcp enforce_statfs exec_clean exec_fib ' +
  'exec_jail_user exec_poststart exec_poststop exec_prestart exec_prestop exec_start exec_stop ' +
  'exec_system_jail_user exec_system_user exec_timeout ftpdir ftpfiles ftphost ftplocaldir gitlocation ' +
  'hack88 host_domainname host_hostname host_hostuuid hostid interfaces ip4 ip4_addr ip4_autoend ' +
  'ip4_autostart ip4_autosubnet ip4_saddrsel ip6 ip6_addr ip6_saddrsel istemplate jail_zfs ' +
  'jail_zfs_dataset jail_zfs_mountpoint last_started login_flags maxproc memorylocked memoryuse ' +
  'mount_devfs mount_fdescfs mount_linprocfs mount_procfs mountpoint msgqqueued msgqsize nmsgq notes ' +
  'nsemop nshm nthr openfiles origin owner pcpu pkglist priority pseudoterminals quota release ' +
  'reservation resolver rlimits securelevel shmsize stacksize start stop_timeout swapuse sync_stat ' +
  'sync_target sync_tgt_zpool tag template type used vmemoryuse vnet vnet0_mac vnet1_mac vnet2_mac ' +
  'vnet3_mac wallclock'
).split(' ');

const ofJailsOnly = ['branch', 'ftpdir', 'ftplocaldir', 'start', 'sync_stat', 'template'];

export const defaultNames: readonly string[] = jailNames.filter((name) => !ofJailsOnly.includes(name));

/**
 * What root in a jail may do: the capabilities that services need, and none that reaches the host.
 * See capabilities(7). Pure.
 *
 * Never SYS_ADMIN (it can lift the read-only mounts), never SYS_MODULE, SYS_RAWIO, SYS_TIME, SYS_BOOT,
 * SYS_PTRACE, DAC_READ_SEARCH (open_by_handle_at leaves the root), and no MKNOD: a device node in a
 * jail's root could be opened by a user of the host. jail(8) forbids the same.
 */
import { isOn } from '../../domain/config.ts';

const always = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
] as const;

/** Which property loosens what. */
const loosened = [
  ['allow_raw_sockets', 'NET_RAW'],
  ['allow_chflags', 'LINUX_IMMUTABLE'],
  ['allow_mlock', 'IPC_LOCK'],
] as const;

export function capabilitiesOf(config: ReadonlyMap<string, string>): readonly string[] {
  const more = loosened.filter(([key]) => isOn(config, key)).map(([, capability]) => capability);
  return [...always, ...more].sort().map((name) => `CAP_${name}`);
}

/** The programs of the stand-in by name. */
import type { Tool } from '../call.ts';
import { devfs } from './devfs.ts';
import { ifconfig } from './ifconfig.ts';
import { jail } from './jail.ts';
import { jexec, lockf, setfib } from './jexec.ts';
import { jls } from './jls.ts';
import { mount, mountNullfs, umount } from './mount.ts';
import { pgrep, pkill, sockstat } from './pgrep.ts';
import { sysctl } from './sysctl.ts';

export const tools: Readonly<Record<string, Tool>> = {
  devfs,
  ifconfig,
  jail,
  jexec,
  jls,
  lockf,
  mount,
  mount_nullfs: mountNullfs,
  pgrep,
  pkill,
  setfib,
  sockstat,
  sysctl,
  umount,
};

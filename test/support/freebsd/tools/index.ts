/** The programs of the stand-in by name. */
import type { Tool } from '../call.ts';
import { chroot } from './chroot.ts';
import { devfs } from './devfs.ts';
import { capMkdb, chflags, mtree, pwdMkdb, sha256, xargs } from './files.ts';
import { ipfw, pfctl } from './firewall.ts';
import {
  dhclient,
  freebsdVersion,
  hostname,
  kenv,
  kldload,
  kldstat,
  kldunload,
  login,
  service,
  uname,
} from './host.ts';
import { ifconfig } from './ifconfig.ts';
import { jail } from './jail.ts';
import { jexec, lockf, setfib } from './jexec.ts';
import { jls } from './jls.ts';
import { mount, mountNullfs, umount } from './mount.ts';
import { pgrep, pkill, sockstat } from './pgrep.ts';
import { ps } from './ps.ts';
import { cpuset, rctl } from './rctl.ts';
import { netstat, route } from './route.ts';
import { hbsdUpdate } from './hardened.ts';
import { etcupdate, fetch, freebsdUpdate, pkg } from './software.ts';
import { rtsol, rtsold } from './rtsol.ts';
import { sysctl } from './sysctl.ts';
import { treeTools } from './trees.ts';
import { zfs } from './zfs.ts';

export const tools: Readonly<Record<string, Tool>> = {
  ...treeTools,
  cap_mkdb: capMkdb,
  pwd_mkdb: pwdMkdb,
  chflags,
  chroot,
  cpuset,
  devfs,
  dhclient,
  etcupdate,
  fetch,
  'freebsd-update': freebsdUpdate,
  'freebsd-version': freebsdVersion,
  'hbsd-update': hbsdUpdate,
  hostname,
  ifconfig,
  ipfw,
  jail,
  jexec,
  jls,
  kenv,
  kldload,
  kldstat,
  kldunload,
  lockf,
  login,
  mount,
  mount_nullfs: mountNullfs,
  mtree,
  pgrep,
  pkill,
  netstat,
  pfctl,
  pkg,
  'pkg-static': pkg,
  ps,
  rctl,
  route,
  rtsol,
  rtsold,
  service,
  setfib,
  sha256,
  sockstat,
  sysctl,
  umount,
  uname,
  xargs,
  zfs,
};

/** What works on files and nothing else. */
export const fileTools: ReadonlySet<string> = new Set(Object.keys(treeTools));

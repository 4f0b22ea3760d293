#!/bin/sh
# Takes away what demo.sh made: its jails, its pool (only with the marker property and on the demo's own
# image), the image, and the ZFS daemon if the demo started it and no other pool needs it. Installed
# packages stay. Can be repeated.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/scripts/demo-pool.sh"
need_root

if [ ! -d "$demo_dir" ]; then
  echo "nothing to remove"
  exit 0
fi

zfs_pid=$(recorded zfs_pid)
zfs_start=$(recorded zfs_start)

# After a boot the pool may not be imported and the daemon may be gone; a pool has to be destroyed through
# ZFS all the same, otherwise its cache would look for it for ever.
if [ -e "$image" ] && command -v zpool >/dev/null 2>&1; then
  if ! zfs_answers; then
    start_zfs
    zfs_start=$(process_start "$zfs_pid")
  fi
  pool_is_imported || zpool import -d "$demo_dir" "$pool" 2>/dev/null || true
fi

if pool_is_imported; then
  pool_is_ours || die "the pool '$pool' is not the demo's (marker property or image differ); nothing was removed"
  IOCAGE_POOL=$pool
  export IOCAGE_POOL
  # A pool that was deactivated has no running jails, and iocage does not look at it.
  if [ -x "$here/bin/iocage" ] && pool_is_active; then
    if needs_doctor; then "$here/bin/iocage" doctor </dev/null || true; fi
    "$here/bin/iocage" stop ALL </dev/null || echo "demo-clean: not every jail could be stopped" >&2
    "$here/bin/iocage" deactivate "$pool" </dev/null || true
  fi
  # zfs-fuse lets go of a mount a moment after it was used.
  tries=0
  until zpool destroy -f "$pool" 2>"$demo_dir/error"; do
    tries=$((tries + 1))
    [ $tries -lt 40 ] || die "zpool destroy $pool: $(cat "$demo_dir/error")
  A process that has a file open there, or stands in it, keeps it: grep -l $demo_dir/pool /proc/*/mountinfo
  names those with mounts of it. End it, then repeat 'make demo-clean'."
    sleep 0.25
  done
  echo "destroyed the pool $pool"
fi

remove_host_dirs
rm -f "$image" "$state" "$demo_dir/error"
rmdir "$demo_dir/pool" 2>/dev/null || true
rmdir "$demo_dir" 2>/dev/null || die "$demo_dir holds files that the demo did not make: $(ls -A "$demo_dir")"
stop_zfs "$zfs_pid" "$zfs_start"
echo "removed $demo_dir; installed packages stay"

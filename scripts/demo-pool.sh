# Sourced by demo.sh and demo-clean.sh: the demo's pool in a file, and the ZFS daemon when the kernel has
# no ZFS. Everything stands in one directory, and `state` there says what the demo started, so that the
# clean-up takes away that and nothing else. A pool is destroyed only when it carries the marker property
# and lies on the demo's own image.
# shellcheck shell=sh

pool=iocage-demo
demo_dir=/var/lib/iocage-demo
image=$demo_dir/pool.img
state=$demo_dir/state
marker=org.freebsd.iocage:disposable
# What iocage itself keeps on a host, besides the pool: the journal and caches; locks and running jails.
host_dirs='/var/lib/iocage /run/iocage'

die() {
  printf '\n%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root: pools and jails are the kernel's"; }

zfs_answers() { zpool list -H >/dev/null 2>&1; }

pool_is_imported() { [ -n "$(zpool list -H -o name 2>/dev/null | grep -Fx "$pool")" ]; }

# The kernel's words for when a process started: a pid alone could be somebody else's by now.
process_start() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

recorded() { sed -n "s/^$1=//p" "$state" 2>/dev/null | tail -n 1; }

# Sets zfs_pid when a daemon was started. Its cache is given in MB; with the default of 100 it can stall at
# a few hundred datasets. -x: extended attributes.
start_zfs() {
  zfs_pid=
  zfs_answers && return 0
  [ ! -e /dev/zfs ] || die "/dev/zfs is there but 'zpool list' fails; see 'zpool list'"
  [ -e /dev/fuse ] || die "neither /dev/zfs nor /dev/fuse is here, so ZFS cannot run"
  pid_file=/run/iocage-demo-zfs.pid
  rm -f "$pid_file"
  mkdir -p /run/lock/zfs /run/zfs
  (
    ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
    cd / && exec zfs-fuse -m 1024 -x -p "$pid_file" >/dev/null 2>&1 </dev/null
  ) || die "zfs-fuse does not start; 'zfs-fuse -n' tells why"
  tries=0
  until zfs_answers; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || die "zfs-fuse was started but does not answer"
    sleep 0.05
  done
  zfs_pid=$(cat "$pid_file" 2>/dev/null || true)
  rm -f "$pid_file"
}

# Stops the daemon $1 (started at $2) unless somebody else's pool is imported by now.
stop_zfs() {
  [ -n "$1" ] && [ "$(process_start "$1")" = "$2" ] || return 0
  others=$(zpool list -H -o name 2>/dev/null || true)
  if [ -n "$others" ]; then
    echo "the ZFS daemon (pid $1) stays: it serves $(echo $others)"
    return 0
  fi
  kill "$1"
  tries=0
  while [ "$(process_start "$1")" = "$2" ]; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || die "the ZFS daemon (pid $1) does not end"
    sleep 0.05
  done
  echo "stopped the ZFS daemon that the demo had started (pid $1)"
}

# True when the imported pool may be destroyed: marked, and on the demo's image.
pool_is_ours() {
  [ "$(zfs get -H -o value "$marker" "$pool" 2>/dev/null)" = yes ] &&
    [ -n "$(zpool status "$pool" 2>/dev/null | awk -v image="$image" '$1 == image')" ]
}

# True when iocage uses the pool.
pool_is_active() { [ "$(zfs get -H -o value org.freebsd.ioc:active "$pool" 2>/dev/null)" = yes ]; }

# The pool is a sparse file: it takes what is written to it, not its full size.
make_pool() {
  if ! pool_is_imported && [ -e "$image" ]; then zpool import -d "$demo_dir" "$pool" 2>/dev/null || true; fi
  if pool_is_imported; then
    pool_is_ours || die "a pool '$pool' is imported that is not the demo's; nothing was touched"
    return 0
  fi
  [ ! -e "$image" ] || die "$image is there but its pool cannot be imported; 'make demo-clean' removes it"
  free_kb=$(df -Pk "$demo_dir" | awk 'NR == 2 { print $4 }')
  [ "$free_kb" -gt 1500000 ] || die "$demo_dir has $((free_kb / 1024)) MB free; the demo needs about 1500"
  truncate -s 8G "$image"
  zpool create -m "$demo_dir/pool" "$pool" "$image" || die "zpool create failed"
  zfs set "$marker=yes" "$pool"
}

# The directories of iocage that were not there before the first tour.
record_host_dirs() {
  [ -z "$(recorded pool)" ] || return 0
  for dir in $host_dirs; do [ -e "$dir" ] || echo "made=$dir" >>"$state"; done
  echo "pool=$pool" >>"$state"
}

# Journals of interrupted operations: those of the demo's pool, and all.
open_journals=/var/lib/iocage/journal/open
demo_journals() { grep -l "$pool/" "$open_journals"/* 2>/dev/null || true; }
all_journals() { ls -A "$open_journals" 2>/dev/null || true; }

# True when something was interrupted here and nothing on another pool: `iocage doctor` mends all it finds.
needs_doctor() {
  [ -n "$(demo_journals)" ] && [ "$(demo_journals | wc -l)" = "$(all_journals | wc -l)" ]
}

# Removes those again, unless iocage is in use on another pool by now or left something to mend.
remove_host_dirs() {
  rm -rf "/run/iocage/$pool"
  for journal in $(demo_journals); do rm -f "$journal"; done
  if zfs get -H -o value org.freebsd.ioc:active $(zpool list -H -o name 2>/dev/null) 2>/dev/null | grep -qx yes; then
    return 0
  fi
  [ -z "$(all_journals)" ] || return 0
  sed -n 's/^made=//p' "$state" 2>/dev/null | while read -r dir; do
    case " $host_dirs " in *" $dir "*) rm -rf "$dir" ;; esac
  done
}

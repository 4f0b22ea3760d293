#!/bin/sh
# The tour: a pool in a file, a real release, two thin jails, isolation, snapshot, rollback. After the pool
# is made only `iocage` is called, and every step is printed as the command that a user would type. Can be
# repeated. Touches no other pool (IOCAGE_POOL), and needs no answer. `demo-clean.sh` takes it all away.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/scripts/demo-pool.sh"
need_root
[ -x "$here/bin/iocage" ] || die "bin/iocage is not built; run 'make demo'"

began=$(date +%s)
unset IOCAGE_ROOT 2>/dev/null || true

say() { printf '\n# %s\n' "$*"; }

# Prints the words as a shell would want them typed.
show() {
  line='$ iocage'
  for word in "$@"; do
    case $word in
    '' | *[!A-Za-z0-9_@%+=:,./-]*) line="$line '$(printf %s "$word" | sed "s/'/'\\\\''/g")'" ;;
    *) line="$line $word" ;;
    esac
  done
  printf '%s\n' "$line"
}

run() {
  show "$@"
  status=0
  "$here/bin/iocage" "$@" </dev/null || status=$?
  [ $status = 0 ] || die "'iocage $*' ended with exit status $status.
  What the demo made is still there to look at: IOCAGE_POOL=$pool bin/iocage list
  'make demo-clean' removes it."
}

# A step that has to fail: the point of it is that something is not possible.
refused() {
  show "$@"
  status=0
  "$here/bin/iocage" "$@" </dev/null || status=$?
  [ $status != 0 ] || die "'iocage $*' should have failed and did not"
  printf '(exit status %s, as it should be)\n' "$status"
}

quiet() { "$here/bin/iocage" "$@" </dev/null >/dev/null 2>&1; }

# The suite of this machine, as its mirror certainly has it.
suite=$(. /etc/os-release 2>/dev/null && printf %s "${VERSION_CODENAME:-}")
suite=${suite:-bookworm}

mkdir -p "$demo_dir"
chmod 700 "$demo_dir"
start_zfs
[ -z "$zfs_pid" ] || printf 'zfs_pid=%s\nzfs_start=%s\n' "$zfs_pid" "$(process_start "$zfs_pid")" >>"$state"
make_pool
record_host_dirs

say "A pool '$pool' in the file $image is ready. From here on it is iocage alone."
echo "\$ export IOCAGE_POOL=$pool"
export IOCAGE_POOL=$pool
run activate "$pool"

if needs_doctor; then
  say "An earlier tour was interrupted."
  run doctor
fi

# The jails, by name, that were cloned from jail $1: it cannot be destroyed while they are there.
clones_of() {
  from=$pool/iocage/jails/$("$here/bin/iocage" get host_hostuuid "$1" </dev/null)
  zfs list -H -r -t filesystem -o name,origin "$pool/iocage/jails" |
    awk -F '\t' -v from="$from" 'index($2, from "@") == 1 || index($2, from "/") == 1 { print $1 }' |
    sed "s|^$pool/iocage/jails/||; s|/.*||" | sort -u |
    while read -r uuid; do "$here/bin/iocage" get tag "$uuid" </dev/null; done
}

# What an earlier tour left goes first, so that the tour is whole each time. Nothing goes that was made
# from it since: both are looked at before one is touched.
for name in alpha beta; do
  quiet get tag "$name" || continue
  clones=$(clones_of "$name" | paste -sd ' ' -)
  [ -z "$clones" ] || die "the tour makes the jail '$name' anew, but cloned from it since are: $clones
  No jail was changed. Destroy them, then repeat 'make demo':
    IOCAGE_POOL=$pool $here/bin/iocage destroy -f $clones
  or let 'make demo-clean' remove all of the demo, these jails included."
done
for name in alpha beta; do
  if quiet get tag "$name"; then
    say "An earlier tour left the jail '$name'."
    quiet stop "$name" || true
    run destroy -f "$name"
  fi
done

say "A release: the base system that jails are cloned from."
if "$here/bin/iocage" list -r -H | awk -v name="$suite" '$1 == name { found = 1 } END { exit !found }'; then
  echo "(release $suite is fetched already)"
  run list -r
else
  run fetch "release=$suite" include=procps
fi

say "Two thin jails: ZFS clones, so they take no space until they differ."
run create -c tag=alpha host_hostname=alpha "release=$suite"
run create -c tag=beta host_hostname=beta "release=$suite"
run start alpha
run start beta
run list

say "Each has its own host name and sees only its own processes."
run exec alpha hostname
run exec beta hostname
run exec alpha ps ax
run exec beta ps ax

say "What one jail writes, the other cannot see."
run exec alpha sh -c 'echo "written in alpha" >/root/note'
run exec alpha cat /root/note
refused exec beta cat /root/note

say "Space, and every property."
run df
run get all alpha

say "A snapshot, an accident, and the way back."
run snapshot alpha@before
run snaplist alpha
run exec alpha rm /bin/ls
refused exec alpha ls /root
run stop alpha
run rollback -f alpha@before
run start alpha
run exec alpha ls /root

say "Away with one of them."
run stop beta
run destroy -f beta
run list

took=$(($(date +%s) - began))
cat <<END

The demo went through in $took seconds. The jail 'alpha' is still running. Try next:

  export IOCAGE_POOL=$pool PATH="$here/bin:\$PATH"
  iocage console alpha                         a login in the jail
  iocage create -c tag=gamma release=$suite
  iocage set notes='my first jail' gamma
  iocage stop --dry-run alpha                  every command that would run
  iocage help

'make demo-clean' removes the jails, the pool, its file and the daemon, if the demo started one.
END

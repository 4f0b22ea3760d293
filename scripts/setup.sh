#!/bin/sh
# Installs what is missing on a Debian machine, and nothing else.
#
#   setup.sh build    Node.js and npm
#   setup.sh jails    what runs jails: ZFS, the OCI runtime, a tiny init, release and network tools
#   setup.sh tests    the same plus what the host tests need; where it cannot (not root), says so and
#                     goes on, because the tests that need it are skipped by name
#
# A tool counts as present when its command is found, wherever it came from. Prints nothing when all is
# there. It must not start daemons, replace a tool that is there, or ask questions.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
want=${1:-jails}
node_floor=20.19

say() { printf '%s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

missing=
need() { have "$1" || missing="$missing $2"; }

# True when $1 is a version of at least $2, both MAJOR.MINOR[...].
at_least() {
  a=${1%%.*} b=${1#*.} c=${2%%.*} d=${2#*.}
  b=${b%%[!0-9]*} d=${d%%[!0-9]*}
  [ "$a" -gt "$c" ] || { [ "$a" -eq "$c" ] && [ "${b:-0}" -ge "${d:-0}" ]; }
}

node_is_new_enough() {
  have node || return 1
  at_least "$(node -p process.versions.node 2>/dev/null || echo 0.0)" "$node_floor"
}

case $want in
build)
  node_is_new_enough || missing="$missing nodejs"
  need npm npm
  ;;
jails | tests)
  # The kernel's ZFS where it is loaded, otherwise the one in user space.
  if [ -e /dev/zfs ]; then need zpool zfsutils-linux; else need zpool zfs-fuse; fi
  if [ ! -e /dev/zfs ]; then need zfs-fuse zfs-fuse; fi
  need crun crun
  need unzip unzip
  need catatonit catatonit
  have mmdebstrap || need debootstrap mmdebstrap
  need ip iproute2
  need nft nftables
  need zstd zstd
  need xz xz-utils
  need tar tar
  need flock util-linux
  need unshare util-linux
  need openssl openssl
  [ -s /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
  if [ "$want" = tests ]; then need busybox busybox-static; need curl curl; need bsdtar libarchive-tools; need bmake bmake; need setfattr attr; need git git; need ssh openssh-client; need sshd openssh-server; fi
  ;;
*) die "what is '$want'? One of: build, jails, tests" ;;
esac

[ -n "$missing" ] || exit 0
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }

if [ "$(id -u)" != 0 ]; then
  [ "$want" = tests ] && { say "not root, so not installed: $missing (host tests are skipped)"; exit 0; }
  die "missing: $missing
  as root: apt-get install --no-install-recommends $missing"
fi
have apt-get || die "this is no Debian machine; install by hand: $missing"

# The version that apt would install, empty when it knows none.
candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '^(none)$' || true; }

updated=
update() {
  [ -z "$updated" ] || return 1
  updated=yes
  say "apt-get update"
  apt-get -qq update || say "setup: apt-get update failed; trying with the lists that are there"
}

for package in $missing; do
  [ -n "$(candidate "$package")" ] || { update || break; }
done

case " $missing " in
*' nodejs '*)
  offered=$(candidate nodejs)
  offered=${offered#*:}
  at_least "${offered:-0.0}" "$node_floor" || die "Node.js >= $node_floor is needed; this Debian release offers ${offered:-none}.
  Debian 13 (trixie) has it. On Debian 12 (bookworm) install Node.js 20.19 or newer from nodejs.org
  (unpack the Linux archive into /usr/local), then repeat this command."
  ;;
esac

say "apt-get install --no-install-recommends $missing"
install() {
  # shellcheck disable=SC2086  # the list is meant to be split
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
    install --no-install-recommends $missing >"$log" 2>&1 </dev/null
}
log=$(mktemp)
quiet=
trap 'rm -f "$log" $quiet' EXIT
case " $missing " in
*' openssh-server '*)
  # The tests start an sshd of their own on loopback; the machine shall not get one by that.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    quiet=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >$quiet
    chmod 755 $quiet
  fi
  ;;
esac
if ! install; then
  # Old lists name files that the mirror no longer has.
  { update && install; } || { tail -n 20 "$log" >&2; die "apt-get could not install: $missing"; }
fi
case " $missing " in
*' openssh-server '*)
  systemctl disable --quiet ssh.service >/dev/null 2>&1 || rm -f /etc/systemd/system/multi-user.target.wants/ssh.service
  say "openssh-server is installed for the tests; its own service is not started and not enabled"
  ;;
esac
exit 0

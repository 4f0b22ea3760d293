#!/bin/sh
# Installs or removes iocage below DESTDIR/PREFIX; `make install` and `make uninstall` call it.
#
#   PREFIX/bin/iocage            the launcher, made for the node of this machine
#   PREFIX/lib/iocage/           the program, its start-up snapshot, licence and documentation
#   PREFIX/share/man/man8/       the manual page
#
# What stands at these places and is not iocage's is left alone. No data, pool or jail is touched.
set -eu
: "${PREFIX:=/usr/local}" "${DESTDIR:=}"
here=$(cd "$(dirname "$0")/.." && pwd)
die() {
  printf 'install: %s\n' "$*" >&2
  exit 1
}
case $PREFIX in /*) ;; *) die "PREFIX must be an absolute path, not '$PREFIX'" ;; esac
lib=$PREFIX/lib/iocage
bin=$PREFIX/bin/iocage
man=$PREFIX/share/man/man8/iocage.8

check_ours() {
  if [ -e "$DESTDIR$lib" ] && ! grep -q '"name": "iocage"' "$DESTDIR$lib/package.json" 2>/dev/null; then
    die "$DESTDIR$lib is there and is not iocage's; nothing was changed"
  fi
  if [ -e "$DESTDIR$bin" ] && ! grep -q 'Made by scripts/launcher.mjs' "$DESTDIR$bin" 2>/dev/null; then
    die "$DESTDIR$bin is there and was not installed by this; nothing was changed"
  fi
}

remove() {
  check_ours
  rm -rf "${DESTDIR:?}$lib"
  rm -f "$DESTDIR$bin" "$DESTDIR$man"
}

case ${1:-install} in
uninstall)
  DESTDIR=${DESTDIR:-/}
  remove
  echo "removed $bin, $lib and $man"
  ;;
install)
  [ -f "$here/build/iocage.cjs" ] || die "nothing is built; run 'make build' first"
  DESTDIR=${DESTDIR:-/}
  remove
  mkdir -p "$DESTDIR$lib" "$DESTDIR$PREFIX/bin"
  cp "$here"/build/iocage.cjs* "$here/package.json" "$here/LICENSE" "$here/README.md" "$here/CHANGELOG.md" "$DESTDIR$lib/"
  cp -R "$here/docs" "$DESTDIR$lib/"
  if [ -f "$here/share/man/man8/iocage.8" ]; then
    mkdir -p "$DESTDIR${man%/*}"
    cp "$here/share/man/man8/iocage.8" "$DESTDIR$man"
  fi
  node "$here/scripts/launcher.mjs" --root "$DESTDIR" --bundle "$lib/iocage.cjs" --blob "$lib/iocage.blob" --launcher "$bin"
  chmod -R u=rwX,go=rX "$DESTDIR$lib"
  echo "installed $bin"
  ;;
*) die "usage: install.sh install|uninstall" ;;
esac

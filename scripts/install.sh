#!/bin/sh
# Installs or removes iocage below DESTDIR/PREFIX: PREFIX/lib/iocage holds the program, PREFIX/bin/iocage
# is a link to its launcher. `make install` calls it. Removal takes away these two and nothing else.
set -eu
: "${PREFIX:=/usr/local}" "${DESTDIR:=}"
here=$(cd "$(dirname "$0")/.." && pwd)
case $PREFIX in /*) ;; *) echo "install: PREFIX must be an absolute path, not '$PREFIX'" >&2; exit 2 ;; esac
lib=$DESTDIR$PREFIX/lib/iocage
bin=$DESTDIR$PREFIX/bin

ours() { [ -f "$lib/package.json" ] && grep -q '"name": "iocage"' "$lib/package.json"; }

remove() {
  if [ -e "$lib" ]; then
    ours || { echo "install: $lib is there and is not iocage's; nothing removed" >&2; exit 1; }
    rm -rf "$lib"
  fi
  if [ -L "$bin/iocage" ] && [ "$(readlink "$bin/iocage")" = ../lib/iocage/bin/iocage ]; then rm -f "$bin/iocage"; fi
}

case ${1:-install} in
uninstall) remove ;;
install)
  [ -x "$here/bin/iocage" ] && [ -d "$here/dist" ] || { echo "install: nothing is built; run 'make build' first" >&2; exit 1; }
  if [ -e "$bin/iocage" ] && ! [ -L "$bin/iocage" ]; then
    echo "install: $bin/iocage is there and is not iocage's link; remove it first" >&2
    exit 1
  fi
  remove
  mkdir -p "$lib" "$bin"
  for part in bin dist share docs package.json LICENSE README.md CHANGELOG.md; do
    [ ! -e "$here/$part" ] || cp -R "$here/$part" "$lib/"
  done
  rm -f "$lib/dist/.built"
  ln -sfn ../lib/iocage/bin/iocage "$bin/iocage"
  echo "installed $bin/iocage"
  ;;
*) echo "usage: install.sh install|uninstall" >&2; exit 2 ;;
esac

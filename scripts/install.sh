#!/bin/sh
# Installs or removes iocage below DESTDIR/PREFIX; `make install` and `make uninstall` call it.
#
#   PREFIX/bin/iocage            the launcher, made for the node of this machine
#   PREFIX/bin/ioc               a link to it: the command line of libiocage
#   PREFIX/lib/iocage/           the program, its start-up snapshot, licence and documentation
#   PREFIX/share/man/man8/       the manual pages
#   PREFIX/lib/systemd/system/   the unit, on Linux;  PREFIX/etc/rc.d/ the script, on FreeBSD
#                                with the timer of scheduled snapshots, there PREFIX/etc/cron.d/,
#                                and the API server
#                                (SYSTEM=Linux or SYSTEM=FreeBSD packs for the other one)
#   PREFIX/share/bash-completion/, zsh/, fish/  the completion, where each shell looks for it
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
ioc=$PREFIX/bin/ioc
ioc_man=$PREFIX/share/man/man8/ioc.8
unit=$PREFIX/lib/systemd/system/iocage.service
rcd=$PREFIX/etc/rc.d/iocage
ioc_rcd=$PREFIX/etc/rc.d/ioc
snapshots=$PREFIX/lib/systemd/system/iocage-snapshots
cron=$PREFIX/etc/cron.d/iocage
serve_unit=$PREFIX/lib/systemd/system/iocage-serve.service
serve_rcd=$PREFIX/etc/rc.d/iocage_serve
bash_words=$PREFIX/share/bash-completion/completions/iocage
zsh_words=$PREFIX/share/zsh/site-functions/_iocage
fish_words=$PREFIX/share/fish/vendor_completions.d/iocage.fish
ioc_bash_words=$PREFIX/share/bash-completion/completions/ioc
ioc_zsh_words=$PREFIX/share/zsh/site-functions/_ioc
ioc_fish_words=$PREFIX/share/fish/vendor_completions.d/ioc.fish

check_ours() {
  if [ -e "$DESTDIR$lib" ] && ! grep -q '"name": "iocage"' "$DESTDIR$lib/package.json" 2>/dev/null; then
    die "$DESTDIR$lib is there and is not iocage's; nothing was changed"
  fi
  if [ -e "$DESTDIR$bin" ] && ! grep -q 'Made by scripts/launcher.mjs' "$DESTDIR$bin" 2>/dev/null; then
    die "$DESTDIR$bin is there and was not installed by this; nothing was changed"
  fi
}

# The link that an installation made, and no file of another program.
check_link() {
  [ -e "$DESTDIR$1" ] || [ -L "$DESTDIR$1" ] || return 0
  [ "$(readlink "$DESTDIR$1")" = iocage ] ||
    die "$DESTDIR$1 is there and was not installed by this; nothing was changed"
}

check_manual() {
  if [ -e "$DESTDIR$1" ] && ! grep -q 'Made from the table of commands' "$DESTDIR$1" 2>/dev/null; then
    die "$DESTDIR$1 is there and was not installed by this; nothing was changed"
  fi
}

# An empty file is what an installation without room, or one that was ended, leaves.
check_service() {
  if [ -s "$DESTDIR$1" ] && ! grep -q "Installed by 'make install'" "$DESTDIR$1" 2>/dev/null; then
    die "$DESTDIR$1 is there and was not installed by this; nothing was changed"
  fi
}

check_words() {
  if [ -s "$DESTDIR$1" ] && ! grep -q '^# Completion of ioc\(age\)\{0,1\} ' "$DESTDIR$1" 2>/dev/null; then
    die "$DESTDIR$1 is there and was not installed by this; nothing was changed"
  fi
}

remove() {
  check_ours
  for service in "$unit" "$rcd" "$snapshots.service" "$snapshots.timer" "$cron" "$serve_unit" "$serve_rcd" \
    "$ioc_rcd"; do
    check_service "$service"
  done
  check_link "$ioc"
  check_manual "$ioc_man"
  for words in "$bash_words" "$zsh_words" "$fish_words" "$ioc_bash_words" "$ioc_zsh_words" "$ioc_fish_words"; do
    check_words "$words"
  done
  rm -rf "${DESTDIR:?}$lib"
  rm -f "$DESTDIR$bin" "$DESTDIR$ioc" "$DESTDIR$man" "$DESTDIR$ioc_man" "$DESTDIR$unit" "$DESTDIR$rcd" "$DESTDIR$ioc_rcd"
  rm -f "$DESTDIR$ioc_bash_words" "$DESTDIR$ioc_zsh_words" "$DESTDIR$ioc_fish_words"
  rm -f "$DESTDIR$snapshots.service" "$DESTDIR$snapshots.timer" "$DESTDIR$cron"
  rm -f "$DESTDIR$serve_unit" "$DESTDIR$serve_rcd" "$DESTDIR$bash_words" "$DESTDIR$zsh_words" "$DESTDIR$fish_words"
}

# install_service FILE TO MODE
install_service() {
  mkdir -p "$DESTDIR${2%/*}"
  prefix=$(printf '%s\n' "$PREFIX" | sed 's/[\\&|]/\\&/g')
  sed "s|@PREFIX@|$prefix|" "$1" >"$DESTDIR$2"
  chmod "$3" "$DESTDIR$2"
}

# install_words PROGRAM SHELL TO
install_words() {
  mkdir -p "$DESTDIR${3%/*}"
  node "$here/build/$1.cjs" completion "$2" >"$DESTDIR$3"
  chmod 644 "$DESTDIR$3"
}

case ${1:-install} in
uninstall)
  DESTDIR=${DESTDIR:-/}
  there=no
  [ ! -e "$DESTDIR$bin" ] && [ ! -e "$DESTDIR$lib" ] || there=yes
  remove
  if [ $there = yes ]; then
    echo "removed $bin, $ioc, $lib, $man, the service files and the completion; jails and pools stay"
  else
    echo "nothing was installed in $PREFIX"
  fi
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
    cp "$here/share/man/man8/ioc.8" "$DESTDIR$ioc_man"
  fi
  case ${SYSTEM:-$(uname -s)} in
  Linux)
    install_service "$here/share/systemd/iocage.service" "$unit" 644
    install_service "$here/share/systemd/iocage-serve.service" "$serve_unit" 644
    for kind in service timer; do
      install_service "$here/share/systemd/iocage-snapshots.$kind" "$snapshots.$kind" 644
    done
    ;;
  FreeBSD)
    install_service "$here/share/rc.d/iocage" "$rcd" 755
    install_service "$here/share/rc.d/ioc" "$ioc_rcd" 755
    install_service "$here/share/rc.d/iocage_serve" "$serve_rcd" 755
    install_service "$here/share/cron.d/iocage" "$cron" 644
    ;;
  esac
  install_words iocage bash "$bash_words"
  install_words iocage zsh "$zsh_words"
  install_words iocage fish "$fish_words"
  install_words ioc bash "$ioc_bash_words"
  install_words ioc zsh "$ioc_zsh_words"
  install_words ioc fish "$ioc_fish_words"
  node "$here/scripts/launcher.mjs" --root "$DESTDIR" --bundle "$lib/iocage.cjs" --blob "$lib/iocage.blob" --launcher "$bin"
  chmod -R u=rwX,go=rX "$DESTDIR$lib"
  echo "installed $bin and $ioc, with their manual pages (man iocage, man ioc), service files and completion"
  ;;
*) die "usage: install.sh install|uninstall" ;;
esac

# Every target does its own set-up, changes nothing that is already right, and can be repeated.
#
#   make setup        what building and running jails needs, from Debian packages   (root)
#   make build        bin/iocage, runnable from this checkout
#   make demo         a pool in a file, a real release, two jails: the whole tour   (root)
#   make demo-clean   removes what the demo made, and nothing else                  (root)
#   make test         every test; the host tests need root and FUSE or ZFS
#   make check        types, lint, format
#   make bench        how fast, next to the bare commands                           (root)
#   make install      into PREFIX=/usr/local; DESTDIR= for packagers
#   make uninstall    takes away what install put there; jails and pools stay
#   make clean        removes what was built

SHELL = /bin/sh
PREFIX ?= /usr/local
DESTDIR ?=
NODE_MODULES = node_modules/.package-lock.json
BUILT = build/.built
SOURCES != find src scripts/build.mjs scripts/launcher.mjs package.json package-lock.json tsconfig.json tsconfig.build.json -type f 2>/dev/null

.PHONY: all help setup setup-build setup-test build demo demo-clean test check bench install uninstall clean

all: build

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

setup: setup-build
	@sh scripts/setup.sh jails
	@$(MAKE) -s $(NODE_MODULES)

setup-build:
	@sh scripts/setup.sh build

setup-test: setup-build
	@sh scripts/setup.sh tests
	@$(MAKE) -s $(NODE_MODULES)

# npm ci takes the exact versions of package-lock.json and refuses any other.
$(NODE_MODULES): package-lock.json
	@echo "installing npm packages (npm ci)"
	@npm ci --include=dev --no-audit --no-fund --loglevel=error
	@touch $(NODE_MODULES)

build: setup-build
	@[ -x bin/iocage ] || rm -f $(BUILT)
	@$(MAKE) -s $(BUILT)

$(BUILT): $(NODE_MODULES) $(SOURCES)
	@echo "building"
	@npm run --silent build
	@mkdir -p build && touch $(BUILT)

demo: setup build
	@sh scripts/demo.sh

demo-clean:
	@sh scripts/demo-clean.sh

test: setup-test build
	@node scripts/test.mjs

check: setup-build $(NODE_MODULES)
	@npm run --silent check

bench: setup build
	@npm run --silent bench

install: build
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' sh scripts/install.sh install

uninstall:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' sh scripts/install.sh uninstall

clean:
	rm -rf dist build coverage bin/iocage share/man
